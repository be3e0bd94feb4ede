"""How much hangs on an object that is to be deleted: for people who decide about it.

Read requests only, and as few as tell the number; what cannot be had is said to be unknown.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.errors import PlumbError
from engine.model import Delete, Keep

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.kinds import Kinds, Resource
    from engine.kube.client import Client
    from engine.model import JSON, Change, Live, ObjectRef, Plan

# What every namespace has, and what only mirrors something else.
_OF_NO_WEIGHT = frozenset({("", "Event"), ("events.k8s.io", "Event"), ("", "Endpoints"),
                           ("discovery.k8s.io", "EndpointSlice"), ("coordination.k8s.io", "Lease"),
                           ("apps", "ControllerRevision")})  # fmt: skip
_MADE_BY_THE_CLUSTER = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")})
_NAMED_AT_MOST = 4
_PODS = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet",
                   "ReplicationController", "Job"})  # fmt: skip


@dataclass(slots=True)
class Hanging:
    """Asks once for each object of a run, and remembers the answer."""

    client: Client
    _known: dict[tuple[ObjectRef, str], str] = field(default_factory=dict)

    def told(self, plan: Plan, kinds: Kinds) -> Plan:
        """Return the plan with what hangs on each object that it deletes or holds."""
        changes = tuple(self._told(change, kinds) for change in plan.prune)
        return plan if changes == plan.prune else replace(plan, prune=changes)

    def _told(self, change: Change, kinds: Kinds) -> Change:
        if not isinstance(change, Delete | Keep) or change.live is None:
            return change
        key = (change.ref, change.live.uid)
        if key not in self._known:
            self._known[key] = self._of(change.live, kinds)
        return replace(change, hanging=self._known[key])

    def _of(self, live: Live, kinds: Kinds) -> str:
        match live.ref.group, live.ref.kind:
            case "", "Namespace":
                return self._in_namespace(live.ref.name, kinds)
            case "apiextensions.k8s.io", "CustomResourceDefinition":
                return self._instances(live.body, kinds)
            case "", "PersistentVolumeClaim":
                return self._data(live)
            case "", "PersistentVolume":
                return volume(live.body)
            case _, kind if kind in _PODS:
                return pods(live.body)
            case "batch", "CronJob":
                count = len((live.body.get("status") or {}).get("active") or ())
                return f"{count} running Jobs" if count else ""
            case _:
                return ""

    def _in_namespace(self, name: str, kinds: Kinds) -> str:
        """Count everything in a namespace, by kind; one request for each kind."""
        families = dict.fromkeys((r.group, r.kind) for r in kinds if r.namespaced)
        found = (kinds.preferred(*family) for family in families if family not in _OF_NO_WEIGHT)
        resources = [r for r in found if r and {"list", "delete"} <= r.verbs and not r.pending]
        with ThreadPoolExecutor(self.client.connections, thread_name_prefix="hanging") as pool:
            counts = list(pool.map(lambda r: self._count(r, name), resources))
        there = {r.kind: n for r, n in zip(resources, counts, strict=True) if n}
        unknown = [r.kind for r, n in zip(resources, counts, strict=True) if n is None]
        most = sorted(there.items(), key=lambda item: (-item[1], item[0]))
        named = ", ".join(f"{n} {kind}" for kind, n in most[:_NAMED_AT_MOST])
        more = ", ..." if len(most) > _NAMED_AT_MOST else ""
        told = f"{sum(there.values())} objects in it" + (f" ({named}{more})" if named else "")
        return told + not_counted(unknown)

    def _instances(self, definition: JSON, kinds: Kinds) -> str:
        spec = definition.get("spec") or {}
        group, kind = spec.get("group", ""), (spec.get("names") or {}).get("kind", "")
        resource = kinds.preferred(group, kind)
        count = None if resource is None or resource.pending else self._count(resource, "")
        return f"{count} objects of this kind" if count is not None else not_counted([kind])[2:]

    def _data(self, live: Live) -> str:
        """Tell how much a claim holds, and whether the data goes with it."""
        spec, status = live.body.get("spec") or {}, live.body.get("status") or {}
        size = (status.get("capacity") or {}).get("storage", "")
        name = spec.get("volumeName", "")
        if not name:
            return "no volume yet"
        try:
            found = self.client.get(f"/api/v1/persistentvolumes/{name}", ref=name)
        except PlumbError:
            return f"{size} of data in PersistentVolume {name}; whether it is kept is unknown"
        return f"{size} of data in PersistentVolume {name}, {reclaimed(found)}"

    def _count(self, resource: Resource, namespace: str) -> int | None:
        """Return how many there are; None when that cannot be had."""
        try:
            page = self.client.get(resource.path(namespace), params={"limit": "2"})
            items, metadata = page.get("items") or [], page.get("metadata") or {}
            count = len(items) + int(metadata.get("remainingItemCount") or 0)
        except (PlumbError, ValueError, TypeError, AttributeError):
            return None
        own = sum((resource.kind, _name(item)) in _MADE_BY_THE_CLUSTER for item in items)
        return count - own if namespace else count


def _name(item: JSON) -> str:
    return str((item.get("metadata") or {}).get("name", ""))


def not_counted(kinds: Iterable[str]) -> str:
    """Return the end of a sentence that names the kinds without a number."""
    names = sorted(set(kinds))
    listed = ", ".join(names[:_NAMED_AT_MOST]) + (", ..." if len(names) > _NAMED_AT_MOST else "")
    return f"; {listed} could not be counted" if names else ""


def reclaimed(body: Mapping[str, JSON]) -> str:
    """Say whether the data of a PersistentVolume outlives its claim."""
    policy = (body.get("spec") or {}).get("persistentVolumeReclaimPolicy", "")
    return "which is kept (Retain)" if policy == "Retain" else f"which goes with it ({policy})"


def volume(body: JSON) -> str:
    """Say how large a PersistentVolume is and who uses it."""
    spec = body.get("spec") or {}
    size = (spec.get("capacity") or {}).get("storage", "")
    claim = spec.get("claimRef") or {}
    used = f", used by {claim.get('namespace')}/{claim.get('name')}" if claim else ", not in use"
    return f"{size} of data{used}"


def pods(body: JSON) -> str:
    """Say how many Pods run for a workload."""
    status = body.get("status") or {}
    number = status.get("replicas", status.get("currentNumberScheduled", status.get("active", 0)))
    return f"{number} Pods" if isinstance(number, int) and number else ""
