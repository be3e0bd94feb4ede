"""Pointers, applying and Go's spelling."""

from __future__ import annotations

import copy
import json
from typing import Any, TypeAlias

import jsonpatch as library
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import jsonpatch
from engine.errors import PatchError
from engine.merge import three_way
from tests.triples import SCHEMAS, Triple, triples

JSON: TypeAlias = Any
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)


@given(st.lists(st.text()))
def test_parts_undo_pointer(parts: list[str]) -> None:
    assert jsonpatch.parts(jsonpatch.pointer(parts)) == tuple(parts)


def test_a_pointer_escapes_tilde_before_slash() -> None:
    assert jsonpatch.pointer(("a/b", "~1", "")) == "/a~1b/~01/"
    assert jsonpatch.parts("/a~1b/~01/") == ("a/b", "~1", "")


def test_a_pointer_without_a_slash_in_front_is_none() -> None:
    with pytest.raises(ValueError, match="starts with /"):
        jsonpatch.parts("a")


def test_operations_are_spelt_as_go_spells_them() -> None:
    text = jsonpatch.encode([{"op": "add", "path": "/a", "value": "é😀<&>\u2028\u2029\t\x01"}])
    assert (
        text
        == (
            '[{"op":"add","path":"/a","value":"é😀\\u003c\\u0026\\u003e\\u2028\\u2029\\t\\u0001"}]'
        ).encode()
    )


@given(VALUES)
def test_spelling_changes_no_meaning(value: JSON) -> None:
    assert json.loads(jsonpatch.encode([value])) == [value]


def test_numbers_beyond_64_bits_and_lone_surrogates_are_the_servers_to_refuse() -> None:
    assert jsonpatch.encode([2**70, "<"]) == b'[1180591620717411303424,"\\u003c"]'
    assert jsonpatch.encode(["\ud800"]) == b'["\xed\xa0\x80"]'
    assert jsonpatch.encode([{"é": 2**70}]) == '[{"é":1180591620717411303424}]'.encode()


@given(st.dictionaries(st.text(), VALUES, min_size=1), VALUES, st.data())
def test_applying_leaves_the_arguments_alone(document: JSON, value: JSON, data: Any) -> None:
    key = data.draw(st.sampled_from(sorted(document)))
    operations = [{"op": "replace", "path": jsonpatch.pointer([key]), "value": value}]
    before = copy.deepcopy((document, operations))
    result = jsonpatch.apply(operations, document)
    assert (document, operations) == before
    assert result == {**document, key: value}


def test_replace_adds_a_key_that_is_not_there_as_on_the_server() -> None:
    assert jsonpatch.apply([{"op": "replace", "path": "/a/b", "value": 1}], {"a": {}}) == {
        "a": {"b": 1}
    }


@given(triples())
def test_the_library_makes_the_same_of_a_whole_patch(triple: Triple) -> None:
    """But for tests, which it takes otherwise: for null, and for true beside 1."""
    steps = three_way(*triple, schemas=SCHEMAS)
    plain = [step for step in steps if step["op"] != "test"]
    assert library.apply_patch(triple.live, plain) == jsonpatch.apply(steps, triple.live)


def test_a_result_shares_nothing_with_the_patch() -> None:
    value: JSON = {"a": []}
    result = jsonpatch.apply([{"op": "add", "path": "/x", "value": value}], {})
    result["x"]["a"].append(1)
    assert value == {"a": []}


TEST = [
    ({"a": 1}, "/a", 1, True),
    ({"a": 1}, "/a", 1.0, False),
    ({"a": 1}, "/a", True, False),
    ({"a": True}, "/a", True, True),
    ({"a": {"b": 1, "c": 2}}, "/a", {"c": 2, "b": 1}, True),
    ({"a": {"b": 1}}, "/a", {"b": 1, "c": 2}, False),
    ({"a": [1, 2]}, "/a", [2, 1], False),
    ({"a": [1, 2]}, "/a/1", 2, True),
    ({"a": [1, 2]}, "/a", [1], False),
    ({"a": None}, "/a", None, True),
    ({}, "/a", None, True),
    ({}, "/a", "", False),
    ({}, "/a/b", None, False),
    ({"a": "text"}, "/a/b", None, False),
    ({"a": [1]}, "/a/1", None, False),
    ({"a": [1]}, "/a/01", None, False),
    ({"a": [1]}, "/a/-", None, False),
    ({"a": [1]}, "/a/-1", 1, False),
    ({"a": [1]}, "/a/", 1, False),
    ({"a": 1}, "", {"a": 1}, True),
]


@pytest.mark.parametrize(("document", "path", "value", "passes"), TEST)
def test_a_test_passes_as_on_the_server(
    document: JSON, path: str, value: JSON, *, passes: bool
) -> None:
    operations = [{"op": "test", "path": path, "value": value}]
    if passes:
        assert jsonpatch.apply(operations, document) == document
        return
    with pytest.raises(PatchError):
        jsonpatch.apply(operations, document)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/secret-key"},
        {"op": "replace", "path": "/a/b/c", "value": "s3cret"},
        {"op": "add", "path": "/a/b/c", "value": "s3cret"},
        {"op": "add", "path": "/l/9", "value": "s3cret"},
        {"op": "remove", "path": "/l/x"},
        {"op": "test", "path": "/l/00", "value": "hidden"},
        {"op": "test", "path": "/a", "value": "s3cret"},
    ],
)
def test_what_does_not_apply_is_said_by_path_and_never_by_value(operation: JSON) -> None:
    with pytest.raises(PatchError) as caught:
        jsonpatch.apply([operation], {"a": {"x": "hidden"}, "l": ["hidden"]})
    text = str(caught.value)
    assert caught.value.code == "PLB590"
    assert operation["path"] in text
    assert f"operation 0 ({operation['op']}) cannot be applied (" in text
    assert "plan anew" in text
    assert "s3cret" not in text
    assert "hidden" not in text
