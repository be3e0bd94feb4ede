"""What a look came to, as the status of an Application: conditions, words, one sentence.

Belongs here: which condition says what, and the sentence that a person needs first. Conditions
follow kstatus: Ready says whether what Git wants is in place; Reconciling, Stalled and PruneHeld
are there only while they are so. Not here: writing it (kube/resources.py). Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from engine.daemon import history
from engine.errors import (
    ApiError,
    ClusterError,
    DeniedError,
    GitDeniedError,
    GitError,
    HealthTimeoutError,
    ManifestError,
    PathNotFoundError,
    PlumbError,
    RefusedError,
    SettingsError,
)
from engine.health import is_settled
from engine.model import HealthStatus, Keep, Skip, SyncStatus
from engine.report import words
from engine.report.mask import Redactor, redactor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.model import JSON, Application, Health, ObjectRef, SyncResult

_MESSAGE: Final = 1024
_HELD: Final = 20
_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at an application came to.

    ``result`` is None where there was no pass; then what was known stays. ``error`` is why there
    was none, ``waits_for`` what has to come first, in words; ``is_behind``: another application.
    ``is_late``: something did not become healthy within the application's timeout. ``id`` and
    ``count`` are of its record, ``handled_at`` is the request that this look answers; None is what
    they were. ``inputs`` is a digest of what was read of Git (engine.daemon.desired).
    """

    application: Application
    result: SyncResult | None = None
    error: PlumbError | None = None
    waits_for: str = ""
    is_behind: bool = False
    is_suspended: bool = False
    is_late: bool = False
    id: str | None = None
    count: int | None = None
    handled_at: str | None = None
    inputs: str = ""

    @property
    def has_news(self) -> bool:
        """Whether anything was found out; not where Git is still to give its first answer."""
        return bool(self.result or self.error or self.is_suspended or self.is_behind)


class _Verdict(NamedTuple):
    """``ready`` and the two conditions that are there only while they are so."""

    ready: str
    reason: str
    message: str
    reconciling: str = ""  # its reason; "" where it is not so
    stalled: str = ""


def status_of(look: Look, previous: JSON, now: datetime) -> JSON:
    """Return the status to write; ``==`` to the previous one when nothing is to be said anew."""
    before = previous if isinstance(previous, dict) else {}
    result, application = look.result, look.application
    if not look.has_news and _stands(before, generation=application.generation):
        # A daemon that has just started need not alarm anybody: what was so is so until it looks.
        return before
    verdict = _verdict(look)
    status: dict[str, JSON] = {
        "id": look.id if look.id is not None else before.get("id", ""),
        "observedGeneration": application.generation,
        "lastHandledReconcileAt":
            look.handled_at if look.handled_at is not None
            else before.get("lastHandledReconcileAt", ""),
        **_words(look, before),
        "message": verdict.message,
        "inventory": {"count": look.count} if look.count is not None else before.get("inventory"),
        "history": before.get("history") or [],
        "held": before.get("held"),
    }  # fmt: skip
    prune_held = None
    if result is not None:
        status["history"] = history.after(status["history"], result, _word(verdict), now)
        status["held"] = _held(result)
        prune_held = _prune_held(result)
    elif status["held"]:
        prune_held = _condition_of(before, "PruneHeld")
    status["conditions"] = _conditions(
        verdict, prune_held, before, generation=application.generation, now=now
    )
    return {name: value for name, value in status.items() if value not in (None, "", [])}


def _stands(status: JSON, *, generation: int) -> bool:
    """Say whether a status is of this generation, and whole."""
    is_whole = all(status.get(name) for name in ("sync", "health"))
    is_of_it = status.get("observedGeneration") == generation
    return is_of_it and is_whole and _condition_of(status, "Ready") is not None


def is_ready(status: JSON, *, generation: int) -> bool:
    """Say whether a status says that this generation is in place: what dependsOn waits for."""
    condition = _condition_of(status, "Ready") or {}
    return status.get("observedGeneration") == generation and condition.get("status") == "True"


# --- words -----------------------------------------------------------------------------------


def _words(look: Look, before: JSON) -> dict[str, JSON]:
    """Return sync, health and revision; what was known stays where nothing was looked at."""
    result = look.result
    if result is not None and result.plan is not None:
        return {
            "sync": result.sync.value,
            "health": words.health_of(result).value,
            "revision": result.revision.commit if result.revision else "",
            "inputs": look.inputs,
        }
    known = {name: before.get(name) for name in ("sync", "health", "revision", "inputs")}
    if isinstance(look.error, SettingsError) or not (known["sync"] and known["health"]):
        # Nothing was ever compared with this spec.
        return {**known, "sync": SyncStatus.UNKNOWN.value, "health": HealthStatus.UNKNOWN.value}
    return known


def _word(verdict: _Verdict) -> history.Word:
    if verdict.ready == "True":
        return "done"
    return "progressing" if verdict.reason in UNDER_WAY else "failed"


UNDER_WAY: Final = frozenset({"Progressing", "Waiting", "DependencyNotReady", "Suspended"})


# --- the verdict -----------------------------------------------------------------------------


