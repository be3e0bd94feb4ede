"""`plumb reconcile`: have the daemon look at applications now, and wait for what comes of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import click

from engine.cli.options import DURATION, common, common_options, option
from engine.cli.resources import resource_options
from engine.errors import ExitCode, HealthTimeoutError, NotFoundError, PlumbError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.cli.wiring import Wiring
    from engine.kube.resources import Resource
    from engine.model import JSON

_LOOK_EVERY_S: Final = 0.5
# What the reason of a condition means for whoever asked; what is not here is still under way.
_ENDS: Final = {
    "Invalid": ExitCode.USAGE, "ManifestInvalid": ExitCode.FAILURE,
    "SyncFailed": ExitCode.FAILURE, "NotPermitted": ExitCode.NOT_PERMITTED,
    "GitDenied": ExitCode.NOT_PERMITTED, "GitFailed": ExitCode.GIT_UNREACHABLE,
    "ClusterUnreachable": ExitCode.CLUSTER_UNREACHABLE, "Refused": ExitCode.REFUSED,
    "Suspended": ExitCode.REFUSED, "HealthTimeout": ExitCode.HEALTH_TIMEOUT,
}  # fmt: skip


@click.command("reconcile")
@resource_options
@option("--wait", is_flag=True, help="Wait until the daemon is done, and end as plumb sync would.")
@option("--timeout", type=DURATION, metavar="TIME", help="For --wait; else the application's.")
@common_options
def command(**flags: Any) -> int:
    """Have the daemon look at Applications now, with Git asked anew.

    It looks by itself when something changes; this is for those who do not want to wait for the
    next look at Git, or want to know what came of it.
    """
    from engine.cli.output import print_error, print_json
    from engine.cli.resources import chosen
    from engine.cli.wiring import Wiring
    from engine.report import data

    with Wiring(flags) as wiring:
        moment = _moment()
        asked = [_ask(wiring, resource, moment) for resource in chosen(wiring)]
        errors: list[PlumbError] = []
        ended = asked
        if flags["wait"]:
            ended, errors = _wait_for(wiring, asked, moment)
        if common().output == "json":
            print_json(data.together([data.application(r.application, r.status) for r in ended]))
        elif flags["wait"]:
            _show(ended)
        for error in errors:
            print_error(error)
        codes = {error.exit_code for error in errors}
        return int(codes.pop() if len(codes) == 1 else ExitCode.FAILURE if codes else ExitCode.OK)


def _moment() -> str:
    """Return a request that differs from every other one, and says when it was made."""
    import secrets

    from engine.cli.output import clock

    return f"{clock():%Y-%m-%dT%H:%M:%SZ}.{secrets.token_hex(4)}"


def _ask(wiring: Wiring, resource: Resource, moment: str) -> Resource:
    from engine.kube import resources

    if resource.application.suspend:
        raise RefusedError(
            "PLB540", f"Application {resource.key} is suspended",
            hint=f"plumb resume {resource.application.name} -n {resource.application.namespace}",
        )  # fmt: skip
    resources.request(wiring.client(), resource.application, moment)
    if common().output == "text" and not wiring.flags["wait"]:
        click.echo(f"{resource.key} will be looked at")
    return resource


def _show(ended: Sequence[Resource]) -> None:
    from engine.cli.output import clock, use_color
    from engine.report.applications import render_applications

    table = render_applications(
        ((r.application, r.status) for r in ended), color=use_color(), now=clock()
    )
    click.echo(table, nl=False)


def _wait_for(
    wiring: Wiring, asked: Sequence[Resource], moment: str
) -> tuple[list[Resource], list[PlumbError]]:
    """Return the resources as they are in the end, and what went wrong with which of them."""
    began = time.monotonic()
    # A little more than the daemon gives it, so that the reason comes from there.
    timeouts = [wiring.flags["timeout"] or r.application.timeout_s + 10 for r in asked]
    waiting = dict(zip((r.key for r in asked), timeouts, strict=True))
    found = {resource.key: resource for resource in asked}
    errors: dict[str, PlumbError] = {}
    while waiting:
        for key, timeout_s in list(waiting.items()):
            over, wrong = _look(wiring, found, key, moment)
            if not over and time.monotonic() - began >= timeout_s:
                over, wrong = True, _too_late(found[key], moment, timeout_s)
            if wrong is not None:
                errors[key] = wrong
            if over:
                del waiting[key]
        if waiting and wiring.stop.wait(_LOOK_EVERY_S):
            break
    return list(found.values()), [errors[key] for key in found if key in errors]


def _look(
    wiring: Wiring, found: dict[str, Resource], key: str, moment: str
) -> tuple[bool, PlumbError | None]:
    """Read one of them again; whether it is over, and what went wrong."""
    try:
        found[key] = _read(wiring, found[key])
    except PlumbError as error:
        return True, error
    is_over, wrong = _outcome(found[key], moment)
    if not is_over and found[key].status.get("message"):
        wiring.narrate(f"{key}: {_message(found[key])}")
    return is_over, wrong


def _read(wiring: Wiring, resource: Resource) -> Resource:
    from engine.kube import resources

    application = resource.application
    try:
        return resources.get(wiring.client(), application.namespace, application.name)
    except NotFoundError:
        raise PlumbError(
            "PLB711", f"Application {resource.key} was deleted meanwhile",
            hint="nothing more is known of it",
        ) from None  # fmt: skip


def _outcome(resource: Resource, moment: str) -> tuple[bool, PlumbError | None]:
    """Say whether the daemon is done with the request, and what is wrong then."""
    from engine.daemon.conditions import is_ready

    status, application = resource.status, resource.application
    if application.suspend:
        return True, _not_ready(resource, "Suspended")
    # A later request than this one is answered for both.
    if status.get("lastHandledReconcileAt") not in (moment, application.requested_at):
        return False, None
    conditions = {c["type"]: c for c in status.get("conditions", ())}
    if status.get("observedGeneration") != application.generation or "Ready" not in conditions:
        return False, None
    for kind in ("Stalled", "Ready", "Reconciling"):
        condition = conditions.get(kind)
        if condition is None or (kind == "Ready" and condition["status"] == "True"):
            continue
        if condition["reason"] in _ENDS:
            return True, _not_ready(resource, condition["reason"])
    if not is_ready(status, generation=application.generation):
        return False, None
    held = conditions.get("PruneHeld")
    return True, _held(resource, held) if held else None


def _not_ready(resource: Resource, reason: str) -> PlumbError:
    error = PlumbError(
        "PLB711", f"Application {resource.key} is not ready", why=_message(resource),
        hint=f"plumb status {resource.application.name} -n {resource.application.namespace} "
        "shows it",
    )  # fmt: skip
    error.exit_code = _ENDS[reason]
    return error


def _held(resource: Resource, condition: JSON) -> PlumbError:
    return RefusedError(
        "PLB711", f"Application {resource.key} is in place, and deletions are held",
        why=str(condition["message"]), hint="annotate the Application with the token, or leave it",
    )  # fmt: skip


def _too_late(resource: Resource, moment: str, timeout_s: float) -> PlumbError:
    answered = resource.status.get("lastHandledReconcileAt") == moment
    return HealthTimeoutError(
        "PLB710",
        f"Application {resource.key} is not ready within {timeout_s:g} s" if answered
        else f"no daemon took up the request for {resource.key} within {timeout_s:g} s",
        why=_message(resource),
        hint="give it more --timeout" if answered else "see whether the daemon runs, and is Ready",
    )  # fmt: skip


def _message(resource: Resource) -> str:
    from engine.report.mask import clean

    return clean(str(resource.status.get("message") or ""))
