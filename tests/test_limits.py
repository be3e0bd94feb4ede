"""Every limit of what is read from Git: one more is an error that says which limit, and where."""

from __future__ import annotations

import json

import pytest

from engine.errors import ManifestError, SettingsError
from engine.parse import Limits, documents
from engine.promote.target import parse_set
from engine.render import render
from tests.trees import MemoryTree


def config(name: str) -> str:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    return json.dumps(body) + "\n"


@pytest.mark.parametrize(
    ("text", "limits", "place", "what"),
    [
        ("a: &x 1\nb: &y 2\nc: &z 3\n", Limits(anchors=2), "3:4", "2 anchors"),
        ("---\n" * 4 + "a: 1\n", Limits(documents=1), "5:1", "documents, most of them empty"),
        ("a: 1\n---\nb: 2\n", Limits(documents=1), "3:1", "documents"),
        ("a: [1, 2, 3]\n", Limits(nodes=3), "1:5", "3 values"),
        ('{"a": [1, 2, 3, 4, 5, 6, 7]}', Limits(nodes=3), "1:", "3 values"),
        ("a: {b: {c: {d: 1}}}\n", Limits(depth=3), "1:", "levels"),
    ],
)
def test_one_more_than_a_limit_is_refused_with_its_place(
    text: str, limits: Limits, place: str, what: str
) -> None:
    with pytest.raises(ManifestError) as refused:
        list(documents(text.encode(), path="a.yaml", limits=limits))

    assert refused.value.code == "PLB304"
    assert refused.value.where.startswith(f"a.yaml:{place}"), refused.value.where
    assert what in refused.value.what


def test_a_text_behind_a_document_may_be_longer_than_there_may_be_nodes() -> None:
    text = '{"a": 1} ' + json.dumps("x" * 50)
    found = documents(text.encode(), path="a.json", limits=Limits(nodes=3))
    assert [document.body for document in found] == [{"a": 1}, "x" * 50]


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (Limits(total_bytes=100), "more than 100 bytes of manifests"),
        (Limits(objects=1), "more than 1 objects"),
    ],
)
def test_an_application_of_more_than_a_limit_is_refused(limits: Limits, what: str) -> None:
    tree = MemoryTree({"a.yaml": config("a"), "b.yaml": config("b")})
    with pytest.raises(ManifestError, match=what) as refused:
        render(tree, "", limits=limits)
    assert (refused.value.code, refused.value.where) == ("PLB304", "b.yaml")


def test_a_list_may_not_hold_more_objects_than_a_file_may_hold_documents() -> None:
    items = ",".join(config(f"c{number}") for number in range(3))
    tree = MemoryTree({"a.yaml": f'{{"apiVersion": "v1", "kind": "List", "items": [{items}]}}'})
    with pytest.raises(ManifestError, match="more than 2 objects") as refused:
        render(tree, "", limits=Limits(documents=2))
    assert refused.value.where == "a.yaml:1:1"


def test_a_path_with_a_control_character_is_refused() -> None:
    with pytest.raises(SettingsError, match="a path holds a control character"):
        parse_set("a\x07b=1")
