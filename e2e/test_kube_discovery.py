"""Kinds and schemas of a real API server, in few requests, and what is unknown said to be so."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from engine.kinds import Kinds
from engine.kube import config, discovery
from engine.kube.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.servers.controlplane import ControlPlane
    from engine.model import JSON

ASKED = ["v1", "apps/v1"]


@pytest.fixture
def client(api_server: ControlPlane) -> Iterator[Client]:
    with Client(config.load(kubeconfig=str(api_server.kubeconfig))) as client:
        yield client


def documents(client: Client, cache: Path | None, *asked: str) -> list[JSON]:
    return list(discovery.documents(client, asked or ASKED, cache_dir=cache))


# --- kinds -----------------------------------------------------------------------------------


def test_kinds_take_two_requests(client: Client) -> None:
    kinds = discovery.kinds(client)
    assert client.requests == {"GET": 2}
    deployment = kinds.resource("apps/v1", "Deployment")
    assert deployment is not None
    assert deployment.namespaced
    # What another test has just installed may be stale for a moment.
    assert [name for name in kinds.unknown if "example.com/" not in name] == []


def test_the_bundled_kinds_are_those_of_the_server(client: Client) -> None:
    served = {resource for resource in discovery.kinds(client) if "." not in resource.plural}
    missing = {str(kind) for kind in set(Kinds.bundled()) - served}
    assert not missing, "run scripts/cut-kinds"


def test_an_old_server_is_asked_group_by_group(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without aggregated discovery the answer is the same, in more requests."""
    at_once = discovery.kinds(client)
    monkeypatch.setattr(discovery, "AGGREGATED", "application/json")
    one_by_one = discovery.kinds(client)
    assert {r for r in one_by_one if "example" not in r.group} == {
        r for r in at_once if "example" not in r.group
    }
    assert client.requests["GET"] > 20
    versions = [r.version for r in one_by_one.served("autoscaling", "HorizontalPodAutoscaler")]
    assert versions == ["v2", "v1"]


def test_a_new_definition_is_found_and_its_schema_cached(client: Client, tmp_path: Path) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    properties = {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}
    client.create(path, {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "stalls.discovery.example"},
        "spec": {
            "group": "discovery.example", "scope": "Cluster",
            "names": {"kind": "Stall", "plural": "stalls", "singular": "stall"},
            "versions": [{
                "name": "v1", "served": True, "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
            }],
        },
    })  # fmt: skip
    try:
        for _ in range(100):
            stall = discovery.kinds(client).resource("discovery.example/v1", "Stall")
            found = documents(client, tmp_path, "discovery.example/v1")
            if stall and found and list((tmp_path / "openapi").iterdir()):
                break
            threading.Event().wait(0.1)
        assert stall is not None
        assert not stall.namespaced
        assert not stall.pending
        assert "example.discovery.v1.Stall" in found[0]["components"]["schemas"]
    finally:
        client.delete(f"{path}/stalls.discovery.example")


def test_a_group_whose_server_is_down_is_unknown(client: Client, namespace: str) -> None:
    """Invariant 7: its kinds are not gone, and all others are known."""
    path = "/apis/apiregistration.k8s.io/v1/apiservices"
    name = "v1.down.example"
    client.create(path, {
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": name},
        "spec": {
            "group": "down.example", "version": "v1", "groupPriorityMinimum": 1000,
            "versionPriority": 10, "insecureSkipTLSVerify": True,
            "service": {"namespace": namespace, "name": "nowhere"},
        },
    })  # fmt: skip
    try:
        for _ in range(100):
            kinds = discovery.kinds(client)
            if kinds.unknown:
                break
            threading.Event().wait(0.1)
        assert kinds.is_unknown("down.example/v1")
        assert not kinds.is_unknown("apps/v1")
        assert kinds.resource("apps/v1", "Deployment") is not None
    finally:
        client.delete(f"{path}/{name}")


# --- schemas ---------------------------------------------------------------------------------


def test_only_the_documents_asked_for_are_fetched(client: Client) -> None:
    found = documents(client, None)
    assert client.requests == {"GET": 3}
    assert len(found) == 2
    assert any(
        "ConfigMap" in name for document in found for name in document["components"]["schemas"]
    )


def test_nothing_asked_is_nothing_fetched(client: Client) -> None:
    assert list(discovery.documents(client, [], cache_dir=None)) == []
    assert client.requests == {}


def test_an_api_without_a_schema_is_left_out(client: Client) -> None:
    assert documents(client, None, "nope.example/v1") == []


def test_what_is_cached_is_not_fetched_again(client: Client, tmp_path: Path) -> None:
    first = documents(client, tmp_path)
    again = documents(client, tmp_path)
    assert again == first
    assert client.requests == {"GET": 3 + 1}


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"components": {"schemas": {}}}', b"\0" * 100])
def test_a_damaged_cache_heals(client: Client, tmp_path: Path, damage: bytes) -> None:
    first = documents(client, tmp_path)
    files = list((tmp_path / "openapi").iterdir())
    for file in files:
        file.write_bytes(damage)
    assert documents(client, tmp_path) == first
    assert client.requests == {"GET": 3 + 3}
    assert documents(client, tmp_path) == first
    assert client.requests == {"GET": 3 + 3 + 1}
    assert sorted((tmp_path / "openapi").iterdir()) == sorted(files)


def test_a_folder_that_cannot_be_written_is_no_error(client: Client, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    assert len(documents(client, in_the_way)) == 2
    assert len(documents(client, in_the_way / "below")) == 2


def test_the_cache_keeps_the_newest(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "CACHED_DOCUMENTS", 1)
    documents(client, tmp_path)
    assert len(list((tmp_path / "openapi").iterdir())) == 1
