"""The comparison itself: last applied, desired and live side by side, from the root to the leaves.

Finds changes and decides why each is there. How they are written is engine.merge.operations'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.jsonpatch import identical
from engine.merge import lists
from engine.merge.change import Act, Change, Place, Values
from engine.merge.keys import is_keyed
from engine.merge.owned import dropped, is_null_written
from engine.model import ABSENT, JSON, Why
from engine.normalize import digest, is_default, is_nothing, is_same, without_nulls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.schema import Node


class Walk:
    """One comparison. ``changes`` and ``answered`` (paths) are what it found.

    ``answers`` are the server's recorded replies by path. ``is_masked``: last applied tells paths
    only (a Secret). ``is_first``: nothing was applied before, or nobody knows what. ``is_fixed``:
    what the server worked out stays as it was made (a Pod).
    """

    def __init__(
        self,
        *,
        answers: Mapping[str, str],
        is_masked: bool = False,
        is_first: bool = False,
        is_fixed: bool = False,
    ) -> None:
        self.changes: list[Change] = []
        self.answered: list[str] = []
        self._answers = answers
        self._is_masked = is_masked
        self._is_first = is_first
        self._is_fixed = is_fixed

    def object(self, node: Node, values: Values, at: Place) -> None:
        """Compare two objects field by field; what only live has belongs to others."""
        if node.aliases:
            values = _by_newer_names(node, values)
        last, desired, live = values
        owned = last if isinstance(last, dict) else {}
        for name, wanted in desired.items():
            there = live.get(name, ABSENT)
            # The way of nearly every field of nearly every object: nothing is made for it.
            if wanted is there or (type(wanted) is type(there) is str and wanted == there):
                continue
            self._field(node.field(name), Values(owned.get(name, ABSENT), wanted, there), at, name)
        self._drop(node, Values(owned, desired, live), at)
        for union in node.unions:
            for name in sorted(union.excluded(desired, owned) & live.keys()):
                self._exclude(node.field(name), values, at / name)
        if node.derived and isinstance(last, dict) and not self._is_fixed:
            self._follow(node, values, at)

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
        # To a field that may be null, null is a value; where there is nothing, it says no more.
        is_null = value is None and (values.live is not ABSENT or bool(node.defaults))
        if is_nothing(node, value) and not is_null and _is_left_to_others(node, values):
            return
        lists.refuse_doubled(node, value, at)
        if not self.is_answered(values, at):
            self.changes.append(Change(act, at, values.live, value, self.why(values)))

    def _remove(self, values: Values, at: Place) -> None:
        if not self.is_answered(values, at):
            change = Change(Act.REMOVE, at, values.live, ABSENT, self.why(values))
            self.changes.append(change)

    def _drop(self, node: Node, values: Values, at: Place) -> None:
        """Remove what was applied and Git does not name any more."""
        owned, desired, live = values
        for name, was in owned.items():
            if name in desired or name not in live:
                continue
            if was is not None and live[name] is not None:
                self.changes += dropped(node.field(name), was, live[name], at / name)
            elif was is None and is_null_written(node, name, live[name]):
                self.changes.append(Change(Act.REMOVE, at / name, live[name], ABSENT, Why.REMOVED))

    def _follow(self, node: Node, values: Values, at: Place) -> None:
        """Write what the server worked out from fields of Git that say something else by now.

        It does so only when an object is made. A value that it had not worked out is somebody's.
        """
        last, desired, live = values
        for name, derive in node.derived.items():
            if name in desired or name in last or name not in live:
                continue
            was, now = derive(last), derive(desired)
            if was == now or live[name] != was:
                continue
            self.changes.append(Change(Act.REPLACE, at / name, was, now, Why.CHANGED))

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


def _by_newer_names(node: Node, values: Values) -> Values:
    """Return the values with older names of fields replaced, in all that Git says or said.

    What Git drops is dropped under both names: from the older one the server would restore it.
    """
    last, desired, live = values
    owned = last if isinstance(last, dict) else {}
    for older, newer in node.aliases.items():
        wanted = desired.get(newer) or desired.get(older)
        was = owned.get(newer) or owned.get(older)
        if not (wanted or was) or (older not in desired and older not in owned and wanted):
            continue
        desired = {k: v for k, v in desired.items() if k not in (older, newer)}
        owned = {k: v for k, v in owned.items() if k not in (older, newer)}
        if wanted:
            desired[newer] = wanted
            owned |= {newer: was} if was else {}
        else:
            owned |= {newer: was, older: was}
    return Values(owned if isinstance(last, dict) else last, desired, live)


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
