"""Strategies for the three sides of a merge: last applied, desired and live of one object.

Values come from small alphabets, so that the sides often agree and lists share keys.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from hypothesis import strategies as st

from engine.merge.keys import is_keyed
from engine.model import ABSENT
from engine.schema import Schemas, bundled, untyped
from engine.schema.elements import element_name, key_value

if TYPE_CHECKING:
    from engine.schema import Node

# What hypothesis draws with; it exports no name for it.
Draw: TypeAlias = Any
JSON: TypeAlias = Any

KEYS = ("a", "b", "x/y~z", ".é", "")
# Which fields are drawn; all others of a definition would only dilute the examples.
MENU: dict[str, tuple[str, ...]] = {
    "Container": ("args", "env", "image", "livenessProbe", "ports", "resources", "volumeMounts"),
    "ContainerPort": ("hostPort", "name", "protocol", "containerPort"),
    "Deployment": ("spec",),
    "DeploymentSpec": ("paused", "replicas", "selector", "strategy", "template"),
    "DeploymentStrategy": ("rollingUpdate", "type"),
    "EnvVar": ("value", "valueFrom"),
    "EnvVarSource": ("fieldRef", "secretKeyRef"),
    "HTTPGetAction": ("path", "port", "scheme"),
    "NetworkPolicy": ("spec",),
    "NetworkPolicySpec": ("egress", "ingress", "podSelector", "policyTypes"),
    "ObjectMeta": ("annotations", "finalizers", "labels"),
    "PodSpec": ("containers", "initContainers", "nodeSelector", "securityContext", "tolerations",
                "topologySpreadConstraints", "volumes", "hostNetwork"),
    "PodSecurityContext": ("runAsUser", "fsGroup"),
    "PodTemplateSpec": ("metadata", "spec"),
    "Probe": ("exec", "httpGet", "periodSeconds", "timeoutSeconds"),
    "ResourceRequirements": ("limits",),
    "Service": ("spec",),
    "ServiceSpec": ("clusterIP", "ports", "selector", "type"),
    "ServicePort": ("name", "port", "protocol", "targetPort"),
    "Toleration": ("key", "operator", "tolerationSeconds"),
    "TopologySpreadConstraint": ("maxSkew", "topologyKey", "whenUnsatisfiable"),
    "Volume": ("configMap", "emptyDir", "secret"),
    "VolumeMount": ("mountPath", "name", "readOnly"),
}  # fmt: skip
STRINGS = {"protocol": ("TCP", "UDP"), "type": ("RollingUpdate", "Recreate"), "name": KEYS[:3]}

WIDGET: JSON = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "spec": {
        "group": "example.com",
        "names": {"kind": "Widget"},
        "versions": [{
            "name": "v1",
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {
                "type": "object",
                "oneOf": [{"required": ["one"]}, {"required": ["other"]}],
                "properties": {
                    "one": {"type": "string"},
                    "other": {"type": "object", "properties": {"a": {"type": "string"}}},
                    "size": {"type": "integer", "default": 3},
                    "none": {"type": "string", "nullable": True},
                    "empty": {"type": "string", "nullable": True, "default": "x"},
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    "tags": {"type": "array", "x-kubernetes-list-type": "set",
                             "items": {"type": "string"}},
                    "plain": {"type": "array", "items": {"type": "string"}},
                    "whole": {"type": "object", "x-kubernetes-map-type": "atomic",
                              "additionalProperties": {"type": "string"}},
                    "ports": {
                        "type": "array", "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["port", "protocol"],
                        "items": {"type": "object", "required": ["port"], "properties": {
                            "port": {"type": "integer"},
                            "protocol": {"type": "string", "default": "TCP"},
                            "note": {"type": "string"},
                            "inner": {
                                "type": "array", "x-kubernetes-list-type": "map",
                                "x-kubernetes-list-map-keys": ["name"],
                                "items": {"type": "object", "properties": {
                                    "name": {"type": "string"}, "v": {"type": "integer"}}},
                            },
                        }},
                    },
                },
            }}}},
        }],
    },
}  # fmt: skip
SCHEMAS: Schemas = bundled().with_definitions([WIDGET])
KINDS = (
    ("apps/v1", "Deployment"),
    ("v1", "Service"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("example.com/v1", "Widget"),
    ("example.com/v1", "Unknown"),
)


class Triple(NamedTuple):
    """The three sides; ``last`` may be None."""

    last: JSON
    desired: JSON
    live: JSON


def root_of(body: JSON) -> Node:
    """Return the schema of one of KINDS."""
    return SCHEMAS.of(body["apiVersion"], body["kind"]) or untyped()


@functools.cache
def triples(*, kind: tuple[str, str] | None = None) -> st.SearchStrategy[Triple]:
    """Return a strategy for an object as it was applied, as Git has it now, and as it is."""
    if kind is None:
        return st.sampled_from(KINDS).flatmap(lambda one: triples(kind=one))
    return _triples(*kind)


def pairs() -> st.SearchStrategy[tuple[Triple, Triple]]:
    """Return a strategy for two triples of one kind."""
    return st.sampled_from(KINDS).flatmap(
        lambda kind: st.tuples(triples(kind=kind), triples(kind=kind))
    )


@st.composite
def _triples(draw: Draw, api_version: str, kind: str) -> Triple:
    head = {"apiVersion": api_version, "kind": kind}
    node = root_of(head)
    first = {**head, **draw(objects(node, depth=0))}
    desired = {**head, **draw(st.one_of(st.just(first), objects(node, depth=0)))}
    last = draw(st.sampled_from((first, first, desired, None)))
    seed = draw(st.sampled_from((first, desired)))
    body = without_nulls(draw(st.one_of(st.just(seed), objects(node, depth=0))))
    identity = {"name": "it", "namespace": "ns", "uid": "u-1", "resourceVersion": "7"}
    live = {**head, **body, "metadata": {**body.get("metadata", {}), **identity}}
    return Triple(last, desired, live)


def without_nulls(value: JSON) -> JSON:
    """Return a value as a server stores it."""
    if isinstance(value, dict):
        return {key: without_nulls(child) for key, child in value.items() if child is not None}
    if isinstance(value, list):
        return [without_nulls(child) for child in value]
    return value


@functools.cache
def objects(node: Node, *, depth: int) -> st.SearchStrategy[JSON]:
    """Return a strategy for the object at a place of a schema."""
    return _objects(node, depth=depth)


@st.composite
def _objects(draw: Draw, node: Node, *, depth: int) -> JSON:
    definition = node.definition.rpartition(".")[2]
    fields = MENU.get(definition) or node.fields
    names = [name for name in fields if name not in ("apiVersion", "kind", "metadata", "status")]
    if "metadata" in node.fields:
        names.append("metadata")
    if not node.fields:
        names = list(KEYS)
    elif node.keeps_more:
        names += ["spec", "extra"]
    chosen = draw(st.lists(st.sampled_from(sorted(names)), unique=True, max_size=5))
    return {name: draw(values(node.field(name), name, depth=depth + 1)) for name in chosen}


@functools.cache
def values(node: Node, name: str, *, depth: int) -> st.SearchStrategy[JSON]:
    """Return a strategy for the value of a field."""
    match node.shape:
        case "object" | "map":
            found: st.SearchStrategy[JSON] = objects(node, depth=depth)
        case "list":
            found = lists(node, depth=depth)
        case "string":
            found = st.sampled_from(STRINGS.get(name, ("a", "b", "", "& <é>\u2028")))
        case "integer":
            found = st.integers(0, 3)
        case "number":
            found = st.sampled_from((0, 1, 0.5))
        case "boolean":
            found = st.booleans()
        case "quantity":
            found = st.sampled_from(("1", "1000m", 1, 0.5, "500m", "1Gi", "1024Mi"))
        case "int-or-string":
            found = st.sampled_from((80, "80", "http"))
        case _:
            found = free(depth)
    return st.one_of(found, found, found, st.none()) if depth > 1 else found


@functools.cache
def free(depth: int) -> st.SearchStrategy[JSON]:
    """Return a strategy for a value that no schema describes."""
    scalars = st.sampled_from((0, 1, 1.5, True, False, "", "a", "80", 80))
    if depth > 4:
        return scalars
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from(KEYS), st.one_of(inner, st.none()), max_size=3),
        ),
        max_leaves=6,
    )


@functools.cache
def lists(node: Node, *, depth: int) -> st.SearchStrategy[JSON]:
    """Return a strategy for a list; a keyed one has each key once, and none without it."""
    return _lists(node, depth=depth)


@st.composite
def _lists(draw: Draw, node: Node, *, depth: int) -> JSON:
    items = node.items
    if not is_keyed(node):
        one = objects(items, depth=depth) if items.shape == "object" else values(items, "", depth=1)
        return draw(st.lists(one, max_size=3))
    if node.is_set:
        return draw(st.lists(st.sampled_from(("a", "b", "c", "x/y")), unique=True, max_size=3))
    elements = draw(st.lists(objects(items, depth=depth), max_size=3))
    found: dict[str, JSON] = {}
    for element in elements:
        for key in node.keys:
            if element.get(key) is None and items.field(key).default in (ABSENT, "", 0):
                element[key] = draw(values(items.field(key), key, depth=1))
        found.setdefault(repr([key_value(node, element, key) for key in node.keys]), element)
    return list(found.values())


def flat(node: Node, value: JSON, path: str = "") -> dict[str, JSON]:
    """Return every leaf by its path, list elements by their keys; atomic values are leaves.

    An object or a keyed list is a leaf beside its content only where it is empty.
    """
    if isinstance(value, dict) and value and not node.is_atomic:
        found: dict[str, JSON] = {}
        for name, child in value.items():
            found |= flat(node.field(name), child, f"{path}/{name!r}")
        return found
    if isinstance(value, list) and value and is_keyed(node):
        if node.is_set:
            return {f"{path}/[={element}]": element for element in value}
        found = {}
        for element in value:
            found |= flat(node.items, element, f"{path}/{element_name(node, element)}")
        return found
    return {path: value}
