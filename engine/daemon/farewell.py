"""The end of an Application resource: by its deletionPolicy, its finalizer, or found gone.

What it does with the objects is engine.removal's; here is when, and what is never done: whoever
deletes the definition of Applications does not mean everything that they ever applied.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from engine.daemon.story import Story
from engine.kube import resources
from engine.kube.resources import FINALIZER
from engine.removal import remove
from engine.run import Request
from engine.situation import Options

if TYPE_CHECKING:
    from engine.daemon.cluster import Cluster
    from engine.daemon.story import Teller
    from engine.daemon.tracked import Tracked
    from engine.model import Application, SyncResult

_RETRY_S: Final = 2.0
_RETRY_CAP_S: Final = 60.0
_NOTHING_APPLIED: Final = "PLB541"


@dataclass(frozen=True, slots=True)
class Farewell:
    """Ends applications. Every method returns the seconds until the next try, None: it is done."""

    cluster: Cluster
    teller: Teller

    def prepare(self, application: Application) -> None:
        """Set or take off the finalizer, as the deletionPolicy wants it; may raise PlumbError."""
        if application.origin != "resource":
            return
        has_one = FINALIZER in application.finalizers
        if application.deletion_policy != "orphan" and not has_one:
            resources.add_finalizer(self.cluster.client, application)
        elif application.deletion_policy == "orphan" and has_one:
            resources.remove_finalizer(self.cluster.client, application)

    def leave(self, tracked: Tracked, application: Application) -> float | None:
        """Carry out the deletionPolicy of a resource that is being deleted, then let it go."""
        if FINALIZER not in application.finalizers:
            return None
        policy = application.deletion_policy
        if application.suspend or self.cluster.is_definition_leaving():
            policy = "orphan"
        # Waiting is this method's: it is called again until nothing is left.
        quick = replace(application, deletion_policy="orphan" if policy == "orphan" else "delete")
        result = self._remove(quick)
        if result is not None:
            tracked.failures += 1
            self.teller.tell(tracked, Story(application, result=result, waits_for="its objects"))
            return min(_RETRY_CAP_S, _RETRY_S * 2.0 ** min(tracked.failures - 1, 16))
        resources.remove_finalizer(self.cluster.client, application)
        return None

    def gone(self, tracked: Tracked, application: Application) -> float | None:
        """Take the marks off the objects of a resource that is proven to be gone, without them."""
        if application.origin != "resource" or not self.cluster.is_gone(application):
            return None
        result = self._remove(replace(application, deletion_policy="orphan"))
        if result is None:
            return None
        tracked.failures += 1
        return _RETRY_S * 2.0**tracked.failures if tracked.failures < 5 else None

    def _remove(self, application: Application) -> SyncResult | None:
        """Delete or release everything; return the result where something is left to do."""
        world = self.cluster.world(application)
        options = Options(confirm=application.confirm)
        result = remove(application, world, Request(options=options, may_wait=False))
        left = [error for error in result.errors if error.code != _NOTHING_APPLIED]
        failed = any(outcome.action == "failed" for outcome in result.outcomes)
        return result if left or failed else None
