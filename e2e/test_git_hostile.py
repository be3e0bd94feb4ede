"""Git servers that are slow, broken or hostile: a clear error in time, and nothing lost."""

from __future__ import annotations

import gc
import hashlib
import resource
import socket
import sys
import threading
import time
import zlib
from typing import TYPE_CHECKING

import pytest

from e2e.gitfixtures import NAME, Origin, origin
from e2e.servers.githttp import Fault, GitHttpServer
from e2e.servers.gitrepo import TestRepository
from e2e.servers.gitssh import GitSshServer, new_key
from engine.errors import ExitCode, GitError
from engine.git import Limits, Repository
from engine.model import Credentials, GitRef

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.servers.githttp import Step

TIMEOUT_S = 1.0
GRACE_S = 3.0  # the promise is 5
EVERY_STEP: list[Step] = ["advertisement", "refs", "pack"]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[TestRepository]:
    with TestRepository(tmp_path / "git" / NAME) as repository:
        repository.commit({"README.md": "# Config\n", "apps/web.yaml": "kind: ConfigMap\n" * 50})
        yield repository


@pytest.fixture
def server(made: TestRepository) -> Iterator[GitHttpServer]:
    with GitHttpServer(made.path.parent) as running:
        yield running


@pytest.fixture
def source(made: TestRepository, server: GitHttpServer, tmp_path: Path) -> Origin:
    return Origin(made, server.url(NAME), tmp_path / "cache")


def failure(source: Origin, limits: Limits | None = None) -> GitError:
    """Fetch, and return the error that this must end in."""
    with source.open(limits=limits) as repository, pytest.raises(GitError) as caught:
        repository.fetch(GitRef())
    return caught.value


def in_time(source: Origin) -> GitError:
    """Fetch with a short deadline; it must be kept, and no thread may be left."""
    before = {thread.ident for thread in threading.enumerate()}
    started = time.monotonic()
    error = failure(source, Limits(timeout_s=TIMEOUT_S))
    assert time.monotonic() - started < TIMEOUT_S + GRACE_S
    ours = ("deadline", "paramiko")
    left = [t for t in threading.enumerate() if t.ident not in before and t.name.startswith(ours)]
    assert left == []
    return error


@pytest.mark.parametrize("kind", ["hang", "drip", "headers"])
@pytest.mark.parametrize("step", EVERY_STEP)
def test_a_slow_server_is_given_up_in_time(
    source: Origin, server: GitHttpServer, kind: str, step: Step
) -> None:
    fault = Fault(kind, on=frozenset({step}))  # type: ignore[arg-type]
    with server.failing(fault):
        error = in_time(source)
    assert error.code == "PLB210"
    assert error.exit_code is ExitCode.GIT_UNREACHABLE
    assert "no complete answer within 1 s" in str(error)


@pytest.mark.parametrize("step", EVERY_STEP)
def test_an_answer_without_end_is_given_up_in_time(
    source: Origin, server: GitHttpServer, step: Step
) -> None:
    with server.failing(Fault("endless", on=frozenset({step}))):
        assert in_time(source).code in {"PLB210", "PLB214"}


def test_an_endless_answer_meets_the_cap_on_bytes(source: Origin, server: GitHttpServer) -> None:
    with server.failing(Fault("endless", on=frozenset({"refs"}))):
        error = failure(source, Limits(timeout_s=20, refs_bytes=2000))
    assert error.code in {"PLB214", "PLB216"}


def test_a_slow_tls_server_is_given_up_in_time(made: TestRepository, tmp_path: Path) -> None:
    with GitHttpServer(made.path.parent, tls=True) as server:
        credentials = Credentials(ca=server.ca)
        source = Origin(made, server.url(NAME), tmp_path / "cache", credentials)
        for kind in ("hang", "drip", "headers"):
            with server.failing(Fault(kind)):
                assert in_time(source).code == "PLB210"


