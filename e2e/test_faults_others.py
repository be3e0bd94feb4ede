"""Who else is at work: other applications and people, the record, rights: 23, 25 and 28 to 31."""

from __future__ import annotations

import base64
import gzip
import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from e2e.faultfixtures import (
    GOES,
    A,
    B,
    C,
    deletes,
    one_shot,
    peaceful,
    stage,
    story,
    until,
    waiting,
    wanted,
)
from e2e.faults.lane import Fault, no_fault
from e2e.faults.objects import Ref, manifest
from e2e.faults.schedule import LOST, RESET, always, on, on_write

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.faults.driver import Ended
    from e2e.faults.lane import Decide
    from e2e.faults.story import Story

__all__ = ["one_shot", "stage", "story", "waiting"]
pytestmark = pytest.mark.usefixtures("control_plane")


# --- 23: two applications ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "fault"),
    [("GET /apis", RESET), ("PUT", Fault("kill")), ("PUT", LOST), ("PATCH", Fault("kill-after"))],
    ids=str,
)
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


@pytest.mark.parametrize(
    ("moment", "act"),
    [("GET /apis", "edit"), ("PUT", "delete"), ("PATCH", "edit"), ("PATCH", "recreate"),
     ("POST", "add"), ("DELETE", "recreate"), ("DELETE", "protect")],
)  # fmt: skip
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


@pytest.mark.parametrize("uid", ["its own", "of an earlier one"])
def test_30_what_another_living_record_names_is_not_deleted(waiting: Story, uid: str) -> None:
    """Whatever the mark says: one that was set by hand, or came back with a backup."""
    direct, name = waiting.stage.direct, waiting.namespace
    path = "/api/v1/namespaces/plumb-system/configmaps"
    ours = direct.get(f"{path}/plumb.{name}.shop")
    body = json.loads(gzip.decompress(base64.b64decode(ours["binaryData"]["record"])))
    entries = [e for e in body["entries"] if e["ref"][1] == GOES.kind]
    if uid != "its own":
        entries[0]["uid"] = uid
    other = {**body, "id": secrets.token_hex(16), "application": f"{name}/other",
             "entries": entries}  # fmt: skip
    packed = base64.b64encode(gzip.compress(json.dumps(other).encode())).decode()
    direct.create(path, {
        "metadata": {
            "name": f"plumb.{name}.other", "labels": {"plumb.dev/record": other["id"]},
            "annotations": {"plumb.dev/application": f"{name}/other"},
        },
        "binaryData": {"record": packed},
    })  # fmt: skip
    waiting.sync()
    told = f"the record of Application {name}/other names it too"
    is_kept = uid == "its own"
    assert (told in waiting.ends[-1].output) is is_kept
    assert (waiting.people.look(GOES) is not None) is is_kept
    direct.delete(f"{path}/plumb.{name}.other")
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
