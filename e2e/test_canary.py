"""No value of a Secret, token or password is seen anywhere, whatever is run and however it fails.

A new command is one line in COMMANDS; a new way to fail one line in FAILURES.
"""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from e2e.canaries import Canaries, failures, objects, readable, secret
from e2e.servers.githttp import GitHttpServer
from engine.cli import plumb as commands

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e.faults.driver import OneShots
    from e2e.team import Team

# Run one after another, so what comes later meets what the earlier ones left. APP stands for the
# flags of the application, GIT for those of the repository.
COMMANDS: tuple[str, ...] = (
    "render APP",
    "render APP -o json",
    "validate APP",
    "diff APP --exit-code",
    "diff APP -o json -v",
    "diff APP -o markdown",
    "diff APP -o html",
    "diff APP -o junit",
    "diff APP -o sarif",
    "diff APP --base main~1 --head main",
    "sync APP --dry-run",
    "sync APP -v",
    "sync APP -o json",
    "status APP",
    "status -o json",
    "history GIT",
    "history GIT -o json",
    "promote GIT --set apps/deploy.yaml:spec.replicas=0 --dry-run",
    "rollback GIT --dry-run",
    "reconcile shop",
    "suspend shop",
    "resume shop",
    "explain PLB520",
    "version",
    "install --print",
    "install --dry-run -o json",
    "delete APP --dry-run",
)
# Its story is test_canary_daemon.py's.
ELSEWHERE = frozenset({"run"})


class Stage:
    """A repository behind a password, Secrets full of canaries, and everything that was said."""

    def __init__(self, team: Team, warm: OneShots, folder: Path, canary: Canaries) -> None:
        self.team, self.warm, self.folder, self.canary = team, warm, folder, canary
        self.said: dict[str, str] = {}
        self.word = folder / "password"
        self.word.write_text(canary("Git password", plain=True))
        self.url = ""

    def run(self, line: str, *, kubeconfig: Path | None = None, name: str = "") -> int:
        """Run a command line; keep what it said."""
        source = [f"--url={self.url}", "--ref=main", "--path=apps", "--git-username=ada",
                  f"--git-password-file={self.word}"]  # fmt: skip
        words: list[str] = []
        for part in line.split():
            words += {"APP": ["--name=shop", *source], "GIT": source}.get(part, [part])
        if not {"-n", "version", "install"} & set(words):
            words.append(f"--namespace={self.team.namespace}")
        if words[0] in ("explain", "version"):
            words = words[:2] if words[0] == "explain" else words[:1]
        environ = {
            **os.environ, "KUBECONFIG": str(kubeconfig or self.team.kubeconfig),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "PLUMB_FORGE_TOKEN": self.canary("forge token", plain=True),
        }  # fmt: skip
        done = self.warm.command(words, environ)
        self.said[f"{name or line} (stdout)"] = done.output
        self.said[f"{name or line} (stderr)"] = done.errors
        return done.code

    def look_around(self) -> None:
        """Take along records, events, and the names in the cache."""
        plane, space = self.team.plane, self.team.namespace
        maps = plane.get("/api/v1/namespaces/plumb-system/configmaps")["items"]
        for found in maps:
            self.said[f"record {found['metadata']['name']}"] = readable(found)
        self.said["events"] = json.dumps(plane.get(f"/api/v1/namespaces/{space}/events"))
        cache = self.folder / "cache"
        self.said["names in the cache"] = "\n".join(str(p) for p in cache.rglob("*"))
        for entry in plane.get(self.team.path("secrets"))["items"]:
            marks = {k: entry["metadata"].get(k) for k in ("name", "labels", "annotations")}
            marks["annotations"] = {
                k: v for k, v in (marks["annotations"] or {}).items() if k.startswith("plumb.dev/")
            }
            self.said[f"marks on {entry['metadata']['name']}"] = json.dumps(marks)


@pytest.fixture
def stage(team: Team, warm: OneShots, tmp_path: Path) -> Any:
    """The stage, with the Git server running."""
    made = Stage(team, warm, tmp_path, Canaries())
    users = {"ada": made.canary("Git password", plain=True)}
    with GitHttpServer(team.repository.path.parent, users=users) as server:
        made.url = server.url("config.git")
        yield made


@pytest.mark.timeout(500)
def test_no_command_shows_a_value(stage: Stage) -> None:
    team, canary = stage.team, stage.canary
    team.commit(objects(canary, "at first"))
    for line in COMMANDS:
        stage.run(line, name=f"first {line}")
    # Somebody changes one by hand, and Git changes all: each side has values of its own.
    by_hand = {"stringData": {"k": canary("by hand"), "added": canary("added by hand")}}
    team.merge("secrets", "in-text", by_hand)
    team.commit(objects(canary, "later"))
    for line in COMMANDS:
        stage.run(line, name=f"later {line}")
    team.commit(dict.fromkeys(["data.yaml", "text.yaml"]))
    stage.run("sync APP -v")
    stage.run("delete APP --deletion-policy=delete")
    stage.look_around()

    assert stage.canary.found_in(stage.said) == []
    synced = stage.said["first sync APP -o json (stdout)"]
    assert '"Synced"' in synced, "the commands did what they are for"


