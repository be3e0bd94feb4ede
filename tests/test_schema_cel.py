"""Rules of a CRD that compare a field with what it was: which changes they refuse for ever."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.merge import Sides, compare
from engine.schema import Schemas, cel, replaced_fields
from engine.schema.cel import fails, kept, parse
from tests.rules import CASES, SPEC, Case, with_rule

JSON: TypeAlias = Any


def ruled(rule: str, *on: str, **more: JSON) -> Schemas:
    """The definition of Thing, with a rule at one place of its schema."""
    thing: JSON = {"type": "object", "properties": {"spec": SPEC}}
    root = with_rule(thing, on, {"rule": rule, **more})
    crd = {"spec": {"group": "example.com", "names": {"kind": "Thing"}, "versions": [
        {"name": "v1", "schema": {"openAPIV3Schema": root}}]}}  # fmt: skip
    return Schemas({}, {}).with_definitions([crd])


def refused(schemas: Schemas, old: JSON, new: JSON) -> tuple[str, ...]:
    """What must be replaced when Git changes from one spec to the other."""
    head = {"apiVersion": "example.com/v1", "kind": "Thing"}
    live = {**head, "metadata": {"name": "t", "uid": "u", "resourceVersion": "1"}, "spec": old}
    sides = Sides({**head, "spec": old}, {**head, "spec": new}, live)
    return replaced_fields(live, compare(sides, schemas=schemas), schemas)


@pytest.mark.parametrize("case", CASES)
def test_a_rule_refuses_what_the_server_would(case: Case) -> None:
    fields = refused(ruled(case.rule, *case.on), case.old, case.new)
    assert fields == ((case.field,) if case.field else ())


def test_an_old_self_that_may_be_missing_is_asked_for_its_value() -> None:
    rule = "oldSelf.hasValue() ? self == oldSelf.value() : self != '2'"
    before, after = {"a": "1"}, {"a": "2"}
    optional = ruled(rule, "spec", "a", optionalOldSelf=True)
    assert refused(optional, before, after) == ("/spec/a",)
    assert refused(optional, before, before) == ()
    assert refused(ruled(rule, "spec", "a"), before, after) == ()
    assert refused(ruled("self == oldSelf", "spec", "a", optionalOldSelf=True), before, after) == ()
    guarded = "!oldSelf.hasValue() || self == oldSelf.value()"
    asked = ruled(guarded, "spec", "a", optionalOldSelf=True)
    assert refused(asked, before, after) == ("/spec/a",)
    assert refused(asked, {}, after) == ()
    added = ruled("oldSelf.value() == self", "spec", "a", optionalOldSelf=True)
    assert refused(added, {}, before) == ("/spec/a",)


# --- the language ----------------------------------------------------------------------------

NAMES: JSON = {
    "self": {"a": 1, "t": "x", "yes": True, "list": [1, 2], "map": {"k": "v"}, "null": None},
    "oldSelf": {"list": [2, 1], "f": 1.0},
}
VERDICTS = [
    ("self.a == 1", False), ("self.a != 1", True), ("self.a == oldSelf.f", False),
    ("self.a == '1'", True), ("self.yes == 1", True), ("self.yes", False), ("!self.yes", True),
    ("self.a < 2", False), ("self.a <= 1", False), ("self.a > 1", True), ("self.a >= 2", True),
    ("self.t < 'y'", False), ("self.t > 'y'", True), ("self.a == -1", True), ("-1 < 0", False),
    ("-1 > 0", True), ("-1.5 > -1", True),
    ("self.list == [1, 2]", False), ("self.list == [1, 3]", True), ("self.list == [1]", True),
    ("self.list == [1, 2, 2]", True), ("[1, 2] == [1, 2, 2]", True), ("[] == []", False),
    ("1 in self.list", False), ("3 in self.list", True), ("'k' in self.map", False),
    ("'m' in self.map", True), ("self.map == self.map", False),
    ("size(self.t) == 1", False), ("self.list.size() == 2", False), ("size(self.map) == 2", True),
    ("has(self.a)", False), ("has(self.gone)", True), ("self.gone == 1", True),
    ("self.gone == 1 || true", False), ("true || self.gone == 1", False),
    ("self.gone == 1 && false", True), ("false && self.gone == 1", True),
    ("self.gone == 1 || false", True), ("self.yes ? true : false", False),
    ("self.yes ? false : true", True), ("false ? false : true ? true : false", False),
    ("true && true || false", False), ("false && (false || true)", True), ("self.a", True),
    ("1.5 == 1.5", False), ("1e2 == 100", False), ("0.5 > 1", True),
    # Undecided is never a failure.
    ("self.list == oldSelf.list", False), ("self.null == 1", False), ("has(self.null)", False),
    ("unknown.a == 1", False), ("self.a.b == 1", False), ("self.matches('x')", False),
    ("self.matches('x') && false", True), ("self.matches('x') || true", False),
    ("self.matches('x') || self.gone", False), ("self.gone || self.matches('x')", False),
    ("!self.a", False), ("self.a && true", False), ("1 < 'x'", False), ("size(1) == 1", False),
    ("1 in 'x'", False), ("1 in self.map", False), ("has(self.a.b)", False),
    ("has(self)", False), ("self.list[0] == 2", False), ("self.list.all(x, x > 5)", False),
    ("oldSelf.hasValue()", False), ("oldSelf.value() == 1", False), ("null == 1", False),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "is_broken"), VERDICTS)
def test_a_rule_is_broken_only_where_that_is_certain(rule: str, *, is_broken: bool) -> None:
    term = parse(rule)
    assert term is not None
    assert fails(term, NAMES) is is_broken


@pytest.mark.parametrize(
    "rule",
    [
        "", "self ==", "(self", "self)", "self.1", "self = 1", "1u == self", "0x1F == self", "a b",
        "'it\\'s' == self", "r'x' == self", "self.?a", "self + 1 == 2", "self == -oldSelf", "[1",
        "f(1 2)", "self ? 1", "in == 1",
        "self.", "self.a.", "self '==' 1", "self.a '&&' self.b", "'(' self ')'",
        "'a", "self.'a'", "{'a': 1} == self", "self @ 1", "self[",
    ],
)  # fmt: skip
def test_what_is_not_read_is_left_to_the_server(rule: str) -> None:
    assert parse(rule) is None


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        ("self == oldSelf", [()]),
        ("oldSelf.a.b == self.a.b && self.c != oldSelf.c", [("a", "b"), ("c",)]),
        ("self.a == self.a && oldSelf.b == 'x'", []),
        ("has(self.a) && has(oldSelf.a) && has(self.b)", [("a",)]),
        ("self.size() == oldSelf.size()", [()]),
        ("self[0] == oldSelf[0]", []),
        ("has(oldSelf.a) && has(self.a)", [("a",)]),
        ("size(self.a) > 0 && size(oldSelf.a) > 0", []),
        ("self.list.filter(x, x).a == oldSelf.list.filter(x, x).a", []),
        ("self.__namespace__ == oldSelf.__namespace__", [("namespace",)]),
        ("self.a__dash__b__slash__c == oldSelf.a__dash__b__slash__c", [("a-b/c",)]),
        ("self.a > oldSelf.a", []),
        ("self == oldSelf || oldSelf == self", [()]),
    ],
)
def test_what_a_rule_keeps(rule: str, fields: list[tuple[str, ...]]) -> None:
    term = parse(rule)
    assert term is not None
    assert list(kept(term)) == fields


@given(st.text(alphabet="selfod.()!&|=<>?:'\"[], 019-hasin", max_size=40))
def test_no_rule_makes_it_raise(rule: str) -> None:
    term = cel.parse(rule)
    if term is not None:
        assert fails(term, NAMES) in (True, False)
        assert isinstance(kept(term), tuple)
