"""What goes wrong between Plumb and an API server: every fault is a real socket that misbehaves.

The real API server cannot be made to do these things on demand, so a small server on loopback
does them, one scripted step for each request.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import pytest

from e2e.servers.certificates import Authority
from engine.errors import (
    ApiError,
    ClusterError,
    ConflictError,
    DeniedError,
    NotFoundError,
    UncertainError,
)
from engine.kube.client import Client
from engine.kube.config import Connection
from engine.kube.credentials import Credentials, TokenFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine.model import JSON

PATH = "/api/v1/namespaces/shop/configmaps"
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "env"}}


@dataclass
class Request:
    """What arrived: the first line's parts, the headers in lower case, and when."""

    method: str
    target: str
    headers: dict[str, str]
    arrived_at: float


@dataclass
class Script:
    """A server that answers each request with the next step, and the last one for ever."""

    steps: list[Callable[[socket.socket], bool]]
    context: ssl.SSLContext | None = None
    seen: list[Request] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # shutdown() wakes the accepting thread; close() alone would leave it there.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    @property
    def url(self) -> str:
        scheme = "https" if self.context else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection.makefile("rb") as stream:
                while request := _read(stream):
                    with self._lock:
                        self.seen.append(request)
                        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
                    if not step(connection):
                        break
        with contextlib.suppress(OSError):
            connection.close()


def _read(stream: Any) -> Request | None:
    first = stream.readline().decode()
    if not first:
        return None
    headers: dict[str, str] = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    stream.read(int(headers.get("content-length", 0)))
    method, target, _ = first.split(" ", 2)
    return Request(method, target, headers, time.monotonic())


def answer(
    status: int, body: JSON, *, close: bool = False, **headers: str
) -> Callable[[socket.socket], bool]:
    """Answer like an API server; text is sent as HTML."""
    content = body if isinstance(body, str) else json.dumps(body)
    kind = "text/html" if isinstance(body, str) else "application/json"
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    def step(connection: socket.socket) -> bool:
        connection.sendall("\r\n".join([*lines, "", content]).encode())
        return not close

    return step


def status(code: int, reason: str, message: str = "", **details: JSON) -> JSON:
    body = {"kind": "Status", "status": "Failure", "reason": reason, "message": message}
    return {**body, "code": code, "details": details} if details else {**body, "code": code}


def reset(connection: socket.socket) -> bool:
    """Break the connection the hard way, without an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def half(connection: socket.socket) -> bool:
    """Break the connection in the middle of the answer."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"kind": "Conf')
    return reset(connection)