@pytest.mark.parametrize("scheme", ["http", "https", "ssh"])
def test_a_server_that_never_says_a_word_is_given_up_in_time(
    tmp_path: Path, made: TestRepository, scheme: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/a.git"
        source = Origin(made, url, tmp_path / "cache", Credentials(ssh_key=new_key()))
        assert in_time(source).code == "PLB210"


@pytest.mark.parametrize("version", [0, 2])
@pytest.mark.parametrize("trouble", ["silent", "drip"])
def test_a_slow_ssh_server_is_given_up_in_time(
    made: TestRepository, tmp_path: Path, version: int, trouble: str
) -> None:
    key = new_key()
    with GitSshServer(made.path.parent, key=key, version=version) as server:  # type: ignore[arg-type]
        server.trouble = trouble  # type: ignore[assignment]
        credentials = Credentials(ssh_key=key, known_hosts=server.known_hosts)
        source = Origin(made, server.url(NAME), tmp_path / "cache", credentials)
        assert in_time(source).code == "PLB210"


def test_a_stop_ends_a_fetch_at_once(source: Origin, server: GitHttpServer) -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    started = time.monotonic()
    with (
        server.failing(Fault("hang")),
        source.open(limits=Limits(timeout_s=20), stop=stop) as repository,
        pytest.raises(GitError) as caught,
    ):
        repository.fetch(GitRef())
    assert caught.value.code == "PLB229"
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("kind", ["truncate", "corrupt"])
def test_a_broken_pack_is_refused_and_the_last_revision_stays(
    source: Origin, server: GitHttpServer, kind: str
) -> None:
    with source.open() as repository:
        first = repository.fetch(GitRef())
        tree = repository.tree(first)
        source.repository.commit({"README.md": "new\n" * 500, "more": "x" * 3000})
        with (
            server.failing(Fault(kind, on=frozenset({"pack"}))),  # type: ignore[arg-type]
            pytest.raises(GitError) as caught,
        ):
            repository.fetch(GitRef())
        assert caught.value.code == "PLB215"
        assert server.steps().count("pack") == 3  # the first, the broken one, one more try
        assert tree.read("README.md") == b"# Config\n"
        assert server.steps() == []
        later = repository.fetch(GitRef())
        assert repository.tree(later).read("README.md") == b"new\n" * 500
    assert list(source.cache_dir.rglob("incoming-*")) == []


@pytest.mark.parametrize("version", [0, 2])
def test_an_ssh_answer_that_is_cut_off_is_refused(
    made: TestRepository, tmp_path: Path, version: int
) -> None:
    key = new_key()
    with GitSshServer(made.path.parent, key=key, version=version) as server:  # type: ignore[arg-type]
        server.trouble = "cut"
        credentials = Credentials(ssh_key=key, known_hosts=server.known_hosts)
        source = Origin(made, server.url(NAME), tmp_path / "cache", credentials)
        if version == 2:
            assert failure(source).code == "PLB215"


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (Fault("html"), "PLB211", "a web page, perhaps a login page"),
        (Fault("dumb"), "PLB211", "only the dumb HTTP protocol"),
        (Fault("status", status=404), "PLB202", "give credentials if the repository is private"),
        (Fault("status", status=403), "PLB204", "HTTP status 403"),
        (Fault("status", status=500), "PLB214", "HTTP status 500"),
        (Fault("status", status=503), "PLB214", "HTTP status 503"),
        (Fault("status", status=407), "PLB213", "HTTPS_PROXY"),
        (Fault("error", data=b"access denied or repository not exported"), "PLB204", "denied"),
        (Fault("error", data=b"\x1b[31mdisk is \x07full"), "PLB214", "?[31mdisk is ?full"),
        (Fault("html", on=frozenset({"pack"})), "PLB211", "web page"),
        (Fault("status", status=500, on=frozenset({"pack"})), "PLB214", "HTTP status 500"),
    ],
)
def test_an_odd_answer_is_explained(
    source: Origin, server: GitHttpServer, *, fault: Fault, code: str, words: str
) -> None:
    with server.failing(fault):
        error = failure(source)
    assert (error.code, words in str(error)) == (code, True), str(error)
    assert error.where == source.url


def test_a_server_that_is_down_is_explained(source: Origin, server: GitHttpServer) -> None:
    server.stop()
    error = failure(source)
    assert (error.code, error.why) == ("PLB209", "Connection refused")
    error = failure(Origin(source.repository, f"ssh://127.0.0.1:{server.port}/a", source.cache_dir))
    assert (error.code, error.why) == ("PLB209", "Connection refused")


@pytest.mark.parametrize("scheme", ["https", "http", "ssh"])
def test_an_unknown_host_name_is_explained(source: Origin, scheme: str) -> None:
    url = f"{scheme}://no-such-host.invalid/a.git"
    error = failure(Origin(source.repository, url, source.cache_dir))
    assert (error.code, error.why) == ("PLB209", "its host name is not known")


def packed(*objects: bytes, count: int | None = None) -> bytes:
    """Make a pack of these, each a header with compressed data, with the right checksum."""
    size = len(objects) if count is None else count
    body = b"PACK" + (2).to_bytes(4, "big") + size.to_bytes(4, "big") + b"".join(objects)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def packed_object(kind: int, data: bytes, *, size: int | None = None) -> bytes:
    """Write one object of a pack; ``size`` is what its header claims."""
    left = len(data) if size is None else size
    byte, left = kind << 4 | left & 15, left >> 4
    header = b""
    while left:
        header += bytes([byte | 0x80])
        byte, left = left & 0x7F, left >> 7
    return header + bytes([byte]) + zlib.compress(data, 9)


