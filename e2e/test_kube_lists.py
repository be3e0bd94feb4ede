"""Lists and discovery are whole or an error: invariant 7."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.servers.scripted import (
    PATH,
    Script,
    answer,
    half,
    opened,
    status,
)
from engine.errors import (
    ApiError,
    ClusterError,
)
from engine.kube import discovery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.servers.scripted import NewClient, Step
    from engine.model import JSON


@pytest.fixture
def clients() -> Iterator[NewClient]:
    with opened() as new:
        yield new


# --- lists -----------------------------------------------------------------------------------


def page(names: str, token: str = "") -> JSON:
    items = [{"metadata": {"name": name, "managedFields": []}} for name in names]
    return {"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"continue": token},
            "items": items}  # fmt: skip


def test_a_list_has_every_page(clients: NewClient) -> None:
    with Script([answer(200, page("ab", "t/1=")), answer(200, page("c"))]) as server:
        items = list(clients(server).list(PATH, label_selector="a=b", drop_managed_fields=True))
        assert [item["metadata"] for item in items] == [{"name": name} for name in "abc"]
        assert {(item["apiVersion"], item["kind"]) for item in items} == {("v1", "ConfigMap")}
        assert [request.target for request in server.seen] == [
            f"{PATH}?limit=500&labelSelector=a%3Db",
            f"{PATH}?limit=500&labelSelector=a%3Db&continue=t%2F1%3D",
        ]


def test_a_list_whose_token_is_lost_starts_again(clients: NewClient) -> None:
    gone = answer(410, status(410, "Expired"))
    steps = [answer(200, page("ab", "t")), gone, answer(200, page("xy", "t")), gone,
             answer(200, page("p", "t")), answer(200, page("q"))]  # fmt: skip
    with Script(steps) as server:
        names = [item["metadata"]["name"] for item in clients(server).list(PATH)]
        assert names == ["p", "q"]


def test_a_list_that_never_holds_still_is_an_error(clients: NewClient) -> None:
    gone = answer(410, status(410, "Expired"))
    with Script([answer(200, page("ab", "t")), gone] * 9) as server:
        with pytest.raises(ApiError, match="changed too much"):
            clients(server).list(PATH)
        assert len(server.seen) == 8


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(answer(403, status(403, "Forbidden")), id="403"),
        pytest.param(answer(404, status(404, "NotFound")), id="404"),
        pytest.param(answer(500, "oops"), id="500"),
        pytest.param(answer(200, {"kind": "Status"}), id="no list"),
        pytest.param(half, id="half of it"),
    ],
)
def test_a_list_with_a_lost_page_is_no_list(clients: NewClient, second: Step) -> None:
    """Invariant 7: a partial answer is an error before a single item is seen."""
    with Script([answer(200, page("ab", "t")), second]) as server:
        client = clients(server, request_timeout_s=3.0)
        with pytest.raises((ApiError, ClusterError)):
            client.list(PATH)


# --- discovery -------------------------------------------------------------------------------


def test_a_group_that_an_old_server_cannot_serve_is_unknown(clients: NewClient) -> None:
    """Invariant 7."""
    found = {"name": "configmaps", "kind": "ConfigMap", "namespaced": True, "verbs": ["get"]}
    groups = [
        {"name": "apps", "versions": [{"version": "v1"}]},
        {"name": "down.example", "versions": [{"version": "v1"}]},
    ]
    steps = [
        answer(200, {"kind": "APIVersions", "versions": ["v1"]}),
        answer(200, {"resources": [found, {**found, "name": "configmaps/status"}]}),
        answer(200, {"kind": "APIGroupList", "groups": groups}),
        answer(200, {"resources": [{**found, "name": "deployments", "kind": "Deployment"}]}),
        answer(404, "404 page not found"),
    ]
    with Script(steps) as server:
        kinds = discovery.kinds(clients(server))
    assert [str(resource) for resource in kinds] == ["v1 ConfigMap", "apps/v1 Deployment"]
    assert list(kinds.unknown) == ["down.example/v1"]


@pytest.mark.parametrize("body", ["<html>log in", {"kind": "Pod"}, []])
def test_an_answer_that_is_no_discovery_is_an_error(clients: NewClient, body: JSON) -> None:
    with Script([answer(200, body)]) as server:
        client = clients(server)
        with pytest.raises(ClusterError, match="no discovery document"):
            discovery.kinds(client)
        with pytest.raises(ClusterError, match="no discovery document"):
            list(discovery.documents(client, ["v1"], cache_dir=None))
