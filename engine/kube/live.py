"""What is in the cluster: every object that a plan asks about is found, proven absent, or unknown.

Requests grow with kinds, namespaces and pages, not with objects. A label only selects; absence is
a GET by name or a whole list without a selector, never a gap in a selected one (invariant 7).
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from engine.errors import ClusterError, NotFoundError, PlumbError
from engine.inventory import owner_of
from engine.kinds import is_built_in
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


class Known(Protocol):
    """What is known without asking, from watches. Each gives None where it knows nothing."""

    def selected(
        self, resource: Resource, namespace: str, refs: Iterable[ObjectRef], *, owner: str
    ) -> Iterable[Live] | None:
        """Return those of ``refs`` and of this owner's objects that carry our label."""
        ...

    def autoscalers(self, resource: Resource, namespace: str) -> Iterable[JSON] | None:
        """Return all HorizontalPodAutoscalers of a namespace."""
        ...


@dataclass(slots=True)
class _Seen:
    """What one group of requests found; merged into the Observation in the end."""

    live: dict[ObjectRef, Live] = field(default_factory=dict)
    absent: set[ObjectRef] = field(default_factory=set)
    unknown: dict[ObjectRef, PlumbError] = field(default_factory=dict)
    strays: dict[ObjectRef, Live] = field(default_factory=dict)
    presumed: set[ObjectRef] = field(default_factory=set)


def observe(  # noqa: PLR0913 - one question, and what bounds it
    client: Client,
    placement: Placement,
    inventory: Inventory | None,
    *,
    kinds: Kinds,
    only: frozenset[ObjectRef] | None = None,
    known: Known | None = None,
    presume: bool = False,
) -> Observation:
    """Return the state of every desired and every recorded object, with read requests only.

    ``only`` limits it to these. What ``known`` has is not asked for. ``presume``: a desired object
    that ``known`` would have if it were ours is taken to be absent, until its creation says more.
    """
    versions = _versions(placement, inventory)
    if only is not None:
        versions = {ref: version for ref, version in versions.items() if ref in only}
    wanted, seen = _sort_out(_Definitions(client, kinds), versions)
    owner = inventory.id if inventory and inventory.entries else ""
    if inventory and inventory.doubt:
        owner = inventory.id
    unproven = frozenset(m.ref for m in placement.manifests) if presume else frozenset()
    groups = [(_Group(client, *place, known, unproven), refs) for place, refs in wanted.items()]
    if known is not None:  # little is left to ask, and other runs use the connections
        results = [seen, *(group.read(refs, owner=owner) for group, refs in groups)]
        targets, unread = _autoscaled(client, placement, kinds, only=only, known=known)
    else:
        with ThreadPoolExecutor(client.connections, thread_name_prefix="observe") as pool:
            reading = [pool.submit(group.read, refs, owner=owner) for group, refs in groups]
            scaled = pool.submit(_autoscaled, client, placement, kinds, only=only)
            results = [seen, *(group.result() for group in reading)]
            targets, unread = scaled.result()
    live = {ref: found for result in results for ref, found in result.live.items()}
    hinted = {ref for ref, found in live.items() if ref.namespace in unread and _was_scaled(found)}
    return Observation(
        live=live,
        absent=frozenset(ref for result in results for ref in result.absent),
        unknown={ref: error for result in results for ref, error in result.unknown.items()},
        autoscaled=frozenset(targets | hinted),
        strays={ref: found for result in results for ref, found in result.strays.items()},
        presumed=frozenset(ref for result in results for ref in result.presumed),
    )


def observe_one(client: Client, ref: ObjectRef, resource: Resource) -> Observation:
    """Return the state of a single object as it is now."""
    group = _Group(client, resource, ref.namespace)
    group.get([ref])
    seen = group.seen
    return Observation(live=seen.live, absent=frozenset(seen.absent), unknown=seen.unknown)


def _versions(placement: Placement, inventory: Inventory | None) -> dict[ObjectRef, str]:
    """Return everything to look at, in the version that Git names or that was applied last."""
    versions = {m.ref: m.api_version for m in placement.manifests}
    if placement.namespace is not None:
        versions[placement.namespace.ref] = placement.namespace.api_version
    for ref, entry in (inventory.entries if inventory else {}).items():
        versions.setdefault(ref, entry.version)
    return versions


def _sort_out(
    definitions: _Definitions, versions: Mapping[ObjectRef, str]
) -> tuple[Mapping[tuple[Resource, str], list[ObjectRef]], _Seen]:
    """Return what to ask for by kind and namespace, and what is known without asking."""
    seen, kinds = _Seen(), definitions.kinds
    wanted: dict[tuple[Resource, str], list[ObjectRef]] = defaultdict(list)
    for ref, version in versions.items():
        exact = kinds.resource(version, ref.kind)
        candidates = (exact, *kinds.served(ref.group, ref.kind))
        served = next((r for r in candidates if r is not None and not r.pending), None)
        if served is not None:
            wanted[served, ref.namespace].append(ref)
        elif (error := definitions.doubt(ref, version, is_new=exact is not None)) is not None:
            seen.unknown[ref] = error
        else:
            seen.absent.add(ref)
    return wanted, seen


