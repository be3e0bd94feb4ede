"""Many promote at once, servers refuse, answers get lost: nothing is lost, nothing comes twice."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from e2e.gitfixtures import NAME
from e2e.promotions import (
    FILE,
    TO_2,
    commits,
    content,
    deployment,
    run_plumb,
)
from e2e.servers.githttp import Fault, GitHttpServer
from e2e.servers.gitrepo import TestRepository
from engine.git import Branches
from engine.git.commits import write_commit
from engine.git.deadline import Deadline
from engine.git.push import OvertakenError

if TYPE_CHECKING:
    from pathlib import Path


def test_who_is_overtaken_makes_the_change_anew_and_loses_nothing(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    """Somebody pushes to the same file between our look and our push, twice."""
    texts = [deployment().replace("replicas: 2", f"replicas: {n}") for n in (5, 6)]
    heads: list[str] = []

    def push() -> None:
        if texts:
            with TestRepository(config.path) as other:
                heads.append(other.commit({FILE: texts.pop(0)}, message="Scale"))

    git_server.rules.before = push
    ran = run_plumb("promote", "--url", git_server.url(NAME), *TO_2, folder=tmp_path / "w")
    assert "after 2 others were faster" in ran.out
    assert [c.id for c in commits(config)[1:3]] == heads[::-1]
    expected = deployment().replace("1.0.0", "2.0.0").replace("replicas: 2", "replicas: 6")
    assert content(config, FILE) == expected


def test_what_somebody_else_promoted_meanwhile_is_not_promoted_twice(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    done: list[str] = []

    def push() -> None:
        if not done:
            with TestRepository(config.path) as other:
                done.append(other.commit({FILE: deployment().replace("1.0.0", "2.0.0")}))

    git_server.rules.before = push
    ran = run_plumb("promote", "--url", git_server.url(NAME), *TO_2, folder=tmp_path / "w")
    assert ran.out.startswith("unchanged: main has it at")
    assert config.head() == done[0]


def test_a_push_is_not_even_sent_onto_another_commit_than_it_was_made_on(
    git_server: GitHttpServer, config: TestRepository
) -> None:
    with Branches(git_server.url(NAME)) as branches, Deadline(20, where="test") as deadline:
        tip = branches.tip("main", deadline)
        assert tip is not None
        moved = config.commit({"README.md": "# New\n"})
        new = write_commit(tip.tree, [tip.id], author="A <a@b>", at=1, message="Nothing")
        git_server.steps()
        with pytest.raises(OvertakenError):
            branches.push("main", tip.id, [new], deadline)
    assert git_server.steps() == ["advertisement"]
    assert config.head() == moved


def test_a_push_whose_answer_is_lost_counts_once(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    start = config.head()
    lost = Fault("truncate", on=frozenset({"push"}))
    git_server.rules.before = lambda: setattr(git_server.rules, "before", None)

    def heal() -> None:
        while not any(request.step == "push" for request in git_server.requests):
            time.sleep(0.01)  # noqa: TID251 - a test has no stop event
        git_server.fault = None

    with git_server.failing(lost):
        healer = threading.Thread(target=heal)
        healer.start()
        ran = run_plumb("promote", "--url", git_server.url(NAME), *TO_2, folder=tmp_path / "w")
        healer.join()
    (new, old, *_) = commits(config)
    assert old.id == start
    assert ran.out.startswith(f"{new.id} main: Promote")


def test_a_protected_branch_is_told_at_once_in_the_servers_words(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    start = config.head()
    git_server.rules.refuse = "protected branch hook declined"
    ran = run_plumb(
        "promote", "--url", git_server.url(NAME), *TO_2, folder=tmp_path / "w", expect=4
    )
    assert "PLB231" in ran.err
    assert "protected branch hook declined; remote says hello" in ran.err
    assert [step for step in git_server.steps() if step == "push"] == ["push"]
    assert config.head() == start


def test_who_may_read_and_not_write_is_told_so(tmp_path: Path, config: TestRepository) -> None:
    with GitHttpServer(config.path.parent, users={"ada": "secret-word"}) as closed:
        ran = run_plumb(
            "promote", "--url", closed.url(NAME), *TO_2, folder=tmp_path / "w", expect=4
        )
        assert "PLB203" in ran.err
        url = closed.url(NAME, userinfo="ada:wrong-word")
        ran = run_plumb("promote", "--url", url, *TO_2, folder=tmp_path / "w", expect=3)
        assert "wrong-word" not in ran.out + ran.err
        ran = run_plumb(
            "promote", "--url", closed.url(NAME), "--git-username", "ada", *TO_2,
            folder=tmp_path / "w", environ={"PLUMB_GIT_PASSWORD": "secret-word"},
        )  # fmt: skip
        assert "Promote web" in ran.out


def test_a_race_that_is_always_lost_ends_when_the_time_is_up(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    count = 0

    def push() -> None:
        nonlocal count
        count += 1
        with TestRepository(config.path) as other:
            other.commit({"busy": str(count)}, message=f"Busy {count}")

    git_server.rules.before = push
    started = time.monotonic()
    ran = run_plumb(
        "promote", "--url", git_server.url(NAME), *TO_2, "--timeout", "3s", folder=tmp_path / "w",
        expect=5,
    )  # fmt: skip
    assert time.monotonic() - started < 10
    assert "PLB831" in ran.err
    assert count >= 2
    assert all(commit.subject.startswith(("Busy", "Start")) for commit in commits(config))


def test_promotions_at_once_all_land_once(git_server: GitHttpServer) -> None:
    """Ten here in threads, over the library; the bench does fifty processes."""
    from engine.promote.image import parse_wish
    from engine.promote.landing import Landing
    from engine.promote.message import Words
    from engine.promote.promotion import Promotion

    names = [f"app{n}" for n in range(10)]
    with TestRepository(git_server.root / NAME) as made:
        made.commit(
            {f"apps/{name}/web.yaml": deployment(name, f"r.example/{name}") for name in names}
        )
        errors: list[Exception] = []

        def promote(name: str) -> None:
            wish = parse_wish(f"r.example/{name}:2.0.0")
            words = Words("main")
            try:
                with Branches(git_server.url(NAME)) as branches:
                    landing = Landing(branches, "main", "A <a@b.example>", timeout_s=100)
                    landed = landing.land(Promotion((wish,), (f"apps/{name}",), words))
                    assert landed.made
            except Exception as error:  # noqa: BLE001 - told below
                errors.append(error)

        threads = [threading.Thread(target=promote, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        subjects = sorted(c.subject for c in commits(made)[:-1])
        assert subjects == sorted(f"Promote {name} to 2.0.0 in apps/{name}" for name in names)
        for name in names:
            text = deployment(name, f"r.example/{name}")
            assert content(made, f"apps/{name}/web.yaml") == text.replace("1.0.0", "2.0.0")
