"""How one changed field is written: exact types, exact lengths, and the place where it differs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import parse
from engine.model import ABSENT, JSON, Edit, Health, HealthStatus, ObjectRef, Plan, SyncResult, Why
from engine.report import fields, words

_SCALARS = st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text(max_size=40)
_JSON: st.SearchStrategy[JSON] = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("web", "web"),
        ("registry.example/shop/web:1.2.4", "registry.example/shop/web:1.2.4"),
        ("250m", "250m"),
        ("80", '"80"'),
        ("1e3", '"1e3"'),
        ("true", '"true"'),
        ("No", '"No"'),
        ("null", '"null"'),
        ("", '""'),
        ("a b", '"a b"'),
        ("- a", '"- a"'),
        ("a\n", '"a\\n"'),
        ("\x1b[31m", '"\\u001b[31m"'),
        ("\u202e", '"\\u202e"'),
        (80, "80"),
        (True, "true"),
        (None, "null"),
        ({}, "{}"),
        ([], "[]"),
    ],
)
def test_a_value_shows_its_type(value: JSON, shown: str) -> None:
    assert fields.scalar(value) == shown


@given(_SCALARS, _SCALARS)
def test_values_that_differ_look_different(before: JSON, after: JSON) -> None:
    same = type(before) is type(after) and before == after
    assert (fields.scalar(before) == fields.scalar(after)) == same or "***" in str((before, after))


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("", "(object)"),
        ("/spec/replicas", "spec.replicas"),
        (
            "/spec/template/spec/containers/[name=web]/image",
            "spec.template.spec.containers[name=web].image",
        ),
        ("/metadata/annotations/example.com~1team", 'metadata.annotations["example.com/team"]'),
        ("/data/a~0b", 'data["a~b"]'),
        ("/data/", 'data[""]'),
        ("/spec/list/0", "spec.list.0"),
        ("/[a=\x1b]", "[a=\\x1b]"),
    ],
)
def test_a_path_is_spelt_for_people(path: str, shown: str) -> None:
    assert fields.field(path) == shown


def _texts(edit: Edit, *, most: int | None = None) -> list[str]:
    return [f"{line.sign} {line.text}".rstrip() for line in fields.edit_lines([edit], most=most)]


def test_a_long_text_shows_where_it_differs_and_how_much_is_left_out() -> None:
    edit = Edit("/data/a", "x" * 1000 + "1" + "y" * 500, "x" * 1000 + "2" + "y" * 500, Why.CHANGED)
    _, before, after = _texts(edit)
    assert before.startswith('-   (960 characters) "xxx')
    assert before.endswith('yyy" (381 more characters)')
    assert "1" in before.split('"')[1]
    assert "2" in after.split('"')[1]


def test_a_text_that_only_grows_shows_its_growth() -> None:
    _, before, after = _texts(Edit("/data/a", "x" * 200, "x" * 200 + "more", Why.CHANGED))
    assert before == '-   (160 characters) "' + "x" * 40 + '"'
    assert after == '+   (160 characters) "' + "x" * 40 + 'more"'


def test_lines_of_a_text_are_compared_with_two_of_context() -> None:
    lines = [f"line {i}" for i in range(9)]
    changed = [*lines[:4], "other", *lines[5:]]
    edit = Edit("/data/a", "\n".join(lines) + "\n", "\n".join(changed) + "\n", Why.CHANGED)
    assert _texts(edit) == [
        "~ data.a:",
        "    (2 lines as before)",
        "    line 2",
        "    line 3",
        "-   line 4",
        "+   other",
        "    line 5",
        "    line 6",
        "    (2 lines as before)",
    ]


def test_a_long_line_of_a_text_is_cut_with_its_count() -> None:
    edit = Edit("/data/a", ABSENT, "a\n" + "b" * 200 + "\n", Why.ADDED)
    assert _texts(edit)[-1] == "+   " + "b" * 160 + " (40 more characters)"


def test_many_lines_are_cut_with_their_count() -> None:
    edit = Edit("/data/a", ABSENT, "a\n" * 100, Why.ADDED)
    assert _texts(edit, most=10)[-1] == "    (90 more lines; -o json has all)".removeprefix("  ")
    assert len(_texts(edit)) == 101


def test_an_edit_without_sides_is_its_path() -> None:
    assert _texts(Edit("/spec", ABSENT, ABSENT, Why.REMOVED)) == ["+ spec"]


def test_objects_and_scalars_stand_below_one_another() -> None:
    edit = Edit("/spec/a", 80, {"b": "c"}, Why.CHANGED)
    assert _texts(edit) == ["~ spec.a:", "-   80", "+   b: c"]


@pytest.mark.parametrize(
    ("why", "note"),
    [
        (Why.DRIFTED, "changed in the cluster by kubectl-edit"),
        (Why.DIFFERS, "differs from Git by kubectl-edit"),
        (Why.CHANGED, "changed in Git"),
    ],
)
def test_the_manager_is_named_where_it_is_news(why: Why, note: str) -> None:
    (line,) = fields.edit_lines([Edit("/a", 1, 2, why, "kubectl-edit")], most=None)
    assert line.note == note


@settings(max_examples=60)
@given(_JSON, _JSON, st.sampled_from([None, 3]))
def test_every_line_of_an_edit_is_printable(before: JSON, after: JSON, most: int | None) -> None:
    edits = [Edit("/a", before, after, Why.CHANGED), Edit("/b", ABSENT, after, Why.ADDED)]
    for line in fields.edit_lines(edits, most=most):
        assert line.text.isprintable()
        assert line.sign in "+-~ "


@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=8), _JSON, max_size=4))
def test_a_body_is_its_yaml(body: JSON) -> None:
    lines = fields.body_lines(body, most=None)
    assert all(line.text.isprintable() and line.sign == "+" for line in lines)
    if parse.dump(body).replace("\n", "").isprintable():
        assert "".join(f"{line.text}\n" for line in lines) == parse.dump(body)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "0s"), (0, "0s"), (59, "59s"), (119, "119s"), (120, "2m"), (3600, "1h"), (86400, "1d"),
     (40 * 86400, "40d")],
)  # fmt: skip
def test_an_age_has_one_unit(seconds: float, shown: str) -> None:
    assert words.age(seconds) == shown


def test_a_time_that_no_calendar_holds_is_none() -> None:
    assert words.utc(0) is None
    assert words.utc(2**62) is None
    assert str(words.utc(1)) == "1970-01-01 00:00:01+00:00"


def test_what_plumb_wrote_itself_is_no_news() -> None:
    (line,) = fields.edit_lines([Edit("/a", 1, 2, Why.DIFFERS, "plumb")], most=None)
    assert line.note == "differs from Git"


def test_the_health_of_what_was_not_seen_is_unknown_and_of_nothing_fine() -> None:
    assert words.health_of(SyncResult("a/b", None, None)) is HealthStatus.UNKNOWN
    assert words.health_of(SyncResult("a/b", None, Plan("a/b", None))) is HealthStatus.HEALTHY
    of = ObjectRef("", "Pod", "a", "b")
    sick = SyncResult("a/b", None, None, health={of: Health(HealthStatus.DEGRADED)})
    assert words.health_of(sick) is HealthStatus.DEGRADED
