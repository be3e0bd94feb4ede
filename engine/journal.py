"""What the record notes before a wave is carried out, and what after it. Pure.

Before: every object and every field that is about to be written (invariant 4). After: the answers
of those that succeeded; what a definite refusal undid; and an unknown outcome stays pending.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.errors import ApiError, UncertainError
from engine.inventory import Entry
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
from engine.plan import is_complete, recorded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.inventory import Inventory
    from engine.schema import Schemas

_SECRET = ("", "Secret")


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
        case Update(manifest, live) | Replace(manifest, live):
            return _pending(known, manifest, live)
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
    if isinstance(outcome.error, UncertainError):
        return entry
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
            return _applied(change, outcome, entry, schemas=schemas)
        case _:
            return entry


def _undone(outcome: Outcome, entry: Entry, before: Entry | None) -> Entry | None:
    """Return the entry as it was, if the server said no; any other failure leaves the intent."""
    error = outcome.error
    if error is None or (isinstance(error, ApiError) and 400 <= error.status < 500):
        return before
    return entry


def _applied(
    change: Create | Adopt | Update | Replace, outcome: Outcome, entry: Entry, *, schemas: Schemas
) -> Entry:
    manifest, live = change.manifest, outcome.live
    if live is None:
        return entry
    answers: Mapping[str, str] = {}
    if (manifest.ref.group, manifest.ref.kind) != _SECRET:
        if isinstance(change, Create | Replace):
            answers = answers_of(change.body, live.body, schemas=schemas)
        else:
            paths = [edit.path for edit in change.patch.edits]
            fresh = answers_of(manifest.body, live.body, schemas=schemas, paths=paths)
            kept = {p: d for p, d in entry.answers.items() if p not in paths}
            answers = {**kept, **fresh}
    return replace(
        entry,
        uid=live.uid,
        version=manifest.api_version,
        applied=recorded(manifest),
        pending=None,
        answers=answers,
        existed=entry.existed or outcome.action == "adopted",
    )


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
