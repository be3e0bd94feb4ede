"""Fields that keep the value they were created with: a change means delete and create again.

Read from the validation of k8s.io/kubernetes and asked of a real server by e2e. Any other refusal
of the server says nothing about immutability.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import jsonpatch
from engine.jsonpatch import parts
from engine.model import ABSENT, JSON
from engine.schema import cel
from engine.schema.elements import element_name
from engine.schema.node import defaulted

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.model import Edit, Patch
    from engine.schema.documents import Schemas
    from engine.schema.node import Node


@dataclass(frozen=True, slots=True)
class Frozen:
    """What of a kind cannot change: ``fields``, but not what lies in ``but``; "*" is any part.

    ``when`` asks the live object whether this holds for it at all, ``for_edit`` the change itself,
    and ``unless`` every other change of the same patch.
    """

    fields: tuple[str, ...]
    but: tuple[str, ...] = ()
    when: Callable[[JSON], bool] = lambda live: True  # noqa: ARG005
    for_edit: Callable[[Edit], bool] = lambda edit: True  # noqa: ARG005
    unless: Callable[[Edit], bool] = lambda edit: False  # noqa: ARG005


def _is_immutable(live: JSON) -> bool:
    return live.get("immutable") is True


def _has_cluster_ip(live: JSON) -> bool:
    return (live.get("spec") or {}).get("type") != "ExternalName"


def _is_balanced(live: JSON) -> bool:
    return (live.get("spec") or {}).get("type") == "LoadBalancer"


def _is_other_type(edit: Edit) -> bool:
    return edit.path == "/spec/type"


def _is_external(edit: Edit) -> bool:
    """Say whether a Service becomes a name for another host, which has no address."""
    return edit.path == "/spec/type" and edit.after == "ExternalName"


def _starts_otherwise(edit: Edit) -> bool:
    """Say whether the list begins with something else: more may follow the first."""
    before, after = edit.before, edit.after
    return bool(before) and isinstance(after, list) and after[:1] != before[:1]


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
    ("", "ResourceQuota"): (Frozen(("/spec/scopes",)),),
    ("", "Service"): (
        Frozen(
            ("/spec/clusterIP", "/spec/clusterIPs"), when=_has_cluster_ip, unless=_is_external
        ),
        Frozen(("/spec/ipFamilies",), when=_has_cluster_ip, for_edit=_starts_otherwise,
               unless=_is_external),
        Frozen(("/spec/loadBalancerClass",), when=_is_balanced, unless=_is_other_type),
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (
        Frozen(("/spec/group", "/spec/scope", "/spec/names/kind", "/spec/names/plural")),
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
    ("networking.k8s.io", "IPAddress"): (Frozen(("/spec",)),),
    ("networking.k8s.io", "IngressClass"): (Frozen(("/spec/controller",)),),
    ("networking.k8s.io", "ServiceCIDR"): (
        Frozen(("/spec/cidrs",), for_edit=_starts_otherwise),
    ),
    ("node.k8s.io", "RuntimeClass"): (Frozen(("/handler",)),),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): (Frozen(("/roleRef",)),),
    ("rbac.authorization.k8s.io", "RoleBinding"): (Frozen(("/roleRef",)),),
    ("resource.k8s.io", "ResourceClaim"): (Frozen(("/spec",)),),
    ("resource.k8s.io", "ResourceClaimTemplate"): (Frozen(("/spec",)),),
    ("resource.k8s.io", "ResourceSlice"): (
        Frozen(("/spec/driver", "/spec/nodeName", "/spec/pool/name")),
    ),
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


def replaced_fields(live: JSON, patch: Patch, schemas: Schemas) -> tuple[str, ...]:
    """Return the paths of those edits that an object of this kind never takes.

    From the table, and for custom resources from rules of their definition that compare a field
    with what it was, where such a rule is broken by this very patch.
    """
    api_version, kind = str(live.get("apiVersion")), str(live.get("kind"))
    frozen = FROZEN.get((api_version.rpartition("/")[0], kind), ())
    root = schemas.of(api_version, kind)
    ruled = _Ruled(root, live, patch) if root is not None and not root.is_built_in else None
    holds = [one for one in frozen if one.when(live) and not any(map(one.unless, patch.edits))]
    return tuple(
        edit.path
        for edit in patch.edits
        if any(_covers(one, edit) and one.for_edit(edit) for one in holds)
        or (ruled is not None and ruled.refuses(edit.path))
    )


def _is_indexed(live: JSON) -> bool:
    return bool((live.get("spec") or {}).get("completionMode") == "Indexed")


def _covers(frozen: Frozen, edit: Edit) -> bool:
    """Say whether the edit is of a frozen field, of a part of it, or of what it is a part of."""
    steps = parts(edit.path)
    if any(_is_below(steps, parts(field)) for field in frozen.but):
        return False
    for field in map(parts, frozen.fields):
        if _is_below(steps, field):
            return True
        if field[: len(steps)] == steps:
            before, after = (_inside(one, field[len(steps) :]) for one in (edit.before, edit.after))
            if before is not ABSENT and before != after:
                return True
    return False


def _inside(value: JSON, field: tuple[str, ...]) -> JSON:
    for name in field:
        value = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
    return value


def _is_below(steps: tuple[str, ...], field: tuple[str, ...]) -> bool:
    return len(steps) >= len(field) and all(
        there in ("*", step) for step, there in zip(steps, field, strict=False)
    )


class _Ruled:
    """What the rules of a custom resource say about one patch."""

    def __init__(self, root: Node, live: JSON, patch: Patch) -> None:
        self._root = root
        self._live = live
        self._patch = patch

    @functools.cached_property
    def _after(self) -> JSON:
        """What the object would be, with the defaults that the server gives it."""
        return defaulted(self._root, jsonpatch.apply(self._patch.operations, self._live))

    def refuses(self, path: str) -> bool:
        """Say whether a rule on the way to this edit compares old with new and is broken."""
        node, left = self._root, parts(path)
        way: list[str] = []
        while True:
            terms = [(rule, term) for rule in node.rules if (term := _transition(rule, left))]
            if terms:
                old, new = (_at(self._root, body, way) for body in (self._live, self._after))
                if any(_is_broken(rule, term, old, new) for rule, term in terms):
                    return True
            if not left or (left[0].startswith("[") and not node.keys):
                return False
            way.append(left[0])
            node = node.items if left[0].startswith("[") else node.field(left[0])
            left = left[1:]


def _transition(rule: JSON, left: tuple[str, ...]) -> cel.Term | None:
    """Return a rule that keeps what is at this rest of the path, or what that is a part of."""
    text = str(rule.get("rule", ""))
    term = cel.parse(text) if "oldSelf" in text else None
    if term is None:
        return None
    is_meant = any(
        all(one == other for one, other in zip(fields, left, strict=False))
        for fields in cel.kept(term)
    )
    return term if is_meant else None


def _is_broken(rule: JSON, term: cel.Term, old: JSON, new: JSON) -> bool:
    """Say whether the server refuses the change by this rule.

    It is asked only where there was a value and there is one still.
    """
    is_optional = rule.get("optionalOldSelf") is True
    if new is ABSENT or new is None or (old is ABSENT and not is_optional) or old is None:
        return False
    return cel.fails(term, {"self": new, "oldSelf": old}, optional=is_optional)


def _at(root: Node, body: JSON, way: list[str]) -> JSON:
    """Return what stands at this path of an object, ABSENT for nothing."""
    node, value = root, body
    for step in way:
        if step.startswith("[") and isinstance(value, list):
            named = (e for e in value if isinstance(e, dict) and element_name(node, e) == step)
            value = next(named, ABSENT)
            node = node.items
        else:
            value = value.get(step, ABSENT) if isinstance(value, dict) else ABSENT
            node = node.field(step)
    return value
