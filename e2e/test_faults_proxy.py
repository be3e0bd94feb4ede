"""The proxies do what a Fault says, and nothing else: seen by a client that knows no tricks."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from typing import TYPE_CHECKING

import pytest

from e2e.faultfixtures import one_shot, stage, story
from e2e.faults.lane import Fault, Lane
from e2e.faults.proxy import ApiProxy
from e2e.faults.schedule import LATE, LOST, Storm, always, answers, on_api, refusal
from e2e.faults.wire import Response

if TYPE_CHECKING:
    from e2e.faults.lane import Exchange
    from e2e.faults.story import Story
    from e2e.servers.controlplane import ControlPlane

__all__ = ["one_shot", "stage", "story"]
pytestmark = pytest.mark.usefixtures("control_plane")


def ask(story: Story, method: str = "GET", body: bytes | None = None) -> Response:
    """Ask for the ConfigMaps of the story's namespace, or make one."""
    url = json.loads(story.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    host, _, lane = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=5)
    try:
        path = f"/{lane}/api/v1/namespaces/{story.namespace}/configmaps"
        connection.request(method, path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        return Response(answer.status, answer.read())
    finally:
        connection.close()


MADE = json.dumps({"metadata": {"name": "made"}}).encode()


@pytest.mark.parametrize(
    ("fault", "status", "landed"),
    [
        (None, 201, True),
        (Fault("delay", seconds=0.3), 201, True),
        (Fault("answer", response=refusal(409)), 409, False),
        (Fault("drop"), 0, False),
        (LOST, 0, True),
        (Fault("reset"), 0, True),
        (LATE[0], 500, True),
        (Fault("edit", edit=lambda _, r: Response(202, r.body)), 202, True),
        (Fault("kill"), 0, False),
        (Fault("kill-after"), 0, True),
    ],
    ids=str,
)
def test_a_fault_does_what_it_says(
    story: Story, *, fault: Fault | None, status: int, landed: bool
) -> None:
    began = time.monotonic()
    story.lane.begin(lambda _: fault)
    try:
        told = ask(story, "POST", MADE).status
    except (OSError, http.client.HTTPException):
        told = 0
    story.lane.rest()
    path = f"/api/v1/namespaces/{story.namespace}/configmaps/made"
    assert (told, story.stage.direct.get(path) is not None) == (status, landed)
    (exchange,) = story.lane.log
    assert (exchange.told in (status, 0), exchange.has_landed) == (True, landed)
    assert time.monotonic() - began >= (fault.seconds if fault else 0)


def test_half_a_request_is_not_passed_on(story: Story) -> None:
    """What a killed client leaves in the pipe is no request."""
    url = json.loads(story.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    host, _, lane = url.removeprefix("http://").partition("/")
    address, _, port = host.partition(":")
    head = f"POST /{lane}/api/v1/namespaces/{story.namespace}/configmaps HTTP/1.1\r\n"
    with socket.create_connection((address, int(port))) as connection:
        length = f"content-type: application/json\r\ncontent-length: {len(MADE)}\r\n\r\n"
        connection.sendall((head + length).encode() + MADE[:-4])
    assert ask(story).status == 200
    story.lane.rest()
    assert [e.request.method for e in story.lane.log] == ["GET"]


def test_a_storm_depends_on_the_seed_and_not_on_the_order(story: Story) -> None:
    for _ in range(30):
        ask(story)
    storm = Storm("seed", 0.4, answers(500, 503), on_api)

    def drawn(log: list[Exchange]) -> dict[int, str]:
        return {e.nth: str(storm(e)) for e in log}

    forward, backward = drawn(story.lane.log), drawn(story.lane.log[::-1])
    assert forward == backward
    assert {"500", "503", "None"} == set(forward.values())


def test_faults_come_in_turn_and_end(story: Story) -> None:
    story.lane.begin(always(*answers(500, 503), only=on_api, times=3))
    assert [ask(story).status for _ in range(5)] == [500, 503, 500, 200, 200]


def test_credentials_of_the_client_are_passed_on_and_tls_is_spoken(
    control_plane: ControlPlane, story: Story
) -> None:
    # One of its own: the controllers take their time to make the default one.
    accounts = f"/api/v1/namespaces/{story.namespace}/serviceaccounts"
    control_plane.create(accounts, {"metadata": {"name": "caller"}})
    token = control_plane.create(
        f"{accounts}/caller/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
    )["status"]["token"]
    context = ssl.create_default_context(cadata=control_plane.authority.pem.decode())
    with ApiProxy(control_plane, user=None, tls=True) as proxy:
        url = proxy.add(Lane("tls"))
        host = url.removeprefix("https://").removesuffix("/tls")
        statuses = []
        for bearer in (token, "wrong"):
            connection = http.client.HTTPSConnection(host, context=context, timeout=5)
            path = "/tls/apis/authorization.k8s.io/v1"
            connection.request("GET", path, headers={"authorization": f"Bearer {bearer}"})
            statuses.append(connection.getresponse().status)
            connection.close()
    assert statuses == [200, 401]
