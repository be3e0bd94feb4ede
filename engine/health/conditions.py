"""The conditions that mean the same on every kind that follows the API conventions.

Belongs here: kinds without a rule of their own, custom resources above all. A condition type that
is not in this file says nothing about health.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.model import Health, HealthStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.health.status import Condition, Status

# Types that are true only while something is wrong or under way, so they are asked first.
_ABNORMAL = (
    ("Stalled", HealthStatus.DEGRADED),
    ("Degraded", HealthStatus.DEGRADED),
    ("Reconciling", HealthStatus.PROGRESSING),
)

# Kinds modelled on the Deployment keep Progressing=True for ever once a rollout is complete.
_COMPLETE = "NewReplicaSetAvailable"


def standard(status: Status) -> Health:
    """Health by the standard conditions; an object without any is Healthy as it stands.

    Ready=False never becomes Degraded: its reasons are free text, and "not yet" looks the same.
    """
    conditions = status.conditions
    for kind, verdict in _ABNORMAL:
        condition = conditions.get(kind)
        if condition is not None and condition.is_true:
            return Health(verdict, str(condition))
    return _waiting(conditions) or _rolling(conditions) or Health(HealthStatus.HEALTHY)


def _waiting(conditions: Mapping[str, Condition]) -> Health | None:
    for kind in ("Ready", "Available"):
        condition = conditions.get(kind)
        if condition is not None and not condition.is_true:
            return Health(HealthStatus.PROGRESSING, f"not {kind.lower()}: {condition}")
    return None


def _rolling(conditions: Mapping[str, Condition]) -> Health | None:
    condition = conditions.get("Progressing")
    if condition is None or "Ready" in conditions:
        return None
    if condition.is_true and condition.reason != _COMPLETE:
        return Health(HealthStatus.PROGRESSING, str(condition))
    return None
