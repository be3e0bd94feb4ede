"""One small rule per built-in kind, and the table that finds it.

Belongs here: what the status of a kind means once it is known to describe the current spec (the
caller has looked at deletionTimestamp and observedGeneration). Messages carry the numbers that a
person would otherwise fetch with kubectl.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.health import conditions, storage
from engine.health.pods import pod
from engine.health.status import one_line
from engine.model import Health, HealthStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.health.status import Status

_HEALTHY = HealthStatus.HEALTHY
_SUSPENDED = HealthStatus.SUSPENDED
_PROGRESSING = HealthStatus.PROGRESSING
_DEGRADED = HealthStatus.DEGRADED

# Where autoscaling/v1, which has no conditions, carries them.
_HPA_CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"

_NO_STATUS = "its controller has written no status yet"


def deployment(status: Status) -> Health:
    if status.at("spec.paused") is True:
        return Health(_SUSPENDED, "paused: its rollout stands still")
    progressing = status.conditions.get("Progressing")
    if progressing is not None and progressing.reason == "ProgressDeadlineExceeded":
        return Health(_DEGRADED, str(progressing))
    if status.observed_generation is None:
        return Health(_PROGRESSING, _NO_STATUS)
    return _rollout(status)


def _rollout(status: Status) -> Health:
    want = status.number("spec.replicas", 1)
    updated = status.number("status.updatedReplicas")
    total = status.number("status.replicas")
    available = status.number("status.availableReplicas")
    failure = _failure(status)
    if updated < want:
        return Health(_PROGRESSING, f"{updated} of {want} replicas updated{failure}")
    if total > updated:
        return Health(_PROGRESSING, f"{total - updated} replicas too many or old still running")
    if available < want:
        return Health(_PROGRESSING, f"{available} of {want} replicas available{failure}")
    return _running(available, want)


def stateful_set(status: Status) -> Health:
    if status.observed_generation is None:
        return Health(_PROGRESSING, _NO_STATUS)
    want = status.number("spec.replicas", 1)
    total = status.number("status.replicas")
    ready = status.number("status.readyReplicas")
    available = status.number("status.availableReplicas", ready)
    if ready < want:
        return Health(_PROGRESSING, f"{ready} of {want} replicas ready")
    if available < want:
        return Health(_PROGRESSING, f"{available} of {want} replicas available")
    if total > want:
        return Health(_PROGRESSING, f"{total - want} replicas too many still running")
    return _updated_set(status, want) or _running(available, want)


def daemon_set(status: Status) -> Health:
    if status.observed_generation is None or status.at("status.desiredNumberScheduled") is None:
        return Health(_PROGRESSING, _NO_STATUS)
    want = status.number("status.desiredNumberScheduled")
    updated = status.number("status.updatedNumberScheduled")
    available = status.number("status.numberAvailable")
    on_delete = status.text("spec.updateStrategy.type") == "OnDelete"
    if updated < want and not on_delete:
        return Health(_PROGRESSING, f"updated on {updated} of {want} nodes")
    if available < want:
        return Health(_PROGRESSING, f"available on {available} of {want} nodes")
    if updated < want:
        return Health(_HEALTHY, _on_delete(want - updated))
    return Health(_HEALTHY, f"available on {want} of {want} nodes" if want else "no node wants it")


def replica_set(status: Status) -> Health:
    failure = status.conditions.get("ReplicaFailure")
    if failure is not None and failure.is_true:
        return Health(_DEGRADED, str(failure))
    if status.observed_generation is None:
        return Health(_PROGRESSING, _NO_STATUS)
    want = status.number("spec.replicas", 1)
    total = status.number("status.replicas")
    available = status.number("status.availableReplicas")
    if available < want:
        return Health(_PROGRESSING, f"{available} of {want} replicas available")
    if total > want:
        return Health(_PROGRESSING, f"{total - want} replicas too many still running")
    return _running(available, want)


def job(status: Status) -> Health:
    found = status.conditions
    for name in ("Failed", "FailureTarget"):
        if name in found and found[name].is_true:
            return Health(_DEGRADED, str(found[name]))
    if "Complete" in found and found["Complete"].is_true:
        return Health(_HEALTHY, f"complete, {status.number('status.succeeded')} succeeded")
    if status.at("spec.suspend") is True:
        return Health(_SUSPENDED, "suspended")
    if status.at("status.startTime") is None:
        return Health(_PROGRESSING, "not started yet")
    want = status.number("spec.completions", 1)
    succeeded, failed = status.number("status.succeeded"), status.number("status.failed")
    failures = f", {failed} failed" if failed else ""
    active = status.number("status.active")
    return Health(_PROGRESSING, f"{succeeded} of {want} completions, {active} running{failures}")


def cron_job(status: Status) -> Health:
    if status.at("spec.suspend") is True:
        return Health(_SUSPENDED, "suspended")
    running = len(status.items("status.active"))
    if running:
        return Health(_HEALTHY, f"{running} running")
    last, success = status.text("status.lastScheduleTime"), status.text("status.lastSuccessfulTime")
    if not last:
        return Health(_HEALTHY, "waits for its first run")
    # Timestamps of the API server are UTC in one spelling, so they compare as text.
    if success and success < last:
        return Health(_DEGRADED, f"the run of {last} did not succeed; the last that did: {success}")
    return Health(_HEALTHY, f"last run {last}")


def service(status: Status) -> Health:
    if status.text("spec.type") != "LoadBalancer" or status.items("status.loadBalancer.ingress"):
        return Health(_HEALTHY)
    return Health(_PROGRESSING, "no load balancer address yet")


def ingress(status: Status) -> Health:
    # Many controllers never write an address (argo-cd #14607, #28345), so nothing waits for one.
    if status.items("status.loadBalancer.ingress"):
        return Health(_HEALTHY)
    return Health(_HEALTHY, "no address yet; not every controller writes one")


def horizontal_pod_autoscaler(status: Status) -> Health:
    found = status.conditions or status.annotated_conditions(_HPA_CONDITIONS)
    able, active = found.get("AbleToScale"), found.get("ScalingActive")
    if able is not None and able.is_false:
        return Health(_DEGRADED, str(able))
    if active is not None and active.is_false:
        # Missing metrics pass; a selector that is wrong does not.
        verdict = _DEGRADED if active.reason == "InvalidSelector" else _HEALTHY
        return Health(verdict, str(active))
    if able is None:
        return Health(_HEALTHY, "not evaluated yet")
    return Health(_HEALTHY, f"{status.number('status.currentReplicas')} replicas")


def pod_disruption_budget(status: Status) -> Health:
    allowed = status.conditions.get("DisruptionAllowed")
    if allowed is None:
        return Health(_HEALTHY, "not evaluated yet")
    if allowed.is_false and allowed.reason != "InsufficientPods":
        return Health(_DEGRADED, str(allowed))
    healthy, want = status.number("status.currentHealthy"), status.number("status.desiredHealthy")
    return Health(
        _HEALTHY,
        f"{status.number('status.disruptionsAllowed')} disruptions allowed, "
        f"{healthy} of at least {want} pods healthy",
    )


def custom_resource_definition(status: Status) -> Health:
    found = status.conditions
    names, schema = found.get("NamesAccepted"), found.get("NonStructuralSchema")
    if names is not None and names.is_false:
        return Health(_DEGRADED, str(names))
    if schema is not None and schema.is_true:
        return Health(_DEGRADED, str(schema))
    established = found.get("Established")
    if established is not None and established.is_true:
        return Health(_HEALTHY, "established")
    if established is None or not established.is_false or established.reason == "Installing":
        return Health(_PROGRESSING, "not established yet")
    return Health(_DEGRADED, str(established))


def api_service(status: Status) -> Health:
    available = status.conditions.get("Available")
    if available is None:
        return Health(_PROGRESSING, "not looked at yet")
    if available.is_true:
        return Health(_HEALTHY)
    return Health(_PROGRESSING, f"not available: {available}")


def namespace(status: Status) -> Health:
    phase = status.text("status.phase")
    if phase == "Active":
        return Health(_HEALTHY)
    return Health(_PROGRESSING, f"phase {one_line(phase)}" if phase else "no phase yet")


def _running(available: int, want: int) -> Health:
    return Health(
        _HEALTHY, f"{available} of {want} replicas available" if want else "scaled to 0 replicas"
    )


def _failure(status: Status) -> str:
    """Why Pods cannot be created, as a tail for a message; a quota may be freed, so no verdict."""
    failure = status.conditions.get("ReplicaFailure")
    return f"; {failure}" if failure is not None and failure.is_true else ""


def _updated_set(status: Status, want: int) -> Health | None:
    """Say what is left to update once all replicas of a StatefulSet are ready; None: nothing."""
    updated = status.number("status.updatedReplicas")
    current, target = status.text("status.currentRevision"), status.text("status.updateRevision")
    if status.text("spec.updateStrategy.type") == "OnDelete":
        old = want - updated if current != target else 0
        return Health(_HEALTHY, _on_delete(old)) if old > 0 else None
    partition = status.number("spec.updateStrategy.rollingUpdate.partition")
    if partition:
        due = max(want - partition, 0)
        verdict = _PROGRESSING if updated < due else _HEALTHY
        return Health(verdict, f"{updated} of {due} replicas from ordinal {partition} on updated")
    if current != target:
        return Health(_PROGRESSING, f"{updated} of {want} replicas updated")
    return None


def _on_delete(old: int) -> str:
    return f"{old} still run the old template; they change when deleted (OnDelete)"


def application(status: Status) -> Health:
    """Judge one of Plumb's own, below another: its objects are judged by its own look at them."""
    if status.at("spec.suspend") is True:
        return Health(_SUSPENDED, "suspended: nothing is compared or changed until plumb resume")
    if status.observed_generation is None:
        return Health(_PROGRESSING, _NO_STATUS)
    if status.text("status.health") == _DEGRADED:
        ready = status.conditions.get("Ready")
        return Health(_DEGRADED, str(ready) if ready else "its objects are degraded")
    return conditions.standard(status)


RULES: dict[tuple[str, str], Callable[[Status], Health]] = {
    ("", "Namespace"): namespace,
    ("", "PersistentVolume"): storage.persistent_volume,
    ("", "PersistentVolumeClaim"): storage.persistent_volume_claim,
    ("", "Pod"): pod,
    ("", "ReplicationController"): replica_set,
    ("", "Service"): service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): custom_resource_definition,
    ("apiregistration.k8s.io", "APIService"): api_service,
    ("apps", "DaemonSet"): daemon_set,
    ("apps", "Deployment"): deployment,
    ("apps", "ReplicaSet"): replica_set,
    ("apps", "StatefulSet"): stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): horizontal_pod_autoscaler,
    ("batch", "CronJob"): cron_job,
    ("batch", "Job"): job,
    ("networking.k8s.io", "Ingress"): ingress,
    ("plumb.dev", "Application"): application,
    ("policy", "PodDisruptionBudget"): pod_disruption_budget,
}
