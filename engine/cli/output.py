"""Where text goes, whether it has colour, and which exit code a result means."""

from __future__ import annotations

import os
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.options import Output, common
from engine.errors import ExitCode, PlumbError, RefusedError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engine.model import SyncResult


def use_color(stream: object = None) -> bool:
    """Whether to colour what goes to this stream (standard output by default)."""
    wish = common().color if click.get_current_context(silent=True) else "auto"
    if wish != "auto":
        return wish == "always"
    terminal = getattr(stream or sys.stdout, "isatty", lambda: False)()
    return bool(terminal) and not os.environ.get("NO_COLOR")


def wanted(*offered: str) -> tuple[Output, ...]:
    """Return which forms go where; asked before the work, so that a mistake costs nothing.

    Standard output gets text unless another form takes it. Raises SettingsError for a form that
    the command does not offer, and for two on standard output.
    """
    outputs = common().outputs
    for one in outputs:
        if one.form not in offered:
            raise SettingsError(
                "PLB150", f"this command has no {one.form}", where=f"-o {one.form}",
                hint=f"it has {', '.join(offered)}",
            )  # fmt: skip
    shown = [one.form for one in outputs if not one.file]
    if len(shown) > 1:
        raise SettingsError(
            "PLB151", f"{' and '.join(shown)} cannot both go to standard output", where="-o",
            hint=f"write one into a file, as in -o {shown[0]}=FILE",
        )  # fmt: skip
    return outputs if shown else (Output("text"), *outputs)


def emit(forms: Mapping[str, Callable[[], str | bytes]]) -> None:
    """Write each form that was asked for to its place; each is made only where it is wanted."""
    for form, file in wanted(*forms):
        made = forms[form]()
        content = made.encode("utf-8", "replace") if isinstance(made, str) else made
        if file:
            _write(Path(file), content)
        else:
            click.echo(content, nl=False)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise SettingsError(
            "PLB152", "the report cannot be written", where=str(file), why=error.strerror or "",
            hint="name a file in a folder that is there and may be written to",
        ) from None  # fmt: skip


def json_bytes(body: object) -> bytes:
    """Return one JSON document as `-o json` writes it."""
    import orjson

    return orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n"


def print_json(body: object) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.buffer.write(json_bytes(body))
    sys.stdout.flush()


def print_error(error: PlumbError) -> None:
    """Print an error on standard error: what, where, why, and what to do next."""
    from engine.report.errors import render_error

    click.echo(render_error(error, color=use_color(sys.stderr)), err=True, nl=False)


REPORTS = ("text", "json")


def print_results(results: Sequence[SyncResult], *, as_plan: bool) -> None:
    """Write what would be done (``as_plan``) or what was, in every form that was asked for."""
    emit({
        "text": lambda: _text(results, as_plan=as_plan),
        "json": lambda: json_bytes(_document(results)),
    })  # fmt: skip
    if any(one == Output("text") for one in wanted(*REPORTS)):
        for error in (error for result in results for error in result.errors):
            print_error(error)


def _document(results: Sequence[SyncResult]) -> object:
    from engine.report import data

    documents = [data.result(result) for result in results]
    return documents[0] if len(documents) == 1 else data.together(documents)


def _text(results: Sequence[SyncResult], *, as_plan: bool) -> str:
    from engine.report import text

    now, command, full = clock(), _command(), common().verbose > 0
    color = use_color() and Output("text") in wanted(*REPORTS)
    shown = []
    for result in results:
        if result.plan is not None and as_plan:
            shown.append(
                text.render_plan(result.plan, color=color, full=full, now=now, command=command)
            )
        elif result.plan is not None:
            shown.append(text.render_result(result, color=color, now=now, command=command))
    return "\n".join(shown)


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