@dataclass(slots=True)
class _Definitions:
    """What can be said about the objects of a kind that the server does not serve."""

    client: Client
    kinds: Kinds
    _defined: frozenset[tuple[str, str]] | PlumbError | None = None

    def doubt(self, ref: ObjectRef, version: str, *, is_new: bool) -> PlumbError | None:
        """Return why such an object may be there all the same; None: it cannot be.

        ``is_new``: this commit defines the kind. Then only its own group matters; a mistake would
        end in an object that is there already. For what Git has dropped, discovery must be whole.
        """
        groups = {v for v in self.kinds.unknown if not is_new or v.rpartition("/")[0] == ref.group}
        if groups:
            return self._unclear(
                ref, version, "; ".join(f"{v}: {self.kinds.unknown[v]}" for v in sorted(groups))
            )
        if is_built_in(ref.group, ref.kind):
            # No definition could tell; a proxy that cuts discovery short is likelier than a server
            # without it.
            return self._unclear(ref, version, "it is built in, and discovery does not show it")
        if "." not in ref.group:
            return None
        defined = self._listed()
        if isinstance(defined, PlumbError):
            return None if is_new else defined
        if (ref.group, ref.kind) in defined:
            why = "its CustomResourceDefinition is there, and not served"
            return self._unclear(ref, version, why)
        return None

    def _listed(self) -> frozenset[tuple[str, str]] | PlumbError:
        """Return group and kind of every definition there is; asked for at most once."""
        if self._defined is None:
            path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
            try:
                specs = [crd["spec"] for crd in self.client.list(path)]
                self._defined = frozenset((s["group"], s["names"]["kind"]) for s in specs)
            except PlumbError as error:
                self._defined = error
        return self._defined

    @staticmethod
    def _unclear(ref: ObjectRef, version: str, why: str) -> ClusterError:
        return ClusterError(
            "PLB440", f"the server cannot say whether it serves {ref.kind} in {version}", why=why,
            hint="kubectl get apiservices,crds shows what is not available",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Group:
    """The objects of one kind in one namespace ("" for all at cluster scope)."""

    client: Client
    resource: Resource
    namespace: str
    known: Known | None = None
    unproven: frozenset[ObjectRef] = frozenset()
    seen: _Seen = field(default_factory=_Seen)

    def read(self, refs: list[ObjectRef], *, owner: str) -> _Seen:
        """Find these objects; an error makes what it leaves open unknown."""
        missing = refs
        try:
            if owner or self.known is not None:
                is_known = self._selected(refs, owner=owner)
                missing = [ref for ref in refs if ref not in self.seen.live]
                if is_known and self.unproven:
                    self.seen.presumed.update(self.unproven.intersection(missing))
                    self.seen.absent.update(self.seen.presumed)
                    missing = [ref for ref in missing if ref not in self.unproven]
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

    def _selected(self, refs: list[ObjectRef], *, owner: str) -> bool:
        """Find those that carry our label; say whether they were known without asking."""
        found = None
        if self.known is not None:
            found = self.known.selected(self.resource, self.namespace, refs, owner=owner)
        if found is None:
            if owner:
                self._list(refs, owner=owner)
            return False
        wanted = frozenset(refs)
        for live in found:
            if live.ref in wanted:
                self.seen.live[live.ref] = live
            elif owner and owner_of(live) == owner:
                self.seen.strays[live.ref] = live
        return True

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
    client: Client,
    placement: Placement,
    kinds: Kinds,
    *,
    only: frozenset[ObjectRef] | None,
    known: Known | None = None,
) -> tuple[set[ObjectRef], set[str]]:
    """Return the targets of autoscalers, and the namespaces whose autoscalers cannot be read."""
    targets: set[ObjectRef] = set()
    namespaces: set[str] = set()
    if only is not None:  # looked at for their health, which no autoscaler changes
        return targets, namespaces
    for manifest in placement.manifests:
        spec = manifest.body.get("spec")
        if (manifest.ref.group, manifest.ref.kind) == _AUTOSCALER:
            targets.update(_target(manifest.body))
        elif isinstance(spec, dict) and "replicas" in spec:
            namespaces.add(manifest.ref.namespace)
    resource = kinds.preferred(*_AUTOSCALER)
    if resource is None:
        return targets, namespaces
    unread: set[str] = set()
    for namespace in sorted(namespaces):
        try:
            found = known.autoscalers(resource, namespace) if known is not None else None
            for autoscaler in client.list(resource.path(namespace)) if found is None else found:
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
