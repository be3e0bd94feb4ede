"""The objects of the stories: names, URLs and bodies, known without asking Plumb.

Belongs here: values. Each kind has a field that Git owns, and a place where others add theirs.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import random

JSON: TypeAlias = Any
GROUP = "faults.example.org"


class Ref(NamedTuple):
    """One object of the story's namespace."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    def path(self, namespace: str) -> str:
        """The URL path of the object, or without a name of its collection."""
        kind = KINDS[self.kind]
        return f"{kind.root}/namespaces/{namespace}/{kind.plural}/{self.name}".rstrip("/")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind is called in bodies and in URLs."""

    api_version: str
    plural: str

    @property
    def root(self) -> str:
        return f"/apis/{self.api_version}" if "/" in self.api_version else "/api/v1"


KINDS = {
    "ConfigMap": Kind("v1", "configmaps"),
    "Secret": Kind("v1", "secrets"),
    "Service": Kind("v1", "services"),
    "Deployment": Kind("apps/v1", "deployments"),
    "Widget": Kind(f"{GROUP}/v1", "widgets"),
}
_PLURALS = {kind.plural: name for name, kind in KINDS.items()}

DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"widgets.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets", "singular": "widget",
                  "listKind": "WidgetList"},
        "versions": [{
            "name": "v1", "served": True, "storage": True,
            "schema": {"openAPIV3Schema": {
                "type": "object",
                "properties": {"spec": {"type": "object",
                                        "x-kubernetes-preserve-unknown-fields": True}},
            }},
        }],
    },
}  # fmt: skip


def ref_at(path: str, namespace: str, body: JSON = None) -> Ref | None:
    """Return which object of this namespace a URL path names; for a POST the body names it."""
    head, separator, rest = path.partition(f"/namespaces/{namespace}/")
    plural, _, name = rest.partition("/")
    kind = _PLURALS.get(plural)
    if not separator or kind is None or KINDS[kind].root != head:
        return None
    name = name or ((body or {}).get("metadata") or {}).get("name", "")
    return Ref(kind, name.partition("/")[0])


def manifest(ref: Ref, value: str, *, extra: bool = False) -> JSON:
    """Return what Git says: ``value`` in the owned field, and perhaps one more field."""
    kind = KINDS[ref.kind]
    metadata: JSON = {"name": ref.name}
    if extra:
        metadata["labels"] = {"extra": f"e{value}"}
    head = {"apiVersion": kind.api_version, "kind": ref.kind, "metadata": metadata}
    match ref.kind:
        case "Secret":
            return {**head, "data": {"v": base64.b64encode(value.encode()).decode()}}
        case "Service":
            return {**head, "spec": {"selector": {"v": value}, "ports": [{"port": 80}]}}
        case "Deployment":
            labels = {"app": ref.name}
            main = {"name": "main", "image": f"registry.example/main:{value}"}
            template = {"metadata": {"labels": labels}, "spec": {"containers": [main]}}
            spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
            return {**head, "spec": spec}
        case "Widget":
            return {**head, "spec": {"v": value, "list": [value, "b"]}}
        case _:
            return {**head, "data": {"v": value, f"k{value}": "own"}}


def drift(ref: Ref, value: str) -> JSON:
    """Return a merge patch that changes what Git owns."""
    match ref.kind:
        case "Secret":
            return {"data": {"v": base64.b64encode(value.encode()).decode()}}
        case "Service":
            return {"spec": {"selector": {"v": value}}}
        case "Deployment":
            return {"spec": {"replicas": 3}}
        case "Widget":
            return {"spec": {"v": value}}
        case _:
            return {"data": {"v": value}}


def addition(ref: Ref, name: str, live: JSON) -> JSON:
    """Return a merge patch that adds something of others, called ``name``."""
    match ref.kind:
        case "Secret":
            return {"data": {name: base64.b64encode(b"theirs").decode()}}
        case "Service":
            return {"metadata": {"annotations": {f"others.example/{name}": "theirs"}}}
        case "Deployment":
            there = live["spec"]["template"]["spec"]["containers"]
            sidecar = {"name": name, "image": "registry.example/sidecar:1"}
            return {"spec": {"template": {"spec": {"containers": [*there, sidecar]}}}}
        case "Widget":
            return {"spec": {name: "theirs"}}
        case _:
            return {"data": {name: "theirs"}}


def has_addition(ref: Ref, name: str, live: JSON) -> bool:
    """Whether what others added is there as they added it."""
    wanted = addition(ref, name, {"spec": {"template": {"spec": {"containers": []}}}})
    return contains(live, wanted)


def contains(live: JSON, wanted: JSON) -> bool:
    """Whether everything in ``wanted`` is in ``live``; lists of named things by name."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(
            key in live and contains(live[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], dict) and "name" in wanted[0]:
        there = {item.get("name"): item for item in live or ()}
        return all(contains(there.get(item["name"]), item) for item in wanted)
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], dict):
        return (
            isinstance(live, list) and len(live) == len(wanted) and all(map(contains, live, wanted))
        )
    return bool(live == wanted)


def draw_refs(random: random.Random, count: int) -> list[Ref]:
    """Draw so many different objects."""
    every = [Ref(kind, f"{kind.lower()}-{letter}") for kind in KINDS for letter in "abc"]
    return random.sample(every, count)
