"""What happens between plan and write: others are faster, slower, or never leave it alone."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest

from e2e.things import definition
from engine.errors import PlumbError
from engine.git import Repository
from engine.kube.client import Client
from engine.kube.config import load
from engine.kube.record import Record
from engine.kube.view import DirectView
from engine.model import Application, GitRef, Source
from engine.reconcile import fetch
from engine.run import Request, Run, World
from engine.situation import Options
from engine.steps import Write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from e2e.team import Team

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {0}}}\ndata: {{k: '{1}'}}\n"
FINALIZER = "example.org/hold"


def actions(report: Any) -> dict[str, str]:
    """Each object's name with what happened to it."""
    return {o["object"]["name"]: o["action"] for o in report["outcomes"]}


@pytest.fixture
def begin(team: Team, tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Begin a run in this process, so that a test can step in between plan and write."""
    with contextlib.ExitStack() as stack:

        def make(**options: Any) -> Run:
            source = Source(str(team.repository.path), GitRef("branch", "main"), "apps")
            application = Application("shop", team.namespace, source)
            connection = load(kubeconfig=str(team.kubeconfig), context=None)
            client = stack.enter_context(Client(connection))
            repository = stack.enter_context(Repository(source.url, cache_dir=tmp_path / "git"))
            world = World(
                client, DirectView(client, tmp_path / "openapi"),
                lambda app: Record(client, str(app), "a test"), threading.Event(),
            )  # fmt: skip
            run = Run(fetch(application, repository), world, Request(Options(**options)))
            run.begin()
            run.look_and_plan()
            return run

        yield make


def write(run: Run) -> dict[str, str]:
    """Carry out the next step of the plan as it is."""
    step = run.next_step()
    assert isinstance(step, Write)
    run.write(step)
    return {ref.name: outcome.action for ref, outcome in run.outcomes.items()}


@contextlib.contextmanager
def meanwhile(work: Callable[[], object], *, after_s: float) -> Iterator[None]:
    """Do this once beside the body of the with block."""
    timer = threading.Timer(after_s, work)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


# --- others are faster --------------------------------------------------------------------------


def test_an_object_that_vanished_since_the_plan_is_made_again(
    team: Team, begin: Callable[..., Run]
) -> None:
    team.commit({"a.yaml": CONFIG.format("a", 1)})
    team.sync()
    team.commit({"a.yaml": CONFIG.format("a", 2)})
    run = begin()
    team.plane.delete(team.path("configmaps", "a"))

    assert write(run) == {"a": "created"}
    assert team.get("configmaps", "a")["data"] == {"k": "2"}
    assert actions(team.sync()) == {}


def test_an_object_that_appeared_since_the_plan_is_adopted(
    team: Team, begin: Callable[..., Run]
) -> None:
    team.commit({"a.yaml": CONFIG.format("a", 1)})
    run = begin()
    team.plane.create(
        team.path("configmaps"), {"metadata": {"name": "a"}, "data": {"theirs": "stays"}}
    )

    assert write(run) == {"a": "adopted"}
    assert team.get("configmaps", "a")["data"] == {"k": "1", "theirs": "stays"}


@pytest.mark.parametrize("wish", ["disabled", "confirm"])
def test_a_wish_that_appeared_since_the_plan_keeps_the_object(
    team: Team, begin: Callable[..., Run], wish: str
) -> None:
    team.commit({"a.yaml": CONFIG.format("a", 1), "b.yaml": CONFIG.format("b", 1)})
    team.sync()
    team.commit({"a.yaml": None})
    run = begin()
    team.merge("configmaps", "a", {"metadata": {"annotations": {"plumb.dev/prune": wish}}})

    assert write(run) == {"a": "kept"}
    assert team.names("configmaps") == ["a", "b"]


def test_an_object_that_vanished_before_it_was_let_go_is_no_error(
    team: Team, begin: Callable[..., Run]
) -> None:
    team.commit({"a.yaml": CONFIG.format("a", 1), "b.yaml": CONFIG.format("b", 1)})
    team.sync()
    team.merge("configmaps", "a", {"metadata": {"annotations": {"plumb.dev/prune": "orphan"}}})
    team.commit({"a.yaml": None})
    run = begin()
    team.plane.delete(team.path("configmaps", "a"))

    assert write(run) == {"a": "released"}


def test_an_object_that_others_never_leave_alone_ends_the_run(
    team: Team, begin: Callable[..., Run]
) -> None:
    late = CONFIG.format("late", 1).replace("late}", "late, annotations: {plumb.dev/wave: '1'}}")
    team.commit({"a.yaml": CONFIG.format("a", 1), "late.yaml": late})
    team.sync()
    team.commit({"a.yaml": CONFIG.format("a", 2), "late.yaml": late.replace("'1'}\n", "'2'}\n")})
    run = begin()

    def fight() -> None:
        for _ in range(10):
            write(run)
            team.merge("configmaps", "a", {"data": {"k": "by hand"}})
            run.look_and_plan()

    with pytest.raises(PlumbError) as caught:
        fight()

    assert caught.value.code == "PLB610"
    assert team.get("configmaps", "late")["data"] == {"k": "1"}


# --- others are slower --------------------------------------------------------------------------


def test_a_replacement_waits_for_finalizers_and_then_goes_on(team: Team) -> None:
    job = (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: a}}\nspec:\n  suspend: true\n"
        "  completionMode: {0}\n  completions: 1\n  template:\n    spec:\n"
        "      restartPolicy: Never\n      containers: [{{name: a, image: 'example.org/a:1'}}]\n"
    )
    where = {"plural": "jobs", "name": "a", "api": "apis/batch/v1"}
    team.commit({"a.yaml": job.format("NonIndexed")})
    team.sync()
    uid = team.get(**where)["metadata"]["uid"]
    team.merge("jobs", "a", {"metadata": {"finalizers": [FINALIZER]}}, api="apis/batch/v1")
    team.commit({"a.yaml": job.format("Indexed")})
    free = {"metadata": {"finalizers": None}}

    with meanwhile(lambda: team.merge("jobs", "a", free, api="apis/batch/v1"), after_s=4):
        report = team.sync("--replace")

    assert report["sync"] == "Synced"
    assert team.get(**where)["metadata"]["uid"] != uid
    assert team.get(**where)["spec"]["completionMode"] == "Indexed"
    assert actions(team.sync()) == {}


def test_a_namespace_on_its_way_out_is_waited_for_with_all_it_holds(team: Team) -> None:
    space = f"{team.namespace}-x"
    namespace = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {space}}}\n"
    inside = CONFIG.format("a", 1).replace("name: a", f"name: a, namespace: {space}")
    team.commit({"ns.yaml": namespace, "a.yaml": inside})
    team.sync()
    there = f"/api/v1/namespaces/{space}"
    path = f"{there}/configmaps/a"
    uid = team.plane.get(path)["metadata"]["uid"]
    team.plane.merge(path, {"metadata": {"finalizers": [FINALIZER]}})
    team.plane.delete(there)

    def let_go() -> None:
        team.plane.delete(path)
        team.plane.merge(path, {"metadata": {"finalizers": None}})
        # The namespace controller would do the same, at its leisure.
        found = team.plane.get(there)
        if found is not None:
            found["spec"]["finalizers"] = []
            team.plane.request("PUT", f"{there}/finalize", body=found)

    with meanwhile(let_go, after_s=3):
        report = team.sync("--timeout", "60s")

    assert report["sync"] == "Synced"
    assert team.plane.get(path)["metadata"]["uid"] != uid


def test_deletions_stay_held_until_what_an_earlier_run_wrote_is_healthy(team: Team) -> None:
    web = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n"
        "  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n"
        "    spec: {containers: [{name: web, image: 'example.org/web:1'}]}\n"
    )
    team.commit({"old.yaml": CONFIG.format("old", 1)})
    team.sync()
    team.commit({"old.yaml": None, "web.yaml": web})

    for _ in range(2):
        team.plumb("sync", "--timeout", "2s", expect=7)
        assert team.names("configmaps") == ["old"]


# --- what never comes back ----------------------------------------------------------------------


def test_a_job_that_was_seen_complete_and_is_gone_is_not_run_again(team: Team) -> None:
    job = (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate}\nspec:\n  completions: 0\n"
        "  template:\n    spec:\n      restartPolicy: Never\n"
        "      containers: [{name: a, image: 'example.org/a:1'}]\n"
    )
    team.commit({"job.yaml": job})
    team.sync("--wait", "--timeout", "30s")
    team.plane.delete(team.path("jobs", "migrate", api="apis/batch/v1"))
    writes = team.writes()

    assert actions(team.sync()) == {}
    assert team.names("jobs", api="apis/batch/v1") == []
    assert team.writes() == writes


# --- what only the server knows -----------------------------------------------------------------


def test_a_field_that_only_the_server_knows_to_be_immutable_needs_consent(team: Team) -> None:
    group = f"{team.namespace}.example.org"
    # Not of the form that our table knows, `self == oldSelf`.
    rule = {"rule": "self * 2 == oldSelf * 2", "message": "size is immutable"}
    size = {"type": "integer", "x-kubernetes-validations": [rule]}
    thing = f"apiVersion: {group}/v1\nkind: Thing\nmetadata:\n  name: a\nspec:\n  size: "
    team.commit({"crd.yaml": definition(group, size=size), "thing.yaml": thing + "1\n"})
    team.sync()
    where = team.path("things", "a", api=f"apis/{group}/v1")
    uid = team.plane.get(where)["metadata"]["uid"]
    team.commit({"thing.yaml": thing + "2\n"})

    refused = team.plumb("sync", expect=8)

    assert "PLB531" in refused.stdout + refused.stderr
    assert team.plane.get(where)["metadata"]["uid"] == uid
    assert actions(team.sync("--replace")) == {"a": "replaced"}
    assert team.plane.get(where)["spec"] == {"size": 2}
    assert actions(team.sync()) == {}
    team.plane.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.{group}")


def test_a_kind_that_only_answers_is_refused_and_the_rest_is_applied(team: Team) -> None:
    review = (
        "apiVersion: authentication.k8s.io/v1\nkind: TokenReview\nmetadata: {name: who}\n"
        "spec: {token: x}\n"
    )
    team.commit({"a.yaml": CONFIG.format("a", 1), "review.yaml": review})

    done = team.plumb("sync", expect=1)

    assert "PLB513" in done.stdout + done.stderr
    assert team.names("configmaps") == ["a"]


# --- the record around it -----------------------------------------------------------------------


def test_a_first_sync_writes_the_record_twice_and_each_object_once(team: Team) -> None:
    if not team.plane.is_there("/api/v1/namespaces/plumb-system"):  # made only once in a cluster
        team.plane.create("/api/v1/namespaces", {"metadata": {"name": "plumb-system"}})
    team.commit({name + ".yaml": CONFIG.format(name, 1) for name in "abc"})

    team.sync()

    record = f"plumb.{team.namespace}.shop"
    found = [(verb, name) for verb, _, name in team.writes()]
    assert found[0][0] == "create"
    assert found[-1] == ("update", record)
    assert sorted(name for _, name in found[1:-1] if name) == ["a", "b", "c"]
    assert len(found) == 5


def test_a_record_in_doubt_is_not_deleted_with_its_application(team: Team) -> None:
    team.commit({"a.yaml": CONFIG.format("a", 1)})
    team.sync()
    name = f"/api/v1/namespaces/plumb-system/configmaps/plumb.{team.namespace}.shop"
    team.plane.merge(name, {"binaryData": {"record": "bm9uc2Vuc2U="}})

    refused = team.delete("--deletion-policy=delete", expect=8)

    assert "PLB544" in refused.stderr
    assert team.record() is not None
    team.sync()
    team.delete("--deletion-policy=delete")
    assert team.names("configmaps") == []
