"""What becomes of the objects when their application is deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.model import MARK_ANNOTATION, OWNER_LABEL, Delete, Keep, Release
from engine.prune import farewell, unmark
from engine.situation import Options
from tests.situations import OTHER, SHOP, body, config_map, entry, live, ref_of, situation

OLD = config_map("old", a="1")


def test_unmarking_is_guarded_on_the_object_and_on_both_marks() -> None:
    operations = unmark(live(OLD)).operations

    assert [o["op"] for o in operations] == ["test", "test", "remove", "test", "remove"]
    removed = [o["path"] for o in operations if o["op"] == "remove"]
    assert removed == [
        f"/metadata/labels/{OWNER_LABEL.replace('/', '~1')}",
        f"/metadata/annotations/{MARK_ANNOTATION.replace('/', '~1')}",
    ]


@pytest.mark.parametrize(
    ("policy", "fate"), [("orphan", Release), ("delete", Delete), ("wait", Delete)]
)
def test_a_deleted_application_leaves_or_deletes_its_objects(policy: Any, fate: type) -> None:
    application = replace(SHOP, deletion_policy=policy)
    made = situation(record=[entry(OLD)], there=[live(OLD)], application=application)

    assert [type(change) for change in farewell(made).changes] == [fate]


def test_a_deleted_application_leaves_namespaces_unless_the_token_names_them() -> None:
    namespace = body("Namespace", "team", namespace="")
    application = replace(SHOP, deletion_policy="delete")
    fields: dict[str, Any] = {
        "record": [entry(namespace)], "there": [live(namespace)], "application": application
    }  # fmt: skip
    shown = farewell(situation(**fields))
    confirmed = farewell(situation(**fields, options=Options(confirm=shown.token)))

    assert [type(change) for change in shown.changes] == [Release]
    assert [type(change) for change in confirmed.changes] == [Delete]


def test_a_deleted_application_leaves_what_another_living_record_names() -> None:
    made = situation(
        record=[entry(OLD)], there=[live(OLD)], named={ref_of(OLD): "another record names it"},
        application=replace(SHOP, deletion_policy="delete"),
    )  # fmt: skip

    assert [type(change) for change in farewell(made).changes] == [Release]


def test_a_deleted_application_does_not_touch_what_is_not_its_own() -> None:
    made = situation(
        record=[entry(OLD)],
        there=[live(OLD, owner=OTHER)],
        application=replace(SHOP, deletion_policy="delete"),
    )

    assert farewell(made).changes == ()
    assert farewell(made).forget == (ref_of(OLD),)


@pytest.mark.parametrize(
    ("there", "fate"),
    [
        pytest.param(live(OLD, deletionTimestamp="x"), Keep, id="on its way out: waited for"),
        pytest.param(live(OLD, uid="made again"), Release, id="a restored copy: left, unmarked"),
    ],
)
def test_a_deleted_application_deletes_only_what_it_made(there: Any, fate: type) -> None:
    application = replace(SHOP, deletion_policy="delete")
    made = situation(record=[entry(OLD)], there=[there], application=application)

    assert [type(change) for change in farewell(made).changes] == [fate]


def test_an_application_whose_record_cannot_be_read_says_goodbye_to_nothing() -> None:
    assert farewell(situation(there=[live(OLD)], inventory=None)).changes == ()


def test_unmarking_what_carries_no_mark_changes_nothing() -> None:
    assert [o["op"] for o in unmark(live(OLD, owner="")).operations] == ["test"]


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_deleted_application_deletes_what_only_carries_its_mark_when_the_token_names_it(
    *, confirmed: bool
) -> None:
    left = config_map("left")
    made = situation(application=replace(SHOP, deletion_policy="delete"))
    seen = replace(made.observation, strays={ref_of(left): live(left)})
    made = replace(made, observation=seen)
    asked = farewell(made)
    assert [type(change) for change in asked.changes] == [Release]
    assert asked.token

    made = replace(made, options=Options(confirm=asked.token if confirmed else "0" * 16))

    assert [type(c) for c in farewell(made).changes] == [Delete if confirmed else Release]
