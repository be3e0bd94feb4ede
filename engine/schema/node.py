"""One place of a schema: what the value there is, how it is merged, what is equal to its absence.

Made from OpenAPI v3 on demand, once per place. Values are compared in engine.normalize.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

from engine.model import ABSENT, JSON
from engine.schema.unions import (
    ALIASES,
    ALLOCATED,
    CONDITIONAL,
    DERIVED,
    ORDERED,
    WIDER_KEYS,
    Union,
    is_filled_in,
    unions_of,
)
from engine.tables.defaults import DEFAULTS
from engine.tables.pointers import POINTERS
from engine.tables.schemas import DEFINITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Lookup = Callable[[str], JSON]

_REF = "#/components/schemas/"
_BUILT_IN = (
    "io.k8s.api.",
    "io.k8s.apimachinery.",
    "io.k8s.kube-aggregator.",
    "io.k8s.apiextensions-apiserver.",
)
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
# What controller-gen writes for a resource.Quantity in a CustomResourceDefinition.
QUANTITY_PATTERN = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]"
    r"|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
# Names of children that are no field: no property of Kubernetes holds a NUL.
_ITEMS, _VALUES = "\0items", "\0values"
_SCALARS = frozenset({"string", "integer", "number", "boolean"})


class Node:
    """A place in a schema. Immutable but for children that are made when they are asked for.

    ``shape``: "object" has named fields, "map" any keys, "list", a scalar's type ("string",
    "integer", "number", "boolean"), "quantity", "int-or-string", or "any".
    """

    __slots__ = (
        "_children", "_lookup", "_raw", "aliases", "default", "defaults", "definition", "derived",
        "drops_zero", "is_allocated", "is_atomic", "is_built_in", "is_bytes", "is_filled_in",
        "is_nullable", "is_ordered", "is_set", "keeps_more", "keys", "required", "shape", "steady",
        "unions",
    )  # fmt: skip

    def __init__(self, raw: JSON, lookup: Lookup, *, definition: str, is_built_in: bool) -> None:
        """Take a schema whose references are resolved; use :func:`node`."""
        self._raw = raw
        self._lookup = lookup
        self._children: dict[str, Node] = {}
        self.definition = definition
        self.is_built_in = is_built_in
        self.shape = _shape(raw, definition)
        self.is_nullable = raw.get("nullable") is True
        self.is_bytes = raw.get("format") == "byte"
        self.is_atomic = _is_atomic(raw, self.shape, is_built_in=is_built_in)
        self.keeps_more = _keeps_more(raw, self.shape)
        self.keys, self.is_set = _list_type(raw) if self.shape == "list" else ((), False)
        self.default: JSON = raw.get("default", ABSENT)
        self.defaults: tuple[JSON, ...] = () if self.default is ABSENT else (self.default,)
        self.required: frozenset[str] = frozenset(raw.get("required", ()))
        self.unions: tuple[Union, ...] = (
            unions_of(definition, raw) if self.shape == "object" else ()
        )
        self.aliases: Mapping[str, str] = ALIASES.get(definition, {})
        self.derived: Mapping[str, Callable[[JSON], JSON]] = DERIVED.get(definition, {})
        # The default that always comes back where the field is left out; ABSENT for none.
        self.steady: JSON = self.default
        # What this is as a field of its parent, which sets them.
        self.is_allocated = False
        self.is_ordered = False
        self.drops_zero = False
        self.is_filled_in = False

    @property
    def fields(self) -> tuple[str, ...]:
        """The names that the schema gives to fields of this object."""
        return tuple(self._raw.get("properties", ()))

    @property
    def rules(self) -> tuple[JSON, ...]:
        """The CEL rules of a CRD at this place."""
        return tuple(self._raw.get("x-kubernetes-validations", ()))

    def has(self, name: str) -> bool:
        """Say whether the schema names this field, or allows any."""
        return name in self._raw.get("properties", ()) or "additionalProperties" in self._raw

    def field(self, name: str) -> Node:
        """Return the node of a field or map value; ANY where the schema says nothing."""
        child = self._children.get(name)
        return child if child is not None else self._make(name)

    @property
    def items(self) -> Node:
        """The node of a list's elements."""
        return self._child(_ITEMS, self._raw.get("items") or {})

    @property
    def wider(self) -> Node | None:
        """The same list with more keys, for elements that the usual ones do not tell apart."""
        more = WIDER_KEYS.get(self.items.definition) if self.keys else None
        if more is None or self.keys[-len(more) :] == more:
            return None
        found = copy.copy(self)
        found.keys = (*self.keys, *more)
        return found

    def _make(self, name: str) -> Node:
        properties = self._raw.get("properties") or {}
        if name in properties:
            child = self._child(name, properties[name])
            child.is_ordered = name in ORDERED.get(self.definition, ())
            child.defaults += DEFAULTS.get(self.definition, {}).get(name, ())
            child.is_allocated = name in ALLOCATED.get(self.definition, ())
            child.steady = _steady(
                child, is_conditional=name in CONDITIONAL.get(self.definition, ())
            )
            child.drops_zero = self.is_built_in and child.is_droppable(name, self.definition)
            child.is_filled_in = child.drops_zero and is_filled_in(self.definition, name)
            return child
        more = self._raw.get("additionalProperties")
        return self._child(_VALUES, _undefaulted(more)) if isinstance(more, dict) else ANY

    def _child(self, name: str, raw: JSON) -> Node:
        child = self._children.get(name)
        if child is None:
            child = node(raw, self._lookup, is_built_in=self.is_built_in)
            self._children[name] = child
        return child

    def is_droppable(self, name: str, definition: str) -> bool:
        """Say whether Go writes nothing for this field's zero: it is no pointer and no struct."""
        if self.shape == "list":
            return True
        if self.shape == "map":
            return "additionalProperties" in self._raw
        if self.shape not in _SCALARS or name in POINTERS.get(definition, ()):
            return False
        # Of a definition that is newer than the tables only strings are likely enough.
        return self.shape == "string" or definition in DEFINITIONS


