"""Volumes and claims: whether one is bound, and whether waiting for that makes sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.model import Health, HealthStatus

if TYPE_CHECKING:
    from engine.health.status import Status

# Long enough for the volume controller to have named a provisioner where it will name one at once.
_GRACE_S = 3.0

_NODE = "volume.kubernetes.io/selected-node"
_PROVISIONERS = (
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
)


def persistent_volume_claim(status: Status) -> Health:
    phase = status.text("status.phase")
    if phase == "Bound":
        return Health(HealthStatus.HEALTHY, f"bound to {status.text('spec.volumeName')}")
    if phase == "Lost":
        return Health(HealthStatus.DEGRADED, f"lost its volume {status.text('spec.volumeName')}")
    if phase not in ("", "Pending"):
        return Health(HealthStatus.UNKNOWN, f"phase {phase}")
    return _pending(status)


def persistent_volume(status: Status) -> Health:
    phase = status.text("status.phase")
    if phase == "Failed":
        return Health(HealthStatus.DEGRADED, status.text("status.message") or "failed")
    if phase in ("Available", "Bound", "Released"):
        return Health(HealthStatus.HEALTHY, phase.lower())
    return Health(HealthStatus.PROGRESSING, "not available yet")


def _pending(status: Status) -> Health:
    """Tell a claim that somebody works on from one that waits for a Pod and so blocks nothing.

    The class alone knows its binding mode, but the claim shows it: the volume controller writes the
    provisioner on a claim as soon as it may provision, which with WaitForFirstConsumer is when a
    Pod was put on a node. A class that does not exist looks the same; the Pods that need the claim
    then say so.
    """
    if status.text("spec.volumeName"):
        return _progressing(f"waits for volume {status.text('spec.volumeName')}")
    if status.annotation(_NODE):
        return _progressing(f"being provisioned for node {status.annotation(_NODE)}")
    for name in _PROVISIONERS:
        if status.annotation(name):
            return _progressing(f"being provisioned by {status.annotation(name)}")
    storage_class = status.text("spec.storageClassName")
    if not storage_class:
        return _progressing("waits for a matching volume: it names no storage class")
    age_s = status.age_s
    if age_s is not None and age_s < _GRACE_S:
        return _progressing("created a moment ago")
    return Health(
        HealthStatus.HEALTHY, f"pending: storage class {storage_class} waits for a first consumer"
    )


def _progressing(message: str) -> Health:
    return Health(HealthStatus.PROGRESSING, message)
