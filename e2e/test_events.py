"""Events about Applications: told once with a count, and nobody ever waits for them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from engine.kube import config
from engine.kube.client import Client
from engine.kube.events import Events
from engine.model import Application, Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.servers.controlplane import ControlPlane


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Teller:
    """Events about one application, and what the server has of them."""

    def __init__(self, plane: ControlPlane, namespace: str, kubeconfig: Path | None = None) -> None:
        self.plane = plane
        self.clock = Clock()
        self.stop = threading.Event()
        self.client = Client(config.load(kubeconfig=str(kubeconfig or plane.kubeconfig)))
        self.events = Events(self.client, stop=self.stop, clock=self.clock)
        self.application = Application(
            "shop", namespace, Source("https://git.example/c.git"), origin="resource", uid="u-1"
        )

    def warn(self, message: str) -> None:
        self.events.tell(self.application, kind="Warning", reason="SyncFailed", message=message)

    def told(self, count: int | None = None) -> list[Any]:
        """What the server has, once that many Events, counting repetitions, are there."""
        path = f"/api/v1/namespaces/{self.application.namespace}/events"
        deadline = time.monotonic() + 10
        while True:
            items: list[Any] = self.plane.get(path)["items"]
            if count is None or sum(item["count"] for item in items) == count:
                return items
            assert time.monotonic() < deadline, [item["message"] for item in items]
            time.sleep(0.02)  # noqa: TID251 - a test has no stop event


@pytest.fixture
def teller(api_server: ControlPlane, namespace: str) -> Iterator[Teller]:
    made = Teller(api_server, namespace)
    yield made
    made.stop.set()
    made.events.close()
    made.client.close()


def test_an_event_names_the_application_and_what_happened(teller: Teller) -> None:
    teller.events.tell(teller.application, kind="Normal", reason="Synced", message="1 created")

    (event,) = teller.told(1)

    assert event["involvedObject"] == {
        "apiVersion": "plumb.dev/v1alpha1", "kind": "Application", "name": "shop", "uid": "u-1",
        "namespace": teller.application.namespace,
    }  # fmt: skip
    assert (event["type"], event["reason"]) == ("Normal", "Synced")
    assert event["message"] == "1 created"
    assert event["source"] == {"component": "plumb"}


def test_what_is_said_again_raises_the_count_of_the_first(teller: Teller) -> None:
    teller.warn("no such branch")
    (first,) = teller.told(1)
    teller.clock.now += 500
    teller.warn("no such branch")
    teller.told(2)
    teller.clock.now += 500  # 10 minutes are counted from the last one
    teller.warn("no such branch")

    (event,) = teller.told(3)
    assert event["metadata"]["uid"] == first["metadata"]["uid"]
    assert event["count"] == 3
    assert event["lastTimestamp"] >= first["lastTimestamp"]
    assert event["firstTimestamp"] == first["firstTimestamp"]

    teller.warn("another message")
    assert [e["count"] for e in sorted(teller.told(4), key=lambda e: -e["count"])] == [3, 1]


def test_ten_minutes_later_it_is_said_anew(teller: Teller) -> None:
    teller.warn("no such branch")
    teller.told(1)
    teller.clock.now += 601
    teller.warn("no such branch")

    assert [event["count"] for event in teller.told(2)] == [1, 1]


def test_an_event_that_the_server_forgot_is_said_anew(teller: Teller) -> None:
    teller.warn("no such branch")
    (first,) = teller.told(1)
    namespace, name = teller.application.namespace, first["metadata"]["name"]
    teller.plane.delete(f"/api/v1/namespaces/{namespace}/events/{name}")
    teller.warn("no such branch")

    (second,) = teller.told(1)
    assert second["metadata"]["name"] != name


def test_a_flood_is_slowed_down_and_what_finds_no_room_is_counted(teller: Teller) -> None:
    for number in range(1300):
        teller.warn(f"number {number}")
    teller.told(100)
    time.sleep(0.5)  # noqa: TID251 - nothing more may come
    assert len(teller.told()) == 100
    assert teller.events.failed == 0
    dropped = teller.events.dropped
    # Those that went out while the others were noted made room.
    assert 200 <= dropped <= 300

    teller.clock.now += 4
    assert len(teller.told(120)) == 120
    assert teller.events.dropped == dropped


def test_repetitions_need_no_room(teller: Teller) -> None:
    for number in range(3000):
        teller.warn(f"number {number % 3}")

    events = teller.told(3000)
    assert len(events) == 3
    assert teller.events.dropped == 0


def test_a_message_is_short_and_holds_no_commands_for_a_terminal(teller: Teller) -> None:
    teller.warn("red \x1b[31m alert\n" + "x" * 5000)

    (event,) = teller.told(1)
    assert event["message"].startswith(r"red \x1b[31m alert\nxxx")
    assert event["message"].endswith("x...")
    assert len(event["message"]) == 1024


def test_nothing_is_told_about_a_file(teller: Teller) -> None:
    file = Application("shop", teller.application.namespace, Source("https://git.example/c.git"))
    teller.events.tell(file, kind="Normal", reason="Synced", message="done")
    teller.warn("about the resource")

    (event,) = teller.told(1)
    assert event["message"] == "about the resource"


def test_without_rights_it_is_counted_and_does_no_harm(
    api_server: ControlPlane, namespace: str
) -> None:
    user = f"nobody-{namespace}"
    teller = Teller(api_server, namespace, api_server.kubeconfig_for(user))
    for number in range(3):
        teller.warn(f"number {number}")
    deadline = time.monotonic() + 10
    while teller.events.failed < 3 and time.monotonic() < deadline:
        time.sleep(0.02)  # noqa: TID251 - a test has no stop event

    assert teller.events.failed == 3
    assert teller.told() == []
    teller.events.close()
    teller.client.close()


def test_nobody_waits_for_a_server_that_does_not_answer(
    api_server: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    text = api_server.kubeconfig.read_text().replace(api_server.url, "https://127.0.0.1:1")
    (tmp_path / "config").write_text(text)
    teller = Teller(api_server, namespace, tmp_path / "config")
    began = time.monotonic()
    for number in range(1200):
        teller.warn(f"number {number}")

    assert time.monotonic() - began < 1.0
    teller.stop.set()
    teller.events.close()
    assert time.monotonic() - began < 5.0
    assert teller.events.dropped >= 100
    teller.client.close()


def test_what_waits_is_sent_when_it_is_closed(teller: Teller) -> None:
    for number in range(20):
        teller.warn(f"number {number}")
    teller.stop.set()
    teller.events.close()

    assert len(teller.told()) == 20
