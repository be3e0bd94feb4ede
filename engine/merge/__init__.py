"""Desired x last applied x live -> one RFC 6902 patch: the core of Plumb. Pure.

Set what Git names and live lacks or has otherwise; remove what was applied before and Git does not
name any more; leave everything else alone. Read :func:`compare` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.merge.attribution import manager_of
from engine.merge.change import Change, Place, Values
from engine.merge.ignore import left_alone
from engine.merge.operations import operations
from engine.merge.owned import together
from engine.merge.walk import Walk
from engine.model import ABSENT, FIELD_MANAGER, JSON, Edit, Patch, Why
from engine.normalize import digest, is_secret, wished, with_admitted
from engine.schema import untyped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine.schema import Node, Schemas

__all__ = ["Sides", "answers_of", "compare", "three_way"]


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared. ``last_applied`` is None when nothing is known to have been applied.

    ``pending`` is a second last-applied state: a write that may have landed.
    """

    last_applied: JSON | None
    desired: JSON
    live: JSON
    pending: JSON | None = None


def three_way(
    last_applied: JSON | None,
    desired: JSON,
    live: JSON,
    *,
    schemas: Schemas,
    answers: Mapping[str, str] | None = None,
) -> list[JSON]:
    """Return the RFC 6902 operations, guards included, that make live what Git wants it to be.

    Empty when it is. The arguments stay as they are. Raises ManifestError for doubled list keys.
    """
    sides = Sides(last_applied, desired, live)
    return list(compare(sides, schemas=schemas, answers=answers).operations)


def compare(
    sides: Sides,
    *,
    schemas: Schemas,
    answers: Mapping[str, str] | None = None,
    skip: Iterable[str] = (),
) -> Patch:
    """Return the patch that makes live what Git wants it to be, and the same for people.

    ``answers`` (:func:`answers_of`) count only where Git has not changed since. What the paths in
    ``skip`` name (engine.model.IgnoreRule) is neither compared nor written. ``operations`` is empty
    exactly when nothing has to be written. Raises ManifestError (its ``where`` is a pointer) when a
    keyed list in desired has an element twice.
    """
    root = _schema_of(sides.desired, schemas)
    last, notes = _last_applied(root, sides)
    desired, live = wished(sides.desired), sides.live
    is_pod = (sides.desired.get("apiVersion"), sides.desired.get("kind")) == ("v1", "Pod")
    if is_pod:
        desired = with_admitted(desired, live)
    if not desired.get("metadata") and "metadata" not in live:
        desired.pop("metadata", None)
    for path in skip:
        last, desired = left_alone(path, last, desired, live)
    if "rules" in desired and _is_aggregated(sides.desired):
        last, desired = left_alone("/rules", last, desired, live)
        notes.append("/rules is filled in by the aggregation rule")
    walk = Walk(
        answers=answers or {},
        is_masked=is_secret(sides.desired),
        is_first=last is ABSENT,
        is_fixed=is_pod,
    )
    walk.object(root, Values(last, desired, live), Place(None, ""))
    if walk.answered:
        listed = ", ".join(sorted(walk.answered))
        notes.append(f"left as the server answered when it was written: {listed}")
    return Patch(
        operations=operations(walk.changes, live),
        edits=tuple(
            _edit(change, live, is_known=last is not ABSENT) for change in _for_people(walk.changes)
        ),
        notes=tuple(notes),
    )


def answers_of(
    sent: JSON, reply: JSON, *, schemas: Schemas, paths: Iterable[str] | None = None
) -> dict[str, str]:
    """Return a digest of the reply wherever it differs from what was sent, by path.

    ``paths`` (those of a Patch's edits) are what this write set; None stands for all of a create.
    Nothing of a Secret is kept.
    """
    if is_secret(sent):
        return {}
    walk = Walk(answers={}, is_first=True)
    values = Values(ABSENT, wished(sent), reply)
    walk.object(_schema_of(sent, schemas), values, Place(None, ""))
    found = {change.at.path: digest(change.before) for change in walk.changes}
    if paths is None:
        return found
    written = tuple(paths)
    return {path: answer for path, answer in found.items() if _is_within(path, written)}


# --- what is compared ------------------------------------------------------------------------


def _schema_of(body: JSON, schemas: Schemas) -> Node:
    return schemas.of(str(body.get("apiVersion")), str(body.get("kind"))) or untyped()


def _last_applied(root: Node, sides: Sides) -> tuple[JSON, list[str]]:
    """Return what was applied before, without identity, and what there is to say about it."""
    notes: list[str] = []
    version = sides.desired.get("apiVersion")
    states = []
    for state in (sides.last_applied, sides.pending):
        if state is None:
            continue
        wish = wished({"kind": sides.desired.get("kind"), **state})
        if state.get("apiVersion", version) != version:
            # Its fields may have other names and meanings in this version.
            wish = {name: value for name, value in wish.items() if name == "metadata"}
            notes.append(
                f"applied last as {state['apiVersion']}: only metadata is removed, not other fields"
            )
        states.append(wish)
    if not states:
        return ABSENT, notes
    return (states[0] if len(states) == 1 else together(root, *states)), notes


def _is_aggregated(body: JSON) -> bool:
    """Say whether a controller writes the rules of this ClusterRole."""
    is_role = body.get("kind") == "ClusterRole" and str(body.get("apiVersion", "")).startswith(
        "rbac.authorization.k8s.io/"
    )
    return bool(is_role and body.get("aggregationRule"))


def _is_within(path: str, written: tuple[str, ...]) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in written)


# --- what people read ------------------------------------------------------------------------


def _for_people(changes: list[Change]) -> Iterator[Change]:
    yield from sorted(changes, key=lambda change: change.at.path)


def _edit(change: Change, live: JSON, *, is_known: bool) -> Edit:
    is_theirs = change.before is not ABSENT and change.why in (Why.DRIFTED, Why.DIFFERS, Why.UNION)
    manager = manager_of(live, change.at) if is_theirs else ""
    why = change.why
    if why is Why.DIFFERS and manager and is_known:
        # The record has no values of a Secret, but who wrote the live one tells as much.
        why = Why.CHANGED if manager == FIELD_MANAGER else Why.DRIFTED
    return Edit(change.at.path, change.before, change.after, why, manager)
