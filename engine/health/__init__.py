"""How one live object is doing, from nothing but the object.

Belongs here: the entry ``assess``, the rules that hold for every kind, and what several Healths
amount to. The rules per kind are in ``kinds``; reading untrusted status safely is in ``status``.
An object that nobody could find (Missing) is not here: there is no object to look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.health import conditions, kinds
from engine.health.status import MalformedError, Status
from engine.model import JSON, Health, HealthStatus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_ORDER = {status: place for place, status in enumerate(HealthStatus)}


def assess(live: JSON, *, now: datetime | None = None) -> Health:
    """Health of an object as the API server returned it; never raises, whatever its status holds.

    ``now`` (aware) is only asked where the object alone cannot tell "not yet" from "not ever"; the
    rules are in docs/health.md.
    """
    try:
        return _assess(Status(live, now=now))
    except MalformedError as error:
        return Health(HealthStatus.UNKNOWN, str(error))


def worst(healths: Iterable[Health]) -> HealthStatus:
    """Worst status of them all; Healthy when there is none."""
    return max(
        (health.status for health in healths), key=_ORDER.__getitem__, default=HealthStatus.HEALTHY
    )


def is_settled(health: Health) -> bool:
    """Whether a wave may follow: nothing is expected to change by waiting, and nothing is wrong."""
    return health.status in (HealthStatus.HEALTHY, HealthStatus.SUSPENDED)


def _assess(status: Status) -> Health:
    rule = kinds.RULES.get((status.group, status.kind))
    return (
        _terminating(status)
        or _behind(status)
        or (rule(status) if rule is not None else conditions.standard(status))
    )


def _terminating(status: Status) -> Health | None:
    if not status.metadata.get("deletionTimestamp"):
        return None
    finalizers = status.metadata.get("finalizers")
    names = ", ".join(map(str, finalizers)) if isinstance(finalizers, list) else ""
    rest = f"; waits for {names}" if names else ""
    return Health(HealthStatus.PROGRESSING, f"being deleted{rest}")


def _behind(status: Status) -> Health | None:
    """Progressing while the status describes an older spec: then it says nothing about this one."""
    generation, observed = status.generation, status.observed_generation
    if generation is None or observed is None or observed == generation:
        return None
    return Health(
        HealthStatus.PROGRESSING,
        f"its controller has seen generation {observed}, not yet {generation}",
    )
