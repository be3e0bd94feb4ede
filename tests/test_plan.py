"""What a pass would do with one object, and with all of them."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import ClusterError, RefusedError
from engine.model import (
    ABSENT,
    REPLACE_ANNOTATION,
    WAVE_ANNOTATION,
    Adopt,
    Create,
    Delete,
    IgnoreRule,
    Keep,
    Plan,
    Replace,
    Skip,
    Update,
    Why,
)
from engine.namespaces import Placement
from engine.plan import make_plan, recorded
from engine.situation import Claim, Observation, Options
from tests.situations import (
    OTHER,
    SHOP,
    body,
    config_map,
    entry,
    live,
    manifest,
    ref_of,
    situation,
)

A = config_map("a", k="v")
OLD = config_map("old", k="v")


def deployment(name: str = "web", **spec: Any) -> Any:
    """A Deployment as people write it."""
    labels = {"matchLabels": {"app": name}}
    pod = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [
        {"name": "web", "image": "web:1"}]}}  # fmt: skip
    return body(
        "Deployment", name, api="apps/v1", spec={"selector": labels, "template": pod, **spec}
    )


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


def test_adoption_removes_what_kubectl_applied_and_git_does_not_have() -> None:
    import json

    noted = json.dumps(config_map("a", k="v", gone="1"))
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": noted}
    there = live(config_map("a", k="v", gone="1", own="2"), owner="", annotations=annotations)
    change = only(make_plan(situation(desired=[A], there=[there])))

    assert [edit.path for edit in change.patch.edits] == ["/data/gone"]


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


# --- immutable fields ------------------------------------------------------------------------


def changed_selector() -> dict[str, Any]:
    """A Deployment whose selector Git has changed, which no server allows."""
    before, after = deployment(), deployment()
    after["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    after["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    return {"desired": [after], "there": [live(before)], "record": [entry(before)]}


def test_an_immutable_field_is_refused_before_anything_is_written() -> None:
    change = only(make_plan(situation(**changed_selector())))

    assert isinstance(change, Skip)
    assert isinstance(change.error, RefusedError)
    assert "/spec/selector" in change.error.what


def test_a_replacement_is_agreed_to_by_option_or_in_git_and_never_on_the_live_object() -> None:
    fields = changed_selector()
    agreed = copy.deepcopy(fields["desired"][0])
    agreed["metadata"]["annotations"] = {REPLACE_ANNOTATION: "enabled"}
    marks = live(deployment()).body["metadata"]["annotations"]
    forged = live(deployment(), annotations={**marks, REPLACE_ANNOTATION: "enabled"})

    by_option = only(make_plan(situation(**fields, options=Options(replace=True))))
    in_git = only(make_plan(situation(**{**fields, "desired": [agreed]})))
    on_live = only(make_plan(situation(**{**fields, "there": [forged]})))

    assert isinstance(by_option, Replace)
    assert isinstance(in_git, Replace)
    assert isinstance(on_live, Skip)


def test_another_owners_object_is_never_replaced() -> None:
    fields = {**changed_selector(), "there": [live(deployment(), owner="")], "record": []}
    change = only(make_plan(situation(**fields, options=Options(replace=True))))

    assert isinstance(change, Skip)


# --- autoscaling, ignoring, Jobs, Secrets ----------------------------------------------------


def test_replicas_are_left_to_an_autoscaler_and_the_plan_says_so() -> None:
    desired, there = deployment(replicas=2), deployment(replicas=7)
    made = situation(desired=[desired], there=[live(there)], record=[entry(desired)])
    scaled = replace(made.observation, autoscaled=frozenset({ref_of(desired)}))
    plan = make_plan(replace(made, observation=scaled))

    assert plan.changes == ()
    assert any("HorizontalPodAutoscaler" in note for note in plan.notes)
    assert isinstance(only(make_plan(made)), Update)


def test_an_ignored_field_is_neither_compared_nor_written() -> None:
    rule = IgnoreRule(("/data/k",), kind="ConfigMap")
    application = replace(SHOP, ignore=(rule,))
    made = situation(
        desired=[A], there=[live(config_map("a", k="theirs"))], record=[entry(A)],
        application=application,
    )  # fmt: skip

    assert make_plan(made).writes == ()


def test_a_job_that_ran_and_was_cleaned_up_is_not_run_again() -> None:
    job = body("Job", "migrate", api="batch/v1", spec={"template": {"spec": {}}})
    done = entry(job, done=manifest(job).digest)
    changed = body("Job", "migrate", api="batch/v1", spec={"template": {"spec": {"x": 1}}})

    assert make_plan(situation(desired=[job], record=[done])).changes == ()
    again = make_plan(situation(desired=[changed], record=[done]))
    assert not isinstance(only(again), Delete)


def test_a_completed_job_is_noted_so_that_it_is_not_run_again() -> None:
    job = body("Job", "migrate", api="batch/v1", spec={})
    there = live(job)
    status = {"conditions": [{"type": "Complete", "status": "True"}]}
    complete = replace(there, body={**there.body, "status": status})
    plan = make_plan(situation(desired=[job], there=[complete], record=[entry(job)]))

    assert [m.ref for m in plan.settle] == [ref_of(job)]


def test_the_record_of_a_secret_has_paths_and_no_values() -> None:
    secret = body("Secret", "s", data={"k": "c2VjcmV0"}, stringData={"p": "hunter2"})
    kept = recorded(manifest(secret))

    assert "hunter2" not in str(kept)
    assert "c2VjcmV0" not in str(kept)
    assert "plumb.dev/prune" not in str(kept)


def test_the_record_of_a_secret_keeps_what_steers_plumb() -> None:
    annotations = {"plumb.dev/prune": "disabled", "note": "private"}
    secret = body("Secret", "s", metadata={"annotations": annotations}, data={"k": "eA=="})
    kept = recorded(manifest(secret))

    assert kept["metadata"]["annotations"] == {"plumb.dev/prune": "disabled", "note": ""}


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


def test_a_namespace_that_was_asked_for_comes_first_and_is_not_owned() -> None:
    namespace = manifest(body("Namespace", "shop", namespace=""))
    made = situation(desired=[A])
    placement = Placement(made.placement.manifests, namespace=namespace)
    absent = replace(made.observation, absent=made.observation.absent | {namespace.ref})
    plan = make_plan(replace(made, placement=placement, observation=absent))

    assert [change.ref.kind for change in plan.changes] == ["Namespace", "ConfigMap"]
    assert not plan.changes[0].recorded  # type: ignore[union-attr]
    assert make_plan(replace(made, placement=placement)).changes[0].ref == ref_of(A)


def test_planning_never_changes_its_situation() -> None:
    made = situation(desired=[A, deployment()], there=[live(A, owner="")], record=[entry(OLD)])
    before = copy.deepcopy((made.placement, dict(made.observation.live)))
    make_plan(made)

    assert (made.placement, dict(made.observation.live)) == before
