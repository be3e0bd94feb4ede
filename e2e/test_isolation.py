"""No pass opens a file outside its cache, starts a process, or connects anywhere else.

Told by the interpreter itself: an audit hook hears of every open, connect and process, whoever in
the libraries asks for it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from e2e.servers.githttp import GitHttpServer
from e2e.servers.gitrepo import SYMLINK_MODE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e.daemon import Daemon
    from e2e.faults.driver import OneShots
    from e2e.team import Team

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {0}}}\ndata: {{k: v}}\n"


class Watched:
    """Runs plumb under the hook of audit.py."""

    def __init__(self, warm: OneShots, kubeconfig: Path, folder: Path, *servers: str) -> None:
        self._warm, self._folder = warm, folder
        self._kubeconfig = kubeconfig.resolve()
        # The only addresses there are for a pass.
        self.servers = {urlsplit(url).netloc for url in servers}
        self.temporary = (folder / "tmp").resolve()
        self.temporary.mkdir()

    def run(self, *arguments: str, started: Callable[[int], None] = lambda _: None) -> Any:
        """Run a command; what the hook heard."""
        cache = self._folder / "cache"
        allowed = {
            # Python reads a client certificate from files only: it is there for that moment.
            "cache": [str(cache.resolve()), str(self.temporary)],
            # The kubeconfig and the certificates that it names are in one folder.
            "read": [str(self._kubeconfig.parent), str(self._folder / "mounted")],
        }
        environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PLUMB_")},
            "KUBECONFIG": str(self._kubeconfig), "XDG_CACHE_HOME": str(cache),
            "HOME": str(self._folder / "home"), "TMPDIR": str(self.temporary),
            "AUDIT_ALLOWED": json.dumps(allowed),
        }  # fmt: skip
        done = self._warm.command(arguments, environ, entry="e2e.audit", started=started)
        heard: dict[str, Any] = json.loads(done.errors.splitlines()[-1])
        assert list(self.temporary.iterdir()) == [], "nothing stays there"
        assert set(heard["connected"]) <= self.servers
        assert heard["asked"] == [], "both are known by their addresses"
        return {**heard, "stdout": done.output, "stderr": done.errors}


@pytest.mark.parametrize("way", ["http", "path"])
def test_no_pass_opens_a_file_starts_a_process_or_connects_elsewhere(
    team: Team, warm: OneShots, tmp_path: Path, way: str
) -> None:
    team.commit({"a.yaml": CONFIG.format("a"), "b.yaml": CONFIG.format("b")})
    with GitHttpServer(team.repository.path.parent) as server:
        url = server.url("config.git")
        watched = Watched(warm, team.kubeconfig, tmp_path, team.plane.url, url)
        where = url if way == "http" else str(team.repository.path)
        app = {
            "apiVersion": "plumb.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": team.namespace},
            "spec": {"source": {"url": where, "ref": {"branch": "main"}, "path": "apps"}},
        }  # fmt: skip
        (tmp_path / "mounted").mkdir()
        (tmp_path / "mounted" / "app.yaml").write_text(json.dumps(app))
        file = f"--file={tmp_path / 'mounted' / 'app.yaml'}"
        repository = str(team.repository.path.resolve())
        for arguments in (
            ("diff", file), ("sync", file), ("sync", file), ("status", file), ("delete", file),
        ):  # fmt: skip
            heard = watched.run(*arguments)
            outside = [e for e in heard["seen"] if not _is_git(e, repository, way)]
            assert heard["code"] == 0, heard["stderr"]
            assert outside == []
            assert heard["connected"]
            assert heard["bound"] == []
            if way == "path":
                assert server.requests == []
    assert team.names("configmaps") == ["a", "b"]


def _is_git(event: list[str], repository: str, way: str) -> bool:
    """Whether it is the local repository that was named, which is read and never written."""
    return (
        way == "path"
        and event[0] in ("open", "os.listdir", "os.scandir")
        and (event[1].startswith(repository))
    )


def test_a_hostile_tree_opens_nothing_else(team: Team, warm: OneShots, tmp_path: Path) -> None:
    """Links out of the tree, and names that lead elsewhere, are refused without a look there."""
    repository = team.repository
    target = tmp_path / "outside.yaml"
    target.write_text(CONFIG.format("outside"))
    from dulwich.objects import Blob, Tree

    blob, root, apps = Blob.from_string(str(target).encode()), Tree(), Tree()
    apps.add(b"link.yaml", SYMLINK_MODE, blob.id)
    root.add(b"apps", 0o040000, apps.id)
    for made in (blob, apps, root):
        repository.repo.object_store.add_object(made)
    commit = repository.commit_tree(root)
    with GitHttpServer(repository.path.parent) as server:
        repository.repo.refs[b"refs/heads/main"] = commit.encode()  # type: ignore[index, assignment]
        url = server.url("config.git")
        watched = Watched(warm, team.kubeconfig, tmp_path, team.plane.url, url)
        heard = watched.run(
            "sync", "--name=shop", f"--url={url}", "--ref=main", "--path=apps",
            f"--namespace={team.namespace}",
        )  # fmt: skip
    assert heard["code"] == 1
    assert heard["seen"] == []
    assert team.names("configmaps") == []


def test_the_daemon_opens_nothing_else_and_listens_where_it_was_told(
    daemon: Daemon, warm: OneShots, tmp_path: Path
) -> None:
    """A life with two commits, drift, a scrape and a webhook."""
    hooks, space = tmp_path / "mounted" / "hooks", daemon.namespace
    hooks.mkdir(parents=True)
    (hooks / "generic").write_text("the secret of the hook")
    commit = daemon.commit({"a.yaml": CONFIG.format("a"), "b.yaml": CONFIG.format("b")})
    url = daemon.git.url("config.git")
    watched = Watched(warm, daemon.plane.kubeconfig, tmp_path, daemon.plane.url, url)
    address = f"127.0.0.1:{free_port()}"
    heard: list[Any] = []
    pids: list[int] = []

    def live() -> None:
        heard.append(watched.run(
            "run", f"--watch-namespace={space}", f"--record-namespace={space}",
            f"--listen={address}", f"--hook-secret-dir={hooks}", "--log-format=json",
            f"--file={tmp_path / 'mounted'}", started=pids.append,
        ))  # fmt: skip

    daemon.apply()
    life = threading.Thread(target=live)
    life.start()
    try:
        daemon.until_ready(at=commit)
        daemon.merge("configmaps", "a", {"data": {"k": "by hand"}})
        daemon.until("the drift is gone", lambda: daemon.get("configmaps", "a")["data"]["k"] == "v")
        commit = daemon.commit({"b.yaml": None, "c.yaml": CONFIG.format("c")})
        ask(f"http://{address}/hooks/generic", {"url": url})
        daemon.until_ready(at=commit)
        assert "plumb_syncs_total" in ask(f"http://{address}/metrics")
    finally:
        os.kill(pids[0], signal.SIGTERM)
        life.join(20)
    assert heard[0]["code"] == 0, heard[0]["stderr"]
    assert heard[0]["seen"] == []
    assert heard[0]["bound"] == [address]
    assert set(heard[0]["connected"]) == watched.servers
    assert daemon.get("configmaps", "b") is None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def ask(url: str, body: Any = None) -> str:
    headers = {"Authorization": "Bearer the secret of the hook"} if body else {}
    data = json.dumps(body).encode() if body else None
    asked = urllib.request.Request(url, data, headers)  # noqa: S310 - of this test
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - of this test
        return str(answer.read().decode())
