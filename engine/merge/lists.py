"""Lists whose elements belong to different owners: by key, or as a set of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.merge.change import Act, Change, Place, Values, element_at
from engine.merge.keys import Key, doubled, positions
from engine.model import ABSENT, JSON, Why
from engine.normalize import without_nulls
from engine.schema.elements import element_name

if TYPE_CHECKING:
    from engine.merge.walk import Walk
    from engine.schema import Node

    Places = dict[Key, list[int]]


def compare(walk: Walk, node: Node, values: Values, at: Place) -> bool:
    """Compare two keyed lists or sets; False when an element has no usable key after all."""
    node = _telling(node, values.desired)
    wanted, there = positions(node, values.desired), positions(node, values.live)
    if wanted is None or there is None:
        return False
    _refuse(node, wanted, at)
    before = values.last if isinstance(values.last, list) else []
    elements = _Elements(walk, node, values, at)
    elements.pair(wanted, there, before)
    elements.arrange()
    return True


class _Elements:
    """The elements of one list: which pair up, which are new, which go."""

    def __init__(self, walk: Walk, node: Node, values: Values, at: Place) -> None:
        self.walk = walk
        self.node = node
        self.values = values
        self.at = at
        # What the list holds of Git's, in Git's order: an index into live, or a new element.
        self.wanted: list[int | Change] = []
        self.going: dict[int, Change] = {}

    def pair(self, wanted: Places, there: Places, before: list[JSON]) -> None:
        """Compare each desired element with its own in live; delete what Git names no more."""
        owned = positions(self.node, before) or {}
        for key, (index, *_) in wanted.items():
            was = before[owned[key][0]] if key in owned else ABSENT
            element = self.values.desired[index]
            if key in there:
                self._meet(was, element, there[key])
            else:
                self._new(Values(was, element, ABSENT))
        for key in owned:
            if key not in wanted:
                found = there.get(key, ())
                for index in found:
                    self._delete(index, Why.REMOVED, is_doubled=len(found) > 1)

    def _meet(self, was: JSON, element: JSON, found: list[int]) -> None:
        live, index = self.values.live, found[0]
        if len(found) > 1:
            # Live has it twice (kubernetes#58477): the one that needs no change stays.
            index = next((i for i in found if live[i] == element), index)
            for other in found:
                if other != index:
                    why = self.walk.why(Values(was, element, live[other]))
                    self._delete(other, why, is_doubled=True)
        self.wanted.append(index)
        if self.node.keys:
            place = element_at(self.node, live, index, self.at)
            place.is_ambiguous = len(found) > 1
            self.walk.element(self.node.items, Values(was, element, live[index]), place)

    def _new(self, values: Values) -> None:
        place = Place(self.at, "-", name=element_name(self.node, values.desired))
        value = without_nulls(self.node.items, values.desired)
        refuse_doubled(self.node.items, value, place)
        if not self.walk.is_answered(values, place):
            why = self.walk.why(values)
            self.wanted.append(Change(Act.INSERT, place, ABSENT, value, why))

    def _delete(self, index: int, why: Why, *, is_doubled: bool) -> None:
        place = element_at(self.node, self.values.live, index, self.at)
        place.is_ambiguous = is_doubled
        self.going[index] = Change(Act.DELETE, place, self.values.live[index], ABSENT, why)

    def arrange(self) -> None:
        """Note what has to be inserted, deleted and, where order means something, moved."""
        new = [entry for entry in self.wanted if isinstance(entry, Change)]
        kept = [entry for entry in self.wanted if isinstance(entry, int)]
        if self.node.is_ordered and kept != sorted(kept):
            self._reorder()
            return
        self.walk.changes += self.going.values()
        self.walk.changes += new
        if self.node.is_ordered and new:
            order = self._order()
            for change in new:
                index = order.index(change)
                is_last = all(isinstance(entry, Change) for entry in order[index:])
                change.index = None if is_last else index

    def _reorder(self) -> None:
        if self.walk.is_answered(self.values, self.at):
            return
        order, live = self._order(), self.values.live
        after = [entry.after if isinstance(entry, Change) else live[entry] for entry in order]
        why = self.walk.why(self.values)
        self.walk.changes.append(Change(Act.REORDER, self.at, live, after, why, order=order))

    def _order(self) -> list[int | Change]:
        """Return the finished list: Git's elements in Git's order, those of others where they are.

        A new element stands behind the one that Git has before it.
        """
        mine = iter([entry for entry in self.wanted if isinstance(entry, int)])
        slots = {entry for entry in self.wanted if isinstance(entry, int)}
        order: list[int | Change] = [
            next(mine) if index in slots else index
            for index in range(len(self.values.live))
            if index not in self.going
        ]
        for position, entry in enumerate(self.wanted):
            if isinstance(entry, Change):
                before = self.wanted[position - 1] if position else None
                order.insert(0 if before is None else order.index(before) + 1, entry)
        return order


def refuse_doubled(node: Node, value: JSON, at: Place) -> None:
    """Raise ManifestError where a list that is about to be written has two elements of one key."""
    if isinstance(value, dict):
        for name, child in value.items():
            if isinstance(child, dict | list):
                refuse_doubled(node.field(name), child, at / name)
    elif isinstance(value, list):
        if node.keys:
            node = _telling(node, value)
            _refuse(node, positions(node, value) or {}, at)
        for index, child in enumerate(value):
            if isinstance(child, dict | list):
                refuse_doubled(node.items, child, at / str(index))


def _telling(node: Node, elements: list[JSON]) -> Node:
    """Return the list with the keys that tell its elements apart, if there are such keys at all."""
    found = positions(node, elements) or {}
    is_doubled = bool(node.keys) and any(len(indices) > 1 for indices in found.values())
    return (node.wider or node) if is_doubled else node


def _refuse(node: Node, wanted: Places, at: Place) -> None:
    for found in wanted.values():
        if len(found) > 1 and node.keys:
            raise doubled(node, at, found[1])
