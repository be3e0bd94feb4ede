"""What OpenAPI does not say: fields that exclude one another, follow one another, are filled in.

Taken from the validation and the defaulting of k8s.io/kubernetes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.model import JSON

_CORE = "io.k8s.api.core.v1."
_APPS = "io.k8s.api.apps.v1."
_ADMISSION = "io.k8s.api.admissionregistration.v1."
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."


@dataclass(frozen=True, slots=True)
class Union:
    """Fields of one object of which one at most may be there.

    With a ``discriminator`` the value of that field says which: ``values`` maps it to the member,
    ``default`` is what the server puts there. ``is_required``: the object means nothing without any
    of them.
    """

    members: frozenset[str]
    discriminator: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    is_required: bool = False
    default: str = ""

    def excluded(self, desired: JSON, last: JSON) -> frozenset[str]:
        """Return the members that have to go, given what Git names and what it named before."""
        if self.discriminator:
            chosen = desired.get(self.discriminator)
            if chosen is None and last.get(self.discriminator) is not None:
                chosen = self.default or None
            if not isinstance(chosen, str):
                return frozenset()
            return frozenset(self.members - {self.values.get(chosen)} - desired.keys())
        named = {name for name in self.members & desired.keys() if desired[name] is not None}
        if not named:
            return frozenset()
        return self.members - named


def _one_of(*members: str, is_required: bool = False) -> tuple[Union, ...]:
    return (Union(frozenset(members), is_required=is_required),)


def _by(discriminator: str, *, default: str = "", **values: str) -> tuple[Union, ...]:
    members = frozenset(values.values())
    return (Union(members, discriminator, values, default=default),)


# Every property of a Volume but its name is a source.
ALL_BUT: dict[str, frozenset[str]] = {_CORE + "Volume": frozenset({"name"})}

UNIONS: dict[str, tuple[Union, ...]] = {
    _CORE + "EnvVar": _one_of("value", "valueFrom"),
    _CORE + "EnvVarSource": _one_of(
        "configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef",
        is_required=True,
    ),
    _CORE + "Probe": _one_of("exec", "grpc", "httpGet", "tcpSocket", is_required=True),
    _CORE + "LifecycleHandler": _one_of(
        "exec", "httpGet", "sleep", "tcpSocket", is_required=True
    ),
    _CORE + "PodResourceClaim": _one_of("resourceClaimName", "resourceClaimTemplateName"),
    _CORE + "PersistentVolumeSpec": _one_of(
        "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc",
        "flexVolume", "flocker", "gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local",
        "nfs", "photonPersistentDisk", "portworxVolume", "quobyte", "rbd", "scaleIO", "storageos",
        "vsphereVolume",
    ),
    _CORE + "AppArmorProfile": _by("type", Localhost="localhostProfile"),
    _CORE + "SeccompProfile": _by("type", Localhost="localhostProfile"),
    _CORE + "ServiceSpec": _by(
        "sessionAffinity", default="None", ClientIP="sessionAffinityConfig"
    ),
    _APPS + "DeploymentStrategy": _by(
        "type", default="RollingUpdate", RollingUpdate="rollingUpdate"
    ),
    _APPS + "DaemonSetUpdateStrategy": _by(
        "type", default="RollingUpdate", RollingUpdate="rollingUpdate"
    ),
    _APPS + "StatefulSetUpdateStrategy": _by(
        "type", default="RollingUpdate", RollingUpdate="rollingUpdate"
    ),
    "io.k8s.api.flowcontrol.v1.LimitResponse": _by("type", Queue="queuing"),
    "io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationSpec": _by(
        "type", Exempt="exempt", Limited="limited"
    ),
    "io.k8s.api.networking.v1.IngressBackend": _one_of("resource", "service", is_required=True),
    "io.k8s.api.policy.v1.PodDisruptionBudgetSpec": _one_of("maxUnavailable", "minAvailable"),
    _ADMISSION + "WebhookClientConfig": _one_of("service", "url"),
    _EXTENSIONS + "WebhookClientConfig": _one_of("service", "url"),
    _EXTENSIONS + "CustomResourceConversion": _by("strategy", default="None", Webhook="webhook"),
}  # fmt: skip

# Keyed lists whose order means something: $(VAR) reaches only variables above, init containers run
# one after another, kubectl takes the first container, later CEL variables use earlier ones.
ORDERED: dict[str, frozenset[str]] = {
    _CORE + "Container": frozenset({"env"}),
    _CORE + "EphemeralContainer": frozenset({"env"}),
    _CORE + "PodSpec": frozenset({"containers", "initContainers"}),
    _ADMISSION + "MutatingWebhookConfiguration": frozenset({"webhooks"}),
    _ADMISSION + "MutatingAdmissionPolicySpec": frozenset({"variables"}),
    _ADMISSION + "ValidatingAdmissionPolicySpec": frozenset({"variables"}),
}

# Left empty in Git, these are allocated by the server or filled in by others; "*" is anywhere.
FILLED_IN: dict[str, frozenset[str]] = {
    "*": frozenset({"caBundle"}),
    _CORE + "ContainerPort": frozenset({"hostPort"}),
    _CORE + "PersistentVolumeClaimSpec": frozenset({"volumeName"}),
    _CORE + "PodSpec": frozenset({"nodeName"}),
    _CORE + "ServicePort": frozenset({"nodePort"}),
    _CORE + "ServiceSpec": frozenset({"clusterIP", "healthCheckNodePort"}),
}


# Allocated once: where Git drops such a field, what it was given stays good.
ALLOCATED: dict[str, frozenset[str]] = {
    _CORE + "PersistentVolumeClaimSpec": frozenset({"volumeName"}),
    _CORE + "PodSpec": frozenset({"nodeName"}),
    _CORE + "ServicePort": frozenset({"nodePort"}),
    _CORE + "ServiceSpec": frozenset({"clusterIP", "clusterIPs", "healthCheckNodePort"}),
}

# Observed defaults that depend on other fields, so that to drop one need not bring it back.
CONDITIONAL: dict[str, frozenset[str]] = {
    "io.k8s.api.autoscaling.v2.HPAScalingRules": frozenset({"stabilizationWindowSeconds"}),
    "io.k8s.api.batch.v1.JobSpec": frozenset({"completions", "parallelism"}),
    _CORE + "ImageVolumeSource": frozenset({"pullPolicy"}),
    _CORE + "ServiceSpec": frozenset({"ipFamilyPolicy"}),
}

# Elements that the keys do not tell apart and the server keeps all the same: one port of a
# container on two ports of the node (kubernetes#62366, #86273). By what its elements are.
WIDER_KEYS: dict[str, tuple[str, ...]] = {_CORE + "ContainerPort": ("hostPort", "hostIP")}

# An older name of a field; the server fills in each from the other, and the newer one wins.
ALIASES: dict[str, dict[str, str]] = {
    _CORE + "PodSpec": {"serviceAccount": "serviceAccountName"},
}


def _policy_types(policy: JSON) -> JSON:
    return ["Ingress", "Egress"] if policy.get("egress") else ["Ingress"]


def _pull_policy(container: JSON) -> JSON:
    name, _, digest = str(container.get("image") or "").partition("@")
    tag = name.rpartition("/")[2].partition(":")[2] or ("" if digest else "latest")
    return "Always" if tag == "latest" else "IfNotPresent"


# Worked out from other fields when the object is made, and then left as it is.
DERIVED: dict[str, dict[str, Callable[[JSON], JSON]]] = {
    _CORE + "Container": {"imagePullPolicy": _pull_policy},
    "io.k8s.api.networking.v1.NetworkPolicySpec": {"policyTypes": _policy_types},
}


def is_filled_in(definition: str, name: str) -> bool:
    """Say whether others give an empty field of a built-in kind its value."""
    return name in FILLED_IN["*"] or name in FILLED_IN.get(definition, ())


def unions_of(definition: str, schema: JSON) -> tuple[Union, ...]:
    """Return the unions of one object, from the table and from a CRD's own schema.

    ``x-kubernetes-unions`` is no help: it names Go fields, not values of the discriminator.
    """
    if definition in ALL_BUT:
        return (Union(frozenset(schema.get("properties", ())) - ALL_BUT[definition]),)
    return (*UNIONS.get(definition, ()), *_from_one_of(schema))


def _from_one_of(schema: JSON) -> list[Union]:
    """Return the union that a CRD spells as ``oneOf`` of one required field each.

    A branch more, ``not: {anyOf: ...}`` of the same, allows that there is none of them.
    """
    branches = [branch for branch in schema.get("oneOf") or () if isinstance(branch, dict)]
    named = [_required_in(branch) for branch in branches if "not" not in branch]
    none = [branch["not"] for branch in branches if "not" in branch]
    if len(named) < 2 or any(len(names) != 1 for names in named) or len(none) > 1:
        return []
    members = frozenset(names[0] for names in named)
    for branch in none:
        others = [_required_in(one) for one in (branch or {}).get("anyOf") or ()]
        if {tuple(names) for names in others} != {(name,) for name in members}:
            return []
    return [Union(members, is_required=not none)]


def _required_in(branch: JSON) -> list[str]:
    return branch.get("required") or [] if isinstance(branch, dict) else []