def _verdict(look: Look) -> _Verdict:
    application = look.application
    if look.is_suspended:
        text = f"suspended: nothing is compared or changed until plumb resume {application.name}"
        return _Verdict("Unknown", "Suspended", f"{text} -n {application.namespace}")
    if look.error is not None:
        return _failed([look.error], Redactor())
    if look.result is not None:
        return _of_pass(look, look.result)
    reason = "DependencyNotReady" if look.is_behind else "Waiting"
    return _Verdict("False", reason, _short(f"waits for {look.waits_for or 'its first look'}"),
                    reconciling=reason)  # fmt: skip


def _of_pass(look: Look, result: SyncResult) -> _Verdict:
    safe = redactor(words.all_changes(result))
    outage = next((e for e in result.errors if _is_outage(e)), None)
    errors = [error for error in _errors(result) if error is not outage]
    if errors:
        return _failed(errors, safe, of=_size(result))
    unwell = _unwell(result) if look.application.wait else {}
    verdict = _unfinished(look, result, unwell, safe)
    if verdict is None:
        verdict = _Verdict("True", *_in_place(result, safe))
    if outage is not None:
        # What is in place stays good while Git cannot be asked; it only is no news.
        message = _short(f"{verdict.message}; {_told(outage, safe)}")
        return verdict._replace(message=message, reconciling=_reason(outage))
    return verdict


def _unfinished(
    look: Look, result: SyncResult, unwell: dict[ObjectRef, Health], safe: Redactor
) -> _Verdict | None:
    """Return what is not yet as Git wants it, None when all is."""
    told = _listed_health(unwell, safe)
    if unwell and look.is_late:
        text = f"not healthy within {look.application.timeout_s:g} s: {told}"
        return _Verdict("False", "HealthTimeout", _short(text), stalled="HealthTimeout")
    if look.waits_for:
        text = f"waits for {look.waits_for}"
        return _Verdict("False", "Waiting", _short(text), reconciling="Waiting")
    if result.waiting:
        names = _listed(result.waiting, safe)
        text = f"waits for {names} {result.waits}".rstrip()
        text = f"{text}: {told}" if told else text
        return _Verdict("False", "Progressing", _short(text), reconciling="Progressing")
    left = [c.ref for c in words.left_over(result) if not isinstance(c, Keep)]
    left += [outcome.ref for outcome in result.outcomes if outcome.action == "skipped"]
    if left:
        text = f"not everything is written yet: {_listed(left, safe)}{_why_left(result, safe)}"
        return _Verdict("False", "Progressing", _short(text), reconciling="Progressing")
    if unwell:
        degraded = any(h.status is HealthStatus.DEGRADED for h in unwell.values())
        reason = "Degraded" if degraded else "Progressing"
        text = f"waits for health: {told}"
        return _Verdict("False", reason, _short(text), reconciling=reason)
    return None


def _in_place(result: SyncResult, safe: Redactor) -> tuple[str, str]:
    """Return reason and sentence of an application that is as Git wants it, or may not be."""
    revision, plan = result.revision, result.plan
    at = ""
    if revision is not None:
        ref = f" ({revision.ref})" if revision.ref else ""
        at = f" at {revision.short}{ref} {revision.subject}".rstrip()
    held = _held_changes(result)
    if plan is not None and plan.drift:
        names = _listed([drift.ref for drift in plan.drift], safe)
        reasons = "; ".join(dict.fromkeys(safe(drift.reason) for drift in plan.drift))
        return "Drifted", _short(f"{names} left as it is: {reasons}")
    if held:
        return "Synced", _short(f"in place{safe(at)}; {_held_text(result, held, safe)}")
    return "Synced", _short(f"{_size(result)} in place{safe(at)}")


def _failed(errors: Sequence[PlumbError], safe: Redactor, *, of: str = "") -> _Verdict:
    first = errors[0]
    reason = _reason(first)
    others = len(errors) + len(first.others) - 1
    more = f" (and {others} more)" if others else ""
    text = f"{_told(first, safe)}{more}"
    text = f"{text}; {of} in all" if of and others else text
    if reason in _FOR_A_PERSON:
        return _Verdict("False", reason, _short(text), stalled=reason)
    return _Verdict("False", reason, _short(text), reconciling=reason)


# Nothing changes here before somebody changes the spec, a commit or an object.
_FOR_A_PERSON: Final = frozenset({"Invalid", "ManifestInvalid", "Refused", "HealthTimeout"})
_REASONS: Final[tuple[tuple[type[PlumbError], str], ...]] = (
    (SettingsError, "Invalid"), (ManifestError, "ManifestInvalid"),
    (PathNotFoundError, "ManifestInvalid"), (GitDeniedError, "GitDenied"), (GitError, "GitFailed"),
    (HealthTimeoutError, "HealthTimeout"), (DeniedError, "NotPermitted"),
    (RefusedError, "Refused"), (ApiError, "SyncFailed"), (ClusterError, "ClusterUnreachable"),
)  # fmt: skip


def _reason(error: PlumbError) -> str:
    return next((word for kind, word in _REASONS if isinstance(error, kind)), "SyncFailed")


