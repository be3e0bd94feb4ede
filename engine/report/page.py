"""Lines of a report on their way to being text: columns, indentation, gaps, colour.

Belongs here: layout. What a line says is decided elsewhere, and has been made safe there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine.report.mask import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.model import ObjectRef
    from engine.report.words import Word

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "magenta": "35"}
_SIGNS = {"+": "green", "-": "red", "~": "yellow"}
_WORD_WIDTH = 9  # "recreate", "unchanged"
_WIDEST_NAME = 60  # a longer one moves what follows it
_NOTE_COLUMN = 64
_INDENT = "    "


class Line(NamedTuple):
    """One line below an object; ``sign`` is "+", "-", "~" or " ", ``note`` stands at its end."""

    sign: str
    text: str
    note: str = ""


class Page:
    """Collects lines; the same calls give the same text."""

    def __init__(self, *, color: bool) -> None:
        self._color = color
        self._lines: list[str] = []

    def __str__(self) -> str:
        return "".join(f"{line}\n" for line in self._lines)

    def add(self, text: str, *, color: str = "") -> None:
        """Add one line as it is."""
        self._lines.append(self._paint(text, color))

    def gap(self) -> None:
        """Add an empty line, unless one is there or nothing is."""
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def section(self, lines: Iterable[str]) -> None:
        """Add lines with an empty one in front; nothing when there are none."""
        for index, line in enumerate(lines):
            if not index:
                self.gap()
            self.add(line)

    def object(self, word: Word, ref: ObjectRef, about: str = "", *, width: int) -> None:
        """Add the line of one object: sign, word, name, and what there is to say about it."""
        self.entry(word, clean(str(ref)), about, width=width)

    def entry(self, word: Word, name: str, about: str = "", *, width: int) -> None:
        """Add the line of something with a name that is safe already."""
        head = self._paint(f"{word.sign} {word.text:<{_WORD_WIDTH}}", word.color)
        tail = f"  {about}" if about else ""
        self._lines.append(f"{head} {name:<{width}}{tail}".rstrip())

    def details(self, lines: Iterable[Line]) -> None:
        """Add lines below an object; notes stand in one column as far as they can."""
        for line in lines:
            color = _SIGNS.get(line.sign, "")
            text = f"{_INDENT}{line.sign} {line.text}"
            if line.note:
                room = max(_NOTE_COLUMN - len(text), 1)
                shown = self._paint(text, color)
                self._lines.append(f"{shown}{' ' * room} {self._paint(f'({line.note})', 'dim')}")
            else:
                self._lines.append(self._paint(text.rstrip(), color))

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Add rows in columns; the first row is the heading."""
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for index, row in enumerate(rows):
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            self.add("  ".join(cells).rstrip(), color="" if index else "dim")

    def _paint(self, text: str, color: str) -> str:
        if not (self._color and color and text):
            return text
        return f"\x1b[{_CODES[color]}m{text}\x1b[0m"


def name_width(refs: Iterable[ObjectRef]) -> int:
    """Return the width of the column of names."""
    return min(max((len(clean(str(ref))) for ref in refs), default=0), _WIDEST_NAME)
