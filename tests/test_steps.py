"""Which part of a plan comes next."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import PlumbError
from engine.model import (
    Create,
    Delete,
    Health,
    HealthStatus,
    Keep,
    ObjectRef,
    Plan,
    Release,
    Skip,
    Wave,
)
from engine.steps import Done, Wait, Write, held, next_step
from tests.situations import REVISION, config_map, live, manifest, ref_of

A, B, OLD = config_map("a"), config_map("b"), config_map("old")
HEALTHY, PROGRESSING = Health(HealthStatus.HEALTHY), Health(HealthStatus.PROGRESSING, "0 of 1")
CREATE_A, CREATE_B = Create(manifest(A), A), Create(manifest(B), B)
DELETE = Delete(ref_of(OLD), live(OLD), "no longer in Git")


def step(
    *waves: Wave, prune: Any = (), health: Any = None, fresh: Any = (), wait: bool = True
) -> Any:
    plan = Plan("shop/shop", REVISION, waves=waves, prune=prune)
    return next_step(plan, health or {}, fresh=frozenset(fresh), wait=wait)


def wave(number: int, *changes: Any, members: tuple[ObjectRef, ...] = ()) -> Wave:
    return Wave(number, changes, members or tuple(change.ref for change in changes))


def test_nothing_to_do_is_done() -> None:
    assert step() == Done()
    assert step(wave(0, members=(ref_of(A),))) == Done()


def test_the_first_wave_with_changes_is_written_and_is_the_last_when_nothing_follows() -> None:
    assert step(wave(0, CREATE_A)) == Write((CREATE_A,), is_last=True)


def test_a_second_wave_makes_the_first_one_not_the_last() -> None:
    assert step(wave(0, CREATE_A), wave(1, CREATE_B)) == Write((CREATE_A,), is_last=False)


def test_a_wave_waits_until_those_before_it_are_healthy() -> None:
    ready = wave(0, members=(ref_of(A),))

    waiting = step(ready, wave(1, CREATE_B), health={ref_of(A): PROGRESSING})
    going = step(ready, wave(1, CREATE_B), health={ref_of(A): HEALTHY})

    assert isinstance(waiting, Wait)
    assert waiting.refs == (ref_of(A),)
    assert going == Write((CREATE_B,), is_last=True)


def test_health_holds_nothing_up_when_nothing_follows() -> None:
    assert step(wave(0, members=(ref_of(A),)), health={ref_of(A): PROGRESSING}) == Done()


def test_deletions_come_after_every_wave() -> None:
    assert step(wave(0, CREATE_A), prune=(DELETE,)) == Write((CREATE_A,), is_last=False)
    assert step(prune=(DELETE,)) == Write((DELETE,), is_last=True)


def test_deletions_wait_for_what_this_run_has_written() -> None:
    fresh = (ref_of(A),)

    waiting = step(prune=(DELETE,), health={ref_of(A): PROGRESSING}, fresh=fresh)
    not_asked = step(prune=(DELETE,), health={ref_of(A): PROGRESSING}, fresh=fresh, wait=False)

    assert isinstance(waiting, Wait)
    assert isinstance(not_asked, Write)


def test_what_is_kept_is_not_a_step() -> None:
    keep = Keep(ref_of(OLD), "TooMany", "many")

    assert step(prune=(keep,)) == Done()


def test_an_object_that_cannot_be_planned_ends_the_run_after_its_wave() -> None:
    broken = Skip(ref_of(B), "no", error=PlumbError("PLB530", "no"))

    assert step(wave(0, broken, CREATE_A), wave(1, CREATE_B)) == Write(
        (broken, CREATE_A), is_last=False
    )
    assert step(wave(0, broken), wave(1, CREATE_B)) == Done()


def test_an_object_that_is_being_deleted_is_waited_for() -> None:
    going = Skip(ref_of(B), "it is being deleted")

    assert isinstance(step(wave(0, going)), Wait)


@pytest.mark.parametrize(
    ("hold", "is_held"),
    [("Empty", True), ("TooMany", True), ("Confirm", True), ("NoPrune", False),
     ("Disabled", False), ("Failed", False), ("Terminating", False)],
)  # fmt: skip
def test_held_deletions_are_those_a_token_can_confirm(hold: Any, *, is_held: bool) -> None:
    plan = Plan("shop/shop", REVISION, prune=(Keep(ref_of(OLD), hold, "why"),))

    assert bool(held(plan)) is is_held


def test_a_degraded_wave_says_so_while_it_is_waited_for() -> None:
    ready = wave(0, members=(ref_of(A), ref_of(B)))
    health = {ref_of(A): Health(HealthStatus.DEGRADED, "crashes")}

    waiting = step(ready, wave(1, CREATE_B), health=health)

    assert waiting == Wait((ref_of(A), ref_of(B)), "degraded, and the next wave needs them")


def test_a_member_that_nobody_found_holds_up_the_next_wave() -> None:
    ready = wave(0, members=(ref_of(A),))

    assert isinstance(step(ready, wave(1, CREATE_B)), Wait)


def test_what_is_skipped_makes_a_wave_not_the_last() -> None:
    going = Skip(ref_of(B), "it is being deleted")

    assert step(wave(0, going, CREATE_A)) == Write((going, CREATE_A), is_last=False)
    assert not step(wave(0, going)).is_for_health


def test_what_is_kept_is_no_unfinished_business_and_what_is_let_go_is() -> None:
    release = Release(ref_of(OLD), "orphan")

    assert step(wave(0, CREATE_A), prune=(release,)) == Write((CREATE_A,), is_last=False)
    assert step(prune=(release, Keep(ref_of(B), "Confirm", "x"))) == Write((release,), is_last=True)
