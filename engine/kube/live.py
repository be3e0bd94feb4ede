"""What is in the cluster: every object that a plan asks about is found, proven absent, or unknown.

Requests grow with kinds, namespaces and pages, not with objects. A label only selects; absence is
a GET by name or a whole list without a selector, never a gap in a selected one (invariant 7).
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import ClusterError, NotFoundError, PlumbError
from engine.inventory import owner_of
from engine.model import JSON, OWNER_LABEL, Live, ObjectRef
from engine.situation import Observation, scale_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.inventory import Inventory
    from engine.kinds import Kinds, Resource
    from engine.kube.client import Client
    from engine.namespaces import Placement

# Up to this many objects are asked for one by one; more are cheaper in one list.
_FEW = 4
_AUTOSCALER = ("autoscaling", "HorizontalPodAutoscaler")


@dataclass(slots=True)
class _Seen:
    """What one group of requests found; merged into the Observation in the end."""

    live: dict[ObjectRef, Live] = field(default_factory=dict)
    absent: set[ObjectRef] = field(default_factory=set)
    unknown: dict[ObjectRef, PlumbError] = field(default_factory=dict)
    strays: dict[ObjectRef, Live] = field(default_factory=dict)


def observe(
    client: Client,
    placement: Placement,
    inventory: Inventory | None,
    *,
    kinds: Kinds,
    only: frozenset[ObjectRef] | None = None,
) -> Observation:
    """Return the state of every desired and every recorded object, with read requests only.

    ``only`` limits it to these.
    """
    wanted, seen = _sort_out(client, placement, inventory=inventory, kinds=kinds)
    if only is not None:
        wanted = {
            key: mine for key, refs in wanted.items() if (mine := [r for r in refs if r in only])
        }
    owner = inventory.id if inventory and inventory.entries else ""
    if inventory and inventory.doubt:
        owner = inventory.id
    with ThreadPoolExecutor(client.connections, thread_name_prefix="observe") as pool:
        groups = [
            pool.submit(_Group(client, resource, namespace).read, refs, owner=owner)
            for (resource, namespace), refs in wanted.items()
        ]
        scaled = pool.submit(_autoscaled, client, placement, kinds)
        results = [seen, *(group.result() for group in groups)]
        targets, unread = scaled.result()
    live = {ref: found for result in results for ref, found in result.live.items()}
    hinted = {ref for ref, found in live.items() if ref.namespace in unread and _was_scaled(found)}
    return Observation(
        live=live,
        absent=frozenset(ref for result in results for ref in result.absent),
        unknown={ref: error for result in results for ref, error in result.unknown.items()},
        autoscaled=frozenset(targets | hinted),
        strays={ref: found for result in results for ref, found in result.strays.items()},
    )


def observe_one(client: Client, ref: ObjectRef, resource: Resource) -> Observation:
    """Return the state of a single object as it is now."""
    group = _Group(client, resource, ref.namespace)
    group.get([ref])
    seen = group.seen
    return Observation(live=seen.live, absent=frozenset(seen.absent), unknown=seen.unknown)


def _sort_out(
    client: Client, placement: Placement, *, inventory: Inventory | None, kinds: Kinds
) -> tuple[Mapping[tuple[Resource, str], list[ObjectRef]], _Seen]:
    """Return what to ask for by kind and namespace, and what is known without asking."""
    seen = _Seen()
    wanted: dict[tuple[Resource, str], list[ObjectRef]] = defaultdict(list)
    versions = {m.ref: m.api_version for m in placement.manifests}
    if placement.namespace is not None:
        versions[placement.namespace.ref] = placement.namespace.api_version
    for ref, entry in (inventory.entries if inventory else {}).items():
        versions.setdefault(ref, entry.version)
    for ref, version in versions.items():
        resource = kinds.resource(version, ref.kind) or kinds.preferred(ref.group, ref.kind)
        if resource is None or resource.pending:
            _unserved(client, ref, seen, version=version, kinds=kinds)
        else:
            wanted[resource, ref.namespace].append(ref)
    return wanted, seen


def _unserved(client: Client, ref: ObjectRef, seen: _Seen, *, version: str, kinds: Kinds) -> None:
    """Note an object of a kind that is not served: absent only when nothing is in doubt."""
    if not kinds.unknown and not _is_defined(client, ref):
        seen.absent.add(ref)
        return
    seen.unknown[ref] = ClusterError(
        "PLB440", f"the server cannot say whether it serves {ref.kind} in {version}",
        why="; ".join(f"{k}: {v}" for k, v in sorted(kinds.unknown.items()))
        or "its CustomResourceDefinition is there, and not served",
        hint="kubectl get apiservices,crds shows what is not available",
    )  # fmt: skip


def _is_defined(client: Client, ref: ObjectRef) -> bool:
    """Say whether a CustomResourceDefinition of that kind is there, served or not."""
    if "." not in ref.group:
        return False
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    return any(
        crd["spec"]["group"] == ref.group and crd["spec"]["names"]["kind"] == ref.kind
        for crd in client.list(path)
    )


@dataclass(frozen=True, slots=True)
class _Group:
    """The objects of one kind in one namespace ("" for all at cluster scope)."""

    client: Client
    resource: Resource
    namespace: str
    seen: _Seen = field(default_factory=_Seen)

    def read(self, refs: list[ObjectRef], *, owner: str) -> _Seen:
        """Find these objects; an error makes what it leaves open unknown."""
        missing = refs
        try:
            if owner:
                self._list(refs, owner=owner)
                missing = [ref for ref in refs if ref not in self.seen.live]
            if len(missing) > _FEW:
                self._list(missing)
                self.seen.absent.update(ref for ref in missing if ref not in self.seen.live)
                return self.seen
        except PlumbError as error:
            self.seen.unknown.update((r, error) for r in refs if r not in self.seen.live)
            return self.seen
        self.get(missing)
        return self.seen

    def get(self, refs: Iterable[ObjectRef]) -> None:
        for ref in refs:
            try:
                path = self.resource.path(ref.namespace, ref.name)
                self.seen.live[ref] = Live(ref, self.client.get(path, ref=str(ref)))
            except NotFoundError:
                self.seen.absent.add(ref)
            except PlumbError as error:
                self.seen.unknown[ref] = error

    def _list(self, refs: Iterable[ObjectRef], *, owner: str = "") -> None:
        wanted = frozenset(refs)
        params = {"labelSelector": f"{OWNER_LABEL}={owner}"} if owner else None
        group, kind = self.resource.group, self.resource.kind
        for body in self.client.list(self.resource.path(self.namespace), params=params):
            metadata = body["metadata"]
            ref = ObjectRef(group, kind, metadata.get("namespace", ""), metadata["name"])
            if ref in wanted:
                self.seen.live[ref] = Live(ref, body)
            elif owner and owner_of(Live(ref, body)) == owner:
                self.seen.strays[ref] = Live(ref, body)


# --- what autoscalers own --------------------------------------------------------------------


def _autoscaled(
    client: Client, placement: Placement, kinds: Kinds
) -> tuple[set[ObjectRef], set[str]]:
    """Return the targets of autoscalers, and the namespaces whose autoscalers cannot be read."""
    targets: set[ObjectRef] = set()
    namespaces: set[str] = set()
    for manifest in placement.manifests:
        spec = manifest.body.get("spec")
        if (manifest.ref.group, manifest.ref.kind) == _AUTOSCALER:
            targets.update(_target(manifest.body))
        elif isinstance(spec, dict) and "replicas" in spec:
            namespaces.add(manifest.ref.namespace)
    resource = kinds.preferred(*_AUTOSCALER)
    unread: set[str] = set()
    for namespace in sorted(namespaces):
        if resource is None:
            break
        try:
            for autoscaler in client.list(resource.path(namespace)):
                targets.update(_target(autoscaler))
        except PlumbError:
            # Fields own up to it: the scale subresource leaves the autoscaler's manager behind.
            unread.add(namespace)
    return targets, unread


def _target(autoscaler: JSON) -> Iterable[ObjectRef]:
    target = scale_target(autoscaler)
    return () if target is None else (target,)


def _was_scaled(live: Live) -> bool:
    return any(
        entry.get("manager") == "kube-controller-manager" and entry.get("subresource") == "scale"
        for entry in live.body["metadata"].get("managedFields") or ()
    )
