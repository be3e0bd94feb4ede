"""One application's plan for a cluster in which the base is in place.

The base's manifests stand in for the live objects, marked as their application's own, and for the
record. What :func:`engine.plan.make_plan` then says is what a sync of the head would do.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from engine.compare.half import Half, stored
from engine.errors import PlumbError
from engine.inventory import Entry, Inventory, marked
from engine.jsonpatch import pointer
from engine.model import (
    ABSENT,
    MARK_ANNOTATION,
    OWNER_LABEL,
    Adopt,
    Change,
    Comparison,
    Edit,
    Live,
    Manifest,
    Moved,
    ObjectRef,
    Patch,
    Plan,
    Replace,
    Skip,
    Update,
    Wave,
    Why,
)
from engine.namespaces import Placement
from engine.plan import make_plan
from engine.prune import farewell
from engine.situation import Claim, Observation, Options, Situation, scale_target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.kinds import Kinds
    from engine.schema import Schemas

Read: TypeAlias = "tuple[str, Half | None, Half | None]"  # name, base, head
_AUTOSCALER = ("autoscaling", "HorizontalPodAutoscaler")


@dataclass(frozen=True, slots=True)
class World:
    """What all applications share; ``guessed`` are kinds whose scope nothing in Git says.

    ``others`` are the untouched applications that have an object which appears or goes elsewhere.
    """

    kinds: Kinds
    schemas: Schemas
    guessed: frozenset[tuple[str, str]] = frozenset()
    others: Mapping[ObjectRef, tuple[str, Manifest]] = field(default_factory=dict)


def comparison(
    made: Comparison, read: Sequence[Read], unread: tuple[str, ...], world: World, *,
    replace_too: bool,
) -> Comparison:  # fmt: skip
    """Return the comparison with its plan; ``read`` are all applications that differ."""
    base, head = next((b, h) for name, b, h in read if name == made.application)
    others = {ref: found[1] for ref, found in world.others.items()}
    others.update((ref, m) for _, b, _ in read if b is not None for ref, m in b.manifests.items())
    try:
        situation = _situation(made, read, unread, world, replace_too=replace_too)
        plan = make_plan(situation) if head else _farewell(situation)
    except PlumbError as error:
        return replace(made, errors=(error,))
    before = base.manifests if base else {}
    after = head.manifests if head else {}
    plan, notes = _told(plan, before, after)
    changed = {change.ref for change in plan.changes}
    return replace(
        made,
        plan=plan,
        moved=_moved(before, after),
        before={ref: m for ref in sorted(changed) if (m := before.get(ref) or others.get(ref))},
        after={ref: after[ref] for ref in sorted(changed) if ref in after},
        notes=(*notes, *_guesses(changed, before, after, world)),
    )


def _situation(
    made: Comparison, read: Sequence[Read], unread: tuple[str, ...], world: World, *,
    replace_too: bool,
) -> Situation:  # fmt: skip
    name = made.application
    base, head = next((b, h) for found, b, h in read if found == name)
    half = head or base
    assert half is not None  # noqa: S101 - an application is on one side at least
    owned = base.owned if base else {}
    wanted = head.manifests if head else {}
    live, claims = _live(name, {*owned, *wanted}, read, world)
    placement = head.placement if head else Placement(())
    refs = {*owned, *wanted} | ({placement.namespace.ref} if placement.namespace else set())
    is_made = base is not None and base.placement.namespace is not None
    return Situation(
        application=half.application,
        revision=half.side.revision,
        placement=placement if not is_made else replace(placement, namespace=None),
        inventory=Inventory(_owner(name), name, {
            ref: Entry(ref, uid=_uid(ref), version=m.api_version, applied=stored(m.body))
            for ref, m in owned.items()
        }),
        owner=_owner(name),
        observation=Observation(
            live=live, absent=frozenset(refs - set(live)), autoscaled=_autoscaled(wanted)
        ),
        kinds=world.kinds,
        schemas=world.schemas,
        claims=claims,
        elsewhere=_elsewhere(name, set(owned) - set(wanted), read, world),
        unread=unread,
        options=Options(replace=replace_too),
        path_found=head.rendering.found if head else True,
        where=half.where,
    )  # fmt: skip


def _live(
    name: str, refs: set[ObjectRef], read: Sequence[Read], world: World
) -> tuple[dict[ObjectRef, Live], dict[str, Claim]]:
    """Return what is in place, each object with the mark of the application that has it first."""
    live: dict[ObjectRef, Live] = {}
    claims: dict[str, Claim] = {}
    for ref in refs:
        found = _owner_at_base(ref, name, read) or world.others.get(ref)
        found = found or _earlier(ref, name, read)
        if found is None:
            continue
        owner, manifest = found
        body = marked(stored(manifest.body), _owner(owner), ref)
        live[ref] = Live(ref, {**body, "metadata": {**body["metadata"], "uid": _uid(ref)}})
        if owner != name:
            claims[_owner(owner)] = _claim(owner, ref, read)
    return live, claims


def _owner_at_base(ref: ObjectRef, name: str, read: Sequence[Read]) -> tuple[str, Manifest] | None:
    """Return whose object it is at the base; where two have it, this one has it too."""
    having = [(n, b.owned[ref]) for n, b, _ in read if b is not None and ref in b.owned]
    own = [found for found in having if found[0] == name]
    return next(iter((*own, *sorted(having, key=lambda found: found[0]))), None)


def _earlier(ref: ObjectRef, name: str, read: Sequence[Read]) -> tuple[str, Manifest] | None:
    """Return who else makes an object that is new: of two, the first by name gets it."""
    making = [(n, h.owned[ref]) for n, _, h in read if h is not None and ref in h.owned]
    return next((found for found in sorted(making, key=lambda f: f[0]) if found[0] < name), None)


def _claim(owner: str, ref: ObjectRef, read: Sequence[Read]) -> Claim:
    for name, base, head in read:
        if name == owner:
            half = head or base
            source = half.application.source if half else None
            wants = frozenset(head.owned) if head else frozenset()
            owns = frozenset(base.owned if base else ()) | wants
            return Claim(
                name, f"{source.url} {source.path}".rstrip() if source else "", owns, wants
            )
    return Claim(owner, "", frozenset({ref}), frozenset({ref}))


def _elsewhere(
    name: str, dropped: set[ObjectRef], read: Sequence[Read], world: World
) -> dict[ObjectRef, str]:
    found = {ref: world.others[ref][0] for ref in dropped if ref in world.others}
    for other, _, head in sorted(read, key=lambda r: r[0], reverse=True):
        if other != name and head is not None:
            found.update((ref, other) for ref in dropped if ref in head.manifests)
    return found


def _autoscaled(manifests: Mapping[ObjectRef, Manifest]) -> frozenset[ObjectRef]:
    targets = (
        scale_target(m.body) for ref, m in manifests.items() if (ref.group, ref.kind) == _AUTOSCALER
    )
    return frozenset(target for target in targets if target is not None)


def _farewell(situation: Situation) -> Plan:
    """Return what becomes of the objects of an Application that is removed."""
    pruning = farewell(situation)
    return Plan(str(situation.application), situation.revision, prune=pruning.changes)


# --- what is told of the plan ----------------------------------------------------------------


def _told(
    plan: Plan, before: Mapping[ObjectRef, Manifest], after: Mapping[ObjectRef, Manifest]
) -> tuple[Plan, list[str]]:
    """Return the plan as a reader of the change wants it: without what was so before it.

    A token confirms deletions in a cluster, and there is none.
    """
    notes: list[str] = []
    same = {
        ref for ref, manifest in after.items()
        if ref in before and before[ref].digest == manifest.digest
        and before[ref].api_version == manifest.api_version
    }  # fmt: skip
    waves = []
    for wave in plan.waves:
        kept = []
        for change in wave.changes:
            if change.ref not in same:
                kept.append(_shown(change))
            elif isinstance(change, Skip) and change.error is not None:
                notes.append(f"{change.error.code}, as before this change: {change.error}")
        waves.append(replace(wave, changes=tuple(kept)))
    versions = [
        _version(before[ref], after[ref]) for ref in plan.unchanged
        if ref in before and ref in after and before[ref].api_version != after[ref].api_version
    ]  # fmt: skip
    moved = {update.ref for update in versions}
    return replace(
        plan,
        waves=(*waves, *([Wave(0, tuple(versions))] if versions else ())),
        unchanged=tuple(ref for ref in plan.unchanged if ref not in moved),
        settle=(),
        forget=(),
        token="",
    ), notes


_MADE_UP = frozenset(
    pointer(("metadata", *path))
    for path in (("uid",), ("labels", OWNER_LABEL), ("annotations", MARK_ANNOTATION))
)


def _shown(change: Change) -> Change:
    """Return the change without what is made up here: an uid, marks, and who wrote what."""
    if not isinstance(change, Adopt | Update | Replace):
        return change
    kept = tuple(o for o in change.patch.operations if o["path"] not in _MADE_UP)
    edits = tuple(replace(edit, why=_why(edit), manager="") for edit in change.patch.edits)
    return replace(change, patch=replace(change.patch, operations=kept, edits=edits))


def _why(edit: Edit) -> Why:
    if edit.why is Why.UNION:
        return edit.why
    if edit.before is ABSENT:
        return Why.ADDED
    return Why.REMOVED if edit.after is ABSENT else Why.CHANGED


def _version(before: Manifest, after: Manifest) -> Update:
    edit = Edit("/apiVersion", before.api_version, after.api_version, Why.CHANGED)
    note = "the object in the cluster stays as it is"
    return Update(after, Live(before.ref, before.body), Patch((), (edit,), (note,)))


def _moved(
    before: Mapping[ObjectRef, Manifest], after: Mapping[ObjectRef, Manifest]
) -> tuple[Moved, ...]:
    return tuple(
        Moved(ref, before[ref].origin, after[ref].origin)
        for ref in sorted(set(before) & set(after))
        if before[ref].origin.path != after[ref].origin.path
    )


def _guesses(
    changed: set[ObjectRef], before: Mapping[ObjectRef, Manifest],
    after: Mapping[ObjectRef, Manifest], world: World,
) -> list[str]:  # fmt: skip
    """Name the kinds that nothing in Git defines: their lists and defaults are not known."""
    manifests = (m for ref in changed for side in (before, after) if (m := side.get(ref)))
    kinds = {(m.api_version, m.ref.kind) for m in manifests} & world.guessed
    return [
        f"{version} {kind} is not defined in Git: its fields are compared without a schema"
        for version, kind in sorted(kinds)
    ]


def _owner(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _uid(ref: ObjectRef) -> str:
    return f"base:{ref.group}/{ref.kind}/{ref.namespace}/{ref.name}"
