"""The client against a real API server: reading, writing, counting."""

from __future__ import annotations

import base64
import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import (
    ClusterError,
    ConflictError,
    NotFoundError,
)
from engine.kube import config
from engine.kube.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.servers.controlplane import ControlPlane
    from engine.kube.sender import Exchange
    from engine.model import JSON

CANARY = "sWordfish-canary-77"
ENCODED = base64.b64encode(CANARY.encode()).decode()


@pytest.fixture
def client(api_server: ControlPlane) -> Iterator[Client]:
    connection = config.load(kubeconfig=str(api_server.kubeconfig))
    with Client(connection) as client:
        yield client


@pytest.fixture
def core(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}"


def config_map(name: str, **data: str) -> JSON:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, **data: str) -> JSON:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}


def deployment(name: str, **spec: JSON) -> JSON:
    labels = {"app": name}
    pod = {"containers": [{"name": "web", "image": "web"}]}
    whole = {"replicas": 0, "selector": {"matchLabels": labels},
             "template": {"metadata": {"labels": labels}, "spec": pod}}  # fmt: skip
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {**whole, **spec}}  # fmt: skip


# --- verbs -----------------------------------------------------------------------------------


def test_an_object_goes_through_its_whole_life(client: Client, core: str) -> None:
    made = client.create(f"{core}/configmaps", config_map("env", a="1")).body
    path = f"{core}/configmaps/env"
    patched = client.patch(path, [
        {"op": "test", "path": "/metadata/uid", "value": made["metadata"]["uid"]},
        {"op": "replace", "path": "/data/a", "value": "é && <b>"},
    ]).body  # fmt: skip
    client.patch(path, [{"op": "test", "path": "/data/a", "value": "é && <b>"}])
    assert client.get(path)["data"] == {"a": "é && <b>"}
    managers = {entry["manager"] for entry in patched["metadata"]["managedFields"]}
    assert managers == {"plumb"}
    replaced = client.put(path, {**patched, "data": {"b": "2"}}).body
    assert replaced["data"] == {"b": "2"}
    meta = replaced["metadata"]
    client.delete(path, uid=meta["uid"], resource_version=meta["resourceVersion"])
    with pytest.raises(NotFoundError):
        client.get(path)
    assert client.requests == {"POST": 1, "PATCH": 2, "GET": 2, "PUT": 1, "DELETE": 1}


def test_every_guard_that_fails_is_a_conflict(client: Client, core: str) -> None:
    made = client.create(f"{core}/configmaps", config_map("env", a="1")).body
    path = f"{core}/configmaps/env"
    stale = made["metadata"]["resourceVersion"]
    client.patch(path, [{"op": "replace", "path": "/data/a", "value": "2"}])
    attempts: list[Callable[[], Any]] = [
        lambda: client.patch(path, [{"op": "test", "path": "/data/a", "value": "1"}]),
        lambda: client.patch(path, [{"op": "remove", "path": "/data/gone"}]),
        lambda: client.patch(path, [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": stale}]),
        lambda: client.put(path, made),
        lambda: client.delete(path, uid="00000000-0000-0000-0000-000000000000"),
        lambda: client.delete(path, uid=made["metadata"]["uid"], resource_version=stale),
    ]  # fmt: skip
    for attempt in attempts:
        with pytest.raises(ConflictError):
            attempt()
    assert client.get(path)["data"] == {"a": "2"}


def test_a_list_has_every_page_and_names_every_kind(client: Client, core: str) -> None:
    for number in range(7):
        body = config_map(f"c{number}")
        body["metadata"]["labels"] = {"odd": str(number % 2)}
        client.create(f"{core}/configmaps", body)
    items = list(client.list(f"{core}/configmaps", page_size=3, label_selector="odd in (0,1)"))
    assert [item["metadata"]["name"] for item in items] == [f"c{n}" for n in range(7)]
    assert {(item["apiVersion"], item["kind"]) for item in items} == {("v1", "ConfigMap")}
    assert client.requests["GET"] == 3
    odd = client.list(f"{core}/configmaps", params={"labelSelector": "odd=1"})
    assert len(list(odd)) == 3


def test_a_list_of_metadata_leaves_the_rest_at_the_server(client: Client, core: str) -> None:
    client.create(f"{core}/secrets", secret("s", key=ENCODED))
    items = list(client.list(f"{core}/secrets", metadata_only=True, drop_managed_fields=True))
    assert [item["metadata"]["name"] for item in items] == ["s"]
    assert items[0]["kind"] == "PartialObjectMetadata"
    assert "data" not in items[0]
    assert "managedFields" not in items[0]["metadata"]


def test_many_threads_share_a_client(client: Client, core: str) -> None:
    def work(worker: int) -> None:
        for number in range(10):
            client.create(f"{core}/configmaps", config_map(f"w{worker}-{number}"))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {item["metadata"]["name"] for item in client.list(f"{core}/configmaps")}
    assert len({name for name in names if name.startswith("w")}) == 80
    assert client.requests["POST"] == 80


def test_the_servers_warnings_are_told(client: Client, namespace: str) -> None:
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    pod = {"containers": [{"name": "web", "image": "web", "env": twice}]}
    body = deployment("web")
    body["spec"]["template"]["spec"] = pod
    answer = client.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", body)
    assert len(answer.warnings) == 1
    assert "hides previous definition" in answer.warnings[0]


def test_the_request_log_sees_every_try(api_server: ControlPlane) -> None:
    seen: list[str] = []
    connection = config.load(kubeconfig=str(api_server.kubeconfig))

    def note(exchange: Exchange) -> None:
        seen.append(f"{exchange.method} {exchange.target} {exchange.status}")

    with Client(connection, on_request=note) as client:
        client.get("/version")
        with contextlib.suppress(ClusterError):
            client.get("/nope")
    assert seen == ["GET /version 200", "GET /nope 404"]
