"""A change of Git and drift that is there already, in one report, on a real server."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from e2e.test_refusals import allow

if TYPE_CHECKING:
    from e2e.team import Team

pytestmark = pytest.mark.usefixtures("control_plane")

APP = """
apiVersion: plumb.dev/v1alpha1
kind: Application
metadata: {{name: shop, namespace: {namespace}}}
spec: {{source: {{url: "{url}", ref: {{branch: main}}, path: apps}}}}
"""
ENV = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: env}}\ndata: {{mode: {0}, level: '1'}}\n"
NEW = """
apiVersion: v1
kind: Namespace
metadata: {{name: new-{namespace}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: toys.{namespace}.example.com}}
spec:
  group: {namespace}.example.com
  names: {{kind: Toy, plural: toys, singular: toy, listKind: ToyList}}
  scope: Namespaced
  versions:
  - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object,
      properties: {{spec: {{type: object, properties: {{size: {{type: integer}}}}}}}}}}}}}}
---
apiVersion: {namespace}.example.com/v1
kind: Toy
metadata: {{name: bear, namespace: new-{namespace}}}
spec: {{size: 1}}
"""


@pytest.fixture
def drifted(team: Team) -> Team:
    """A team whose object was changed by hand, and a change of Git on another branch."""
    document = APP.format(url=team.repository.path, namespace=team.namespace)
    team.repository.commit({"app.yaml": document, "apps/env.yaml": ENV.format("fast")})
    team.sync()
    team.repository.commit({"apps/env.yaml": ENV.format("slow")}, branch="feature")
    team.merge("configmaps", "env", {"data": {"level": "9"}})
    return team


def both(team: Team, *arguments: str, expect: int = 0) -> Any:
    """The report on both questions."""
    done = team.run(
        "diff", f"--repo={team.repository.path}", "--base=main", "--head=feature", "--live",
        "-o", "json", *arguments, expect=expect,
    )  # fmt: skip
    return json.loads(done.stdout)


def paths(plan: Any) -> list[str]:
    """The fields that a plan changes."""
    return [edit["path"] for change in plan["changes"] for edit in change["edits"]]


def test_this_change_and_drift_are_told_apart_by_who_may_only_read(drifted: Team) -> None:
    user = f"reviewer-{drifted.namespace}"
    verbs = ["get", "list", "watch"]
    allow(drifted.plane, user, drifted.namespace, resources=["*"], verbs=verbs)
    drifted.kubeconfig = drifted.plane.kubeconfig_for(user)
    before = drifted.writes()

    report = both(drifted)

    (change,), (drift,) = report["applications"], report["drift"]
    assert paths(change["plan"]) == ["/data/mode"]
    assert paths(drift["plan"]) == ["/data/level"]
    assert [e["why"] for c in drift["plan"]["changes"] for e in c["edits"]] == [
        "changed in the cluster"
    ]
    assert drifted.writes() == before
    requests = drifted.plane.requests(user=user)
    assert requests
    assert {event["verb"] for event in requests} <= {"get", "list", "watch"}


def test_the_exit_code_counts_both(drifted: Team) -> None:
    both(drifted, "--exit-code", expect=2)
    # The drift alone is a difference too, and without it there is none.
    nothing = ("--head=main", "--exit-code")
    assert both(drifted, *nothing)["drift"] == []


def test_without_the_records_drift_says_that_removals_are_unknown(drifted: Team) -> None:
    user = f"blind-{drifted.namespace}"
    verbs = ["get", "list", "watch"]
    allow(drifted.plane, user, drifted.namespace, resources=["*"], verbs=verbs, records=False)
    drifted.kubeconfig = drifted.plane.kubeconfig_for(user)

    (drift,) = both(drifted)["drift"]

    assert drift["plan"]["removalsKnown"] is False
    assert any("removals are unknown" in note for note in drift["plan"]["notes"])


def test_a_new_namespace_and_a_new_kind_of_the_same_change_are_planned(team: Team) -> None:
    team.commit({"new.yaml": NEW.format(namespace=team.namespace)})

    done = team.plumb("diff", "-o", "json", "--exit-code", expect=2)

    changes = json.loads(done.stdout)["plan"]["changes"]
    assert {(c["object"]["kind"], c["action"]) for c in changes} == {
        ("Namespace", "create"), ("CustomResourceDefinition", "create"), ("Toy", "create"),
    }  # fmt: skip


def test_a_cluster_that_cannot_be_reached_is_an_error_beside_the_change(
    drifted: Team, tmp_path: Any
) -> None:
    text = drifted.kubeconfig.read_text()
    broken = tmp_path / "kubeconfig"
    broken.write_text(re.sub(r"https://127\.0\.0\.1:\d+", "https://127.0.0.1:1", text))
    drifted.kubeconfig = broken

    report = both(drifted, "--exit-code", "--request-timeout=2s", expect=6)

    assert paths(report["applications"][0]["plan"]) == ["/data/mode"]
    assert report["drift"][0]["errors"]
