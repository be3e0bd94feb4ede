"""The daemon: events in, looks out. When each application is looked at, and by whom.

Every event only means "look sooner" (invariant 10). Workers take names from one queue, so one
application is never worked on twice at once, and nothing that waits holds a worker.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from engine.daemon.fights import Fights
from engine.daemon.queue import DelayQueue
from engine.daemon.story import Story
from engine.daemon.tracked import Tracked
from engine.errors import PlumbError, unexpected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from engine.daemon.book import Book
    from engine.daemon.cluster import Cluster
    from engine.daemon.farewell import Farewell
    from engine.daemon.look import Looker
    from engine.daemon.sources import Sources
    from engine.kube.store import Seen
    from engine.kube.watch import Watch
    from engine.model import ObjectRef

# Events come in bunches: a controller writes status and annotations one after the other.
_GATHER_S: Final = 0.02
_KINDS_SETTLE_S: Final = 0.5
_FILES_EVERY_S: Final = 5.0
_BUG_S: Final = 30.0
_EARLY_KEPT: Final = 5000


class Loop:
    """Holds what is remembered of every application, and lets workers look at what is due.

    Wired by its maker: ``looker`` and ``farewell`` are set before :meth:`start`. ``log`` takes one
    event and its fields.
    """

    looker: Looker
    farewell: Farewell

    def __init__(
        self, *, stop: threading.Event, workers: int, log: Any, files: Sequence[str] = ()
    ) -> None:
        self.queue = DelayQueue()
        self._stop = stop
        self._workers = workers
        self._log = log
        self._files = tuple(files)
        self._lock = threading.Lock()
        self._tracked: dict[str, Tracked] = {}
        self._owners: dict[str, str] = {}
        self._early: OrderedDict[str, dict[ObjectRef, str]] = OrderedDict()
        self._dependents: dict[str, set[str]] = {}
        self._threads: list[threading.Thread] = []
        self.applications: Watch | None = None
        self._told: set[str] = set()
        self.beat_at = time.monotonic()
        self.book: Book
        self.sources: Sources
        self.cluster: Cluster

    # --- life --------------------------------------------------------------------------------

    def start(self, *, namespace: str = "", resources: bool = True) -> None:
        """Watch, poll and work from now on. ``namespace``: only Applications of that one."""
        self.cluster.start()
        self.read_files()
        if resources:
            self.applications = self.cluster.applications(self.on_application, namespace=namespace)
        self.sources.start()
        for number in range(self._workers):
            self._spawn(self._work, f"worker {number}")
        self._spawn(self._keep_time, "time")

    def _spawn(self, work: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self, within_s: float) -> bool:
        """Wait for the workers to end after a stop; False when one did not in time."""
        ends_at = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, ends_at - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def find(self, key: str) -> Tracked | None:
        """Return what is remembered of an application."""
        return self._tracked.get(key)

    def all(self) -> list[Tracked]:
        """Return what is remembered of every application."""
        with self._lock:
            return list(self._tracked.values())

    # --- events ------------------------------------------------------------------------------

    def on_application(self, seen: Seen) -> None:
        """Hear that an Application resource was made, changed or deleted."""
        watch = self.applications
        live = watch.store.get(seen.ref) if watch is not None and seen.version else None
        if live is not None:
            self.book.take(live.body)
        elif not seen.version:
            self.book.drop(f"{seen.ref.namespace}/{seen.ref.name}")

    def on_book(self, key: str, change: str) -> None:
        """Hear what the book says of an application: "new", "spec", "requested" or "gone"."""
        entry = self.book.get(key)
        if change == "requested" and entry is not None and entry.error is None:
            self._know(key)
            if self.sources.refresh(key):
                return  # looked at when Git has answered
        if entry is None or entry.error is not None or entry.application.is_terminating:
            self.sources.leave(key)
        else:
            self.sources.follow(entry.application)
        self._know(key)
        self.queue.add(key, reason=change)

    def on_commit(self, names: Iterable[str], reason: str) -> None:
        """Hear that Git has news for these."""
        for name in names:
            self.queue.add(name, reason=reason)

    def on_object(self, seen: Seen) -> None:
        """Hear that others changed an object that carries somebody's label."""
        with self._lock:
            key = self._owners.get(seen.owner)
            if key is None and seen.owner:
                # A controller is often faster than the pass that made the object: kept until it is
                # known whose label this is.
                self._early.setdefault(seen.owner, {})[seen.ref] = seen.version
                while len(self._early) > _EARLY_KEPT:
                    self._early.popitem(last=False)
        tracked = self._tracked.get(key) if key else None
        if key and tracked is not None:
            tracked.touch(seen.ref, seen.version)
            self.queue.add(key, after_s=_GATHER_S, reason="object")

    def _own(self, tracked: Tracked) -> None:
        """Note whose label this is, and hand over what was heard of it too early."""
        owner = tracked.memory.owner
        if not owner or self._owners.get(owner) == tracked.key:
            return
        with self._lock:
            self._owners[owner] = tracked.key
            early = self._early.pop(owner, {})
        for ref, version in early.items():
            tracked.touch(ref, version)
        if early:
            self.queue.add(tracked.key, after_s=_GATHER_S, reason="object")

    def on_record(self, key: str) -> None:
        """Hear that another process wrote an application's record."""
        if key in self._tracked:
            self.queue.add(key, after_s=1.0, reason="record")

    def on_kinds(self) -> None:
        """Hear that a definition came, changed or went: who is not in order may be now."""
        for tracked in self.all():
            if not tracked.is_quiet:
                self.queue.add(tracked.key, after_s=_KINDS_SETTLE_S, reason="kinds")

    def on_rival(self, key: str) -> None:
        """Hear that another application wants an object of this one."""
        self.queue.add(key, reason="rival")

    def on_progress(self, key: str) -> None:
        """Hear that an application became ready, or is in order at another head."""
        for name in sorted(self._dependents.get(key, ())):
            self.queue.add(name, reason="dependency")

    # --- work --------------------------------------------------------------------------------

    def _know(self, key: str) -> Tracked:
        entry = self.book.get(key)
        with self._lock:
            tracked = self._tracked.get(key)
            if tracked is None:
                # What an earlier daemon said goes on: its history, and since when things are so.
                said = entry.status if entry else None
                tracked = self._tracked[key] = Tracked(key, Fights(), status=said, written=said)
            for names in self._dependents.values():
                names.discard(key)
            for name in entry.application.depends_on if entry else ():
                other = f"{entry.application.namespace}/{name}" if entry else ""
                self._dependents.setdefault(other, set()).add(key)
        return tracked

    def _work(self) -> None:
        while (due := self.queue.get(self._stop)) is not None:
            key, reasons = due
            again_s: float | None = _BUG_S
            try:
                again_s = self._look(key, reasons)
            except PlumbError as error:
                self._log.error("look failed", application=key, error=str(error), code=error.code)
            except Exception as error:  # noqa: BLE001 - a bug of one must not stop the others
                bug = unexpected(error)
                self._log.error("look failed", application=key, error=str(bug), code=bug.code)
            if again_s is not None and not self._stop.is_set():
                self.queue.add(key, after_s=again_s, reason="retry")
            self.queue.done(key)

    def _look(self, key: str, reasons: Sequence[str]) -> float | None:
        tracked = self._tracked.get(key)
        entry = self.book.get(key)
        if tracked is None:
            return None
        if entry is None:
            return self._gone(tracked)
        application = entry.application
        if entry.error is not None:
            tracked.is_ready = tracked.is_quiet = False
            tracked.application = application
            self.looker.teller.tell(tracked, Story(application, error=entry.error))
            return None
        if application.is_terminating:
            return self.farewell.leave(tracked, application)
        if {"new", "requested"}.intersection(reasons):
            tracked.handled_at = application.requested_at
        if not self.looker.is_dry:
            self.farewell.prepare(application)
        if "retry" in reasons and not tracked.is_quiet:
            self._refresh_kinds(tracked)
        again_s = self.looker.look(tracked, application, reasons)
        self._own(tracked)
        return again_s

    def _refresh_kinds(self, tracked: Tracked) -> None:
        """Ask for the kinds again where one was not known: its definition's event may be lost."""
        if tracked.lacks_kinds:
            self.cluster.catalog.expire()

    def _gone(self, tracked: Tracked) -> float | None:
        """End what is remembered of an application that is not there any more."""
        self.sources.leave(tracked.key)
        again_s = None
        if tracked.application is not None and not self.looker.is_dry:
            again_s = self.farewell.gone(tracked, tracked.application)
        if again_s is None:
            with self._lock:
                self._tracked.pop(tracked.key, None)
                self._owners.pop(tracked.memory.owner, None)
                for names in self._dependents.values():
                    names.discard(tracked.key)
            self.looker.forget(tracked)
            self.on_progress(tracked.key)
        return again_s

    # --- time --------------------------------------------------------------------------------

    def _keep_time(self) -> None:
        """Read the files again now and then, and show that the process is not stuck."""
        while not self._stop.wait(_FILES_EVERY_S):
            self.read_files()
            # A queue whose keys are due and not taken has no worker left that moves.
            if self.queue.oldest_age_s() < 60.0:
                self.beat_at = time.monotonic()

    def read_files(self) -> None:
        """Take up what the files of applications hold now."""
        if not self._files:
            return
        for error in self.book.read(self._files):
            text = str(error)
            if text not in self._told:
                self._log.error("application file", error=text, code=error.code)
                self._told.add(text)
