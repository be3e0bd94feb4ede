"""The record's values: what is written is read back, and nothing else is believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RefusedError
from engine.inventory import (
    LONG_STRING,
    Entry,
    Inventory,
    Run,
    entry_from_json,
    entry_to_json,
    head_from_json,
    head_to_json,
    mark,
    marked,
    owner_of,
    restore,
    trim,
)
from engine.model import ObjectRef
from tests.situations import ME, OTHER, config_map, live, ref_of

texts = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
bodies = st.none() | st.dictionaries(texts, values, min_size=1, max_size=3)
entries = st.builds(
    Entry,
    ref=st.builds(ObjectRef, texts, texts, texts, texts),
    uid=texts,
    version=texts,
    applied=bodies,
    pending=bodies,
    answers=st.dictionaries(texts, texts, max_size=2),
    existed=st.booleans(),
    done=texts,
)


@given(entries)
def test_an_entry_is_read_back_as_it_was_written(entry: Entry) -> None:
    assert entry_from_json(orjson.loads(orjson.dumps(entry_to_json(entry))), shard=0) == entry


def test_a_head_is_read_back_as_it_was_written() -> None:
    runs = (Run("c" * 40, 1700000000, "done", {"created": 2}),)
    head = Inventory(ME, "shop/shop", source="https://git.example/x.git apps", last=runs)

    assert head_from_json(orjson.loads(orjson.dumps(head_to_json(head, shards=3)))) == (head, 3)


def test_only_the_last_five_runs_are_kept() -> None:
    runs = tuple(Run(str(n), n, "done", {}) for n in range(9))
    written = head_to_json(Inventory(ME, "a/b", last=runs), shards=1)

    assert [run["revision"] for run in written["last"]] == ["4", "5", "6", "7", "8"]


@pytest.mark.parametrize(
    "body",
    [None, [], "x", {}, {"version": "1"}, {"version": 0}, {"version": 1}, {"version": 1, "id": 5}],
)
def test_what_is_no_record_is_doubted_and_not_believed(body: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        head_from_json(body)


@pytest.mark.parametrize("shards", [0, -1, "no", None, "0"])
def test_a_head_without_shards_is_doubted_and_not_taken_for_empty(shards: Any) -> None:
    head = head_to_json(Inventory(ME, "a/b"), shards=1)

    with pytest.raises(ValueError, match=r".+"):
        head_from_json({**head, "shards": shards})


def test_a_tight_record_keeps_every_name_whole() -> None:
    name = "n" * 253
    known = Entry(
        ObjectRef("g" * 200, "K" * 200, "", name), uid="u" * 200, applied={"k": "v" * 200}
    )
    back = entry_from_json(entry_to_json(known, longest=128), shard=0)

    assert (back.ref, back.uid) == (known.ref, known.uid)
    assert back.applied == trim(known.applied, longest=128) != known.applied


def test_entries_are_set_and_dropped() -> None:
    one, two = (Entry(ref_of(config_map(name))) for name in "ab")
    before = Inventory(ME, "a/b", {one.ref: one})

    after = before.with_entries([two], [one.ref, ref_of(config_map("never there"))])

    assert dict(after.entries) == {two.ref: two}
    assert dict(before.entries) == {one.ref: one}


def test_a_record_of_a_newer_version_is_refused() -> None:
    with pytest.raises(RefusedError, match="newer"):
        head_from_json({"version": 2})


def test_an_entry_that_names_no_object_is_doubted() -> None:
    with pytest.raises(ValueError, match="an entry"):
        entry_from_json({"ref": ["", "ConfigMap", "shop", 7]}, shard=0)


@given(values)
def test_an_entry_of_anything_else_is_doubted(body: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        entry_from_json(body, shard=0)


# --- marks -----------------------------------------------------------------------------------


def test_a_mark_names_its_object() -> None:
    there = live(config_map("a"))

    assert owner_of(there) == ME


@pytest.mark.parametrize(
    "annotation",
    [
        "",
        "nonsense",
        f"{ME}:",
        mark(ME, ref_of(config_map("another"))),
        f"{ME}:/ConfigMap/elsewhere/a",
        f":{mark(ME, ref_of(config_map('a')))}",
    ],
)
def test_a_mark_that_names_another_object_counts_for_nothing(annotation: str) -> None:
    there = live(config_map("a"), owner="", annotations={"plumb.dev/applied-by": annotation})

    assert owner_of(there) == ""


def test_marking_changes_nothing_but_the_marks_and_never_its_argument() -> None:
    body = config_map("a")
    before = orjson.dumps(body)
    result = marked(body, OTHER, ref_of(body))

    assert orjson.dumps(body) == before
    assert result["data"] == body["data"]
    assert set(result["metadata"]) == {"name", "namespace", "labels", "annotations"}


# --- long values -----------------------------------------------------------------------------

long_values = st.recursive(
    st.sampled_from(["short", "x" * (LONG_STRING + 1), "y" * (LONG_STRING + 2), 1, None]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(long_values)
def test_a_trimmed_body_comes_back_whole_beside_the_same_desired_one(body: Any) -> None:
    assert restore(trim(body), body) == body


@given(long_values)
def test_a_trimmed_body_holds_no_long_string(body: Any) -> None:
    assert b"x" * (LONG_STRING + 1) not in orjson.dumps(trim(body))


def test_a_long_string_that_git_changed_stays_a_digest() -> None:
    applied = trim({"data": {"a": "x" * 5000, "b": "y" * 5000}})
    back = restore(applied, {"data": {"a": "x" * 5000, "b": "z" * 5000}})

    assert back["data"]["a"] == "x" * 5000
    assert back["data"]["b"].startswith("plumb.dev/sha256:")


def test_a_record_remembers_where_strays_are() -> None:
    inventory = Inventory(ME, "shop/shop", places=(("", "Service", "x"), ("apps", "Job", "")))
    body = head_to_json(inventory, shards=1)

    assert head_from_json(body)[0].places == inventory.places
    assert "places" not in head_to_json(replace(inventory, places=()), shards=1)


@pytest.mark.parametrize("places", [[["", "Service"]], [[1, 2, 3]], [7], "abc"])
def test_places_that_are_none_make_a_record_doubted(places: Any) -> None:
    body = head_to_json(Inventory(ME, "shop/shop"), shards=1)

    with pytest.raises(ValueError, match=r"misspells|unpack"):
        head_from_json({**body, "places": places})


# What the first version of this format wrote, byte for byte. Never edit: old records look like it.
FORMAT_1_HEAD = {
    "version": 1, "id": "0" * 32, "application": "shop/shop", "origin": "file",
    "source": "https://git.example/config.git apps/shop", "shards": 1, "released": False,
    "last": [{"revision": "c" * 40, "at": 1772355600, "result": "done", "counts": {"created": 1}}],
}  # fmt: skip
FORMAT_1_ENTRY = {
    "ref": ["apps", "Deployment", "shop", "web"], "uid": "u-1", "version": "apps/v1",
    "applied": {"kind": "Deployment"}, "pending": {"kind": "Deployment"},
    "answers": {"/spec": "ab"}, "existed": True, "done": "d",
}  # fmt: skip


def test_a_record_of_the_version_before_is_read() -> None:
    head, shards = head_from_json(FORMAT_1_HEAD)
    entry = entry_from_json(FORMAT_1_ENTRY, shard=0)

    assert (head.id, shards, head.last[0].counts) == ("0" * 32, 1, {"created": 1})
    assert (entry.uid, entry.existed, entry.done) == ("u-1", True, "d")


def test_the_version_before_reads_what_is_written_now() -> None:
    """It needs these keys with these types, and leaves others alone."""
    head, _ = head_from_json(FORMAT_1_HEAD)
    now = head_to_json(replace(head, places=(("", "Service", "x"),)), shards=1)

    assert {key: now[key] for key in FORMAT_1_HEAD} == FORMAT_1_HEAD
    assert entry_to_json(entry_from_json(FORMAT_1_ENTRY, shard=0)) == FORMAT_1_ENTRY


def test_keys_of_a_later_version_of_the_format_do_no_harm() -> None:
    head, _ = head_from_json({**FORMAT_1_HEAD, "later": {"x": 1}})
    entry = entry_from_json({**FORMAT_1_ENTRY, "later": [1]}, shard=0)

    assert head == head_from_json(FORMAT_1_HEAD)[0]
    assert entry == entry_from_json(FORMAT_1_ENTRY, shard=0)
