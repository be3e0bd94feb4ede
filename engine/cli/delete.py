"""`plumb delete`: stop managing an application, by its deletionPolicy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import (
    DURATION,
    cluster_options,
    common_options,
    option,
    source_options,
)

if TYPE_CHECKING:
    from engine.cli.wiring import Wiring
    from engine.model import Application


@click.command("delete")
@source_options
@option(
    "--deletion-policy",
    type=click.Choice(["orphan", "delete", "wait"]),
    help="What becomes of the objects; else as the application says, by default orphan.",
)
@option("--dry-run", is_flag=True, help="Show what would be deleted; read requests only.")
@option("--confirm", default="", metavar="TOKEN", help="Delete Namespaces, CRDs and volumes too.")
@option("--timeout", type=DURATION, metavar="TIME", help="For deletionPolicy wait.")
@option("--take-over", is_flag=True, help="Also where a daemon looks after the application.")
@cluster_options
@common_options
def command(**flags: Any) -> int:
    """Stop managing an application: APP, or those of -f.

    With deletionPolicy orphan its objects stay and lose Plumb's marks; with delete they are
    deleted; with wait the command ends when they are gone. The repository is not needed.
    """
    from engine.cli.output import REPORTS, exit_code, print_results, wanted
    from engine.cli.resources import DELETE, refuse_followed
    from engine.cli.wiring import Wiring
    from engine.removal import remove
    from engine.run import Request
    from engine.situation import Options

    wanted(*REPORTS)
    with Wiring(flags) as wiring:
        results = []
        applications = _applications(wiring)
        if not flags["dry_run"]:
            refuse_followed(wiring, applications, instead=DELETE)
        for application in applications:
            policy = flags["deletion_policy"] or application.deletion_policy
            request = Request(
                options=Options(confirm=flags["confirm"] or ""),
                dry_run=flags["dry_run"],
                timeout_s=flags["timeout"] or application.timeout_s,
            )
            chosen = replace(application, deletion_policy=policy)
            results.append(remove(chosen, wiring.world(chosen), request))
        print_results(results, as_plan=flags["dry_run"])
        return int(exit_code(results))


def _applications(wiring: Wiring) -> list[Application]:
    from engine.errors import SettingsError
    from engine.model import Application, Source

    if wiring.flags["files"] or wiring.flags["url"]:
        return wiring.applications()
    names = wiring.flags["names"]
    if not names:
        raise SettingsError(
            "PLB131", "no application is named", where="command line",
            hint="plumb delete APP, with -n for its namespace; plumb status lists them",
        )  # fmt: skip
    return [Application(name, wiring.namespace, Source("")) for name in names]
