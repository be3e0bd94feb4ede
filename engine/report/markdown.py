"""A report as Markdown for pull requests: short enough for a comment, and safe inside of one.

Everything that came from Git or a cluster stands in code, where nothing in it is markup, a link or
a mention. What does not fit is left out fairly, and the last line says how much.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from itertools import accumulate
from typing import TYPE_CHECKING

from engine.report.view import described_counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.report.page import Line
    from engine.report.view import Item, Section, Trouble, View

COMMENT = 65_536  # characters of a comment on GitHub; GitLab takes more
SUMMARY = 1 << 20  # bytes of a job summary
_SPARE = 600  # for the last line
_FEW = 5  # fewer lines of an object say nothing
_MOST_ROWS = 60  # of the table
_MOST_TROUBLES = 30
_URGENT = {"refuse": 0, "failed": 0, "delete": 1, "replace": 1, "hold": 1, "deleted": 1}
_SPECIAL = re.compile(r"[\\`*_{}\[\]()#+!|~@:]")


@dataclass(frozen=True, slots=True)
class _Block:
    """One object: the line that is always wanted, and the lines of its difference."""

    short: str
    summary: str
    lines: tuple[str, ...]
    rank: int

    @property
    def whole(self) -> str:
        return self.cut(len(self.lines))

    def cut(self, most: int) -> str:
        """Return the object with that many of its lines."""
        if not self.lines:
            return self.short
        hidden = len(self.lines) - most
        shown = (*self.lines[:most], *([f"  ({hidden:,} more lines)"] if hidden else []))
        return f"<details>{self.summary}\n\n{_fenced(shown, 'diff')}\n\n</details>\n"

    def fitting(self, room: int) -> int:
        """Return how many lines fit into the room, a few at least, else 0."""
        left = room - _size(self.cut(0)) - 40
        sizes = accumulate(_size(line) + 1 for line in self.lines)
        number = sum(size <= left for size in sizes)
        return number if number >= _FEW else 0


def render_markdown(
    shown: View, *, limit: int = COMMENT, marker: str = "report", elsewhere: Sequence[str] = ()
) -> str:
    """Return the report in at most ``limit`` characters, as JavaScript and GitHub count them.

    ``marker`` names the hidden first line by which a comment is found again. ``elsewhere`` are the
    files that hold the whole report.
    """
    head = "\n".join(_head(shown, marker))
    sections = [(part.title, section) for part in shown.parts for section in part.sections]
    frames = [_frame(section) for _, section in sections]
    titles = _titles([title for title, _ in sections])
    blocks = [[_block(item) for item in section.items] for _, section in sections]
    notes = _notes(shown)
    room = limit - _SPARE - sum(map(_size, (head, notes, *titles, *(a + b for a, b in frames))))
    needs = [sum(_size(block.whole) for block in found) for found in blocks]
    left = _Left()
    body = []
    for title, (begin, end), found, share in zip(
        titles, frames, blocks, _shares(needs, room), strict=True
    ):
        body.append(title + begin + _fitted(found, share, left) + end)
    text = head + "".join(body) + notes + left.told(elsewhere)
    if _size(text) <= limit:
        return text
    # So many applications or errors that not even their names fit.
    return "\n".join(head.split("\n")[:2]) + _Left(sections=len(sections)).told(elsewhere)


# --- the top ---------------------------------------------------------------------------------


def _head(shown: View, marker: str) -> Iterable[str]:
    yield f"<!-- plumb:{_safe_marker(marker)} -->"
    yield f"### Plumb: {described_counts(shown)}"
    yield ""
    if shown.title:
        yield f"{code(shown.title)}"
        yield ""
    troubles = shown.all_troubles
    if troubles:
        yield _fenced(_told(troubles), "")
        yield ""
    yield from _table(shown)


def _safe_marker(marker: str) -> str:
    return re.sub(r"[^A-Za-z0-9_./-]", "", marker).strip("-").replace("--", "-") or "report"


def _told(troubles: Sequence[Trouble]) -> list[str]:
    lines = []
    for trouble in troubles[:_MOST_TROUBLES]:
        lines.append(f"{trouble.severity} {trouble}"[:500])
        if trouble.hint:
            lines.append(f"  next: {trouble.hint}"[:300])
    hidden = len(troubles) - _MOST_TROUBLES
    return [*lines, *([f"and {hidden} more"] if hidden > 0 else [])]


_COLUMNS = (
    "create", "adopt", "update", "replace", "delete", "release", "moved", "held", "kept", "refused",
)  # fmt: skip
_KEYS = {"held": "hold", "kept": "keep", "refused": "refuse"}


def _table(shown: View) -> Iterable[str]:
    sections = shown.sections
    columns = [
        column for column in _COLUMNS
        if any(section.tally.get(_KEYS.get(column, column)) for section in sections)
    ]  # fmt: skip
    if len(sections) < 2 or not columns:
        return
    yield f"| application | {' | '.join(columns)} |"
    yield f"|---|{'---:|' * len(columns)}"
    for name, section in list(zip(shown.names, sections, strict=True))[:_MOST_ROWS]:
        counts = (section.tally.get(_KEYS.get(column, column), 0) for column in columns)
        cells = [str(count) if count else "" for count in counts]
        yield f"| {code(name)} | {' | '.join(cells)} |"
    if len(sections) > _MOST_ROWS:
        yield ""
        yield f"and {len(sections) - _MOST_ROWS} more applications"
    yield ""


def _titles(titles: Sequence[str]) -> list[str]:
    last, found = "", []
    for title in titles:
        found.append(f"\n#### {title}\n" if title and title != last else "")
        last = title
    return found


def _notes(shown: View) -> str:
    lines = [f"note: {note}" for note in shown.notes]
    lines += [f"note: {s.application}: {note}" for s in shown.sections for note in s.notes]
    if shown.unchanged:
        lines.append(f"{len(shown.unchanged)} unchanged: {', '.join(shown.unchanged)}")
    if not lines:
        return ""
    return "\n" + _fenced([line[:1000] for line in lines[:40]], "") + "\n"


# --- applications and objects ----------------------------------------------------------------


def _frame(section: Section) -> tuple[str, str]:
    heading = f" {code(section.heading)}" if section.heading else ""
    begin = f"\n<details open><summary><b>{code(section.application)}</b>{heading} "
    begin += f"{escape(section.counts)}</summary>\n\n"
    if section.settings:
        settings = _fenced(_rows(section.settings), "diff")
        begin += f"its Application document\n\n{settings}\n\n"
    end = "\n</details>\n"
    if section.token:
        end = f"\nTo confirm exactly the held deletions: `--confirm {section.token}`\n" + end
    return begin, end


def _block(item: Item) -> _Block:
    head = f"{item.word.sign} {item.word.text} {item.name}"
    about = item.trouble.sentence if item.trouble else item.about
    tail = "  ".join(filter(None, (item.place, about)))
    lines = _rows(item.yaml or item.fields)
    lines += [f"  note: {note}" for note in item.notes]
    short = f"- {code(head)} {code(tail)}\n" if tail else f"- {code(head)}\n"
    rank = _URGENT.get(item.word.text, 2)
    summary = f"<summary>{code(head)} {code(tail)}" if tail else f"<summary>{code(head)}"
    return _Block(short, f"{summary}</summary>", tuple(lines), rank)


def _rows(lines: Iterable[Line]) -> list[str]:
    found = []
    for line in lines:
        if line.sign == "@":
            found.append(f"@@ {line.text} @@")
            continue
        # A changed field has both values on its line; a diff has no sign of its own for that.
        sign = "!" if line.sign == "~" else line.sign
        note = f"  ({line.note})" if line.note else ""
        found.append(f"{sign} {line.text}{note}".rstrip())
    return found


def _fenced(lines: Sequence[str], language: str) -> str:
    text = "\n".join(lines)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def code(text: str) -> str:
    """Return text as code in which nothing is markup, a link or a mention."""
    return f"<code>{_SPECIAL.sub(lambda m: f'&#{ord(m[0])};', escape(text, quote=False))}</code>"


# --- what fits -------------------------------------------------------------------------------


@dataclass(slots=True)
class _Left:
    """What was left out."""

    lines: int = 0
    shortened: int = 0
    objects: int = 0
    sections: int = 0

    def told(self, elsewhere: Sequence[str]) -> str:
        """Return the last line; "" when everything is there."""
        parts = []
        if self.shortened:
            parts.append(f"{self.lines:,} lines of {self.shortened:,} objects")
        if self.objects:
            parts.append(f"{self.objects:,} objects as a whole")
        if self.sections:
            parts.append(f"{self.sections:,} applications as a whole")
        if not parts:
            return ""
        where = f"; all of it is in {', '.join(code(name) for name in elsewhere)}" if (
            elsewhere
        ) else ""  # fmt: skip
        return f"\nLeft out, for a comment has an end: {' and '.join(parts)}{where}.\n"


def _shares(needs: Sequence[int], room: int) -> list[int]:
    """Return how much each may take: all get what they need up to an equal share of what is left.

    So one large application does not take the room of the small ones.
    """
    shares = [0] * len(needs)
    left, waiting = max(room, 0), sorted(range(len(needs)), key=lambda n: (needs[n], n))
    for position, number in enumerate(waiting):
        shares[number] = min(needs[number], left // (len(waiting) - position))
        left -= shares[number]
    return shares


def _fitted(blocks: Sequence[_Block], room: int, left: _Left) -> str:
    """Return the objects that fit, in their order; what is urgent is named first of all."""
    listed: set[int] = set()
    for number in sorted(range(len(blocks)), key=lambda n: (blocks[n].rank, n)):
        size = _size(blocks[number].short)
        if size <= room:
            room -= size
            listed.add(number)
        else:
            left.objects += 1
    shown: dict[int, str] = {number: blocks[number].short for number in listed}
    extras = {n: _size(blocks[n].whole) - _size(blocks[n].short) for n in listed}
    # The smallest first, so that as many as can be are shown whole; then parts of the others.
    for number in sorted(listed, key=lambda n: (extras[n], n)):
        block = blocks[number]
        fits = len(block.lines) if extras[number] <= room else block.fitting(room)
        if fits or not block.lines:
            shown[number] = block.cut(fits)
            room -= _size(shown[number]) - _size(block.short)
        if fits < len(block.lines):
            left.lines += len(block.lines) - fits
            left.shortened += 1
    return "".join(shown[number] for number in sorted(shown))


def _size(text: str) -> int:
    """Return the length in UTF-16 units: the largest of the ways in which hosts count."""
    return len(text) + (0 if text.isascii() else sum(char > "\uffff" for char in text))
