"""Carry out a plan: each write with its own precondition, and an Outcome for every object.

The plan has decided; nothing here decides anew but by asking the planner again when somebody else
was faster. The record is told before the first write of a wave and after the last.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, assert_never

from engine.errors import (
    AlreadyExistsError,
    ApiError,
    ClusterError,
    ConflictError,
    ManifestError,
    NotFoundError,
    PlumbError,
    RefusedError,
    UncertainError,
    unexpected,
)
from engine.health import assess
from engine.inventory import Entry, owner_of
from engine.journal import after_wave, intents
from engine.kube.live import observe_one
from engine.kube.status import is_immutable
from engine.model import (
    JSON,
    Adopt,
    Change,
    Create,
    Delete,
    HealthStatus,
    Keep,
    Live,
    ObjectRef,
    Outcome,
    Release,
    Replace,
    Skip,
    Update,
)
from engine.order import rank
from engine.plan import InPlace, decide, replacement
from engine.prune import (
    desired_uids,
    fate,
    needs_confirmation,
    unmark,
    waits_for,
    wants_confirmation,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from engine.inventory import Inventory
    from engine.kinds import Resource
    from engine.kube.client import Client
    from engine.kube.record import Record
    from engine.situation import Observation, Situation

_ATTEMPTS = 5
_PAUSE_S = 0.1
_ESTABLISHED_WITHIN_S = 30.0
_REPLACED_WITHIN_S = 30.0
_GONE_WITHIN_S = 3.0
# Somebody was faster, or what became of the request is unknown: look again.
_RACED = (ConflictError, AlreadyExistsError, NotFoundError, UncertainError)
_DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")


@dataclass(slots=True)
class Applier:
    """What a pass needs to write: the way to the server, the fence, and the situation it planned.

    ``remember`` adds this run to the record's history. ``failed`` collects what could not be made;
    an object that needs one of those is not tried.
    """

    client: Client
    record: Record
    situation: Situation
    stop: threading.Event
    remember: Callable[[Inventory, Sequence[Outcome]], Inventory] = lambda inventory, _: inventory
    failed: set[ObjectRef] = field(default_factory=set)

    def apply(self, changes: Sequence[Change]) -> tuple[Outcome, ...]:
        """Carry out changes in the order given, those of one rank of kinds at the same time.

        Raises RefusedError when another process has taken the record; what was written until then
        stays noted as pending.
        """
        before = self.record.inventory
        self.record.begin(intents(changes, before))
        outcomes: list[Outcome] = []
        try:
            for _, group in groupby(changes, key=lambda change: rank(change.ref)):
                outcomes.extend(self._together(list(group)))
        except BaseException:
            # Interrupted or overtaken: the intents stay, and nobody has to wait for this process.
            self.record.let_go()
            raise
        inventory, touched = after_wave(
            changes, outcomes, before, self.record.inventory, schemas=self.situation.schemas
        )
        self.record.finish(self.remember(inventory, outcomes), touched=touched)
        return tuple(outcomes)

    def _together(self, changes: list[Change]) -> list[Outcome]:
        if len(changes) == 1:
            outcomes = [self._carry_out(changes[0])]
        else:
            with ThreadPoolExecutor(self.client.connections, "apply") as pool:
                outcomes = list(pool.map(self._carry_out, changes))
        self.failed.update(outcome.ref for outcome in outcomes if outcome.action == "failed")
        for outcome in outcomes:
            is_definition = (outcome.ref.group, outcome.ref.kind) == _DEFINITION
            if is_definition and outcome.live is not None and outcome.action != "deleted":
                self._wait_until_established(outcome.live)
        return outcomes

    # --- one object --------------------------------------------------------------------------

    def _carry_out(self, change: Change) -> Outcome:
        """Carry out one change; on conflict it is read and planned again, a few times at most."""
        missing = self._missing(change)
        if missing is not None:
            return Outcome(change.ref, "skipped", f"{missing} could not be made")
        latest: Change | InPlace = change
        error: PlumbError | None = None
        in_doubt = False
        is_presumed = change.ref in self.situation.observation.presumed
        for attempt in range(_ATTEMPTS):
            if error is not None and not is_presumed and self.stop.wait(_PAUSE_S * attempt):
                break
            if isinstance(error, _RACED) or (is_presumed and error is not None):
                # Also where a quota refuses what is there already: the object itself is looked at.
                latest, is_presumed = self._again(change), False
            found = self._attempt(latest)
            if isinstance(found, Outcome):
                return replace(found, is_in_doubt=in_doubt)
            error = found
            in_doubt = in_doubt or isinstance(error, UncertainError) or error.code == "PLB690"
            if isinstance(latest, Adopt | Update) and is_immutable(error):
                latest = self._instead(latest, error)
            elif not (
                isinstance(error, _RACED) or is_presumed or self._is_not_served_yet(latest, error)
            ):
                break
        told = _explained(change, error) if error else None
        return Outcome(
            change.ref, "failed", told.what if told else "", error=told, is_in_doubt=in_doubt
        )

    def _attempt(self, latest: Change | InPlace) -> Outcome | PlumbError:
        """Write once; raises what the fence says, for then nothing may follow.

        Also where it could not be asked: a server that is gone would else be waited for once more
        for each object and each try.
        """
        self.record.check()
        try:
            done = self._write(latest)
        except RefusedError:
            raise
        except PlumbError as error:
            return error
        except Exception as bug:  # noqa: BLE001 - what one object trips must not stop the others
            return unexpected(bug)
        return replace(done, change=None if isinstance(latest, InPlace) else latest)

    def _write(self, change: Change | InPlace) -> Outcome:
        match change:
            case Create():
                return self._create(change)
            case Adopt() | Update():
                return self._patch(change)
            case Replace():
                return self._replace(change)
            case Delete():
                return self._delete(change)
            case Release():
                return self._release(change)
            case Keep():
                return Outcome(change.ref, "kept", change.reason)
            case Skip():
                if change.error is None:
                    return Outcome(change.ref, "skipped", change.reason)
                return Outcome(change.ref, "failed", change.reason, error=change.error)
            case InPlace():
                # Somebody, perhaps this very process, has written it: its answer was lost.
                return Outcome(change.manifest.ref, "updated", live=change.live)
            case _:
                assert_never(change)

    def _create(self, change: Create | Replace) -> Outcome:
        ref, resource = change.ref, self._resource(change.body)
        try:
            answer = self.client.create(resource.path(ref.namespace), change.body, ref=str(ref))
        except AlreadyExistsError:
            if isinstance(change, Create) and not change.recorded:
                return Outcome(ref, "unchanged", "somebody else has made it")
            raise
        return Outcome(
            ref,
            "created" if isinstance(change, Create) else "replaced",
            warnings=answer.warnings,
            live=Live(ref, answer.body),
        )

    def _patch(self, change: Adopt | Update) -> Outcome:
        ref, path = change.ref, self._path(change.live)
        answer = self.client.patch(path, list(change.patch.operations), ref=str(ref))
        return Outcome(
            ref,
            "adopted" if isinstance(change, Adopt) else "updated",
            warnings=answer.warnings,
            live=Live(ref, answer.body),
        )

    def _replace(self, change: Replace) -> Outcome:
        self._send_delete(change.live)
        if not self._is_gone(change.live, within_s=_REPLACED_WITHIN_S):
            return Outcome(change.ref, "skipped", "it is made again when the old one is gone")
        self.record.check()
        return self._create(change)

    def _delete(self, change: Delete) -> Outcome:
        """Look once more, then delete exactly what was seen."""
        ref, live = change.ref, change.live
        entry = self.record.inventory.entries.get(ref, Entry(ref, uid=live.uid))
        seen = observe_one(self.client, ref, self._resource(live.body))
        situation = self._with(seen)
        now = fate(entry, situation, uids=desired_uids(self.situation))
        if now is None:
            return Outcome(ref, "released", "it is gone, or not this application's any more")
        if not isinstance(now, Delete):
            return self._write(now)
        if wants_confirmation(now, situation) and not wants_confirmation(change, situation):
            return Outcome(ref, "kept", needs_confirmation(ref))
        self._send_delete(now.live)
        if self._is_gone(now.live, within_s=_GONE_WITHIN_S):
            return Outcome(ref, "deleted", change.reason)
        waits = waits_for(now.live)
        told = f"it is on its way out, {waits}" if waits else "it is on its way out"
        return Outcome(ref, "deleted", told, live=now.live)

    def _release(self, change: Release) -> Outcome:
        if change.live is not None and change.patch is not None:
            operations = list(change.patch.operations)
            self.client.patch(self._path(change.live), operations, ref=str(change.ref))
        return Outcome(change.ref, "released", change.reason)

    # --- looking again -----------------------------------------------------------------------

    def _again(self, change: Change) -> Change | InPlace:
        """Read the object and plan it anew."""
        if isinstance(change, Release) and change.live is not None:
            return self._still_to_release(change, change.live)
        if not isinstance(change, Create | Adopt | Update | Replace):
            return change
        if isinstance(change, Create) and not change.recorded:
            return change
        resource = self._resource(change.manifest.body)
        seen = observe_one(self.client, change.ref, resource)
        return decide(change.manifest, self._with(seen))

    def _still_to_release(self, change: Release, live: Live) -> Release:
        seen = observe_one(self.client, change.ref, self._resource(live.body))
        if change.ref in seen.unknown:
            return change
        now = seen.live.get(change.ref)
        if now is None or owner_of(now) != self.situation.owner:
            return Release(change.ref, change.reason)
        return replace(change, live=now, patch=unmark(now))

    def _instead(self, change: Adopt | Update, refused: PlumbError) -> Replace | Skip:
        """Return what to do where the server, not our table, says that a field cannot change."""
        fields = refused.fields if isinstance(refused, ApiError) else ()
        try:
            return replacement(
                change.manifest, change.live, change.patch, self.situation, fields=fields
            )
        except RefusedError as error:
            return Skip(change.ref, error.what, error=error, origin=change.manifest.origin)

    def _with(self, seen: Observation) -> Situation:
        scaled = self.situation.observation.autoscaled
        return replace(
            self.situation,
            observation=replace(seen, autoscaled=scaled),
            inventory=self.record.inventory,
        )

    def _is_gone(self, live: Live, *, within_s: float) -> bool:
        """Wait a little for the object to go; gone is a NotFound, or another uid in its place."""
        for _ in range(max(1, round(within_s / _PAUSE_S))):
            self.record.check()
            try:
                there = self.client.get(self._path(live), ref=str(live.ref))
            except NotFoundError:
                return True
            except (ApiError, ClusterError):
                return False  # an error is no absence
            if there["metadata"].get("uid") != live.uid:
                return True
            if there["metadata"].get("finalizers") or self.stop.wait(_PAUSE_S):
                return False
        return False

    def _wait_until_established(self, live: Live) -> None:
        """Wait until the API server serves what a definition defines; it takes a moment.

        When it does not come about, the objects of that kind say so themselves.
        """
        for _ in range(round(_ESTABLISHED_WITHIN_S / _PAUSE_S)):
            self.record.check()
            with contextlib.suppress(PlumbError):
                body = self.client.get(self._path(live), ref=str(live.ref))
                if assess(body).status in (HealthStatus.HEALTHY, HealthStatus.DEGRADED):
                    return
            if self.stop.wait(_PAUSE_S):
                return

    def _is_not_served_yet(self, change: Change | InPlace, error: PlumbError) -> bool:
        """Say whether to try again: a kind just defined is a bare 404 for a moment."""
        if not isinstance(change, Create) or not isinstance(error, ClusterError):
            return False
        return self._resource(change.body).pending and not self.stop.wait(_PAUSE_S)

    # --- what is needed ----------------------------------------------------------------------

    def _missing(self, change: Change) -> ObjectRef | None:
        """Return the namespace or definition that this object needs and that was refused."""
        if not isinstance(change, Create | Adopt | Update | Replace):
            return None
        namespace = ObjectRef("", "Namespace", "", change.ref.namespace)
        resource = self._resource(change.manifest.body)
        definition = ObjectRef(*_DEFINITION, "", f"{resource.plural}.{resource.group}")
        return next((ref for ref in (namespace, definition) if ref in self.failed), None)

    def _resource(self, body: JSON) -> Resource:
        api_version, kind = str(body.get("apiVersion", "")), str(body.get("kind", ""))
        resource = self.situation.kinds.resource(api_version, kind)
        if resource is None:
            raise ManifestError("PLB321", f"the server does not know kind {kind} in {api_version}")
        return resource

    def _path(self, live: Live) -> str:
        return self._resource(live.body).path(live.ref.namespace, live.ref.name)

    def _send_delete(self, live: Live) -> None:
        self.client.delete(
            self._path(live),
            uid=live.uid,
            resource_version=live.resource_version,
            ref=str(live.ref),
        )


def _explained(change: Change, error: PlumbError) -> PlumbError:
    """Add where in Git the object stands."""
    if isinstance(change, Create | Adopt | Update | Replace) and not error.hint:
        error.hint = f"it is defined in {change.manifest.origin}"
    return error
