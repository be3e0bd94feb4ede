"""One Application, from a Git commit to the cluster: the whole story on one screen.

What each sentence means is in the module that it names; only here do errors become a result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import PlumbError, unexpected
from engine.kube.gcguard import collector_off
from engine.render import render
from engine.run import Desired, Run
from engine.steps import Done, Wait, Write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.git import Repository
    from engine.model import Application, SyncResult
    from engine.run import Request, World


def fetch(application: Application, repository: Repository) -> Desired:
    """Return what Git wants; raises GitError or ManifestError, and then nothing is touched."""
    revision = repository.fetch(application.source.ref)
    tree = repository.tree(revision)
    with collector_off():
        return Desired(application, revision, tree, render(tree, application.source.path))


def reconcile(
    desired: Desired, world: World, request: Request, *,
    siblings: Sequence[Desired] = (), unread: Sequence[str] = (),
) -> SyncResult:  # fmt: skip
    """Make the cluster as Git wants it, or say what keeps it from being so; never raises.

    ``siblings`` are the other applications of the same commit: what one gives up and another wants
    is handed over, not deleted. ``unread`` names those whose wishes could not be read there.
    """
    run = Run(desired, world, request, siblings, unread)
    try:
        run.begin()
        while not run.is_over:
            run.look_and_plan()
            if request.dry_run:
                break
            match run.next_step():
                case Write() as step:
                    run.write(step)
                case Wait() as step:
                    run.wait(step)
                case Done():
                    break
        try:
            run.wait_for_health()
        finally:
            run.settle()
    except PlumbError as error:
        run.errors.append(error)
    except Exception as error:  # noqa: BLE001 - a bug here must not stop the other applications
        run.errors.append(unexpected(error))
    return run.result()
