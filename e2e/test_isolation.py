"""No pass opens a file outside its cache, starts a process, or connects anywhere else.

Told by the interpreter itself: an audit hook hears of every open, connect and process, whoever in
the libraries asks for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from e2e.servers.githttp import GitHttpServer
from e2e.servers.gitrepo import SYMLINK_MODE

if TYPE_CHECKING:
    from e2e.team import Team

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {0}}}\ndata: {{k: v}}\n"

# An audit hook can't be taken off again, so each command has an interpreter of its own. Reading the
# modules of the interpreter, and what a user names, is allowed.
SCRIPT = """
import json, os, sys
allowed = json.loads(sys.argv[1])
own = tuple({os.path.realpath(p) for p in (*sys.path, sys.prefix, sys.base_prefix) if p})
writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
seen, connected = [], set()
PROCESSES = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork",
             "os.forkpty", "pty.spawn", "os.startfile", "ctypes.dlopen")
PATHS = ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "os.rmdir", "os.chmod",
         "os.truncate", "os.listdir", "os.scandir", "shutil.rmtree", "sqlite3.connect")

# Where the descriptor of the folder is that a path is relative to.
FOLDERS = {"os.remove": 1, "os.rmdir": 1, "os.mkdir": 2}

def is_in(path, places):
    return any(path == place or path.startswith(place + os.sep) for place in places)

def watch(event, args):
    if event in PROCESSES:
        seen.append([event, repr(args[0])])
    elif event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
        connected.add(f"{args[1][0]}:{args[1][1]}")
    elif event == "socket.connect":
        seen.append([event, repr(args[1])])
    elif (event == "open" or event in PATHS) and isinstance(args[0], (str, bytes)):
        path = os.fsdecode(args[0])
        folder = args[FOLDERS[event]] if event in FOLDERS else -1
        if isinstance(folder, int) and folder >= 0:
            path = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
        path = os.path.realpath(path)
        is_write = event != "open" or bool((args[2] or 0) & writing)
        is_read = not is_write or event in ("os.listdir", "os.scandir")
        if is_in(path, allowed["cache"]) or path == "/dev/null":
            return
        if is_read and (is_in(path, own) or is_in(path, allowed["read"])):
            return
        seen.append([event, path])

sys.argv = ["plumb", *sys.argv[2:]]
from engine.cli import main
sys.addaudithook(watch)
try:
    main()
except SystemExit as done:
    code = done.code
print(json.dumps({"code": code, "seen": seen, "connected": sorted(connected)}), file=sys.stderr)
"""


class Watched:
    """Runs plumb under the hook."""

    def __init__(self, team: Team, folder: Path, url: str) -> None:
        self.team, self.folder, self.url = team, folder, url
        self.cache = folder / "cache"
        self.temporary = (folder / "tmp").resolve()
        self.temporary.mkdir()

    def run(self, *arguments: str) -> dict[str, Any]:
        """Run a command; what the hook heard."""
        kubeconfig = self.team.kubeconfig.resolve()
        allowed = {
            # Python reads a client certificate from files only: it is there for that moment.
            "cache": [str(self.cache.resolve()), str(self.temporary)],
            # The kubeconfig and the certificates that it names are in one folder.
            "read": [str(kubeconfig.parent), str(self.folder / "app.yaml")],
        }
        environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PLUMB_")},
            "KUBECONFIG": str(kubeconfig), "XDG_CACHE_HOME": str(self.cache),
            "HOME": str(self.folder / "home"), "TMPDIR": str(self.temporary),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-B", "-c", SCRIPT, json.dumps(allowed), *arguments],
            env=environ, cwd=Path(__file__).parent.parent, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        heard: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
        assert list(self.temporary.iterdir()) == [], "nothing stays there"
        return {**heard, "stdout": done.stdout, "stderr": done.stderr}

    @property
    def servers(self) -> set[str]:
        """The only two addresses there are for a pass."""
        return {urlsplit(url).netloc for url in (self.team.plane.url, self.url)}


@pytest.mark.parametrize("way", ["http", "path"])
def test_no_pass_opens_a_file_starts_a_process_or_connects_elsewhere(
    team: Team, tmp_path: Path, way: str
) -> None:
    team.commit({"a.yaml": CONFIG.format("a"), "b.yaml": CONFIG.format("b")})
    with GitHttpServer(team.repository.path.parent) as server:
        url = server.url("config.git")
        watched = Watched(team, tmp_path, url)
        where = url if way == "http" else str(team.repository.path)
        app = {
            "apiVersion": "plumb.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": team.namespace},
            "spec": {"source": {"url": where, "ref": {"branch": "main"}, "path": "apps"}},
        }  # fmt: skip
        (tmp_path / "app.yaml").write_text(json.dumps(app))
        file = f"--file={tmp_path / 'app.yaml'}"
        repository = str(team.repository.path.resolve())
        for arguments in (
            ("diff", file), ("sync", file), ("sync", file), ("status", file), ("delete", file),
        ):  # fmt: skip
            heard = watched.run(*arguments)
            outside = [e for e in heard["seen"] if not _is_git(e, repository, way)]
            assert heard["code"] == 0, heard["stderr"]
            assert outside == []
            assert set(heard["connected"]) <= watched.servers
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


def test_a_hostile_tree_opens_nothing_else(team: Team, tmp_path: Path) -> None:
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
        watched = Watched(team, tmp_path, server.url("config.git"))
        heard = watched.run(
            "sync", "--name=shop", f"--url={watched.url}", "--ref=main", "--path=apps",
            f"--namespace={team.namespace}",
        )  # fmt: skip
    assert heard["code"] == 1
    assert heard["seen"] == []
    assert set(heard["connected"]) <= watched.servers
    assert team.names("configmaps") == []
