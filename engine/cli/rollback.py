"""`plumb rollback`: take a path back to an earlier state, by a new commit."""

from __future__ import annotations

from typing import Any

import click

from engine.cli.options import common_options, git_options, option
from engine.cli.upstream import where_options, write_options
from engine.errors import SettingsError


@click.command("rollback")
@where_options
@option("--to", default="", metavar="COMMIT", help="As it was there; else before its last change.")
@option("--reason", default="", metavar="TEXT", help="Why, for those who read the history.")
@write_options
@git_options
@common_options
def command(**flags: Any) -> int:
    """Take a path back to an earlier state, by a new commit that says so.

    Git stays the only truth: nothing is changed in the cluster, the next sync does that. What was
    rolled back is not promoted again by a pipeline that runs once more.
    """
    from engine.cli import ci
    from engine.cli.landing import land
    from engine.cli.output import wanted
    from engine.cli.upstream import upstream
    from engine.cli.wiring import Wiring
    from engine.promote.rollback import Rollback

    wanted("text", "json")
    with Wiring(flags) as wiring, upstream(wiring) as up:
        if len(up.paths) != 1:
            raise SettingsError("PLB804", "only one path is rolled back at a time", where="--path")
        known = ci.build()
        change = Rollback(
            up.paths[0], up.branch, to=flags["to"], reason=flags["reason"],
            actor=flags["actor"] or known.actor, build=flags["build_url"] or known.url,
        )  # fmt: skip
        branch = flags["branch"] or ""
        if flags["pull_request"] and not branch:
            branch = f"plumb/rollback-{(flags['to'] or 'last')[:10]}-{_word(up.paths[0])}"
        return land(wiring, up, change, branch=branch)


def _word(path: str) -> str:
    return "-".join(part for part in path.lower().split("/") if part)[:40] or "all"
