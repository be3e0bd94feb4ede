"""Unified YAML: which lines are shown, where they stand, and the reason behind each."""

from __future__ import annotations

import pytest
from hypothesis import given

from engine.model import ABSENT, JSON, Edit, Patch, Plan, Report, SyncResult, Update, Wave, Why
from engine.report.mask import masked_operations
from engine.report.unified import rows
from engine.report.view import described_counts, view
from tests.report_cases import REVISION, live, manifest, ref
from tests.report_reports import REPORTS
from tests.strategies import manifests


def told(before: JSON, after: JSON, *edits: Edit) -> list[str]:
    """The changed lines with their reasons."""
    return [
        f"{line.sign}{line.text}  ({line.note})".removesuffix("  ()")
        for line in rows(before, after, edits)
        if line.sign in "+-"
    ]


def pod(*containers: JSON, **rest: JSON) -> JSON:
    return {"spec": {"containers": list(containers), **rest}}


WEB, SIDE = {"name": "web", "image": "web:1"}, {"name": "side", "image": "s:1"}


def test_the_reason_of_an_element_is_found_by_its_key_whatever_its_place() -> None:
    drifted = Edit("/spec/containers/[name=web]/image", "web:1", "web:2", Why.DRIFTED, "kubectl")
    changed = Edit("/spec/containers/[name=side]/image", "s:1", "s:2", Why.CHANGED)

    lines = told(
        pod(SIDE, WEB), pod({**SIDE, "image": "s:2"}, {**WEB, "image": "web:2"}), drifted, changed
    )

    assert lines == [
        "-    image: s:1", "+    image: s:2  (changed in Git)",
        "-    image: web:1", "+    image: web:2  (changed in the cluster by kubectl)",
    ]  # fmt: skip


def test_a_new_element_has_its_reason_on_every_line() -> None:
    added = Edit("/spec/containers/[name=web]", ABSENT, WEB, Why.ADDED)

    assert told(pod(SIDE), pod(SIDE, WEB), added) == [
        "+  - name: web  (added in Git)", "+    image: web:1  (added in Git)",
    ]  # fmt: skip


@pytest.mark.parametrize(("path", "before", "after"), [
    ("/spec/finalizers/[=b]", ["a"], ["a", "b"]),
    ("/spec/finalizers/[=true]", [False], [False, True]),
    ("/spec/finalizers/1", ["a"], ["a", "b"]),
])  # fmt: skip
def test_elements_of_sets_and_plain_lists_have_their_reason(
    path: str, before: JSON, after: JSON
) -> None:
    edit = Edit(path, ABSENT, after[-1], Why.ADDED)

    (line,) = told({"spec": {"finalizers": before}}, {"spec": {"finalizers": after}}, edit)

    assert line.endswith("(added in Git)")


def test_nested_lists_and_empty_values_keep_their_layout() -> None:
    body = {"a": [[1, [2]], {}, {"b": [], "c": {"d": None}}], "e f": {"g": "h\ni\n"}}

    shown = "\n".join(line.text for line in rows(ABSENT, body))

    from engine import parse

    (document,) = parse.documents(shown.encode(), path="x")
    assert document.body == body


@given(manifests())
def test_what_is_shown_of_any_object_reads_back(body: JSON) -> None:
    from engine import parse

    lines = [line.text for line in rows(ABSENT, body)]
    if any("more characters" in line or "\\" in line for line in lines):
        return
    found = [d.body for d in parse.documents("\n".join(lines).encode(), path="x")]

    assert found == ([body] if body is not None else [])


def test_long_lines_show_where_they_differ() -> None:
    long = "x" * 500
    before, after = {"a": f"{long}1{long}"}, {"a": f"{long}2{long}"}

    one, other = told(before, after)

    assert "1" in one
    assert "2" in other
    assert max(len(one), len(other)) < 400
    assert any("more characters" in line for line in told({"a": long}, {"a": long, "b": long * 2}))
    assert "more characters" in told({"a": 1}, {"b": 1, "c": long})[-1]


def test_stringdata_has_the_reason_of_the_data_it_becomes() -> None:
    edit = Edit("/data/password", "eA==", "eQ==", Why.CHANGED)

    lines = told({"stringData": {"password": "*** (before)"}},
                 {"stringData": {"password": "*** (after)"}}, edit)  # fmt: skip

    assert lines[-1].endswith("(changed in Git)")


def test_lines_far_apart_say_where_they_go_on() -> None:
    before = {"spec": {f"k{n:02}": n for n in range(30)}}
    after = {"spec": {**before["spec"], "k20": 99}}

    gaps = [line.text for line in rows(before, after) if line.sign == "@"]

    assert gaps == ["spec"]


def test_operations_without_a_value_stay_and_values_of_secrets_go() -> None:
    operations = [
        {"op": "remove", "path": "/data/a"},
        {"op": "add", "path": "/data/b", "value": "x"},
    ]

    assert masked_operations(operations, ref("Secret", "s")) == [
        {"op": "remove", "path": "/data/a"}, {"op": "add", "path": "/data/b", "value": "***"},
    ]  # fmt: skip


def test_a_patch_that_does_not_fit_its_object_is_told_by_its_fields() -> None:
    env = ref("ConfigMap", "env")
    operations = ({"op": "test", "path": "/data/a", "value": "other"},)
    edit = Edit("/data/a", "1", "2", Why.CHANGED)
    update = Update(manifest(env), live(env, data={"a": "1"}), Patch(operations, (edit,)))
    plan = Plan("a/b", REVISION, waves=(Wave(0, (update,)),))
    found = view(Report(results=(SyncResult("a/b", REVISION, plan, dry_run=True),)))

    (item,) = found.sections[0].items
    assert [line.text for line in item.fields] == ['data.a: "1" -> "2"']


def test_a_report_in_which_nothing_could_be_compared_says_so() -> None:
    changes = tuple(c for c in REPORTS["change"]().changes if c.plan is None)
    base = REPORTS["change"]()

    text = described_counts(view(Report(base=base.base, head=base.head, changes=changes)))

    assert text == "2 errors; nothing"


def test_more_applications_than_a_table_holds_are_counted() -> None:
    from dataclasses import replace

    from engine.report.markdown import render_markdown

    (part,) = view(REPORTS["change"]()).parts
    section = part.sections[0]
    sections = tuple(replace(section, application=f"a/{n}", items=()) for n in range(70))
    shown = replace(view(REPORTS["nothing"]()), parts=(replace(part, sections=sections),))

    assert "and 10 more applications" in render_markdown(shown)
