"""What a Git server, its repository and the cache can do to a sync: scenarios 16 to 22 and 24.

A removal waits in each story. A revision that was not read whole writes and deletes nothing.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from e2e.applications import Applications
from e2e.faultfixtures import (
    GOES,
    A,
    B,
    C,
    one_shot,
    peaceful,
    stage,
    story,
    waiting,
    wanted,
)
from e2e.faults import packs
from e2e.faults.lane import Fault
from e2e.faults.objects import Ref
from e2e.faults.schedule import (
    DROP,
    RESET,
    always,
    corrupt,
    git_status,
    half,
    on_git,
    on_label,
    pack_of,
)
from e2e.faults.story import BROKEN

if TYPE_CHECKING:
    from e2e.faults.driver import Ended
    from e2e.faults.story import Story

__all__ = ["one_shot", "stage", "story", "waiting"]
pytestmark = pytest.mark.usefixtures("control_plane")

HANG, DRIP = Fault("hang"), Fault("drip", seconds=0.5)


def untouched(story: Story, done: Ended, *codes: int) -> None:
    """Assert that the run failed in one of these ways, and never came near an object.

    All it may ask for in a namespace is whether a daemon looks after the application.
    """
    followed = f"GET {Applications(story.stage.plane, 'NS').path('shop')}"
    labels = [e.label for e in story.lane.of_run(story.lane.run) if e.side == "api"]
    assert done.code in codes, done.errors
    assert [label for label in labels if "/namespaces" in label] in ([], [followed])
    assert {label.split()[0] for label in labels} <= {"GET"}


# --- 16: no access, an outage ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code"),
    [(git_status(401), 4), (git_status(404), 5), (git_status(503), 5), (DROP, 5), (RESET, 5)],
    ids=str,
)
def test_16_a_repository_that_cannot_be_read_deletes_nothing(
    waiting: Story, fault: Fault, code: int
) -> None:
    for _ in range(2):
        untouched(waiting, waiting.sync(always(fault, only=on_git)), code)
    peaceful(waiting)


@pytest.mark.parametrize("url", ["http://no-such-host.invalid/a.git", "https://127.0.0.1:1/a.git"])
def test_16_a_host_that_is_not_there_deletes_nothing(waiting: Story, url: str) -> None:
    real, waiting.git_url = waiting.git_url, url
    untouched(waiting, waiting.sync(), 5)
    waiting.git_url = real
    peaceful(waiting)


# --- 17: slow servers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "fault"),
    [("git advertisement", DRIP), ("git refs", HANG), ("git pack", DRIP), ("git pack", HANG)],
    ids=str,
)
def test_17_a_slow_server_is_given_up_in_time(waiting: Story, step: str, fault: Fault) -> None:
    done = waiting.sync(always(fault, only=on_label(step)), "--git-timeout=1s")
    untouched(waiting, done, 5)
    assert done.seconds < 1 + 5
    peaceful(waiting)
    assert waiting.stage.git.open_connections == 0


# --- 18: packs -------------------------------------------------------------------------------

PACKS = [
    corrupt(), half(),
    pack_of(packs.without_base(), "without its base"),
    pack_of(packs.empty(), "nothing in it"),
    pack_of(packs.bomb(blobs=8), "a zlib bomb"),
    pack_of(packs.packed(packs.packed_object(3, b"x", size=2 << 30)), "a claim of 2 GiB"),
    pack_of(packs.packed(packs.packed_object(3, b"x"), count=9), "fewer objects than it says"),
]  # fmt: skip


@pytest.mark.parametrize("fault", PACKS, ids=str)
def test_18_a_pack_that_is_not_whole_changes_nothing(waiting: Story, fault: Fault) -> None:
    before = waiting.peak_mib
    done = waiting.sync(always(fault, only=on_label("git pack")), "--git-timeout=15s")
    untouched(waiting, done, 1, 5)
    assert done.peak_mib < before + 256
    peaceful(waiting)


# --- 19: refs --------------------------------------------------------------------------------


def test_19_a_deleted_branch_is_an_error_and_not_an_empty_one(waiting: Story) -> None:
    waiting.repository.delete_branch("main")
    untouched(waiting, waiting.sync(), 5)
    waiting.repository.branch("main", waiting.head.id)
    peaceful(waiting)


def test_19_a_renamed_default_branch_takes_nothing_along(waiting: Story) -> None:
    waiting.repository.branch("trunk", waiting.head.id)
    waiting.repository.default("trunk")
    waiting.repository.delete_branch("main")
    untouched(waiting, waiting.sync(), 5)
    waiting.repository.branch("main", waiting.head.id)
    waiting.repository.default("main")
    peaceful(waiting)


def test_19_a_history_that_was_rewritten_is_followed(waiting: Story) -> None:
    assert waiting.sync().code == 0
    waiting.rewind(waiting.commits[0])
    waiting.commit(wanted(A, C, value="3"))
    peaceful(waiting)


@pytest.mark.parametrize("kind", ["blob", "tree"])
def test_19_a_branch_that_points_to_no_commit_is_refused(waiting: Story, kind: str) -> None:
    repo = waiting.repository
    head = repo.repo.object_store[repo.head().encode()]  # type: ignore[index]
    target = head.tree if kind == "tree" else repo.blob(b"no commit")  # type: ignore[attr-defined]
    repo.branch("main", target.decode())
    untouched(waiting, waiting.sync(), 1, 5)
    repo.branch("main", waiting.head.id)
    peaceful(waiting)


@pytest.mark.parametrize("step", ["git refs", "git pack"])
def test_19_a_branch_that_moves_between_two_requests_is_one_commit_or_the_other(
    waiting: Story, step: str
) -> None:
    def elsewhere() -> None:
        waiting.commit(wanted(B, C, value="3"))

    move = Fault("act", act=elsewhere)
    waiting.sync(always(move, only=on_label(step), times=1))
    peaceful(waiting)


# --- 20: paths -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({}, id="the path is gone"),
        pytest.param({"README.md": "nothing here"}, id="no manifest"),
        pytest.param({"a.yaml": "# kind: ConfigMap\n", "b.yaml": "---\n"}, id="all commented out"),
    ],
)
def test_20_a_path_without_objects_deletes_nothing(waiting: Story, files: dict[str, str]) -> None:
    waiting.commit({}, files=files, is_whole=False)
    for _ in range(2):
        done = waiting.sync()
        assert done.code == 8, done.errors
        assert waiting.writes(waiting.lane.run) == []
    waiting.commit(wanted(A, B, value="2"))
    peaceful(waiting)


# --- 21: many deletions ----------------------------------------------------------------------


def test_21_too_many_deletions_wait_for_the_token_of_exactly_these(story: Story) -> None:
    many = [Ref("ConfigMap", f"many-{n}") for n in range(7)]
    story.commit(wanted(A, *many))
    assert story.sync().code == 0
    story.commit(wanted(A, value="2"))
    done = story.sync()
    assert done.code == 8
    assert story.writes(story.lane.run) == [("PATCH", str(A))]
    token = done.report()["plan"]["token"]
    # One more of them by then: the token was for another list.
    story.commit(wanted(A, B, *many))
    story.sync()
    story.commit(wanted(A))
    assert story.sync(lambda _: None, f"--confirm={token}").code == 8
    assert "DELETE" not in {verb for verb, _ in story.writes()}
    token = story.ends[-1].report()["plan"]["token"]
    story.checker.confirmed = True
    assert story.sync(lambda _: None, f"--confirm={token}").code == 0
    peaceful(story)
    assert len([ref for verb, ref in story.writes() if verb == "DELETE"]) == len(many) + 1


# --- 22: one broken file ---------------------------------------------------------------------


def test_22_one_broken_file_of_five_hundred_stops_its_application_only(story: Story) -> None:
    many = [Ref("ConfigMap", f"many-{n:03}") for n in range(499)]
    story.commit(wanted(A, GOES))
    assert story.sync().code == 0
    story.commit(wanted(*many), files={"broken.yaml": BROKEN}, is_whole=False)
    untouched(story, story.sync(), 1)
    assert "broken.yaml:3" in story.ends[-1].output
    story.commit(wanted(A, value="2"))
    peaceful(story)


# --- 24: the cache ---------------------------------------------------------------------------


def _truncated(story: Story) -> None:
    for file in story.cache.rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _garbled(story: Story) -> None:
    for file in story.cache.rglob("*"):
        if file.is_file():
            file.write_bytes(b"\xff" * file.stat().st_size)


def _removed(story: Story) -> None:
    shutil.rmtree(story.cache)


@pytest.mark.parametrize("damage", [_truncated, _garbled, _removed])
def test_24_a_damaged_cache_is_made_again(waiting: Story, damage: object) -> None:
    damage(waiting)  # type: ignore[operator]
    done = waiting.sync()
    assert done.code in {0, 5}, done.errors
    peaceful(waiting)


def test_24_a_cache_that_cannot_be_written_is_a_clear_error(waiting: Story) -> None:
    shutil.rmtree(waiting.cache)
    waiting.cache.write_text("in the way")
    done = waiting.sync()
    assert done.code in {0, 1, 3, 5}
    if done.code:
        untouched(waiting, done, 1, 3, 5)
        assert "PLB690" not in done.errors, done.errors
    waiting.cache.unlink()
    peaceful(waiting)


@pytest.mark.parametrize("file_bytes", [0, 700])
def test_24_a_full_disk_is_a_clear_error_and_heals(waiting: Story, file_bytes: int) -> None:
    waiting.extra_environment["FAULTS_FILE_BYTES"] = str(file_bytes)
    done = waiting.sync()
    if done.code:
        untouched(waiting, done, 1, 5)
        assert "PLB690" not in done.errors, done.errors
    waiting.extra_environment.clear()
    peaceful(waiting)
