"""Where text goes, whether it has colour, and which exit code a result means."""

from __future__ import annotations

import os
import shlex
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from engine.cli.options import common
from engine.errors import ExitCode, PlumbError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.model import SyncResult


def use_color(stream: object = None) -> bool:
    """Whether to colour what goes to this stream (standard output by default)."""
    wish = common().color if click.get_current_context(silent=True) else "auto"
    if wish != "auto":
        return wish == "always"
    terminal = getattr(stream or sys.stdout, "isatty", lambda: False)()
    return bool(terminal) and not os.environ.get("NO_COLOR")


def print_json(body: object) -> None:
    """Print one JSON document on standard output."""
    import orjson

    sys.stdout.buffer.write(orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.flush()


def print_error(error: PlumbError) -> None:
    """Print an error on standard error: what, where, why, and what to do next."""
    from engine.report.errors import render_error

    click.echo(render_error(error, color=use_color(sys.stderr)), err=True, nl=False)


def print_results(results: Sequence[SyncResult], *, as_plan: bool) -> None:
    """Print what would be done (``as_plan``) or what was, on standard output."""
    if common().output == "json":
        from engine.report import data

        documents = [data.result(result) for result in results]
        print_json(documents[0] if len(documents) == 1 else data.together(documents))
        return
    from engine.report import text

    now, command, color = clock(), _command(), use_color()
    for number, result in enumerate(results):
        if number:
            click.echo()
        if result.plan is not None and as_plan:
            full = common().verbose > 0
            shown = text.render_plan(result.plan, color=color, full=full, now=now, command=command)
            click.echo(shown, nl=False)
        elif result.plan is not None:
            click.echo(text.render_result(result, color=color, now=now, command=command), nl=False)
        for error in result.errors:
            print_error(error)


def clock() -> datetime:
    """The time that reports count ages from; nothing below the command line reads a clock."""
    return datetime.now(UTC)  # noqa: TID251 - here is where it is taken


def _command() -> str:
    """Return the command line that would carry out what this one shows."""
    left_out = ("--dry-run", "--exit-code", "diff")
    given = [argument for argument in sys.argv[1:] if argument not in left_out]
    verb = [] if {"sync", "delete"} & set(given) else ["sync"]
    return shlex.join(["plumb", *verb, *given])


def exit_code(results: Sequence[SyncResult], *, differences: bool = False) -> ExitCode:
    """Return the one code that these results mean.

    Several failures of one code end in that code, mixed ones in 1. ``differences``: a plan that
    would write, or that holds deletions back, ends in 2 when nothing failed.
    """
    from engine.steps import held

    codes = {code for result in results for code in _codes(result)}
    if len(codes) == 1:
        return codes.pop()
    if codes:
        return ExitCode.FAILURE
    plans = [result.plan for result in results if result.plan is not None]
    wants = any(plan.writes or held(plan) for plan in plans)
    return ExitCode.DIFFERENCES if differences and wants else ExitCode.OK


def _codes(result: SyncResult) -> set[ExitCode]:
    from engine.model import Skip
    from engine.steps import held

    errors = [*result.errors, *(o.error for o in result.outcomes if o.error is not None)]
    if result.plan is not None:
        errors += [c.error for c in result.plan.changes if isinstance(c, Skip) and c.error]
    codes = {error.exit_code for error in errors}
    if result.plan is not None and not result.dry_run and held(result.plan):
        codes.add(RefusedError.exit_code)
    return codes
