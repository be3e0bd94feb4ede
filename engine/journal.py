"""What the record notes before a wave is carried out, and what after it. Pure.

Before: every object and every field that is about to be written (invariant 4). After: the answers
of those that succeeded; what a definite refusal undid; and an unknown outcome stays pending.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.errors import ApiError, RefusedError
from engine.inventory import Entry
from engine.jobs import is_complete
from engine.merge import answers_of
from engine.model import (
    Adopt,
    Change,
    Create,
    Delete,
    Live,
    Manifest,
    ObjectRef,
    Outcome,
    Replace,
    Update,
)
from engine.plan import recorded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.inventory import Inventory
    from engine.schema import Schemas


def intents(changes: Iterable[Change], inventory: Inventory) -> list[Entry]:
    """Return the entries to write before these changes: pending bodies, and strays to delete."""
    return [
        entry
        for change in changes
        if (entry := _intent(change, inventory.entries.get(change.ref))) is not None
    ]


def _intent(change: Change, known: Entry | None) -> Entry | None:
    match change:
        case Create(manifest, recorded=True):
            # It is not there, so what an earlier object of that name was given says nothing.
            return Entry(manifest.ref, version=manifest.api_version, pending=recorded(manifest))
        case Update(manifest, live):
            return _pending(known, manifest, live)
        case Replace(manifest, live):
            # Whichever of the two is there when somebody looks next is this application's.
            return replace(_pending(known, manifest, live), uid="")
        case Adopt(manifest, live):
            return _pending(known, manifest, live, existed=True)
        case Delete(ref, live) if known is None:
            return Entry(ref, uid=live.uid, version=str(live.body.get("apiVersion", "")))
        case _:
            return None


def _pending(
    known: Entry | None, manifest: Manifest, live: Live, *, existed: bool = False
) -> Entry:
    if known is None or known.uid not in ("", live.uid):
        known = Entry(manifest.ref, existed=existed)
    return replace(known, uid=live.uid, version=manifest.api_version, pending=recorded(manifest))


def after_wave(
    changes: Iterable[Change],
    outcomes: Iterable[Outcome],
    before: Inventory,
    inventory: Inventory,
    *,
    schemas: Schemas,
) -> tuple[Inventory, frozenset[ObjectRef]]:
    """Return the inventory after the wave and which entries differ from ``inventory``.

    ``before`` is the inventory as it was before the intents, ``inventory`` the one with them. An
    object without an outcome was not reached: its intent stays.
    """
    by_ref = {change.ref: change for change in changes}
    changed: list[Entry] = []
    gone: list[ObjectRef] = []
    for outcome in outcomes:
        change, entry = by_ref[outcome.ref], inventory.entries.get(outcome.ref)
        if entry is None:
            continue
        after = _after(change, outcome, entry, before.entries.get(outcome.ref), schemas=schemas)
        if after is None:
            gone.append(outcome.ref)
        elif after != entry:
            changed.append(after)
    touched = frozenset([*gone, *(entry.ref for entry in changed)])
    return inventory.with_entries(changed, gone), touched


def _after(
    change: Change, outcome: Outcome, entry: Entry, before: Entry | None, *, schemas: Schemas
) -> Entry | None:
    match outcome.action:
        case "deleted":
            # Still there with a deletionTimestamp: it leaves when it is proven to be gone.
            return entry if outcome.live is not None else None
        case "released":
            return None
        case "failed" | "skipped":
            return _undone(outcome, entry, before)
        case "created" | "adopted" | "updated" | "replaced" if isinstance(
            change, Create | Adopt | Update | Replace
        ):
            return _applied(change.manifest, outcome, entry, schemas=schemas)
        case _:
            return entry


def _undone(outcome: Outcome, entry: Entry, before: Entry | None) -> Entry | None:
    """Return the entry as it was, if the server or a rule said no; else the intent stays."""
    error = outcome.error
    is_no = isinstance(error, RefusedError) or (
        isinstance(error, ApiError) and 400 <= error.status < 500
    )
    return before if (error is None or is_no) and not outcome.is_in_doubt else entry


def _applied(manifest: Manifest, outcome: Outcome, entry: Entry, *, schemas: Schemas) -> Entry:
    live = outcome.live
    if live is None:
        return entry
    return replace(
        entry,
        uid=live.uid,
        version=manifest.api_version,
        applied=recorded(manifest),
        pending=None,
        answers=_answers(outcome.change, live, entry.answers, schemas=schemas),
        existed=entry.existed or outcome.action == "adopted",
    )


def _answers(
    carried_out: Change | None, live: Live, known: Mapping[str, str], *, schemas: Schemas
) -> Mapping[str, str]:
    """Return where the server's reply differs from what this very write set."""
    match carried_out:
        case Create(body=body) | Replace(body=body):
            return answers_of(body, live.body, schemas=schemas)
        case Adopt(manifest, _, patch) | Update(manifest, _, patch):
            paths = [edit.path for edit in patch.edits]
            fresh = answers_of(manifest.body, live.body, schemas=schemas, paths=paths)
            kept = {
                path: answer
                for path, answer in known.items()
                if not any(path == one or path.startswith(f"{one}/") for one in paths)
            }
            return {**kept, **fresh}
        case _:
            # It was found in place, so nobody knows what this write was answered.
            return known


def has_ended(manifest: Manifest, live: Live, entry: Entry | None) -> bool:
    """Say whether this is news: a Job as Git and the record have it that ran to completion."""
    is_known = entry is not None and entry.uid == live.uid and entry.pending is None
    return bool(is_known and entry and entry.done != manifest.digest and is_complete(live))


def settled(
    manifests: Iterable[Manifest],
    live: Mapping[ObjectRef, Live],
    inventory: Inventory,
    *,
    gone: Iterable[ObjectRef] = (),
) -> tuple[Inventory, frozenset[ObjectRef]]:
    """Return the inventory that says what was found in place, without what is gone."""
    changed = []
    for manifest in manifests:
        seen = live.get(manifest.ref)
        known = inventory.entries.get(manifest.ref, Entry(manifest.ref))
        if seen and known.uid not in ("", seen.uid):
            known = Entry(manifest.ref)  # what an object that is gone was answered counts no more
        changed.append(
            replace(
                known,
                uid=seen.uid if seen else known.uid,
                version=manifest.api_version,
                applied=recorded(manifest),
                pending=None,
                done=manifest.digest if seen and is_complete(seen) else known.done,
            )
        )
    refs = frozenset([*(entry.ref for entry in changed), *gone])
    return inventory.with_entries(changed, gone), refs
