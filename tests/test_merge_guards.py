"""Which operations a merge writes, and what guards them."""

from __future__ import annotations

import pytest

from engine import jsonpatch
from engine.merge import three_way
from tests.bodies import JSON, TCP53, UDP53, as_live, config, env, meta, obj, pod, service, unknown
from tests.triples import SCHEMAS


def operations(last: JSON | None, desired: JSON, live: JSON) -> list[JSON]:
    return three_way(last, desired, live, schemas=SCHEMAS)


LOCK = {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
UID = {"op": "test", "path": "/metadata/uid", "value": "u-1"}


def test_a_replaced_value_is_tested_before() -> None:
    assert operations(None, unknown(a=2), as_live(unknown(a=1))) == [
        UID,
        {"op": "test", "path": "/spec/a", "value": 1},
        {"op": "replace", "path": "/spec/a", "value": 2},
    ]


def test_an_added_key_is_tested_to_be_absent() -> None:
    assert operations(None, unknown(a={"b": 1}), as_live(unknown())) == [
        UID,
        {"op": "test", "path": "/spec/a", "value": None},
        {"op": "add", "path": "/spec/a", "value": {"b": 1}},
    ]


def test_what_has_no_metadata_gets_none() -> None:
    live = {"apiVersion": "example.com/v1", "kind": "Unknown", "spec": {"a": 1}}
    assert operations(None, unknown(a=1), live) == []
    labelled = {**unknown(a=1), "metadata": {"labels": {"a": "b"}}}
    assert jsonpatch.apply(operations(None, labelled, live), live) == labelled


def test_every_key_of_a_touched_element_is_tested() -> None:
    found = operations(
        None, service(ports=[{**UDP53, "name": "x"}]), as_live(service(ports=[TCP53, UDP53]))
    )
    assert found == [
        UID,
        {"op": "test", "path": "/spec/ports/1/port", "value": 53},
        {"op": "test", "path": "/spec/ports/1/protocol", "value": "UDP"},
        {"op": "test", "path": "/spec/ports/1/name", "value": None},
        {"op": "add", "path": "/spec/ports/1/name", "value": "x"},
    ]


def test_an_appended_element_takes_the_lock() -> None:
    assert operations(None, service(ports=[UDP53]), as_live(service(ports=[TCP53]))) == [
        UID,
        LOCK,
        {"op": "add", "path": "/spec/ports/-", "value": UDP53},
    ]


def test_without_a_version_the_whole_list_is_tested() -> None:
    assert operations(None, service(ports=[UDP53]), service(ports=[TCP53])) == [
        {"op": "test", "path": "/spec/ports", "value": [TCP53]},
        {"op": "add", "path": "/spec/ports/-", "value": UDP53},
    ]


def test_elements_go_from_the_highest_index_down() -> None:
    last = meta(finalizers=["a", "b", "c"])
    found = operations(last, meta(finalizers=["b", "d"]), as_live(last))
    assert [o for o in found if o["op"] != "test"] == [
        LOCK,
        {"op": "remove", "path": "/metadata/finalizers/2"},
        {"op": "remove", "path": "/metadata/finalizers/0"},
        {"op": "add", "path": "/metadata/finalizers/-", "value": "d"},
    ]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("x" * 5000, id="over 4 KiB"),
        pytest.param(0.5, id="a fraction"),
        pytest.param([{"a": [1, 2.5]}], id="a fraction inside"),
        pytest.param([{"a": None}, None], id="null in a list kills the server's test"),
        pytest.param({"a": [None]}, id="also deeper"),
    ],
)
def test_what_cannot_be_tested_takes_the_lock(value: JSON) -> None:
    found = operations(None, unknown(a=1), as_live(unknown(a=value)))
    assert found == [UID, LOCK, {"op": "replace", "path": "/spec/a", "value": 1}]
    unlocked = operations(None, unknown(a=1), unknown(a=value))
    assert unlocked[0] == {"op": "test", "path": "/spec/a", "value": value}


def test_a_secret_value_is_in_no_guard() -> None:
    live = as_live(obj("v1", "Secret", {"data": {"a": "c2VjcmV0", "b": "c2VjcmV0"}}))
    desired = obj("v1", "Secret", {"data": {"b": "bmV3"}})
    last = obj("v1", "Secret", {"data": {"a": "", "b": ""}})
    found = operations(last, desired, live)
    assert [o["op"] for o in found] == ["test", "replace", "replace", "remove"]
    assert "c2VjcmV0" not in repr(found)
    bare = {**live, "metadata": {}}
    assert "c2VjcmV0" not in repr(operations(last, desired, bare))


