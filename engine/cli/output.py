"""Where text goes, whether it has colour, and which exit code a result means."""

from __future__ import annotations

import os
import shlex
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.options import Output, common
from engine.errors import ExitCode, PlumbError, RefusedError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engine.model import Comparison, Report, SyncResult
    from engine.report.overview import Style
    from engine.report.view import View


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
            write(Path(file), content)
        else:
            click.echo(content, nl=False)


def write(file: Path, content: bytes, *, mode: str = "wb") -> None:
    """Write a file; SettingsError where that cannot be done."""
    try:
        with file.open(mode) as opened:
            opened.write(content)
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


REPORTS = ("text", "json", "markdown", "html", "junit", "github", "gitlab")


def print_results(results: Sequence[SyncResult], *, as_plan: bool) -> None:
    """Write what would be done (``as_plan``) or what was, in every form that was asked for."""
    from engine.model import Report

    _emit_report(Report(results=tuple(results)), lambda: _text(results, as_plan=as_plan))
    _tell_errors(results)


def print_report(report: Report, *, style: Style) -> None:
    """Write a report in every form that was asked for; ``style`` is how text shows an object."""
    if not report.changes and report.base is None and style == "fields":
        _emit_report(report, lambda: _text(report.results, as_plan=True))
        _tell_errors(report.results)
    else:
        _emit_report(report, lambda: _overview(report, style))


def _emit_report(report: Report, make_text: Callable[[], str]) -> None:
    from engine.cli.forms import of_view

    shown = cache(lambda: _view(report))
    whole = [one.file for one in wanted(*REPORTS) if one.file and one.form in {"json", "html"}]
    forms = of_view(shown, marker=common().marker, elsewhere=whole)
    emit({"text": make_text, "json": lambda: json_bytes(_document(report)), **forms})


def _view(report: Report) -> View:
    from engine.report.view import view

    return view(report, now=clock())


def _tell_errors(results: Sequence[SyncResult]) -> None:
    """Print on standard error what stands in no plan, and so in no text about one."""
    if _is_text_shown():
        for error in (error for result in results for error in result.errors):
            print_error(error)


def _document(report: Report) -> object:
    from engine.report import data

    if report.base is not None:
        return data.report(report)
    documents = [data.result(result) for result in report.results]
    return documents[0] if len(documents) == 1 else data.together(documents)


def _is_text_shown() -> bool:
    return Output("text") in wanted(*REPORTS)


def _overview(report: Report, style: Style) -> str:
    from engine.report.overview import render_overview

    shown = _view(report)
    color, full = use_color() and _is_text_shown(), common().verbose > 0
    return render_overview(shown, style=style, color=color, full=full, command=_command())


def _text(results: Sequence[SyncResult], *, as_plan: bool) -> str:
    from engine.report import text

    now, command, full = clock(), _command(), common().verbose > 0
    color = use_color() and _is_text_shown()
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
    left_out = ("--dry-run", "--exit-code", "--patch", "diff")
    given = [argument for argument in sys.argv[1:] if argument not in left_out]
    verb = [] if {"sync", "delete"} & set(given) else ["sync"]
    return shlex.join(["plumb", *verb, *given])


def exit_code(results: Sequence[SyncResult], *, differences: bool = False) -> ExitCode:
    """Return the one code that these results mean.

    Several failures of one code end in that code, mixed ones in 1. ``differences``: a plan that
    would write, or that holds deletions back, ends in 2 when nothing failed.
    """
    from engine.model import Report

    return report_code(Report(results=tuple(results)), differences=differences)


def report_code(report: Report, *, differences: bool = False) -> ExitCode:
    """Return the one code that a report means, as :func:`exit_code` does for results."""
    from engine.steps import held

    codes = {error.exit_code for error in report.errors}
    codes |= {code for result in report.results for code in _codes(result)}
    codes |= {error.exit_code for change in report.changes for error in _failures(change)}
    if len(codes) == 1:
        return codes.pop()
    if codes:
        return ExitCode.FAILURE
    plans = [*(c.plan for c in report.changes), *(r.plan for r in report.results)]
    wants = any(plan.writes or held(plan) for plan in plans if plan is not None)
    # Keeping or handing over an object is no write, and yet a change of what Git wants.
    wants = wants or any(c.settings or (c.plan and c.plan.changes) for c in report.changes)
    return ExitCode.DIFFERENCES if differences and wants else ExitCode.OK


def _codes(result: SyncResult) -> set[ExitCode]:
    from engine.steps import held

    errors = [*_failures(result), *(o.error for o in result.outcomes if o.error is not None)]
    codes = {error.exit_code for error in errors}
    if result.plan is not None and not result.dry_run and held(result.plan):
        codes.add(RefusedError.exit_code)
    return codes


def _failures(one: SyncResult | Comparison) -> list[PlumbError]:
    from engine.model import Skip

    changes = one.plan.changes if one.plan is not None else ()
    return [*one.errors, *(c.error for c in changes if isinstance(c, Skip) and c.error)]
