"""What lives in a cluster and gets in the way: scenarios 10 to 15.

Admission, finalizers and webhooks are real ones of a real API server.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from e2e.faultfixtures import (
    GOES,
    A,
    B,
    deletes,
    one_shot,
    peaceful,
    stage,
    story,
    until,
    waiting,
    wanted,
)
from e2e.faults.lane import no_fault
from e2e.faults.objects import Ref, manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.faults.story import Story

__all__ = ["one_shot", "stage", "story", "waiting"]
pytestmark = pytest.mark.usefixtures("control_plane")

_ADMISSION = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"


class Denial:
    """An admission policy that denies something in the story's namespace until it is lifted."""

    def __init__(
        self, story: Story, operation: str, expression: str, probe: Callable[[], int]
    ) -> None:
        self._story, name = story, f"deny-{story.namespace}"
        direct = story.stage.direct
        direct.create(f"{_ADMISSION}ies", {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "operations": [operation],
                    "resources": ["configmaps", "secrets"]}]},
                "validations": [{"expression": expression, "message": "not today"}],
            },
        })  # fmt: skip
        selector = {"matchLabels": {"kubernetes.io/metadata.name": story.namespace}}
        direct.create(f"{_ADMISSION}ybindings", {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"],
                     "matchResources": {"namespaceSelector": selector}},
        })  # fmt: skip
        self._probe = probe
        until(lambda: probe() == 422)

    def lift(self) -> None:
        name = f"deny-{self._story.namespace}"
        self._story.stage.direct.delete(f"{_ADMISSION}ybindings/{name}")
        self._story.stage.direct.delete(f"{_ADMISSION}ies/{name}")
        until(lambda: self._probe() != 422)


def dry_run(story: Story, method: str, ref: Ref, body: Any = None) -> Callable[[], int]:
    """Ask past the proxy what would be, without doing it."""
    path = (Ref(ref.kind, "") if method == "POST" else ref).path(story.namespace)
    return lambda: story.stage.plane.request(method, f"{path}?dryRun=All", body=body).status


# --- 10, 11: definitions ---------------------------------------------------------------------


def definition(group: str, *versions: str) -> Any:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"kind": "Gadget", "plural": "gadgets", "singular": "gadget", "listKind": "GadgetList"}
    served = [
        {"name": version, "served": True, "storage": version == "v1", "schema": schema}
        for version in versions
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gadgets.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": served},
    }  # fmt: skip


@pytest.fixture
def group(story: Story) -> Iterator[str]:
    """A group of the story's own; its definition is gone in the end."""
    name = f"{story.namespace}.example.org"
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    story.checker.also = (definitions, f"/apis/{name}/")
    yield name
    story.stage.direct.delete(f"{definitions}/gadgets.{name}")


def gadget(group: str, version: str = "v1") -> str:
    return json.dumps({"apiVersion": f"{group}/{version}", "kind": "Gadget",
                       "metadata": {"name": "one"}, "spec": {"size": 1}})  # fmt: skip


def test_10_a_broken_conversion_webhook_holds_up_only_those_that_use_it(
    waiting: Story, group: str
) -> None:
    direct, path = waiting.stage.direct, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    direct.create(path, definition(group, "v1", "v2"))
    gadgets = f"/apis/{group}/v1/namespaces/{waiting.namespace}/gadgets"
    until(lambda: direct.get(gadgets) is not None)
    waiting.commit(wanted(A, B, GOES), files={"gadget.yaml": gadget(group, "v2")})
    assert waiting.sync().code == 0
    hook = {
        "strategy": "Webhook",
        "webhook": {
            "clientConfig": {"url": "https://127.0.0.1:1/convert"},
            "conversionReviewVersions": ["v1"],
        },
    }
    direct.merge(f"{path}/gadgets.{group}", {"spec": {"conversion": hook}})
    second = gadgets.replace(f"{group}/v1", f"{group}/v2")
    until(lambda: "conversion" in str(waiting.stage.plane.request("GET", second).body))

    waiting.commit(wanted(A, B, value="2"), files={"gadget.yaml": gadget(group, "v2")})
    done = waiting.sync(no_fault, "--request-timeout=2s")
    assert done.code != 0
    assert "PLB428" in done.output
    assert sorted(waiting.writes(waiting.lane.run)) == [("PATCH", str(A)), ("PATCH", str(B))]
    times = [e.at for e in waiting.lane.of_run(waiting.lane.run) if "gadgets" not in e.label]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert sum(gap > 0.9 for gap in gaps) <= 2, "it slows down requests for other kinds"

    # Git has nothing of that kind any more, so what it cannot say only keeps its own deletion.
    waiting.commit(wanted(A, B, value="3"))
    waiting.sync(no_fault, "--request-timeout=2s")
    assert deletes(waiting) == [str(GOES)]
    direct.merge(
        f"{path}/gadgets.{group}", {"spec": {"conversion": {"strategy": "None", "webhook": None}}}
    )
    until(lambda: waiting.stage.plane.request("GET", second).status == 200)
    peaceful(waiting)
    assert direct.get(f"{gadgets}/one") is None