def cut(connection: socket.socket) -> bool:
    """End a chunked answer without its end, at a place where it still is JSON."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
    return False


def silence(_: socket.socket) -> bool:
    """Say nothing, and keep the connection."""
    return True


def drip(connection: socket.socket) -> bool:
    """Send the head of an answer so slowly that no socket timeout ever ends it."""
    with contextlib.suppress(OSError):
        for _ in range(200):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: yes\r\n" if not _ else b"a")
            threading.Event().wait(0.1)
    return False


def connection_to(server: Script, **more: Any) -> Connection:
    return Connection(name="fault", server=server.url, **more)


@pytest.fixture
def clients() -> Iterator[Callable[..., Client]]:
    with contextlib.ExitStack() as stack:

        def new(connection: Connection | Script, **options: Any) -> Client:
            if isinstance(connection, Script):
                connection = connection_to(connection)
            return stack.enter_context(Client(connection, **options))

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
def test_a_read_is_tried_again(
    clients: Callable[..., Client], fault: Callable[[socket.socket], bool]
) -> None:
    with Script([fault, answer(200, OBJECT)]) as server:
        client = clients(server)
        assert client.get(f"{PATH}/env") == OBJECT
        assert client.requests == {"GET": 2}


def test_an_internal_error_that_lasts_is_told_after_four_tries(
    clients: Callable[..., Client],
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
def test_a_bare_404_is_no_proof_of_absence(clients: Callable[..., Client], body: JSON) -> None:
    """Invariant 7."""
    with Script([answer(404, body)]) as server, pytest.raises(ClusterError) as caught:
        clients(server).get(f"{PATH}/env")
    assert caught.value.code == "PLB462"


def test_a_404_that_names_the_object_is_proof_of_absence(clients: Callable[..., Client]) -> None:
    body = status(404, "NotFound", name="env", kind="configmaps")
    with Script([answer(404, body)]) as server, pytest.raises(NotFoundError):
        clients(server).get(f"{PATH}/env")


def test_a_page_instead_of_json_is_an_error(clients: Callable[..., Client]) -> None:
    with Script([answer(200, "<html>log in")]) as server:
        client = clients(server)
        with pytest.raises(ClusterError, match="not JSON"):
            client.get(f"{PATH}/env")
        with pytest.raises(ClusterError, match="not JSON"):
            client.list(PATH)


def test_a_redirect_is_not_followed(clients: Callable[..., Client]) -> None:
    with Script([answer(200, OBJECT)]) as other:
        moved = answer(302, "", Location=f"{other.url}/x")
        with Script([moved]) as server, pytest.raises(ClusterError):
            clients(server).get(f"{PATH}/env")
        assert other.seen == []


# --- deadlines -------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [silence, drip])
def test_a_read_ends_at_its_deadline(
    clients: Callable[..., Client], fault: Callable[[socket.socket], bool]
) -> None:
    with Script([fault]) as server:
        client = clients(server, request_timeout_s=1.0)
        began = time.monotonic()
        with pytest.raises(ClusterError, match="no complete answer"):
            client.get(f"{PATH}/env")
        assert 0.8 < time.monotonic() - began < 3.0


@pytest.mark.parametrize("fault", [silence, drip])
def test_a_write_without_an_answer_in_time_is_uncertain(
    clients: Callable[..., Client], fault: Callable[[socket.socket], bool]
) -> None:
    with Script([fault]) as server:
        client = clients(server, request_timeout_s=1.0)
        with pytest.raises(UncertainError):
            client.create(PATH, OBJECT)
        assert client.requests == {"POST": 1}


def test_a_server_that_is_down_is_told_soon(clients: Callable[..., Client]) -> None:
    with Script([reset]) as server:
        url = server.url
    began = time.monotonic()
    with pytest.raises(ClusterError) as caught:
        clients(Connection(name="down", server=url)).create(PATH, OBJECT)
    assert time.monotonic() - began < 5.0
    assert (caught.value.code, caught.value.exit_code) == ("PLB460", 6)
    assert url in str(caught.value)
    assert "connection refused" in caught.value.why


def test_an_unknown_host_is_told_by_name(clients: Callable[..., Client]) -> None:
    client = clients(Connection(name="x", server="https://no-such-host.invalid"))
    with pytest.raises(ClusterError, match=r"no-such-host\.invalid is not known"):
        client.get("/version")


def test_a_server_that_was_there_is_waited_for(clients: Callable[..., Client]) -> None:
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
    clients: Callable[..., Client], method: str, fault: Callable[[socket.socket], bool]
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
    clients: Callable[..., Client], fault: Callable[[socket.socket], bool]
) -> None:
    with Script([fault, answer(201, OBJECT)]) as server:
        assert clients(server).create(PATH, OBJECT).body == OBJECT
        assert len(server.seen) == 2


def test_all_threads_slow_down_when_the_server_asks(clients: Callable[..., Client]) -> None:
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


def test_a_wait_longer_than_the_deadline_is_not_begun(clients: Callable[..., Client]) -> None:
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


def test_a_stop_ends_every_wait(clients: Callable[..., Client]) -> None:
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
def test_a_patch_whose_test_fails_is_a_conflict(
    clients: Callable[..., Client], details: JSON
) -> None:
    body = status(422, "Invalid", "the server rejected our request", **details)
    with Script([answer(422, body)]) as server, pytest.raises(ConflictError):
        clients(server).patch(f"{PATH}/env", [])


# --- connections -----------------------------------------------------------------------------


def test_connections_are_kept(clients: Callable[..., Client]) -> None:
    with Script([answer(200, OBJECT)]) as server:
        client = clients(server)
        for _ in range(5):
            client.get(f"{PATH}/env")
        assert server.connections == 1


def test_a_write_does_not_meet_a_connection_that_was_closed(clients: Callable[..., Client]) -> None:
    with Script([answer(200, OBJECT, close=True)]) as server:
        client = clients(server)
        for _ in range(3):
            client.create(PATH, OBJECT)
            threading.Event().wait(0.1)
        assert server.connections == 3


def test_credentials_are_renewed_once_on_401(
    clients: Callable[..., Client], tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    credentials = TokenFile(token)
    denied = answer(401, status(401, "Unauthorized"))
    with Script([answer(200, OBJECT), denied, answer(200, OBJECT), denied]) as server:
        client = clients(connection_to(server, credentials=credentials, user="dev"))
        client.get(f"{PATH}/env")
        token.write_text("new")
        assert client.get(f"{PATH}/env") == OBJECT
        sent = [request.headers["authorization"] for request in server.seen]
        assert sent == ["Bearer old", "Bearer old", "Bearer new"]
        with pytest.raises(DeniedError, match="user 'dev'") as caught:
            client.get(f"{PATH}/env")
        assert caught.value.exit_code == 4
        assert "new" not in str(caught.value)


def test_warnings_of_the_server_are_passed_on(clients: Callable[..., Client]) -> None:
    warning = '299 - "spec is \\"odd\\"", 299 - "v1beta1 is deprecated, use v1"'
    with Script([answer(201, OBJECT, Warning=warning)]) as server:
        client = clients(server)
        assert client.create(PATH, OBJECT).warnings == (
            'spec is "odd"', "v1beta1 is deprecated, use v1",
        )  # fmt: skip
        secret = client.create("/api/v1/namespaces/shop/secrets", {**OBJECT, "kind": "Secret"})
        assert "odd" not in "".join(secret.warnings)


# --- lists -----------------------------------------------------------------------------------


def page(names: str, token: str = "") -> JSON:
    items = [{"metadata": {"name": name, "managedFields": []}} for name in names]
    return {"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"continue": token},
            "items": items}  # fmt: skip


def test_a_list_has_every_page(clients: Callable[..., Client]) -> None:
    with Script([answer(200, page("ab", "t/1=")), answer(200, page("c"))]) as server:
        items = list(clients(server).list(PATH, label_selector="a=b", drop_managed_fields=True))
        assert [item["metadata"] for item in items] == [{"name": name} for name in "abc"]
        assert {(item["apiVersion"], item["kind"]) for item in items} == {("v1", "ConfigMap")}
        assert [request.target for request in server.seen] == [
            f"{PATH}?limit=500&labelSelector=a%3Db",
            f"{PATH}?limit=500&labelSelector=a%3Db&continue=t%2F1%3D",
        ]


def test_a_list_whose_token_is_lost_starts_again(clients: Callable[..., Client]) -> None:
    gone = answer(410, status(410, "Expired"))
    steps = [answer(200, page("ab", "t")), gone, answer(200, page("xy", "t")), gone,
             answer(200, page("p", "t")), answer(200, page("q"))]  # fmt: skip
    with Script(steps) as server:
        names = [item["metadata"]["name"] for item in clients(server).list(PATH)]
        assert names == ["p", "q"]


def test_a_list_that_never_holds_still_is_an_error(clients: Callable[..., Client]) -> None:
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
def test_a_list_with_a_lost_page_is_no_list(
    clients: Callable[..., Client], second: Callable[[socket.socket], bool]
) -> None:
    """Invariant 7: a partial answer is an error before a single item is seen."""
    with Script([answer(200, page("ab", "t")), second]) as server:
        client = clients(server, request_timeout_s=3.0)
        with pytest.raises((ApiError, ClusterError)):
            client.list(PATH)


# --- TLS and proxies -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.new("test authority")


def tls(authority: Authority, folder: Path, *names: str) -> ssl.SSLContext:
    pair = authority.server(names)
    path = folder / "server.pem"
    path.write_bytes(pair.certificate + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_a_certificate_of_an_unknown_authority_is_explained(
    clients: Callable[..., Client], authority: Authority, tmp_path: Path
) -> None:
    other = Authority.new("other").pem
    with Script([answer(200, OBJECT)], tls(authority, tmp_path, "127.0.0.1")) as server:
        began = time.monotonic()
        with pytest.raises(ClusterError) as caught:
            clients(connection_to(server, ca=other)).get("/version")
        assert caught.value.code == "PLB461"
        assert "not trusted" in caught.value.why
        assert "certificate-authority" in caught.value.hint
        assert time.monotonic() - began < 2.0


def test_a_certificate_for_another_name_is_explained(
    clients: Callable[..., Client], authority: Authority, tmp_path: Path
) -> None:
    with Script([answer(200, OBJECT)], tls(authority, tmp_path, "api.example")) as server:
        connection = connection_to(server, ca=authority.pem)
        with pytest.raises(ClusterError) as caught:
            clients(connection).get("/version")
        assert "tls-server-name" in caught.value.hint
        named = replace(connection, tls_server_name="api.example")
        assert clients(named).get("/version") == OBJECT
        assert clients(replace(connection, verify=False)).get("/version") == OBJECT


def test_a_server_without_tls_is_explained(clients: Callable[..., Client]) -> None:
    with Script([answer(200, OBJECT)]) as server:
        connection = replace(connection_to(server), server=server.url.replace("http:", "https:"))
        with pytest.raises(ClusterError, match="TLS"):
            clients(connection, request_timeout_s=3.0).get("/version")


def tunnel(target: str) -> Callable[[socket.socket], bool]:
    """Act as an HTTP proxy for CONNECT: pass bytes both ways until one side ends."""
    host, port = target.split("//")[1].split(":")

    def copy(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)

    def step(connection: socket.socket) -> bool:
        with socket.create_connection((host, int(port))) as there:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            threading.Thread(target=copy, args=(there, connection), daemon=True).start()
            copy(connection, there)
        return False

    return step


def test_a_proxy_is_asked_for_a_tunnel_with_its_password(
    clients: Callable[..., Client], authority: Authority, tmp_path: Path
) -> None:
    context = tls(authority, tmp_path, "127.0.0.1")
    with Script([answer(200, OBJECT)], context) as server, Script([tunnel(server.url)]) as proxy:
        connection = connection_to(
            server, ca=authority.pem, proxy=proxy.url.replace("//", "//me:secret@"),
            credentials=Credentials("Bearer t"),
        )  # fmt: skip
        client = clients(connection)
        for _ in range(3):
            assert client.get("/version") == OBJECT
        assert [request.method for request in proxy.seen] == ["CONNECT"]
        assert proxy.seen[0].headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"
        assert "authorization" not in proxy.seen[0].headers
        assert "proxy-authorization" not in server.seen[0].headers


def test_a_server_without_tls_is_reached_through_a_proxy(clients: Callable[..., Client]) -> None:
    with Script([answer(200, OBJECT)]) as proxy:
        connection = Connection(name="x", server="http://api.example:8080/base",
                                proxy=proxy.url.replace("//", "//me:secret@"))  # fmt: skip
        assert clients(connection).get("/version") == OBJECT
        assert proxy.seen[0].target == "http://api.example:8080/base/version"
        assert proxy.seen[0].headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"


def test_a_server_below_a_path_is_asked_there(clients: Callable[..., Client]) -> None:
    with Script([answer(200, OBJECT)]) as server:
        clients(Connection(name="x", server=f"{server.url}/k8s/c-1")).get("/version")
        assert server.seen[0].target == "/k8s/c-1/version"


def test_a_proxy_that_refuses_is_explained_without_its_password(
    clients: Callable[..., Client], authority: Authority
) -> None:
    with Script([answer(407, "who are you")]) as proxy:
        connection = Connection(name="x", server="https://api.example", ca=authority.pem,
                                proxy=proxy.url.replace("//", "//me:secret@"))  # fmt: skip
        with pytest.raises(ClusterError) as caught:
            clients(connection, request_timeout_s=3.0).get("/version")
        assert "secret" not in str(caught.value)
        assert "proxy" in str(caught.value)
