"""Telling what came of a look: the status of the resource, events, metrics, logs.

Belongs here: who hears what. What a status says is conditions.py's. Nothing here holds up a
worker: statuses are written by threads of their own, the passing ones a little later, so that what
is over by then is never written.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from engine.daemon import conditions
from engine.daemon.queue import DelayQueue
from engine.errors import ConflictError, NotFoundError, PlumbError, unexpected
from engine.kube import resources
from engine.model import SyncStatus
from engine.report.mask import Redactor, redactor
from engine.report.words import all_changes
from engine.steps import held

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.daemon.story import Metrics, Story
    from engine.daemon.tracked import Tracked
    from engine.kube.client import Client
    from engine.kube.events import Events
    from engine.metrics import SyncWord
    from engine.model import JSON, SyncResult

_PASSING_S: Final = 1.5
# Nobody reads a thousand of them, and each is a write to the API server.
_PASSING_PAUSE_S: Final = 0.2
_RETRY_S: Final = 5.0
_WRITERS: Final = 2


class Teller:
    """Tells everybody. ``on_progress`` hears which application became ready, or moved on.

    ``client`` is the engine's own; without one, as in a dry run, nothing is written.
    """

    def __init__(
        self, client: Client | None, events: Events | None, metrics: Metrics, *, log: Any,
        on_progress: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._client = client
        self._events = events
        self._metrics = metrics
        self._log = log
        self._on_progress = on_progress
        self._lasting = DelayQueue()
        self._passing = DelayQueue()
        self._pending: dict[str, Tracked] = {}
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    # --- a look ------------------------------------------------------------------------------

    def tell(self, tracked: Tracked, story: Story) -> None:
        """See engine.daemon.story.Teller."""
        application, result = story.application, story.result
        memory, was_ready, head = tracked.memory, tracked.is_ready, tracked.told_head
        look = conditions.Look(
            application, result, error=story.error, waits_for=story.waits_for,
            is_behind=story.is_behind, is_suspended=story.is_suspended, is_late=story.is_late,
            id=memory.owner or None,
            count=memory.count if result is not None else None, handled_at=tracked.handled_at,
            inputs=tracked.rendition.inputs if tracked.rendition is not None else "",
        )  # fmt: skip
        before, now = tracked.status, datetime.now(UTC)  # noqa: TID251 - the edge, where it is now
        tracked.status = status = conditions.status_of(look, before, now)
        tracked.generation = application.generation
        # What another daemon saw is no ground to go on upon.
        tracked.is_ready = look.has_news and conditions.is_ready(
            status, generation=application.generation
        )
        tracked.told_head = tracked.head
        self._count(tracked, story, status)
        self._narrate(tracked, story, before, status)
        if application.origin == "resource" and status != tracked.written:
            self._pending[tracked.key] = tracked
            if any(c["type"] == "Reconciling" for c in status["conditions"]):
                self._passing.add(tracked.key, after_s=_PASSING_S)
            else:
                self._passing.discard(tracked.key)
                self._lasting.add(tracked.key)
        if tracked.is_ready and (not was_ready or head != tracked.head):
            self._on_progress(tracked.key)

    def moved(self, tracked: Tracked) -> None:
        """See engine.daemon.story.Teller."""
        tracked.told_head = tracked.head
        self._metrics.rendered(skipped=True)
        if tracked.is_ready:
            self._on_progress(tracked.key)

    def forget(self, tracked: Tracked) -> None:
        """See engine.daemon.story.Teller."""
        self._pending.pop(tracked.key, None)
        for queue in (self._lasting, self._passing):
            queue.discard(tracked.key)
        self._metrics.forget(tracked.key)
        self._log.info("gone", application=tracked.key)

    def _count(self, tracked: Tracked, story: Story, status: JSON) -> None:
        key, result = tracked.key, story.result
        if result is not None:
            self._metrics.synced(key, _word(result), story.duration_s)
            self._metrics.rendered(skipped=not story.is_rendered)
            if story.repaired:
                self._metrics.drift_repaired(key, len(story.repaired))
            tracked.states = _states(result)
        self._metrics.found(
            key, sync=status["sync"], health=status["health"],
            is_ready=conditions.is_ready(status, generation=tracked.generation),
            states=tracked.states, held=len((status.get("held") or {}).get("objects", ())),
        )  # fmt: skip

    # --- words -------------------------------------------------------------------------------

    def _narrate(self, tracked: Tracked, story: Story, before: JSON, status: JSON) -> None:
        """Log one line and send an Event for what is news to a person."""
        result, message = story.result, str(status.get("message", ""))
        safe = redactor(all_changes(result)) if result is not None else Redactor()
        changes = _changes(result) if result is not None else ""
        is_news = _gist(before) != _gist(status)
        if changes or is_news:
            self._log.info(
                "synced" if changes else "looked", application=tracked.key,
                revision=str(status.get("revision", ""))[:10], sync=status.get("sync"),
                health=status.get("health"), changes=changes or None, message=message,
                seconds=round(story.duration_s, 3),
            )  # fmt: skip
        rivals = frozenset(result.plan.rivals if result is not None and result.plan else ())
        for line in sorted(rivals - tracked.rivals_told):
            self._log.warning("contested", application=tracked.key, message=safe(line))
        fresh, tracked.rivals_told = rivals - tracked.rivals_told, rivals
        if self._events is None or story.application.origin != "resource":
            return
        send = self._events.tell
        for ref, repair in story.repaired.items():
            by = f", changed by {' and '.join(sorted(repair.managers))}" if repair.managers else ""
            send(
                story.application,
                kind="Normal",
                reason="DriftCorrected",
                message=safe(f"{ref}{by}"),
            )
        for line in sorted(fresh):
            send(story.application, kind="Warning", reason="Contested", message=safe(line))
        revision = result.revision if result is not None else None
        if changes and revision is not None and len(story.repaired) < _written(result):
            text = safe(f"{changes} at {revision.short} {revision.subject}".rstrip())
            send(story.application, kind="Normal", reason="Synced", message=text)
        if is_news:
            for condition in status["conditions"]:
                reason = _newsworthy(condition, before)
                if reason:
                    kind: Any = "Warning"
                    send(story.application, kind=kind, reason=reason, message=condition["message"])

    # --- writing statuses --------------------------------------------------------------------

    def start(self) -> None:
        """Write statuses from now on, on threads of its own."""
        if self._client is None:
            return
        writers = [(self._lasting, 0.0)] * _WRITERS + [(self._passing, _PASSING_PAUSE_S)]
        for number, work in enumerate(writers):
            name = f"status {number}"
            thread = threading.Thread(target=self._write_all, args=work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self, within_s: float) -> None:
        """Write what is still to be told, as far as there is time."""
        for key in list(self._pending):
            self._lasting.add(key)
        deadline = threading.Event()
        timer = threading.Timer(within_s, deadline.set)
        timer.daemon = True
        timer.start()
        while self._pending and not deadline.wait(0.02):
            pass
        timer.cancel()
        self._stop.set()
        for thread in self._threads:
            thread.join(1.0)

    def _write_all(self, queue: DelayQueue, pause_s: float) -> None:
        while (due := queue.get(self._stop)) is not None:
            key, _ = due
            tracked = self._pending.pop(key, None)
            if tracked is not None:
                with tracked.telling:
                    is_written = self._write(tracked)
                if not is_written:
                    self._pending.setdefault(key, tracked)
                    queue.add(key, after_s=_RETRY_S)
                self._stop.wait(pause_s)
            queue.done(key)

    def _write(self, tracked: Tracked) -> bool:
        """Write the newest status; False when it has to be tried again."""
        status, application = tracked.status, tracked.application
        if self._client is None or application is None or status == tracked.written:
            return True
        try:
            resources.write_status(self._client, application, status)
        except (NotFoundError, ConflictError):
            return True  # it is gone, or another of that name has come: that one is looked at
        except PlumbError as error:
            self._log.warning("status not written", application=tracked.key, error=str(error))
            return False
        except Exception as error:  # noqa: BLE001 - one odd status must not stop the others
            bug = unexpected(error)
            self._log.error("status not written", application=tracked.key, error=str(bug))
            return True
        tracked.written = status
        return True


def _word(result: SyncResult) -> SyncWord:
    """Return how a pass ended, for its counter."""
    if result.errors or any(o.action == "failed" for o in result.outcomes):
        return "failed"
    if result.plan is not None and held(result.plan):
        return "held"
    if result.waiting:
        return "waiting"
    return "synced" if _written(result) else "unchanged"


def _states(result: SyncResult) -> dict[tuple[str, str], int]:
    """Return how many objects are in which state: whether as Git wants them, and their health."""
    plan = result.plan
    done = {o.ref for o in result.outcomes if o.action not in {"failed", "skipped", "kept"}}
    in_step = done | set(plan.unchanged if plan else ())
    words = (
        (str(SyncStatus.SYNCED if ref in in_step else SyncStatus.OUT_OF_SYNC), str(health.status))
        for ref, health in result.health.items()
    )
    return dict(Counter(words))


def _changes(result: SyncResult) -> str:
    """Return what was written, as in "1 created, 2 updated"; "" for nothing."""
    counts = Counter[str](o.action for o in result.outcomes)
    told = ("created", "adopted", "updated", "replaced", "deleted", "released", "failed")
    return ", ".join(f"{counts[action]} {action}" for action in told if counts[action])


def _written(result: SyncResult | None) -> int:
    outcomes = result.outcomes if result is not None else ()
    return sum(1 for o in outcomes if o.action not in {"kept", "skipped", "unchanged", "failed"})


def _gist(status: JSON) -> object:
    """Return what makes a status news: its words and conditions, without times and counts."""
    if not isinstance(status, dict):
        return None
    found = [(c["type"], c["status"], c["reason"]) for c in status.get("conditions", ())]
    return status.get("sync"), found


def _newsworthy(condition: JSON, before: JSON) -> str:
    """Return the reason of an Event for a condition that is bad news, "" for none."""
    reason = str(condition["reason"])
    is_bad = condition["type"] in {"Stalled", "PruneHeld"} or (
        condition["type"] == "Ready" and condition["status"] == "False"
        and reason not in conditions.UNDER_WAY
    )  # fmt: skip
    if not is_bad:
        return ""
    known = before.get("conditions", ()) if isinstance(before, dict) else ()
    is_old = any((c["type"], c["reason"]) == (condition["type"], reason) for c in known)
    return "" if is_old else ("PruneHeld" if condition["type"] == "PruneHeld" else reason)
