"""One watch, kept alive: listed once, followed, resumed where it broke, listed anew when it must.

Belongs here: how a watch lives. Not here: which watches there are (watched.py), what is kept of
the objects (store.py). Events only mean "look sooner"; nothing is proven by their absence.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from engine.errors import ApiError, DeniedError, PlumbError, unexpected
from engine.kube.gcguard import collector_off
from engine.kube.status import is_expired

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.kube.client import Client
    from engine.kube.store import Store

# The server says BOOKMARK about once a minute; a connection that is silent for longer is dead.
SILENCE_S: Final = 100.0
LASTS_S: Final = (300.0, 600.0)
LISTED_AGAIN_S: Final = (2700.0, 4500.0)
BACKOFF_S: Final = 0.5
BACKOFF_CAP_S: Final = 30.0
REFUSED_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Key:
    """What makes two watches the same: who looks, at which list, with which selector."""

    identity: str
    path: str
    selector: tuple[str, str] = ("", "")  # "labelSelector" or "fieldSelector", and its text
    metadata_only: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """Where a watch stands: ``version`` "" means that it has to list first."""

    version: str = ""
    failures: int = 0
    pause_s: float = 0.0
    list_at: float = 0.0  # monotonic; when everything is compared again, events or not
    heard_at: float = 0.0  # monotonic; the last list or event, when this was in step for certain


class Watch:
    """One list that is followed on a thread of its own until it is stopped.

    ``is_synced``: the whole list was seen, and what changed since arrives. ``error`` is why not.
    """

    def __init__(
        self, client: Client, key: Key, store: Store, *, stop: threading.Event,
        on_restart: Callable[[Key], None] = lambda _key: None,
    ) -> None:  # fmt: skip
        self.key = key
        self.store = store
        self.error: PlumbError | None = None
        self._client = client
        self._stop = stop
        self._ended = threading.Event()
        self._wake = threading.Event()
        self._on_restart = on_restart
        self._synced = False
        self._settled = threading.Event()

    @property
    def is_synced(self) -> bool:
        return self._synced

    def settled(self, within_s: float) -> bool:
        """Wait for the first list, however it ends; return whether the watch is in sync then."""
        self._settled.wait(within_s)
        return self._synced

    def start(self) -> None:
        """Follow from now on, on a thread of its own."""
        name = f"watch {self.key.path.rpartition('/')[2]}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def end(self) -> None:
        """Stop following, for good; the thread ends when it next hears of something."""
        self._synced = False
        self._ended.set()
        self._wake.set()

    def wake(self) -> None:
        """Try now what is waiting to be tried again: something has changed."""
        self._wake.set()

    @property
    def _is_over(self) -> bool:
        return self._stop.is_set() or self._ended.is_set()

    def _run(self) -> None:
        state = State()
        while not self._is_over:
            state = self.step(state)
            self._settled.set()
            if state.pause_s:
                self._pause(state.pause_s)

    def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._is_over and (left := deadline - time.monotonic()) > 0:
            if self._wake.wait(min(left, 1.0)):
                self._wake.clear()
                return

    def step(self, state: State) -> State:
        """List, or follow until the connection ends; return how to go on. Never raises."""
        try:
            if not state.version or time.monotonic() >= state.list_at:
                return self._list(state.failures)
            return self._follow(state)
        except PlumbError as error:
            return self._failed(state, error)
        except Exception as error:  # noqa: BLE001 - one odd object must not end a watch for good
            return replace(self._failed(state, unexpected(error)), version="")

    def _list(self, failures: int) -> State:
        with collector_off():
            items, version = self._client.snapshot(
                self.key.path, params=self._selector, metadata_only=self.key.metadata_only
            )
            self.store.replace(items, version)
        self._synced, self.error = True, None
        now = time.monotonic()
        again_at = now + random.uniform(*LISTED_AGAIN_S)  # noqa: S311
        return State(version, failures=failures, list_at=again_at, heard_at=now)

    def _follow(self, state: State) -> State:
        began, version, heard = time.monotonic(), state.version, 0
        heard_at = state.heard_at
        params = {
            **self._selector, "resourceVersion": version, "allowWatchBookmarks": "true",
        }  # fmt: skip
        lasts_s = random.uniform(*LASTS_S)  # noqa: S311 - spreads load, guards nothing
        try:
            with self._client.watch(
                self.key.path,
                params=params,
                timeout_s=lasts_s,
                silence_s=SILENCE_S,
                metadata_only=self.key.metadata_only,
            ) as events:
                for event in events:
                    if self._is_over:
                        break
                    heard, heard_at = heard + 1, time.monotonic()
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        self.store.event(event["type"], event["object"])
        except PlumbError as error:
            before = replace(state, version=version, heard_at=heard_at)
            return self._failed(before, error, heard=heard)
        if heard or time.monotonic() - began > 1.0:
            return replace(state, version=version, failures=0, pause_s=0.0, heard_at=heard_at)
        # Ended at once: a server on its way down, or a definition that just changed.
        return replace(state, failures=state.failures + 1, pause_s=_backoff(state.failures))

    def _failed(self, state: State, error: PlumbError, *, heard: int = 0) -> State:
        self._on_restart(self.key)
        if is_expired(error):
            return replace(state, version="", failures=0, pause_s=0.0)
        failures = 0 if heard else state.failures
        is_refused = isinstance(error, DeniedError) or (
            isinstance(error, ApiError) and error.status == 404
        )
        if is_refused or not state.version:
            self._synced, self.error = False, error
        if is_refused:
            self.store.clear()
            return State(pause_s=REFUSED_S)
        # Where lists go through and watches do not, resuming alone would never find anything out.
        is_stale = time.monotonic() - state.heard_at >= SILENCE_S
        version = "" if is_stale else state.version
        return replace(state, version=version, failures=failures + 1, pause_s=_backoff(failures))

    @property
    def _selector(self) -> dict[str, str]:
        name, text = self.key.selector
        return {name: text} if name else {}


def _backoff(failures: int) -> float:
    ceiling = min(BACKOFF_CAP_S, BACKOFF_S * 2.0 ** min(failures, 16))
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - spreads load, guards nothing
