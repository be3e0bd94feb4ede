"""What is known of a kind: from OpenAPI, from the shipped tables, from CRDs."""

from __future__ import annotations

import copy
import pickle
from typing import Any, TypeAlias

import pytest

from engine import schema
from engine.model import ABSENT
from engine.schema import ANY, Node, Schemas, Union
from engine.schema.node import QUANTITY_PATTERN, defaulted, node
from engine.schema.unions import unions_of
from engine.tables import defaults, pointers, schemas
from tests.triples import SCHEMAS, WIDGET

JSON: TypeAlias = Any


def at(api_version: str, kind: str, *path: str, known: Schemas = SCHEMAS) -> Node:
    found = known.of(api_version, kind)
    assert found is not None
    for name in path:
        found = found.items if name == "[]" else found.field(name)
    return found


POD = ("apps/v1", "Deployment", "spec", "template", "spec")
CONTAINER = (*POD, "containers", "[]")


@pytest.mark.parametrize(
    ("place", "keys"),
    [
        ((*CONTAINER, "ports"), ("containerPort", "protocol")),
        (("v1", "Service", "spec", "ports"), ("port", "protocol")),
        ((*POD, "topologySpreadConstraints"), ("topologyKey", "whenUnsatisfiable")),
        ((*POD, "containers"), ("name",)),
        ((*CONTAINER, "volumeMounts"), ("mountPath",)),
        ((*POD, "hostAliases"), ("ip",)),
        (("v1", "ConfigMap", "metadata", "ownerReferences"), ("uid",)),
        ((*POD, "tolerations"), ()),
        ((*CONTAINER, "args"), ()),
    ],
)
def test_lists_have_the_keys_of_server_side_apply(
    place: tuple[str, ...], keys: tuple[str, ...]
) -> None:
    assert at(*place).keys == keys
    assert at(*place, known=schema.bundled()).keys == keys


def test_the_merge_key_of_a_patch_counts_where_no_other_is_said() -> None:
    raw = {"type": "array", "x-kubernetes-patch-strategy": "merge,retainKeys",
           "x-kubernetes-patch-merge-key": "name"}  # fmt: skip
    assert node(raw, dict[str, Any]().__getitem__).keys == ("name",)
    whole = {**raw, "x-kubernetes-list-type": "atomic"}
    assert node(whole, dict[str, Any]().__getitem__).keys == ()
    values = {"type": "array", "x-kubernetes-patch-strategy": "merge"}
    assert node(values, dict[str, Any]().__getitem__).is_set


def test_finalizers_are_a_set_also_in_kinds_nobody_knows() -> None:
    assert at("v1", "ConfigMap", "metadata", "finalizers").is_set
    assert schema.untyped().field("metadata").field("finalizers").is_set
    assert schema.untyped().field("spec") is ANY


@pytest.mark.parametrize(
    ("place", "atomic"),
    [
        (("v1", "Service", "spec", "selector"), True),
        (("apps/v1", "Deployment", "spec", "selector"), True),
        (("v1", "ConfigMap", "data"), False),
        (("v1", "PersistentVolume", "spec", "claimRef"), False),
        (("apps/v1", "ControllerRevision", "data"), True),
        (("example.com/v1", "Widget", "spec", "whole"), True),
        (("example.com/v1", "Widget", "spec", "free"), False),
    ],
)
def test_maps_are_whole_where_the_schema_says_so(place: tuple[str, ...], *, atomic: bool) -> None:
    assert at(*place).is_atomic is atomic


@pytest.mark.parametrize(
    ("place", "shape"),
    [
        ((*CONTAINER, "resources", "limits", "cpu"), "quantity"),
        ((*CONTAINER, "livenessProbe", "httpGet", "port"), "int-or-string"),
        ((*CONTAINER, "env"), "list"),
        (("v1", "ConfigMap", "data"), "map"),
        (("v1", "ConfigMap", "data", "any"), "string"),
        (("v1", "ConfigMap", "immutable"), "boolean"),
        (("apps/v1", "Deployment", "spec"), "object"),
        (("apps/v1", "Deployment", "spec", "replicas"), "integer"),
        (("apps/v1", "Deployment", "nonsense"), "any"),
    ],
)
def test_each_place_knows_what_its_value_is(place: tuple[str, ...], shape: str) -> None:
    assert at(*place).shape == shape


