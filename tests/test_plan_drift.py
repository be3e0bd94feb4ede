"""Drift that is told and left alone, and doubt about Git that holds every deletion."""

from __future__ import annotations

from typing import Any

import pytest

from engine.model import ABSENT, Create, Drift, Keep, SyncStatus, Update
from engine.plan import InPlace, is_drift, make_plan
from engine.situation import Options
from engine.steps import sync_status
from tests.situations import config_map, entry, live, manifest, situation

WANTED = config_map("env", greeting="good morning")
CHANGED = config_map("env", greeting="bye")
GIT_CHANGED = config_map("env", greeting="good evening")
REPORT = Options(leave_drift=True)


def plan(desired: Any, there: Any, *, options: Options) -> Any:
    return make_plan(
        situation(
            desired=[desired], record=[entry(WANTED)], there=[live(there)] if there else [],
            options=options,
        )
    )  # fmt: skip


def test_reported_drift_is_no_change_and_not_in_place() -> None:
    found = plan(WANTED, CHANGED, options=REPORT)
    assert found.changes == ()
    assert found.unchanged == ()
    (drift,) = found.drift
    assert isinstance(drift, Drift)
    assert isinstance(drift.change, Update)
    assert drift.reason == "drift: report"
    assert sync_status(found, {}) is SyncStatus.OUT_OF_SYNC


def test_an_object_that_somebody_deleted_is_drift_too() -> None:
    (drift,) = plan(WANTED, None, options=REPORT).drift
    assert isinstance(drift.change, Create)
    assert str(drift.ref) == "ConfigMap/shop/env"


def test_what_git_changed_is_written_although_drift_is_reported() -> None:
    found = plan(GIT_CHANGED, WANTED, options=REPORT)
    assert found.drift == ()
    assert [type(change) for change in found.changes] == [Update]


def test_what_is_fought_over_is_left_alone_and_no_other() -> None:
    ref = manifest(WANTED).ref
    found = plan(WANTED, CHANGED, options=Options(calm={ref: "changed back by kubectl"}))
    assert [drift.reason for drift in found.drift] == ["changed back by kubectl"]
    other = manifest(config_map("other")).ref
    assert plan(WANTED, CHANGED, options=Options(calm={other: "why"})).drift == ()


def test_without_a_wish_drift_is_put_back() -> None:
    found = plan(WANTED, CHANGED, options=Options())
    assert found.drift == ()
    assert [type(change) for change in found.changes] == [Update]


def test_marks_that_somebody_took_off_are_no_drift_that_could_be_left() -> None:
    there = {**WANTED, "metadata": {**WANTED["metadata"], "labels": {}}}
    found = plan(WANTED, there, options=REPORT)
    assert found.drift == ()


@pytest.mark.parametrize("in_place", [InPlace(manifest(WANTED))])
def test_what_is_in_place_is_no_drift(in_place: InPlace) -> None:
    assert not is_drift(in_place)


def test_doubt_about_git_holds_every_deletion() -> None:
    found = make_plan(
        situation(
            desired=[WANTED], record=[entry(WANTED), entry(config_map("old"))],
            there=[live(WANTED), live(config_map("old"))],
            options=Options(doubt="the server does not answer"),
        )
    )  # fmt: skip
    (kept,) = found.prune
    assert isinstance(kept, Keep)
    assert kept.hold == "Failed"
    assert "the server does not answer" in kept.reason
    assert found.token == ""


def test_without_a_plan_nothing_is_known() -> None:
    assert sync_status(None, {}) is SyncStatus.UNKNOWN
    assert not ABSENT
