"""What a pass would do with one object, and with all of them."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import ClusterError
from engine.inventory import Inventory
from engine.model import (
    ABSENT,
    WAVE_ANNOTATION,
    Adopt,
    Create,
    Keep,
    Plan,
    Skip,
    Update,
    Why,
)
from engine.namespaces import Placement, Refused
from engine.ownership import LAST_APPLIED_ANNOTATION
from engine.plan import make_plan, recorded
from engine.situation import Claim, Observation
from tests.situations import (
    ME,
    OTHER,
    body,
    config_map,
    deployment,
    entry,
    live,
    manifest,
    ref_of,
    situation,
)

A = config_map("a", k="v")
OLD = config_map("old", k="v")


def only(plan: Plan) -> Any:
    """The one change of a plan that has one."""
    (change,) = plan.changes
    return change


def test_what_is_not_there_is_created_with_marks() -> None:
    change = only(make_plan(situation(desired=[A])))

    assert isinstance(change, Create)
    assert set(change.body["metadata"]["labels"]) == {"plumb.dev/owner"}
    assert set(change.body["metadata"]["annotations"]) == {"plumb.dev/applied-by"}
    assert not change.recreate


def test_what_is_as_git_wants_it_is_left_alone() -> None:
    plan = make_plan(situation(desired=[A], there=[live(A)], record=[entry(A)]))

    assert plan.changes == ()
    assert plan.settle == ()
    assert plan.unchanged == (ref_of(A),)


def test_an_update_shows_what_git_changed_and_what_drifted() -> None:
    desired = config_map("a", k="new", d="x")
    there = config_map("a", k="v", d="by hand")
    plan = make_plan(
        situation(
            desired=[desired], there=[live(there)], record=[entry(config_map("a", k="v", d="x"))]
        )
    )
    change = only(plan)

    assert isinstance(change, Update)
    assert {edit.path: (edit.before, edit.after, edit.why) for edit in change.patch.edits} == {
        "/data/k": ("v", "new", Why.CHANGED),
        "/data/d": ("by hand", "x", Why.DRIFTED),
    }


def test_what_git_drops_is_removed_also_when_the_write_was_never_noted() -> None:
    pending = config_map("a", k="v", dropped="1")
    there = config_map("a", k="v", dropped="1", theirs="2")
    known = entry(A, pending=recorded(manifest(pending)))
    change = only(make_plan(situation(desired=[A], there=[live(there)], record=[known])))

    assert [(edit.path, edit.after) for edit in change.patch.edits] == [("/data/dropped", ABSENT)]


def test_an_entry_of_another_uid_says_nothing_about_this_object() -> None:
    there = config_map("a", k="v", others="stay")
    known = entry(config_map("a", k="v", others="1"), uid="an older one")
    plan = make_plan(situation(desired=[A], there=[live(there)], record=[known]))

    assert plan.changes == ()
    assert [m.ref for m in plan.settle] == [ref_of(A)]


@pytest.mark.parametrize(
    "known",
    [
        pytest.param([], id="no entry"),
        pytest.param([entry(A, pending={"x": 1})], id="a write that was not noted"),
        pytest.param([entry(A, uid="")], id="no uid"),
        pytest.param([entry(A, version="v0")], id="another version"),
        pytest.param([entry(config_map("a"))], id="applied before the field was added by hand"),
    ],
)
def test_a_record_that_lags_behind_is_settled_without_touching_the_object(known: Any) -> None:
    plan = make_plan(situation(desired=[A], there=[live(A)], record=known))

    assert plan.writes == ()
    assert [m.ref for m in plan.settle] == [ref_of(A)]


def test_an_object_without_marks_is_adopted() -> None:
    change = only(make_plan(situation(desired=[A], there=[live(A, owner="")])))

    assert isinstance(change, Adopt)
    assert change.patch.edits == ()  # only the marks, which nobody needs to read
    assert len(change.patch.operations) > 0


def test_an_adoption_shows_the_labels_that_git_adds_and_not_our_own() -> None:
    labelled = body("ConfigMap", "a", metadata={"labels": {"tier": "web"}})
    change = only(make_plan(situation(desired=[labelled], there=[live(A, owner="")])))

    assert [(edit.path, edit.after) for edit in change.patch.edits] == [
        ("/metadata/labels", {"tier": "web"})
    ]


def test_adoption_removes_what_kubectl_applied_and_git_does_not_have() -> None:
    noted = json.dumps(config_map("a", k="v", gone="1"))
    annotations = {LAST_APPLIED_ANNOTATION: noted}
    there = live(config_map("a", k="v", gone="1", own="2"), owner="", annotations=annotations)
    change = only(make_plan(situation(desired=[A], there=[there])))

    assert [edit.path for edit in change.patch.edits] == ["/data/gone"]


def test_an_adoption_that_is_tried_again_still_removes_what_kubectl_applied() -> None:
    noted = json.dumps(config_map("a", k="v", gone="1"))
    annotations = {LAST_APPLIED_ANNOTATION: noted}
    there = live(config_map("a", k="v", gone="1"), owner="", annotations=annotations)
    begun = entry(A, applied=None, pending=recorded(manifest(A)))
    change = only(make_plan(situation(desired=[A], there=[there], record=[begun])))

    assert isinstance(change, Adopt)
    assert [edit.path for edit in change.patch.edits] == ["/data/gone"]


@pytest.mark.parametrize(
    "noted",
    [
        "", "null", "[]", "{}", "[" * 100_000, "{", '{"metadata": []}', '{"data": {"k": {"x": 1}}}',
        '{"apiVersion": 3, "metadata": null, "data": [1]}', '{"metadata": {"labels": 1}}',
    ],
)  # fmt: skip
def test_nonsense_that_somebody_noted_as_applied_stops_no_adoption(noted: str) -> None:
    there = live(A, owner="", annotations={LAST_APPLIED_ANNOTATION: noted})
    change = only(make_plan(situation(desired=[A], there=[there])))

    assert isinstance(change, Adopt)
    assert change.patch.edits == ()


def test_an_object_that_changes_hands_says_from_whom() -> None:
    claims = {OTHER: Claim("shop/old", "url", frozenset())}
    change = only(make_plan(situation(desired=[A], there=[live(A, owner=OTHER)], claims=claims)))

    assert isinstance(change, Adopt)
    assert change.from_owner == "shop/old"


def test_a_refusal_skips_the_object_and_holds_all_deletions() -> None:
    claims = {OTHER: Claim("shop/other", "url", None)}
    plan = make_plan(
        situation(
            desired=[A, config_map("b")],
            there=[live(A, owner=OTHER), live(OLD)],
            record=[entry(OLD)],
            claims=claims,
        )
    )
    kinds = [type(change) for change in plan.changes]

    assert kinds == [Skip, Create, Keep]
    assert plan.changes[-1].hold == "Failed"  # type: ignore[union-attr]


def test_an_unknown_state_is_an_error_and_never_absence() -> None:
    unknown = Observation(unknown={ref_of(A): ClusterError("PLB440", "no answer")})
    change = only(make_plan(situation(desired=[A], observation=unknown)))

    assert isinstance(change, Skip)
    assert change.error is not None


def test_a_state_nobody_asked_for_is_an_error_too() -> None:
    change = only(make_plan(situation(desired=[A], observation=Observation())))

    assert isinstance(change, Skip)


def test_an_object_on_its_way_out_is_waited_for() -> None:
    there = live(A, deletionTimestamp="2026-11-23T00:00:00Z")
    change = only(make_plan(situation(desired=[A], there=[there], record=[entry(A)])))

    assert isinstance(change, Skip)
    assert change.error is None


def test_nothing_is_made_in_a_namespace_that_is_on_its_way_out() -> None:
    namespace = body("Namespace", "shop", namespace="")
    going = live(namespace, deletionTimestamp="2026-11-23T00:00:00Z")
    plan = make_plan(situation(desired=[A, namespace], there=[going], record=[entry(namespace)]))

    assert [type(change) for change in plan.changes] == [Skip, Skip]
    assert [change.error for change in plan.changes] == [None, None]  # type: ignore[union-attr]


def test_a_refused_namespace_leaves_its_objects_to_be_tried() -> None:
    namespace = body("Namespace", "shop", namespace="")
    made = situation(desired=[A, namespace])
    unknown = {ref_of(namespace): ClusterError("PLB440", "no answer")}
    seen = Observation(unknown=unknown, absent=frozenset({ref_of(A)}))
    plan = make_plan(replace(made, observation=seen))

    assert [type(change) for change in plan.changes] == [Skip, Create]


def test_an_object_that_is_there_in_another_version_waits_for_its_definition() -> None:
    names = {"kind": "Thing", "plural": "things"}
    versions = [{"name": name, "served": True} for name in ("v1", "v2")]
    crd = {"spec": {"group": "x.io", "scope": "Namespaced", "names": names, "versions": versions}}
    desired = body("Thing", "a", api="x.io/v2")
    made = situation(desired=[desired], there=[live(body("Thing", "a", api="x.io/v1"))])
    change = only(make_plan(replace(made, kinds=made.kinds.with_definitions([crd]))))

    assert isinstance(change, Skip)
    assert change.error is None


def test_what_cannot_be_placed_is_refused_in_its_own_wave_and_holds_up_no_other() -> None:
    late = body("Thing", "late", metadata={"annotations": {WAVE_ANNOTATION: "5"}})
    made = situation(desired=[A])
    refused = Refused(manifest(late), ClusterError("PLB321", "unknown kind"))
    plan = make_plan(replace(made, placement=replace(made.placement, refused=(refused,))))

    assert [(wave.number, wave.members) for wave in plan.waves] == [
        (0, (ref_of(A),)), (5, (ref_of(late),))
    ]  # fmt: skip
    assert [type(change) for change in plan.changes] == [Create, Skip]


def test_a_bug_that_one_object_trips_stops_no_other() -> None:
    def trip(*_: object) -> str:
        raise KeyError("in the locator")

    wrong = deployment(replcas=1)
    first, second = make_plan(situation(desired=[A, wrong], where=trip)).changes

    assert isinstance(first, Create)
    assert isinstance(second, Skip)
    assert second.error is not None
    assert (second.error.code, second.error.where) == ("PLB690", "apps/shop/objects.yaml:2")


# --- the whole plan --------------------------------------------------------------------------


def test_an_unknown_field_is_refused_with_its_place() -> None:
    wrong = deployment(replcas=1)
    made = situation(desired=[wrong], where=lambda _m, pointer: f"apps/web.yaml:{len(pointer)}:1")
    change = only(make_plan(made))

    assert isinstance(change, Skip)
    assert change.error is not None
    assert change.error.where == f"apps/web.yaml:{len('/spec/replcas')}:1"
    assert "replicas" in str(change.error)


def test_waves_come_in_order_and_name_all_their_members() -> None:
    late = body("ConfigMap", "late", metadata={"annotations": {WAVE_ANNOTATION: "5"}})
    early = body("ConfigMap", "early", metadata={"annotations": {WAVE_ANNOTATION: "-1"}})
    plan = make_plan(situation(desired=[late, A, early], there=[live(A)], record=[entry(A)]))

    assert [wave.number for wave in plan.waves] == [-1, 0, 5]
    assert [wave.members for wave in plan.waves] == [
        (ref_of(early),), (ref_of(A),), (ref_of(late),)
    ]  # fmt: skip


def test_without_a_record_removals_are_unknown_and_the_plan_says_so() -> None:
    plan = make_plan(situation(desired=[A], there=[live(A)], inventory=None))

    assert not plan.removals_known
    assert any("removals are unknown" in note for note in plan.notes)


def test_a_record_in_doubt_is_said_loudly() -> None:
    made = situation(desired=[A], there=[live(A)], inventory=Inventory(ME, "a/b", doubt="cut"))

    assert "nothing is deleted" in make_plan(made).notes[0]


def test_a_namespace_that_was_asked_for_comes_first_and_is_not_owned() -> None:
    namespace = manifest(body("Namespace", "shop", namespace=""))
    made = situation(desired=[A])
    placement = Placement(made.placement.manifests, namespace=namespace)
    absent = replace(made.observation, absent=made.observation.absent | {namespace.ref})
    plan = make_plan(replace(made, placement=placement, observation=absent))

    assert [change.ref.kind for change in plan.changes] == ["Namespace", "ConfigMap"]
    assert not plan.changes[0].recorded  # type: ignore[union-attr]
    assert make_plan(replace(made, placement=placement)).changes[0].ref == ref_of(A)
    nothing = replace(made, placement=Placement((), namespace=namespace), observation=absent)
    assert make_plan(nothing).changes == ()


def test_planning_never_changes_its_situation() -> None:
    made = situation(desired=[A, deployment()], there=[live(A, owner="")], record=[entry(OLD)])
    before = copy.deepcopy((made.placement, dict(made.observation.live)))
    make_plan(made)

    assert (made.placement, dict(made.observation.live)) == before
