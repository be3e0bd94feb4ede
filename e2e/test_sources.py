"""Repositories as the daemon follows them: asked once for all, at a hint, and kept when silent."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

import pytest

from engine.daemon.sources import SourceKey, Sources
from engine.git import Limits, Repository
from engine.model import Application, GitRef, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from e2e.servers.githttp import GitHttpServer
    from e2e.servers.gitrepo import TestRepository
    from engine.daemon.sources import _Source

MAIN = GitRef("branch", "main")


class Followed:
    """Sources, and what they told."""

    def __init__(self, folder: Path) -> None:
        self.stop = threading.Event()
        self.news: list[tuple[str, str]] = []

        def connect(key: SourceKey) -> Repository:
            limits = Limits(timeout_s=5)
            return Repository(key.url, cache_dir=folder, limits=limits, stop=self.stop)

        def on_news(names: Iterable[str], reason: str) -> None:
            self.news += [(name, reason) for name in names]

        self.sources = Sources(connect, stop=self.stop, on_news=on_news)
        self.sources.start()

    def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline, f"not in time; told: {self.news}"
            time.sleep(0.01)  # noqa: TID251 - a test has no stop event


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Followed]:
    made = Followed(tmp_path / "cache")
    yield made
    made.stop.set()
    made.sources.close()


def application(name: str, url: str, ref: GitRef = MAIN, interval_s: float = 600) -> Application:
    return Application(name, "shop", Source(url, ref), interval_s=interval_s)


def test_who_comes_back_to_a_ref_is_told_of_it_again(
    followed: Followed, git_server: GitHttpServer, repository: TestRepository
) -> None:
    commit = repository.commit({"a": "1"})
    repository.branch("other", commit)
    url = git_server.url("config.git")
    stays, goes = application("stays", url), application("goes", url, GitRef("branch", "other"))
    for app in (stays, goes):
        followed.sources.follow(app)
    followed.until(lambda: all(followed.sources.head(app).revision for app in (stays, goes)))
    followed.sources.leave(str(goes))
    followed.news.clear()
    assert followed.sources.head(goes).revision is None
    followed.sources.follow(goes)
    followed.until(lambda: followed.news)
    head = followed.sources.head(goes)
    assert head.revision is not None
    assert head.revision.commit == commit


def test_a_repository_is_asked_once_for_all_who_follow_it(
    followed: Followed, git_server: GitHttpServer, repository: TestRepository
) -> None:
    commit = repository.commit({"a": "1"})
    apps = [application(f"app-{n}", git_server.url("config.git")) for n in range(5)]
    for app in apps:
        followed.sources.follow(app)
    followed.until(lambda: len(followed.news) >= 5)
    heads = [followed.sources.head(app) for app in apps]
    assert {head.revision.commit for head in heads if head.revision} == {commit}
    assert followed.sources.followers(apps[0]) == [f"shop/app-{n}" for n in range(5)]
    git_server.requests.clear()
    followed.news.clear()
    followed.sources.hint(lambda url: url == git_server.url("config.git"))
    followed.until(lambda: git_server.requests)
    time.sleep(0.3)  # noqa: TID251 - nothing more may come
    assert len([r for r in git_server.requests if r.method == "POST"]) == 1
    assert followed.news == []


def test_a_hint_finds_a_push_and_tells_those_whose_ref_moved(
    followed: Followed, git_server: GitHttpServer, repository: TestRepository
) -> None:
    first = repository.commit({"a": "1"})
    url = git_server.url("config.git")
    moving, fixed = application("moving", url), application("fixed", url, GitRef("commit", first))
    followed.sources.follow(moving)
    followed.sources.follow(fixed)
    followed.until(lambda: len(followed.news) >= 2)
    followed.news.clear()
    second = repository.commit({"a": "2"})
    assert followed.sources.hint(lambda _: True) == 1
    followed.until(lambda: followed.news)
    assert followed.news == [("shop/moving", "commit")]
    head = followed.sources.head(moving).revision
    assert head is not None
    assert head.commit == second
    assert followed.sources.tree(moving, head).read("a") == b"2"


def test_a_repository_that_falls_silent_keeps_its_last_good_revision(
    followed: Followed, git_server: GitHttpServer, repository: TestRepository
) -> None:
    commit = repository.commit({"a": "1"})
    app = application("app", git_server.url("config.git"))
    followed.sources.follow(app)
    followed.until(lambda: followed.sources.head(app).revision)
    followed.news.clear()
    git_server.__exit__(None, None, None)
    followed.sources.hint(lambda _: True)
    followed.until(lambda: followed.sources.head(app).error)
    head = followed.sources.head(app)
    assert head.revision is not None
    assert head.revision.commit == commit
    assert followed.news == [("shop/app", "commit")]
    assert followed.sources.tree(app, head.revision).read("a") == b"1"


def test_who_asks_is_told_also_when_nothing_is_new(
    followed: Followed, git_server: GitHttpServer, repository: TestRepository
) -> None:
    repository.commit({"a": "1"})
    app = application("app", git_server.url("config.git"))
    followed.sources.follow(app)
    followed.until(lambda: followed.news)
    followed.news.clear()
    assert followed.sources.refresh("shop/app")
    followed.until(lambda: followed.news)
    assert followed.news == [("shop/app", "requested")]
    followed.sources.leave("shop/app")
    assert not followed.sources.refresh("shop/app")
    assert followed.sources.ages() == {}


def test_different_secrets_are_different_sources() -> None:
    url = "https://git.example/config.git"
    mine = Application("a", "team-a", Source(url, secret_ref="git"))  # noqa: S106 - a name
    theirs = Application("b", "team-b", Source(url, secret_ref="git"))  # noqa: S106 - a name
    nobodys = Application("c", "team-b", Source(url))
    assert len({SourceKey.of(mine), SourceKey.of(theirs), SourceKey.of(nobodys)}) == 3


def test_a_new_follower_has_the_repository_asked_again(
    followed: Followed, git_server: GitHttpServer, repository: TestRepository,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What it follows was often pushed a moment before; it must not wait for an interval."""
    monkeypatch.setattr("engine.daemon.sources._FOLLOWERS_EVERY_S", 0.2)
    repository.commit({"a": "1"})
    url = git_server.url("config.git")
    followed.sources.follow(application("first", url))
    followed.until(lambda: followed.news)
    second = repository.commit({"b": "1"})
    late = application("late", url)
    followed.sources.follow(late)
    followed.until(lambda: ("shop/late", "commit") in followed.news)
    head = followed.sources.head(late).revision
    assert head is not None
    assert head.commit == second


@contextlib.contextmanager
def being_read(source: _Source) -> Iterator[None]:
    """Let somebody read for longer than anybody waits, as from a slow disk."""
    reading, done = threading.Event(), threading.Event()

    def slowly() -> None:
        with source.reading:
            reading.set()
            done.wait(30)

    thread = threading.Thread(target=slowly)
    thread.start()
    reading.wait(10)
    yield
    assert thread.is_alive(), "somebody waited until it was read"
    done.set()
    thread.join()


def test_a_source_that_is_being_read_holds_up_neither_others_nor_the_end(
    followed: Followed, git_server: GitHttpServer, repository: TestRepository
) -> None:
    repository.commit({"a": "1"})
    for name in ("first", "second"):
        followed.sources.follow(application(name, git_server.url(f"config.git?{name}")))
    first, second = followed.sources._sources.values()  # noqa: SLF001 - as above
    with being_read(first), being_read(second):
        began = time.monotonic()
        leaving = threading.Thread(target=followed.sources.leave, args=("shop/first",))
        leaving.start()
        followed.until(lambda: len(followed.sources.ages()) == 1)
        assert time.monotonic() - began < 0.5
        leaving.join()
        followed.sources.close()
        assert time.monotonic() - began < 5
