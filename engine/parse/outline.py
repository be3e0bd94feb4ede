"""Where the values of one document stand, for error messages; may be slow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.parse.events import Part
    from engine.parse.limits import Chunk


@dataclass(slots=True)
class Outline:
    """The places of one document's values; the first place that is asked for costs the most."""

    _chunk: Chunk
    _root: Part
    _text: str = field(init=False, default="")
    _at: tuple[int, int, int] = field(init=False, default=(0, 0, 0))  # index, line, its beginning

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
        return self._position(part.index)

    def _position(self, index: int) -> tuple[int, int]:
        """Count on from the last place: from the top each time, a long list would be quadratic."""
        self._text = self._text or self._chunk.text
        last, line, start = self._at if self._at[0] <= index else (0, 0, 0)
        line += self._text.count("\n", last, index)
        start = self._text.rfind("\n", last, index) + 1 or start
        self._at = (index, line, start)
        column = index - start + 1
        return self._chunk.line + line + 1, column + (0 if line else self._chunk.column)
