"""What holds for every merge, whatever the three sides are."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine import jsonpatch
from engine.errors import PatchError
from engine.merge import Sides, answers_of, compare, three_way
from engine.merge.keys import is_keyed
from engine.model import ABSENT, JSON
from engine.normalize import wished
from tests.triples import SCHEMAS, Triple, flat, objects, pairs, root_of, triples, without_nulls

if TYPE_CHECKING:
    from engine.schema import Node

Draw: TypeAlias = Any
VERSION = "/metadata/resourceVersion"


def merged(triple: Triple) -> JSON:
    return as_server(three_way(*triple, schemas=SCHEMAS), triple.live)


def as_server(operations: list[JSON], live: JSON) -> JSON:
    """Apply as the API server does: writing another resourceVersion than it has is a conflict."""
    for operation in operations:
        is_lock = operation["path"] == VERSION and operation["op"] == "replace"
        if is_lock and operation["value"] != live["metadata"]["resourceVersion"]:
            raise PatchError("PLB590", "409")
    return jsonpatch.apply(operations, live)


@given(triples())
def test_a_second_pass_finds_nothing(triple: Triple) -> None:
    result = merged(triple)
    assert three_way(triple.desired, triple.desired, result, schemas=SCHEMAS) == []


@given(triples())
def test_the_same_pass_again_finds_nothing(triple: Triple) -> None:
    """Also while the record still has the old state, as after a crash."""
    assert three_way(triple.last, triple.desired, merged(triple), schemas=SCHEMAS) == []


@given(triples())
def test_nobody_changes_the_arguments(triple: Triple) -> None:
    before = copy.deepcopy(triple)
    merged(triple)
    answers_of(triple.desired, triple.live, schemas=SCHEMAS)
    assert json.dumps(before) == json.dumps(triple)


@given(triples())
def test_edits_are_there_exactly_when_operations_are(triple: Triple) -> None:
    patch = compare(Sides(*triple), schemas=SCHEMAS)
    assert bool(patch.edits) == bool(patch.operations)


@given(triples(), st.randoms(use_true_random=False))
def test_the_order_of_keys_plays_no_part(triple: Triple, random: Any) -> None:
    def shuffled(value: JSON) -> JSON:
        if isinstance(value, dict):
            names = list(value)
            random.shuffle(names)
            return {name: shuffled(value[name]) for name in names}
        return [shuffled(child) for child in value] if isinstance(value, list) else value

    other = Triple(*map(shuffled, triple))
    assert merged(other) == merged(triple)


@given(triples())
def test_nothing_comes_from_nowhere(triple: Triple) -> None:
    """Every leaf of the result is Git's or was there before."""
    node = root_of(triple.live)
    known = flat(node, triple.live) | flat(node, _written(triple))
    for path, value in flat(node, merged(triple)).items():
        is_emptied = value in ({}, []) and any(p.startswith(f"{path}/") for p in known)
        assert is_emptied or path in known, path


def _written(triple: Triple) -> JSON:
    return {**wished(triple.desired), "metadata": triple.desired.get("metadata") or {}}


@given(triples())
def test_what_git_says_is_there_afterwards(triple: Triple) -> None:
    """``apply(diff(a, b), a) == b`` on the paths of b, compared without the engine's own notion."""
    node = root_of(triple.live)
    result = flat(node, merged(triple))
    for path, value in flat(node, _written(triple)).items():
        wanted, found = _said(value), _said(result.get(path, ABSENT))
        if wanted in (None, {}, []) or (wanted == "" and path == "/'spec'/'clusterIP'"):
            continue  # nothing is said, or: let the server choose
        # A built-in kind does not store what it takes for granted.
        is_implied = wanted in (False, 0, "", "TCP", "RollingUpdate") and found is ABSENT
        assert is_implied or str(found) == str(wanted), path


def _said(value: JSON) -> JSON:
    """Return a value without what is empty, and quantities in one spelling."""
    if isinstance(value, dict):
        found = {key: _said(child) for key, child in value.items()}
        return {key: child for key, child in found.items() if child not in (None, {}, [])}
    if isinstance(value, list):
        return [_said(child) for child in value]
    spelt = {"1000m": "1", "500m": "0.5", "1024Mi": "1Gi"}
    return spelt.get(value, value) if isinstance(value, str) else value


@given(triples())
def test_what_others_have_stays(triple: Triple) -> None:
    """A leaf stays unless Git names it, or dropped what it is a part of, or a union excludes it."""
    node = root_of(triple.live)
    wanted, owned = flat(node, triple.desired), flat(node, triple.last or {})
    result = flat(node, merged(triple))
    for path, value in flat(node, triple.live).items():
        steps = path.split("/")
        parents = ["/".join(steps[:i]) for i in range(1, len(steps) + 1)]
        is_named = _has(wanted, path) or any(p in wanted or p in owned for p in parents)
        is_dropped = any(_has(owned, p) and not _has(wanted, p) for p in parents[1:])
        if value not in ({}, []) and not (is_named or is_dropped or UNIONS & set(steps)):
            assert result.get(path, ABSENT) == value, path


def _has(leaves: dict[str, JSON], path: str) -> bool:
    return any(other == path or other.startswith(f"{path}/") for other in leaves)


# Members of unions in the menu of the strategies, as flat() spells them.
UNIONS = set(map(repr, (
    "configMap", "emptyDir", "exec", "fieldRef", "httpGet", "one", "other", "rollingUpdate",
    "secret", "secretKeyRef", "value", "valueFrom",
)))  # fmt: skip


