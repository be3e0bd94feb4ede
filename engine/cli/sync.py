"""`plumb sync`: make the cluster as Git wants it."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import (
    DURATION,
    cluster_options,
    common_options,
    option,
    source_options,
)
from engine.errors import PlumbError, RefusedError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.cli.wiring import Wiring
    from engine.model import Application, ObjectRef, SyncResult
    from engine.run import Desired, Request


@click.command("sync")
@source_options
@option("--dry-run", is_flag=True, help="Show the plan; read requests only.")
@option("--exit-code", is_flag=True, help="With --dry-run: 2 when there are differences.")
@option("--prune/--no-prune", default=None, help="Delete what Git no longer has; as the "
        "application says, by default it does.")  # fmt: skip
@option("--wait", is_flag=True, help="Wait until everything is healthy.")
@option("--timeout", type=DURATION, metavar="TIME", help="For all waiting; else the application's.")
@option("--confirm", default="", metavar="TOKEN", help="Carry out the held deletions of this plan.")
@option("--take-over", is_flag=True, help="Also where a daemon looks after the application.")
@option("--replace", is_flag=True, help="Delete and make again what cannot be changed in place.")
@cluster_options
@common_options
def command(**flags: Any) -> int:
    """Make the cluster as Git wants it.

    Fetches the repository, compares what was last applied, what Git wants and what is there, and
    writes only the difference. Deletions come last, and only when everything else is in place.
    """
    from engine.cli.output import REPORTS, exit_code, print_results, wanted
    from engine.cli.wiring import Wiring

    wanted(*REPORTS)
    with Wiring(flags) as wiring:
        results = run(wiring)
        print_results(results, as_plan=flags["dry_run"])
        return int(exit_code(results, differences=flags["dry_run"] and flags["exit_code"]))


def run(wiring: Wiring) -> list[SyncResult]:
    """Carry out, or with ``dry_run`` plan, every application that was asked for."""
    from engine.cli.resources import refuse_followed

    applications = in_dependency_order(wiring.applications())
    if not wiring.flags["dry_run"]:
        for application in applications:
            _refuse_suspended(application)
        refuse_followed(wiring, applications)
    return carry_out(wiring, wiring.desired(applications))


def carry_out(
    wiring: Wiring, found: Sequence[tuple[Application, Desired | PlumbError]]
) -> list[SyncResult]:
    """Do the same for applications in this order, with what Git wants for each."""
    from engine.cli.wiring import iterate, unread
    from engine.looking import contested
    from engine.reconcile import reconcile

    applications = [application for application, _ in found]
    everything = list(iterate(found))
    awaited = {key for application in applications for key in _dependencies(application)}
    rivals = contested([(d.application, d.rendering.manifests) for d in everything])
    broken = [a for a, desired in found if isinstance(desired, PlumbError)]
    results: dict[str, SyncResult] = {}
    for application, desired in found:
        missing = _unmet(application, results)
        if isinstance(desired, PlumbError):
            results[str(application)] = unread(application, desired)
        elif missing and not wiring.flags["dry_run"]:
            results[str(application)] = unread(application, _waits(application, missing))
        else:
            siblings = [other for other in everything if _is_sibling(desired, other)]
            is_awaited = str(application) in awaited
            request = _request(
                application, wiring.flags, is_awaited=is_awaited,
                contested=rivals.get(str(application), {}),
            )  # fmt: skip
            world = wiring.world(application)
            unseen = [str(a) for a in broken if a.source.url == application.source.url]
            done = reconcile(desired, world, request, siblings=siblings, unread=unseen)
            results[str(application)] = done
    return list(results.values())


def in_dependency_order(applications: Sequence[Application]) -> list[Application]:
    """Return the applications with each after those it depends on, else in the order given.

    A dependency that is not among them is not waited for: a one-shot sees only its own.
    """
    known = {str(application): application for application in applications}
    sorter = TopologicalSorter(
        {str(a): [key for key in _dependencies(a) if key in known] for a in applications}
    )
    try:
        return [known[key] for key in sorter.static_order()]
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise SettingsError(
            "PLB136", "applications depend on one another in a circle", where="dependsOn",
            why=circle, hint="take one of these dependencies out",
        ) from None  # fmt: skip


def _dependencies(application: Application) -> list[str]:
    """Return the applications that dependsOn names, all of them of the same namespace."""
    return [f"{application.namespace}/{name}" for name in application.depends_on]


def _unmet(application: Application, results: Mapping[str, SyncResult]) -> list[str]:
    from engine.model import SyncStatus

    return [
        key
        for key in _dependencies(application)
        if key in results and (results[key].errors or results[key].sync is not SyncStatus.SYNCED)
    ]


def _waits(application: Application, missing: Sequence[str]) -> RefusedError:
    return RefusedError(
        "PLB543", f"Application {application} waits for {', '.join(missing)}",
        why="dependsOn names what did not become ready",
        hint="mend that one first; nothing was written for this one",
    )  # fmt: skip


def _is_sibling(desired: Desired, other: Desired) -> bool:
    """Whether this is another application that was read at the same commit."""
    return other is not desired and other.revision.commit == desired.revision.commit


def _request(
    application: Application, flags: dict[str, Any], *, is_awaited: bool = False,
    contested: Mapping[ObjectRef, str],
) -> Request:  # fmt: skip
    from engine.run import Request
    from engine.situation import Options

    prune = flags["prune"]
    options = Options(
        prune=prune is not False, replace=flags["replace"], confirm=flags["confirm"] or "",
        contested=contested,
    )  # fmt: skip
    return Request(
        options=options,
        dry_run=flags["dry_run"],
        wait=flags["wait"] or is_awaited,
        timeout_s=flags["timeout"] or application.timeout_s,
    )


def _refuse_suspended(application: Application) -> None:
    if application.suspend:
        raise RefusedError(
            "PLB540", f"Application {application} is suspended",
            hint="set suspend: false to sync it; plumb diff shows what that would do",
        )  # fmt: skip
