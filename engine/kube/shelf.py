"""The ConfigMaps of records as a watch has them, so that a pass need not ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from engine.model import ObjectRef

if TYPE_CHECKING:
    from engine.kube.watch import Watch
    from engine.model import JSON


class Shelf(Protocol):
    """May be behind, and never wrong for long.

    What is written on the ground of an old one is refused by its resourceVersion.
    """

    def get(self, name: str) -> JSON | None:
        """Return the ConfigMap of this name; None says nothing."""
        ...

    def everything(self) -> list[JSON] | None:
        """Return the ConfigMaps of all records; None says nothing."""
        ...

    def put(self, config_map: JSON) -> None:
        """Take up what the server answered to a write."""
        ...


class WatchedShelf:
    """A shelf that a watch of all records fills."""

    def __init__(self, watch: Watch, namespace: str) -> None:
        self._watch = watch
        self._namespace = namespace

    def get(self, name: str) -> JSON | None:
        if not self._watch.is_synced:
            return None
        live = self._watch.store.get(ObjectRef("", "ConfigMap", self._namespace, name))
        return live.body if live else None

    def everything(self) -> list[JSON] | None:
        return list(self._watch.store.bodies()) if self._watch.is_synced else None

    def put(self, config_map: JSON) -> None:
        self._watch.store.put(config_map)
