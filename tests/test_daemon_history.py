"""The last syncs in a status: a line for each revision, and none for a look that did nothing."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.daemon import history
from engine.model import Outcome, Plan, SyncResult
from tests.report_cases import REVISION, ref

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
OBJECTS = tuple(ref("ConfigMap", f"c{n}") for n in range(12))


def result(unchanged: int = 0, *, commit: str = "a" * 40, duration_s: float = 2.0,
           **counts: int) -> SyncResult:  # fmt: skip
    """A pass with so many outcomes of each action."""
    actions: list[Any] = [action for action, n in counts.items() for _ in range(n)]
    outcomes = tuple(Outcome(OBJECTS[-1 - n], action) for n, action in enumerate(actions))
    plan = Plan("team/shop", REVISION, unchanged=OBJECTS[:unchanged])
    return SyncResult("team/shop", replace(REVISION, commit=commit), plan, outcomes,
                      duration_s=duration_s)  # fmt: skip


def lines(*passes: tuple[SyncResult, history.Word]) -> list[Any]:
    """The history after these passes, a minute apart."""
    found: list[Any] = []
    for minute, (one, word) in enumerate(passes):
        before = copy.deepcopy(found)
        after = history.after(found, one, word, NOW + timedelta(minutes=minute))
        assert found == before, "the argument was changed"
        found = after
    return found


def test_a_sync_is_a_line() -> None:
    assert lines((result(5, created=2, updated=1, duration_s=1.26), "done")) == [{
        "revision": "a" * 40, "author": "Ann <ann@example.com>",
        "subject": "Raise the number of web replicas", "time": "2026-11-25T12:00:00Z",
        "result": "done", "counts": {"created": 2, "updated": 1, "unchanged": 5},
        "durationSeconds": 1.3,
    }]  # fmt: skip


def test_a_sync_in_several_passes_is_one_line_with_all_of_them() -> None:
    (line,) = lines(
        (result(created=5), "progressing"),
        (result(5, created=3), "progressing"),
        (result(8, deleted=1), "done"),
    )

    assert line["counts"] == {"created": 8, "deleted": 1}
    assert line["result"] == "done"
    assert line["time"] == "2026-11-25T12:02:00Z"
    assert line["durationSeconds"] == 122.0


@pytest.mark.parametrize("word", ["done", "progressing", "failed"])
def test_a_look_that_did_nothing_leaves_the_lines_as_they_are(word: history.Word) -> None:
    once = lines((result(3, created=1), "done"))
    assert history.after(once, result(4), word, NOW + timedelta(hours=1)) is once


def test_waiting_on_and_failing_again_in_the_same_way_are_nothing_new() -> None:
    waiting = lines((result(created=1), "progressing"))
    assert history.after(waiting, result(1), "progressing", NOW + timedelta(hours=1)) is waiting
    failing = lines((result(3, failed=1), "failed"))
    assert (
        history.after(failing, result(3, failed=1), "failed", NOW + timedelta(hours=1)) is failing
    )


def test_a_repair_replaces_the_line_of_its_revision() -> None:
    (line,) = lines((result(10, created=2), "done"), (result(11, updated=1), "done"))

    assert line["counts"] == {"updated": 1, "unchanged": 11}
    assert line["time"] == "2026-11-25T12:01:00Z"
    assert line["durationSeconds"] == 2.0


def test_a_failure_that_is_mended_is_one_line_of_both() -> None:
    (line,) = lines(
        (result(created=5, failed=1), "failed"),
        (result(5, failed=1), "failed"),
        (result(5, created=1), "done"),
    )

    assert line["counts"] == {"created": 6}
    assert line["result"] == "done"


def test_the_last_five_revisions_are_kept_newest_first() -> None:
    passes: list[tuple[SyncResult, history.Word]] = [
        (result(1, commit=c * 40), "done") for c in "abcdefg"
    ]
    assert [line["revision"][0] for line in lines(*passes)] == ["g", "f", "e", "d", "c"]

    passes.append((result(2, commit="d" * 40, updated=1), "done"))
    assert [line["revision"][0] for line in lines(*passes)] == ["d", "g", "f", "e", "c"]


def test_without_a_revision_there_is_no_line() -> None:
    assert lines((replace(result(1), revision=None), "failed")) == []


def test_lines_that_somebody_edited_do_no_harm() -> None:
    odd: list[Any] = [{"revision": "a" * 40, "result": "failed", "time": "yesterday"}]
    (line,) = history.after(odd, result(created=1), "done", NOW)
    assert line["durationSeconds"] == 2.0
