"""What Plumb prints as YAML every Kubernetes reader reads back as the same."""

# ruff: noqa: E501 - tables
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given

from engine.parse import documents, dump
from tests.strategies import json_values, manifests, objects, texts

if TYPE_CHECKING:
    from engine.model import JSON


def back(text: str) -> list[JSON]:
    return [document.body for document in documents(text.encode(), path="f.yaml")]


@given(objects)
@example({"": {"": [[[]], [{}]]}})
@example({"x" * 1200: [{"y" * 1200: {"a": "b\nc\n"}}, ["a\nb"]]})
def test_what_is_dumped_is_read_back_as_the_same(body: JSON) -> None:
    assert back(dump(body)) == [body]


@given(manifests(), manifests())
def test_dumps_may_be_joined_to_a_stream(one: JSON, other: JSON) -> None:
    assert back(f"---\n{dump(one)}---\n{dump(other)}") == [one, other]


@given(json_values)
def test_values_that_are_no_objects_survive_too(value: JSON) -> None:
    assert back(dump([value])) == [[value]]


@given(texts)
def test_every_string_survives_as_a_value_as_a_key_and_in_lists(text: str) -> None:
    body = {"a": text, "b": [text, [text], {text: text}], text: {"c": text}}
    assert back(dump(body)) == [body]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("web", "web"), ("a b", "a b"), ("a:b", "a:b"), ("http://x:80/y?z=1#f", "http://x:80/y?z=1#f"),
        ("nginx:1.25", "nginx:1.25"), ("100m", "100m"), ("128Mi", "128Mi"), ("1.2.3", "1.2.3"),
        ("yes", '"yes"'), ("0644", '"0644"'), ("1e3", '"1e3"'), ("1_0", '"1_0"'), ("~", '"~"'),
        ("", '""'), ("a: b", '"a: b"'), ("a #b", '"a #b"'), ("- a", '"- a"'), ("-a", '"-a"'),
        ("2024-01-01", '"2024-01-01"'), ("12:30", '"12:30"'), ("{a}", '"{a}"'), (" a", '" a"'),
        ("a ", '"a "'), ("a:", '"a:"'), ("\x1b", '"\\x1b"'), ("\u2028", '"\\u2028"'), ("é😀", '"é😀"'),
        ("a\tb", '"a\\tb"'), ('"', '"\\""'), ("\\", '"\\\\"'), ("\uffff", '"\\uffff"'),
        (None, "null"), (True, "true"), (1, "1"), (1.5, "1.5"), (1e22, "1e+22"), ([], "[]"), ({}, "{}"),
        ("a\nb", "|-\n  a\n  b"), ("a\nb\n", "|\n  a\n  b"), ("a\n\n", "|+\n  a\n"), ("\n", '"\\n"'),
        (" a\nb", "|2-\n   a\n  b"), ("a\n\nb\n", "|\n  a\n\n  b"), ("a\r\nb", '"a\\r\\nb"'),
        ([1, [2]], "\n- 1\n- - 2"), ({"b": {"c": 1}}, "\n  b:\n    c: 1"), ([{"b": 1, "c": []}], "\n- b: 1\n  c: []"),
    ],
)  # fmt: skip
def test_the_layout_is_that_of_kubectl(value: JSON, text: str) -> None:
    gap = "" if text.startswith("\n") else " "
    assert dump({"a": value}) == f"a:{gap}{text}\n"


def test_the_order_of_keys_is_kept() -> None:
    assert dump({"b": 1, "a": 2}) == "b: 1\na: 2\n"


def test_a_lone_value_is_a_document() -> None:
    values: list[JSON] = ["a", "a\nb", {}, [], None]
    assert [dump(value) for value in values] == [
        "a\n", '"a\\nb"\n', "{}\n", "[]\n", "null\n",
    ]  # fmt: skip


def test_a_key_longer_than_readers_look_gets_a_question_mark() -> None:
    assert dump({"k" * 1200: [1]}) == f"? {'k' * 1200}\n:\n  - 1\n"
