"""The daemon as a whole: every part made and wired, started, and stopped in order.

Belongs here: which part knows which. Not here: flags (cli/run.py), HTTP (web/), what the parts do.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from engine.daemon.book import Book
from engine.daemon.cluster import Cluster
from engine.daemon.farewell import Farewell
from engine.daemon.look import Looker
from engine.daemon.loop import Loop
from engine.daemon.results import Results
from engine.daemon.sources import SourceKey, Sources
from engine.daemon.teller import Teller
from engine.errors import PlumbError
from engine.git import Limits, Repository
from engine.git.identity import identity
from engine.kube import resources
from engine.kube.client import Client
from engine.kube.events import Events
from engine.kube.holder import own_name
from engine.kube.lease import Lease

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from engine.daemon.story import Metrics
    from engine.kube.config import Connection
    from engine.kube.sender import Exchange
    from engine.kube.watch import Key
    from engine.model import SyncResult

_LEASE_TIMEOUT_S: Final = 5.0
_WORKERS_END_WITHIN_S: Final = 7.0
_STATUSES_WITHIN_S: Final = 1.5
_FIRST_LIST_WITHIN_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Setup:
    """What the command line says. ``scope``: only Applications of this namespace."""

    cache_dir: Path
    record_namespace: str
    files: tuple[str, ...] = ()
    scope: str = ""
    namespace: str = "default"
    workers: int = 8
    default_account: str = ""
    request_timeout_s: float = 30.0
    git_timeout_s: float = 60.0
    with_resources: bool = True
    is_dry: bool = False


class Service:
    """Made once; :meth:`run` returns when ``stop`` is set, or when the Lease is lost."""

    def __init__(  # noqa: PLR0913 - each is a wire to another part
        self, connection: Connection, setup: Setup, metrics: Metrics, *, stop: threading.Event,
        log: Any, on_request: Callable[[Exchange], None] | None = None,
        on_poll: Callable[[SourceKey, bool, float], None] = lambda *_: None,
        on_restart: Callable[[Key], None] = lambda _key: None,
    ) -> None:  # fmt: skip
        self.setup = setup
        self.stop = stop
        self._connection = connection
        self._log = log
        self.loop = loop = Loop(stop=stop, workers=setup.workers, log=log, files=setup.files)
        self.cluster = Cluster(
            connection, namespace=setup.record_namespace, cache_dir=setup.cache_dir, stop=stop,
            default_account=setup.default_account, request_timeout_s=setup.request_timeout_s,
            on_request=on_request, on_object=loop.on_object, on_record=loop.on_record,
            on_kinds=loop.on_kinds,
            on_secret=self._secret_changed, on_restart=on_restart,
        )  # fmt: skip
        self.sources = Sources(self._connect, stop=stop, on_news=loop.on_commit, on_poll=on_poll)
        client = None if setup.is_dry else self.cluster.client
        self._events = None if client is None else Events(client, stop=stop)
        self.teller = Teller(client, self._events, metrics, log=log, on_progress=loop.on_progress)
        self.results = Results(self.teller)
        loop.book = Book(loop.on_book, namespace=setup.namespace)
        loop.sources, loop.cluster = self.sources, self.cluster
        loop.looker = Looker(
            loop.book, self.sources, self.cluster, self.results, loop.find, loop.all, loop.on_rival,
            is_dry=setup.is_dry,
        )  # fmt: skip
        loop.farewell = Farewell(self.cluster, self.results)
        self._lease: Lease | None = None
        self._is_started = False

    def _connect(self, key: SourceKey) -> Repository:
        credentials = None
        if key.secret:
            credentials = self.cluster.credentials(key.namespace, key.secret)
        return Repository(
            key.url, cache_dir=self.setup.cache_dir / "git", credentials=credentials,
            limits=Limits(timeout_s=self.setup.git_timeout_s), stop=self.stop,
        )  # fmt: skip

    def _secret_changed(self, namespace: str, name: str) -> None:
        self.sources.refresh_secret(namespace, name)

    # --- life --------------------------------------------------------------------------------

    def beat_age_s(self) -> float:
        """See engine.web.daemon.Daemon; a replica that stands by has no loop to be stuck."""
        return time.monotonic() - self.loop.beat_at if self._is_started else 0.0

    def not_ready(self) -> str:
        """See engine.web.daemon.Daemon. Standing by is ready: ready to take over."""
        if not self._is_started:
            return "" if self._lease is not None else "starting"
        watch = self.loop.applications
        if watch is not None and not watch.is_synced:
            return f"Applications cannot be watched: {watch.error or 'not listed yet'}"
        return ""

    def on_push(self, repositories: AbstractSet[str], ref: str | None) -> int:  # noqa: ARG002
        """See engine.web.daemon.Daemon. All refs of a source are asked for at once anyway.

        A replica that stands by follows nothing itself, and hands the hint on to the active one.
        """
        if self._is_started:
            return self.sources.hint(lambda url: identity(url) in repositories)
        threading.Thread(
            target=self._relay, args=(repositories,), name="relay", daemon=True
        ).start()
        return 1

    def _relay(self, repositories: AbstractSet[str]) -> None:
        """Ask for a look at one application of each source that is meant; the watch tells of it."""
        try:
            found = resources.list_all(self.cluster.client, self.setup.scope)
            wanted = {
                SourceKey.of(one.application): one.application for one in found
                if one.error is None and identity(one.application.source.url) in repositories
            }  # fmt: skip
            for application in wanted.values():
                moment = f"{datetime.now(UTC).isoformat()} push"  # noqa: TID251 - the edge
                resources.request(self.cluster.client, application, moment)
        except PlumbError as error:
            self._log.warning("a push was not handed on", error=str(error), code=error.code)

    @property
    def is_active(self) -> bool:
        """Whether this replica works: it holds the Lease, or needs none."""
        return self._lease is None or self._lease.is_held()

    def lead(self) -> bool:
        """Wait until this replica is the active one; False when it was stopped before."""
        client = Client(self._connection, request_timeout_s=_LEASE_TIMEOUT_S, connections=2)
        self._lease = Lease(
            client, namespace=self.setup.record_namespace,
            identity=f"{own_name()} {secrets.token_hex(4)}", stop=self.stop,
            on_lost=self._lost, on_error=lambda error: self._log.warning("lease", error=str(error)),
        )  # fmt: skip
        self._log.info("standing by", lease=f"{self.setup.record_namespace}/plumb")
        held = self._lease.acquire()
        if held:
            self._log.info("active", identity=self._lease.identity)
        return held

    def _lost(self) -> None:
        # Whoever took over works already; the record's version fences what is under way here.
        self._log.error("the lease is lost, so this process ends")
        self.stop.set()

    def start(self) -> None:
        """Look, and work, from now on."""
        self.loop.beat_at = time.monotonic()
        self._is_started = True
        self.teller.start()
        self.loop.start(namespace=self.setup.scope, resources=self.setup.with_resources)

    def once(self) -> list[SyncResult]:
        """Carry out every application as far as it goes, and return what became of each."""
        self.results.keep()
        self.start()
        watch = self.loop.applications
        if watch is not None and not watch.settled(_FIRST_LIST_WITHIN_S) and watch.error:
            raise watch.error
        names = [entry.key for entry in self.loop.book.entries()]
        while not self.stop.wait(_LOOK_EVERY_S) and not self.results.are_final(names):
            pass
        return [self.results.of(name) for name in sorted(names)]

    def close(self) -> bool:
        """End everything in order; False when a worker had to be left behind."""
        began = time.monotonic()
        self.stop.set()
        ended = self.loop.join(_WORKERS_END_WITHIN_S)
        self.teller.close(_STATUSES_WITHIN_S)
        if self._events is not None:
            self._events.close()
        if self._lease is not None:
            self._lease.release()
        self.sources.close()
        self.cluster.close()
        self._log.info("ended", seconds=round(time.monotonic() - began, 2), clean=ended)
        return ended
