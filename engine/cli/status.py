"""`plumb status`: show how applications are doing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from engine.cli.options import cluster_options, common, common_options, option, source_options
from engine.errors import ClusterError, DeniedError, SettingsError

if TYPE_CHECKING:
    from datetime import datetime

    from engine.cli.wiring import Wiring
    from engine.inventory import Inventory
    from engine.kube.resources import Resource

_WATCH_EVERY_S: Final = 2.0
_PLANNED: dict[str, Any] = {
    "dry_run": True, "prune": None, "wait": False, "timeout": None, "confirm": "",
    "replace": False,
}  # fmt: skip


@click.command("status")
@source_options
@option("-w", "--watch", is_flag=True, help="Keep showing what the daemon says, until Ctrl-C.")
@cluster_options
@common_options
def command(**flags: Any) -> int:
    """Show how applications are doing; read requests only.

    With -f or --url every object is compared with Git and its health is shown. Without, it is told
    what the daemon says of the Application resources of this cluster (of one namespace with -n; in
    full with names), and for what was synced without one: when, and how it went.
    """
    from engine.cli.wiring import Wiring

    if flags["watch"] and (flags["files"] or flags["url"]):
        raise SettingsError(
            "PLB141", "--watch does not go together with -f and --url", where="command line",
            hint="leave out one of them",
        )  # fmt: skip
    with Wiring({**flags, **_PLANNED}) as wiring:
        return _compare(wiring) if flags["files"] or flags["url"] else _list(wiring)


def _compare(wiring: Wiring) -> int:
    from engine.cli import sync
    from engine.cli.output import clock, exit_code, print_error, print_json, use_color
    from engine.report import data
    from engine.report.status import render_status

    results = sync.run(wiring)
    if common().output == "json":
        print_json(data.together([data.result(result) for result in results]))
    else:
        for result in results:
            click.echo(render_status(result, color=use_color(), now=clock()), nl=False)
            for error in result.errors:
                print_error(error)
    return int(exit_code(results))


def _list(wiring: Wiring) -> int:
    """List the Application resources, and the records of what has none."""
    from engine.cli.output import clock

    known = _Known(wiring)
    if wiring.flags["watch"]:
        return _watch(known, wiring)
    found = known.look()
    if not (found.resources or found.records) and common().output != "json":
        namespace = wiring.flags["record_namespace"]
        click.echo(f"no application has been synced yet (looked in {namespace})", err=True)
    click.echo(_rendered(found, wiring, now=clock()), nl=False)
    return 0


def _watch(known: _Known, wiring: Wiring) -> int:
    """Show it anew whenever it changes: in place on a terminal, else one below the other."""
    from engine.cli.output import clock

    is_terminal, shown = sys.stdout.isatty(), None
    while True:
        try:
            # Where nothing is erased, ages would make it another text every time: moments do not.
            again = _rendered(known.look(), wiring, now=clock() if is_terminal else None)
        except ClusterError as error:
            wiring.narrate(f"{error.what}; what is shown is from before")
        else:
            if again != shown:
                click.echo("\x1b[H\x1b[2J\x1b[3J" if is_terminal else "", nl=False)
                click.echo(again, nl=False)
                sys.stdout.flush()
            shown = again
        if wiring.stop.wait(_WATCH_EVERY_S):
            return 0


class _Found(NamedTuple):
    resources: list[Resource]
    records: list[Inventory]


class _Known:
    """Looks at what the cluster says of its applications; what it may not see it says once."""

    def __init__(self, wiring: Wiring) -> None:
        from engine.kube import resources

        self._wiring = wiring
        self._names = set(wiring.flags["names"])
        self._namespace = common().namespace or ""
        self._is_served = resources.is_served(wiring.client())

    def look(self) -> _Found:
        """Read all of it once."""
        resources = self._resources()
        keys = {resource.key for resource in resources}
        return _Found(resources, [r for r in self._records() if r.application not in keys])

    def _resources(self) -> list[Resource]:
        from engine.kube.resources import list_all

        if not self._is_served:
            return []
        client = self._wiring.client()
        try:
            found = list_all(client, self._namespace)
        except DeniedError:
            if self._namespace:
                raise
            self._namespace = self._wiring.namespace
            self._wiring.narrate(f"only the Applications of {self._namespace}: no right to see all")
            found = list_all(client, self._namespace)
        return [r for r in found if not self._names or r.application.name in self._names]

    def _records(self) -> list[Inventory]:
        from engine.kube.claims import records

        namespace = self._wiring.flags["record_namespace"]
        try:
            found = records(self._wiring.client(), namespace=namespace)
        except DeniedError as error:
            if not self._is_served:
                raise
            self._wiring.narrate(f"without what plumb sync applied: {error.what}")
            return []
        return [r for r in found if self._is_asked_for(r.application)]

    def _is_asked_for(self, application: str) -> bool:
        namespace, _, name = application.partition("/")
        if common().namespace and namespace != common().namespace:
            return False
        return not self._names or name in self._names


def _rendered(found: _Found, wiring: Wiring, *, now: datetime | None) -> str | bytes:
    from engine.cli.output import json_bytes, use_color
    from engine.report import data
    from engine.report.applications import render_application, render_applications
    from engine.report.status import render_records

    resources, inventories = found
    if common().output == "json":
        listed = [data.application(one.application, one.status) for one in resources]
        recorded = data.records(inventories)["items"]
        return json_bytes(data.together([*listed, *recorded]))
    color, parts = use_color(), []
    pairs = [(one.application, one.status) for one in resources]
    if wiring.flags["names"]:
        parts += [render_application(*pair, color=color, now=now) for pair in pairs]
    elif pairs:
        parts.append(render_applications(pairs, color=color, now=now))
    if inventories:
        parts.append(render_records(inventories, now=now))
    return "\n".join(parts)