def node(raw: JSON, lookup: Lookup, *, is_built_in: bool = False) -> Node:
    """Return the node of a schema, following its references; markers nearer to the place win.

    ``is_built_in`` holds for text inside a built-in definition; a reference decides for itself.
    """
    own, definition = raw, ""
    while target := _reference(raw):
        definition, raw = target, lookup(target)
        own = {**raw, **{key: v for key, v in own.items() if key not in ("$ref", "allOf")}}
    if definition:
        is_built_in = definition.startswith(_BUILT_IN)
    return Node(own, lookup, definition=definition, is_built_in=is_built_in)


def _steady(field: Node, *, is_conditional: bool) -> JSON:
    # A struct that Go always writes has {} for a default, beside what is then put into it.
    known = [one for one in field.defaults if one != {}] or list(field.defaults)
    return known[0] if len(known) == 1 and not is_conditional else ABSENT


def defaulted(node: Node, value: JSON) -> JSON:
    """Return the value as the server stores one of a custom resource: with its defaults."""
    if isinstance(value, dict):
        result = {
            name: defaulted(node.field(name), child)
            for name, child in value.items()
            if child is not None or node.field(name).is_nullable or not node.field(name).defaults
        }
        for name in node.fields:
            child = node.field(name)
            if name not in result and child.default is not ABSENT:
                result[name] = defaulted(child, child.default)
        return result
    return [defaulted(node.items, child) for child in value] if isinstance(value, list) else value


def _undefaulted(raw: JSON) -> JSON:
    """Return the schema of a map's values: a default is for a field, and no key comes by itself."""
    return {key: value for key, value in raw.items() if key != "default"}


def _reference(raw: JSON) -> str:
    reference = raw.get("$ref")
    if reference is None:
        for part in raw.get("allOf") or ():
            reference = part.get("$ref") if isinstance(part, dict) else None
            if reference:
                break
    return reference.removeprefix(_REF) if isinstance(reference, str) else ""


def _shape(raw: JSON, definition: str) -> str:
    if definition == _QUANTITY:
        return "quantity"
    if raw.get("format") == "int-or-string" or raw.get("x-kubernetes-int-or-string") is True:
        return "quantity" if raw.get("pattern") == QUANTITY_PATTERN else "int-or-string"
    kind = raw.get("type")
    if kind == "array":
        return "list"
    if kind == "object" or "properties" in raw:
        return "object" if raw.get("properties") else "map"
    return kind if kind in _SCALARS else "any"


def _is_atomic(raw: JSON, shape: str, *, is_built_in: bool) -> bool:
    marker = raw.get("x-kubernetes-map-type")
    if marker is not None:
        return bool(marker == "atomic")
    # Raw JSON inside a built-in kind has no fields to own one by one (RawExtension, JSON).
    is_opaque = shape == "any" or (shape == "map" and "additionalProperties" not in raw)
    return is_built_in and is_opaque


def _keeps_more(raw: JSON, shape: str) -> bool:
    """Say whether fields beyond the named ones are kept rather than unknown."""
    more = raw.get("additionalProperties")
    return (
        raw.get("x-kubernetes-preserve-unknown-fields") is True
        or shape == "any"
        or (more is not None and more is not False)
        or (shape == "map" and more is None and "properties" not in raw)
    )


def _list_type(raw: JSON) -> tuple[tuple[str, ...], bool]:
    """Return the keys of a list's elements, and whether it is a set of values."""
    kind = raw.get("x-kubernetes-list-type")
    if kind == "map":
        return tuple(raw.get("x-kubernetes-list-map-keys") or ()), False
    merges = "merge" in (raw.get("x-kubernetes-patch-strategy") or "").split(",")
    merge_key = raw.get("x-kubernetes-patch-merge-key")
    if kind is None and merges and merge_key:
        return (merge_key,), False
    return (), kind == "set" or (kind is None and merges)


ANY: Final = Node({}, lambda name: {}, definition="", is_built_in=False)  # noqa: ARG005
