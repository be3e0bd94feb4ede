"""The server's kinds and schemas, kept for all runs of a process until something changes them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from engine.kube import discovery
from engine.schema import Schemas

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.kinds import Kinds
    from engine.kube.client import Client


class Catalog:
    """Asks once for everybody. ``expire`` makes the next one who needs it ask again.

    Threads share it; while one asks the others wait for its answer.
    """

    def __init__(self, client: Client, *, cache_dir: Path | None) -> None:
        self._client = client
        self._cache_dir = cache_dir
        self._lock = threading.Lock()
        self._kinds: Kinds | None = None
        self._versions: frozenset[str] = frozenset()
        self._schemas = Schemas.from_openapi(())
        self._is_stale = False

    def kinds(self) -> Kinds:
        """Return every kind the server serves; raises ClusterError or ApiError."""
        with self._lock:
            if self._kinds is None:
                self._kinds = discovery.kinds(self._client)
            return self._kinds

    def schemas(self, api_versions: Iterable[str]) -> Schemas:
        """Return the schemas of at least these group/versions."""
        wanted = frozenset(api_versions)
        with self._lock:
            if self._is_stale or not wanted <= self._versions:
                versions = self._versions | wanted
                self._schemas = discovery.schemas(self._client, versions, cache_dir=self._cache_dir)
                self._versions, self._is_stale = versions, False
            return self._schemas

    def expire(self) -> None:
        """Say that a definition was made, changed or removed."""
        with self._lock:
            self._kinds, self._is_stale = None, True
