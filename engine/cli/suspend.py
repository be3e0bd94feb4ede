"""`plumb suspend`: leave applications alone until they are resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import common, common_options
from engine.cli.resources import resource_options

if TYPE_CHECKING:
    from engine.kube.resources import Resource


@click.command("suspend")
@resource_options
@common_options
def command(**flags: Any) -> int:
    """Leave Applications alone: nothing is compared, written or deleted until plumb resume.

    Sets spec.suspend. Where Git itself keeps the Application and names spec.suspend, Git wins.
    """
    return set_suspended(flags, suspended=True)


def set_suspended(flags: dict[str, Any], *, suspended: bool) -> int:
    """Suspend or resume what was chosen, and say what was done."""
    from engine.cli.output import print_json
    from engine.cli.resources import chosen
    from engine.cli.wiring import Wiring
    from engine.kube import resources
    from engine.report import data

    done: list[Resource] = []
    with Wiring(flags) as wiring:
        for resource in chosen(wiring):
            application, word = resource.application, "suspended" if suspended else "resumed"
            if resource.application.suspend == suspended:
                told = f"{resource.key} is {word if suspended else 'not suspended'} already"
            else:
                resources.suspend(wiring.client(), application, suspended=suspended)
                told = f"{resource.key} {word}"
            if common().output == "text":
                click.echo(told)
            done.append(resources.get(wiring.client(), application.namespace, application.name))
        if common().output == "json":
            print_json(
                data.together([data.application(one.application, one.status) for one in done])
            )
    return 0
