"""The cache: what a poll asks for and leaves behind, and that nothing done to it does harm."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.gitfixtures import NAME, Origin
from e2e.servers.githttp import GitHttpServer
from e2e.servers.gitrepo import TestRepository
from engine.errors import GitError
from engine.git import Limits, Repository
from engine.model import Credentials, GitRef

if TYPE_CHECKING:
    from collections.abc import Iterator

POLLS = 12
COUNT = 30


def text(number: int) -> str:
    return f"n: {number}\n" * 50


@pytest.fixture
def made(tmp_path: Path) -> Iterator[TestRepository]:
    with TestRepository(tmp_path / "git" / NAME) as repository:
        files = {f"apps/{n}.yaml": text(n) for n in range(COUNT)}
        # What git cannot pack into nothing, as the text above is.
        files |= {f"more/{n}": os.urandom(2000).hex() for n in range(20)}
        repository.commit(files)
        yield repository


@pytest.fixture
def server(made: TestRepository) -> Iterator[GitHttpServer]:
    with GitHttpServer(made.path.parent) as running:
        yield running


@pytest.fixture
def source(made: TestRepository, server: GitHttpServer, tmp_path: Path) -> Origin:
    return Origin(made, server.url(NAME), tmp_path / "cache")


def files_below(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.rglob(pattern) if path.is_file())


def current(cache_dir: Path) -> Path:
    """Return the generation in use of the only repository in the cache."""
    (pointer,) = files_below(cache_dir, "current")
    return pointer.parent / pointer.read_text()


def test_a_poll_with_nothing_new_fetches_nothing(source: Origin, server: GitHttpServer) -> None:
    with source.open() as repository:
        first = repository.fetch(GitRef())
        assert server.steps() == ["advertisement", "refs", "pack"]
        assert repository.fetch(GitRef()) == first
        assert server.steps() == ["advertisement", "refs"]
    with source.open() as repository:
        assert repository.fetch(GitRef()) == first
        assert server.steps() == ["advertisement", "refs"]


def test_only_the_ref_that_is_followed_is_listed(source: Origin, server: GitHttpServer) -> None:
    with source.open() as repository:
        repository.fetch(GitRef("branch", "main"))
    asked = [request.body for request in server.requests if request.step == "refs"]
    assert [b"ref-prefix refs/heads/main" in body for body in asked] == [True]


def test_a_known_commit_is_served_without_a_request(source: Origin, server: GitHttpServer) -> None:
    with source.open() as repository:
        revision = repository.fetch(GitRef())
        server.requests.clear()
        assert repository.fetch(GitRef("commit", revision.commit)).commit == revision.commit
        repository.tree(revision).read("apps/1.yaml")
    assert server.steps() == []


def test_twelve_polls_leave_one_shallow_commit_and_few_packs(
    source: Origin, server: GitHttpServer
) -> None:
    with source.open() as repository:
        for number in range(POLLS):
            commit = source.repository.commit({"apps/1.yaml": f"changed: {number}\n"})
            revision = repository.fetch(GitRef("branch", "main"))
            assert revision.commit == commit
            assert repository.tree(revision).read("apps/1.yaml") == b"changed: %d\n" % number
            assert repository.tree(revision).read("apps/2.yaml") == text(2).encode()
    folder = current(source.cache_dir)
    assert json.loads((folder / "heads.json").read_text()) == {"branch main": commit}
    assert len(files_below(folder, "*.pack")) <= Limits().packs
    assert len(files_below(source.cache_dir, "*.pack")) <= 2 * Limits().packs
    assert files_below(source.cache_dir, "incoming-*") == []
    packs = [request.body for request in server.requests if request.step == "pack"]
    assert [body.count(b"shallow ") for body in packs].count(1) >= POLLS - 2
    assert max(body.count(b"shallow ") for body in packs) == 1


def test_later_fetches_bring_only_what_is_new(source: Origin) -> None:
    with source.open() as repository:
        repository.fetch(GitRef())
        source.repository.commit({"apps/1.yaml": "changed: 1\n"})
        repository.fetch(GitRef())
    small, large = sorted(path.stat().st_size for path in files_below(source.cache_dir, "*.pack"))
    assert small < large / 20


def test_a_history_is_never_fetched(source: Origin) -> None:
    """A force-push, another branch and an older commit bring one commit each, not what is below."""
    first = source.repository.head()
    for number in range(30):
        source.repository.commit({"apps/1.yaml": f"main: {number}\n"})
    source.repository.branch("other", first)
    for number in range(30):
        source.repository.commit({"apps/2.yaml": f"other: {number}\n"}, branch="other")
    with source.open() as repository:
        repository.fetch(GitRef())
        repository.fetch(GitRef("branch", "other"))
        source.repository.branch("main", first)
        source.repository.commit({"apps/3.yaml": "forced\n"})
        repository.fetch(GitRef())
        repository.fetch(GitRef("commit", first))
    sizes = [path.stat().st_size for path in files_below(source.cache_dir, "*.pack")]
    assert len(sizes) == 4
    assert sum(sizes) < 1.5 * max(sizes)


def test_the_cache_may_be_deleted_at_any_time(source: Origin) -> None:
    with source.open() as repository:
        revision = repository.fetch(GitRef())
        tree = repository.tree(revision)
        shutil.rmtree(source.cache_dir, ignore_errors=True)
        assert tree.read("apps/1.yaml") == text(1).encode()
        shutil.rmtree(source.cache_dir, ignore_errors=True)
        assert repository.fetch(GitRef()) == revision
        shutil.rmtree(source.cache_dir, ignore_errors=True)
        source.repository.commit({"apps/1.yaml": "new\n"})
        later = repository.fetch(GitRef())
        assert repository.tree(later).read("apps/1.yaml") == b"new\n"
        assert repository.tree(revision).read("apps/1.yaml") == text(1).encode()


def damage_pack(folder: Path) -> None:
    """Zeros in the middle of every pack."""
    for path in files_below(folder, "*.pack"):
        data = bytearray(path.read_bytes())
        data[len(data) // 3 : len(data) // 3 * 2] = bytes(len(data) // 3)
        path.chmod(0o600)
        path.write_bytes(data)


def damage_index(folder: Path) -> None:
    for path in files_below(folder, "*.idx"):
        path.write_bytes(path.read_bytes()[:-200])


def empty_index(folder: Path) -> None:
    for path in files_below(folder, "*.idx"):
        path.write_bytes(b"")


def lose_packs(folder: Path) -> None:
    for path in files_below(folder, "*.pack"):
        path.unlink()


def truncate_packs(folder: Path) -> None:
    for path in files_below(folder, "*.pack"):
        path.write_bytes(path.read_bytes()[:100])


def scramble_notes(folder: Path) -> None:
    for path in files_below(folder, "heads.json"):
        path.write_bytes(b'{"head": ["\xff')


def lie_in_notes(folder: Path) -> None:
    for path in files_below(folder, "heads.json"):
        path.write_text(json.dumps({"head": "1" * 40, "x": 5}))


def lose_pointer(folder: Path) -> None:
    for path in files_below(folder, "current"):
        path.write_bytes(b"../../../etc")


@pytest.mark.parametrize(
    "harm",
    [damage_pack, damage_index, empty_index, lose_packs, truncate_packs, scramble_notes,
     lie_in_notes, lose_pointer],
)  # fmt: skip
@pytest.mark.parametrize("is_new", [False, True], ids=["nothing new", "a new commit"])
def test_a_damaged_cache_heals_itself(source: Origin, harm: object, *, is_new: bool) -> None:
    assert callable(harm)
    with source.open() as repository:
        repository.fetch(GitRef())
    harm(source.cache_dir)
    if is_new:
        source.repository.commit({"apps/1.yaml": "new\n"})
    with source.open() as repository:
        tree = repository.tree(repository.fetch(GitRef()))
        assert tree.read("apps/1.yaml") == (b"new\n" if is_new else text(1).encode())
        rest = {n: tree.read(f"apps/{n}.yaml").decode() for n in range(2, COUNT)}
        assert rest == {n: text(n) for n in range(2, COUNT)}


def test_an_object_that_is_gone_for_good_is_an_error_and_never_empty(source: Origin) -> None:
    with source.open() as repository:
        revision = repository.fetch(GitRef())
    lose_packs(source.cache_dir)
    shutil.rmtree(source.repository.path / "objects")
    (source.repository.path / "objects").mkdir()
    with source.open() as repository, pytest.raises(GitError):
        repository.tree(revision)


def test_other_credentials_share_nothing(tmp_path: Path, made: TestRepository) -> None:
    with GitHttpServer(made.path.parent, users={"a": "secret-a", "b": "secret-b"}) as server:
        cache = tmp_path / "cache"
        for user in ("a", "b", "a"):
            credentials = Credentials(username=user, password=f"secret-{user}")
            with Repository(server.url(NAME), cache_dir=cache, credentials=credentials) as one:
                one.fetch(GitRef())
        assert server.steps().count("pack") == 2
        with (
            Repository(server.url(NAME), cache_dir=cache) as nobody,
            pytest.raises(GitError, match="needs a user name"),
        ):
            nobody.fetch(GitRef("commit", made.head()))


def test_no_name_and_no_file_of_the_cache_tells_address_or_credentials(
    tmp_path: Path, made: TestRepository
) -> None:
    with GitHttpServer(made.path.parent, users={"alice": "hunter2secret"}) as server:
        url = server.url(NAME, userinfo="alice:hunter2secret")
        with Repository(url, cache_dir=tmp_path / "cache") as repository:
            repository.fetch(GitRef())
            assert "hunter2secret" not in repr(repository) + repository.url
    for path in (tmp_path / "cache").rglob("*"):
        told = str(path.relative_to(tmp_path)).encode()
        told += path.read_bytes() if path.is_file() else b""
        for secret in (b"hunter2secret", b"alice", b"config.git", str(server.port).encode() + b"/"):
            assert secret not in told
    folders = [path for path in (tmp_path / "cache" / "git").iterdir() if path.is_dir()]
    assert [path.stat().st_mode & 0o077 for path in folders] == [0]


@pytest.mark.parametrize("way", ["a file", "read-only"])
def test_a_cache_folder_that_cannot_be_used_is_named(
    source: Origin, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "a file":
        source.cache_dir.write_text("")
    else:
        # The tests may run as root, whom no mode bits stop; so the system call itself says no.
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "mkdir", refuse)
    with source.open() as repository, pytest.raises(GitError, match="--cache-dir") as caught:
        repository.fetch(GitRef())
    assert caught.value.code == "PLB227"
    assert str(source.cache_dir) in str(caught.value)


def test_a_full_disk_is_named_and_leaves_nothing_behind(
    source: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    with source.open() as repository:
        first = repository.fetch(GitRef())
        source.repository.commit({"large": os.urandom(100_000)})
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdopen", full_after(os.fdopen, 2000))
            with pytest.raises(GitError, match="No space left") as caught:
                repository.fetch(GitRef())
        assert caught.value.code == "PLB227"
        assert files_below(source.cache_dir, "incoming-*") == []
        assert repository.tree(first).read("apps/1.yaml") == text(1).encode()
        repository.fetch(GitRef())


def full_after(opener: object, size_bytes: int) -> object:
    """Let files opened for writing take that much before the disk is full."""
    assert callable(opener)

    def opened(handle: int, mode: str = "r", *rest: object) -> object:
        file = opener(handle, mode, *rest)
        if "w" in mode:
            write, left = file.write, [size_bytes]

            class Full:
                def __getattr__(self, name: str) -> object:
                    return getattr(file, name)

                def __enter__(self) -> object:
                    return self

                def __exit__(self, *_: object) -> None:
                    file.close()

                def write(self, data: bytes) -> int:
                    left[0] -= len(data)
                    if left[0] < 0:
                        raise OSError(28, "No space left on device")
                    return int(write(data))

            return Full()
        return file

    return opened
