"""The end of an application: its objects by ``deletionPolicy``, then its record. Needs no Git."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.apply import Applier
from engine.errors import HealthTimeoutError, PlumbError, RefusedError, unexpected
from engine.journal import settled
from engine.kube import discovery
from engine.kube.live import observe
from engine.kube.recovery import strays_of
from engine.looking import named_elsewhere
from engine.model import Plan, Revision, SyncResult, SyncStatus
from engine.namespaces import Placement
from engine.prune import farewell, waits_for
from engine.schema import Schemas
from engine.situation import Situation

if TYPE_CHECKING:
    from collections.abc import Collection

    from engine.kube.record import Record
    from engine.model import Application, ObjectRef, Outcome
    from engine.run import Request, World
    from engine.situation import Observation

_LOOK_EVERY_S = 0.5
_NAMED_AT_MOST = 5


def remove(application: Application, world: World, request: Request) -> SyncResult:
    """Delete or release everything the application owns; never raises.

    The record goes when nothing is left in it, so what could not be deleted is not forgotten.
    """
    plan: Plan | None = None
    outcomes: tuple[Outcome, ...] = ()
    errors: list[PlumbError] = []
    try:
        record = world.record(application)
        situation = _situation(application, world, record, request)
        pruning = farewell(situation)
        plan = Plan(
            str(application), None,
            prune=pruning.changes, forget=pruning.forget, token=pruning.token,
        )  # fmt: skip
        if not request.dry_run:
            applier = Applier(world.client, record, situation, world.stop)
            outcomes = applier.apply(pruning.changes)
            after, touched = settled((), {}, record.inventory, gone=pruning.forget)
            record.finish(after, touched=touched)
            has_failed = any(outcome.action == "failed" for outcome in outcomes)
            if application.deletion_policy == "wait" and not has_failed:
                _wait_until_gone(record, world, situation, request)
            _close(record, world, situation)
    except PlumbError as error:
        errors.append(error)
    except Exception as error:  # noqa: BLE001 - as in reconcile: told, never raised
        errors.append(unexpected(error))
    is_done = plan is not None and not errors and all(o.action != "failed" for o in outcomes)
    return SyncResult(
        application=str(application),
        revision=None,
        plan=plan,
        outcomes=outcomes,
        sync=SyncStatus.SYNCED if is_done else SyncStatus.OUT_OF_SYNC,
        errors=tuple(errors),
        dry_run=request.dry_run,
        requests=dict(world.client.requests),
    )


def _situation(
    application: Application, world: World, record: Record, request: Request
) -> Situation:
    inventory = record.read()
    if not record.exists:
        raise RefusedError(
            "PLB541", f"there is no record of Application {application}",
            why="nothing was ever applied under that name, or it is deleted already",
            hint="plumb status lists the applications of this cluster; a record that was lost is "
            "rebuilt by plumb sync",
        )  # fmt: skip
    if inventory.doubt:
        raise RefusedError(
            "PLB544", f"the record of Application {application} cannot be trusted",
            why=inventory.doubt,
            hint="plumb sync rebuilds it and deletes nothing; then delete the application",
        )  # fmt: skip
    if not request.dry_run:
        record.outlast(world.stop, tell=world.narrate)
        inventory = record.inventory
    kinds = discovery.kinds(world.client)
    placement = Placement(())
    observation = observe(world.client, placement, inventory, kinds=kinds)
    if inventory.places:
        found = {**strays_of(world.client, inventory, kinds), **observation.strays}
        observation = replace(observation, strays=found)
    named = named_elsewhere(
        record, observation, {*inventory.entries, *observation.strays}, owner=inventory.id
    )
    return Situation(
        application=application,
        revision=Revision("", ""),
        placement=placement,
        inventory=inventory,
        owner=inventory.id,
        observation=observation,
        kinds=kinds,
        schemas=Schemas.from_openapi(()),
        named=named,
        options=request.options,
    )


def _wait_until_gone(record: Record, world: World, situation: Situation, request: Request) -> None:
    """Wait until everything that is being deleted is proven to be gone."""
    deadline_s = time.monotonic() + request.timeout_s
    kinds = situation.kinds
    while record.inventory.entries:
        seen = observe(world.client, situation.placement, record.inventory, kinds=kinds)
        if seen.absent:
            after, touched = settled((), {}, record.inventory, gone=seen.absent)
            record.finish(after, touched=touched)
        elif time.monotonic() > deadline_s or world.stop.wait(_LOOK_EVERY_S):
            raise HealthTimeoutError(
                "PLB703", f"not everything was gone within {request.timeout_s:g} s",
                why=_left(seen, record.inventory.entries),
                hint="who is to remove these finalizers is at work, or gone; delete again later",
            )  # fmt: skip
        elif seen.unknown:
            # A definition goes too, and its objects cannot be asked for any more.
            with contextlib.suppress(PlumbError):  # an outage: nothing is known meanwhile
                kinds = discovery.kinds(world.client)


def _left(seen: Observation, refs: Collection[ObjectRef]) -> str:
    """Name what is still there, the first few with what they wait for."""
    told = []
    for ref in list(refs)[:_NAMED_AT_MOST]:
        live = seen.live.get(ref)
        waits = waits_for(live) if live else ""
        told.append(f"{ref} ({waits})" if waits else str(ref))
    more = len(refs) - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "")


def _close(record: Record, world: World, situation: Situation) -> None:
    left = record.inventory.entries
    if not left:
        record.delete()
        return
    seen = observe(world.client, situation.placement, record.inventory, kinds=situation.kinds)
    raise RefusedError(
        "PLB542", f"{len(left)} objects are not gone yet, so the record is kept",
        why=_left(seen, left), hint="run plumb delete again later",
    )  # fmt: skip
