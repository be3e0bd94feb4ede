"""What can be seen of a cluster: found, proven absent, or unknown, and the difference it makes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from e2e.test_refusals import allow
from e2e.things import DEFINITIONS, definition, thing
from engine.kube import discovery
from engine.kube.client import Client
from engine.kube.config import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.team import Team
    from engine.kinds import Kinds

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {0}}}\ndata: {{k: '{1}'}}\n"


def actions(report: Any) -> dict[str, str]:
    """Each object's kind with what happened to it."""
    return {o["object"]["kind"]: o["action"] for o in report["outcomes"]}


@pytest.fixture
def group(team: Team) -> Iterator[str]:
    """A group of its own, whose definition is removed afterwards."""
    name = f"{team.namespace}.example.org"
    yield name
    path = f"{DEFINITIONS}/things.{name}"
    if team.plane.get(path) is not None:
        team.plane.delete(path)


@pytest.fixture
def stale(team: Team) -> Iterator[str]:
    """An aggregated API whose server does not answer, so that discovery is not whole."""
    group = f"{team.namespace}.example.com"
    name = f"v1.{group}"
    path = f"/apis/apiregistration.k8s.io/v1/apiservices/{name}"
    service = {"name": "nobody", "namespace": team.namespace}
    spec = {
        "group": group, "version": "v1", "service": service,
        "groupPriorityMinimum": 100, "versionPriority": 10, "insecureSkipTLSVerify": True,
    }  # fmt: skip
    team.plane.create(path.rpartition("/")[0], {"metadata": {"name": name}, "spec": spec})
    wait_for(team, lambda kinds: kinds.is_unknown(f"{group}/v1"))
    yield name
    team.plane.delete(path)
    # Not that nothing is unknown: the server may still be at a group of another test.
    wait_for(team, lambda kinds: not kinds.is_unknown(f"{group}/v1"))


def wait_for(team: Team, is_so: Callable[[Kinds], bool]) -> None:
    """Wait until discovery says so."""
    deadline = time.monotonic() + 30
    with Client(load(kubeconfig=str(team.plane.kubeconfig), context=None)) as client:
        while not is_so(discovery.kinds(client)):
            assert time.monotonic() < deadline, "discovery never said so"
            time.sleep(0.2)  # noqa: TID251 - a test has no stop event


@pytest.mark.usefixtures("stale")
def test_an_api_that_is_down_holds_up_no_other_new_kind(team: Team, group: str) -> None:
    team.commit({"crd.yaml": definition(group, "v1"), "thing.yaml": thing(group)})

    assert actions(team.sync()) == {"CustomResourceDefinition": "created", "Thing": "created"}


def test_a_kind_that_is_gone_is_only_forgotten_when_nothing_is_in_doubt(
    team: Team, group: str, request: pytest.FixtureRequest
) -> None:
    team.plane.create(DEFINITIONS, json.loads(definition(group, "v1")))
    wait_for(team, lambda kinds: bool(kinds.served(group, "Thing")))
    team.commit({"a.yaml": CONFIG.format("a", 1), "thing.yaml": thing(group)})
    team.sync()
    team.commit({"thing.yaml": None})
    team.plane.delete(f"{DEFINITIONS}/things.{group}")
    wait_for(team, lambda kinds: not kinds.served(group, "Thing"))
    request.getfixturevalue("stale")

    unsure = team.sync()

    assert [c["hold"] for c in unsure["plan"]["changes"]] == ["Unknown"]


def test_a_resource_moves_to_the_version_that_its_definition_gets_in_the_same_commit(
    team: Team, group: str
) -> None:
    team.commit({"crd.yaml": definition(group, "v1"), "thing.yaml": thing(group)})
    team.sync()
    where = team.path("things", "a", api=f"apis/{group}/v1")
    uid = team.plane.get(where)["metadata"]["uid"]
    team.commit({
        "crd.yaml": definition(group, "v1", "v2"), "thing.yaml": thing(group, "v2", size=2)
    })  # fmt: skip

    report = team.sync("--timeout", "40s")

    assert report["sync"] == "Synced"
    found = team.plane.get(where)
    assert (found["metadata"]["uid"], found["spec"]) == (uid, {"size": 2})
    assert actions(team.sync()) == {}


def test_definitions_are_listed_once_for_many_objects_of_a_new_kind(team: Team, group: str) -> None:
    things = "---\n".join(thing(group, name=f"t{n}") for n in range(30))
    team.commit({"crd.yaml": definition(group, "v1"), "things.yaml": things})

    report = json.loads(team.plumb("diff", "-o", "json").stdout)

    assert len(report["plan"]["changes"]) == 31
    assert report["requests"]["GET"] < 20


def test_who_may_not_list_definitions_can_still_sync(team: Team, group: str) -> None:
    team.commit({"a.yaml": CONFIG.format("a", 1)})
    team.sync()
    user = f"narrow-{team.namespace}"
    allow(team.plane, user, team.namespace, resources=["configmaps", "horizontalpodautoscalers"])
    team.kubeconfig = team.plane.kubeconfig_for(user)
    team.commit({"a.yaml": CONFIG.format("a", 2), "thing.yaml": thing(group)})

    done = team.plumb("sync", expect=1)

    assert "PLB321" in done.stdout + done.stderr
    assert team.get("configmaps", "a")["data"] == {"k": "2"}
