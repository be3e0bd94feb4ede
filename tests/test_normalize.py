"""What means the same to Kubernetes, and what does not."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import normalize
from engine.model import ABSENT
from engine.schema import ANY, bundled
from tests.triples import SCHEMAS

JSON: TypeAlias = Any


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.5", Fraction(1, 2)), ("500m", Fraction(1, 2)), (".5", Fraction(1, 2)), ("5.", 5),
        ("1024Mi", 1024**3), ("1Gi", 1024**3), ("1e3", 1000), ("1E3", 1000), ("1k", 1000),
        ("1E", 10**18), ("1Ei", 1024**6), ("1M", 10**6), ("1u", Fraction(1, 10**6)),
        ("1n", Fraction(1, 10**9)), ("0.1n", Fraction(1, 10**9)), ("-0.1n", Fraction(-1, 10**9)),
        ("+1", 1), ("-1", -1), ("1e-3", Fraction(1, 1000)), ("1e+2", 100), (1, 1), (0.5,
         Fraction(1, 2)),
        (1e16, 10**16), ("100Ei", 2**63 - 1), ("1e9999", 2**63 - 1), ("1e-9999", Fraction(1,
         10**9)),
        ("0", 0),
    ],
)  # fmt: skip
def test_a_quantity_is_a_number(text: JSON, number: Fraction) -> None:
    assert normalize.quantity(text) == number


@pytest.mark.parametrize(
    "text", ["", "1 Gi", "1gi", "x", "1.5.5", "1e", "--1", True, None, [], "."]
)
def test_anything_else_is_no_quantity(text: JSON) -> None:
    assert normalize.quantity(text) is None


@given(st.integers(0, 10**12))
def test_units_agree(number: int) -> None:
    assert normalize.quantity(f"{number}") == normalize.quantity(f"{number * 1000}m")
    assert normalize.quantity(f"{number}Ki") == normalize.quantity(number * 1024)


def _field(api_version: str, kind: str, *path: str) -> Any:
    node: Any = SCHEMAS.of(api_version, kind)
    for name in path:
        node = node.items if name == "[]" else node.field(name)
    return node


CONTAINER = ("apps/v1", "Deployment", "spec", "template", "spec", "containers", "[]")
CPU = (*CONTAINER, "resources", "limits", "cpu")
POLICY = ("networking.k8s.io/v1", "NetworkPolicy", "spec")


@pytest.mark.parametrize(
    ("place", "one", "other", "same"),
    [
        (CPU, "1", 1, True),
        (CPU, "1000m", "1", True),
        (CPU, "1", "2", False),
        (CPU, "odd", "odd", True),
        (CPU, "odd", "1", False),
        ((*CONTAINER, "image"), "1", "1000m", False),
        ((*CONTAINER, "ports", "[]", "containerPort"), 80, 80.0, True),
        ((*CONTAINER, "ports", "[]", "containerPort"), 1, True, False),
        ((*CONTAINER, "tty"), True, True, True),
        ((*CONTAINER, "tty"), True, False, False),
        ((*CONTAINER, "tty"), True, {}, False),
        ((*CONTAINER, "livenessProbe", "httpGet", "port"), 80, "80", False),
        (("v1", "Secret", "data", "k"), "YWFhYWFh", "YWFh\nYWFh\r\n", True),
        (("v1", "Secret", "data", "k"), "YWFh", "YWFi", False),
        (("v1", "Secret", "data", "k"), "!", "YWFi", False),
        (("v1", "Secret", "data", "k"), "é", "YWFi", False),
        (("v1", "ConfigMap", "data", "k"), "YWFhYWFh", "YWFh\nYWFh", False),
        (("example.com/v1", "Widget", "spec", "none"), None, None, True),
        (("example.com/v1", "Widget", "spec", "none"), None, "", False),
        ((*POLICY, "ingress"), [{}], [{}], True),
        ((*POLICY, "ingress"), [{}], [], False),
        ((*POLICY, "ingress"), [{"from": []}], [{}], True),
        ((*POLICY, "ingress"), [{"ports": [{"port": 1}]}], [{"ports": [{"port": 1,
         "protocol": "TCP"}]}], True),
        ((*POLICY, "ingress"), [{"ports": [{"port": 1}]}], [{"ports": [{"port": 1,
         "protocol": "UDP"}]}], False),
        ((*POLICY, "ingress"), [{"from": [{"podSelector": {}}]}],
         [{"from": [{"podSelector": {}, "namespaceSelector": {}}]}], False),
        ((*POLICY, "ingress"), [{"from": [{"podSelector": {}, "namespaceSelector": None}]}],
         [{"from": [{"podSelector": {}}]}], True),
        (("v1", "Service", "spec", "selector"), {"a": "b"}, {"a": "b", "c": "d"}, False),
        (("v1", "Service", "spec", "selector"), {"a": "b"}, {"a": "b", "c": ""}, False),
        (("v1", "Service", "spec", "selector"), {"a": "b"}, "text", False),
        (("apps/v1", "StatefulSet", "spec", "volumeClaimTemplates"),
         [{"metadata": {"name": "a"}, "spec": {"accessModes": ["X"]}}],
         [{"apiVersion": "v1", "kind": "PersistentVolumeClaim",
           "metadata": {"name": "a", "creationTimestamp": None},
           "spec": {"accessModes": ["X"], "volumeMode": "Filesystem", "resources": {}},
           "status": {"phase": "Pending"}}], True),
        (("v1", "LimitRange", "spec", "limits"),
         [{"type": "Container", "max": {"cpu": 1}, "min": {"memory": "1Mi"}}],
         [{"type": "Container", "max": {"cpu": "1"}, "min": {"memory": "1Mi"},
           "default": {"cpu": "1"}, "defaultRequest": {"cpu": "1", "memory": "1Mi"}}], True),
        (("v1", "LimitRange", "spec", "limits"),
         [{"type": "Pod", "max": {"cpu": 1}}],
         [{"type": "Pod", "max": {"cpu": "1"}, "default": {"cpu": "1"}}], False),
    ],
)  # fmt: skip
def test_values_mean_the_same_to_their_place(
    place: tuple[str, ...], one: JSON, other: JSON, *, same: bool
) -> None:
    assert normalize.is_same(_field(*place), one, other) is same


@pytest.mark.parametrize(
    ("place", "value", "nothing"),
    [
        ((*CONTAINER, "image"), "", True),
        ((*CONTAINER, "tty"), False, True),
        ((*CONTAINER, "args"), [], True),
        ((*CONTAINER, "resources", "limits"), {}, True),
        ((*CONTAINER, "securityContext"), {}, False),
        ((*CONTAINER, "securityContext", "privileged"), False, False),
        (("apps/v1", "Deployment", "spec", "replicas"), 0, False),
        (("v1", "ConfigMap", "data", "k"), "", False),
        (("example.com/v1", "Widget", "spec", "size"), 0, False),
        (("v1", "ConfigMap", "data", "k"), None, True),
        (("v1", "ConfigMap", "data", "k"), ABSENT, True),
    ],
)  # fmt: skip
def test_only_what_go_leaves_out_is_nothing(
    place: tuple[str, ...], value: JSON, *, nothing: bool
) -> None:
    assert normalize.is_nothing(_field(*place), value) is nothing


def test_a_struct_that_is_always_there_is_default_by_its_fields() -> None:
    node = _field("apps/v1", "Deployment", "spec", "template", "spec", "containers", "[]")
    resources = node.field("resources")
    assert normalize.is_default(resources, {})
    assert normalize.is_default(resources, {"limits": {}})
    assert not normalize.is_default(resources, {"limits": {"cpu": "1"}})
    assert normalize.is_default(node.field("livenessProbe").field("timeoutSeconds"), 1)
    assert not normalize.is_default(node.field("livenessProbe").field("timeoutSeconds"), 2)


def test_a_manifest_is_sent_without_what_is_the_servers() -> None:
    body = {
        "apiVersion": "v1", "kind": "Secret", "stringData": {"a": "b"}, "status": {"x": 1},
        "metadata": {"name": "a", "uid": "u", "managedFields": [], "labels": {"l": "m"},
                     "generation": 1, "resourceVersion": "1", "creationTimestamp": None},
    }  # fmt: skip
    assert normalize.sendable(body) == {
        "apiVersion": "v1", "kind": "Secret", "stringData": {"a": "b"},
        "metadata": {"name": "a", "labels": {"l": "m"}},
    }  # fmt: skip
    assert normalize.sendable({"kind": "X", "metadata": None}) == {"kind": "X", "metadata": {}}


def test_a_wish_leaves_out_which_object_it_is() -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "namespace": "b"}}
    assert normalize.wished(body) == {"metadata": {}}
    assert normalize.wished({"apiVersion": "v1", "kind": "X"}) == {}
    assert normalize.wished({"kind": "X", "metadata": None}) == {}
    secret: JSON = {"apiVersion": "v1", "kind": "Secret", "metadata": {}, "stringData": None}
    assert normalize.wished(secret) == {"metadata": {}}


def test_a_skeleton_has_every_path_and_no_value() -> None:
    body = {
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": True,
        "data": {"a": "c2VjcmV0", "none": None}, "stringData": {"b": "secret"},
        "metadata": {"name": "n", "namespace": "ns", "labels": {"l": "secret"},
                     "annotations": {"x": "secret"}, "finalizers": ["f"],
                     "other": [{"a": "secret"}]},
    }  # fmt: skip
    assert normalize.skeleton(body) == {
        "apiVersion": "v1", "kind": "Secret", "type": "", "immutable": "",
        "data": {"a": "", "none": None}, "stringData": {"b": ""},
        "metadata": {"name": "n", "namespace": "ns", "labels": {"l": ""},
                     "annotations": {"x": ""}, "finalizers": ["f"], "other": [{"a": ""}]},
    }  # fmt: skip


def test_a_digest_knows_no_order_of_keys_and_tells_absence_from_null() -> None:
    assert normalize.digest({"a": 1, "b": 2}) == normalize.digest({"b": 2, "a": 1})
    values: tuple[JSON, ...] = (ABSENT, None, "", 0, False, {}, [], 0.5)
    found = {normalize.digest(value) for value in values}
    assert len(found) == len(values)
    assert all(len(digest) == 16 for digest in found)
    # Records keep them, so they are what they were in every version.
    assert normalize.digest(ABSENT) == "e3b0c44298fc1c14"
    assert normalize.digest({"b": [1, "é"], "a": None}) == "f8f17faab95c0248"


def test_null_is_left_out_unless_it_is_a_value() -> None:
    spec = _field("example.com/v1", "Widget", "spec")
    value: JSON = {"none": None, "one": None, "free": {"a": None, "b": [{"c": None}]}}
    assert normalize.without_nulls(spec, value) == {"none": None, "free": {"b": [{}]}}
    revision = bundled().of("apps/v1", "ControllerRevision")
    assert revision is not None
    assert normalize.without_nulls(revision, {"data": {"a": None}}) == {"data": {"a": None}}
    assert normalize.without_nulls(ANY, None) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        # To the server an integer is exact within 64 bits, and a float beyond.
        (-(2**62), -(2**62) + 1, False),
        (2**63 - 2, 2**63 - 1, False),
        (-(2**63) - 1, -(2**63), True),
        (2**64, 2**64 + 1, True),
        (1, 1.0, True), (1, True, False), (0, None, False), (None, None, True), ("1", 1, False),
        ({}, None, False), ([], {}, False), ([1], [1, 2], False), ([1, 2], [1], False),
        # What an atomic value lacks in live is missing, and what it has beyond is not Git's.
        ({"a": 1}, {}, False), ({}, {"a": 1}, False), ({"a": None}, {}, True),
        ({"a": {"b": 1}}, {"a": {}}, False), ({"a": {}}, {"a": {"b": 1}}, False),
    ],
)  # fmt: skip
def test_values_that_no_schema_describes_are_compared_as_they_are(
    one: JSON, other: JSON, *, same: bool
) -> None:
    assert normalize.is_same(ANY, one, other) is same


def test_null_is_a_value_of_its_own_where_the_schema_says_so() -> None:
    """Not the same as leaving it out, which would bring the default."""
    spec = _field("example.com/v1", "Widget", "spec")
    assert normalize.is_same(spec, {"one": None}, {})
    assert normalize.is_same(spec, {"empty": "x"}, {"empty": "x"})
    assert normalize.is_same(spec, {}, {"empty": "x"})
    assert not normalize.is_same(spec, {"empty": None}, {"empty": "x"})
    assert not normalize.is_same(spec, {"none": None}, {"none": "x"})


@pytest.mark.parametrize(
    ("live", "same"),
    [
        ({"max": {"cpu": "2"}, "default": {"cpu": "1"}, "defaultRequest": {"cpu": "500m"}}, True),
        ({"max": {"cpu": "2"}, "default": {"cpu": "2"}, "defaultRequest": {"cpu": "500m"}}, False),
        ({"max": {"cpu": "2"}, "default": {"cpu": "1"}, "defaultRequest": {"cpu": "1"}}, False),
    ],
)
def test_the_limits_of_git_beat_those_that_the_server_would_complete(
    live: JSON, *, same: bool
) -> None:
    item = _field("v1", "LimitRange", "spec", "limits", "[]")
    head = {"type": "Container"}
    wanted = {**head, "max": {"cpu": "2"}, "default": {"cpu": "1"},
              "defaultRequest": {"cpu": "500m"}}  # fmt: skip
    assert normalize.is_same(item, wanted, {**head, **live}) is same


def test_defaults_inside_a_struct_count_by_their_own_field() -> None:
    spec = _field("apps/v1", "Deployment", "spec")
    assert normalize.is_default(spec, {"replicas": 1, "revisionHistoryLimit": 10})
    assert not normalize.is_default(spec, {"replicas": 10, "revisionHistoryLimit": 10})
    assert normalize.comes_back(spec, {"replicas": 1, "revisionHistoryLimit": 10})
    assert not normalize.comes_back(spec, {"replicas": 1, "revisionHistoryLimit": 1})


def test_an_allocated_address_comes_back_and_no_address_does_not() -> None:
    spec = _field("v1", "Service", "spec")
    for name, address, none in (
        ("clusterIP", "10.0.0.1", "None"), ("clusterIPs", ["10.0.0.1"], ["None"]),
    ):  # fmt: skip
        assert normalize.comes_back(spec.field(name), address)
        assert not normalize.comes_back(spec.field(name), none)
        assert normalize.comes_back(spec.field(name), None)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("YWI=", "YWI=", True), ("YWI=", "YW\nI=", True), ("YWI=", "YW\r\nI=", True),
        ("YWI=", "YWJ=", True),  # Go ignores the bits that no byte needs
        ("YWI=", "YW!I=", False), ("YW!I=", "YWI=", False), ("YWI=", "YWI", False),
    ],
)  # fmt: skip
def test_base64_is_compared_as_go_decodes_it(one: str, other: str, *, same: bool) -> None:
    data = _field("v1", "Secret", "data", "a")
    assert normalize.is_same_scalar(data, one, other) is same


def test_text_of_a_secret_that_is_no_unicode_is_kept() -> None:
    """YAML can name half of a pair of surrogates; the server refuses it, in its own words."""
    body = {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "\ud800"}}
    assert normalize.wished(body)["data"] == {"a": "7aCA"}
