"""A Plan or a SyncResult as JSON for programs: ``plumb.dev/report/v1``, in docs/report.md.

Belongs here: the documents of ``-o json``. They change only by addition, are described by
docs/report.schema.json, and hold no Secret value.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, assert_never

from engine.model import ABSENT, Adopt, Create, Delete, Keep, Release, Replace, Skip, Update
from engine.report import words
from engine.report.mask import Redactor, masked_body, masked_edit, redactor, without_marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine import model
    from engine.errors import PlumbError
    from engine.inventory import Inventory
    from engine.model import JSON, Change, ObjectRef

API_VERSION = "plumb.dev/report/v1"


def plan(plan: model.Plan) -> JSON:
    """Return a plan as a document of kind Plan."""
    return _printable({"apiVersion": API_VERSION, "kind": "Plan", **_plan(plan)})


def result(result: model.SyncResult) -> JSON:
    """Return what a run did as a document of kind Result, its last plan included."""
    safe = redactor(words.all_changes(result))
    return _printable({
        "apiVersion": API_VERSION,
        "kind": "Result",
        "application": result.application,
        "revision": _revision(result.revision),
        "dryRun": result.dry_run,
        "sync": result.sync.value,
        "health": words.health_of(result).value,
        "summary": words.result_summary(result),
        "outcomes": [_outcome(outcome, safe) for outcome in result.outcomes],
        "objects": [
            {"object": _ref(ref), "status": h.status.value, "message": safe.plain(h.message)}
            for ref, h in sorted(result.health.items())
        ],
        "plan": _plan(result.plan) if result.plan else None,
        "errors": [_error(error, safe) for error in result.errors],
        "warnings": [safe.plain(text) for text in result.warnings],
        "durationSeconds": round(result.duration_s, 3),
        "requests": dict(sorted(result.requests.items())),
    })  # fmt: skip


def report(report: model.Report) -> JSON:
    """Return Git against Git, and what was found live beside it, as a document of kind Report."""
    return _printable({
        "apiVersion": API_VERSION,
        "kind": "Report",
        "base": _revision(report.base),
        "head": _revision(report.head),
        "summary": _totals(report),
        "applications": [_comparison(change) for change in report.changes],
        "unchanged": list(report.unchanged),
        "drift": [result(one) for one in report.results],
        "errors": [_error(error, Redactor()) for error in report.errors],
        "notes": list(report.notes),
    })  # fmt: skip


def _totals(report: model.Report) -> JSON:
    totals: Counter[str] = Counter()
    for change in report.changes:
        if change.plan is not None:
            totals.update(words.plan_summary(change.plan))
        totals["moved"] += len(change.moved)
        totals["failed"] += change.plan is None
    totals["failed"] += len(report.errors)
    return dict(sorted(totals.items()))


def _comparison(change: model.Comparison) -> JSON:
    safe = redactor(change.plan.changes) if change.plan else Redactor()
    return {
        "application": change.application,
        "state": change.state,
        "base": _revision(change.base),
        "head": _revision(change.head),
        "plan": _plan(change.plan) if change.plan else None,
        "moved": [
            {"object": _ref(m.ref), "from": _origin(m.before), "to": _origin(m.after)}
            for m in change.moved
        ],
        "settings": [_edit(edit) for edit in change.settings],
        "errors": [_error(error, safe) for error in change.errors],
        "notes": [safe.plain(note) for note in change.notes],
    }


def together(documents: Sequence[JSON]) -> JSON:
    """Return several documents as one of kind List."""
    return {"apiVersion": API_VERSION, "kind": "List", "items": list(documents)}


def records(inventories: Iterable[Inventory]) -> JSON:
    """Return what the records of a cluster say as a List of documents of kind Record."""
    return together([_record(inventory) for inventory in inventories])


def application(application: model.Application, status: JSON) -> JSON:
    """Return an Application resource and its status as a document of kind Application."""
    return _printable({
        "apiVersion": API_VERSION,
        "kind": "Application",
        "application": str(application),
        "suspended": application.suspend,
        "generation": application.generation,
        "status": status if isinstance(status, dict) else {},
    })  # fmt: skip


# --- parts -----------------------------------------------------------------------------------


def _plan(plan: model.Plan) -> dict[str, JSON]:
    safe = redactor(plan.changes)
    waves = [(c, wave.number) for wave in plan.waves for c in wave.changes]
    return {
        "application": plan.application,
        "revision": _revision(plan.revision),
        "summary": words.plan_summary(plan),
        "changes": [_change(c, number, safe) for c, number in waves]
        + [_change(c, None, safe) for c in plan.prune],
        "unchanged": [_ref(ref) for ref in plan.unchanged],
        "token": plan.token,
        "notes": [safe.plain(note) for note in plan.notes],
        "removalsKnown": plan.removals_known,
    }


def _revision(revision: model.Revision | None) -> JSON:
    if revision is None:
        return None
    return {
        "commit": revision.commit,
        "ref": revision.ref,
        "author": revision.author,
        "subject": revision.subject,
        "committedAt": _time(revision.committed_at),
    }


def _ref(ref: ObjectRef) -> JSON:
    return {"group": ref.group, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}


def _change(change: Change, wave: int | None, safe: Redactor) -> JSON:
    found: dict[str, JSON] = {
        "action": words.word_of(change).text, "object": _ref(change.ref), "wave": wave,
    }  # fmt: skip
    match change:
        case Create(manifest=manifest, body=body, notes=notes):
            found |= _from_git(manifest) | {"body": masked_body(without_marks(body))}
            found |= {"notes": [safe.plain(note) for note in notes]}
        case Adopt(manifest=manifest, patch=patch) | Update(manifest=manifest, patch=patch):
            found |= _from_git(manifest) | _patch(patch, change.ref, safe)
        case Replace(manifest=manifest, patch=patch, fields=fields):
            found |= _from_git(manifest) | _patch(patch, change.ref, safe)
            found |= {"immutable": list(fields)}
        case Delete(reason=reason):
            found |= {"reason": safe.plain(reason), **_weight(change, safe)}
        case Release(reason=reason):
            found |= {"reason": safe.plain(reason)}
        case Keep(hold=hold, reason=reason):
            found |= {"hold": hold, "reason": safe.plain(reason), **_weight(change, safe)}
        case Skip(reason=reason, error=error, origin=origin):
            found |= {"reason": safe.plain(reason), "error": _error(error, safe) if error else None}
            found |= {"origin": _origin(origin) if origin else None}
        case _:
            assert_never(change)
    if isinstance(change, Adopt) and change.from_owner:
        found["fromApplication"] = change.from_owner
    return found


def _weight(change: Delete | Keep, safe: Redactor) -> dict[str, JSON]:
    """Return what goes with an object, and whether it was there before Plumb."""
    return {"existedBefore": change.existed, "hanging": safe.plain(change.hanging)}


def _from_git(manifest: model.Manifest) -> dict[str, JSON]:
    return {"apiVersion": manifest.api_version, "origin": _origin(manifest.origin)}


def _origin(origin: model.Origin) -> JSON:
    return {"path": origin.path, "line": origin.line}


def _patch(patch: model.Patch, ref: ObjectRef, safe: Redactor) -> dict[str, JSON]:
    return {
        "edits": [_edit(masked_edit(edit, ref)) for edit in patch.edits],
        "notes": [safe.plain(note) for note in patch.notes],
    }


def _edit(edit: model.Edit) -> JSON:
    """Return one field; ``before`` and ``after`` are left out where there is nothing."""
    sides = {"before": edit.before, "after": edit.after}
    return {
        "path": edit.path,
        **{name: value for name, value in sides.items() if value is not ABSENT},
        "why": edit.why.value,
        "manager": edit.manager,
    }


def _outcome(outcome: model.Outcome, safe: Redactor) -> JSON:
    return {
        "object": _ref(outcome.ref),
        "action": outcome.action,
        "message": safe.plain(outcome.message),
        "error": _error(outcome.error, safe) if outcome.error else None,
        "warnings": [safe.plain(text) for text in outcome.warnings],
        **_carried_out(outcome, safe),
    }


def _carried_out(outcome: model.Outcome, safe: Redactor) -> dict[str, JSON]:
    change = outcome.change
    if isinstance(change, Adopt | Update | Replace):
        return _patch(change.patch, change.ref, safe)
    return _weight(change, safe) if isinstance(change, Delete) else {}


def _error(error: PlumbError, safe: Redactor) -> JSON:
    return {
        "code": error.code,
        "where": safe.plain(error.where),
        "what": safe.plain(error.what),
        "why": safe.plain(error.why),
        "hint": safe.plain(error.hint),
        "others": [_error(other, safe) for other in error.others],
    }


def _record(inventory: Inventory) -> JSON:
    return _printable({
        "apiVersion": API_VERSION,
        "kind": "Record",
        "application": inventory.application,
        "id": inventory.id,
        "origin": inventory.origin,
        "source": inventory.source,
        "released": inventory.released,
        "doubt": inventory.doubt,
        "objects": [_ref(ref) for ref in sorted(inventory.entries)],
        "last": [
            {"revision": r.revision, "time": _time(r.at), "result": r.result,
             "counts": dict(r.counts)}
            for r in inventory.last
        ],
    })  # fmt: skip


def _time(at: int) -> str | None:
    moment = words.utc(at)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else None


def _printable(value: JSON) -> JSON:
    """Replace what no UTF-8 can hold (lone surrogates), so that every encoder accepts it."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode() if not value.isascii() else value
    if isinstance(value, dict):
        return {_printable(str(key)): _printable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_printable(inner) for inner in value]
    return value