def test_a_custom_quantity_is_told_by_its_pattern() -> None:
    raw = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
    assert node(raw, dict[str, Any]().__getitem__).shape == "int-or-string"
    assert (
        node({**raw, "pattern": QUANTITY_PATTERN}, dict[str, Any]().__getitem__).shape == "quantity"
    )


def test_defaults_come_from_the_schema_and_from_observation() -> None:
    assert at(*CONTAINER, "ports", "[]", "protocol").defaults == ("TCP",)
    assert at(*CONTAINER, "livenessProbe", "periodSeconds").defaults == (10,)
    assert at("example.com/v1", "Widget", "spec", "size").default == 3
    assert at("v1", "Service", "spec", "selector", "any").defaults == ()
    assert at(*CONTAINER, "image").default is ABSENT


@pytest.mark.parametrize(
    ("union", "desired", "excluded"),
    [
        (Union(frozenset("abc")), {"a": 1}, {"b", "c"}),
        (Union(frozenset("abc")), {"a": 1, "b": 2}, {"c"}),
        (Union(frozenset("abc")), {"a": None}, set[str]()),
        (Union(frozenset("abc")), {"z": 1}, set[str]()),
        (Union(frozenset("a"), "type", {"A": "a"}), {"type": "A"}, set[str]()),
        (Union(frozenset("a"), "type", {"A": "a"}), {"type": "B"}, {"a"}),
        (Union(frozenset("a"), "type", {"A": "a"}), {"type": "B", "a": 1}, set[str]()),
        (Union(frozenset("a"), "type", {"A": "a"}), {}, set[str]()),
        (Union(frozenset("a"), "type", {"A": "a"}), {"type": {}}, set[str]()),
    ],
)
def test_a_union_excludes_what_git_does_not_name(
    union: Union, desired: JSON, excluded: set[str]
) -> None:
    assert union.excluded(desired, {}) == excluded


def test_a_discriminator_that_git_drops_is_the_default_again() -> None:
    rolling = Union(frozenset("r"), "type", {"Rolling": "r"}, default="Rolling")
    affine = Union(frozenset("c"), "type", {"ClientIP": "c"}, default="None")
    assert rolling.excluded({}, {"type": "Rolling"}) == set()
    assert affine.excluded({}, {"type": "ClientIP"}) == {"c"}
    assert affine.excluded({}, {"type": None}) == set()
    assert affine.excluded({}, {}) == set()
    assert affine.excluded({"type": "ClientIP"}, {"type": "ClientIP"}) == set()
    assert Union(frozenset("c"), "type", {"C": "c"}).excluded({}, {"type": "C"}) == set()


ANY_OF = [{"required": ["a"]}, {"required": ["b"]}]


@pytest.mark.parametrize(
    ("one_of", "members", "is_required"),
    [
        (ANY_OF, "ab", True),
        ([{"not": {"anyOf": ANY_OF}}, *ANY_OF], "ab", False),
        ([{"not": {"anyOf": ANY_OF[:1]}}, *ANY_OF], "", False),
        ([{"not": {}}, *ANY_OF], "", False),
        ([{"not": None}, *ANY_OF], "", False),
        ([{"not": {"anyOf": ANY_OF}}, {"not": {"anyOf": ANY_OF}}, *ANY_OF], "", False),
        ([{"required": ["a", "b"]}, {"required": ["c"]}], "", False),
        (ANY_OF[:1], "", False),
        ([{}, *ANY_OF], "", False),
        (["odd", *ANY_OF], "ab", True),
        (None, "", False),
    ],
)
def test_a_union_of_a_crd_is_told_by_one_of(
    one_of: JSON, members: str, *, is_required: bool
) -> None:
    found = unions_of("", {"oneOf": one_of})
    assert found == ((Union(frozenset(members), is_required=is_required),) if members else ())


def test_unions_come_from_the_table_and_from_crds() -> None:
    (volume,) = at(*POD, "volumes", "[]").unions
    assert {"emptyDir", "csi", "projected"} <= volume.members
    assert "name" not in volume.members
    (seccomp,) = at(*POD, "securityContext", "seccompProfile").unions
    assert seccomp.values == {"Localhost": "localhostProfile"}
    (custom,) = at("example.com/v1", "Widget", "spec").unions
    assert custom.members == {"one", "other"}
    assert at("v1", "ConfigMap").unions == ()


