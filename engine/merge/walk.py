"""The comparison itself: last applied, desired and live side by side, from the root to the leaves.

Finds changes and decides why each is there. How they are written is engine.merge.operations'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.jsonpatch import identical
from engine.merge import lists
from engine.merge.change import Act, Change, Place, Values
from engine.merge.keys import is_keyed
from engine.merge.owned import dropped
from engine.model import ABSENT, JSON, Why
from engine.normalize import digest, is_default, is_nothing, is_same, without_nulls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.schema import Node


class Walk:
    """One comparison. ``changes`` and ``answered`` (paths) are what it found.

    ``answers`` are the server's recorded replies by path. ``is_masked``: last applied tells paths
    only (a Secret). ``is_first``: nothing was applied before, or nobody knows what.
    """

    def __init__(
        self, *, answers: Mapping[str, str], is_masked: bool = False, is_first: bool = False
    ) -> None:
        self.changes: list[Change] = []
        self.answered: list[str] = []
        self._answers = answers
        self._is_masked = is_masked
        self._is_first = is_first

    def object(self, node: Node, values: Values, at: Place) -> None:
        """Compare two objects field by field; what only live has belongs to others."""
        last, desired, live = values
        owned = last if isinstance(last, dict) else {}
        for name, wanted in desired.items():
            there = live.get(name, ABSENT)
            # The way of nearly every field of nearly every object: nothing is made for it.
            if wanted is there or (type(wanted) is type(there) is str and wanted == there):
                continue
            self._field(node.field(name), Values(owned.get(name, ABSENT), wanted, there), at, name)
        for name, was in owned.items():
            if name not in desired and was is not None and live.get(name) is not None:
                place = at / name
                self.changes += dropped(node.field(name), was, live[name], place)
        for union in node.unions:
            for name in sorted(union.excluded(desired) & live.keys()):
                self._exclude(node.field(name), values, at / name)

    def element(self, node: Node, values: Values, at: Place) -> None:
        """Compare one element of a keyed list with its own in live."""
        if not node.is_atomic:
            self.object(node, values, at)
        elif not is_same(node, values.desired, values.live):
            self._write(Act.REPLACE, node, values, at)

    def is_answered(self, values: Values, at: Place) -> bool:
        """Say whether live is what the server made of this very wish when it was written."""
        last, wanted, there = values
        if not self._answers or last is ABSENT or not identical(last, wanted):
            return False
        path = at.path
        if self._answers.get(path) != digest(there):
            return False
        self.answered.append(path)
        return True

    def why(self, values: Values) -> Why:
        """Say why a field that desired names has to be written."""
        last, wanted, there = values
        if self._is_first:
            return Why.DIFFERS
        if last is ABSENT:
            return Why.ADDED
        if self._is_masked and there is not ABSENT:
            return Why.DIFFERS
        return Why.DRIFTED if self._is_masked or identical(last, wanted) else Why.CHANGED

    def _field(self, node: Node, values: Values, parent: Place, name: str) -> None:
        """Compare one field, or one value of a map, that desired names."""
        _, wanted, there = values
        if wanted is None and not node.is_nullable:
            if not (is_default(node, there) or _is_zero(node, there)):
                self._remove(values, parent / name)
        elif there is ABSENT or (there is None and wanted is not None):
            self._write(Act.ADD, node, values._replace(live=ABSENT), parent / name)
        elif isinstance(wanted, dict) and isinstance(there, dict) and not node.is_atomic:
            self.object(node, values, parent / name)
        elif isinstance(wanted, list) and isinstance(there, list):
            self._list(node, values, parent / name)
        elif not is_same(node, wanted, there):
            self._write(Act.REPLACE, node, values, parent / name)

    def _list(self, node: Node, values: Values, at: Place) -> None:
        if is_keyed(node) and lists.compare(self, node, values, at):
            return
        if not is_same(node, values.desired, values.live):
            self._write(Act.REPLACE, node, values, at)

    def _write(self, act: Act, node: Node, values: Values, at: Place) -> None:
        value = without_nulls(node, values.desired)
        if is_nothing(node, value) and _is_left_to_others(node, values):
            return
        lists.refuse_doubled(node, value, at)
        if not self.is_answered(values, at):
            self.changes.append(Change(act, at, values.live, value, self.why(values)))

    def _remove(self, values: Values, at: Place) -> None:
        if not self.is_answered(values, at):
            change = Change(Act.REMOVE, at, values.live, ABSENT, self.why(values))
            self.changes.append(change)

    def _exclude(self, node: Node, values: Values, at: Place) -> None:
        """Remove a member of a union of which Git names another one."""
        there, path = values.live[at.token], at.path
        is_going = any(c.act is Act.REMOVE and c.at.path == path for c in self.changes)
        if there is None or is_nothing(node, there) or is_going:
            return
        if self.is_answered(values._replace(live=there), at):
            return
        # Where Git drops it too, its owned leaves would go one by one; a member goes as a whole.
        self.changes = [c for c in self.changes if not c.at.path.startswith(f"{path}/")]
        was_ours = isinstance(values.last, dict) and at.token in values.last
        why = Why.REMOVED if was_ours else Why.UNION
        self.changes.append(Change(Act.REMOVE, at, there, ABSENT, why))


def _is_left_to_others(node: Node, values: Values) -> bool:
    """Say whether live is as good as the nothing that Git says: absent, default, or filled in."""
    last, _, there = values
    if isinstance(there, list | dict):
        # A rule in a list that Git has empty is drift, unless it is the server's own.
        return any(is_same(node, default, there) for default in node.defaults)
    return is_default(node, there) or (node.is_filled_in and is_nothing(node, last))


def _is_zero(node: Node, there: JSON) -> bool:
    """Say whether this is what null in Git asks for: nothing, or what is left of it on the server.

    A map of strings or quantities of a built-in kind keeps the key and gives it the zero value.
    """
    return is_nothing(node, there) or (node.is_built_in and there in ("", "0"))
