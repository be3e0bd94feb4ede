"""Application resources on a real API server: read one by one, written with guards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine.daemon.conditions import status_of
from engine.errors import ConflictError, NotFoundError
from engine.kube import config, resources
from engine.kube.client import Client
from tests.test_daemon_conditions import LOOKS, NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.applications import Applications
    from e2e.servers.controlplane import ControlPlane
    from engine.model import Application

# The definition cannot say everything about a name, and this one no other rule refuses.
BROKEN = "a" * 64
READY = {"conditions": [{"type": "Ready", "status": "True", "reason": "Synced", "message": "",
                         "lastTransitionTime": "2026-11-25T12:00:00Z"}]}  # fmt: skip


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[Client]:
    with Client(config.load(kubeconfig=str(control_plane.kubeconfig))) as client:
        yield client


def read(client: Client, applications: Applications) -> Application:
    return resources.get(client, applications.namespace, "shop").application


def test_one_that_cannot_be_used_does_not_hide_the_others(
    applications: Applications, client: Client
) -> None:
    applications.create("good", interval="1m")
    applications.create(BROKEN)
    applications.create("later", suspend=True)

    found = {resource.application.name: resource
             for resource in resources.list_all(client, applications.namespace)}  # fmt: skip

    assert set(found) == {"good", BROKEN, "later"}
    assert found["good"].error is None
    assert found["good"].application.interval_s == 60
    assert found["later"].application.suspend
    error, shell = found[BROKEN].error, found[BROKEN].application
    assert error is not None
    where = f"Application {applications.namespace}/{BROKEN}: /metadata/name"
    assert (error.code, error.where) == ("PLB104", where)
    assert shell.uid == applications.get(BROKEN)["metadata"]["uid"]
    assert (shell.generation, shell.origin, shell.source.url) == (1, "resource", "")


def test_all_of_a_cluster_are_listed(applications: Applications, client: Client) -> None:
    applications.create()

    assert f"{applications.namespace}/shop" in {r.key for r in resources.list_all(client)}
    assert resources.is_served(client)


def test_a_status_is_written_and_the_generation_stays(
    applications: Applications, client: Client
) -> None:
    applications.create()
    shop = resources.get(client, applications.namespace, "shop")
    assert shop.status == {}

    resources.write_status(client, shop.application, READY | {"id": "ab", "sync": "Synced"})
    resources.write_status(client, shop.application, READY | {"id": "ab", "sync": "OutOfSync"})

    after = resources.get(client, applications.namespace, "shop")
    assert after.status == READY | {"id": "ab", "sync": "OutOfSync"}
    assert after.application.status_id == "ab"
    assert after.application.generation == 1


def test_a_status_of_one_that_was_made_anew_is_not_written(
    applications: Applications, client: Client
) -> None:
    applications.create()
    old = read(client, applications)
    applications.plane.delete(applications.path("shop"))
    with pytest.raises(NotFoundError):
        resources.write_status(client, old, READY)
    applications.create()

    with pytest.raises(ConflictError):
        resources.write_status(client, old, READY)
    assert "status" not in applications.get()


def test_a_finalizer_comes_and_goes_beside_those_of_others(
    applications: Applications, client: Client
) -> None:
    applications.create()
    seen = read(client, applications)
    resources.add_finalizer(client, seen)
    assert applications.get()["metadata"]["finalizers"] == ["plumb.dev/delete"]

    # What is known by now is out of date: somebody else added one of his own in front.
    applications.merge({"metadata": {"finalizers": ["other.example/x", "plumb.dev/delete"]}})
    resources.add_finalizer(client, seen)
    assert applications.get()["metadata"]["finalizers"] == ["other.example/x", "plumb.dev/delete"]

    applications.plane.delete(applications.path("shop"))
    stale = read(client, applications)
    assert stale.is_terminating
    applications.merge({"metadata": {"finalizers": ["plumb.dev/delete"]}})
    resources.remove_finalizer(client, stale)

    assert applications.get() is None
    resources.remove_finalizer(client, stale)  # that it is gone is fine


def test_one_that_is_being_deleted_gets_no_finalizer(
    applications: Applications, client: Client
) -> None:
    applications.create()
    applications.merge({"metadata": {"finalizers": ["other.example/x"]}})
    applications.plane.delete(applications.path("shop"))
    going = read(client, applications)

    resources.add_finalizer(client, going)

    assert applications.get()["metadata"]["finalizers"] == ["other.example/x"]
    applications.merge({"metadata": {"finalizers": []}})


def test_a_finalizer_of_one_that_was_made_anew_stays(
    applications: Applications, client: Client
) -> None:
    applications.create()
    resources.add_finalizer(client, read(client, applications))
    old = read(client, applications)
    applications.merge({"metadata": {"finalizers": []}})
    applications.plane.delete(applications.path("shop"))
    applications.create()
    resources.add_finalizer(client, read(client, applications))

    resources.remove_finalizer(client, old)

    assert applications.get()["metadata"]["finalizers"] == ["plumb.dev/delete"]
    with pytest.raises(NotFoundError):
        resources.add_finalizer(client, replace(old, finalizers=()))
    applications.merge({"metadata": {"finalizers": []}})


def test_a_request_and_a_suspension_are_written_by_hand(
    applications: Applications, client: Client
) -> None:
    applications.create()
    shop = read(client, applications)

    resources.request(client, shop, "2026-11-25T12:00:00Z.ab12")
    resources.request(client, shop, "2026-11-25T12:00:01Z.cd34")
    resources.suspend(client, shop, suspended=True)

    after = read(client, applications)
    assert after.requested_at == "2026-11-25T12:00:01Z.cd34"
    assert after.suspend
    managers = {entry["manager"] for entry in applications.get()["metadata"]["managedFields"]}
    assert "plumb" not in managers


def test_a_status_comes_back_as_it_was_written(applications: Applications, client: Client) -> None:
    """The definition knows every field of it, so that the same look again writes nothing."""
    applications.create()
    for name, seen in LOOKS.items():
        shop = resources.get(client, applications.namespace, "shop")
        mine = replace(seen, application=shop.application, handled_at="2026-11-25T12:00:00Z")
        status = status_of(mine, shop.status, NOW)
        resources.write_status(client, shop.application, status)

        there = resources.get(client, applications.namespace, "shop").status
        assert there == status, name
        assert status_of(mine, there, NOW + timedelta(hours=1)) == there, name
