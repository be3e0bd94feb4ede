"""The schemas of many kinds: from OpenAPI v3 documents, from CRDs, and those that are shipped."""

from __future__ import annotations

import functools
import hashlib
import re
from typing import TYPE_CHECKING, Any

import orjson

from engine.parse.digest import canonical
from engine.schema.form import is_schema
from engine.schema.node import Node, node
from engine.tables import schemas as tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.model import JSON

_GVK = "x-kubernetes-group-version-kind"
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_METADATA = {"allOf": [{"$ref": f"#/components/schemas/{_OBJECT_META}"}]}
_REFERENCE = re.compile(rb'"#/components/schemas/([^"]+)"')
_KEEP_MORE = {"x-kubernetes-preserve-unknown-fields": True}
_TYPE_META = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}


class Schemas:
    """Schemas by apiVersion and kind; only those asked for are worked out."""

    __slots__ = ("_definitions", "_digests", "_kinds", "_nodes")

    def __init__(
        self, kinds: Mapping[tuple[str, str], str], definitions: Mapping[str, JSON]
    ) -> None:
        """Take names of definitions by kind, and the definitions, as JSON or as its text."""
        self._kinds = kinds
        self._definitions = definitions
        self._nodes: dict[tuple[str, str], Node] = {}
        self._digests: dict[tuple[str, str], str] = {}

    @classmethod
    def from_openapi(cls, documents: Iterable[JSON]) -> Schemas:
        """Return the schemas of OpenAPI v3 documents as the API server serves them."""
        kinds: dict[tuple[str, str], str] = {}
        definitions: dict[str, JSON] = {}
        for document in documents:
            found = (document.get("components") or {}).get("schemas") or {}
            definitions.update(found)
            for name, schema in found.items():
                # DeleteOptions and the like carry the kind of every group, and are none.
                gvks: list[JSON] = schema.get(_GVK) or []
                if len(gvks) == 1:
                    kinds[_api_version(gvks[0]), gvks[0]["kind"]] = name
        return cls(kinds, definitions)

    def of(self, api_version: str, kind: str) -> Node | None:
        """Return the schema of a kind, None when it is not known."""
        key = (api_version, kind)
        found = self._nodes.get(key)
        if found is None and key in self._kinds:
            reference = {"$ref": f"#/components/schemas/{self._kinds[key]}"}
            found = self._nodes[key] = node(reference, self._definition)
        return found

    def digest(self, api_version: str, kind: str) -> str:
        """Return what stands for the schema of a kind, "" when it is not known."""
        key = (api_version, kind)
        found = self._digests.get(key)
        if found is None:
            found = self._digests[key] = self._digest(self._kinds.get(key, ""))
        return found

    def _digest(self, name: str) -> str:
        """Return the digest of a definition and of all that it refers to."""
        texts: dict[str, bytes] = {}
        names = [name] if name else []
        while names:
            name = names.pop()
            if name not in texts:
                texts[name] = canonical(self._definition(name))
                names += (found.decode() for found in _REFERENCE.findall(texts[name]))
        state = hashlib.sha256()
        for name in sorted(texts):
            state.update(b"%d %s %s" % (len(texts[name]), name.encode(), texts[name]))
        return state.hexdigest()[:32] if texts else ""

    def merged(self, other: Schemas) -> Schemas:
        """Return both together; where both know a kind or a definition, ``other`` wins."""
        return Schemas({**self._kinds, **other._kinds}, {**self._definitions, **other._definitions})

    def with_definitions(self, crds: Iterable[JSON]) -> Schemas:
        """Return these and what CustomResourceDefinitions of the same commit define."""
        kinds: dict[tuple[str, str], str] = {}
        definitions: dict[str, JSON] = {}
        for crd in crds:
            for name, key, schema in _defined(crd):
                kinds[key], definitions[name] = name, schema
        return self.merged(Schemas(kinds, definitions)) if kinds else self

    def __reduce__(self) -> tuple[Any, ...]:
        return Schemas, (self._kinds, self._definitions)

    def _definition(self, name: str) -> JSON:
        # A document may refer to what it does not bring along; ObjectMeta is the usual one.
        raw = self._definitions.get(name)
        if raw is None:
            raw = tables.DEFINITIONS.get(name, "{}")
        return orjson.loads(raw) if isinstance(raw, str) else raw


@functools.cache
def bundled() -> Schemas:
    """Return the schemas of the built-in kinds that are shipped with Plumb."""
    return Schemas(tables.KINDS, tables.DEFINITIONS)


@functools.cache
def untyped() -> Node:
    """Return the schema of a kind that nobody knows: only its metadata is known."""
    properties = {**_TYPE_META, "metadata": _METADATA}
    raw = {"type": "object", "properties": properties, **_KEEP_MORE}
    return node(raw, bundled()._definition)  # noqa: SLF001 - this module's own class


def _api_version(gvk: JSON) -> str:
    return f"{gvk['group']}/{gvk['version']}" if gvk.get("group") else str(gvk["version"])


def _defined(crd: JSON) -> Iterable[tuple[str, tuple[str, str], JSON]]:
    """Yield (definition, (apiVersion, kind), schema) for each version that has a schema.

    One that is not whole says nothing about its objects: its own refusal tells the user.
    """
    spec = _object(crd.get("spec"))
    group, kind = spec.get("group"), _object(spec.get("names")).get("kind")
    versions = spec.get("versions")
    if not (isinstance(group, str) and isinstance(kind, str) and isinstance(versions, list)):
        return
    for version in map(_object, versions):
        schema = _object(version.get("schema")).get("openAPIV3Schema")
        if schema is None or not is_schema(schema):
            continue
        schema = _said(schema)
        if spec.get("preserveUnknownFields") is True:
            schema = {**schema, **_KEEP_MORE}
        name = ".".join([*reversed(group.split(".")), str(version.get("name")), kind])
        own = dict(_embedded(schema.get("properties") or {}))
        full = {**schema, "properties": {**own, **_TYPE_META, "metadata": _METADATA}}
        yield name, (f"{group}/{version.get('name')}", kind), full


def _object(value: JSON) -> JSON:
    return value if isinstance(value, dict) else {}


def _said(schema: JSON) -> JSON:
    """Return the keywords that say something: null is as good as to leave one out."""
    return {name: value for name, value in schema.items() if value is not None or name == "default"}


def _embedded(properties: JSON) -> Iterable[tuple[str, JSON]]:
    for name, schema in properties.items():
        yield name, _with_meta(schema)


def _with_meta(schema: JSON) -> JSON:
    """Return the schema with the fields that every embedded object has, at every depth."""
    result = _said(schema)
    if isinstance(schema.get("properties"), dict):
        result["properties"] = dict(_embedded(schema["properties"]))
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            result[inner] = _with_meta(schema[inner])
    if schema.get("x-kubernetes-embedded-resource") is True:
        own = result.get("properties") or {}
        result["properties"] = {**own, **_TYPE_META, "metadata": _METADATA}
    return result
