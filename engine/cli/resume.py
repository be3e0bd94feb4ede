"""`plumb resume`: let the daemon look after suspended applications again."""

from __future__ import annotations

from typing import Any

import click

from engine.cli.options import common_options
from engine.cli.resources import resource_options
from engine.cli.suspend import set_suspended


@click.command("resume")
@resource_options
@common_options
def command(**flags: Any) -> int:
    """Let the daemon look after suspended Applications again; it looks at once."""
    return set_suspended(flags, suspended=False)
