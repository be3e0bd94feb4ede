"""The daemon shows no secret: not in logs, Events, status, metrics, pages, records or names."""

from __future__ import annotations

import contextlib
import json
import os
import urllib.error
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from e2e.canaries import Canaries, failures, objects, readable
from e2e.daemon import Daemon
from e2e.servers.githttp import GitHttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.faults.driver import OneShots
    from e2e.servers.controlplane import ControlPlane
    from e2e.servers.gitrepo import TestRepository


class Stage:
    """A daemon with Secrets of all kinds around it, and everything that it said."""

    def __init__(self, daemon: Daemon, canary: Canaries, folder: Path) -> None:
        self.daemon, self.canary, self.folder = daemon, canary, folder
        self.said: dict[str, str] = {}
        self.hooks = folder / "hooks"
        self.hooks.mkdir()
        (self.hooks / "generic").write_text(canary("hook", plain=True))

    def keep(self, name: str, **data: str) -> None:
        """Make a Secret that an Application may name."""
        body = {"metadata": {"name": name}, "stringData": data}
        self.daemon.plane.create(f"/api/v1/namespaces/{self.daemon.namespace}/secrets", body)

    def follow(self, name: str, *, secret: str, path: str = "apps", url: str = "") -> None:
        """Make an Application."""
        url = url or self.daemon.git.url("config.git")
        source = {"url": url, "ref": {"branch": "main"}, "path": path}
        self.daemon.applications.create(
            name, source={**source, "secretRef": {"name": secret}}, interval="10s", wait=False
        )

    def ask(self, path: str, body: Any = None, **headers: str) -> None:
        """Ask the daemon over HTTP; keep the answer, whatever it is."""
        data = json.dumps(body).encode() if body is not None else None
        url = f"http://{self.daemon.address()}{path}"
        asked = urllib.request.Request(url, data, headers)
        answer: Any
        try:
            answer = urllib.request.urlopen(asked, timeout=10)  # noqa: S310 - of this test
        except urllib.error.HTTPError as error:
            answer = error
        with contextlib.closing(answer):
            self.said[f"{answer.status} {path} {len(self.said)}"] = (
                f"{answer.headers}\n{answer.read().decode()}"
            )

    def look_around(self) -> None:
        """Take along what is left in the cluster, in the log and on the disk."""
        plane, space = self.daemon.plane, self.daemon.namespace
        self.said["log"] = self.daemon.log.read_text()
        for kind in ("configmaps", "events"):
            for found in plane.get(f"/api/v1/namespaces/{space}/{kind}")["items"]:
                self.said[f"{kind} {found['metadata']['name']}"] = readable(found)
        for found in plane.get(self.daemon.applications.path())["items"]:
            self.said[f"status {found['metadata']['name']}"] = json.dumps(found["status"])
        cache = self.folder / "cache"
        self.said["names in the cache"] = "\n".join(str(p) for p in cache.rglob("*"))


@pytest.fixture
def stage(  # noqa: PLR0917 - pytest passes them by name
    control_plane: ControlPlane, application_definition: None, namespace: str,  # noqa: ARG001
    repository: TestRepository, tmp_path: Path,
) -> Iterator[Stage]:  # fmt: skip
    """A daemon that is not started, and a Git server behind a password."""
    canary = Canaries()
    users = {"ada": canary("Git password", plain=True)}
    with GitHttpServer(repository.path.parent, users=users) as git:
        daemon = Daemon(control_plane, namespace, git=git, repository=repository, folder=tmp_path)
        yield Stage(daemon, canary, tmp_path)
        daemon.close()


