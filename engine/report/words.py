"""The words, signs and counts that every form of a report shares.

Belongs here: one vocabulary, so that text and JSON never say different things of one change.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, assert_never

from engine.health import worst
from engine.model import (
    Adopt,
    Create,
    Delete,
    HealthStatus,
    Keep,
    Release,
    Replace,
    Skip,
    Update,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.model import Change, ObjectRef, Plan, SyncResult


class Word(NamedTuple):
    """A word, the sign in front of it, and the colour that repeats both."""

    text: str
    sign: str
    color: str


_GREEN, _YELLOW, _RED, _MAGENTA, _PLAIN = "green", "yellow", "red", "magenta", ""

CREATE = Word("create", "+", _GREEN)
RECREATE = Word("recreate", "+", _GREEN)
ADOPT = Word("adopt", "~", _YELLOW)
UPDATE = Word("update", "~", _YELLOW)
REPLACE = Word("replace", "!", _MAGENTA)
DELETE = Word("delete", "-", _RED)
RELEASE = Word("release", "=", _PLAIN)
HOLD = Word("hold", "=", _MAGENTA)
KEEP = Word("keep", "=", _PLAIN)
MOVE = Word("move", "=", _PLAIN)
ARRIVE = Word("move", "~", _YELLOW)
REFUSE = Word("refuse", "x", _RED)
WAIT = Word("wait", ".", _PLAIN)

# What a sync says it did, by the action of an Outcome.
DONE = {
    "created": Word("created", "+", _GREEN),
    "adopted": Word("adopted", "~", _YELLOW),
    "updated": Word("updated", "~", _YELLOW),
    "replaced": Word("replaced", "!", _MAGENTA),
    "deleted": Word("deleted", "-", _RED),
    "released": Word("released", "=", _PLAIN),
    "kept": Word("kept", "=", _MAGENTA),
    "skipped": Word("skipped", ".", _PLAIN),
    "failed": Word("failed", "x", _RED),
    "unchanged": Word("unchanged", " ", _PLAIN),
}

# Deletions that a token sets free; the other reasons go away by themselves, or are meant.
CONFIRMABLE = frozenset({"Empty", "TooMany", "Confirm", "Stray"})


def word_of(change: Change) -> Word:
    """Name what a change is."""
    match change:
        case Create(recreate=True):
            return RECREATE
        case Create():
            return CREATE
        case Adopt():
            return ADOPT
        case Update():
            return UPDATE
        case Replace():
            return REPLACE
        case Delete():
            return DELETE
        case Release():
            return RELEASE
        case Keep(hold=hold):
            return HOLD if hold in CONFIRMABLE else KEEP
        case Skip(error=error):
            return WAIT if error is None else REFUSE
        case _:
            assert_never(change)


_TO_DO = ("create", "adopt", "update", "replace", "delete", "release")
_AS_IT_IS = {"hold": "held", "keep": "kept", "refuse": "refused", "wait": "waiting"}


def plan_summary(plan: Plan) -> dict[str, int]:
    """Count the changes of a plan by word; a recreate is a create."""
    counts = Counter(word_of(change).text for change in plan.changes)
    counts["create"] += counts.pop("recreate", 0)
    counts["unchanged"] = len(plan.unchanged)
    return {word: counts[word] for word in (*_TO_DO, *_AS_IT_IS, "unchanged")}


def result_summary(result: SyncResult) -> dict[str, int]:
    """Count the outcomes of a run by action."""
    counts: Counter[str] = Counter(outcome.action for outcome in result.outcomes)
    counts["unchanged"] += len(untouched(result))
    return {action: counts[action] for action in DONE}


def plan_counts(plan: Plan) -> str:
    """Sum up a plan: "2 to create, 1 to update, 1 to delete, 12 unchanged"."""
    return told_counts(plan_summary(plan))


def told_counts(counts: Mapping[str, int]) -> str:
    """Sum up the counts of a plan in words."""
    parts = [f"{counts[word]} to {word}" for word in _TO_DO if counts[word]]
    parts += [f"{counts[word]} {shown}" for word, shown in _AS_IT_IS.items() if counts[word]]
    parts += [f"{counts['moved']} moved"] if counts.get("moved") else []
    return ", ".join([*parts, f"{counts['unchanged']} unchanged"])


def result_counts(result: SyncResult) -> str:
    """Sum up what was done: "2 created, 1 failed, 12 unchanged"."""
    counts = result_summary(result)
    left = Counter(word_of(change).text for change in left_over(result))
    parts = [f"{counts[action]} {action}" for action in DONE if counts[action]]
    parts += [f"{left[word]} {shown}" for word, shown in _AS_IT_IS.items() if left[word]]
    undone = sum(left[word] for word in (*_TO_DO, "recreate"))
    return ", ".join([*parts, *([f"{undone} not done"] if undone else [])]) or "nothing to do"


def untouched(result: SyncResult) -> tuple[ObjectRef, ...]:
    """Return what was in place already; the last plan also counts what this run put in place."""
    touched = {outcome.ref for outcome in result.outcomes}
    return tuple(
        ref for ref in (result.plan.unchanged if result.plan else ()) if ref not in touched
    )


def left_over(result: SyncResult) -> tuple[Change, ...]:
    """Return what the last plan still wants and this run did not do, or did not mean to do."""
    touched = {outcome.ref for outcome in result.outcomes}
    changes = result.plan.changes if result.plan else ()
    return tuple(change for change in changes if change.ref not in touched)


def all_changes(result: SyncResult) -> tuple[Change, ...]:
    """Return every change that a result tells of, done or not."""
    done = (outcome.change for outcome in result.outcomes if outcome.change is not None)
    return (*done, *(result.plan.changes if result.plan else ()))


def health_of(result: SyncResult) -> HealthStatus:
    """Return the worst health of the objects; Unknown when there are some and none was seen."""
    plan = result.plan
    wants_nothing = plan is not None and not plan.unchanged and not any(plan.waves)
    if result.health or wants_nothing:
        return worst(result.health.values())
    return HealthStatus.UNKNOWN


def utc(at: int) -> datetime | None:
    """Return a moment in seconds since the epoch; None for 0 and for what no calendar holds."""
    try:
        return datetime.fromtimestamp(at, UTC) if at else None
    except (OverflowError, ValueError, OSError):
        return None


def age(seconds: float) -> str:
    """Tell a length of time as kubectl does, in its largest unit: "45s", "12m", "3h", "40d"."""
    units: Iterable[tuple[int, str]] = ((86_400, "d"), (3_600, "h"), (60, "m"))
    for size, unit in units:
        if seconds >= 2 * size or (unit != "m" and seconds >= size):
            return f"{int(seconds // size)}{unit}"
    return f"{max(int(seconds), 0)}s"
