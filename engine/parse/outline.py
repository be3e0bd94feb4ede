"""Where the values of one document stand, for error messages; may be slow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.parse.events import Part
    from engine.parse.limits import Chunk


@dataclass(frozen=True, slots=True)
class Outline:
    """The places of one document's values."""

    _chunk: Chunk
    _root: Part

    def at(self, pointer: str) -> tuple[int, int]:
        """Line and column (from 1) of the value at an RFC 6901 pointer, or of its nearest parent.

        What came through an alias or a merge counts as standing where that stands.
        """
        part = self._root
        for raw in pointer.split("/")[1:]:
            inner = part.parts.get(raw.replace("~1", "/").replace("~0", "~"))
            if inner is None:
                break
            part = inner
        return self._chunk.position(part.index)