def follow_all(stage: Stage) -> list[str]:
    """Commit everything that is secret or fails, with an Application for each; their names."""
    daemon, canary = stage.daemon, stage.canary
    stage.keep("auth", username="ada", password=canary("Git password", plain=True))
    stage.keep("wrong", username="ada", password=canary("a wrong password", plain=True))
    stage.keep("token", token=canary("a token with a line feed"))
    stage.keep("key", sshPrivateKey=canary("a key that is none"), known_hosts=canary("no hosts"))
    stage.keep("ca", **{"ca.crt": canary("a certificate that is none", plain=True)})
    daemon.commit({**objects(canary, "at first")})
    bad = failures(canary)
    for number, text in enumerate(bad.values()):
        daemon.commit({"bad.yaml": text}, below=f"bad-{number}")
        stage.follow(f"bad-{number}", secret="auth", path=f"bad-{number}")  # noqa: S106 - a name
    stage.follow("shop", secret="auth")  # noqa: S106 - a name
    url = daemon.git.url("config.git")
    urls = {"wrong": url, "token": url, "key": url.replace("http:", "ssh:"), "ca": url, "none": url}
    for name, address in urls.items():
        stage.follow(f"no-{name}", secret=name, url=address)
    return [f"bad-{n}" for n in range(len(bad))] + [f"no-{name}" for name in urls]


@pytest.mark.timeout(300)
def test_the_daemon_shows_no_value(stage: Stage, warm: OneShots) -> None:
    daemon, canary = stage.daemon, stage.canary
    failing = follow_all(stage)
    daemon.start("-v", f"--hook-secret-dir={stage.hooks}")
    daemon.until_ready("shop")
    for name in failing:
        daemon.until(f"{name} fails", partial(is_told, daemon, name))
    # Somebody changes one by hand, and Git changes and drops some.
    by_hand = {"stringData": {"k": canary("by hand"), "added": canary("added by hand")}}
    daemon.merge("secrets", "in-text", by_hand)
    daemon.until("it is put back", lambda: "by hand" not in str(daemon.status()) and is_back(stage))
    commit = daemon.commit({**objects(canary, "later"), "data.yaml": None})
    right, wrong = canary("hook", plain=True), canary("a forged hook secret", plain=True)
    push = {"url": daemon.git.url("config.git")}
    stage.ask("/hooks/generic", push, Authorization=f"Bearer {right}")
    stage.ask("/hooks/generic", push, Authorization=f"Bearer {wrong}")
    secret_url = f"http://ada:{canary('a password in a push', plain=True)}@git.example/a.git"
    stage.ask("/hooks/generic", {"url": secret_url}, Authorization=f"Bearer {right}")
    stage.ask("/hooks/github", push, Authorization=f"Bearer {wrong}")
    daemon.until_ready("shop", at=commit)
    for path in ("/", "/healthz", "/readyz", "/metrics",
                 f"/?token={canary('a token in a query', plain=True)}"):  # fmt: skip
        stage.ask(path)
    assert daemon.stop() == 0
    stage.look_around()

    assert canary.found_in(stage.said) == []
    assert "plumb_syncs_total" in "".join(stage.said.values()), "the metrics are there"
    assert len([name for name in stage.said if name.startswith("events")]) > len(failing)
    assert stage.said["log"].count("\n") > len(failing)

    once = run_once(stage, warm)
    assert canary.found_in(once) == []


def run_once(stage: Stage, warm: OneShots) -> dict[str, str]:
    """Let `plumb run --once` meet the same; what it said."""
    daemon, said = stage.daemon, dict[str, str]()
    kubeconfig = {"KUBECONFIG": str(daemon.plane.kubeconfig.resolve())}
    arguments = [
        "run", "--once", f"--watch-namespace={daemon.namespace}",
        f"--record-namespace={daemon.namespace}", f"--cache-dir={stage.folder / 'cache'}",
    ]  # fmt: skip
    for form in (["-v"], ["-o", "json"], ["--dry-run"]):
        ended = warm.command([*arguments, *form], {**os.environ, **kubeconfig})
        assert ended.code == 1, ended.errors
        said |= {f"once {form} out": ended.output, f"once {form} err": ended.errors}
    return said


def is_told(daemon: Daemon, name: str) -> bool:
    ready = daemon.condition("Ready", name)
    return bool(ready) and ready["status"] == "False" and ready["reason"] != "Progressing"


def is_back(stage: Stage) -> bool:
    return "by hand" not in json.dumps(stage.daemon.get("secrets", "in-text")["data"])
