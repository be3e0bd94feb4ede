"""The cluster as the daemon sees it: by watches, shared by all applications that need the same.

A watch is started when the first run asks for its kind. What a watch has not seen, and whatever
has none, is asked for as a one-shot does, so a lost watch costs requests and nothing else.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.errors import DeniedError
from engine.kube.live import observe
from engine.kube.store import Store
from engine.kube.watch import Key, Watch
from engine.model import OWNER_LABEL, Live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from engine.inventory import Inventory
    from engine.kinds import Kinds, Resource
    from engine.kube.catalog import Catalog
    from engine.kube.client import Client
    from engine.kube.store import Seen
    from engine.model import JSON, ObjectRef, Outcome
    from engine.namespaces import Placement
    from engine.schema import Schemas
    from engine.situation import Observation

WATCHES_AT_MOST: Final = 200
_FIRST_LIST_WITHIN_S: Final = 10.0
_OURS: Final = ("labelSelector", OWNER_LABEL)


@dataclass(frozen=True, slots=True)
class Looker:
    """Who looks: a client, and the name of its identity ("" is the engine's own)."""

    client: Client
    identity: str = ""


class Watches:
    """Every watch of this process, by who looks at what. Threads share it.

    ``tell`` hears of each change that others made; ``on_restart`` of each watch that broke.
    """

    def __init__(
        self, *, stop: threading.Event, tell: Callable[[Seen], None],
        on_restart: Callable[[Key], None] = lambda _key: None,
        at_most: int = WATCHES_AT_MOST,
    ) -> None:  # fmt: skip
        self._stop = stop
        self._tell = tell
        self._on_restart = on_restart
        self._at_most = at_most
        self._lock = threading.Lock()
        self._watches: dict[Key, Watch] = {}
        self._resources: dict[Key, Resource] = {}
        self._narrow: set[Resource] = set()
        self.left_out: set[Key] = set()

    def __len__(self) -> int:
        return len(self._watches)

    def follow(
        self, client: Client, key: Key, *, kind: tuple[str, str], tell: Callable[[Seen], None]
    ) -> Watch:
        """Return the watch for a key, started now if it is new; ``tell`` hears what it sees.

        ``kind`` is a group and a kind of it.
        """
        with self._lock:
            known = self._watches.get(key)
            if known is None:
                known = self._start(client, key, Store(*kind, tell))
            return known

    def ours(self, looker: Looker, resource: Resource, namespace: str) -> Watch | None:
        """Return the watch of a kind's objects that carry our label, in step, or None."""
        return self._of(looker, resource, namespace, _OURS)

    def whole(self, looker: Looker, resource: Resource, namespace: str) -> Watch | None:
        """Return the watch of all objects of a kind, in step, or None."""
        return self._of(looker, resource, namespace, ("", ""))

    def _of(
        self, looker: Looker, resource: Resource, namespace: str, selector: tuple[str, str]
    ) -> Watch | None:
        if not {"list", "watch"} <= resource.verbs or resource.pending:
            return None
        # The engine itself looks at all namespaces at once where it may; others at their own.
        is_wide = namespace and not looker.identity and resource not in self._narrow
        if is_wide:
            watch = self._ready(looker, resource.path(), resource, selector)
            if watch is None or not isinstance(watch.error, DeniedError):
                return _in_step(watch)
            with self._lock:
                self._narrow.add(resource)
                self._end(watch.key)
        return _in_step(self._ready(looker, resource.path(namespace), resource, selector))

    def _ready(
        self, looker: Looker, path: str, resource: Resource, selector: tuple[str, str]
    ) -> Watch | None:
        key = Key(looker.identity, path, selector)
        with self._lock:
            watch = self._watches.get(key)
            if watch is None:
                if len(self._resources) >= self._at_most:
                    self.left_out.add(key)
                    return None
                store = Store(resource.group, resource.kind, self._tell)
                watch = self._start(looker.client, key, store)
                self._resources[key] = resource
        watch.settled(_FIRST_LIST_WITHIN_S)
        return watch

    def _start(self, client: Client, key: Key, store: Store) -> Watch:
        watch = Watch(client, key, store, stop=self._stop, on_restart=self._on_restart)
        self._watches[key] = watch
        watch.start()
        return watch

    def _end(self, key: Key) -> None:
        watch = self._watches.pop(key, None)
        self._resources.pop(key, None)
        if watch is not None:
            watch.end()

    def retain(self, kinds: Kinds) -> None:
        """End the watches of kinds that are not served any more, and wake those that wait."""
        with self._lock:
            for key, resource in list(self._resources.items()):
                if kinds.resource(resource.api_version, resource.kind) is None:
                    self._end(key)
            for watch in self._watches.values():
                if not watch.is_synced:
                    watch.wake()

    def forget(self, identity: str) -> None:
        """End all watches of an identity that nobody acts as any more."""
        with self._lock:
            for key in [key for key in self._watches if key.identity == identity]:
                self._end(key)

    def known(self, identity: str, resource: Resource, namespace: str) -> Watch | None:
        """Return the watch that such objects of ours are in, if there is one; starts none."""
        with self._lock:
            wide = self._watches.get(Key(identity, resource.path(), _OURS))
            return wide or self._watches.get(Key(identity, resource.path(namespace), _OURS))


def _in_step(watch: Watch | None) -> Watch | None:
    return watch if watch is not None and watch.is_synced else None


def _put(store: Store, live: Live) -> None:
    """Take up an answer, but for what the watch does not select: nobody would hear it go."""
    if OWNER_LABEL in (live.body["metadata"].get("labels") or {}):
        store.put(live.body)


class WatchedView:
    """engine.kube.view.View for one identity, answered from what is watched."""

    def __init__(self, looker: Looker, watches: Watches, catalog: Catalog) -> None:
        self._looker = looker
        self._watches = watches
        self._catalog = catalog

    def kinds(self) -> Kinds:
        return self._catalog.kinds()

    def schemas(self, api_versions: Iterable[str]) -> Schemas:
        return self._catalog.schemas(api_versions)

    def forget_kinds(self) -> None:
        self._catalog.expire()

    def observe(
        self, placement: Placement, inventory: Inventory | None, *, kinds: Kinds,
        presume: bool = False,
    ) -> Observation:  # fmt: skip
        return observe(
            self._looker.client, placement, inventory, kinds=kinds, known=self, presume=presume
        )

    def selected(
        self, resource: Resource, namespace: str, refs: Iterable[ObjectRef], *, owner: str
    ) -> Iterable[Live] | None:
        """See engine.kube.live.Known."""
        watch = self._watches.ours(self._looker, resource, namespace)
        if watch is None:
            return None
        store = watch.store
        owned = (ref for ref in store.owned(owner) if ref.namespace == namespace)
        wanted = dict.fromkeys([*refs, *owned])
        return [live for ref in wanted if (live := store.get(ref)) is not None]

    def autoscalers(self, resource: Resource, namespace: str) -> Iterable[JSON] | None:
        """See engine.kube.live.Known."""
        watch = self._watches.whole(self._looker, resource, namespace)
        if watch is None:
            return None
        return [b for b in watch.store.bodies() if b["metadata"].get("namespace") == namespace]

    def learn(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            for store in self._stores(outcome):
                if outcome.action == "deleted" and outcome.live is None:
                    store.drop(outcome.ref)
                elif outcome.live is not None and outcome.action != "deleted":
                    _put(store, outcome.live)

    def _stores(self, outcome: Outcome) -> Iterator[Store]:
        kinds, ref = self._catalog.kinds(), outcome.ref
        for resource in kinds.served(ref.group, ref.kind):
            version = outcome.live.body.get("apiVersion") if outcome.live else None
            if version in (None, resource.api_version):
                watch = self._watches.known(self._looker.identity, resource, ref.namespace)
                if watch is not None:
                    yield watch.store
