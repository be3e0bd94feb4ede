"""What goes wrong between Plumb and an API server: when it tries again, and when it must not."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from e2e.servers.scripted import (
    OBJECT,
    PATH,
    Script,
    answer,
    cut,
    drip,
    half,
    opened,
    reset,
    silence,
    status,
)
from engine.errors import (
    ApiError,
    ClusterError,
    ConflictError,
    InvalidError,
    NotFoundError,
    UncertainError,
)
from engine.kube.config import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.servers.scripted import NewClient, Step
    from engine.kube.client import Client
    from engine.model import JSON


@pytest.fixture
def clients() -> Iterator[NewClient]:
    with opened() as new:
        yield new


# --- reading ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(reset, id="a reset"),
        pytest.param(half, id="half an answer"),
        pytest.param(cut, id="an answer without its end"),
        pytest.param(answer(500, "oops"), id="500"),
        pytest.param(answer(503, status(503, "ServiceUnavailable")), id="503"),
        pytest.param(answer(504, "<html>gateway"), id="504 of a proxy"),
        pytest.param(answer(429, "slow down", Retry_After="0"), id="429"),
    ],
)
def test_a_read_is_tried_again(clients: NewClient, fault: Step) -> None:
    with Script([fault, answer(200, OBJECT)]) as server:
        client = clients(server)
        assert client.get(f"{PATH}/env") == OBJECT
        assert client.requests == {"GET": 2}


def test_an_internal_error_that_lasts_is_told_after_four_tries(
    clients: NewClient,
) -> None:
    with Script([answer(500, status(500, "InternalError", "conversion of CANARY"))]) as server:
        client = clients(server)
        with pytest.raises(ApiError) as caught:
            client.get(f"{PATH}/env")
        assert caught.value.code == "PLB465"
        assert "CANARY" not in str(caught.value)
        assert client.requests == {"GET": 4}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("<html>404 Not Found", id="a proxy's page"),
        pytest.param(status(404, "NotFound"), id="a Status that names nothing"),
        pytest.param(status(404, "NotFound", name="other", kind="configmaps"), id="another name"),
        pytest.param(status(404, "NotFound", name="env", kind="secrets"), id="another kind"),
        pytest.param(status(404, "NotFound", name="env", kind="configmaps", group="x"), id="group"),
        pytest.param(status(404, "Gone", name="env", kind="configmaps"), id="another reason"),
    ],
)
def test_a_bare_404_is_no_proof_of_absence(clients: NewClient, body: JSON) -> None:
    """Invariant 7."""
    with Script([answer(404, body)]) as server, pytest.raises(ClusterError) as caught:
        clients(server).get(f"{PATH}/env")
    assert caught.value.code == "PLB462"


def test_a_404_that_names_the_object_is_proof_of_absence(clients: NewClient) -> None:
    body = status(404, "NotFound", name="env", kind="configmaps")
    with Script([answer(404, body)]) as server, pytest.raises(NotFoundError):
        clients(server).get(f"{PATH}/env")


def test_a_page_instead_of_json_is_an_error(clients: NewClient) -> None:
    with Script([answer(200, "<html>log in")]) as server:
        client = clients(server)
        with pytest.raises(ClusterError, match="not JSON"):
            client.get(f"{PATH}/env")
        with pytest.raises(ClusterError, match="not JSON"):
            client.list(PATH)


def test_a_redirect_is_not_followed(clients: NewClient) -> None:
    with Script([answer(200, OBJECT)]) as other:
        moved = answer(302, "", Location=f"{other.url}/x")
        with Script([moved]) as server, pytest.raises(ClusterError):
            clients(server).get(f"{PATH}/env")
        assert other.seen == []


# --- deadlines -------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [silence, drip])
def test_a_read_ends_at_its_deadline(clients: NewClient, fault: Step) -> None:
    with Script([fault]) as server:
        client = clients(server, request_timeout_s=1.0)
        began = time.monotonic()
        with pytest.raises(ClusterError, match="no complete answer"):
            client.get(f"{PATH}/env")
        assert 0.8 < time.monotonic() - began < 3.0


@pytest.mark.parametrize("fault", [silence, drip])
def test_a_write_without_an_answer_in_time_is_uncertain(clients: NewClient, fault: Step) -> None:
    with Script([fault]) as server:
        client = clients(server, request_timeout_s=1.0)
        with pytest.raises(UncertainError):
            client.create(PATH, OBJECT)
        assert client.requests == {"POST": 1}


def test_a_server_that_is_down_is_told_soon(clients: NewClient) -> None:
    with Script([reset]) as server:
        url = server.url
    began = time.monotonic()
    with pytest.raises(ClusterError) as caught:
        clients(Connection(name="down", server=url)).create(PATH, OBJECT)
    assert time.monotonic() - began < 5.0
    assert (caught.value.code, caught.value.exit_code) == ("PLB460", 6)
    assert url in str(caught.value)
    assert "connection refused" in caught.value.why


def test_an_unknown_host_is_told_by_name(clients: NewClient) -> None:
    client = clients(Connection(name="x", server="https://no-such-host.invalid"))
    with pytest.raises(ClusterError, match=r"no-such-host\.invalid is not known"):
        client.get("/version")


def test_a_server_that_was_there_is_waited_for(clients: NewClient) -> None:
    with Script([answer(200, OBJECT, close=True)]) as server:
        client = clients(server, request_timeout_s=20.0)
        client.get(f"{PATH}/env")
        port = server._listener.getsockname()[1]  # noqa: SLF001 - the test's own server

    def come_back() -> None:
        threading.Event().wait(2.0)
        again = Script([answer(201, OBJECT)])
        with again:
            again._listener.close()  # noqa: SLF001
            again._listener = socket.create_server(("127.0.0.1", port))  # noqa: SLF001
            threading.Thread(target=again._accept, daemon=True).start()  # noqa: SLF001
            done.wait(20.0)

    done = threading.Event()
    thread = threading.Thread(target=come_back)
    thread.start()
    try:
        assert client.create(PATH, OBJECT).body == OBJECT
    finally:
        done.set()
        thread.join()


# --- writing ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["create", "put", "patch", "delete"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(reset, id="a reset"),
        pytest.param(half, id="half an answer"),
        pytest.param(answer(500, status(500, "InternalError", "CANARY")), id="500"),
        pytest.param(answer(503, "unavailable"), id="503 without Retry-After"),
        pytest.param(answer(504, "<html>gateway"), id="504 of a proxy"),
        pytest.param(answer(201, "<html>log in"), id="a page"),
    ],
)
def test_a_write_whose_answer_is_lost_is_not_repeated(
    clients: NewClient, method: str, fault: Step
) -> None:
    calls: dict[str, Callable[[Client], Any]] = {
        "create": lambda client: client.create(PATH, OBJECT),
        "put": lambda client: client.put(f"{PATH}/env", OBJECT),
        "patch": lambda client: client.patch(f"{PATH}/env", []),
        "delete": lambda client: client.delete(f"{PATH}/env", uid="1"),
    }
    with Script([fault, answer(201, OBJECT)]) as server:
        with pytest.raises(UncertainError) as caught:
            calls[method](clients(server))
        assert "CANARY" not in str(caught.value)
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(answer(429, status(429, "TooManyRequests"), Retry_After="1"), id="429"),
        pytest.param(answer(429, "slow down"), id="429 without Retry-After"),
        pytest.param(answer(503, "starting", Retry_After="1"), id="503 with Retry-After"),
    ],
)
def test_a_write_that_cannot_have_been_acted_on_is_repeated(
    clients: NewClient, fault: Step
) -> None:
    with Script([fault, answer(201, OBJECT)]) as server:
        assert clients(server).create(PATH, OBJECT).body == OBJECT
        assert len(server.seen) == 2


def test_all_threads_slow_down_when_the_server_asks(clients: NewClient) -> None:
    with Script([answer(429, "slow down", Retry_After="2"), answer(200, OBJECT)]) as server:
        client = clients(server)
        threads = [threading.Thread(target=client.get, args=(f"{PATH}/env",)) for _ in range(5)]
        threads[0].start()
        while not client.requests or not server.seen:
            threading.Event().wait(0.01)
        threading.Event().wait(0.2)
        for thread in threads[1:]:
            thread.start()
        for thread in threads:
            thread.join()
        asked = server.seen[0].arrived_at
        assert all(request.arrived_at - asked >= 1.9 for request in server.seen[1:])
        assert len(server.seen) == 6


def test_a_wait_longer_than_the_deadline_is_not_begun(clients: NewClient) -> None:
    with Script([answer(429, "slow down", Retry_After="60")]) as server:
        client = clients(server, request_timeout_s=5.0)
        began = time.monotonic()
        for _ in range(2):
            with pytest.raises(ApiError) as caught:
                client.get(f"{PATH}/env")
            assert caught.value.code == "PLB429"
        assert time.monotonic() - began < 2.0
        assert caught.value.retry_after_s == pytest.approx(60, abs=2)
        assert len(server.seen) == 1


def test_a_stop_ends_every_wait(clients: NewClient) -> None:
    stop = threading.Event()
    with Script([answer(429, "slow down", Retry_After="20")]) as server:
        client = clients(server, stop=stop)
        threading.Timer(0.5, stop.set).start()
        began = time.monotonic()
        with pytest.raises(ClusterError, match="stopped"):
            client.get(f"{PATH}/env")
        assert time.monotonic() - began < 5.0
        with pytest.raises(ClusterError, match="stopped"):
            client.get(f"{PATH}/env")
        assert len(server.seen) == 1


@pytest.mark.parametrize("details", [{}, {"causes": []}])
def test_a_patch_whose_test_fails_is_a_conflict(clients: NewClient, details: JSON) -> None:
    body = status(422, "Invalid", "the server rejected our request", **details)
    with Script([answer(422, body)]) as server, pytest.raises(ConflictError):
        clients(server).patch(f"{PATH}/env", [])


@pytest.mark.parametrize("value", [1 << 70, "\ud800", object()])
def test_what_is_no_json_is_refused_before_it_is_sent(clients: NewClient, value: JSON) -> None:
    with Script([answer(201, OBJECT)]) as server:
        with pytest.raises(InvalidError, match="cannot be written as JSON"):
            clients(server).create(PATH, {**OBJECT, "data": {"a": value}})
        assert server.seen == []
