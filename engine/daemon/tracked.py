"""What the daemon remembers of one application between two looks at it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.run import Memory

if TYPE_CHECKING:
    from engine.daemon.desired import Rendition
    from engine.daemon.fights import Fights
    from engine.model import JSON, Application, ObjectRef


@dataclass(slots=True)
class Tracked:
    """One application, worked on by one thread at a time; what was touched is everybody's.

    ``head`` is the commit at which it was last found to be in order or not, ``doubt`` the reason
    why deletions were held then. ``is_quiet``: nothing is left to do until something changes.
    ``began_at``: when its revision was first carried out. ``fought``: objects in ``fights``.
    ``denied`` are objects that another application has; ``rivals_told``, what was said of others.
    ``telling`` is held by whoever writes its status, so that the newest is the last one there.
    """

    key: str
    fights: Fights
    application: Application | None = None
    memory: Memory = field(default_factory=Memory)
    rendition: Rendition | None = None
    head: str = ""
    told_head: str = ""
    doubt: str = ""
    is_quiet: bool = False
    is_ready: bool = False
    generation: int = -1
    handled_at: str = ""
    failures: int = 0
    began_at: float = 0.0
    states: dict[tuple[str, str], int] = field(default_factory=dict)
    status: JSON = None
    written: JSON = None
    is_rendered: bool = False
    lacks_kinds: bool = False
    fought: set[ObjectRef] = field(default_factory=set)
    denied: frozenset[ObjectRef] = frozenset()
    rivals_told: frozenset[str] = frozenset()
    telling: threading.Lock = field(default_factory=threading.Lock)
    _touched: dict[ObjectRef, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def touch(self, ref: ObjectRef, version: str) -> None:
        """Note that others changed an object; ``version`` "" when it is gone."""
        with self._lock:
            self._touched[ref] = version

    def take_touched(self) -> bool:
        """Say whether an object is another than the last look saw or wrote; asked once each."""
        with self._lock:
            touched, self._touched = self._touched, {}
        known = self.memory.versions
        return any(known.get(ref, "") != version for ref, version in touched.items())
