"""What was applied before: two bodies as one, and what of live goes when Git drops a field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.merge.change import Act, Change, element_at
from engine.merge.keys import is_keyed, positions
from engine.model import ABSENT, JSON, Why
from engine.normalize import comes_back, is_default

if TYPE_CHECKING:
    from engine.merge.change import Place
    from engine.schema import Node


class _Unsure:
    """Stands where two writes disagree: it is owned, and equal to nothing."""

    __slots__ = ()


UNSURE = _Unsure()


def together(node: Node, applied: JSON, pending: JSON) -> JSON:
    """Return one last-applied state that owns the leaves of both; ABSENT where there is none.

    ``pending`` may have landed or not; where both say something else nobody knows what was
    applied, so the value there is UNSURE.
    """
    if applied is ABSENT or applied is None:
        return pending
    if pending is ABSENT or pending is None or applied == pending:
        return applied
    if isinstance(applied, dict) and isinstance(pending, dict):
        states = {
            name: together(node.field(name), applied.get(name, ABSENT), pending.get(name, ABSENT))
            for name in {**applied, **pending}
        }
        return {name: state for name, state in states.items() if state is not ABSENT}
    if isinstance(applied, list) and isinstance(pending, list) and is_keyed(node):
        return _lists_together(node, applied, pending)
    # Where the kind of value differs, the one with parts claims less of what others put there.
    return next((one for one in (applied, pending) if isinstance(one, dict)), UNSURE)


def _lists_together(node: Node, applied: list[JSON], pending: list[JSON]) -> JSON:
    first, second = positions(node, applied), positions(node, pending)
    if first is None or second is None:
        return UNSURE
    merged = {key: applied[found[0]] for key, found in first.items()}
    for key, found in second.items():
        merged[key] = together(node.items, merged.get(key, ABSENT), pending[found[0]])
    return list(merged.values())


def dropped(node: Node, last: JSON, live: JSON, at: Place) -> list[Change]:
    """Return what goes when Git no longer names the field ``at``, which live has.

    The owned leaves; and a parent as one where nothing of others is left in it, or where it cannot
    stand without what goes. Nothing, where the server would put the same value there again.
    """
    if comes_back(node, live):
        return []
    whole = [Change(Act.REMOVE, at, live, ABSENT, Why.REMOVED)]
    if isinstance(last, dict) and isinstance(live, dict) and not node.is_atomic:
        changes, gone = _dropped_fields(node, last, live, at)
        if not changes and not gone and any(owned is not None for owned in last.values()):
            return []
        left = (name for name in live if name not in gone)
        is_void = _cannot_stand(node, gone, live) or all(
            is_default(node.field(name), live[name]) for name in left
        )
        return whole if is_void else changes
    if isinstance(last, list) and isinstance(live, list) and is_keyed(node):
        elements = _dropped_elements(node, last, live, at)
        return whole if elements is None else elements
    return whole


def _dropped_fields(node: Node, last: JSON, live: JSON, at: Place) -> tuple[list[Change], set[str]]:
    changes: list[Change] = []
    gone: set[str] = set()
    for name, owned in last.items():
        there = live.get(name)
        if owned is None and name in live and is_null_written(node, name, there):
            changes.append(Change(Act.REMOVE, at / name, there, ABSENT, Why.REMOVED))
            gone.add(name)
        if there is None or owned is None:
            continue
        found = dropped(node.field(name), owned, there, at / name)
        changes.extend(found)
        is_whole = len(found) == 1 and found[0].at.parent is at
        if is_whole or (not found and comes_back(node.field(name), there)):
            gone.add(name)
    return changes, gone


def is_null_written(node: Node, name: str, there: JSON) -> bool:
    """Say whether this is what a create made of null: the value null, or "" in a map of texts."""
    if there is None:
        field = node.field(name)
        return field.is_nullable and bool(field.defaults)
    return bool(node.is_built_in and node.shape == "map" and there == "")


def _dropped_elements(
    node: Node, last: list[JSON], live: list[JSON], at: Place
) -> list[Change] | None:
    """Return the deletions of owned elements; None when the list goes as a whole."""
    owned, there = positions(node, last), positions(node, live)
    if owned is None or there is None or there.keys() <= owned.keys():
        return None
    changes = []
    for key, found in there.items():
        for index in found if key in owned else ():
            place = element_at(node, live, index, at)
            place.is_ambiguous = len(found) > 1
            changes.append(Change(Act.DELETE, place, live[index], ABSENT, Why.REMOVED))
    return changes


def _is_made_up(field: Node) -> bool:
    """Say whether the server puts a value there; to a built-in kind an empty default is none."""
    return any(field.defaults) if field.is_built_in else bool(field.defaults)


def _cannot_stand(node: Node, gone: set[str], live: JSON) -> bool:
    """Say whether the object is void without the fields that go: a probe without its handler."""
    if any(name in node.required and not _is_made_up(node.field(name)) for name in gone):
        return True
    return any(
        union.is_required and union.members & gone and not (union.members & live.keys()) - gone
        for union in node.unions
    )
