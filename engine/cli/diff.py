"""`plumb diff`: show what a sync would change. The same as `plumb sync --dry-run`."""

from __future__ import annotations

from typing import Any

import click

from engine.cli.options import cluster_options, common_options, option, source_options

_PLANNED: dict[str, Any] = {
    "dry_run": True, "prune": None, "wait": False, "timeout": None, "confirm": "",
}  # fmt: skip


@click.command("diff")
@source_options
@option("--exit-code", is_flag=True, help="End with 2 when there are differences.")
@option("--replace", is_flag=True, help="Show what --replace would do.")
@cluster_options
@common_options
def command(**flags: Any) -> int:
    """Show what a sync would change, and why; read requests only."""
    from engine.cli import sync
    from engine.cli.output import REPORTS, exit_code, print_results, wanted
    from engine.cli.wiring import Wiring

    wanted(*REPORTS)
    with Wiring({**flags, **_PLANNED}) as wiring:
        results = sync.run(wiring)
        print_results(results, as_plan=True)
        return int(exit_code(results, differences=flags["exit_code"]))
