"""Desired x last applied x live -> Plan: what one pass would do, in waves, with every refusal.

Pure. The dry run prints this plan and stops; a sync carries out the same one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from engine import jobs, normalize, ownership, schema
from engine.errors import ManifestError, PlumbError, RefusedError, unexpected
from engine.inventory import Entry, marked, owner_of, restore, trim
from engine.jsonpatch import pointer
from engine.memo import Dependencies, Memo, Verdict
from engine.merge import Sides, compare
from engine.model import (
    JSON,
    MARK_ANNOTATION,
    OWNER_LABEL,
    REPLACE_ANNOTATION,
    Adopt,
    Change,
    Create,
    Drift,
    Edit,
    Live,
    Manifest,
    ObjectRef,
    Patch,
    Plan,
    Replace,
    Skip,
    Update,
    Wave,
    Why,
)
from engine.order import in_order, wave_of
from engine.ownership import annotation
from engine.prune import prune

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine.situation import Situation

_MARK_KEYS = frozenset({OWNER_LABEL, MARK_ANNOTATION})
_MARKED = frozenset({"/metadata/labels", "/metadata/annotations"})
_MARKS = frozenset(pointer(("metadata", place, key)) for place, key in (
    ("labels", OWNER_LABEL), ("annotations", MARK_ANNOTATION)))  # fmt: skip


@dataclass(frozen=True, slots=True)
class InPlace:
    """Nothing to write for this manifest; ``stale`` when the record does not say so yet."""

    manifest: Manifest
    live: Live | None = None
    stale: bool = False
    notes: tuple[str, ...] = ()


Decision: TypeAlias = "Change | InPlace | Drift"


def make_plan(situation: Situation) -> Plan:
    """Return what has to be done for one application; a bad object is skipped, the rest goes on.

    Raises ManifestError for a wave that is none: there is no order then.
    """
    return _plan(situation, _Recall(situation, None))


def planned(situation: Situation, memo: Memo) -> tuple[Plan, Memo]:
    """Return the same plan as :func:`make_plan`, and the memo to give to the next one.

    What ``memo`` knows to be in place is not compared again. See engine.memo.
    """
    recall = _Recall(situation, memo)
    return _plan(situation, recall), recall.memo


def _plan(situation: Situation, recall: _Recall) -> Plan:
    placement, decided = situation.placement, dict[ObjectRef, Decision]()
    decided.update((r.manifest.ref, _refused(r.manifest, r.error)) for r in placement.refused)
    waves = []
    for manifests in in_order((*placement.manifests, *(r.manifest for r in placement.refused))):
        for manifest in manifests:
            if manifest.ref not in decided:
                waits = _waits(manifest, decided)
                change = waits or recall.decide(manifest)
                decided[manifest.ref] = _left_alone(change, situation) or change
        waves.append(_wave(manifests, decided))
    waves = _in_front(waves, _namespace(situation))
    skipped = any(isinstance(change, Skip) for wave in waves for change in wave.changes)
    pruning = prune(situation, failed=skipped)
    in_place = [d for d in decided.values() if isinstance(d, InPlace)]
    rivals = ownership.rivals(situation, decided)
    return Plan(
        application=str(situation.application),
        revision=situation.revision,
        waves=tuple(waves),
        prune=pruning.changes,
        unchanged=tuple(d.manifest.ref for d in in_place),
        drift=tuple(d for d in decided.values() if isinstance(d, Drift)),
        settle=tuple(d.manifest for d in in_place if d.stale),
        forget=pruning.forget,
        token=pruning.token,
        notes=(*rivals, *_notes(situation, in_place)),
        rivals=rivals,
        removals_known=situation.inventory is not None,
    )


class _Recall:
    """Decisions of one situation: those that the memo knows, and those it will know next time."""

    def __init__(self, situation: Situation, memo: Memo | None) -> None:
        self._situation = situation
        self._known = memo.verdicts if memo else {}
        self._dependencies = None if memo is None else Dependencies(situation)
        self._verdicts: dict[bytes, Verdict] = {}

    @property
    def memo(self) -> Memo:
        return Memo(self._verdicts)

    def decide(self, manifest: Manifest) -> Change | InPlace:
        seen = self._situation.observation
        live = seen.live.get(manifest.ref)
        if self._dependencies is None or live is None or manifest.ref in seen.unknown:
            return decide(manifest, self._situation)
        key = self._dependencies.of(manifest, live)
        verdict = self._known.get(key) if key else None
        if verdict is not None:
            change: Change | InPlace = InPlace(manifest, live, *verdict)
        else:
            change = decide(manifest, self._situation)
            if isinstance(change, InPlace):
                verdict = Verdict(change.stale, change.notes)
        if key and verdict is not None:
            self._verdicts[key] = verdict
        return change


def decide(manifest: Manifest, situation: Situation) -> Change | InPlace:
    """Return what this one object needs; a refusal is a Skip that carries the error."""
    seen = situation.observation
    if manifest.ref in seen.unknown:
        return _refused(manifest, seen.unknown[manifest.ref])
    live = seen.live.get(manifest.ref)
    try:
        change = _create(manifest, situation) if live is None else _meet(manifest, live, situation)
        if isinstance(change, Create | Adopt | Update | Replace):
            _check(manifest, situation)
    except PlumbError as error:
        error.where = error.where or str(manifest.origin)
        return _refused(manifest, error)
    except Exception as error:  # noqa: BLE001 - a bug that one object trips stops no other one
        found = unexpected(error)
        found.where = str(manifest.origin)
        return _refused(manifest, found)
    return change


def _refused(manifest: Manifest, error: PlumbError) -> Skip:
    return Skip(manifest.ref, error.what, error=error, origin=manifest.origin)


def _left_alone(change: Change | InPlace, situation: Situation) -> Drift | None:
    """Return what is only told: drift, where it is to be reported or is being fought over."""
    if not is_drift(change) or not isinstance(change, Create | Update):
        return None
    if situation.options.leave_drift:
        return Drift(change, "drift: report")
    why = situation.options.calm.get(change.ref)
    return Drift(change, why) if why else None


def is_drift(change: Change | InPlace) -> bool:
    """Say whether this only takes back what others did, and Git asks for nothing new."""
    match change:
        case Create(recreate=recreate):
            return recreate
        case Update(patch=patch):
            return bool(patch.edits) and all(edit.why is Why.DRIFTED for edit in patch.edits)
        case _:
            return False


def _waits(manifest: Manifest, decided: Mapping[ObjectRef, Decision]) -> Skip | None:
    """Return a Skip for what belongs in a namespace that has to go first and come again."""
    namespace = ObjectRef("", "Namespace", "", manifest.ref.namespace)
    change = decided.get(namespace)
    if not isinstance(change, Skip) or change.error is not None:
        return None
    return Skip(manifest.ref, f"{namespace} is being deleted", origin=manifest.origin)


def _wave(manifests: Iterable[Manifest], decided: dict[ObjectRef, Decision]) -> Wave:
    members = tuple(manifest.ref for manifest in manifests)
    changes = (decided[ref] for ref in members)
    number = next(wave_of(manifest.body) for manifest in manifests)
    return Wave(number, tuple(c for c in changes if not isinstance(c, InPlace | Drift)), members)


def _in_front(waves: list[Wave], changes: tuple[Change, ...]) -> list[Wave]:
    if not (waves and changes):
        return waves
    return [replace(waves[0], changes=(*changes, *waves[0].changes)), *waves[1:]]


def _namespace(situation: Situation) -> tuple[Create, ...]:
    """Return the namespace that ``createNamespace`` asks for, where it is not there yet."""
    wanted = situation.placement.namespace
    if wanted is None or wanted.ref not in situation.observation.absent:
        return ()
    return (Create(wanted, wanted.body, recorded=False),)


def _notes(situation: Situation, in_place: Iterable[InPlace]) -> tuple[str, ...]:
    notes = [f"{d.manifest.ref}: {note}" for d in in_place for note in d.notes]
    inventory = situation.inventory
    if inventory is None:
        notes.append("the record could not be read: removals are unknown")
    elif inventory.doubt:
        notes.append(
            f"the record cannot be trusted ({inventory.doubt}): nothing is deleted without a token"
        )
    return tuple(notes)


# --- one object ------------------------------------------------------------------------------


def _create(manifest: Manifest, situation: Situation) -> Change | InPlace:
    ref, entry = manifest.ref, _entry(manifest, situation)
    if ref not in situation.observation.absent:
        raise ManifestError("PLB530", f"the state of {ref} was not read")
    ran = jobs.ran_before(manifest, entry, recorded(manifest))
    if ran:
        return InPlace(manifest, notes=(ran,))
    body = marked(normalize.sendable(manifest.body), situation.owner, ref)
    return Create(manifest, body, recreate=bool(entry and entry.uid))


def _meet(manifest: Manifest, live: Live, situation: Situation) -> Change | InPlace:
    """Return what an object that is there needs: nothing, a patch, adoption or replacement."""
    ref, owner = manifest.ref, owner_of(live)
    if live.body["metadata"].get("deletionTimestamp"):
        return Skip(ref, "it is being deleted; it is made again when it is gone")
    resource = situation.kinds.resource(manifest.api_version, ref.kind)
    if resource is not None and resource.pending:
        # It is there in another version; a patch can only be made and sent in its own.
        return Skip(ref, f"{manifest.api_version} is not served before its definition is applied")
    is_ours = owner == situation.owner
    if not is_ours:
        refused = ownership.refusal(manifest, live, claims=situation.claims)
        if refused is not None:
            raise refused
    entry = _entry(manifest, situation)
    patch = _difference(manifest, live, entry, situation)
    if is_ours and not patch.operations:
        return InPlace(manifest, live, _is_stale(entry, manifest, live), patch.notes)
    fields = schema.replaced_fields(live.body, patch, situation.schemas)
    if fields:
        return replacement(manifest, live, patch, situation, fields=fields)
    if is_ours:
        return Update(manifest, live, patch)
    claim = situation.claims.get(owner)
    return Adopt(manifest, live, patch, from_owner=claim.application if claim else "")


def _entry(manifest: Manifest, situation: Situation) -> Entry | None:
    if situation.inventory is None:
        return None
    return situation.inventory.entries.get(manifest.ref)


def _difference(manifest: Manifest, live: Live, entry: Entry | None, situation: Situation) -> Patch:
    desired = marked(manifest.body, situation.owner, manifest.ref)
    # An entry of another uid tells of an object that is gone; what it left says nothing here.
    same = entry if entry and entry.uid in ("", live.uid) else None
    applied = same.applied if same else None
    if applied is None and owner_of(live) != situation.owner:
        # Also beside a pending write: it would have left our mark, so it has not landed.
        applied = ownership.applied_by_kubectl(live)
    is_scaled = manifest.ref in situation.observation.autoscaled
    patch = compare(
        Sides(
            last_applied=restore(applied, desired) if applied else None,
            pending=restore(same.pending, desired) if same and same.pending else None,
            desired=desired,
            live=live.body,
        ),
        schemas=situation.schemas,
        answers=same.answers if same else None,
        skip=(*_ignored(manifest.ref, situation), *(("/spec/replicas",) if is_scaled else ())),
    )
    notes = patch.notes
    if is_scaled and "replicas" in (manifest.body.get("spec") or {}):
        notes = (*notes, "replicas are left to its HorizontalPodAutoscaler")
    return replace(patch, edits=_without_marks(patch.edits), notes=notes)


def _without_marks(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Return what a person needs to read: our marks are on every object and say nothing new."""
    shown = []
    for edit in edits:
        if edit.path in _MARKS:
            continue
        if edit.path in _MARKED and isinstance(edit.after, dict):
            others = {key: value for key, value in edit.after.items() if key not in _MARK_KEYS}
            if others:
                shown.append(replace(edit, after=others))
            continue
        shown.append(edit)
    return tuple(shown)


