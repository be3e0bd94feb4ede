"""Which kinds the API server serves: their scope, their plural, their versions.

Belongs here: reading discovery documents and CustomResourceDefinitions into lookups. Not here:
asking the server (kube/discovery.py) and the fields of a kind (schema.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from engine.tables import kinds as table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine.model import JSON

VERBS: Final = frozenset(
    {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
)


def api_version(group: str, version: str) -> str:
    """Return what manifests write: "apps/v1", or "v1" for the core group."""
    return f"{group}/{version}" if group else version


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind at one version, and where it is served.

    ``pending`` says that only a CustomResourceDefinition of the same commit defines it so far.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = VERBS
    pending: bool = False

    @property
    def api_version(self) -> str:
        return api_version(self.group, self.version)

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the URL path of the object, of the namespace's list, or of the list of all.

        A namespace given for a cluster-scoped kind is left out, as the server would have it.
        """
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        inside = f"/namespaces/{_segment(namespace)}" if self.namespaced and namespace else ""
        last = f"/{_segment(name)}" if name else ""
        return f"{root}{inside}/{self.plural}{last}"

    def __str__(self) -> str:
        return f"{self.api_version} {self.kind}"


def is_built_in(group: str, kind: str) -> bool:
    """Say whether a bare API server of the release in ``engine.tables.kinds`` serves this kind."""
    return (group, kind) in _BUILT_IN


def _segment(text: str) -> str:
    # RBAC names hold ":" and more; "/" and "%" would lead somewhere else.
    return quote(text, safe=":@!$&'()*+,;=~")


_BUILT_IN = frozenset((group, kind) for group, _, kind, *_ in table.KINDS)


@dataclass(frozen=True, slots=True)
class Kinds:
    """Every kind of one cluster at one moment, immutable.

    ``unknown`` maps each group/version whose kinds could not be had to the reason. A kind that is
    not found there is unknown, not absent (invariant 7).
    """

    unknown: Mapping[str, str] = field(default_factory=dict)
    _exact: Mapping[tuple[str, str], Resource] = field(default_factory=dict)
    _served: Mapping[tuple[str, str], tuple[Resource, ...]] = field(default_factory=dict)

    @classmethod
    def from_discovery(cls, documents: Iterable[JSON]) -> Kinds:
        """Read APIGroupDiscoveryLists (v2 and v2beta1) of /api and /apis."""
        unknown: dict[str, str] = {}
        resources: list[Resource] = []
        for document in documents:
            for group in document.get("items") or ():
                resources += _of_group(group, unknown)
        return cls._of(resources, unknown)

    @classmethod
    def bundled(cls) -> Kinds:
        """Return the built-in kinds of the release in ``engine.tables.kinds``, for offline use."""
        return cls._of(
            (Resource(group, version, kind, plural, namespaced, frozenset(verbs.split()))
             for group, version, kind, plural, namespaced, verbs in table.KINDS),
            {},
        )  # fmt: skip

    @classmethod
    def _of(cls, resources: Iterable[Resource], unknown: Mapping[str, str]) -> Kinds:
        exact: dict[tuple[str, str], Resource] = {}
        served: dict[tuple[str, str], tuple[Resource, ...]] = {}
        for resource in resources:
            key = (resource.api_version, resource.kind)
            if key in exact:  # two plurals of one kind: the first one is the object itself
                continue
            exact[key] = resource
            family = (resource.group, resource.kind)
            served[family] = (*served.get(family, ()), resource)
        return cls(unknown, exact, served)

    def __iter__(self) -> Iterator[Resource]:
        """Every resource, in the server's order: groups by preference, versions too."""
        return iter(self._exact.values())

    def __len__(self) -> int:
        return len(self._exact)

    def resource(self, api_version: str, kind: str) -> Resource | None:
        """Return this very kind and version, or None when discovery does not list it."""
        return self._exact.get((api_version, kind))

    def served(self, group: str, kind: str) -> tuple[Resource, ...]:
        """Every version of the kind, the server's preferred one first."""
        return self._served.get((group, kind), ())

    def preferred(self, group: str, kind: str) -> Resource | None:
        """Return the version of the kind that the server prefers."""
        return next(iter(self.served(group, kind)), None)

    def is_unknown(self, api_version: str) -> bool:
        """Whether this group/version could not be asked, so that absence proves nothing."""
        return api_version in self.unknown

    def suggestions(self, api_version: str, kind: str) -> tuple[str, ...]:
        """Up to three "apiVersion Kind" that may have been meant, the likeliest first."""
        group = api_version.partition("/")[0] if "/" in api_version else ""
        same = [r for r in self if r.kind == kind]
        spelled = [r for r in self if _loosely(kind) in {_loosely(r.kind), _loosely(r.plural)}]
        near = get_close_matches(kind, sorted({r.kind for r in self}), n=3, cutoff=0.8)
        close = sorted((r for r in self if r.kind in near), key=lambda r: near.index(r.kind))
        found = [*same, *spelled, *close]
        ranked = sorted(found, key=lambda r: r.group != group)  # stable: the same group first
        return tuple(dict.fromkeys(str(r) for r in ranked))[:3]

    def with_definitions(self, crds: Iterable[JSON], *, pending: bool = True) -> Kinds:
        """Add what these CustomResourceDefinitions will serve, as pending where it is not yet.

        A definition that is not whole adds nothing: its own refusal tells the user. Not
        ``pending``: as if they had been applied before.
        """
        new = [replace(r, pending=pending) for crd in crds for r in _of_definition(crd)
               if (r.api_version, r.kind) not in self._exact]  # fmt: skip
        return self.with_resources(new)

    def with_resources(self, more: Iterable[Resource]) -> Kinds:
        """Add kinds that are known from elsewhere; what is known already stays."""
        new = tuple(more)
        return self._of((*self, *new), self.unknown) if new else self


