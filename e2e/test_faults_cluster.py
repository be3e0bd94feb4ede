"""What lives in a cluster and gets in the way: scenarios 10 to 15, 23, 25 and 28 to 31.

Admission, finalizers, webhooks and rights are real ones of a real API server.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from e2e.faultfixtures import one_shot, peaceful, stage, story
from e2e.faults.lane import Fault, no_fault
from e2e.faults.objects import Ref, manifest
from e2e.faults.schedule import LOST, RESET, always, on, on_write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.faults.driver import Ended
    from e2e.faults.lane import Decide
    from e2e.faults.story import Story

__all__ = ["one_shot", "stage", "story"]
pytestmark = pytest.mark.usefixtures("control_plane")

A, B, C = (Ref("ConfigMap", name) for name in "abc")
GOES = Ref("Secret", "goes")
_ADMISSION = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"


def wanted(*refs: Ref, value: str = "1") -> dict[Ref, Any]:
    return {ref: manifest(ref, value) for ref in refs}


@pytest.fixture
def waiting(story: Story) -> Story:
    """Three objects in place; now Git changes two and drops the third."""
    story.commit(wanted(A, B, GOES))
    assert story.sync().code == 0
    story.commit(wanted(A, B, value="2"))
    return story


def deletes(story: Story, run: int = 0) -> list[str]:
    return [ref for verb, ref in story.writes(run) if verb == "DELETE"]


def until(is_so: Callable[[], bool], *, within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.1)


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
    done = waiting.sync()
    assert done.code != 0
    assert "PLB428" in done.output
    assert sorted(waiting.writes(waiting.lane.run)) == [("PATCH", str(A)), ("PATCH", str(B))]
    times = [e.at for e in waiting.lane.of_run(waiting.lane.run) if "gadgets" not in e.label]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert sum(gap > 0.9 for gap in gaps) <= 2, "it slows down requests for other kinds"

    # Git has nothing of that kind any more, so what it cannot say only keeps its own deletion.
    waiting.commit(wanted(A, B, value="3"))
    waiting.sync()
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


# --- 23: two applications ---------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["GET /apis", "PUT", "PATCH"])
@pytest.mark.parametrize("fault", [LOST, RESET, Fault("kill"), Fault("kill-after")], ids=str)
def test_23_an_object_that_moves_between_two_is_never_deleted(
    story: Story, moment: str, fault: Fault
) -> None:
    """Both are of one repository; the sync of both together meets a fault, or dies."""
    both = Two(story)
    both.commit(first=[A, B], second=[C])
    assert both.sync().code == 0
    uids = {ref: story.people.look(ref)["metadata"]["uid"] for ref in (A, B, C)}
    both.commit(first=[A], second=[B, C])
    both.sync(always(fault, only=lambda e: moment in e.label, times=1))
    for _ in range(3):
        done = both.sync()
    assert done.code == 0, done.errors
    assert {ref: story.people.look(ref)["metadata"]["uid"] for ref in (A, B, C)} == uids
    assert deletes(story) == []
    assert story.writes(story.lane.run) == []
    both.commit(first=[A], second=[C])
    assert both.sync().code == 0
    assert deletes(story) == [str(B)]


def test_23_two_that_want_one_object_name_each_other_and_delete_nothing(story: Story) -> None:
    both = Two(story)
    both.commit(first=[A, B], second=[C])
    assert both.sync().code == 0
    both.commit(first=[A, B], second=[B, C])
    for _ in range(2):
        done = both.sync()
        assert done.code == 8, done.errors
        assert f"{story.namespace}/shop" in done.output
        assert f"{story.namespace}/second" in done.output
        assert story.writes(story.lane.run) == []
    assert deletes(story) == []


class Two:
    """Two applications of one repository, synced by one command."""

    def __init__(self, story: Story) -> None:
        self.story = story

    def commit(self, *, first: list[Ref], second: list[Ref]) -> None:
        places = [f"{folder}/{ref.name}.yaml" for folder in ("apps", "second") for ref in (A, B, C)]
        old = dict.fromkeys(places)
        wanted_by = {"apps": first, "second": second}
        new = {
            f"{folder}/{ref.name}.yaml": json.dumps(manifest(ref, "1"))
            for folder, refs in wanted_by.items()
            for ref in refs
        }
        self.story.repository.commit({**old, **new})

    def sync(self, decide: Decide = no_fault) -> Ended:
        story = self.story
        story.lane.begin(decide)
        arguments = story.application()
        file = story.stage.folder / f"{story.namespace}.yaml"
        one = json.loads(file.read_text())
        two = json.loads(file.read_text())
        two["metadata"]["name"], two["spec"]["source"]["path"] = "second", "second"
        file.write_text(f"{json.dumps(one)}\n---\n{json.dumps(two)}\n")

        def born(pid: int) -> None:
            story.lane.victim = pid

        done = story.driver.run(["sync", *arguments, "-o", "json"], story.environment(), born)
        story.lane.rest()
        return done


# --- 25: huge objects ------------------------------------------------------------------------


def test_25_a_config_map_of_a_mebibyte_syncs_and_changes(story: Story) -> None:
    huge = Ref("ConfigMap", "huge")
    text = "".join(f"line {n:06}\n" for n in range(80_000))[: (1 << 20) - 20_000]
    body = manifest(huge, "1")
    story.commit({huge: {**body, "data": {**body["data"], "text": text}}, A: manifest(A, "1")})
    assert story.sync().code == 0
    story.commit({huge: {**body, "data": {**body["data"], "text": text[::-1]}}})
    peaceful(story)
    assert deletes(story) == [str(A)]


def test_25_an_object_that_is_too_large_is_refused_by_name_and_nothing_is_pruned(
    waiting: Story,
) -> None:
    huge = Ref("ConfigMap", "huge")
    body = {**manifest(huge, "1"), "data": {"text": "x" * (3 << 20)}}
    waiting.commit({**wanted(A, B, value="2"), huge: body})
    done = waiting.sync()
    assert done.code == 1
    assert [o["object"]["name"] for o in done.report()["outcomes"] if o["error"]] == ["huge"]
    assert "PLB690" not in done.output
    assert deletes(waiting) == []
    waiting.commit(wanted(A, B, value="2"))
    peaceful(waiting)


# --- 28, 29: others --------------------------------------------------------------------------


def test_28_drift_is_repaired_by_the_next_sync_whatever_anybody_was_told(waiting: Story) -> None:
    assert waiting.sync().code == 0
    for act in (waiting.people.edit, waiting.people.delete, waiting.people.recreate):
        act(A)
        assert waiting.sync().code == 0
        assert waiting.checker.at_rest(waiting.head) == []
    peaceful(waiting)


@pytest.mark.parametrize("moment", ["GET /apis", "PUT", "PATCH", "POST", "DELETE"])
@pytest.mark.parametrize("act", ["edit", "add", "delete", "recreate", "protect"])
def test_29_others_act_in_the_middle_of_a_sync(waiting: Story, moment: str, act: str) -> None:
    waiting.commit(wanted(A, C, value="2"))  # A is changed, C is new, B and the Secret go
    people = waiting.people
    there = [ref for ref in (A, B, GOES) if act != "recreate" or ref != GOES]

    def others() -> None:
        for ref in there:
            if people.look(ref) is not None:
                getattr(people, act)(ref)

    meddling = Fault("act", f"others {act}", act=others)
    waiting.sync(always(meddling, only=lambda e: moment in e.label, times=1))
    if act == "recreate":
        for ref in (B, GOES):  # what they made and Git does not want is theirs
            live = people.look(ref)
            if live is not None and live["metadata"]["uid"] not in waiting.checker.owned:
                people.strangers[ref] = live
    peaceful(waiting)


# --- 30: the record --------------------------------------------------------------------------


def _cut(record: Any) -> Any:
    data = base64.b64decode(record["binaryData"]["record"])
    return base64.b64encode(data[: len(data) // 2]).decode()


def _edited(record: Any) -> Any:
    body = json.loads(gzip.decompress(base64.b64decode(record["binaryData"]["record"])))
    body["entries"] = "none"
    return base64.b64encode(gzip.compress(json.dumps(body).encode())).decode()


def _newer(record: Any) -> Any:
    body = json.loads(gzip.decompress(base64.b64decode(record["binaryData"]["record"])))
    body["version"] = 99
    return base64.b64encode(gzip.compress(json.dumps(body).encode())).decode()


@pytest.mark.parametrize("damage", [None, _cut, _edited, _newer])
def test_30_a_record_that_is_lost_or_broken_deletes_nothing(
    waiting: Story, damage: Callable[[Any], Any] | None
) -> None:
    direct = waiting.stage.direct
    path = f"/api/v1/namespaces/plumb-system/configmaps/plumb.{waiting.namespace}.shop"
    before = direct.get(path)
    if damage is None:
        direct.delete(path)
    else:
        direct.merge(path, {"binaryData": {"record": damage(before)}})
    for _ in range(2):
        done = waiting.sync()
        assert deletes(waiting) == []
        assert waiting.people.look(GOES) is not None
    if damage is _newer:
        assert done.code == 8
        assert waiting.writes(waiting.lane.run) == []
        direct.merge(path, {"binaryData": before["binaryData"]})
        peaceful(waiting)
        return
    # What Git dropped meanwhile carries our mark and is nobody's: it goes when somebody says so.
    token = done.report()["plan"]["token"]
    assert token, done.output
    assert waiting.sync(lambda _: None, f"--confirm={token}").code == 0
    peaceful(waiting)
    assert deletes(waiting) == [str(GOES)]


# --- 31: rights ------------------------------------------------------------------------------


def test_31_an_account_that_loses_its_rights_stops_and_nothing_is_done_in_its_stead(
    story: Story,
) -> None:
    direct, name = story.stage.direct, story.namespace
    account = {"kind": "ServiceAccount", "name": "deployer", "namespace": name}
    direct.create(f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "deployer"}})
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "deployer"}, "subjects": [account],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                    "name": "cluster-admin"},
    }  # fmt: skip
    bindings = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/rolebindings"
    direct.create(bindings, binding)
    story.spec["serviceAccountName"] = "deployer"
    story.commit(wanted(A, B, GOES))
    done = story.sync(lambda _: None, "--impersonate")
    assert done.code == 0, done.errors
    story.commit(wanted(A, B, C, value="2"))
    configmaps = f"/api/v1/namespaces/{name}/configmaps"
    user = f"system:serviceaccount:{name}:deployer"

    def revoke() -> None:
        direct.delete(f"{bindings}/deployer")
        until(lambda: _as(story, user, configmaps) == 403)

    taking = Fault("act", "rights are lost", act=revoke)
    done = story.sync(
        always(taking, only=lambda e: on_write(e) and on(path=configmaps)(e), times=1),
        "--impersonate",
    )
    assert done.code == 4, done.errors
    # Whether a daemon looks after the application is asked in the caller's own name.
    run = [e for e in story.lane.log if f"/namespaces/{name}/" in e.request.path
           and not e.request.path.endswith("/applications/shop")]  # fmt: skip
    assert {e.request.headers.get("impersonate-user") for e in run} == {user}
    assert deletes(story) == []
    assert "DELETE" not in {e.request.method for e in story.lane.of_run(story.lane.run)}
    direct.create(bindings, binding)
    until(lambda: _as(story, user, configmaps) == 200)
    rest = story.settle("--impersonate")
    assert story.verdict(rest) == []


def _as(story: Story, user: str, path: str) -> int:
    from e2e.faults.wire import Request

    headers = {"impersonate-user": user}
    return story.stage.direct.send(Request("GET", path, headers, b"")).status
