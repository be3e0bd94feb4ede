"""`plumb render`: print the manifests of an application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import common, common_options, option, source_options, together
from engine.cli.revisions import FOLDER
from engine.errors import PlumbError

if TYPE_CHECKING:
    from engine.model import JSON
    from engine.run import Desired


@click.command("render")
@source_options
@together(FOLDER)
@option("--impersonate", is_flag=True, hidden=True)
@common_options
def command(**flags: Any) -> int:
    """Print the manifests of an application as they would be applied, without a cluster.

    Secrets are masked. A namespace is filled in where the kind is known: built in, or defined by
    a CustomResourceDefinition among the manifests.
    """
    from engine.cli.output import exit_code, print_error, print_json
    from engine.cli.wiring import Wiring, unread
    from engine.report.mask import masked_body

    bodies = []
    results = []
    with Wiring(flags) as wiring:
        for application, desired in wiring.desired(wiring.applications()):
            if isinstance(desired, PlumbError):
                print_error(desired)
                results.append(unread(application, desired))
                continue
            for error in desired.astray():
                print_error(error)
                results.append(unread(application, error))
            bodies += [masked_body(body) for body in _placed(desired)]
    if common().output == "json":
        print_json({"apiVersion": "v1", "kind": "List", "items": bodies})
    else:
        from engine.parse import dump

        for body in bodies:
            click.echo("---\n" + dump(body), nl=False)
    return int(exit_code(results))


def _placed(desired: Desired) -> list[JSON]:
    """Return the bodies with their namespaces; a kind that is not known keeps what is written."""
    from engine.kinds import Kinds
    from engine.namespaces import place

    manifests = desired.rendering.manifests
    crds = [m.body for m in manifests if m.ref.kind == "CustomResourceDefinition"]
    placement = place(manifests, desired.application, Kinds.bundled().with_definitions(crds))
    placed = {manifest.origin: manifest.body for manifest in placement.manifests}
    return [placed.get(manifest.origin, manifest.body) for manifest in manifests]
