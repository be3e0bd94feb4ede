"""`plumb status`: show how applications are doing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import cluster_options, common, common_options, source_options

if TYPE_CHECKING:
    from engine.cli.wiring import Wiring

_PLANNED: dict[str, Any] = {
    "dry_run": True, "prune": None, "wait": False, "timeout": None, "confirm": "",
    "replace": False,
}  # fmt: skip


@click.command("status")
@source_options
@cluster_options
@common_options
def command(**flags: Any) -> int:
    """Show how applications are doing; read requests only.

    With -f or --url every object is compared with Git and its health is shown. Without, the
    records of this cluster are listed: what was synced last, when, and how it went.
    """
    from engine.cli.wiring import Wiring

    with Wiring({**flags, **_PLANNED}) as wiring:
        return _compare(wiring) if flags["files"] or flags["url"] else _list(wiring)


def _compare(wiring: Wiring) -> int:
    from engine.cli import sync
    from engine.cli.output import clock, exit_code, print_error, print_json, use_color
    from engine.report import data
    from engine.report.status import render_status

    results = sync.run(wiring)
    if common().output == "json":
        print_json(data.together([data.result(result) for result in results]))
    else:
        for result in results:
            click.echo(render_status(result, color=use_color(), now=clock()), nl=False)
            for error in result.errors:
                print_error(error)
    return int(exit_code(results))


def _list(wiring: Wiring) -> int:
    from engine.cli.output import clock, print_json
    from engine.kube.claims import records
    from engine.report import data
    from engine.report.status import render_records

    namespace = wiring.flags["record_namespace"]
    wanted = set(wiring.flags["names"])
    found = [
        inventory
        for inventory in records(wiring.client(), namespace=namespace)
        if not wanted or inventory.application.partition("/")[2] in wanted
    ]
    if common().output == "json":
        print_json(data.records(found))
    elif found:
        click.echo(render_records(found, now=clock()), nl=False)
    else:
        click.echo(f"no application has been synced yet (looked in {namespace})", err=True)
    return 0
