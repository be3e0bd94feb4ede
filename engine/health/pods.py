"""Pods that stand in Git themselves; Pods of a workload are judged by its numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.health.status import one_line
from engine.model import Health, HealthStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.health.status import Status
    from engine.model import JSON

# ErrImagePull, CreateContainerConfigError, CrashLoopBackOff, ImagePullBackOff ...
_STUCK = re.compile(r"Err.*|.*Error|.*BackOff")


def pod(status: Status) -> Health:
    phase = status.text("status.phase")
    if phase == "Succeeded":
        return Health(HealthStatus.HEALTHY, "succeeded")
    if phase == "Failed":
        return Health(HealthStatus.DEGRADED, _failure(status))
    stuck = _stuck(status)
    if stuck:
        return Health(HealthStatus.DEGRADED, stuck)
    if phase in ("", "Pending"):
        scheduled = status.conditions.get("PodScheduled")
        waits = scheduled is not None and scheduled.is_false
        return Health(HealthStatus.PROGRESSING, str(scheduled) if waits else "pending")
    if phase != "Running":
        return Health(HealthStatus.UNKNOWN, f"phase {phase}")
    return _running(status)


def _running(status: Status) -> Health:
    policy = status.text("spec.restartPolicy") or "Always"
    ready = status.conditions.get("Ready")
    containers = status.items("status.containerStatuses")
    count = f"{sum(1 for c in containers if c.get('ready') is True)} of {len(containers)}"
    if policy != "Always":
        # Such a Pod is there to end, like a Job's.
        return Health(HealthStatus.PROGRESSING, f"running; done when it ends ({policy})")
    if ready is not None and ready.is_true:
        return Health(HealthStatus.HEALTHY, f"{count} containers ready")
    return Health(HealthStatus.PROGRESSING, f"{count} containers ready{_last_end(containers)}")


def _stuck(status: Status) -> str:
    for path in ("status.initContainerStatuses", "status.containerStatuses"):
        for container in status.items(path):
            waiting = _state(container, "state", "waiting")
            reason = one_line(waiting.get("reason"))
            if _STUCK.fullmatch(reason):
                message = one_line(waiting.get("message"))
                tail = f": {message}" if message else ""
                return f"container {one_line(container.get('name'))}: {reason}{tail}"
    return ""


def _failure(status: Status) -> str:
    reason, message = status.text("status.reason"), one_line(status.at("status.message"))
    text = ": ".join(part for part in (one_line(reason), message) if part)
    for path in ("status.initContainerStatuses", "status.containerStatuses"):
        for container in status.items(path):
            ended = _state(container, "state", "terminated")
            if not text and ended.get("exitCode"):
                return _end(container, ended)
    return text or "failed"


def _last_end(containers: list[Mapping[str, JSON]]) -> str:
    for container in containers:
        ended = _state(container, "lastState", "terminated")
        if ended:
            return f"; {_end(container, ended)}"
    return ""


def _end(container: Mapping[str, JSON], ended: Mapping[str, JSON]) -> str:
    reason = one_line(ended.get("reason"))
    why = f" ({reason})" if reason else ""
    code = one_line(ended.get("exitCode"))
    return f"container {one_line(container.get('name'))} ended with code {code}{why}"


def _state(container: Mapping[str, JSON], name: str, kind: str) -> Mapping[str, JSON]:
    """``container[name][kind]``, empty when it or its parent is missing or of another shape."""
    state = container.get(name)
    inner = state.get(kind) if isinstance(state, dict) else None
    return inner if isinstance(inner, dict) else {}
