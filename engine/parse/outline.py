"""Where the parts of a document stand, for error messages; may be slow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import ManifestError
from engine.parse.events import Part, parts
from engine.parse.limits import Limits
from engine.parse.stream import located

if TYPE_CHECKING:
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


def locate(data: bytes, *, document: int, pointer: str) -> tuple[int, int]:
    """Line and column (from 1) of the value at ``pointer`` in the document of that number.

    The nearest parent stands in for what the text does not have; (1, 1) for an unknown document.
    """
    found = outline(data, document=document)
    return (1, 1) if found is None else found.at(pointer)


def outline(
    data: bytes, *, document: int, depth: int | None = None, limits: Limits | None = None
) -> Outline | None:
    """Places of the values down to ``depth`` levels (all: None); None for an unknown document."""
    try:
        for index, each in enumerate(located(data, path="", limits=limits or Limits())):
            if index == document:
                return Outline(each.chunk, parts(each.chunk, depth=depth)[0])
    except ManifestError:
        pass
    return None
