"""What a pass would do where the kind or a field asks for more than a comparison."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import RefusedError
from engine.model import (
    REPLACE_ANNOTATION,
    Create,
    Delete,
    IgnoreRule,
    Plan,
    Replace,
    Skip,
    Update,
)
from engine.plan import make_plan, recorded
from engine.situation import Options
from tests.situations import (
    SHOP,
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


def only(plan: Plan) -> Any:
    """The one change of a plan that has one."""
    (change,) = plan.changes
    return change


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


@pytest.mark.parametrize("agreed", [True, False])
def test_another_owners_object_is_never_replaced(*, agreed: bool) -> None:
    fields = {**changed_selector(), "there": [live(deployment(), owner="")], "record": []}
    change = only(make_plan(situation(**fields, options=Options(replace=agreed))))

    assert isinstance(change, Skip)
    assert change.error is not None
    assert change.error.code == "PLB532"


# --- autoscaling, ignoring, Jobs, Secrets ----------------------------------------------------


def test_replicas_are_left_to_an_autoscaler_and_the_plan_says_so() -> None:
    desired, there = deployment(replicas=2), deployment(replicas=7)
    made = situation(desired=[desired], there=[live(there)], record=[entry(desired)])
    scaled = replace(made.observation, autoscaled=frozenset({ref_of(desired)}))
    plan = make_plan(replace(made, observation=scaled))

    assert plan.changes == ()
    assert any("HorizontalPodAutoscaler" in note for note in plan.notes)
    assert isinstance(only(make_plan(made)), Update)


@pytest.mark.parametrize(
    "rule",
    [
        IgnoreRule(("/data/k",)),
        IgnoreRule(("/data/k",), kind="ConfigMap", group="", name="a", namespace="shop"),
        IgnoreRule(("/metadata/labels", "/data/k"), kind="ConfigMap"),
    ],
)
def test_an_ignored_field_is_neither_compared_nor_written(rule: IgnoreRule) -> None:
    application = replace(SHOP, ignore=(rule,))
    made = situation(
        desired=[A], there=[live(config_map("a", k="theirs"))], record=[entry(A)],
        application=application,
    )  # fmt: skip

    assert make_plan(made).writes == ()


@pytest.mark.parametrize(
    "rule",
    [
        IgnoreRule(("/data/k",), kind="Secret"),
        IgnoreRule(("/data/k",), group="batch"),
        IgnoreRule(("/data/k",), name="other"),
        IgnoreRule(("/data/k",), namespace="other"),
    ],
)
def test_a_rule_for_other_objects_does_not_count(rule: IgnoreRule) -> None:
    application = replace(SHOP, ignore=(rule,))
    made = situation(
        desired=[A], there=[live(config_map("a", k="theirs"))], record=[entry(A)],
        application=application,
    )  # fmt: skip

    assert isinstance(only(make_plan(made)), Update)


def test_a_job_that_ran_and_was_cleaned_up_is_not_run_again() -> None:
    job = body("Job", "migrate", api="batch/v1", spec={"template": {"spec": {}}})
    done = entry(job, done=manifest(job).digest)
    changed = body("Job", "migrate", api="batch/v1", spec={"template": {"spec": {"x": 1}}})

    assert make_plan(situation(desired=[job], record=[done])).changes == ()
    again = make_plan(situation(desired=[changed], record=[done]))
    assert not isinstance(only(again), Delete)


@pytest.mark.parametrize(
    ("spec", "fields", "runs"),
    [
        pytest.param({"ttlSecondsAfterFinished": 60}, {}, False, id="its time to live was over"),
        pytest.param({}, {}, True, id="without a time to live somebody deleted it"),
        pytest.param({"ttlSecondsAfterFinished": 60}, {"uid": ""}, True, id="it was never seen"),
        pytest.param(
            {"ttlSecondsAfterFinished": 60}, {"applied": {"kind": "Job"}}, True,
            id="Git wants another one by now",
        ),
        pytest.param(
            {"ttlSecondsAfterFinished": 60}, {"pending": {"kind": "Job"}}, True,
            id="a write of it is in the air",
        ),
    ],
)  # fmt: skip
def test_a_job_that_is_gone_and_was_not_seen_to_end_is_run_again_only_when_it_may(
    spec: dict[str, int], fields: dict[str, Any], *, runs: bool
) -> None:
    job = body("Job", "migrate", api="batch/v1", spec={**spec, "template": {"spec": {}}})

    plan = make_plan(situation(desired=[job], record=[entry(job, **fields)]))

    assert [type(c) for c in plan.changes] == ([Create] if runs else [])
    assert any("nobody saw its result" in note for note in plan.notes) is not runs


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
