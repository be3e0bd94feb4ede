"""`plumb version`: print the version."""

from __future__ import annotations

import platform

import click

from engine import __version__
from engine.cli.options import common, common_options
from engine.errors import ExitCode


@click.command("version")
@common_options
def command() -> int:
    """Print the version of Plumb and of the Python that runs it."""
    if common().output == "json":
        from engine.cli.output import print_json

        print_json({"version": __version__, "python": platform.python_version()})
    else:
        click.echo(f"plumb {__version__} (Python {platform.python_version()})")
    return ExitCode.OK
