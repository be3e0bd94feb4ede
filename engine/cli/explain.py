"""`plumb explain`: say what an error code means and what to do about it."""

from __future__ import annotations

import click

from engine.cli.options import common, common_options
from engine.codes import CODES
from engine.errors import ExitCode, SettingsError


@click.command("explain")
@click.argument("code", required=False)
@common_options
def command(code: str | None) -> int:
    """Say what an error code such as PLB301 means; without one, list them all."""
    if code is None:
        _list()
        return ExitCode.OK
    name = code.upper() if code.upper().startswith("PLB") else f"PLB{code}"
    if name not in CODES:
        raise SettingsError(
            "PLB135", f"there is no code {code}", where="command line",
            hint="plumb explain lists them all",
        )  # fmt: skip
    found = CODES[name]
    if common().output == "json":
        from engine.cli.output import print_json

        print_json({"code": name, **found._asdict()})
    else:
        click.echo(f"{name}: {found.title}\n\n{found.meaning}\n\nWhat to do: {found.remedy}")
    return ExitCode.OK


def _list() -> None:
    if common().output == "json":
        from engine.cli.output import print_json

        print_json([{"code": name, **found._asdict()} for name, found in sorted(CODES.items())])
        return
    for name, found in sorted(CODES.items()):
        click.echo(f"{name}  {found.title}")
