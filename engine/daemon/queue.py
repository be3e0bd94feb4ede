"""The delay queue that feeds the workers: which application comes next, and when.

Belongs here: keys, moments and reasons. Not here: why something is due (the loop), and what is
done about it (reconcile.py).
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOM = 64


@dataclass(eq=False, slots=True)
class _Entry:
    """One key that waits. An entry that ``_waiting`` no longer holds is skipped in the heap."""

    key: str
    due: float
    reasons: tuple[str, ...]


class DelayQueue:
    """Keys that become due; threads share it.

    A key waits at most once: added again, the earlier moment wins and the reasons collect. A key
    that was handed out is handed out again only after :meth:`done`, also when it is added
    meanwhile. Keys come in the order in which they became due.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: dict[str, _Entry] = {}
        self._heap: list[tuple[float, int, _Entry]] = []
        self._numbers = itertools.count()
        self._working: set[str] = set()
        # One of the waiting threads, the one that the clock wakes; the others sleep on.
        self._leader: int | None = None
        self._stops: set[int] = set()

    def add(self, key: str, *, after_s: float = 0.0, reason: str = "") -> None:
        """Make ``key`` due in so many seconds, or leave it if it is due sooner."""
        with self._changed:
            due = self._clock() + max(0.0, after_s)
            known = self._waiting.get(key)
            if known is not None:
                if reason and reason not in known.reasons:
                    known.reasons = (*known.reasons, reason)
                if known.due <= due:
                    return
                reasons = known.reasons
            else:
                reasons = (reason,) if reason else ()
            entry = self._waiting[key] = _Entry(key, due, reasons)
            if key not in self._working:
                self._push(entry)

    def get(self, stop: threading.Event) -> tuple[str, tuple[str, ...]] | None:
        """Wait for the next key that is due; its reasons in the order they came. None: stopped."""
        self._listen(stop)
        me = threading.get_ident()
        with self._changed:
            try:
                while not stop.is_set():
                    entry = self._first()
                    wait_s = None if entry is None else entry.due - self._clock()
                    if entry is not None and wait_s is not None and wait_s <= 0:
                        heapq.heappop(self._heap)
                        del self._waiting[entry.key]
                        self._working.add(entry.key)
                        return entry.key, entry.reasons
                    if wait_s is None or self._leader is not None:
                        self._changed.wait()
                        continue
                    self._leader = me
                    self._changed.wait(min(wait_s, threading.TIMEOUT_MAX))
                    if self._leader == me:
                        self._leader = None
                return None
            finally:
                if self._leader is None and self._first() is not None:
                    self._changed.notify()

    def done(self, key: str) -> None:
        """Say that the work on ``key`` is over; what was added meanwhile may come now."""
        with self._changed:
            if key not in self._working:
                return
            self._working.discard(key)
            entry = self._waiting.get(key)
            if entry is not None:
                self._push(entry)

    def discard(self, key: str) -> None:
        """Forget that ``key`` is waiting; work that is under way goes on."""
        with self._changed:
            self._waiting.pop(key, None)

    def __len__(self) -> int:
        """How many keys wait, due or not; those being worked on count only if added again."""
        with self._changed:
            return len(self._waiting)

    def depth(self) -> int:
        """How many keys are due and not yet handed out."""
        with self._changed:
            now = self._clock()
            return sum(1 for e in self._waiting.values()
                       if e.due <= now and e.key not in self._working)  # fmt: skip

    def oldest_age_s(self) -> float:
        """Seconds for which the oldest key has been due without being handed out; 0.0 if none."""
        with self._changed:
            entry = self._first()
            return 0.0 if entry is None else max(0.0, self._clock() - entry.due)

    def _first(self) -> _Entry | None:
        """Return the entry that is due first; drop what was replaced or discarded before it."""
        while self._heap:
            entry = self._heap[0][2]
            if self._waiting.get(entry.key) is entry:
                return entry
            heapq.heappop(self._heap)
        return None

    def _push(self, entry: _Entry) -> None:
        if len(self._heap) > 2 * len(self._waiting) + _ROOM:
            # What an event overtook stays until its own moment: many events, many of those.
            self._heap = [item for item in self._heap if self._waiting.get(item[2].key) is item[2]]
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, (entry.due, next(self._numbers), entry))
        if self._first() is entry:
            # Whoever waits for a later moment would wake too late.
            self._leader = None
            self._changed.notify()

    def _listen(self, stop: threading.Event) -> None:
        """Wake the sleepers when ``stop`` is set: a condition cannot wait for an event itself."""
        with self._changed:
            if id(stop) in self._stops or stop.is_set():
                return
            self._stops.add(id(stop))
        threading.Thread(target=self._wake, args=(stop,), name="queue-stop", daemon=True).start()

    def _wake(self, stop: threading.Event) -> None:
        stop.wait()
        with self._changed:
            self._stops.discard(id(stop))
            self._changed.notify_all()
