"""Small manifests and live objects for the tests of the merge."""

from __future__ import annotations

from typing import Any, TypeAlias

from engine import jsonpatch
from engine.merge import three_way
from tests.triples import SCHEMAS

JSON: TypeAlias = Any
IDENTITY = {"name": "it", "namespace": "ns", "uid": "u-1", "resourceVersion": "7"}
NONE: JSON = {}


def obj(api_version: str, kind: str, fields: JSON) -> JSON:
    metadata = fields.get("metadata", {})
    return {"apiVersion": api_version, "kind": kind, **fields, "metadata": metadata}


def as_live(body: JSON) -> JSON:
    return {**body, "metadata": {**body["metadata"], **IDENTITY}}


def pod(container: JSON | None = None, **spec: JSON) -> JSON:
    containers = [] if container is None else [{"name": "c", **container}]
    spec = {**({"containers": containers} if containers else {}), **spec}
    return obj("apps/v1", "Deployment", {"spec": {"template": {"spec": spec}}})


def env(*pairs: str) -> JSON:
    return {"env": [{"name": p[0], "value": p[1:]} for p in pairs]}


def deployment(**spec: JSON) -> JSON:
    return obj("apps/v1", "Deployment", {"spec": spec})


def service(**spec: JSON) -> JSON:
    return obj("v1", "Service", {"spec": spec})


def widget(**spec: JSON) -> JSON:
    return obj("example.com/v1", "Widget", {"spec": spec})


def unknown(**spec: JSON) -> JSON:
    return obj("example.com/v1", "Unknown", {"spec": spec})


def meta(**metadata: JSON) -> JSON:
    return obj("v1", "ConfigMap", {"metadata": metadata})


def config(**fields: JSON) -> JSON:
    return obj("v1", "ConfigMap", fields)


UDP53, TCP53 = {"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}


def merged(last: JSON | None, desired: JSON, live: JSON) -> JSON:
    """Return live after the patch, without its identity."""
    operations = three_way(last, desired, live, schemas=SCHEMAS)
    result = jsonpatch.apply(operations, live)
    again = three_way(desired, desired, result, schemas=SCHEMAS)
    assert again == [], "a second pass would write again"
    metadata = {k: v for k, v in result["metadata"].items() if k not in IDENTITY}
    return {**result, "metadata": metadata}
