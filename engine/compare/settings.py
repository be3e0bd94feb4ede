"""What changed in an Application document itself, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.jsonpatch import pointer
from engine.model import ABSENT, Edit, Why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.compare.applications import Found
    from engine.model import JSON


def changed_settings(before: Found | None, after: Found | None) -> tuple[Edit, ...]:
    """Return the changed fields of ``spec``; lists are told as a whole."""
    if before is None or after is None:
        return ()
    old, new = ((f.application.document or {}).get("spec") or {} for f in (before, after))
    return tuple(_edits(old, new, ("spec",)))


def _edits(before: JSON, after: JSON, path: tuple[str, ...]) -> Iterator[Edit]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            one, other = before.get(key, ABSENT), after.get(key, ABSENT)
            yield from _edits(one, other, (*path, key))
    elif before is ABSENT:
        yield Edit(pointer(path), ABSENT, after, Why.ADDED)
    elif after is ABSENT:
        yield Edit(pointer(path), before, ABSENT, Why.REMOVED)
    elif before != after:
        yield Edit(pointer(path), before, after, Why.CHANGED)
