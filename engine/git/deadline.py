"""One deadline for a whole operation, kept even against a server that sends a byte a second.

Socket timeouts bound a single read, so a dripping server outlives them. A watching thread cuts the
connection instead; it lives as long as the operation and no longer.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from engine.errors import GitError

if TYPE_CHECKING:
    from collections.abc import Callable

_STOP_POLL_S = 0.2


class Deadline:
    """Counts from its creation. ``stop`` ends the operation too, within a fraction of a second."""

    def __init__(
        self, timeout_s: float, *, where: str, stop: threading.Event | None = None
    ) -> None:
        self.timeout_s = timeout_s
        self._where = where
        self._stop = stop
        self._end = time.monotonic() + timeout_s
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._cuts: list[Callable[[], object]] = []
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._watcher is not None:
            self._watcher.join()

    @property
    def remaining_s(self) -> float:
        """Seconds left, never quite 0: that would mean "for ever" or "do not wait" to sockets."""
        return max(self._end - time.monotonic(), 0.001)

    def check(self) -> None:
        """Raise when the time is up or the caller wants to stop."""
        if self._stop is not None and self._stop.is_set():
            raise GitError("PLB229", "stopped before the fetch was done", where=self._where)
        if time.monotonic() >= self._end:
            raise GitError(
                "PLB210",
                f"no complete answer within {self.timeout_s:g} s",
                where=self._where,
                why="the server is slow, silent, or the network drops its packets",
                hint="try again, or allow it more time",
            )

    def wait(self, seconds: float) -> None:
        """Wait a little, not beyond the deadline or a stop; then check both."""
        (self._stop or self._done).wait(min(seconds, self.remaining_s))
        self.check()

    def guard(self, connection: socket.socket | Callable[[], object]) -> None:
        """Cut this connection (or call this) the moment the time is up."""
        cut = _shutdown(connection) if isinstance(connection, socket.socket) else connection
        with self._lock:
            self._cuts.append(cut)
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, daemon=True, name="deadline")
                self._watcher.start()

    def _watch(self) -> None:
        pause = _STOP_POLL_S if self._stop is not None else self.timeout_s
        while not self._done.wait(min(pause, self.remaining_s)):
            if time.monotonic() < self._end and not (self._stop and self._stop.is_set()):
                continue
            # A connection may be opened after the first cut: keep cutting until the end.
            with self._lock:
                cuts, self._cuts = self._cuts, []
            for cut in cuts:
                with suppress(Exception):  # closed already, or closing in the other thread
                    cut()
            self._done.wait(0.05)


def _shutdown(connection: socket.socket) -> Callable[[], object]:
    # Not SSLSocket.shutdown(): it drops the TLS state that the reading thread is using.
    return lambda: socket.socket.shutdown(connection, socket.SHUT_RDWR)
