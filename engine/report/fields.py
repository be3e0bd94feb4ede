"""The changed fields of an object, as lines: path, before, after, why and by whom.

Belongs here: how one value is written, shortened and compared. The caller masks before and
indents after; every line that leaves here is safe for a terminal.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING

from engine import parse
from engine.model import ABSENT, FIELD_MANAGER, Why
from engine.report.mask import clean
from engine.report.page import Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.model import JSON, Edit

_WIDTH = 100  # of a field told on one line
_LONGEST = 160  # characters of a text that are shown
_CONTEXT = 2

_BARE = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:@+=,*-]*", re.ASCII)
# What YAML 1.1 would read as something else than a text, generously.
_NOT_BARE = re.compile(
    r"[-+.0-9eExXoO_:]+|true|false|null|yes|no|on|off|y|n", re.ASCII | re.IGNORECASE
)
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def edit_lines(edits: Iterable[Edit], *, most: int | None) -> list[Line]:
    """Return the lines for edits that are masked already; ``most`` lines for one value, or all."""
    return [line for edit in edits for line in _edit(edit, most)]


def body_lines(body: JSON, *, most: int | None) -> list[Line]:
    """Return a masked object as YAML, every line with "+"."""
    return _cut([Line("+", clean(text)) for text in _yaml(body)], most)


def field(path: str) -> str:
    """Spell the path of an edit for people: ``spec.containers[name=web].image``."""
    shown = ""
    for segment in path.split("/")[1:]:
        key = segment.replace("~1", "/").replace("~0", "~")
        if key.startswith("[") and key.endswith("]"):
            shown += clean(key)
        elif _PLAIN_KEY.fullmatch(key):
            shown += f".{key}" if shown else key
        else:
            shown += f"[{_quoted(key)}]"
    return shown or "(object)"


def scalar(value: JSON) -> str:
    """Write a value on one line so that its type is never in doubt; long ones are shortened."""
    if isinstance(value, str):
        return _text(value)
    return clean(json.dumps(value, ensure_ascii=False, sort_keys=True))


def _edit(edit: Edit, most: int | None) -> list[Line]:
    sign = "+" if edit.before is ABSENT else "-" if edit.after is ABSENT else "~"
    name, note = field(edit.path), cause(edit)
    sides = [side for side in (edit.before, edit.after) if side is not ABSENT]
    if not sides:
        return [Line(sign, name, note)]
    if any(isinstance(side, dict | list) and side for side in sides) or _is_long(sides):
        return [Line(sign, f"{name}:", note), *_block(edit, most)]
    told = " -> ".join(_pair(sides))
    if len(name) + len(told) <= _WIDTH:
        return [Line(sign, f"{name}: {told}", note)]
    return [Line(sign, f"{name}:", note), *_block(edit, most)]


def cause(edit: Edit) -> str:
    """Say why a field differs, and who did it where that is news."""
    # Of what Git changed the manager is Plumb itself, and no news.
    is_news = edit.manager not in ("", FIELD_MANAGER) and edit.why in (Why.DRIFTED, Why.DIFFERS)
    return f"{edit.why} by {clean(edit.manager)}" if is_news else edit.why.value


def _is_long(sides: Sequence[JSON]) -> bool:
    return any(isinstance(side, str) and "\n" in side.rstrip("\n") for side in sides)


def _block(edit: Edit, most: int | None) -> list[Line]:
    """Both sides below one another; of many lines only the differing ones with their context."""
    before, after = _spread(edit.before, edit.after)
    if before and after:
        signed = _unified(before, after)
    else:
        signed = [("-", text) for text in before] + [("+", text) for text in after]
    return _cut([Line(sign, f"  {text}") for sign, text in signed], most)


def _spread(before: JSON, after: JSON) -> tuple[list[str], list[str]]:
    if isinstance(before, str) and isinstance(after, str) and not _is_long((before, after)):
        first, second = shortened(before, after)
        return [first], [second]
    return _side(before), _side(after)


def _yaml(value: JSON) -> list[str]:
    # Not splitlines(): it also splits at characters that are no line end to YAML.
    return parse.dump(value).rstrip("\n").split("\n")


def _side(value: JSON) -> list[str]:
    if value is ABSENT:
        return []
    if isinstance(value, str) and _is_long((value,)):
        lines = value.split("\n")
        # A text that ends in a line feed is the usual case; only its absence is worth a word.
        end = [] if lines[-1] == "" else ["(no line feed at the end)"]
        return [_capped(line) for line in (lines[:-1] if not end else lines)] + end
    if isinstance(value, dict | list) and value:
        return [_capped(line) for line in _yaml(value)]
    return [scalar(value)]


def _unified(before: list[str], after: list[str]) -> list[tuple[str, str]]:
    matcher = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    lines: list[tuple[str, str]] = []
    seen = 0
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        lines += _same(group[0][1] - seen)
        for tag, i, j, k, m in group:
            if tag == "equal":
                lines += [(" ", text) for text in before[i:j]]
                continue
            lines += [("-", text) for text in before[i:j]]
            lines += [("+", text) for text in after[k:m]]
        seen = group[-1][2]
    return lines + _same(len(before) - seen)


def _same(count: int) -> list[tuple[str, str]]:
    return [(" ", f"({count:,} lines as before)")] if count else []


def _cut(lines: list[Line], most: int | None) -> list[Line]:
    if most is None or len(lines) <= most:
        return lines
    return [*lines[:most], Line(" ", f"({len(lines) - most:,} more lines; -o json has all)")]


def _pair(sides: Sequence[JSON]) -> list[str]:
    if len(sides) == 2 and all(isinstance(side, str) for side in sides):
        return list(shortened(*sides))
    return [scalar(side) for side in sides]


def shortened(before: str, after: str) -> tuple[str, str]:
    """Write two texts so that the place where they part can be seen however long they are."""
    if max(len(before), len(after)) <= _LONGEST:
        return _text(before), _text(after)
    same = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b),
                min(len(before), len(after)))  # fmt: skip
    start = max(0, same - _LONGEST // 4)
    return _window(before, start), _window(after, start)


def _window(text: str, start: int) -> str:
    left = f"({start:,} characters) " if start else ""
    rest = len(text) - start - _LONGEST
    right = f" ({rest:,} more characters)" if rest > 0 else ""
    return f"{left}{_quoted(text[start : start + _LONGEST])}{right}"


def _text(text: str) -> str:
    if len(text) > _LONGEST:
        return _window(text, 0)
    if _BARE.fullmatch(text) and not _NOT_BARE.fullmatch(text):
        return text
    # The words that stand for a hidden value are no content, so they get no quotes.
    return text if text.startswith("***") and text.isprintable() else _quoted(text)


def _quoted(text: str) -> str:
    return clean(json.dumps(text, ensure_ascii=False))


def _capped(line: str) -> str:
    rest = len(line) - _LONGEST
    return clean(line) if rest <= 0 else f"{clean(line[:_LONGEST])} ({rest:,} more characters)"
