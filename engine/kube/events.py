"""Kubernetes Events about Applications: what a person wants to know, in `kubectl describe`.

Belongs here: sending them without ever being in the way. Not here: which ones there are and what
they say; their texts come masked.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, Self

from engine.errors import NotFoundError, PlumbError
from engine.model import GROUP
from engine.report.mask import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.kube.client import Client
    from engine.model import JSON, Application

_SAME_FOR_S: Final = 600.0
_REMEMBERED: Final = 4096
_WAITING: Final = 1000
_BURST: Final = 100.0
_PER_S: Final = 5.0
_MESSAGE: Final = 1024
_REASON: Final = 128
_NAME: Final = 253
_FAREWELL_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class _About:
    """What makes two Events the same."""

    namespace: str
    name: str
    uid: str
    kind: str
    reason: str
    message: str


@dataclass(slots=True)
class _Sent:
    """An Event that the server has: its path, how often it happened, when last."""

    path: str
    count: int
    at: float


@dataclass(slots=True)
class _Bucket:
    """So many at once, then so many a second."""

    left: float = _BURST
    filled_at: float | None = None

    def wait_s(self, now: float) -> float:
        """Take one and return 0.0, or return the seconds until there is one."""
        passed_s = 0.0 if self.filled_at is None else now - self.filled_at
        self.left = min(_BURST, self.left + max(0.0, passed_s) * _PER_S)
        self.filled_at = now
        if self.left >= 1.0:
            self.left -= 1.0
            return 0.0
        return (1.0 - self.left) / _PER_S


@dataclass(slots=True)
class Events:
    """Sends Events from a thread of its own; nobody waits for it.

    The same text about the same Application within 10 minutes raises the count of the first one.
    At most 100 at once and then 5 a second; 1,000 may wait, what comes then is dropped and counted.
    """

    client: Client
    stop: threading.Event = field(kw_only=True)
    clock: Callable[[], float] = field(default=time.monotonic, kw_only=True)
    dropped: int = field(init=False, default=0)  # for want of room
    failed: int = field(init=False, default=0)  # refused, or the API server could not be reached
    _waiting: OrderedDict[_About, int] = field(init=False, default_factory=OrderedDict)
    _sent: OrderedDict[_About, _Sent] = field(init=False, default_factory=OrderedDict)
    _bucket: _Bucket = field(init=False, default_factory=_Bucket)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _wake: threading.Event = field(init=False, default_factory=threading.Event)
    _closing: threading.Event = field(init=False, default_factory=threading.Event)
    _thread: threading.Thread | None = field(init=False, default=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def tell(
        self,
        application: Application,
        *,
        kind: Literal["Normal", "Warning"],
        reason: str,
        message: str,
    ) -> None:
        """Note an Event about an Application resource; about a file there is none to tell.

        ``reason`` is one word in CamelCase. Never waits and never raises.
        """
        if application.origin != "resource":
            return
        about = _About(application.namespace, application.name, application.uid, kind,
                       reason[:_REASON], _short(message))  # fmt: skip
        with self._lock:
            if about not in self._waiting and len(self._waiting) >= _WAITING:
                self.dropped += 1
                return
            self._waiting[about] = self._waiting.get(about, 0) + 1
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()
        self._wake.set()

    def close(self) -> None:
        """Send what may go at once, for at most 2 s, and end the thread."""
        self._closing.set()
        self._wake.set()
        thread = self._thread
        if thread is not None:
            thread.join(_FAREWELL_S)

    # --- the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while (wait_s := self._send_next()) is not None:
                if wait_s and (self._closing.is_set() or self.stop.wait(wait_s)):
                    return
            if self._closing.is_set():
                return

    def _send_next(self) -> float | None:
        """Send one; the seconds to wait before the next try, or None when there is nothing."""
        with self._lock:
            if not self._waiting:
                return None
            wait_s = self._bucket.wait_s(self.clock())
            if wait_s:
                return wait_s
            about, times = self._waiting.popitem(last=False)
        try:
            self._send(about, times)
        except PlumbError:
            self.failed += times
        return 0.0

    def _send(self, about: _About, times: int) -> None:
        now = self.clock()
        known = self._sent.get(about)
        if known is not None and now - known.at < _SAME_FOR_S:
            known.count += times
            known.at = now
            self._sent.move_to_end(about)
            with contextlib.suppress(NotFoundError):  # the server keeps Events for an hour
                self._raise_count(known)
                return
        event = _body(about, times)
        folder = f"/api/v1/namespaces/{about.namespace}/events"
        self.client.create(folder, event, ref=f"Event/{about.namespace}/{about.name}")
        self._sent[about] = _Sent(f"{folder}/{event['metadata']['name']}", times, now)
        self._sent.move_to_end(about)
        if len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)

    def _raise_count(self, known: _Sent) -> None:
        operations = [
            {"op": "replace", "path": "/count", "value": known.count},
            {"op": "replace", "path": "/lastTimestamp", "value": _now()},
        ]
        self.client.patch(known.path, operations)


def _body(about: _About, times: int) -> JSON:
    now = _now()
    suffix = f".{secrets.token_hex(8)}"
    name = about.name[: _NAME - len(suffix)].rstrip("-.") + suffix
    return {
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": name, "namespace": about.namespace},
        "involvedObject": {
            "apiVersion": f"{GROUP}/v1alpha1", "kind": "Application",
            "namespace": about.namespace, "name": about.name, "uid": about.uid,
        },
        "type": about.kind, "reason": about.reason, "message": about.message,
        "count": times, "firstTimestamp": now, "lastTimestamp": now,
        "source": {"component": "plumb"}, "reportingComponent": "plumb",
    }  # fmt: skip


def _short(message: str) -> str:
    """Return the message without control characters, at most 1024 long."""
    text = clean(message)
    return text if len(text) <= _MESSAGE else f"{text[: _MESSAGE - 3]}..."


def _now() -> str:
    return datetime.fromtimestamp(time.time(), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
