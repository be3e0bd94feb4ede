"""One story seen from the proxies: what was asked, in which order, and what was done about it.

Several stories share a control plane; the first part of every URL names the lane. The log of a
lane is what the checker believes, beside the API server itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from e2e.faults.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.faults.wire import Request

Side: TypeAlias = Literal["api", "git"]
Kind: TypeAlias = Literal[
    "delay", "drop", "answer", "hang", "act", "lost", "after", "reset", "drip", "edit", "kill",
    "kill-after", "mute",
]  # fmt: skip
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request.

    Before it is forwarded: delay by ``seconds``; act, by calling ``act``, and then as usual.
    Instead of forwarding: drop the connection; answer ``response``; hang; kill the client.
    After forwarding: the answer is lost; ``response`` comes in its place; reset in the middle of
    it; drip, a byte each ``seconds``; edit it; kill-after, the client never reads it. A watch is
    reset after ``seconds``; mute, it stays open and says nothing more.
    """

    kind: Kind
    name: str = ""
    response: Response = field(default_factory=lambda: Response(500))
    seconds: float = 0.0
    act: Callable[[], None] | None = None
    edit: Callable[[Request, Response], Response] | None = None

    def __str__(self) -> str:
        return self.name or self.kind


@dataclass(slots=True)
class Exchange:
    """One request on its way: where it is in its run, and what became of it.

    ``label`` with ``nth`` names it whatever the order in which threads ask; ``answer`` is what the
    real server said (None: it never got the request, or broke); ``told`` the status that the
    client saw (0: none); ``at`` when it came in, by the monotonic clock.
    """

    run: int
    number: int
    side: Side
    request: Request
    label: str
    nth: int
    fault: str = ""
    answer: Response | None = None
    told: int = 0
    is_over: bool = False
    at: float = field(default_factory=time.monotonic)

    @property
    def is_write(self) -> bool:
        return self.side == "api" and self.request.method in WRITES

    @property
    def has_landed(self) -> bool:
        """Whether the real server carried out a write."""
        return self.answer is not None and 200 <= self.answer.status < 300


Decide: TypeAlias = "Callable[[Exchange], Fault | None]"


def no_fault(_: Exchange) -> Fault | None:
    """Let everything pass."""
    return None


@dataclass
class Lane:
    """The requests of one story. ``alias`` are texts that a label leaves out: names with chance.

    ``page_size``, if not 0, is what lists are cut into, whatever the client asks for.

    ``witness`` is called before a write is forwarded, in the thread that would forward it.
    ``mishaps`` are what broke in the story itself, and not in Plumb.
    """

    name: str
    alias: dict[str, str] = field(default_factory=dict)
    decide: Decide = no_fault
    witness: Callable[[Exchange], None] | None = None
    log: list[Exchange] = field(default_factory=list)
    mishaps: list[str] = field(default_factory=list)
    run: int = 0
    victim: int | None = None
    page_size: int = 0
    connections: int = 0
    _numbers: Counter[int] = field(default_factory=Counter)
    _labels: Counter[tuple[int, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, decide: Decide = no_fault) -> int:
        """Begin the next run, with these faults; its number."""
        with self._lock:
            self.run += 1
            self.decide, self.victim = decide, None
            return self.run

    def arrive(self, run: int, side: Side, request: Request) -> Exchange:
        """Note a request that has come in."""
        label = self._label(side, request)
        with self._lock:
            self._numbers[run] += 1
            self._labels[run, label] += 1
            exchange = Exchange(
                run, self._numbers[run], side, request, label, self._labels[run, label]
            )
            self.log.append(exchange)
        return exchange

    def fault_of(self, exchange: Exchange) -> Fault | None:
        """Return what is to happen to it; a straggler of an earlier run gets no fault."""
        return self.decide(exchange) if exchange.run == self.run else None

    def of_run(self, run: int) -> list[Exchange]:
        """Return the requests of one run in the order in which they came in."""
        with self._lock:
            return [exchange for exchange in self.log if exchange.run == run]

    def connected(self, change: int) -> None:
        """Note that a client came (1) or went (-1)."""
        with self._lock:
            self.connections += change

    def rest(self, *, within_s: float = 10.0) -> None:
        """Wait until no client is connected and every answer has come; AssertionError if not."""
        deadline = time.monotonic() + within_s
        while True:
            with self._lock:
                busy = self.connections or any(not e.is_over for e in reversed(self.log[-50:]))
            if not busy:
                return
            assert time.monotonic() < deadline, f"{self.name}: clients that do not go away"
            threading.Event().wait(0.002)

    def kill(self) -> None:
        """Kill the process whose run this is, as kill -9 does."""
        if self.victim is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.victim, signal.SIGKILL)

    def _label(self, side: Side, request: Request) -> str:
        if side == "git":
            return _git_step(request)
        path = request.path
        more = " (next page)" if "continue=" in request.query else ""
        selected = " (selected)" if "labelSelector=" in request.query else ""
        made = f" {_made(request)}" if request.method == "POST" else ""
        label = f"{request.method} {path}{made}{selected}{more}"
        for text, name in self.alias.items():
            label = label.replace(text, name)
        return label


def _made(request: Request) -> str:
    """Return the name of the object that a POST makes: its URL has only the collection."""
    try:
        return str(json.loads(request.body)["metadata"]["name"])
    except (ValueError, KeyError, TypeError):
        return ""


def _git_step(request: Request) -> str:
    if request.method == "GET":
        return "git advertisement"
    return "git refs" if b"command=ls-refs" in request.body else "git pack"
