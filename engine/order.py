"""In which order objects are written, and in which they are deleted.

Belongs here: the rank of a kind, the wave of an object, sorting by both. Waiting between waves is
not here: a rank never blocks, a wave does, and both are carried out by ``apply``.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from engine.errors import ManifestError
from engine.model import JSON, WAVE_ANNOTATION, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.model import Manifest

_WAVE = re.compile(r"[+-]?[0-9]{1,6}", re.ASCII)

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"

# First what others are put into or are made of, then what they read, then what runs, then what
# leads traffic to it, and last what can refuse all of the above.
_RANKED: tuple[tuple[tuple[str, str], ...], ...] = (
    (("", "Namespace"),),
    (("apiextensions.k8s.io", "CustomResourceDefinition"),),
    (
        ("scheduling.k8s.io", "PriorityClass"),
        ("storage.k8s.io", "StorageClass"),
        ("storage.k8s.io", "CSIDriver"),
        ("storage.k8s.io", "VolumeAttributesClass"),
        ("node.k8s.io", "RuntimeClass"),
        ("networking.k8s.io", "IngressClass"),
        ("resource.k8s.io", "DeviceClass"),
        ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
        ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ),
    (("", "ResourceQuota"), ("", "LimitRange"), ("networking.k8s.io", "NetworkPolicy")),
    (("", "ServiceAccount"),),
    ((_RBAC, "ClusterRole"), (_RBAC, "Role")),
    ((_RBAC, "ClusterRoleBinding"), (_RBAC, "RoleBinding")),
    (("", "Secret"), ("", "ConfigMap")),
    (("", "PersistentVolume"),),
    (("", "PersistentVolumeClaim"), ("resource.k8s.io", "ResourceClaimTemplate")),
    # Before the Pods, so that these find the variables of the Service and a budget from the start.
    (("", "Service"), ("policy", "PodDisruptionBudget")),
    (("apps", "DaemonSet"),),
    (("apps", "StatefulSet"),),
    (
        ("apps", "Deployment"),
        ("apps", "ReplicaSet"),
        ("", "ReplicationController"),
        ("", "Pod"),
        ("batch", "Job"),
    ),
    (("batch", "CronJob"), ("autoscaling", "HorizontalPodAutoscaler")),
    # Custom resources and every other kind come after the workloads: their operator may be among
    # those, and in the reverse order it lives until it has handled their finalizers.
    (),
    (("networking.k8s.io", "Ingress"),),
    (("apiregistration.k8s.io", "APIService"),),
    (
        (_ADMISSION, "MutatingWebhookConfiguration"),
        (_ADMISSION, "ValidatingWebhookConfiguration"),
        (_ADMISSION, "MutatingAdmissionPolicy"),
        (_ADMISSION, "ValidatingAdmissionPolicy"),
    ),
    (
        (_ADMISSION, "MutatingAdmissionPolicyBinding"),
        (_ADMISSION, "ValidatingAdmissionPolicyBinding"),
    ),
)
_RANKS = {kind: rank for rank, kinds in enumerate(_RANKED) for kind in kinds}
_OTHER = _RANKED.index(())


def rank(ref: ObjectRef) -> int:
    """Place of the object's kind among all kinds; lower is written earlier and deleted later."""
    return _RANKS.get((ref.group, ref.kind), _OTHER)


def wave_of(body: JSON) -> int:
    """Wave that annotation ``plumb.dev/wave`` names, 0 without one; ManifestError if it is none."""
    annotations = body.get("metadata", {}).get("annotations")
    value = annotations.get(WAVE_ANNOTATION) if isinstance(annotations, dict) else None
    if value is None:
        return 0
    if isinstance(value, str) and _WAVE.fullmatch(value):
        return int(value)
    raise ManifestError(
        "PLB390",
        f"annotation {WAVE_ANNOTATION} is not a wave",
        why="a wave is a whole number of at most six digits, in quotes",
        hint=f'write for example {WAVE_ANNOTATION}: "1"; waves below 0 come first',
    )


def in_order(manifests: Iterable[Manifest]) -> list[list[Manifest]]:
    """Sort the manifests into waves, lowest first; within a wave by rank, then by name.

    Every manifest comes back exactly once and the order of the input does not matter.
    """
    keyed = sorted(
        (((_wave_at(m), rank(m.ref), m.ref, m.origin), m) for m in manifests),
        key=lambda pair: pair[0],
    )
    return [[m for _, m in wave] for _, wave in groupby(keyed, lambda pair: pair[0][0])]


def deletion_key(ref: ObjectRef, wave: int) -> tuple[int, int, ObjectRef]:
    """Sorts deletions: the last wave first, in it the highest rank first, then by name."""
    return (-wave, -rank(ref), ref)


def _wave_at(manifest: Manifest) -> int:
    try:
        return wave_of(manifest.body)
    except ManifestError as error:
        error.where = error.where or str(manifest.origin)
        raise
