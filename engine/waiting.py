"""Waiting for objects: until they are healthy, or can be written, within one deadline.

Holds nothing but time: no record is held and no plan is kept meanwhile.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import HealthTimeoutError, PlumbError
from engine.health import assess, is_settled
from engine.jobs import is_complete
from engine.kube.live import observe
from engine.model import Health, HealthStatus

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable

    from engine.inventory import Inventory
    from engine.kube.client import Client
    from engine.model import Live, ObjectRef
    from engine.situation import Observation, Situation

_LOOK_EVERY_S = 0.5
_MAY_BE_DEGRADED_S = 15.0


@dataclass(slots=True)
class Patience:
    """What is left of ``timeout_s`` since ``started_s``, a reading of the monotonic clock.

    ``health`` is kept up to date for what is waited for; ``finished`` are the Jobs that were seen
    to have run to completion.
    """

    client: Client
    stop: threading.Event
    timeout_s: float
    started_s: float
    health: dict[ObjectRef, Health]
    finished: dict[ObjectRef, Live] = field(default_factory=dict)

    def pause(self, refs: Iterable[ObjectRef]) -> None:
        """Wait a moment for these; raises HealthTimeoutError when the time is over."""
        left_s = self.timeout_s - (time.monotonic() - self.started_s)
        if left_s <= 0 or self.stop.wait(min(_LOOK_EVERY_S, left_s)):
            raise self._too_late(refs)

    def until_healthy(
        self, refs: Iterable[ObjectRef], situation: Situation, inventory: Inventory | None
    ) -> None:
        """Wait until all are healthy; raises PlumbError for one that stays degraded."""
        degraded_since: float | None = None
        waiting = list(refs)
        while waiting:
            self.pause(waiting)
            observation = observe(
                self.client, situation.placement, inventory,
                kinds=situation.kinds, only=frozenset(waiting),
            )  # fmt: skip
            for ref in waiting:
                self.health[ref] = self._health_of(ref, observation)
            waiting = [ref for ref in waiting if not is_settled(self.health[ref])]
            if not any(self.health[r].status is HealthStatus.DEGRADED for r in waiting):
                degraded_since = None
            elif degraded_since is None:
                degraded_since = time.monotonic()
            elif time.monotonic() - degraded_since > _MAY_BE_DEGRADED_S:
                raise self._degraded(waiting)

    def _health_of(self, ref: ObjectRef, observation: Observation) -> Health:
        if ref in observation.unknown:
            return Health(HealthStatus.UNKNOWN, observation.unknown[ref].what)
        live = observation.live.get(ref)
        if live is None:
            return Health(HealthStatus.MISSING, "it is gone")
        if is_complete(live):
            self.finished[ref] = live
        return assess(live.body)

    def _too_late(self, refs: Iterable[ObjectRef]) -> HealthTimeoutError:
        return HealthTimeoutError(
            "PLB701", f"not everything was healthy within {self.timeout_s:g} s",
            why=self._told(refs), hint="look at these objects, or give it more --timeout",
        )  # fmt: skip

    def _degraded(self, refs: Iterable[ObjectRef]) -> PlumbError:
        bad = [r for r in refs if self.health[r].status is HealthStatus.DEGRADED]
        return PlumbError(
            "PLB702", f"{listed(bad)} cannot become healthy", why=self._told(bad),
            hint="mend it in Git and sync again",
        )  # fmt: skip

    def _told(self, refs: Iterable[ObjectRef]) -> str:
        healths = [(ref, self.health.get(ref)) for ref in list(refs)[:5]]
        return "; ".join(f"{ref}: {h.message or h.status}" for ref, h in healths if h)


def listed(refs: Iterable[ObjectRef]) -> str:
    """Return the first few by name, and how many more there are."""
    refs = list(refs)
    more = f" and {len(refs) - 3} more" if len(refs) > 3 else ""
    return ", ".join(map(str, refs[:3])) + more


def unsteady(refs: Iterable[ObjectRef], *, times: int) -> PlumbError:
    """Return the error of objects that somebody else changes again each time."""
    return PlumbError(
        "PLB610", f"{listed(refs)} does not stay as it was written",
        why=f"somebody changed it again each of {times} times",
        hint="see who with kubectl get -o yaml --show-managed-fields; take what they own out of "
        "Git, or ignore it",
    )  # fmt: skip
