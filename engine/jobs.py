"""Jobs that ran: what makes an object that is gone be in place all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.health import assess
from engine.model import HealthStatus

if TYPE_CHECKING:
    from engine.inventory import Entry
    from engine.model import JSON, Live, Manifest

_JOB = ("batch", "Job")


def is_complete(live: Live) -> bool:
    """Say whether this is a Job that ran to completion."""
    is_job = (live.ref.group, live.ref.kind) == _JOB
    return is_job and assess(live.body).status is HealthStatus.HEALTHY


def ran_before(manifest: Manifest, entry: Entry | None, body: JSON) -> str:
    """Return why this Job, which is not there, is not to be run (again), or "".

    ``body`` is the manifest as a record would keep it. A Job with a time to live that was made from
    the same manifest has ended, or somebody deleted it: a migration that runs twice is worse than a
    Job that has to be asked for.
    """
    if entry is None:
        return ""
    if entry.done == manifest.digest:
        return "ran to completion and was removed; not run again"
    spec = manifest.body.get("spec")
    mortal = isinstance(spec, dict) and spec.get("ttlSecondsAfterFinished") is not None
    is_job = (manifest.ref.group, manifest.ref.kind) == _JOB
    if is_job and mortal and entry.uid and entry.pending is None and entry.applied == body:
        return (
            "was made from this manifest and is gone, as Jobs with ttlSecondsAfterFinished are; "
            "nobody saw its result; change the manifest to run it again"
        )
    return ""