@pytest.mark.timeout(500)
def test_no_failure_shows_a_value(stage: Stage) -> None:
    team, canary = stage.team, stage.canary
    team.commit(objects(canary, "at first"))
    assert stage.run("sync APP") == 0
    for name, text in failures(canary).items():
        team.commit({"bad.yaml": text})
        for line in ("sync APP -v", "validate APP", "diff APP -o json"):
            code = stage.run(line, name=f"{name}: {line}")
            if line.startswith("sync"):
                assert code != 0, f"{name} was meant to fail"
    team.commit({"bad.yaml": None})
    # An immutable field, which the server refuses; and a policy that quotes what it sees.
    fixed = secret("in-data", immutable=True, stringData={"k": canary("immutable at first")})
    team.commit({"data.yaml": fixed})
    stage.run("sync APP --replace", name="made immutable")
    changed = secret("in-data", immutable=True, stringData={"k": canary("immutable later")})
    team.commit({"data.yaml": changed})
    assert stage.run("sync APP", name="immutable") != 0
    stage.look_around()

    assert stage.canary.found_in(stage.said) == []


@pytest.mark.timeout(500)
def test_no_failure_of_access_shows_a_credential(stage: Stage) -> None:
    team, canary = stage.team, stage.canary
    team.commit(objects(canary, "at first"))
    # A token that the API server refuses, one that cannot be a header, a kubeconfig that is none.
    config = json.loads(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {
            "server": team.plane.url, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "u", "user": {"token": canary("API token", plain=True)}}],
    }))  # fmt: skip
    kubeconfig = stage.folder / "kubeconfig"
    for name, user in {
        "a refused token": {"token": canary("API token", plain=True)},
        "a token that is no header": {"token": canary("a token with a line feed")},
        "a password": {"username": "u", "password": canary("API password", plain=True)},
        "a key that is none": {
            "client-key-data": canary("client key", plain=True),
            "client-certificate-data": canary("client certificate", plain=True)},
        "a plugin": {"exec": {"apiVersion": "client.authentication.k8s.io/v1",
                              "command": "/bin/false", "interactiveMode": "Never",
                              "env": [{"name": "T", "value": canary("plugin token")}]}},
    }.items():  # fmt: skip
        config["users"][0]["user"] = user
        kubeconfig.write_text(json.dumps(config))
        assert stage.run("sync APP -v", kubeconfig=kubeconfig, name=name) != 0
    kubeconfig.write_text("users: [{token: " + canary("a broken kubeconfig", plain=True) + "}, {]")
    assert stage.run("sync APP -v", kubeconfig=kubeconfig, name="a broken kubeconfig") != 0

    stage.word.write_text(canary("a wrong Git password", plain=True))
    assert stage.run("sync APP -v", name="a wrong password") == 4
    url, password = stage.url, canary("a password in a URL", plain=True)
    for name, bad in {
        "in a URL": url.replace("://", f"://ada:{password}@"),
        "in a URL, encoded": url.replace("://", f"://ada:%22{password}@"),
        "in a query": f"{url}?token={canary('a token in a query', plain=True)}",
    }.items():
        stage.url = bad
        assert stage.run("sync APP -v", name=name) != 0
        document = {
            "apiVersion": "plumb.dev/v1alpha1", "kind": "Application", "metadata": {"name": "shop"},
            "spec": {"source": {"url": bad, "path": "apps"}},
        }  # fmt: skip
        file = stage.folder / "app.yaml"
        file.write_text(json.dumps(document))
        assert stage.run(f"sync -f {file} -v", name=f"{name}, in a file") != 0
        stage.run(f"diff -f {file} -o json", name=f"{name}, in a file, as JSON")
    stage.look_around()

    assert stage.canary.found_in(stage.said) == []


def test_every_command_is_run() -> None:
    """Whoever adds a command adds a line to COMMANDS."""
    context: Any = None
    run = {line.split()[0] for line in COMMANDS}
    assert set(commands.list_commands(context)) - run == ELSEWHERE


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda v: v, id="raw"),
        pytest.param(lambda v: base64.b64encode(f"ab{v}c".encode()).decode(), id="base64"),
        pytest.param(json.dumps, id="JSON"),
        pytest.param(lambda v: v[:30], id="cut off"),
        pytest.param(lambda v: v.encode().hex(), id="hex"),
    ],
)
def test_a_canary_is_found_in_every_form(write: Callable[[str], str]) -> None:
    canary = Canaries()
    value = canary("somewhere")

    assert canary.found_in({"out": f"x {write(value)} y"})
    assert canary.found_in({"out": "nothing"}) == []
