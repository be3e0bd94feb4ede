"""Git and the rest of the machine: processes share a cache, and nothing outside it is touched."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.gitfixtures import NAME, Origin, origin
from e2e.servers.githttp import GitHttpServer
from e2e.servers.gitrepo import TestRepository
from engine.git import Limits
from engine.model import GitRef

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Origin]:
    root = tmp_path / "git"
    with TestRepository(root / NAME) as made, GitHttpServer(root) as server:
        made.commit({f"apps/{n}.yaml": f"n: {n}\n" * 50 for n in range(30)})
        yield Origin(made, server.url(NAME), tmp_path / "cache")


READER = """
import sys
from pathlib import Path
from engine.git import Limits, Repository
from engine.model import GitRef
url, cache, rounds = sys.argv[1:]
for number in range(int(rounds)):
    with Repository(url, cache_dir=Path(cache), limits=Limits(timeout_s=25, packs=2)) as repository:
        tree = repository.tree(repository.fetch(GitRef()))
        assert all(tree.read(f"apps/{n}.yaml") for n in range(30))
print("read everything")
"""


def test_processes_share_a_cache_without_harm(source: Origin) -> None:
    """Three readers poll through one cache while commits come in; generations change under them."""
    root = Path(__file__).parent.parent
    command = [sys.executable, "-c", READER, source.url, str(source.cache_dir), "6"]
    readers = [
        subprocess.Popen(
            command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    done = threading.Event()

    def push() -> None:
        number = 0
        while not done.wait(0.1):
            number += 1
            source.repository.commit({"apps/1.yaml": f"changed: {number}\n"})

    pusher = threading.Thread(target=push)
    pusher.start()
    try:
        results = [reader.communicate(timeout=60) for reader in readers]
    finally:
        done.set()
        pusher.join()
    assert [out.strip() or error for out, error in results] == ["read everything"] * 3


def test_threads_with_a_handle_each_share_a_cache(source: Origin) -> None:
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(5):
                with source.open(limits=Limits(timeout_s=20, packs=2)) as repository:
                    tree = repository.tree(repository.fetch(GitRef()))
                    assert all(tree.read(f"apps/{n}.yaml") for n in range(30))
        except BaseException as error:  # noqa: BLE001 - to be seen by the test's own thread
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    while any(reader.is_alive() for reader in readers):
        source.repository.commit({"apps/1.yaml": os.urandom(8).hex()})
        for reader in readers:
            reader.join(0.05)
    assert failures == []


def test_no_process_is_started_and_nothing_outside_the_cache_is_written(tmp_path: Path) -> None:
    """Run in an interpreter of its own: an audit hook can't be taken off again."""
    script = """
import os, sys
from pathlib import Path
from e2e.gitfixtures import WAYS, origin
from engine.model import GitRef
root = Path(sys.argv[1])
writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
seen, armed = [], False
def watch(event, args):
    if not armed:
        return
    if event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn",
                 "os.fork", "pty.spawn", "ctypes.dlopen"):
        seen.append((event, args[0]))
    target = None
    if event == "open" and isinstance(args[0], (str, bytes)) and (args[2] or 0) & writing:
        target = args[0]
    if event in ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "os.rmdir"):
        target = args[0]
    if target is not None and not os.path.realpath(os.fsdecode(target)).startswith(cache):
        seen.append((event, target))
for way in WAYS:
    with origin(root / way, way) as source:
        source.repository.commit({"b": "1"})
        cache = os.path.realpath(source.cache_dir)
        source.cache_dir.mkdir()
        if not seen and way == WAYS[0]:
            sys.addaudithook(watch)
        import encodings.idna, engine.git.http, engine.git.ssh
        armed = True
        with source.open() as repository:
            tree = repository.tree(repository.fetch(GitRef()))
            tree.read("apps/shop/web.yaml")
        armed = False
print(seen)
"""
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, str(tmp_path)],
        cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_a_local_path_needs_neither_the_network_nor_paramiko(tmp_path: Path) -> None:
    """Loading them takes a third of a second, which a local repository must not pay."""
    script = """
import sys
from pathlib import Path
from engine.git import Repository
from engine.model import GitRef
with Repository(sys.argv[1], cache_dir=Path(sys.argv[2])) as repository:
    repository.fetch(GitRef())
print([name for name in ("paramiko", "urllib3", "dulwich.client") if name in sys.modules])
"""
    with origin(tmp_path, "path") as source:
        done = subprocess.run(
            [sys.executable, "-c", script, source.url, str(tmp_path / "cache")],
            cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert done.stdout.strip() == "[]"