def _ignored(ref: ObjectRef, situation: Situation) -> Iterator[str]:
    return (
        path
        for rule in situation.application.ignore
        if rule.kind in ("", ref.kind)
        and rule.group in (None, ref.group)
        and rule.name in ("", ref.name)
        and rule.namespace in ("", ref.namespace)
        for path in rule.paths
    )


def _is_stale(entry: Entry | None, manifest: Manifest, live: Live) -> bool:
    """Say whether the record lags behind: without it a later removal would be missed."""
    if entry is None or entry.pending is not None:
        return True
    return (
        entry.uid != live.uid
        or entry.version != manifest.api_version
        or _is_news(entry, manifest)
        or (entry.done != manifest.digest and jobs.is_complete(live))
    )


def _is_news(entry: Entry, manifest: Manifest) -> bool:
    """Say whether the record would keep something else of this manifest."""
    # The same without a word left out: nothing was long, and nothing is secret in it.
    is_secret = (manifest.ref.group, manifest.ref.kind) == ("", "Secret")
    if not is_secret and entry.applied == manifest.body:
        return False
    return bool(entry.applied != recorded(manifest))


def recorded(manifest: Manifest) -> JSON:
    """Return what the record keeps of a manifest: trimmed, and of a Secret the paths alone."""
    if (manifest.ref.group, manifest.ref.kind) != ("", "Secret"):
        return trim(manifest.body)
    own = {
        key: value
        for key, value in (manifest.body["metadata"].get("annotations") or {}).items()
        if key.startswith("plumb.dev/")
    }
    bare = normalize.skeleton(manifest.body)
    if not own:
        return bare
    annotations = {**bare["metadata"]["annotations"], **own}
    return {**bare, "metadata": {**bare["metadata"], "annotations": annotations}}