def test_order_means_something_where_the_table_says_so() -> None:
    assert at(*CONTAINER, "env").is_ordered
    assert at(*POD, "initContainers").is_ordered
    assert not at(*POD, "volumes").is_ordered


# --- many documents ----------------------------------------------------------------------------


def _document(group: str, version: str, kind: str, properties: JSON) -> JSON:
    gvk = {"group": group, "version": version, "kind": kind}
    definition = {"type": "object", "properties": properties,
                  "x-kubernetes-group-version-kind": [gvk]}  # fmt: skip
    return {"components": {"schemas": {f"com.example.{version}.{kind}": definition}}}


def test_openapi_documents_are_read_as_the_server_serves_them() -> None:
    meta = {
        "allOf": [{"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}]
    }
    documents = [
        _document("example.com", "v1", "A", {"metadata": meta}),
        _document("", "v1", "B", {"spec": {"type": "string"}}),
        {"paths": {}},
        {"components": {"schemas": {"Many": {"x-kubernetes-group-version-kind": [{}, {}]}}}},
    ]
    before = copy.deepcopy(documents)
    found = Schemas.from_openapi(documents)
    # ObjectMeta is taken from the shipped tables where a document does not bring it along.
    assert at("example.com/v1", "A", "metadata", "finalizers", known=found).is_set
    assert at("v1", "B", "spec", known=found).shape == "string"
    assert found.of("v1", "A") is None
    assert documents == before


def test_a_reference_to_nothing_allows_anything() -> None:
    known = Schemas.from_openapi(
        [_document("", "v1", "A", {"spec": {"$ref": "#/components/schemas/gone"}})]
    )
    assert at("v1", "A", "spec", known=known).shape == "any"


def test_a_reference_may_stand_behind_other_conditions() -> None:
    raw = {"allOf": [{"maxLength": 3}, True, {"$ref": "#/components/schemas/x"}]}
    assert node(raw, {"x": {"type": "string"}}.__getitem__).shape == "string"
    assert node({"allOf": [{"maxLength": 3}]}, dict[str, Any]().__getitem__).shape == "any"


def test_the_later_of_two_wins() -> None:
    one = Schemas.from_openapi([_document("", "v1", "A", {"spec": {"type": "string"}})])
    other = Schemas.from_openapi([_document("", "v1", "A", {"spec": {"type": "integer"}})])
    assert at("v1", "A", "spec", known=one.merged(other)).shape == "integer"
    assert at("v1", "ConfigMap", known=schema.bundled().merged(one)) is not None


def test_schemas_survive_a_pickle() -> None:
    again = pickle.loads(pickle.dumps(SCHEMAS))  # noqa: S301 - our own
    assert at("example.com/v1", "Widget", "spec", "ports", known=again).keys == ("port", "protocol")


def test_a_crd_defines_every_version_with_a_schema() -> None:
    crd = copy.deepcopy(WIDGET)
    versions = crd["spec"]["versions"]
    versions.append({**versions[0], "name": "v2"})
    versions.append({"name": "v3"})
    known = Schemas({}, {}).with_definitions([crd])
    assert at("example.com/v2", "Widget", "metadata", "labels", known=known).shape == "map"
    assert known.of("example.com/v3", "Widget") is None


@pytest.mark.parametrize("crd", [{}, {"spec": {}}, {"spec": {"group": "a", "names": None}}])
def test_a_broken_crd_defines_nothing(crd: JSON) -> None:
    known = schema.bundled()
    assert known.with_definitions([crd]) is known


def test_an_old_crd_may_keep_what_it_does_not_know() -> None:
    crd = copy.deepcopy(WIDGET)
    crd["spec"]["preserveUnknownFields"] = True
    known = Schemas({}, {}).with_definitions([crd])
    assert at("example.com/v1", "Widget", known=known).keeps_more


def test_embedded_objects_have_metadata() -> None:
    crd = copy.deepcopy(WIDGET)
    inner: JSON = {"type": "object", "x-kubernetes-embedded-resource": True}
    spec = {"type": "object", "properties": {
        "list": {"type": "array", "items": inner},
        "map": {"type": "object", "additionalProperties": inner}}}  # fmt: skip
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = spec
    known = Schemas({}, {}).with_definitions([crd])
    place = ("example.com/v1", "Widget", "spec")
    assert at(*place, "list", "[]", "metadata", "labels", known=known).shape == "map"
    assert at(*place, "map", "x", "kind", known=known).shape == "string"


def test_the_tables_are_of_one_server() -> None:
    assert schemas.SERVER == pointers.SERVER
    assert ("apps/v1", "Deployment") in schemas.KINDS
    assert set(pointers.POINTERS) <= set(schemas.DEFINITIONS)
    assert set(defaults.DEFAULTS) <= set(schemas.DEFINITIONS)


# --- defaults of custom resources ----------------------------------------------------------------

DEFAULTED: JSON = {"type": "object", "properties": {
    "n": {"type": "integer", "default": 3},
    "nullable": {"type": "string", "nullable": True, "default": "x"},
    "bare": {"type": "string"},
    "sure": {"type": "boolean", "default": False},
    "nothing": {"type": "string", "default": ""},
    "inner": {"type": "object", "default": {}, "properties": {
        "a": {"type": "integer", "default": 1}, "b": {"type": "integer"}}},
    "absent": {"type": "object", "properties": {"a": {"type": "integer", "default": 1}}},
    "items": {"type": "array", "items": {"type": "object", "properties": {
        "a": {"type": "integer", "default": 1}, "b": {"type": "integer"}}}},
    "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {
        "a": {"type": "integer", "default": 1}}}},
}}  # fmt: skip
FILLED: JSON = {"n": 3, "nullable": "x", "sure": False, "nothing": "", "inner": {"a": 1}}


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({}, {}),
        ({"n": 5}, {"n": 5}),
        ({"n": None}, {}),
        ({"nullable": None}, {"nullable": None}),
        ({"bare": None}, {"bare": None}),
        ({"sure": True, "nothing": "x"}, {"sure": True, "nothing": "x"}),
        ({"inner": {"b": 2}}, {"inner": {"a": 1, "b": 2}}),
        ({"inner": {"a": 2}}, {"inner": {"a": 2}}),
        ({"absent": {}}, {"absent": {"a": 1}}),
        ({"items": [{}, {"a": 2}, {"b": 3}]}, {"items": [{"a": 1}, {"a": 2}, {"a": 1, "b": 3}]}),
        ({"map": {"k": {}, "l": {"a": 2}}}, {"map": {"k": {"a": 1}, "l": {"a": 2}}}),
        ({"unknown": {"x": None}}, {"unknown": {"x": None}}),
    ],
)  # fmt: skip
def test_a_custom_resource_is_stored_with_its_defaults(given: JSON, stored: JSON) -> None:
    before = copy.deepcopy(given)
    place = node(DEFAULTED, lambda _: {})
    assert defaulted(place, given) == {**FILLED, **stored}
    assert given == before
    assert defaulted(place, [given]) == [given], "a list where an object should be stays"


@pytest.mark.parametrize(
    ("raw", "keys", "is_set"),
    [
        ({}, (), False),
        ({"x-kubernetes-list-type": "atomic"}, (), False),
        ({"x-kubernetes-list-type": "set"}, (), True),
        ({"x-kubernetes-patch-strategy": "merge"}, (), True),
        ({"x-kubernetes-patch-strategy": "retainKeys,merge"}, (), True),
        ({"x-kubernetes-patch-strategy": "replace"}, (), False),
        ({"x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "n"},
         ("n",), False),
        ({"x-kubernetes-patch-merge-key": "n"}, (), False),
        ({"x-kubernetes-list-type": "atomic", "x-kubernetes-patch-strategy": "merge",
          "x-kubernetes-patch-merge-key": "n"}, (), False),
        ({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a", "b"],
          "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "n"},
         ("a", "b"), False),
    ],
)  # fmt: skip
def test_how_the_elements_of_a_list_are_told_apart(
    raw: JSON, keys: tuple[str, ...], is_set: JSON
) -> None:
    found = node({"type": "array", "items": {"type": "string"}, **raw}, lambda _: {})
    assert (found.keys, found.is_set) == (keys, is_set)
