"""The Lease: one replica at a time, a dead one is replaced, and a frozen one finds out."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import PlumbError, RefusedError
from engine.kube import config
from engine.kube.client import Client
from engine.kube.lease import Lease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from e2e.servers.controlplane import ControlPlane

# A replica of its own: says when it holds the Lease, and then at every line whether it still does.
REPLICA = """
import sys, threading
from engine.errors import RefusedError
from engine.kube import config
from engine.kube.client import Client
from engine.kube.lease import Lease

kubeconfig, namespace, name = sys.argv[1:]
client = Client(config.load(kubeconfig=kubeconfig), request_timeout_s=5.0)
lost = threading.Event()
lease = Lease(client, name=name, namespace=namespace, identity=f"replica-{name}",
              stop=threading.Event(), on_lost=lost.set)
lease.acquire()
print("held", flush=True)
for line in sys.stdin:
    if line == "wait\\n":
        lost.wait(30)
    try:
        lease.check()
        print("held", flush=True)
    except RefusedError as error:
        print(f"refused {error.code} told={lost.is_set()}", flush=True)
"""


class Leases:
    """Makes replicas of this process, on Leases of one namespace."""

    def __init__(self, plane: ControlPlane, namespace: str, stack: ExitStack) -> None:
        self.plane = plane
        self.namespace = namespace
        self.stop = threading.Event()
        self._stack = stack
        stack.callback(self.stop.set)

    def make(
        self, identity: str, *, kubeconfig: Path | None = None, name: str = "plumb", **settings: Any
    ) -> Lease:
        """A replica that has not taken anything yet; short times unless said otherwise."""
        connection = config.load(kubeconfig=str(kubeconfig or self.plane.kubeconfig))
        client = self._stack.enter_context(Client(connection, request_timeout_s=2.0))
        times = {"duration_s": 3.0, "renew_every_s": 0.5} | settings
        lease = Lease(client, name=name, namespace=self.namespace, identity=identity,
                      stop=self.stop, **times)  # fmt: skip
        self._stack.callback(lease.release)
        return lease

    def path(self, name: str = "plumb") -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases/{name}"

    def holder(self, name: str = "plumb") -> str:
        """Who holds it, as the server says."""
        return str(self.plane.get(self.path(name))["spec"]["holderIdentity"])


@pytest.fixture
def leases(api_server: ControlPlane, namespace: str) -> Iterator[Leases]:
    with ExitStack() as stack:
        yield Leases(api_server, namespace, stack)


def seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def until(claim: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait until it is so."""
    ends_at = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < ends_at, "it did not become so in time"
        time.sleep(0.05)  # noqa: TID251 - a test has no stop event


def test_a_released_lease_is_taken_within_two_seconds(leases: Leases) -> None:
    first, second = leases.make("first"), leases.make("second")
    assert first.acquire()
    assert first.is_held()
    taken = threading.Event()

    def take() -> None:
        if second.acquire():
            taken.set()

    waiting = threading.Thread(target=take, daemon=True)
    waiting.start()
    assert not taken.wait(4.0), "it was taken from a holder that lives"
    assert second.holder == "first"
    with pytest.raises(RefusedError) as refused:
        second.check()
    assert refused.value.code == "PLB550"

    first.release()
    assert seconds(lambda: taken.wait(10)) < 2.0

    assert second.is_held()
    assert not first.is_held()
    assert leases.holder() == "second"
    spec = leases.plane.get(leases.path())["spec"]
    assert spec["leaseTransitions"] == 1


