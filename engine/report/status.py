"""How applications are doing, as tables: what is in sync, what is healthy, since when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.model import Keep, Skip
from engine.report import words
from engine.report.mask import Redactor, clean, redactor
from engine.report.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from engine.inventory import Inventory
    from engine.model import Change, ObjectRef, SyncResult


def render_status(result: SyncResult, *, color: bool = False, now: datetime | None = None) -> str:
    """Return one application and its objects, each with sync and health."""
    page, plan, revision = Page(color=color), result.plan, result.revision
    safe = redactor(plan.changes if plan else ())
    shown = age = "-"
    if revision is not None:
        ref = f" ({clean(revision.ref)})" if revision.ref else ""
        shown = f"{clean(revision.short)}{ref}"
        age = _moment(revision.committed_at, now)
    page.table([
        ["Application", "Sync", "Health", "Revision", "Age"],
        [clean(result.application), result.sync, words.health_of(result), shown, age],
    ])  # fmt: skip
    rows = [["Object", "Sync", "Health", "Message"]]
    changes = {change.ref: change for change in plan.changes} if plan else {}
    refs = {*result.health, *changes, *(plan.unchanged if plan else ())}
    rows += [_row(ref, changes.get(ref), result, safe) for ref in sorted(refs, key=str)]
    if len(rows) > 1:
        page.gap()
        page.table(rows)
    page.section(f"note: {safe(note)}" for note in (plan.notes if plan else ()))
    return str(page)


def render_records(
    inventories: Iterable[Inventory], *, color: bool = False, now: datetime | None = None
) -> str:
    """Return a table of what the records of a cluster say: each application's last sync."""
    page = Page(color=color)
    rows = [["Application", "Objects", "Revision", "Result", "Last sync", "Source"]]
    rows += sorted(_record(inventory, now) for inventory in inventories)
    page.table(rows)
    return str(page)


def since(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was, in its largest unit."""
    return words.age((now - moment).total_seconds())


def _row(ref: ObjectRef, change: Change | None, result: SyncResult, safe: Redactor) -> list[str]:
    health = result.health.get(ref)
    status = str(health.status) if health else "-"
    message = safe(health.message) if health else ""
    if change is None:
        return [clean(str(ref)), "Synced", status, message]
    word = words.word_of(change)
    if isinstance(change, Keep):
        sync = "Held" if word is words.HOLD else "Kept"
        return [clean(str(ref)), sync, status, safe(change.reason)]
    if isinstance(change, Skip):
        message = safe(str(change.error) if change.error else change.reason)
    return [clean(str(ref)), f"OutOfSync ({word.text})", status, message]


def _record(inventory: Inventory, now: datetime | None) -> list[str]:
    last = inventory.last[-1] if inventory.last else None
    doubt = f"{clean(inventory.doubt)}; " if inventory.doubt else ""
    result = f"{doubt}{'released' if inventory.released else last.result if last else '-'}"
    return [
        clean(inventory.application),
        str(len(inventory.entries)),
        clean(last.revision[:10]) if last else "-",
        clean(result),
        _moment(last.at, now) if last else "-",
        clean(inventory.source) or "-",
    ]


def _moment(at: int, now: datetime | None) -> str:
    moment = words.utc(at)
    if moment is None:
        return "-"
    return since(moment, now) if now else f"{moment:%Y-%m-%d %H:%M} UTC"
