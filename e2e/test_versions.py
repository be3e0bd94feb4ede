"""Two applications, and one in time, that use different versions of one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.test_ownership import application, deletions, write

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.team import Team

V1 = """apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {{name: {0}}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {0}}}
  maxReplicas: {1}
  targetCPUUtilizationPercentage: 70
"""
V2 = """apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: {0}}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {0}}}
  maxReplicas: {1}
  metrics:
  - type: Resource
    resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 70}}}}
"""


@pytest.fixture
def both(team: Team, tmp_path: Path) -> str:
    """The file of two applications; one has an autoscaler as v1, the other one as v2."""
    team.repository.commit({
        "old/a.yaml": V1.format("a", 3), "new/b.yaml": V2.format("b", 3),
    })  # fmt: skip
    return write(
        tmp_path, application(team, "old", "old"), application(team, "new", "new"),
    )  # fmt: skip


def scalers(team: Team) -> dict[str, tuple[str, int]]:
    """The uid and the limit of each."""
    items = team.plane.get(team.path("horizontalpodautoscalers", api="apis/autoscaling/v2"))
    return {
        i["metadata"]["name"]: (i["metadata"]["uid"], i["spec"]["maxReplicas"])
        for i in items["items"]
    }


def test_each_keeps_its_own_version_and_its_own_objects(team: Team, both: str) -> None:
    team.run("sync", "-f", both)
    before, written = scalers(team), team.writes()
    assert sorted(before) == ["a", "b"]

    team.run("sync", "-f", both)
    team.run("diff", "-f", both, "--exit-code")
    assert team.writes() == written

    team.repository.commit({"old/a.yaml": V1.format("a", 5)})
    team.run("sync", "-f", both)
    assert scalers(team) == {"a": (before["a"][0], 5), "b": before["b"]}

    team.repository.commit({"new/b.yaml": None, "new/c.yaml": V2.format("c", 2)})
    team.run("sync", "-f", both)
    assert sorted(scalers(team)) == ["a", "c"]
    assert scalers(team)["a"][0] == before["a"][0]
    assert [name for _, _, name in deletions(team)] == ["b"]


def test_one_object_wanted_in_two_versions_is_one_object(team: Team, both: str) -> None:
    """Who has it keeps it, whatever version the other one wants it in; neither fights."""
    team.run("sync", "-f", both)
    before = scalers(team)
    team.repository.commit({"new/a.yaml": V2.format("a", 9)})

    refused = team.run("sync", "-f", both, expect=8)

    assert "HorizontalPodAutoscaler.autoscaling" in refused.stdout
    assert f"Application {team.namespace}/old" in refused.stdout
    assert scalers(team) == before
    assert deletions(team) == []


def test_a_version_that_changes_in_git_changes_nothing_else(team: Team, both: str) -> None:
    team.run("sync", "-f", both)
    before = scalers(team)
    team.repository.commit({"old/a.yaml": V2.format("a", 3)})

    said = team.run("sync", "-f", both).stdout

    assert scalers(team) == before
    assert deletions(team) == []
    assert "created" not in said
    assert "deleted" not in said
    team.run("diff", "-f", both, "--exit-code")
