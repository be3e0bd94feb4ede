"""Rules of CRDs that compare a field with what it was, asked offline and of a real server."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

JSON: TypeAlias = Any

# The server wants to know how much a rule can cost.
TEXT: JSON = {"type": "string", "maxLength": 9}
KEYED: JSON = {
    "type": "array", "maxItems": 9, "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["n", "p"],
    "items": {"type": "object", "required": ["n"], "properties": {
        "n": TEXT, "p": {"type": "string", "default": "TCP"}, "v": TEXT}},
}  # fmt: skip
SPEC: JSON = {"type": "object", "properties": {
    "a": TEXT, "b": TEXT, "d": {"type": "string", "default": "x"}, "list": KEYED,
    "set": {"type": "array", "maxItems": 9, "x-kubernetes-list-type": "set", "items": TEXT},
    "map": {"type": "object", "maxProperties": 9, "additionalProperties": TEXT},
    "dash-ed": TEXT, "size": {"type": "integer"}, "none": {"type": "string", "nullable": True},
}}  # fmt: skip


def with_rule(schema: JSON, way: tuple[str, ...], rule: JSON) -> JSON:
    """Return the schema with a rule at one place of it."""
    if not way:
        return {**schema, "x-kubernetes-validations": [rule]}
    first, rest = way[0], way[1:]
    if first in ("items", "additionalProperties"):
        return {**schema, first: with_rule(schema[first], rest, rule)}
    fields = schema["properties"]
    return {**schema, "properties": {**fields, first: with_rule(fields[first], rest, rule)}}


class Case(NamedTuple):
    """A rule, where it stands, a spec before and after; ``field`` is what the rule refuses, or "".

    Whether an ``undecided`` one is broken is for the server to say.
    """

    rule: str
    on: tuple[str, ...]
    old: JSON
    new: JSON
    field: str
    undecided: bool = False


A, B = {"a": "1"}, {"a": "2"}
_ROWS: list[Any] = [
    ("self == oldSelf", ("spec", "a"), A, B, "/spec/a"),
    (" oldSelf==self ", ("spec", "a"), A, B, "/spec/a"),
    ("self == oldSelf", ("spec", "a"), A, A, ""),
    ("self == oldSelf", ("spec", "a"), {}, A, ""),
    ("self == oldSelf", ("spec", "a"), A, {}, ""),
    ("self == oldSelf", ("spec", "a"), A, {**A, "b": "1"}, ""),
    ("self == oldSelf", ("spec",), A, {**A, "b": "1"}, "/spec/b"),
    ("self.spec == oldSelf.spec", (), A, {**A, "b": "1"}, "/spec/b"),
    ("self == oldSelf", ("spec", "size"), {"size": 1}, {"size": 2}, "/spec/size"),
    # A field of the object that has the rule, also where it may be missing.
    ("self.a == oldSelf.a", ("spec",), A, B, "/spec/a"),
    ("self.a == oldSelf.a", ("spec",), A, {**A, "b": "1"}, ""),
    ("self.a == oldSelf.a", ("spec",), {}, A, "/spec/a"),
    ("self.a == oldSelf.a", ("spec",), A, {}, "/spec/a"),
    ("self.a == oldSelf.b", ("spec",), A, B, "", True),
    ("!has(oldSelf.a) || self.a == oldSelf.a", ("spec",), {}, A, ""),
    ("!has(oldSelf.a) || self.a == oldSelf.a", ("spec",), A, B, "/spec/a"),
    ("!has(oldSelf.a) || self.a == oldSelf.a", ("spec",), A, {}, "/spec/a"),
    ("!has(oldSelf.a) || has(self.a)", ("spec",), A, {}, "/spec/a"),
    ("!has(oldSelf.a) || has(self.a)", ("spec",), A, B, ""),
    ("!has(oldSelf.a) || (has(self.a) && self.a == oldSelf.a)", ("spec",), A, B, "/spec/a"),
    ("has(self.a) == has(oldSelf.a)", ("spec",), {}, A, "/spec/a"),
    ("has(self.a) == has(oldSelf.a)", ("spec",), A, B, ""),
    ("(has(self.a) && has(oldSelf.a)) ? self.a == oldSelf.a : true", ("spec",), A, B, "/spec/a"),
    ("(has(self.a) && has(oldSelf.a)) ? self.a == oldSelf.a : true", ("spec",), A, {}, ""),
    ("oldSelf == '' || self == oldSelf", ("spec", "a"), {"a": ""}, A, ""),
    ('oldSelf == "" || self == oldSelf', ("spec", "a"), A, B, "/spec/a"),
    ("size(oldSelf) == 0 || self == oldSelf", ("spec", "a"), A, B, "/spec/a"),
    ("oldSelf.size() == 0 || oldSelf == self", ("spec", "a"), {"a": ""}, B, ""),
    ("self == oldSelf || oldSelf in ['1', 'x']", ("spec", "a"), A, B, ""),
    ("self == oldSelf || oldSelf in ['3', 'x']", ("spec", "a"), A, B, "/spec/a"),
    ("self.b == 'y' || self.a == oldSelf.a", ("spec",), {**A, "b": "y"}, {**B, "b": "y"}, ""),
    ("self.b == 'y' || self.a == oldSelf.a", ("spec",), A, B, "/spec/a"),
    ("size(self.list) == size(oldSelf.list)", ("spec",),
     {"list": []}, {"list": [{"n": "1"}]}, "/spec/list/[n=1,p=TCP]"),
    ("self.dash__dash__ed == oldSelf.dash__dash__ed", ("spec",),
     {"dash-ed": "1"}, {"dash-ed": "2"}, "/spec/dash-ed"),
    # The server fills in defaults before it asks.
    ("self.d == oldSelf.d", ("spec",), {"d": "x"}, {}, ""),
    ("self.d == oldSelf.d", ("spec",), {"d": "y"}, {}, "/spec/d"),
    # Inside maps and keyed lists old and new belong together by key.
    ("self == oldSelf", ("spec", "map", "additionalProperties"),
     {"map": {"k": "1"}}, {"map": {"k": "2"}}, "/spec/map/k"),
    ("self == oldSelf", ("spec", "map", "additionalProperties"),
     {"map": {"k": "1"}}, {"map": {"k": "1", "m": "1"}}, ""),
    ("self == oldSelf", ("spec", "list", "items", "v"),
     {"list": [{"n": "1", "v": "1"}, {"n": "2", "v": "1"}]},
     {"list": [{"n": "2", "v": "2", "p": "TCP"}, {"n": "1", "v": "1"}]},
     "/spec/list/[n=2,p=TCP]/v"),
    ("self.v == oldSelf.v", ("spec", "list", "items"),
     {"list": [{"n": "1", "v": "1"}]}, {"list": [{"n": "1", "v": "1"}, {"n": "3", "v": "9"}]}, ""),
    ("self == oldSelf", ("spec", "list"),
     {"list": [{"n": "1"}]}, {"list": [{"n": "1"}, {"n": "3"}]}, "/spec/list/[n=3,p=TCP]"),
    ("self == oldSelf", ("spec", "set"), {"set": ["1"]}, {"set": ["1", "2"]}, "/spec/set/[=2]"),
    # What is larger, and what only the server can work out, is its own to refuse.
    ("self >= oldSelf", ("spec", "size"), {"size": 2}, {"size": 1}, "", True),
    ("oldSelf.all(x, x in self)", ("spec", "set"), {"set": ["1"]}, {"set": ["2"]}, "", True),
    ("self == oldSelf || self.matches('^x')", ("spec", "a"), A, B, "", True),
    ("self.exists(x, x == oldSelf[0])", ("spec", "set"), {"set": ["1"]}, {"set": ["2"]}, "", True),
    ("self == oldSelf) || true", ("spec", "a"), A, B, "", True),
    ("size(self) > 0", ("spec", "a"), A, B, ""),
    ("self.none == oldSelf.none", ("spec",), {"none": "1"}, {"none": None}, "", True),
]  # fmt: skip
CASES = [Case(*row) for row in _ROWS]
