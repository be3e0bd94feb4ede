"""`plumb diff`: show what a sync would change, or what one revision changes against another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import cluster_options, common_options, option, source_options
from engine.cli.revisions import revision_options

if TYPE_CHECKING:
    from engine.compare import Request
    from engine.model import Application, Report
    from engine.report.overview import Style

_PLANNED: dict[str, Any] = {
    "dry_run": True, "prune": None, "wait": False, "timeout": None, "confirm": "",
}  # fmt: skip


@click.command("diff")
@source_options
@revision_options
@option("--exit-code", is_flag=True, help="End with 2 when there are differences.")
@option("--replace", is_flag=True, help="Show what --replace would do.")
@option("--view", type=click.Choice(["fields", "yaml", "patch"]), help="How text shows an object: "
        "path by path, as a unified diff (default with --base), or as a JSON patch.")  # fmt: skip
@option("--patch", is_flag=True, help="The same as --view patch.")
@cluster_options
@common_options
def command(**flags: Any) -> int:
    """Show what a sync would change, and why; read requests only.

    With --base or --merge-base the two revisions are compared, for every application that either
    of them describes, without a cluster.
    """
    from engine.cli.output import REPORTS, print_report, report_code, wanted
    from engine.cli.revisions import is_asked_for

    wanted(*REPORTS)
    style: Style | None = "patch" if flags["patch"] else flags["view"]
    if is_asked_for(flags):
        report = _of_revisions(flags)
        print_report(report, style=style or "yaml")
    else:
        report = _against_live(flags)
        print_report(report, style=style or "fields")
    return int(report_code(report, differences=flags["exit_code"]))


def _of_revisions(flags: dict[str, Any]) -> Report:
    """Return what changes from one revision to another, with --live also what is so already."""
    from engine.cli.revisions import Revisions
    from engine.compare import compare
    from engine.kube.gcguard import collector_off

    with Revisions(flags) as revisions:
        with collector_off():
            request = revisions.request()
            report = compare(request)
        return _with_drift(report, request, flags) if flags["live"] else report


def _with_drift(report: Report, request: Request, flags: dict[str, Any]) -> Report:
    from engine.cli import sync
    from engine.cli.wiring import Wiring
    from engine.compare import read_base
    from engine.errors import PlumbError
    from engine.run import Desired

    found: list[tuple[Application, Desired | PlumbError]] = []
    for application, half in read_base(request, [c.application for c in report.changes]):
        if isinstance(half, PlumbError):
            continue  # told as an error of the change already
        side = half.side
        desired = Desired(application, side.revision, side.tree, half.rendering)
        found.append((application, desired))
    with Wiring({**flags, **_PLANNED}) as wiring:
        return replace(report, results=tuple(sync.carry_out(wiring, found)))


def _against_live(flags: dict[str, Any]) -> Report:
    from engine.cli import sync
    from engine.cli.wiring import Wiring
    from engine.model import Report

    with Wiring({**flags, **_PLANNED}) as wiring:
        return Report(results=tuple(sync.run(wiring)))
