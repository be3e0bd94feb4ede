"""`plumb diff`: show what a sync would change, or what one revision changes against another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import cluster_options, common_options, option, source_options
from engine.cli.revisions import revision_options

if TYPE_CHECKING:
    from engine.model import Report
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
    from engine.cli.revisions import Revisions, is_asked_for

    wanted(*REPORTS)
    style: Style | None = "patch" if flags["patch"] else flags["view"]
    if is_asked_for(flags):
        with Revisions(flags) as revisions:
            report = revisions.report()
            print_report(report, style=style or "yaml")
    else:
        report = _against_live(flags)
        print_report(report, style=style or "fields")
    return int(report_code(report, differences=flags["exit_code"]))


def _against_live(flags: dict[str, Any]) -> Report:
    from engine.cli import sync
    from engine.cli.wiring import Wiring
    from engine.model import Report

    with Wiring({**flags, **_PLANNED}) as wiring:
        return Report(results=tuple(sync.run(wiring)))
