"""Two states of an object as YAML, line against line, with the reason behind each line.

Belongs here: which lines are shown and where they stand. The caller masks before; every line that
leaves here is safe for a terminal.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NamedTuple

from engine import parse
from engine.model import ABSENT
from engine.report.fields import cause, field, shortened
from engine.report.mask import clean
from engine.report.page import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.model import JSON, Edit

CONTEXT = 3
_LONGEST = 240
Path = tuple[str, ...]


class _Line(NamedTuple):
    text: str
    path: Path


def rows(before: JSON, after: JSON, edits: Sequence[Edit] = ()) -> tuple[Line, ...]:
    """Return the lines of a unified diff; ABSENT on one side shows all of the other.

    A line with sign "@" stands for lines left out and names the place where it goes on. ``edits``
    put their reasons behind the lines that they changed.
    """
    if before is ABSENT or after is ABSENT:
        sign, body = ("+", after) if before is ABSENT else ("-", before)
        return tuple(Line(sign, _capped(line.text)) for line in _lines(body, (), 0))
    old, new = (list(_lines(body, (), 0)) for body in (before, after))
    reasons = [(_steps(edit.path), cause(edit)) for edit in edits]
    return tuple(_unified(old, new, reasons, (before, after)))


def _unified(
    old: list[_Line], new: list[_Line], reasons: list[tuple[Path, str]], bodies: tuple[JSON, JSON]
) -> Iterator[Line]:
    texts = [line.text for line in old], [line.text for line in new]
    matcher = difflib.SequenceMatcher(a=texts[0], b=texts[1], autojunk=False)
    for group in matcher.get_grouped_opcodes(CONTEXT):
        start = group[0][1]
        if start and len(old[start].path) > 1:
            yield Line("@", field("".join(f"/{_escaped(p)}" for p in old[start].path[:-1])))
        for tag, i, j, k, m in group:
            if tag == "equal":
                yield from (Line(" ", _capped(line.text)) for line in old[i:j])
                continue
            gone, come = old[i:j], new[k:m]
            shown = _side_by_side([line.text for line in gone], [line.text for line in come])
            for sign, lines, told, body in (("-", gone, shown[0], bodies[0]),
                                            ("+", come, shown[1], bodies[1])):  # fmt: skip
                # Of two lines that replace one another the second tells why.
                is_told = sign == "-" and len(gone) == len(come)
                for line, text in zip(lines, told, strict=True):
                    why = "" if is_told else _reason(line.path, reasons, body)
                    yield Line(sign, text, why)


def _side_by_side(gone: list[str], come: list[str]) -> tuple[list[str], list[str]]:
    """Shorten long lines; those that replace one another so that their difference is seen."""
    if len(gone) != len(come):
        return list(map(_capped, gone)), list(map(_capped, come))
    pairs = [
        (_capped(one), _capped(other)) if max(len(one), len(other)) <= _LONGEST
        else shortened(one, other)
        for one, other in zip(gone, come, strict=True)
    ]  # fmt: skip
    return [one for one, _ in pairs], [other for _, other in pairs]


def _capped(text: str) -> str:
    rest = len(text) - _LONGEST
    return clean(text) if rest <= 0 else f"{clean(text[:_LONGEST])} ({rest:,} more characters)"


# --- lines with their paths ------------------------------------------------------------------


def _lines(value: JSON, path: Path, indent: int) -> Iterator[_Line]:
    """Yield the lines of YAML for a value, each with the path of what it shows."""
    pad = " " * indent
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            here = (*path, key)
            if isinstance(inner, dict | list) and inner:
                yield _Line(pad + parse.dump({key: None}).rstrip("\n").removesuffix(" null"), here)
                yield from _lines(inner, here, indent + 2 * isinstance(inner, dict))
            else:
                yield from _scalar({key: inner}, here, pad)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            here = (*path, str(index))
            if not (isinstance(inner, dict | list) and inner):
                yield from _scalar([inner], here, pad)
                continue
            lines = _lines(inner, here, indent + 2)
            first = next(lines)
            yield _Line(f"{pad}- {first.text[indent + 2 :]}", first.path)
            yield from lines
    else:
        yield from _scalar(value, path, pad)


def _scalar(value: JSON, path: Path, pad: str) -> Iterator[_Line]:
    for text in parse.dump(value).rstrip("\n").split("\n"):
        yield _Line(pad + text if text else text, path)


# --- reasons ---------------------------------------------------------------------------------


def _steps(path: str) -> Path:
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _reason(path: Path, reasons: list[tuple[Path, str]], body: JSON) -> str:
    """Return the reason of the edit that this line belongs to, the nearest one."""
    best, found = -1, ""
    if path[:1] == ("stringData",):  # compared where the server puts it
        path, body = ("data", *path[1:]), {"data": body["stringData"]}
    for steps, why in reasons:
        common = min(len(steps), len(path))
        if common > best and _is_at(steps[:common], path[:common], body):
            best, found = common, why
    return found


def _is_at(steps: Path, path: Path, body: JSON) -> bool:
    """Say whether the steps of an edit, which names elements by key, lead along this path."""
    at = body
    for step, part in zip(steps, path, strict=True):
        if isinstance(at, list):
            element = at[int(part)]
            if step != part and not _is_named(step, element):
                return False
            at = element
        elif step != part:
            return False
        else:
            at = at.get(part) if isinstance(at, dict) else None
    return True


def _is_named(step: str, element: JSON) -> bool:
    if not (step.startswith("[") and step.endswith("]")):
        return False
    pairs = [pair.partition("=") for pair in step[1:-1].split(",")]
    if not isinstance(element, dict):
        return step == f"[={str(element).lower() if isinstance(element, bool) else element}]"
    return all(str(element.get(key, "")) == value for key, _, value in pairs if key in element)
