"""Fields that keep the value they were created with: a change means delete and create again.

Read from the validation of k8s.io/kubernetes and asked of a real server by e2e. Any other refusal
of the server says nothing about immutability.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.jsonpatch import parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.model import JSON, Edit
    from engine.schema.documents import Schemas
    from engine.schema.node import Node

_SELF = re.compile(r"self((?:\.\w+)*)\s*==\s*oldSelf((?:\.\w+)*)")


@dataclass(frozen=True, slots=True)
class Frozen:
    """What of a kind cannot change: ``fields``, but not what lies in ``but``; "*" is any part.

    ``when`` asks the live object whether this holds for it at all.
    """

    fields: tuple[str, ...]
    but: tuple[str, ...] = ()
    when: Callable[[JSON], bool] = lambda live: True  # noqa: ARG005


def _is_immutable(live: JSON) -> bool:
    return live.get("immutable") is True


def _has_cluster_ip(live: JSON) -> bool:
    return (live.get("spec") or {}).get("type") != "ExternalName"


def _is_started(live: JSON) -> bool:
    """Say whether a Job ever ran: a suspended one may still be moved elsewhere."""
    is_suspended = (live.get("spec") or {}).get("suspend") is True
    return not is_suspended or bool((live.get("status") or {}).get("startTime"))


_SELECTOR = (Frozen(("/spec/selector",)),)
_SCHEDULING = (
    "/spec/template/metadata/annotations", "/spec/template/metadata/labels",
    "/spec/template/spec/affinity", "/spec/template/spec/nodeSelector",
    "/spec/template/spec/schedulingGates", "/spec/template/spec/tolerations",
)  # fmt: skip

FROZEN: dict[tuple[str, str], tuple[Frozen, ...]] = {
    ("", "ConfigMap"): (Frozen(("/data", "/binaryData", "/immutable"), when=_is_immutable),),
    ("", "PersistentVolume"): (
        Frozen(
            ("/spec",),
            but=(
                "/spec/accessModes", "/spec/capacity", "/spec/claimRef", "/spec/mountOptions",
                "/spec/nodeAffinity", "/spec/persistentVolumeReclaimPolicy",
                "/spec/storageClassName", "/spec/volumeAttributesClassName",
            ),
        ),
    ),
    ("", "PersistentVolumeClaim"): (
        Frozen(("/spec",), but=("/spec/resources", "/spec/volumeAttributesClassName")),
    ),
    ("", "Pod"): (
        Frozen(
            ("/spec",),
            but=(
                "/spec/activeDeadlineSeconds", "/spec/containers/*/image",
                "/spec/initContainers/*/image", "/spec/schedulingGates",
                "/spec/terminationGracePeriodSeconds", "/spec/tolerations",
            ),
        ),
    ),
    ("", "Secret"): (
        Frozen(("/type",)),
        Frozen(("/data", "/immutable"), when=_is_immutable),
    ),
    ("", "Service"): (Frozen(("/spec/clusterIP", "/spec/clusterIPs"), when=_has_cluster_ip),),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (
        Frozen(("/spec/group", "/spec/scope", "/spec/names/plural")),
    ),
    ("apps", "ControllerRevision"): (Frozen(("/data",)),),
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "ReplicaSet"): _SELECTOR,
    ("apps", "StatefulSet"): (
        Frozen(
            ("/spec",),
            but=(
                "/spec/minReadySeconds", "/spec/ordinals",
                "/spec/persistentVolumeClaimRetentionPolicy", "/spec/replicas",
                "/spec/revisionHistoryLimit", "/spec/template", "/spec/updateStrategy",
            ),
        ),
    ),
    ("batch", "Job"): (
        Frozen((
            "/spec/backoffLimitPerIndex", "/spec/completionMode", "/spec/managedBy",
            "/spec/podFailurePolicy", "/spec/selector", "/spec/successPolicy",
        )),
        Frozen(("/spec/template",), but=_SCHEDULING),
        Frozen(("/spec/template",), when=_is_started),
        Frozen(("/spec/completions",), when=lambda live: not _is_indexed(live)),
    ),
    ("certificates.k8s.io", "CertificateSigningRequest"): (Frozen(("/spec",)),),
    ("discovery.k8s.io", "EndpointSlice"): (Frozen(("/addressType",)),),
    ("networking.k8s.io", "IngressClass"): (Frozen(("/spec/controller",)),),
    ("node.k8s.io", "RuntimeClass"): (Frozen(("/handler",)),),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): (Frozen(("/roleRef",)),),
    ("rbac.authorization.k8s.io", "RoleBinding"): (Frozen(("/roleRef",)),),
    ("resource.k8s.io", "ResourceClaim"): (Frozen(("/spec",)),),
    ("resource.k8s.io", "ResourceClaimTemplate"): (Frozen(("/spec",)),),
    ("scheduling.k8s.io", "PriorityClass"): (Frozen(("/preemptionPolicy", "/value")),),
    ("storage.k8s.io", "CSIDriver"): (
        Frozen(("/spec/attachRequired", "/spec/volumeLifecycleModes")),
    ),
    ("storage.k8s.io", "CSIStorageCapacity"): (Frozen(("/nodeTopology", "/storageClassName")),),
    ("storage.k8s.io", "StorageClass"): (
        Frozen(("/parameters", "/provisioner", "/reclaimPolicy", "/volumeBindingMode")),
    ),
    ("storage.k8s.io", "VolumeAttachment"): (Frozen(("/spec",)),),
    ("storage.k8s.io", "VolumeAttributesClass"): (Frozen(("/driverName", "/parameters")),),
}  # fmt: skip


def replaced_fields(live: JSON, edits: Sequence[Edit], schemas: Schemas) -> tuple[str, ...]:
    """Return the paths of those edits that an object of this kind never takes.

    From the table, and for custom resources from rules of the form ``self == oldSelf``.
    """
    api_version, kind = str(live.get("apiVersion")), str(live.get("kind"))
    frozen = FROZEN.get((api_version.rpartition("/")[0], kind), ())
    root = schemas.of(api_version, kind)
    return tuple(
        edit.path
        for edit in edits
        if any(_covers(one, edit.path) and one.when(live) for one in frozen)
        or (root is not None and _is_ruled(root, live, edit.path))
    )


def _is_indexed(live: JSON) -> bool:
    return bool((live.get("spec") or {}).get("completionMode") == "Indexed")


def _covers(frozen: Frozen, path: str) -> bool:
    steps = parts(path)
    if any(_is_below(steps, parts(field)) for field in frozen.but):
        return False
    return any(_is_below(steps, parts(field)) for field in frozen.fields)


def _is_below(steps: tuple[str, ...], field: tuple[str, ...]) -> bool:
    return len(steps) >= len(field) and all(
        there in ("*", step) for step, there in zip(steps, field, strict=False)
    )


def _is_ruled(root: Node, live: JSON, path: str) -> bool:
    """Say whether a rule on the way compares the old value with the new one.

    Such a rule is asked only where there was a value and there is one still.
    """
    node, value, left = root, live, parts(path)
    while not any(_compares(rule, left) for rule in node.rules):
        if not left:
            return False
        step, left = left[0], left[1:]
        if step.startswith("["):
            # Which element it was plays no part: the list is there, so a value was.
            node = node.items
        else:
            node = node.field(step)
            value = value.get(step) if isinstance(value, dict) else value
    return value is not None


def _compares(rule: JSON, left: tuple[str, ...]) -> bool:
    """Say whether the rule keeps what is at this rest of the path, or what that is a part of."""
    match = _SELF.fullmatch(str(rule.get("rule", "")).strip())
    if match is None or match[1] != match[2]:
        return False
    fields = match[1].split(".")[1:]
    return all(one == other for one, other in zip(fields, left, strict=False))
