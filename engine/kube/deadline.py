"""Ending requests that go on for longer than they may.

A socket's timeout starts afresh with every byte, so a server that drips its answer could hold a
thread for ever. One thread looks at all requests in flight and shuts the sockets of those that
are over time; their readers then see the end of the stream.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK_S: Final = 0.5


@dataclass(eq=False, slots=True)
class Flight:
    """One request under way. ``sent``: a byte of it may have reached the server."""

    ends_at: float
    socket: socket.socket | None = None
    sent: bool = False
    expired: bool = False


class Watch:
    """Watches flights; the connection finds the one of its own thread in ``current``."""

    def __init__(self) -> None:
        self._flights: set[Flight] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._asleep = False
        self._closed = False
        self._local = threading.local()

    @property
    def current(self) -> Flight | None:
        """The flight of this thread, if it is in one."""
        return getattr(self._local, "flight", None)

    @contextmanager
    def flight(self, seconds: float) -> Iterator[Flight]:
        """Count this thread's request as under way, for at most so many seconds."""
        flight = Flight(time.monotonic() + seconds)
        with self._changed:
            self._flights.add(flight)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            elif self._asleep:
                self._changed.notify()
        self._local.flight = flight
        try:
            yield flight
        finally:
            self._local.flight = None
            with self._changed:
                self._flights.discard(flight)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        quiet = 0
        while True:
            with self._changed:
                # Waking it for each of many short requests would cost more than looking around
                # twice a second; after ten quiet looks it sleeps until the next request.
                quiet = 0 if self._flights else quiet + 1
                self._asleep = quiet > 10
                self._changed.wait(None if self._asleep else LOOK_S)
                self._asleep = False
                if self._closed:
                    return
                now = time.monotonic()
                for flight in self._flights:
                    if flight.ends_at <= now and flight.socket is not None:
                        flight.expired = True
                        shut(flight.socket)


def shut(sock: socket.socket) -> None:
    """End whatever another thread reads from this socket."""
    with contextlib.suppress(OSError):
        # Not SSLSocket.shutdown(): that takes the TLS state away from under the reading thread.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