def _is_outage(error: PlumbError) -> bool:
    """Whether Git cannot be asked, so that the last good revision stays in force."""
    return isinstance(error, GitError) and not isinstance(error, PathNotFoundError)


def _errors(result: SyncResult) -> list[PlumbError]:
    """Return what went wrong, each once: of the run, of what it wrote, of what it may not write."""
    found = [*result.errors, *(o.error for o in result.outcomes if o.error is not None)]
    skipped = (c.error for c in words.left_over(result) if isinstance(c, Skip))
    found += [error for error in skipped if error is not None]
    return list({str(error): error for error in found}.values())


def _unwell(result: SyncResult) -> dict[ObjectRef, Health]:
    return {ref: h for ref, h in sorted(result.health.items()) if not is_settled(h)}


# --- held deletions --------------------------------------------------------------------------


def _held_changes(result: SyncResult) -> list[Keep]:
    prune = result.plan.prune if result.plan else ()
    return [c for c in prune if isinstance(c, Keep) and c.hold in words.CONFIRMABLE]


def _held(result: SyncResult) -> JSON:
    held, plan = _held_changes(result), result.plan
    if not held or plan is None:
        return None
    safe = redactor(words.all_changes(result))
    names = [safe(str(change.ref)) for change in held]
    more = [f"and {len(names) - _HELD} more"] if len(names) > _HELD else []
    return {"token": plan.token, "objects": [*names[:_HELD], *more]}


def _prune_held(result: SyncResult) -> JSON:
    held = _held_changes(result)
    if not held:
        return None
    holds = sorted({change.hold for change in held})
    text = _held_text(result, held, redactor(words.all_changes(result)))
    return {"reason": holds[0] if len(holds) == 1 else "Several", "message": _short(text)}


def _held_text(result: SyncResult, held: list[Keep], safe: Redactor) -> str:
    count = f"{len(held)} deletion{'s' if len(held) > 1 else ''} held"
    names = _listed([change.ref for change in held], safe)
    token = result.plan.token if result.plan else ""
    way = f"; annotation plumb.dev/confirm-prune: {token} confirms exactly these" if token else ""
    return f"{count}, {names}: {safe(held[0].reason)}{way}"


# --- conditions ------------------------------------------------------------------------------


def _conditions(
    verdict: _Verdict, prune_held: JSON, before: JSON, *, generation: int, now: datetime
) -> list[JSON]:
    wanted = [("Ready", verdict.ready, verdict.reason, verdict.message)]
    if verdict.reconciling:
        wanted.append(("Reconciling", "True", verdict.reconciling, verdict.message))
    if verdict.stalled:
        wanted.append(("Stalled", "True", verdict.stalled, verdict.message))
    if prune_held:
        wanted.append(("PruneHeld", "True", prune_held["reason"], prune_held["message"]))
    return [
        {
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": _since(before, kind, status) or history.stamp(now),
            "observedGeneration": generation,
        }
        for kind, status, reason, message in wanted
    ]  # fmt: skip


def _since(before: JSON, kind: str, status: str) -> str:
    """Return when the condition became what it still is, "" when it was something else."""
    known = _condition_of(before, kind)
    is_same = known is not None and known.get("status") == status
    return str(known.get("lastTransitionTime") or "") if is_same else ""


def _condition_of(status: JSON, kind: str) -> JSON:
    conditions = status.get("conditions") or () if isinstance(status, dict) else ()
    return next((c for c in conditions if isinstance(c, dict) and c.get("type") == kind), None)


# --- sentences -------------------------------------------------------------------------------


def _told(error: PlumbError, safe: Redactor) -> str:
    return safe(f"{error.code}: {error}")


def _listed(refs: Sequence[ObjectRef], safe: Redactor) -> str:
    names = [safe(str(ref)) for ref in sorted(set(refs))]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _listed_health(unwell: dict[ObjectRef, Health], safe: Redactor) -> str:
    worst_first = sorted(unwell.items(), key=lambda item: (-_ORDER[item[1].status], item[0]))
    told = [f"{safe(str(ref))}: {safe(h.message or h.status)}" for ref, h in worst_first[:_NAMED]]
    more = f" and {len(unwell) - _NAMED} more" if len(unwell) > _NAMED else ""
    return "; ".join(told) + more


_ORDER: Final = {status: place for place, status in enumerate(HealthStatus)}


def _why_left(result: SyncResult, safe: Redactor) -> str:
    reasons = [c.reason for c in words.left_over(result) if isinstance(c, Skip)]
    return f" ({safe(reasons[0])})" if reasons else ""


def _size(result: SyncResult) -> str:
    plan = result.plan
    written = {o.ref for o in result.outcomes if o.action in {"created", "adopted", "updated",
                                                              "replaced"}}  # fmt: skip
    count = len(written | set(plan.unchanged if plan else ()))
    return f"{count} object{'' if count == 1 else 's'}"


def _short(text: str) -> str:
    return text if len(text) <= _MESSAGE else f"{text[: _MESSAGE - 3]}..."