def test_11_a_definition_and_its_object_come_in_one_commit_and_go_with_a_token(
    story: Story, group: str
) -> None:
    crd = json.dumps(definition(group, "v1"))
    story.commit(wanted(A), files={"z-crd.yaml": crd, "gadget.yaml": gadget(group)})
    assert story.sync().code == 0
    gadgets = f"/apis/{group}/v1/namespaces/{story.namespace}/gadgets/one"
    assert story.stage.direct.get(gadgets)["spec"] == {"size": 1}

    story.commit(wanted(A), files={"gadget.yaml": gadget(group)})
    assert story.sync().code == 8, "a definition goes only when somebody confirms it"
    assert story.stage.direct.get(gadgets) is not None
    assert [e for e in story.lane.of_run(story.lane.run) if e.request.method == "DELETE"] == []


def test_11_a_definition_that_is_gone_lets_nothing_else_be_pruned(story: Story, group: str) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    direct = story.stage.direct
    direct.create(path, definition(group, "v1"))
    gadgets = f"/apis/{group}/v1/namespaces/{story.namespace}/gadgets"
    until(lambda: direct.get(gadgets) is not None)
    files = {"gadget.yaml": gadget(group)}
    story.commit(wanted(A, GOES), files=files)
    assert story.sync().code == 0
    direct.delete(f"{path}/gadgets.{group}")
    until(lambda: direct.get(gadgets) is None)
    story.commit(wanted(A, value="2"), files=files)
    done = story.sync()
    assert done.code != 0
    assert "Gadget" in done.errors + done.output
    assert story.writes(story.lane.run) == [("PATCH", str(A))]
    story.commit(wanted(A, value="2"))
    peaceful(story)
    assert deletes(story) == [str(GOES)]


# --- 12, 13: admission -----------------------------------------------------------------------


@pytest.mark.timeout(180)
def test_12_one_of_a_hundred_is_denied_and_nothing_is_pruned(story: Story) -> None:
    many = [Ref("ConfigMap", f"many-{n:02}") for n in range(99)]
    story.commit(wanted(GOES))
    assert story.sync().code == 0
    bad = Ref("ConfigMap", "bad")
    body = manifest(bad, "1")
    denial = Denial(
        story, "CREATE", "object.metadata.name != 'bad'", dry_run(story, "POST", bad, body)
    )
    story.commit(wanted(*many, bad))
    for _ in range(2):
        done = story.sync()
        assert done.code == 1
        assert "bad" in {o["object"]["name"] for o in done.report()["outcomes"] if o["error"]}
        assert deletes(story) == []
    created = [ref for verb, ref in story.writes() if verb == "POST"]
    assert sorted(created).count(str(bad)) == 2
    assert len(set(created)) == 101  # the one before, ninety-nine, and the one that was denied
    denial.lift()
    peaceful(story)
    assert deletes(story) == [str(GOES)]


def test_13_a_denied_delete_is_tried_again_until_it_goes_through(waiting: Story) -> None:
    denial = Denial(waiting, "DELETE", "false", dry_run(waiting, "DELETE", GOES))
    for n in range(3):
        done = waiting.sync()
        assert done.code == 1
        assert GOES in waiting.checker.record()[0]
        assert len(deletes(waiting)) == n + 1
    denial.lift()
    peaceful(waiting)
    assert waiting.people.look(GOES) is None


# --- 14, 15: what does not go away -----------------------------------------------------------


def test_14_a_finalizer_is_named_and_waited_for_and_never_taken_off(waiting: Story) -> None:
    waiting.people.direct.merge(
        GOES.path(waiting.namespace), {"metadata": {"finalizers": ["others.example/stuck"]}}
    )
    waiting.people.acts += 1
    waiting.commit(wanted(A, value="2"))
    done = waiting.sync()
    assert deletes(waiting) == [str(B), str(GOES)] or deletes(waiting) == [str(GOES), str(B)]
    assert waiting.people.look(B) is None
    for _ in range(2):
        done = waiting.sync()
        assert "others.example/stuck" in done.output
        assert waiting.writes(waiting.lane.run) == []
        assert waiting.people.look(GOES)["metadata"]["finalizers"] == ["others.example/stuck"]
        assert GOES in waiting.checker.record()[0]
    waiting.people.direct.merge(GOES.path(waiting.namespace), {"metadata": {"finalizers": None}})
    peaceful(waiting)


def test_15_a_namespace_that_is_going_gets_no_storm_of_writes(waiting: Story) -> None:
    direct = waiting.stage.direct
    direct.merge(B.path(waiting.namespace), {"metadata": {"finalizers": ["others.example/stuck"]}})
    direct.delete(f"/api/v1/namespaces/{waiting.namespace}")
    until(lambda: waiting.people.look(A) is None)
    for _ in range(2):
        done = waiting.sync()
        assert done.code != 0
        sent = [e for e in waiting.lane.of_run(waiting.lane.run)
                if e.is_write and waiting.namespace in e.request.path
                and "plumb-system" not in e.request.path]  # fmt: skip
        assert len(sent) <= 1, [e.label for e in sent]
    direct.merge(B.path(waiting.namespace), {"metadata": {"finalizers": None}})
    assert [v for v in waiting.checker.violations if "was deleted" in v] == []
