"""Watches of a real API server: listed, followed, resumed, refused, and never proof of absence."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import DeniedError
from engine.kube.client import Client
from engine.kube.config import load
from engine.kube.live import observe
from engine.kube.store import Seen, Store
from engine.kube.watch import Key, State, Watch
from engine.kube.watched import Looker, Watches
from engine.model import OWNER_LABEL, ObjectRef
from engine.namespaces import Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.servers.controlplane import ControlPlane

Make = Any


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[Client]:
    with Client(load(kubeconfig=str(control_plane.kubeconfig), context=None)) as made:
        yield made


def config_map(plane: ControlPlane, namespace: str, name: str, owner: str = "me") -> None:
    plane.create(
        f"/api/v1/namespaces/{namespace}/configmaps",
        {"metadata": {"name": name, "labels": {OWNER_LABEL: owner}}},
    )


def until(holds: Callable[[], object], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.01)  # noqa: TID251 - a test has no stop event


def key_of(namespace: str) -> Key:
    return Key("", f"/api/v1/namespaces/{namespace}/configmaps", ("labelSelector", OWNER_LABEL))


def test_what_others_do_is_heard_within_a_moment(
    client: Client, control_plane: ControlPlane, namespace: str
) -> None:
    heard: list[Seen] = []
    stop = threading.Event()
    config_map(control_plane, namespace, "before")
    watch = Watch(client, key_of(namespace), Store("", "ConfigMap", heard.append), stop=stop)
    watch.start()
    assert watch.settled(10)
    config_map(control_plane, namespace, "after")
    until(lambda: {seen.ref.name for seen in heard} == {"before", "after"})
    control_plane.delete(f"/api/v1/namespaces/{namespace}/configmaps/after")
    until(lambda: heard[-1].version == "")
    assert watch.store.version(ObjectRef("", "ConfigMap", namespace, "after")) == ""
    stop.set()


def test_a_version_that_is_too_old_is_listed_anew(
    client: Client,
    application_definition: None,  # noqa: ARG001 - it has to be there
    namespace: str,
) -> None:
    """The server's cache of a kind begins when its definition came, long after version 1."""
    stop = threading.Event()
    key = Key("", f"/apis/plumb.dev/v1alpha1/namespaces/{namespace}/applications")
    watch = Watch(client, key, Store("plumb.dev", "Application", lambda _: None), stop=stop)
    state = watch.step(State("1", list_at=time.monotonic() + 1000))
    assert state.version == ""
    state = watch.step(state)
    assert watch.is_synced
    assert int(state.version) > 1


def test_drift_is_put_back_when_its_event_is_lost(
    client: Client, control_plane: ControlPlane, namespace: str
) -> None:
    """The whole list that is due now and then tells what no event told."""
    heard: list[Seen] = []
    config_map(control_plane, namespace, "one")
    stop = threading.Event()
    watch = Watch(client, key_of(namespace), Store("", "ConfigMap", heard.append), stop=stop)
    state = watch.step(State())
    heard.clear()
    control_plane.merge(
        f"/api/v1/namespaces/{namespace}/configmaps/one", {"data": {"changed": "unseen"}}
    )
    watch.step(State(state.version, list_at=0.0))
    assert [seen.ref.name for seen in heard] == ["one"]


def test_what_the_cache_lacks_is_asked_for(
    client: Client, control_plane: ControlPlane, namespace: str
) -> None:
    """An object without our label is in no watch, and is there all the same."""
    from engine.kube import discovery
    from engine.kube.catalog import Catalog
    from engine.kube.watched import WatchedView
    from engine.model import Manifest, Origin

    plane = control_plane
    plane.create(f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": "theirs"}})
    stop = threading.Event()
    watches = Watches(stop=stop, tell=lambda _: None)
    view = WatchedView(Looker(client), watches, Catalog(client, cache_dir=None))
    refs = [ObjectRef("", "ConfigMap", namespace, name) for name in ("theirs", "nobodys")]
    bodies = [
        {"apiVersion": "v1", "kind": "ConfigMap",
         "metadata": {"name": ref.name, "namespace": namespace}} for ref in refs
    ]  # fmt: skip
    placement = Placement(tuple(
        Manifest(ref, made, Origin("a.yaml", 1), "d")
        for ref, made in zip(refs, bodies, strict=True)
    ))  # fmt: skip
    kinds = discovery.kinds(client)
    seen = view.observe(placement, None, kinds=kinds)
    direct = observe(client, placement, None, kinds=kinds)
    assert set(seen.live) == set(direct.live) == {refs[0]}
    assert seen.absent == direct.absent == {refs[1]}
    stop.set()


def test_a_kind_that_may_not_be_listed_is_looked_up_instead(
    client: Client, control_plane: ControlPlane, namespace: str
) -> None:
    from engine.kube import discovery

    connection = load(kubeconfig=str(control_plane.kubeconfig), context=None)
    user = f"system:serviceaccount:{namespace}:default"
    stop = threading.Event()
    with Client(connection, impersonate=user) as nobody:
        watches = Watches(stop=stop, tell=lambda _: None)
        resource = discovery.kinds(client).resource("v1", "ConfigMap")
        assert resource is not None
        assert watches.ours(Looker(nobody, user), resource, namespace) is None
        watch = watches.known(user, resource, namespace)
        assert watch is not None
        assert isinstance(watch.error, DeniedError)
        stop.set()


def test_beyond_the_limit_nothing_is_watched(client: Client, namespace: str) -> None:
    from engine.kube import discovery

    stop = threading.Event()
    watches = Watches(stop=stop, tell=lambda _: None, at_most=1)
    kinds = discovery.kinds(client)
    first, second = kinds.resource("v1", "ConfigMap"), kinds.resource("v1", "Secret")
    assert first is not None
    assert second is not None
    assert watches.ours(Looker(client), first, namespace) is not None
    assert watches.ours(Looker(client), second, namespace) is None
    assert [key.path for key in watches.left_out] == ["/api/v1/secrets"]
    stop.set()


def test_a_stop_ends_a_watch_that_hears_nothing(
    control_plane: ControlPlane, namespace: str
) -> None:
    stop = threading.Event()
    client = Client(load(kubeconfig=str(control_plane.kubeconfig), context=None), stop=stop)
    watch = Watch(client, key_of(namespace), Store("", "ConfigMap", lambda _: None), stop=stop)
    thread = threading.Thread(target=watch._run)  # noqa: SLF001 - to see it end
    thread.start()
    assert watch.settled(10)
    stop.set()
    client.close()
    thread.join(2)
    assert not thread.is_alive()
