"""The Application resources that a command is about: by their names, or all of a namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from engine.cli.options import F, option, together
from engine.errors import DeniedError, NotFoundError, RefusedError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.cli.wiring import Wiring
    from engine.kube.client import Client
    from engine.kube.resources import Resource
    from engine.model import Application

_NAMED = (
    click.argument("names", nargs=-1, metavar="[APP]..."),
    option("--all", "everything", is_flag=True, help="All Applications of the namespace."),
)


def resource_options(command: F) -> F:
    """Add what says which Application resources a command is about."""
    return together(_NAMED)(command)


def chosen(wiring: Wiring) -> list[Resource]:
    """Return the Application resources that are named, or all of the namespace.

    Raises SettingsError for one that is not there, and where a cluster has none at all.
    """
    from engine.kube import resources

    names, everything = wiring.flags["names"], wiring.flags["everything"]
    if bool(names) == bool(everything):
        raise SettingsError(
            "PLB131", "no application is named" if not names else "names and --all exclude "
            "each other", where="command line",
            hint="give one or more names, or --all for those of the namespace (-n)",
        )  # fmt: skip
    client, namespace = wiring.client(), wiring.namespace
    if not resources.is_served(client):
        raise not_served()
    if everything:
        return resources.list_all(client, namespace)
    return [_one(client, namespace, name) for name in dict.fromkeys(names)]


_SYNC: Final = (
    "plumb reconcile {name} -n {namespace} has it look now; else plumb suspend it first, or give "
    "--take-over"
)
DELETE: Final = (
    "delete the resource: kubectl delete applications.plumb.dev {name} -n {namespace}, by its "
    "spec.deletionPolicy; else plumb suspend it first, or give --take-over"
)


def refuse_followed(
    wiring: Wiring, applications: Iterable[Application], *, instead: str = _SYNC
) -> None:
    """Raise RefusedError where a daemon looks after one of these, unless --take-over is given.

    ``instead`` says what to do, with {name} and {namespace} in it.
    """
    from engine.kube import resources

    client = wiring.client()
    if wiring.flags["take_over"] or not resources.is_served(client):
        return
    for application in applications:
        name, namespace = application.name, application.namespace
        try:
            resource = resources.get(client, namespace, name)
        except NotFoundError:
            continue
        except DeniedError as error:
            wiring.narrate(
                f"whether a daemon looks after {application} cannot be seen: {error.what}"
            )
            continue
        if not resource.application.suspend:
            raise RefusedError(
                "PLB551", f"a daemon looks after {application}",
                why="there is an Application resource of this name that is not suspended",
                hint=instead.format(name=name, namespace=namespace),
            )  # fmt: skip


def not_served() -> SettingsError:
    """Return the error of a cluster that knows no Application resources."""
    return SettingsError(
        "PLB140", "this cluster has no Application resources", where="command line",
        why="the CustomResourceDefinition applications.plumb.dev is not there",
        hint="install the daemon first; for an application of a file use plumb sync -f FILE",
    )  # fmt: skip


def _one(client: Client, namespace: str, name: str) -> Resource:
    from difflib import get_close_matches

    from engine.kube import resources

    try:
        return resources.get(client, namespace, name)
    except NotFoundError:
        there = [r.application.name for r in resources.list_all(client, namespace)]
        close = get_close_matches(name, there, n=1)
        known = f"there are {', '.join(sorted(there)[:10])}" if there else "there is none at all"
        raise SettingsError(
            "PLB133", f"there is no Application {name}", where=f"namespace {namespace}",
            hint=f"did you mean {close[0]}?" if close else f"{known}; -n names another namespace",
        ) from None  # fmt: skip
