"""How much one file may ask for, and where in it a mistake stands."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import ManifestError


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps for one file. ``depth``, ``nodes`` and ``anchors`` are for each document.

    ``depth`` and ``nodes`` count what aliases repeat as often as it is used; such nodes are counted
    for the whole file besides, so that many small bombs are one big one. ``documents`` also caps
    the items of lists. ``objects`` and ``total_bytes`` are for all files of an application.
    """

    size_bytes: int = 16 * 1024 * 1024
    documents: int = 5_000
    depth: int = 200
    nodes: int = 100_000
    anchors: int = 10_000
    objects: int = 50_000
    total_bytes: int = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Chunk:
    """Text of one document and where it begins: ``line`` and ``column`` count from 0."""

    data: bytes
    path: str
    line: int = 0
    column: int = 0
    colon: str = ""  # what stands for a colon in it, see events.mask_colons

    @property
    def text(self) -> str:
        """The characters that libyaml counts: without a byte order mark."""
        return self.data.decode("utf-8", "replace").removeprefix("\ufeff")

    def position(self, index: int) -> tuple[int, int]:
        """Line and column (from 1) in the file of a character of the chunk."""
        head = self.text[:index]
        line = head.count("\n")
        column = len(head) - (head.rfind("\n") + 1)
        return self.line + line + 1, column + 1 + (0 if line else self.column)

    def error(
        self, code: str, index: int, what: str, *, why: str = "", hint: str = ""
    ) -> ManifestError:
        """Return the error to raise for the character at ``index``."""
        line, column = self.position(index)
        return ManifestError(code, what, where=f"{self.path}:{line}:{column}", why=why, hint=hint)
