"""Recognising that somebody puts the same field back again and again, and slowing down then.

Belongs here: counting corrections and the moments of the next ones. Not here: what drift is
(merge/), and who is told. Pure: the caller passes ``now``, in seconds that only grow.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from engine.model import ObjectRef

CORRECTIONS: Final = 3
WITHIN_S: Final = 60.0
FIRST_PAUSE_S: Final = 10.0
LONGEST_PAUSE_S: Final = 600.0
_OBJECTS: Final = 1000
_PATHS: Final = 64
_MANAGERS: Final = 8


@dataclass(frozen=True, slots=True)
class Fight:
    """Fields of one object that are put back whenever they are corrected.

    ``times`` counts the corrections so far. Before ``resume_at`` they are left as they are; then
    the next correction is due, and if it does not last either the pause is twice as long.
    """

    times: int
    paths: frozenset[str]
    managers: frozenset[str]
    resume_at: float


@dataclass(slots=True)
class _Object:
    """What was corrected in one object. ``paths`` are those that are fought over."""

    at: dict[str, tuple[float, ...]] = field(default_factory=dict)
    last: float = 0.0
    times: int = 0
    paths: frozenset[str] = frozenset()
    managers: frozenset[str] = frozenset()
    pause_s: float = 0.0

    def is_over(self, now: float) -> bool:
        """Whether the correction after the last pause has lasted long enough to count as peace."""
        quiet_s = self.pause_s + max(WITHIN_S, self.pause_s)
        return now - self.last > quiet_s


class Fights:
    """Remembers the corrections of the last minute, and the fights; for 1,000 objects at most.

    Not shared between threads.
    """

    def __init__(self) -> None:
        self._objects: OrderedDict[ObjectRef, _Object] = OrderedDict()

    def __len__(self) -> int:
        return len(self._objects)

    def note(
        self, ref: ObjectRef, paths: frozenset[str], managers: frozenset[str], now: float
    ) -> None:
        """Remember that ``paths`` of the object were just corrected; ``managers`` had set them."""
        known = self._known(ref, now) or _Object()
        self._objects[ref] = known
        self._objects.move_to_end(ref)
        known.last = now
        for path in paths:
            before = known.at.pop(path, ())
            recent = (*(t for t in before if now - t <= WITHIN_S), now)
            known.at[path] = recent[-CORRECTIONS:]
        for path in list(known.at)[: max(0, len(known.at) - _PATHS)]:
            del known.at[path]
        fought = {path for path in paths if len(known.at.get(path, ())) == CORRECTIONS}
        again = bool(known.paths & paths)
        if again or fought:
            # The doubling ends at the cap, so that no number grows for ever.
            known.pause_s = min(LONGEST_PAUSE_S, known.pause_s * 2) or FIRST_PAUSE_S
            known.times = known.times + 1 if known.times else CORRECTIONS
            known.paths |= fought
            known.managers = frozenset(sorted(known.managers | managers)[:_MANAGERS])
        while len(self._objects) > _OBJECTS:
            self._objects.popitem(last=False)

    def verdict(self, ref: ObjectRef, now: float) -> Fight | None:
        """Return the fight over the object, also while its next correction is due already."""
        known = self._known(ref, now)
        if known is None or not known.paths:
            return None
        return Fight(known.times, known.paths, known.managers, known.last + known.pause_s)

    def _known(self, ref: ObjectRef, now: float) -> _Object | None:
        known = self._objects.get(ref)
        if known is not None and known.is_over(now):
            del self._objects[ref]
            return None
        return known
