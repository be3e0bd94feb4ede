"""What changed between two states of a folder, file by file and value by value.

Pure: folders and files come through functions. Values of Secrets are never told.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dulwich.objects import Tree

from engine.errors import ManifestError
from engine.git.commits import Entry
from engine.parse import documents
from engine.promote.edit import Edit
from engine.report.mask import COPIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.model import JSON

_SHOWN: Final = 20  # values of one file
_HIDDEN: Final = "***"
_NOTHING: Final = Entry(0, "")
_DATA: Final = frozenset({"data", "stringData"})


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that differs; the ids of its contents, "" where it is not there."""

    path: str
    before: str
    after: str


def files(
    read: Callable[[str], bytes], before: Entry | None, after: Entry | None, path: str
) -> list[FileChange]:
    """List the files that differ between two states of a path; equal folders are not opened."""
    if before == after:
        return []
    old, new = _names(read, before), _names(read, after)
    found: list[FileChange] = []
    if "" in old or "" in new:
        found = [FileChange(path, old.pop("", _NOTHING).id, new.pop("", _NOTHING).id)]
    for name in sorted(old.keys() | new.keys()):
        inner = f"{path}/{name}" if path else name
        found += files(read, old.get(name), new.get(name), inner)
    return found


def _names(read: Callable[[str], bytes], entry: Entry | None) -> dict[str, Entry]:
    """Return the entries of a folder by name; a file stands under ""."""
    if entry is None:
        return {}
    if not entry.is_folder:
        return {"": entry}
    return {
        item.path.decode("utf-8", "replace"): Entry(item.mode, bytes(item.sha).decode())
        for item in Tree.from_string(read(entry.id)).items()
    }


def values(before: bytes | None, after: bytes | None, path: str) -> list[Edit]:
    """List the values that differ in one file; one line for the whole file where that is more."""
    if before is None or after is None:
        return [Edit(path, 0, "", "added" if before is None else "removed", "")]
    try:
        old = [document.body for document in documents(before, path=path)]
        new = [document.body for document in documents(after, path=path)]
    except ManifestError:
        old, new = [], []
    if not old or len(old) != len(new):
        return [Edit(path, 0, "", "changed", "")]
    told = [edit for one, other in zip(old, new, strict=True) for edit in _values(one, other, path)]
    return told if 0 < len(told) <= _SHOWN else [Edit(path, 0, "", "changed", "")]


def _values(old: JSON, new: JSON, path: str) -> Iterator[Edit]:
    for place, before, after, is_hidden in _leaves(old, new, "", is_hidden=False):
        shown = [_shown(value, is_hidden=is_hidden) for value in (before, after)]
        yield Edit(path, 0, place, *shown)


def _leaves(
    old: JSON, new: JSON, place: str, *, is_hidden: bool
) -> Iterator[tuple[str, JSON, JSON, bool]]:
    if isinstance(old, dict) and isinstance(new, dict):
        is_secret = "Secret" in (old.get("kind"), new.get("kind"))
        for key in dict.fromkeys([*old, *new]):
            # Annotations in which tools keep a copy of the whole object hold its values too.
            hide = is_hidden or (is_secret and key in _DATA) or key in COPIES
            inner = f"{place}.{key}" if place else key
            yield from _leaves(old.get(key, _ABSENT), new.get(key, _ABSENT), inner, is_hidden=hide)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            inner = f"{place}[{_element(one, other) or number}]"
            yield from _leaves(one, other, inner, is_hidden=is_hidden)
    elif type(old) is not type(new) or old != new:
        yield place, old, new, is_hidden


def _element(old: JSON, new: JSON) -> str:
    """Name an element as people do, where it has the same name on both sides."""
    names = [each.get("name") if isinstance(each, dict) else None for each in (old, new)]
    return f"name={names[0]}" if names[0] == names[1] and isinstance(names[0], str) else ""


class _Absent:
    """Type of what is not there."""


_ABSENT: Final = _Absent()


def _shown(value: JSON, *, is_hidden: bool) -> str:
    if value is _ABSENT:
        return ""
    if is_hidden:
        return _HIDDEN
    if isinstance(value, dict | list):
        return "{...}" if isinstance(value, dict) else "[...]"
    text = value if isinstance(value, str) else json.dumps(value)
    clean = "".join(char if char.isprintable() else " " for char in text)
    return clean if len(clean) <= 100 else f"{clean[:97]}..."