def test_finalizers_of_a_secret_are_locked_without_quoting_it() -> None:
    live = obj("v1", "Secret", {"metadata": {"finalizers": ["a"]}, "data": {"a": "c2VjcmV0"}})
    found = operations(None, {**live, "metadata": {"finalizers": ["b"]}}, live)
    assert found == [{"op": "add", "path": "/metadata/finalizers/-", "value": "b"}]


def test_a_duplicate_in_live_takes_the_lock_since_its_key_tells_nothing() -> None:
    found = operations(None, pod(env("A3")), as_live(pod(env("A1", "A2"))))
    assert LOCK in found


def test_moved_elements_are_written_as_one_list_and_never_moved() -> None:
    found = operations(None, pod(env("B2", "A1")), as_live(pod(env("A1", "B2"))))
    assert {o["op"] for o in found} == {"test", "replace"}
    assert LOCK in found


def test_too_many_operations_become_few() -> None:
    count = 10_001
    live = as_live(obj("v1", "ConfigMap", {"data": {str(n): "a" for n in range(count)}}))
    desired = {**live, "data": {str(n): "b" for n in range(count)},
               "metadata": {"labels": {"x": "y"}}}  # fmt: skip
    found = operations(None, desired, live)
    assert found[:2] == [UID, LOCK]
    assert [o["path"] for o in found[2:]] == ["/data", "/metadata/labels"]
    assert jsonpatch.apply(found, live)["data"] == desired["data"]


def test_too_many_removals_become_one() -> None:
    many = config(data={str(n): "a" for n in range(10_001)}, metadata={"labels": {"a": "b"}})
    live = as_live({**many, "data": {**many["data"], "theirs": "z"}})
    found = operations(many, config(), live)
    assert [(o["op"], o["path"]) for o in found[2:]] == [
        ("remove", "/metadata/labels"), ("replace", "/data"),
    ]  # fmt: skip
    assert jsonpatch.apply(found, live)["data"] == {"theirs": "z"}


TWICE = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
FOREIGN = {"name": "Z", "value": "theirs"}


@pytest.mark.parametrize(
    ("last", "desired", "live", "is_locked"),
    [
        pytest.param(
            pod(env("A1", "B1")), pod(env("B1")), pod({"env": [*TWICE, *env("B1")["env"]]}),
            True, id="git drops an element that is there twice",
        ),
        pytest.param(
            pod(env("A1", "B1")), pod(env("B1")), pod(env("A1", "B1")),
            False, id="git drops an element that is there once",
        ),
        pytest.param(
            pod(env("A1")), pod({"image": "x"}), pod({"image": "x", "env": [*TWICE, FOREIGN]}),
            True, id="git drops a list with others' and one twice",
        ),
        pytest.param(
            pod(env("A1")), pod({"image": "x"}), pod({"image": "x", **env("A1", "Z9")}),
            False, id="git drops a list in which others' are left",
        ),
        pytest.param(
            pod(env("A1")), pod(env("A1")), pod({"env": TWICE}), True, id="one too many",
        ),
        pytest.param(
            pod(env("A1")), pod(env("A3")), pod({"env": TWICE}), True, id="changed, one too many",
        ),
        pytest.param(
            pod(env("A1")), pod(env("A3")), pod(env("A1")), False, id="changed",
        ),
    ],
)  # fmt: skip
def test_where_keys_do_not_tell_elements_apart_the_patch_takes_the_lock(
    last: JSON, desired: JSON, live: JSON, is_locked: JSON
) -> None:
    found = operations(last, desired, as_live(live))
    assert (LOCK in found) is is_locked
    assert all("value" not in o for o in found if o["op"] == "remove")


def test_without_a_version_a_list_with_doubled_elements_is_tested_as_a_whole() -> None:
    live = pod({"env": TWICE})
    path = "/spec/template/spec/containers/0/env"
    found = operations(pod(env("A1")), pod(env("A1")), live)
    assert {"op": "test", "path": path, "value": TWICE} in found


def test_one_of_doubled_elements_that_needs_no_change_is_the_one_that_stays() -> None:
    live = as_live(pod({"env": [{"name": "A", "value": "2"}, {"name": "A", "value": "1"}]}))
    found = operations(pod(env("A1")), pod(env("A1")), live)
    assert [o for o in found if o["op"] != "test" and o != LOCK] == [
        {"op": "remove", "path": "/spec/template/spec/containers/0/env/0"}
    ]
