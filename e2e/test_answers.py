"""What the server answers when it was told something else: one write, a note, then quiet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.team import Team

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: asked, other: '1'}\n"
_BASE = "/apis/admissionregistration.k8s.io/v1"


@pytest.fixture
def mutation(team: Team) -> Iterator[None]:
    """A MutatingAdmissionPolicy that sets data.k to "answered" in the team's namespace."""
    name = f"answer-{team.namespace}"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"],
            "operations": ["CREATE", "UPDATE"]}  # fmt: skip
    own = f"object.metadata.namespace == '{team.namespace}' && has(object.data.k)"
    change = 'Object{data: {"k": "answered"}}'
    base = _BASE if team.plane.is_there(f"{_BASE}/mutatingadmissionpolicies") else f"{_BASE}beta1"
    if not team.plane.is_there(f"{base}/mutatingadmissionpolicies"):
        pytest.skip("this API server has no MutatingAdmissionPolicy")
    spec = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": {"resourceRules": [rule]},
        "matchConditions": [{"name": "own", "expression": own}],
        "mutations": [
            {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": change}}
        ],
    }
    team.plane.create(
        f"{base}/mutatingadmissionpolicies", {"metadata": {"name": name}, "spec": spec}
    )
    binding = {"metadata": {"name": name}, "spec": {"policyName": name}}
    team.plane.create(f"{base}/mutatingadmissionpolicybindings", binding)
    _wait_until_it_works(team)
    yield
    team.plane.delete(f"{base}/mutatingadmissionpolicybindings/{name}")
    team.plane.delete(f"{base}/mutatingadmissionpolicies/{name}")


def _wait_until_it_works(team: Team) -> None:
    deadline = time.monotonic() + 30
    probe = {"metadata": {"name": "probe"}, "data": {"k": "asked"}}
    path = f"{team.path('configmaps')}?dryRun=All"
    while team.plane.create(path, probe)["data"]["k"] != "answered":
        assert time.monotonic() < deadline, "the policy never took effect"
        time.sleep(0.1)  # noqa: TID251 - a test has no stop event


@pytest.mark.usefixtures("mutation")
def test_a_mutating_admission_policy_costs_one_write_and_a_note(team: Team) -> None:
    team.commit({"a.yaml": CONFIG})

    first = team.sync()
    before = team.writes()
    second = team.sync()

    assert [outcome["action"] for outcome in first["outcomes"]] == ["created"]
    assert team.get("configmaps", "a")["data"] == {"k": "answered", "other": "1"}
    assert second["outcomes"] == []
    assert team.writes() == before
    assert any("/data/k" in note for note in second["plan"]["notes"])


@pytest.mark.usefixtures("mutation")
def test_a_later_change_is_written_once_and_the_answer_still_counts(team: Team) -> None:
    team.commit({"a.yaml": CONFIG})
    team.sync()
    team.commit({"a.yaml": CONFIG.replace("'1'", "'2'")})

    changed = team.sync()
    again = team.sync()

    assert [outcome["action"] for outcome in changed["outcomes"]] == ["updated"]
    assert again["outcomes"] == []
    assert team.get("configmaps", "a")["data"] == {"k": "answered", "other": "2"}


@pytest.mark.usefixtures("mutation")
def test_what_somebody_else_makes_of_it_is_drift_all_the_same(team: Team) -> None:
    team.commit({"a.yaml": CONFIG})
    team.sync()
    team.merge("configmaps", "a", {"data": {"other": "by hand"}})

    repaired = team.sync()

    assert [outcome["action"] for outcome in repaired["outcomes"]] == ["updated"]
    assert team.get("configmaps", "a")["data"]["other"] == "1"
    assert team.sync()["outcomes"] == []