def replacement(
    manifest: Manifest, live: Live, patch: Patch, situation: Situation, *, fields: tuple[str, ...]
) -> Replace:
    """Return the replacement that these fields need; raises RefusedError where nobody agreed."""
    if owner_of(live) != situation.owner:
        raise RefusedError(
            "PLB532", f"{manifest.ref} would have to be deleted, and it is not this application's",
            where=str(manifest.origin), why=f"{', '.join(fields)} cannot be changed",
            hint="delete it by hand, or bring Git in line with it",
        )  # fmt: skip
    agreed = annotation(manifest.body, REPLACE_ANNOTATION) == "enabled"
    if not (agreed or situation.options.replace):
        raise RefusedError(
            "PLB531", f"{manifest.ref} must be replaced: {', '.join(fields)} cannot be changed",
            where=str(manifest.origin), why="the API server keeps it as it was created",
            hint=f"agree with --replace or the annotation {REPLACE_ANNOTATION}: enabled in Git; "
            "the object is then deleted and made again",
        )  # fmt: skip
    body = marked(normalize.sendable(manifest.body), situation.owner, manifest.ref)
    return Replace(manifest, live, patch, body, fields)


def _check(manifest: Manifest, situation: Situation) -> None:
    """Raise for what the schema forbids, before the server does and with the place in Git."""
    problems = schema.problems(manifest.body, situation.schemas)
    if not problems:
        return
    first, *others = problems
    more = f" (and {len(others)} more)" if others else ""
    raise ManifestError(
        "PLB323", f"{manifest.ref}: {first.message}{more}",
        where=situation.where(manifest, first.pointer),
        why="; ".join(p.message for p in others[:5]),
    )  # fmt: skip
