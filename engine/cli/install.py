"""`plumb install`: put Plumb into a cluster, or print what that would put there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import DURATION, common_options, option

if TYPE_CHECKING:
    from engine.install import Scope
    from engine.model import SyncResult


@click.command("install")
@option("--scope", type=click.Choice(["cluster", "namespace"]), default="cluster",
        show_default=True,
        help="Applications of every namespace, or of plumb-system alone.")  # fmt: skip
@option("--image", default="", metavar="REF", help="Plumb's image, where your nodes find it.")
@option("--print", "only_print", is_flag=True, help="Print the manifests; no cluster is needed.")
@option("--dry-run", is_flag=True, help="Show the plan; read requests only.")
@option("--exit-code", is_flag=True, help="With --dry-run: 2 when there are differences.")
@option("--wait", is_flag=True, help="Wait until its replicas are ready.")
@option("--timeout", type=DURATION, default="5m", show_default=True, metavar="TIME",
        help="For all waiting.")  # fmt: skip
@option("--confirm", default="", metavar="TOKEN", help="Carry out the held deletions of this plan.")
@option("--cache-dir", metavar="DIR", hidden=True)
@common_options
def command(**flags: Any) -> int:
    """Put Plumb into the cluster of the current context, or bring what is there up to date.

    What it applies is what kubectl apply -k manifests/overlays/cluster (or namespace) would, as an
    application plumb-system/plumb of its own: installing again writes the difference, and what a
    new version has no more is pruned.
    """
    from engine import install

    found = install.bodies(flags["scope"], image=flags["image"])
    if flags["only_print"]:
        click.echo(install.text(found).decode(), nl=False)
        return 0
    from engine.cli.output import REPORTS, exit_code, print_results, wanted

    wanted(*REPORTS)
    result = _apply(flags["scope"], flags)
    print_results([result], as_plan=flags["dry_run"])
    return int(exit_code([result], differences=flags["dry_run"] and flags["exit_code"]))


def _apply(scope: Scope, flags: dict[str, Any]) -> SyncResult:
    from engine import __version__, install
    from engine.cli.wiring import Wiring
    from engine.reconcile import reconcile
    from engine.render import render
    from engine.run import Desired, Request
    from engine.situation import Options

    bundle = install.Bundle(
        install.text(install.bodies(scope, image=flags["image"])), version=__version__
    )
    application = install.application()
    desired = Desired(application, bundle.revision, bundle, render(bundle, ""))
    request = Request(
        options=Options(confirm=flags["confirm"]), dry_run=flags["dry_run"], wait=flags["wait"],
        timeout_s=flags["timeout"],
    )  # fmt: skip
    with Wiring({**flags, "record_namespace": install.NAMESPACE}) as wiring:
        return reconcile(desired, wiring.world(application), request)