def delta(base_size: int, result_size: int, instructions: bytes) -> bytes:
    def number(value: int) -> bytes:
        out = b""
        while value > 0x7F:
            out += bytes([value & 0x7F | 0x80])
            value >>= 7
        return out + bytes([value])

    return number(base_size) + number(result_size) + instructions


BOMB = zlib.compress(bytes(1 << 20), 9)
HOSTILE_PACKS = {
    "not a pack": b"<html>",
    "nothing in it": packed(),
    "another version": packed().replace(b"\0\0\0\x02", b"\0\0\0\x09", 1),
    "more objects than the cap": packed(count=2_000_000),
    "fewer objects than it says": packed(packed_object(3, b"x"), count=2),
    "more bytes than it says": packed(packed_object(3, b"x"), b"trailing"),
    "an unknown kind": packed(packed_object(5, b"x")),
    "a claim of terabytes": packed(packed_object(3, b"x", size=1 << 45)),
    "a bomb": packed(*[packed_object(3, bytes(1 << 24))] * 300),
    "a bomb that claims little": packed(packed_object(3, bytes(1 << 24), size=10)),
    "a delta bomb": packed(packed_object(3, b"x" * 100), b"\x67\x65"
                           + zlib.compress(delta(100, 1 << 40, b"\x90\x64" * 7))),
    "a delta of nothing": packed(b"\x74" + b"\x11" * 20 + zlib.compress(b"\x01\x01\x00\x00")),
    "a delta of itself": packed(b"\x64\x00" + zlib.compress(b"\x01\x01\x01a")),
    "a delta from before the pack": packed(b"\x64\x7f" + zlib.compress(b"\x01\x01\x01a")),
    "zlib rubbish": packed(b"\x35hello there"),
    "another commit": packed(packed_object(1, b"tree " + b"1" * 40 + b"\n\nhello")),
}  # fmt: skip


@pytest.mark.parametrize("pack", HOSTILE_PACKS.values(), ids=HOSTILE_PACKS.keys())
def test_a_hostile_pack_is_refused_at_little_cost(
    source: Origin, server: GitHttpServer, pack: bytes
) -> None:
    with source.open() as repository:
        first = repository.fetch(GitRef())
    source.repository.commit({"more": "x"})
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    with server.failing(Fault("pack", data=pack)):
        error = failure(source, Limits(timeout_s=20, unpacked_bytes=1 << 30))
    assert error.code in {"PLB215", "PLB216", "PLB221"}, str(error)
    assert time.monotonic() - started < 30, "it goes on beyond its own timeout"
    unit = 1024 if sys.platform != "darwin" else 1
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < 150 << 20
    with source.open() as repository:
        assert repository.tree(first).read("README.md") == b"# Config\n"
        repository.fetch(GitRef())
    assert list(source.cache_dir.rglob("incoming-*")) == []


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(pack_bytes=500), "more than 500 bytes"),
        (Limits(objects=3), "more than 3 objects"),
        (Limits(object_bytes=100), "more than 100 bytes"),
        (Limits(unpacked_bytes=900), "more than 900 bytes"),
        (Limits(tree_entries=2), "more than 2 entries"),
    ],
)
@pytest.mark.parametrize("way", ["http", "http-v0", "ssh"])
def test_every_cap_holds_and_can_be_set(
    tmp_path: Path, way: str, limits: Limits, words: str
) -> None:
    with origin(tmp_path, way) as opened:
        # What zlib cannot make smaller, so that sizes are what they seem.
        incompressible = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(30))
        opened.repository.commit({"apps/web.yaml": incompressible})
        error = failure(opened, limits)
    assert (error.code, words in str(error)) == ("PLB216", True), str(error)


def test_the_cap_on_what_is_listed_holds(source: Origin) -> None:
    error = failure(source, Limits(refs_bytes=20))
    assert (error.code, "more than 20 bytes" in str(error)) == ("PLB216", True)


def test_a_server_that_leaves_a_file_out_is_found_out(
    source: Origin, server: GitHttpServer
) -> None:
    """The commit and its folder are there, a file is not: that is no complete revision."""
    made = source.repository
    commit = made.repo.object_store[made.head().encode()]  # type: ignore[index]
    tree = made.repo.object_store[commit.tree]  # type: ignore[attr-defined]
    pack = packed(packed_object(1, commit.as_raw_string()), packed_object(2, tree.as_raw_string()))
    with server.failing(Fault("pack", data=pack)):
        error = failure(source)
    assert error.code in {"PLB215", "PLB226"}
    with source.open() as repository:
        assert repository.tree(repository.fetch(GitRef())).read("README.md") == b"# Config\n"


def test_an_unreachable_server_does_not_take_a_known_commit_away(
    source: Origin, server: GitHttpServer
) -> None:
    with source.open() as repository:
        revision = repository.fetch(GitRef())
    server.stop()
    with Repository(source.url, cache_dir=source.cache_dir) as repository:
        assert repository.tree(revision).read("README.md") == b"# Config\n"
