"""`plumb history`: who changed what, when, and what it did in the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import cluster_options, common_options, git_options, option
from engine.cli.upstream import where_options
from engine.errors import PlumbError

if TYPE_CHECKING:
    from engine.cli.upstream import Upstream
    from engine.cli.wiring import Wiring
    from engine.inventory import Run


@click.command("history")
@where_options
@option(
    "--limit",
    type=click.IntRange(1, 500),
    default=20,
    show_default=True,
    metavar="N",
    help="So many changes of the path.",
)
@option(
    "--depth",
    type=click.IntRange(1, 10_000),
    default=200,
    show_default=True,
    metavar="N",
    help="Look through so many commits of the branch.",
)
@cluster_options
@git_options
@common_options
def command(**flags: Any) -> int:
    """Show who changed what, when, and what it did in the cluster.

    Commits come from Git. With an Application (-f or --app) the record of the last syncs says
    which of them reached the cluster, and how that went; without rights there it is left out.
    """
    from engine.cli.output import emit, json_bytes, wanted
    from engine.cli.upstream import upstream
    from engine.cli.wiring import Wiring
    from engine.git.deadline import Deadline
    from engine.promote import past
    from engine.promote.telling import history_json, history_text

    wanted("text", "json")
    with Wiring(flags) as wiring, upstream(wiring) as up:
        path = up.paths[0]
        with Deadline(wiring.limits.timeout_s, where=up.branches.url) as deadline:
            commits = up.branches.past(up.branch, flags["depth"], deadline, trees=True)
            events = past.events(
                up.branches, commits, path, limit=flags["limit"], deadline=deadline,
                runs=_runs(wiring, up),
            )  # fmt: skip
        if not events:
            wiring.narrate(f"the newest {len(commits)} commits of {up.branch} do not change {path}")
        emit({
            "text": lambda: history_text(events),
            "json": lambda: json_bytes(
                history_json(events, url=up.branches.url, branch=up.branch, path=path)
            ),
        })  # fmt: skip
    return 0


def _runs(wiring: Wiring, up: Upstream) -> tuple[Run, ...]:
    """Return what the record remembers; nothing, and a word on why, where it cannot be read."""
    if up.application is None:
        return ()
    try:
        return wiring.record(up.application).read().last
    except PlumbError as error:
        wiring.narrate(f"what it did in the cluster is not known: {error}")
        return ()