def test_a_dead_and_a_frozen_holder_are_replaced_in_under_twenty_seconds(leases: Leases) -> None:
    """With the times that the daemon uses; both at once, since each takes its quarter minute."""
    replicas = {}
    for name in ("killed", "frozen"):
        replica = subprocess.Popen(
            [sys.executable, "-c", REPLICA, str(leases.plane.kubeconfig), leases.namespace, name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        replicas[name] = replica
    took: dict[str, float] = {}
    try:
        for replica in replicas.values():
            assert replica.stdout is not None
            assert replica.stdout.readline() == "held\n"
        standby = {name: leases.make("standby", name=name, duration_s=15.0, renew_every_s=5.0)
                   for name in replicas}  # fmt: skip

        def wait_for(name: str) -> None:
            took[name] = seconds(standby[name].acquire)

        replicas["killed"].kill()
        replicas["frozen"].send_signal(signal.SIGSTOP)
        waiting = [threading.Thread(target=wait_for, args=(name,)) for name in replicas]
        for thread in waiting:
            thread.start()
        for thread in waiting:
            thread.join(30)
        assert all(14 < took[name] < 20 for name in replicas), took
        assert [leases.holder(name) for name in replicas] == ["standby", "standby"]

        frozen = replicas["frozen"]
        assert frozen.stdin is not None
        assert frozen.stdout is not None
        frozen.stdin.write("\n")
        frozen.stdin.flush()
        frozen.send_signal(signal.SIGCONT)
        assert frozen.stdout.readline().startswith("refused PLB550")
        frozen.stdin.write("wait\n")
        frozen.stdin.flush()
        assert frozen.stdout.readline() == "refused PLB550 told=True\n"
        assert leases.holder("frozen") == "standby"
        assert standby["frozen"].is_held()
    finally:
        for replica in replicas.values():
            replica.kill()
            replica.communicate()


@pytest.mark.parametrize("renewed", ["1970-01-01T00:00:00.000000Z", "2100-01-01T00:00:00.000000Z"])
def test_clocks_of_machines_are_not_compared(leases: Leases, renewed: str) -> None:
    spec = {"holderIdentity": "other", "leaseDurationSeconds": 2, "renewTime": renewed}
    leases.plane.create(leases.path().rpartition("/")[0],
                        {"metadata": {"name": "plumb"}, "spec": spec})  # fmt: skip
    mine = leases.make("mine")

    assert 2.0 <= seconds(mine.acquire) < 4.5
    assert leases.holder() == "mine"


def test_of_many_one_holds_it_at_a_time(leases: Leases) -> None:
    replicas = [leases.make(f"replica-{number}") for number in range(4)]
    order: list[str] = []
    holding: set[str] = set()
    both: list[set[str]] = []

    def take_turns(lease: Lease) -> None:
        assert lease.acquire()
        holding.add(lease.identity)
        if len(holding) > 1:
            both.append(set(holding))
        order.append(lease.identity)
        holding.discard(lease.identity)
        lease.release()

    threads = [threading.Thread(target=take_turns, args=(lease,)) for lease in replicas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(order) == [lease.identity for lease in replicas]
    assert both == []
    assert leases.holder() == ""


def test_a_label_set_by_hand_does_not_cost_the_lease(leases: Leases) -> None:
    lost: list[str] = []
    lease = leases.make("mine", on_lost=lambda: lost.append("lost"))
    assert lease.acquire()

    def version() -> str:
        return str(leases.plane.get(leases.path())["metadata"]["resourceVersion"])

    after = leases.plane.merge(leases.path(), {"metadata": {"labels": {"team": "a"}}})
    until(lambda: version() != after["metadata"]["resourceVersion"])

    assert lease.is_held()
    assert lost == []
    assert leases.plane.get(leases.path())["metadata"]["labels"]["team"] == "a"


def test_what_another_took_is_lost_and_can_be_taken_again(leases: Leases) -> None:
    lost = threading.Event()
    lease = leases.make("mine", on_lost=lost.set)
    assert lease.acquire()

    leases.plane.merge(leases.path(), {"spec": {"holderIdentity": "thief"}})
    assert lost.wait(5)
    assert not lease.is_held()
    assert leases.holder() == "thief"
    lost.clear()

    assert seconds(lease.acquire) > 2.5
    assert lease.is_held()
    assert not lost.is_set()


def test_a_lease_that_is_deleted_is_taken_again(leases: Leases) -> None:
    lost = threading.Event()
    lease = leases.make("mine", on_lost=lost.set)
    assert lease.acquire()
    leases.plane.delete(leases.path())

    assert lost.wait(5)
    assert lease.acquire()
    assert leases.holder() == "mine"


def test_rights_that_are_taken_away_cost_the_lease_and_are_told_once(leases: Leases) -> None:
    plane, namespace = leases.plane, leases.namespace
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rule = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]}
    user = f"leader-{namespace}"
    plane.create(f"{rbac}/roles", {"metadata": {"name": "leader"}, "rules": [rule]})
    plane.create(f"{rbac}/rolebindings", {
        "metadata": {"name": "leader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "leader"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    })  # fmt: skip
    told: list[PlumbError] = []
    lost = threading.Event()
    lease = leases.make(user, kubeconfig=plane.kubeconfig_for(user), on_error=told.append,
                        on_lost=lost.set)  # fmt: skip
    assert lease.acquire()
    told.clear()

    plane.delete(f"{rbac}/rolebindings/leader")

    assert lost.wait(10)
    assert not lease.is_held()
    assert {error.code for error in told} == {"PLB403"}
    assert len(told) == 1


def test_a_stop_ends_the_waiting(leases: Leases) -> None:
    holder, waiting = leases.make("holder"), leases.make("waiting")
    assert holder.acquire()
    threading.Timer(0.2, leases.stop.set).start()

    assert not waiting.acquire()
    assert not waiting.is_held()
    assert leases.holder() == "holder"
