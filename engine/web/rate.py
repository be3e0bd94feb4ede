"""How often somebody may knock: token buckets, by address, in bounded room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Rate:
    """Lets ``burst`` through at once and ``per_s`` from then on, for each name by itself.

    At most ``names`` are remembered, those that came last: a crowd of new names takes no memory.
    Threads share it.
    """

    def __init__(
        self, *, per_s: float, burst: float, names: int, clock: Callable[[], float]
    ) -> None:
        self._per_s = per_s
        self._burst = burst
        self._names = names
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        with self._lock:
            return len(self._buckets)

    def wait_s(self, name: str) -> float:
        """Take a token and return 0.0, or return the seconds until there is one."""
        with self._lock:
            now = self._clock()
            bucket = self._buckets.setdefault(name, _Bucket(self._burst, now))
            self._buckets.move_to_end(name)
            while len(self._buckets) > self._names:
                self._buckets.popitem(last=False)
            filled = bucket.tokens + (now - bucket.filled_at) * self._per_s
            bucket.tokens, bucket.filled_at = min(self._burst, filled), now
            if bucket.tokens < 1.0:
                return (1.0 - bucket.tokens) / self._per_s
            bucket.tokens -= 1.0
            return 0.0
