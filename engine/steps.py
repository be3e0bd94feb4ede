"""Which part of a plan a pass carries out: the first unfinished wave, a wait, or the deletions.

Order is a pass, not a state: after each step the situation is looked at and planned afresh, so
waiting holds nothing up and the latest revision always wins. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from engine.health import is_settled
from engine.model import (
    Change,
    Delete,
    Health,
    HealthStatus,
    Keep,
    ObjectRef,
    Release,
    Skip,
    SyncStatus,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from engine.model import Outcome, Plan, Wave


@dataclass(frozen=True, slots=True)
class Write:
    """Carry these out now. ``is_last``: when all succeed, nothing is left to do."""

    changes: tuple[Change, ...]
    is_last: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be done before these objects are healthy, or can be written at all."""

    refs: tuple[ObjectRef, ...]
    reason: str
    is_for_health: bool = True


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do in this pass, for better or worse."""


Step: TypeAlias = Write | Wait | Done


def next_step(
    plan: Plan, health: Mapping[ObjectRef, Health], *, fresh: AbstractSet[ObjectRef], wait: bool
) -> Step:
    """Return what to do next.

    ``health`` is of every desired object that is there. ``fresh`` are the objects that this run
    has written: with ``wait``, deletions come after those are healthy.
    """
    for number, wave in enumerate(plan.waves):
        writes = tuple(c for c in wave.changes if not isinstance(c, Skip))
        if writes:
            rest = any(_is_unfinished(w) for w in plan.waves[number + 1 :]) or _deletions(plan)
            skipped = any(isinstance(c, Skip) for c in wave.changes)
            return Write(wave.changes, is_last=not rest and not skipped)
        step = _after_wave(plan, number, health)
        if step is not None:
            return step
    deletions = _deletions(plan)
    if not deletions:
        return Done()
    unhealthy = _unhealthy(tuple(fresh), health) if wait else ()
    if unhealthy:
        return Wait(unhealthy, "before anything is deleted")
    return Write(deletions, is_last=True)


def _after_wave(plan: Plan, number: int, health: Mapping[ObjectRef, Health]) -> Step | None:
    """Return what holds up the waves after one that needs no write, or None."""
    wave, later = plan.waves[number], plan.waves[number + 1 :]
    if any(isinstance(c, Skip) and c.error is not None for c in wave.changes):
        return Done()
    waiting = tuple(c.ref for c in wave.changes)
    if waiting:
        return Wait(waiting, "until they can be written", is_for_health=False)
    if not any(_is_unfinished(w) for w in later):
        return None
    unhealthy = _unhealthy(wave.members, health)
    if any(health[ref].status is HealthStatus.DEGRADED for ref in unhealthy if ref in health):
        return Wait(unhealthy, "degraded, and the next wave needs them")
    return Wait(unhealthy, "before the next wave") if unhealthy else None


def _is_unfinished(wave: Wave) -> bool:
    return bool(wave.changes)


def _deletions(plan: Plan) -> tuple[Change, ...]:
    return tuple(c for c in plan.prune if isinstance(c, Delete | Release))


def _unhealthy(
    refs: tuple[ObjectRef, ...], health: Mapping[ObjectRef, Health]
) -> tuple[ObjectRef, ...]:
    return tuple(ref for ref in refs if ref not in health or not is_settled(health[ref]))


def held(plan: Plan) -> tuple[Keep, ...]:
    """Return the deletions that a safety rule holds back until somebody confirms."""
    waits = ("Empty", "TooMany", "Confirm")
    return tuple(c for c in plan.prune if isinstance(c, Keep) and c.hold in waits)


def sync_status(plan: Plan | None, outcomes: Mapping[ObjectRef, Outcome]) -> SyncStatus:
    """Return whether everything is as Git wants it after these outcomes of this plan."""
    if plan is None:
        return SyncStatus.UNKNOWN
    left = [
        c for c in plan.changes
        if not isinstance(c, Keep | Skip)
        and (c.ref not in outcomes or outcomes[c.ref].action == "skipped")
    ]  # fmt: skip
    skipped = any(isinstance(c, Skip) for c in plan.changes)
    has_failed = any(outcome.action == "failed" for outcome in outcomes.values())
    is_off = left or skipped or has_failed or held(plan) or plan.drift
    return SyncStatus.OUT_OF_SYNC if is_off else SyncStatus.SYNCED
