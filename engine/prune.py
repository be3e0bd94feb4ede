"""Which objects of the record Git no longer wants, and which of them may be deleted now.

Everything here says no by default: an object is deleted only when each rule of invariant 3
(ARCHITECTURE.md) allows it. A rule that forbids gives a Keep that says why and how to go on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from engine.errors import ManifestError
from engine.inventory import Entry, owner_of, token
from engine.jsonpatch import pointer
from engine.model import (
    GROUP,
    MARK_ANNOTATION,
    OWNER_LABEL,
    PRUNE_ANNOTATION,
    Change,
    Delete,
    Keep,
    Live,
    ObjectRef,
    Patch,
    Release,
)
from engine.order import deletion_key, wave_of
from engine.ownership import annotation, controller_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from engine.situation import Situation

Hold = Literal["Empty", "TooMany", "Confirm", "Waiting", "Failed", "NoPrune", "Stray"]

# Deleting one of these deletes what others put there, so it always wants a confirmation.
_NEEDS_CONFIRMATION = frozenset({
    ("", "Namespace"), ("", "PersistentVolume"), ("", "PersistentVolumeClaim"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"), (GROUP, "Application"),
})  # fmt: skip

# What no token lifts: there is nothing to agree to while these hold.
_FIRM: frozenset[Hold] = frozenset({"Failed", "NoPrune"})

_REMOVED = "no longer in Git"
_STRAY = "carries this application's mark, and its record does not name it"


@dataclass(frozen=True, slots=True)
class Pruning:
    """The last wave: deletions, releases and keeps in order, and what the held ones need."""

    changes: tuple[Change, ...] = ()
    forget: tuple[ObjectRef, ...] = ()
    token: str = ""


def prune(situation: Situation, *, failed: bool) -> Pruning:
    """Return what becomes of everything that is in the record and not desired.

    ``failed``: some object could not be planned, so nothing is deleted in this pass.
    """
    if situation.inventory is None:
        return Pruning()
    desired = {manifest.ref for manifest in situation.placement.manifests}
    entries = [e for ref, e in situation.inventory.entries.items() if ref not in desired]
    settled: list[Keep | Release] = []
    forget: list[ObjectRef] = []
    candidates: list[Delete] = []
    uids = desired_uids(situation)
    for entry in entries:
        change = fate(entry, situation, uids=uids)
        if change is None:
            forget.append(entry.ref)
        elif isinstance(change, Delete):
            candidates.append(change)
        else:
            settled.append(change)
    brake = _brake(candidates, situation, failed=failed)
    if brake is not None and brake[0] in _FIRM:
        settled = [_held_back(change, *brake) for change in settled]
    strays, kept = _strays(situation, known=desired | situation.inventory.entries.keys())
    decided, confirmation = _hold(candidates, strays, situation, brake=brake)
    changes = sorted([*settled, *kept, *decided], key=_deletion_order)
    return Pruning(tuple(changes), tuple(sorted(forget)), confirmation)


def _held_back(change: Keep | Release, hold: Hold, why: str) -> Keep | Release:
    return Keep(change.ref, hold, why) if isinstance(change, Release) else change


def _strays(
    situation: Situation, *, known: AbstractSet[ObjectRef]
) -> tuple[list[Delete], list[Keep]]:
    """Return the objects with our mark that no entry names: those a token may delete, the rest.

    They are under every rule that protects what the record names, and no patch touches them.
    """
    uids, deletes, keeps = desired_uids(situation), [], []
    for ref, live in situation.observation.strays.items():
        if ref in known:
            continue
        change = fate(Entry(ref, uid=live.uid), situation, uids=uids)
        if isinstance(change, Delete):
            deletes.append(replace(change, reason=_STRAY))
        elif change is not None:
            keeps.append(Keep(ref, "Stray", f"{_STRAY}; {change.reason}"))
    return deletes, keeps


def farewell(situation: Situation) -> Pruning:
    """Return what becomes of everything when the application itself is deleted.

    By its ``deletionPolicy``. Knows no limit of number; what holds other people's objects, and what
    carries the mark and is not in the record, is left in place unless the token names it.
    """
    inventory, strays = situation.inventory, situation.observation.strays
    entries = list(inventory.entries.values()) if inventory else []
    entries += [Entry(ref, uid=live.uid) for ref, live in strays.items()]
    fates = {entry.ref: fate(entry, situation) for entry in entries}
    deletes = situation.application.deletion_policy != "orphan"
    special = [
        change
        for change in fates.values()
        if deletes and isinstance(change, Delete)
        and (change.ref in strays or wants_confirmation(change, situation))
    ]  # fmt: skip
    wanted = token(situation.owner, ((d.ref, d.live.uid) for d in special)) if special else ""
    spared = () if wanted == situation.options.confirm else tuple(special)
    changes = [
        _last_word(change, situation, spared=spared)
        for change in fates.values()
        if change is not None
    ]
    gone = tuple(ref for ref, change in fates.items() if change is None)
    return Pruning(tuple(sorted(changes, key=_deletion_order)), gone, wanted if spared else "")


def _last_word(change: Change, situation: Situation, *, spared: Sequence[Change]) -> Change:
    """Return what becomes of one object of a deleted application: deleted, or left unmarked."""
    match change:
        case Delete(ref, live) if situation.application.deletion_policy == "orphan":
            return _left(ref, live, "deletionPolicy: orphan")
        case Delete(ref, live) if change in spared:
            is_stray = ref in situation.observation.strays
            return _left(ref, live, _STRAY if is_stray else needs_confirmation(ref))
        case Keep(ref, "Disabled" | "Protected" | "Stray", reason):
            seen = situation.observation
            return _left(ref, seen.live.get(ref) or seen.strays[ref], reason)
        case _:
            return change


def _left(ref: ObjectRef, live: Live, reason: str) -> Release:
    return Release(ref, reason, live=live, patch=unmark(live))


def _deletion_order(change: Change) -> tuple[int, int, ObjectRef]:
    live = change.live if isinstance(change, Delete | Release) else None
    try:
        wave = wave_of(live.body) if live else 0
    except ManifestError:
        # Somebody made the annotation unreadable on the live object; order is a courtesy here.
        wave = 0
    return deletion_key(change.ref, wave)


def fate(
    entry: Entry, situation: Situation, *, uids: frozenset[str] = frozenset()
) -> Delete | Release | Keep | None:
    """Return what the object itself says; None: it is gone or not ours, so it is forgotten.

    ``uids`` are those of desired objects. Asked when planning, and again right before a DELETE.
    """
    ref, seen = entry.ref, situation.observation
    live = seen.live.get(ref) or seen.strays.get(ref)
    if live is None:
        if ref in seen.absent:
            return None
        why = seen.unknown[ref].what if ref in seen.unknown else "it was not read"
        return Keep(ref, "Unknown", f"its state is unknown: {why}")
    # The second: an API group that moved, so the same object lives on under its new name
    # (kustomize-controller#510).
    if owner_of(live) != situation.owner or live.uid in uids:
        return None
    return _protection(entry, live, situation) or _asked_for(entry, live)


def _protection(entry: Entry, live: Live, situation: Situation) -> Keep | None:
    """Return why this very object is never deleted in this pass, whoever confirms it."""
    ref, metadata = entry.ref, live.body["metadata"]
    controller = controller_of(live)
    taker = situation.elsewhere.get(ref)
    if taker:
        return Keep(ref, "Waiting", f"Application {taker} takes it over")
    if entry.uid and live.uid != entry.uid:
        return Keep(ref, "Stray", "it was deleted and made again by somebody else")
    if metadata.get("deletionTimestamp"):
        return Keep(ref, "Terminating", _terminating(live))
    if ref.kind == "Namespace" and (ref.name == "default" or ref.name.startswith("kube-")):
        return Keep(ref, "Protected", "Plumb never deletes a system namespace")
    if ref in situation.named:
        return Keep(ref, "Protected", situation.named[ref])
    if controller:
        return Keep(ref, "Protected", f"it belongs to {controller}, its controller")
    return None


def desired_uids(situation: Situation) -> frozenset[str]:
    """Return the uids of the desired objects that are there, under whatever group."""
    live = situation.observation.live
    return frozenset(live[m.ref].uid for m in situation.placement.manifests if m.ref in live)


def waits_for(live: Live) -> str:
    """Return what an object on its way out waits for, by the names of its finalizers, or ""."""
    finalizers = live.body["metadata"].get("finalizers") or []
    if not finalizers and live.ref.kind == "Namespace":
        finalizers = (live.body.get("spec") or {}).get("finalizers") or []
    return f"waiting for the finalizers {', '.join(finalizers)}" if finalizers else ""


def _terminating(live: Live) -> str:
    waits = waits_for(live)
    return f"it is being deleted, {waits}" if waits else "it is being deleted"


def _asked_for(entry: Entry, live: Live) -> Delete | Release | Keep:
    ref = entry.ref
    wishes = {
        annotation(body, PRUNE_ANNOTATION)
        for body in (live.body, entry.applied, entry.pending)
        if isinstance(body, dict)
    }
    if "disabled" in wishes:
        return Keep(ref, "Disabled", f"{PRUNE_ANNOTATION}: disabled")
    if "orphan" in wishes:
        return _left(ref, live, f"{PRUNE_ANNOTATION}: orphan")
    return Delete(ref, live, _REMOVED, existed=entry.existed)


def unmark(live: Live) -> Patch:
    """Return the patch that takes the ownership label and mark off an object, guarded on both."""
    operations: list[object] = [{"op": "test", "path": "/metadata/uid", "value": live.uid}]
    for place, key in (("labels", OWNER_LABEL), ("annotations", MARK_ANNOTATION)):
        value = (live.body["metadata"].get(place) or {}).get(key)
        if value is not None:
            path = pointer(("metadata", place, key))
            operations.append({"op": "test", "path": path, "value": value})
            operations.append({"op": "remove", "path": path})
    return Patch(tuple(operations), ())


def _hold(
    candidates: Sequence[Delete],
    strays: Sequence[Delete],
    situation: Situation,
    *,
    brake: tuple[Hold, str] | None,
) -> tuple[list[Delete | Keep], str]:
    """Return the deletions that may go ahead and Keeps for the rest, with the token for those."""
    firm = brake if brake is not None and brake[0] in _FIRM else None
    held: list[tuple[Delete, Hold, str]] = [(s, *(firm or ("Stray", s.reason))) for s in strays]
    free: list[Delete] = []
    for delete in candidates:
        if brake is not None:
            held.append((delete, *brake))
        elif wants_confirmation(delete, situation):
            held.append((delete, "Confirm", needs_confirmation(delete.ref)))
        else:
            free.append(delete)
    confirmable = [d for d, hold, _ in held if hold not in _FIRM]
    wanted = token(situation.owner, ((d.ref, d.live.uid) for d in confirmable))
    if confirmable and wanted in (situation.options.confirm, situation.application.confirm):
        return [*free, *confirmable], ""
    keeps = [Keep(d.ref, hold, why, d.existed, d.live) for d, hold, why in held]
    return [*free, *keeps], wanted if confirmable else ""


def needs_confirmation(ref: ObjectRef) -> str:
    """Return what a person reads where a deletion waits for its token."""
    return f"deleting a {ref.kind} needs a confirmation"


def wants_confirmation(delete: Delete, situation: Situation) -> bool:
    """Say whether the kind, Git, the record or the object itself asks for a token."""
    if (delete.ref.group, delete.ref.kind) in _NEEDS_CONFIRMATION:
        return True
    entry = situation.inventory and situation.inventory.entries.get(delete.ref)
    noted = (entry.applied, entry.pending) if entry else ()
    bodies: Iterable[object] = (delete.live.body, *noted)
    return any(
        isinstance(body, dict) and annotation(body, PRUNE_ANNOTATION) == "confirm"
        for body in bodies
    )


def _brake(
    candidates: Sequence[Delete], situation: Situation, *, failed: bool
) -> tuple[Hold, str] | None:
    """Return why all deletions wait, or None. The first reason that applies is told."""
    application, inventory = situation.application, situation.inventory
    if not (situation.options.prune and application.prune):
        return "NoPrune", "pruning is switched off"
    if failed:
        return "Failed", "not everything that Git wants is in place"
    if situation.options.doubt:
        return "Failed", f"Git may want something else by now: {situation.options.doubt}"
    if not situation.path_found:
        return "Empty", f"the path {application.source.path or '/'} is not in this commit"
    if not situation.placement.manifests:
        return "Empty", "this commit has no objects at this path"
    if situation.unread:
        return "Waiting", (
            f"{', '.join(situation.unread)} of the same repository could not be read, "
            "and may want them"
        )
    limit, total = application.max_prune, len(inventory.entries) if inventory else 0
    count = len(candidates)
    if count > limit.objects and count * 100 > limit.percent * total:
        return "TooMany", (
            f"{count} of {total} objects would be deleted; "
            f"more than {limit.objects} and more than {limit.percent} % wait for a confirmation"
        )
    return None
