"""Changes as RFC 6902 operations, with the guards that make the patch right or refused.

First the guards, which see the object as it was read; then what changes keys, which moves no
element; then elements, the innermost lists first, deletions from the highest index down. So every
pointer is one into the object as it was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from engine import jsonpatch
from engine.jsonpatch import find, parts, pointer
from engine.merge.change import Act, Change
from engine.model import ABSENT, JSON
from engine.normalize import is_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.merge.change import Place

MAX_OPERATIONS = 10_000
# A guard of more bytes costs more to send than a conflict with an unrelated write.
MAX_GUARD_BYTES = 4096
_VERSION = "/metadata/resourceVersion"


def operations(changes: list[Change], live: JSON) -> tuple[JSON, ...]:
    """Return the patch that makes these changes to live; empty when there are none."""
    if not changes:
        return ()
    guards = _Guards(live)
    for change in changes:
        guards.cover(change)
    steps = mutations(changes, live)
    if len(steps) + len(guards) > MAX_OPERATIONS:
        guards, steps = _coarse(steps, live)
    return (*guards.operations(), *steps)


class _Guards:
    """The tests in front of a patch; each path is tested once, in the order they were asked for."""

    def __init__(self, live: JSON) -> None:
        self._live = live
        self._is_secret = is_secret(live)
        self._version = (live.get("metadata") or {}).get("resourceVersion")
        self._tests: dict[str, JSON] = {}
        self._is_locked = False

    def __len__(self) -> int:
        return len(self._tests) + 2

    def cover(self, change: Change) -> None:
        """Guard one change against whatever others may do meanwhile."""
        self._identify(change.at)
        match change.act:
            case Act.ADD:
                self._tests[change.at.pointer] = None
            case Act.INSERT | Act.REORDER:
                self.lock(_list_of(change))
            case _:
                self.value(change.at.pointer, change.before)

    def value(self, path: str, value: JSON) -> None:
        """Test a value, or take the lock where the value must not or cannot be tested."""
        is_testable = not (self._is_secret or _is_large(value) or _is_delicate(value))
        if is_testable or (self._version is None and not self._is_secret):
            self._tests[path] = value
        else:
            self._is_locked = True

    def lock(self, path: tuple[str, ...]) -> None:
        """Refuse the patch after any other write, or else after any to the value at this path."""
        self._is_locked = True
        if self._version is None and not self._is_secret:
            self._tests[pointer(path)] = find(self._live, path)

    def operations(self) -> Iterator[JSON]:
        uid = (self._live.get("metadata") or {}).get("uid")
        if uid is not None:
            yield {"op": "test", "path": "/metadata/uid", "value": uid}
        for path, value in self._tests.items():
            yield {"op": "test", "path": path, "value": value}
        if self._is_locked and self._version is not None:
            # Unlike `test` this is a true lock: 409 when the object has moved on.
            yield {"op": "replace", "path": _VERSION, "value": self._version}

    def _identify(self, place: Place) -> None:
        """Test the keys of every element on the way: an index says nothing after an insertion."""
        for step in place.way:
            if step.is_ambiguous and step.parent is not None:
                self.lock(step.parent.parts)
            for key, value in (step.keys or {}).items():
                self._tests[pointer((*step.parts, key))] = value


def _list_of(change: Change) -> tuple[str, ...]:
    place = change.at
    if change.act is Act.INSERT and place.parent is not None:
        place = place.parent
    return place.parts


def mutations(changes: Iterable[Change], live: JSON) -> list[JSON]:
    """Return the operations that change something, in an order in which each one applies."""
    todo = list(changes)
    steps = []
    for outer in _outermost_reorders(todo):
        inside = f"{outer.at.pointer}/"
        nested = [c for c in todo if c.at.pointer.startswith(inside)]
        todo = [c for c in todo if c is not outer and c not in nested]
        steps.append(_rewritten(outer, nested, live))
    steps += [_on_key(c) for c in todo if c.act in _ON_KEYS]
    return steps + list(_on_elements(c for c in todo if c.act not in _ON_KEYS))


_ON_KEYS = (Act.ADD, Act.REPLACE, Act.REMOVE)


def _on_key(change: Change) -> JSON:
    operation = {"op": change.act.name.lower(), "path": change.at.pointer}
    return operation if change.act is Act.REMOVE else {**operation, "value": change.after}


def _on_elements(changes: Iterable[Change]) -> Iterator[JSON]:
    lists: dict[tuple[str, ...], list[Change]] = {}
    for change in changes:
        lists.setdefault(change.at.parts[:-1], []).append(change)
    for path, members in sorted(lists.items(), key=lambda item: -len(item[0])):
        gone = sorted((int(c.at.token) for c in members if c.act is Act.DELETE), reverse=True)
        for index in gone:
            yield {"op": "remove", "path": pointer((*path, str(index)))}
        # In Git's order: those with a place come from the front, then what goes to the end.
        for change in (c for c in members if c.act is Act.INSERT):
            slot = "-" if change.index is None else str(change.index)
            yield {"op": "add", "path": pointer((*path, slot)), "value": change.after}


def _outermost_reorders(changes: list[Change]) -> list[Change]:
    reorders = [change for change in changes if change.act is Act.REORDER]
    paths = [f"{change.at.pointer}/" for change in reorders]
    return [c for c in reorders if not any(c.at.pointer.startswith(path) for path in paths)]


def _rewritten(reorder: Change, nested: list[Change], live: JSON) -> JSON:
    """Return the one operation that writes a list in another order, with what changes inside it."""
    changed = jsonpatch.apply(mutations(nested, live), live)
    elements = find(changed, reorder.at.parts)
    value = [
        entry.after if isinstance(entry, Change) else elements[entry] for entry in reorder.order
    ]
    return {"op": "replace", "path": reorder.at.pointer, "value": value}


def _coarse(steps: list[JSON], live: JSON) -> tuple[_Guards, list[JSON]]:
    """Return a patch of few operations that does the same: whole sections, under the lock."""
    changed = jsonpatch.apply(steps, live)
    guards = _Guards(live)
    coarse = []
    for section in dict.fromkeys(_section(parts(step["path"])) for step in steps):
        path, before, after = pointer(section), find(live, section), find(changed, section)
        guards.lock(section)
        if after is ABSENT:
            coarse.append({"op": "remove", "path": path})
        else:
            op = "add" if before is ABSENT else "replace"
            coarse.append({"op": op, "path": path, "value": after})
    return guards, coarse


def _section(path: tuple[str, ...]) -> tuple[str, ...]:
    # The whole of metadata holds what the server sets.
    return path[:2] if path[0] == "metadata" else path[:1]


def _is_large(value: JSON) -> bool:
    if isinstance(value, str | dict | list):
        return len(orjson.dumps(value)) > MAX_GUARD_BYTES
    return False


def _is_delicate(value: JSON) -> bool:
    """Say whether a server stumbles over a ``test`` of this value.

    Only the server knows how it spells a fraction; and its JSON Patch library (evanphx v4.13.0, in
    lazyNode.equal) dereferences nil for a null inside a list, which kills the request.
    """
    match value:
        case float():
            return True
        case dict():
            return any(map(_is_delicate, value.values()))
        case list():
            return None in value or any(map(_is_delicate, value))
        case _:
            return False