def _of_group(group: JSON, unknown: dict[str, str]) -> Iterator[Resource]:
    name = (group.get("metadata") or {}).get("name", "")
    for version in group.get("versions") or ():
        if version.get("freshness", "Current") != "Current":
            gv = api_version(name, version["version"])
            unknown[gv] = version.get("reason") or "the server says that its answer is stale"
        for found in version.get("resources") or ():
            answer = found.get("responseKind") or {}
            if not answer.get("kind"):  # a resource that has subresources only
                continue
            yield Resource(
                group=name,
                version=version["version"],
                kind=answer["kind"],
                plural=found["resource"],
                namespaced=found.get("scope") == "Namespaced",
                verbs=frozenset(found.get("verbs") or ()),
            )


def _of_definition(crd: JSON) -> Iterator[Resource]:
    spec = crd.get("spec")
    names = spec.get("names") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(names, dict):
        return
    group, kind, plural = spec.get("group"), names.get("kind"), names.get("plural")
    if not (isinstance(group, str) and isinstance(kind, str) and isinstance(plural, str)):
        return
    listed = spec.get("versions")
    versions = [v for v in listed if isinstance(v, dict)] if isinstance(listed, list) else []
    served = [str(v["name"]) for v in versions if v.get("served") and v.get("name")]
    template = Resource(group, "", kind, plural, spec.get("scope") == "Namespaced", pending=True)
    for version in sorted(served, key=_priority):
        yield replace(template, version=version)


def _priority(version: str) -> tuple[int, int, int, str]:
    """Sort versions as discovery does: v2, v1, v1beta2, v1beta1, v1alpha1, then others by name."""
    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if not match:
        return (3, 0, 0, version)
    stage = {None: 0, "beta": 1, "alpha": 2}[match[2]]
    return (stage, -int(match[1]), -int(match[3] or 0), version)


def _loosely(word: str) -> str:
    return word.replace("-", "").replace("_", "").lower().removesuffix("s")
