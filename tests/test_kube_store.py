"""What a watch saw: newest wins, our own writes are no news, and nothing is proven by a gap."""

from __future__ import annotations

import copy
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.kube.store import Seen, Store
from engine.model import OWNER_LABEL, ObjectRef

REF = ObjectRef("", "ConfigMap", "shop", "env")


def body(version: int, *, owner: str = "me", uid: str = "u1", name: str = "env") -> Any:
    labels = {OWNER_LABEL: owner} if owner else {}
    metadata = {"namespace": "shop", "name": name, "uid": uid, "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**metadata, "labels": labels}}


def make() -> tuple[Store, list[Seen]]:
    heard: list[Seen] = []
    return Store("", "ConfigMap", heard.append), heard


def test_an_event_is_kept_and_told() -> None:
    store, heard = make()
    store.event("ADDED", body(5))
    found = store.get(REF)
    assert found is not None
    assert found.body == body(5)
    assert store.owned("me") == [REF]
    assert heard == [Seen("me", REF, "5")]


def test_the_answer_to_an_own_write_is_no_news_and_neither_is_its_echo() -> None:
    store, heard = make()
    store.put(body(7))
    store.event("MODIFIED", body(7))
    assert heard == []
    assert store.version(REF) == "7"


@pytest.mark.parametrize("late", [5, 6])
def test_what_is_older_than_an_own_write_is_dropped(late: int) -> None:
    store, heard = make()
    store.put(body(7))
    store.event("MODIFIED", body(late))
    assert store.version(REF) == "7"
    assert heard == []


def test_an_object_that_this_process_deleted_does_not_come_back() -> None:
    store, heard = make()
    store.put(body(7))
    store.drop(REF)
    store.event("MODIFIED", body(8))
    store.event("DELETED", body(9))
    assert store.get(REF) is None
    assert store.owned("me") == []
    assert heard == []


def test_another_object_of_that_name_is_news() -> None:
    store, heard = make()
    store.put(body(7))
    store.drop(REF)
    store.event("ADDED", body(8, uid="u2"))
    assert store.version(REF) == "8"
    assert heard == [Seen("me", REF, "8")]


def test_both_owners_hear_of_a_label_that_changes_hands() -> None:
    store, heard = make()
    store.put(body(1))
    store.event("MODIFIED", body(2, owner="you"))
    assert heard == [Seen("me", REF, "2"), Seen("you", REF, "2")]
    assert store.owned("me") == []
    assert store.owned("you") == [REF]


def test_a_whole_list_finds_what_no_event_told() -> None:
    store, heard = make()
    store.event("ADDED", body(1))
    store.event("ADDED", body(2, uid="u2", name="gone"))
    heard.clear()
    store.replace([body(5)], "6")
    gone = ObjectRef("", "ConfigMap", "shop", "gone")
    assert store.get(gone) is None
    assert heard == [Seen("me", REF, "5"), Seen("me", gone, "")]


def test_a_whole_list_that_is_older_than_an_own_write_does_not_undo_it() -> None:
    store, heard = make()
    store.put(body(9))
    store.replace([], "6")
    assert store.version(REF) == "9"
    assert heard == []


@given(versions=st.permutations(range(1, 7)))
def test_whatever_the_order_of_events_the_newest_stays(versions: list[int]) -> None:
    store, _ = make()
    for version in versions:
        store.event("MODIFIED", body(version))
    assert store.version(REF) == "6"


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["ADDED", "MODIFIED", "DELETED", "put"]),
            st.integers(1, 9), st.sampled_from(["a", "b"]), st.sampled_from(["me", "you", ""]),
        ),
        max_size=30,
    )
)  # fmt: skip
def test_the_index_of_owners_is_what_the_objects_say(
    steps: list[tuple[str, int, str, str]],
) -> None:
    store, _ = make()
    for kind, version, name, owner in steps:
        made = body(version, owner=owner, uid=name, name=name)
        if kind == "put":
            store.put(made)
        else:
            store.event(kind, made)
    told = {
        owner: {ref.name for ref in store.owned(owner)} for owner in ("me", "you", "")
    }  # fmt: skip
    said: dict[str, set[str]] = {"me": set(), "you": set(), "": set()}
    for there in store.bodies():
        said[there["metadata"]["labels"].get(OWNER_LABEL, "")].add(there["metadata"]["name"])
    assert told == said


FIELDS: st.SearchStrategy[Any] = st.recursive(
    st.fixed_dictionaries({}),
    lambda inner: st.dictionaries(st.sampled_from(["f:a", "f:b", 'k:{"name":"é"}', "."]), inner),
    max_leaves=6,
)
MANAGERS = st.lists(
    st.fixed_dictionaries(
        {"manager": st.sampled_from(["kubectl", "plumb"])}, optional={"fieldsV1": FIELDS}
    ),
    max_size=3,
)
ODD = st.sampled_from([None, "no list", ["no entry"], {"no": "list"}, [{"fieldsV1": "text"}]])


@given(st.lists(MANAGERS | ODD, min_size=1, max_size=5))
def test_an_object_comes_back_as_it_was_with_who_set_which_field(found: list[Any]) -> None:
    store, _ = make()
    objects = [body(1, name=f"env-{number}", uid=f"u{number}") for number in range(len(found))]
    for managers, item in zip(found, objects, strict=True):
        item["metadata"]["managedFields"] = managers
    before = copy.deepcopy(objects)
    for item in objects:
        store.put(item)
    assert objects == before
    assert sorted(store.bodies(), key=lambda b: str(b["metadata"]["name"])) == before
    for item in before:
        live = store.get(ObjectRef("", "ConfigMap", "shop", item["metadata"]["name"]))
        assert live is not None
        assert live.body == item


def test_many_shapes_are_not_kept_for_ever() -> None:
    store, _ = make()
    for number in range(3000):
        item = body(number + 1)
        item["metadata"]["managedFields"] = [{"fieldsV1": {f"f:{number}": {}}}]
        store.event("MODIFIED", item)
    assert len(store._shapes) <= 1001  # noqa: SLF001 - what it may keep
    found = store.get(REF)
    assert found is not None
    assert found.body["metadata"]["managedFields"] == [{"fieldsV1": {"f:2999": {}}}]


def test_an_object_takes_the_room_that_its_text_needs() -> None:
    store, _ = make()
    objects = [body(1, name=f"env-{number}", uid=f"u{number}") for number in range(500)]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for item in objects:
        store.put(item)
    taken = (tracemalloc.get_traced_memory()[0] - before) / len(objects)
    tracemalloc.stop()
    assert taken < 1500
