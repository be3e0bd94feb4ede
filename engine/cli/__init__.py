"""The command line: parse arguments, wire the parts, choose the exit code.

One file per command, named after it. Commands import pykube, dulwich and the core where they use
them, so that `plumb --help` stays cheap.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from engine.cli.options import common_options
from engine.errors import ExitCode, PlumbError

if TYPE_CHECKING:
    from types import FrameType

# What `plumb --help` shows; the module of that name holds the command.
_COMMANDS = {
    "diff": "Show what a sync would change.",
    "sync": "Make the cluster as Git wants it.",
    "run": "Keep the cluster as Git wants it.",
    "status": "Show how applications are doing.",
    "reconcile": "Have the daemon look now.",
    "suspend": "Have the daemon leave applications alone.",
    "resume": "Have the daemon look after them again.",
    "validate": "Say what is wrong with manifests.",
    "render": "Print the manifests of an application.",
    "delete": "Stop managing an application.",
    "promote": "Write a new image into the configuration repository.",
    "rollback": "Take an application back, by a new commit.",
    "history": "Show who changed what, and what it did in the cluster.",
    "install": "Put Plumb into a cluster.",
    "explain": "Say what an error code means.",
    "version": "Print the version.",
}


class _Commands(click.Group):
    """Loads a command when it is called, not when it is listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(f"engine.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - for the type checker
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name in _COMMANDS:
            return super().resolve_command(ctx, args)
        import difflib

        close = difflib.get_close_matches(name, _COMMANDS, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise click.UsageError(f"There is no command {name!r}.{hint}", ctx)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@common_options
def plumb() -> None:
    """Keep Kubernetes clusters true to Git."""


def main() -> None:
    """Run `plumb`; the process ends with one of engine.errors.ExitCode."""
    signal.signal(signal.SIGTERM, _interrupt)
    # A one-shot makes many objects and drops few: looking for cycles cost 8 % of a sync.
    gc.set_threshold(100_000, 50, 50)
    try:
        arguments = [part for given in sys.argv[1:] for part in _split(given)]
        code = plumb.main(arguments, standalone_mode=False, prog_name="plumb")
    except click.exceptions.Exit as done:
        code = done.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = ExitCode.USAGE
    except PlumbError as error:
        from engine.cli.output import print_error

        print_error(error)
        code = error.exit_code
    except BrokenPipeError:
        # The reader has seen enough; a traceback at exit would only hide it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.FAILURE
    sys.exit(int(code or 0))


def _split(argument: str) -> list[str]:
    """Return ``-n=shop`` in two parts: people know it from kubectl, and click takes "=shop"."""
    name, separator, value = argument.partition("=")
    is_short = len(name) == 2 and name[0] == "-" and name[1].isalpha()
    return [name, value] if separator and is_short else [argument]


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