def test_what_others_add_to_maps_and_lists_stays() -> None:
    """The same without any doubt: their entries beside Git's, in every granular place."""
    last = _deployment(labels={"a": "1", "b": "2"}, env=["A", "B"])
    desired = _deployment(labels={"a": "1"}, env=["B"])
    live = _deployment(labels={"a": "1", "b": "2", "theirs": "x"}, env=["A", "THEIRS", "B"])
    result = merged(Triple(last, desired, live))
    assert result["metadata"]["labels"] == {"a": "1", "theirs": "x"}
    (container,) = result["spec"]["template"]["spec"]["containers"]
    assert [entry["name"] for entry in container["env"]] == ["THEIRS", "B"]


def _deployment(*, labels: dict[str, str], env: list[str]) -> JSON:
    container = {"name": "web", "env": [{"name": name, "value": "1"} for name in env]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"labels": labels, "uid": "u", "resourceVersion": "1"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


# --- guards ----------------------------------------------------------------------------------


@st.composite
def raced(draw: Draw) -> tuple[Triple, JSON]:
    """Draw a triple, and live as somebody else left it after it was read."""
    triple = draw(triples())
    node = root_of(triple.live)
    later = copy.deepcopy(triple.live)
    for _ in range(draw(st.integers(1, 3))):
        later = _meddled(draw, node, later)
    later["metadata"] = {**later.get("metadata", {}), "uid": "u-1", "resourceVersion": "8"}
    return triple, later


def _meddled(draw: Draw, node: Node, body: JSON) -> JSON:
    """Change something, somewhere: replace, add or remove a key or an element, or reorder."""
    if isinstance(body, dict):
        names = sorted(name for name in body if name not in ("apiVersion", "kind"))
        other = draw(st.sampled_from(("in", "in", "in", "add", "remove")))
        if names and other != "add":
            name = draw(st.sampled_from(names))
            if other == "remove":
                return {key: value for key, value in body.items() if key != name}
            return {**body, name: _meddled(draw, node.field(name), body[name])}
        fresh = without_nulls(draw(objects(node, depth=2)))
        return {**fresh, **body}
    if isinstance(body, list):
        act = draw(st.sampled_from(("in", "remove", "front", "reverse")))
        if body and act == "in":
            index = draw(st.integers(0, len(body) - 1))
            inner = _meddled(draw, node.items, body[index])
            return _unique(node, [*body[:index], inner, *body[index + 1 :]])
        if body and act == "remove":
            index = draw(st.integers(0, len(body) - 1))
            return [*body[:index], *body[index + 1 :]]
        if act == "reverse":
            return body[::-1]
        return _unique(node, [*_fresh(draw, node), *body])
    return draw(st.sampled_from(("theirs", 7, body)))


def _fresh(draw: Draw, node: Node) -> list[JSON]:
    if node.items.shape == "object":
        element = without_nulls(draw(objects(node.items, depth=2)))
        return [{**dict.fromkeys(node.keys, "theirs"), **element}]
    return ["theirs"]


def _unique(node: Node, elements: list[JSON]) -> list[JSON]:
    if not is_keyed(node):
        return elements
    found: dict[str, JSON] = {}
    for element in elements:
        key = repr(element)
        if node.keys and isinstance(element, dict):
            key = repr([element.get(name) or node.items.field(name).default for name in node.keys])
        found.setdefault(key, element)
    return list(found.values())


@given(raced())
def test_a_race_is_right_or_refused(race: tuple[Triple, JSON]) -> None:
    """What the patch does to each leaf it does to that one, whatever others did, or nothing."""
    triple, later = race
    operations = three_way(*triple, schemas=SCHEMAS)
    intended = as_server(operations, triple.live)
    try:
        result = as_server(operations, later)
    except PatchError:
        return
    node = root_of(triple.live)
    before, after = flat(node, triple.live), flat(node, intended)
    there, found = flat(node, later), flat(node, result)
    for path in before | after | there | found:
        was, wanted = before.get(path, ABSENT), after.get(path, ABSENT)
        is_changed = json.dumps([repr(was)]) != json.dumps([repr(wanted)])
        expected = wanted if is_changed else there.get(path, ABSENT)
        if expected in ({}, []) or found.get(path, ABSENT) in ({}, []):
            continue  # an object that others emptied or filled
        assert repr(found.get(path, ABSENT)) == repr(expected), path


@given(triples())
def test_every_patch_is_refused_by_another_object_of_that_name(triple: Triple) -> None:
    operations = three_way(*triple, schemas=SCHEMAS)
    assume(operations)
    other = {**triple.live, "metadata": {**triple.live["metadata"], "uid": "u-2"}}
    with pytest.raises(PatchError):
        jsonpatch.apply(operations, other)


@given(triples())
def test_an_answer_settles_what_the_server_made_of_a_write(triple: Triple) -> None:
    """Whatever the reply to a create was: unchanged in Git and in the cluster, nothing is done."""
    answers = answers_of(triple.desired, triple.live, schemas=SCHEMAS)
    patch = compare(
        Sides(triple.desired, triple.desired, triple.live), schemas=SCHEMAS, answers=answers
    )
    assert patch.operations == ()


@given(pairs())
def test_two_states_applied_own_what_either_owns(pair: tuple[Triple, Triple]) -> None:
    """A pending write may have landed: what it named goes when Git does not name it."""
    one, other = pair
    sides = Sides(one.last, one.desired, one.live, pending=other.desired)
    result = as_server(list(compare(sides, schemas=SCHEMAS).operations), one.live)
    again = Sides(one.last, one.desired, result, pending=other.desired)
    assert compare(again, schemas=SCHEMAS).operations == ()
    for last in (one.last, other.desired):
        left = compare(Sides(last, one.desired, result), schemas=SCHEMAS)
        # An object that only one of them had empty belongs to the other one's leaves.
        assert all(edit.before == {} for edit in left.edits)
