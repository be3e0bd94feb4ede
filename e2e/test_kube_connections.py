"""Connections, TLS and proxies: what is kept, what is shown to whom, and what is explained."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2e.servers.certificates import Authority
from e2e.servers.scripted import (
    OBJECT,
    PATH,
    Script,
    answer,
    connection_to,
    opened,
    status,
)
from engine.errors import (
    ClusterError,
    DeniedError,
    SettingsError,
)
from engine.kube.config import Connection
from engine.kube.credentials import Certificate, Credentials, TokenFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.servers.scripted import NewClient, Step


@pytest.fixture
def clients() -> Iterator[NewClient]:
    with opened() as new:
        yield new


# --- connections -----------------------------------------------------------------------------


def test_connections_are_kept(clients: NewClient) -> None:
    with Script([answer(200, OBJECT)]) as server:
        client = clients(server)
        for _ in range(5):
            client.get(f"{PATH}/env")
        assert server.connections == 1


def test_a_write_does_not_meet_a_connection_that_was_closed(clients: NewClient) -> None:
    with Script([answer(200, OBJECT, close=True)]) as server:
        client = clients(server)
        for _ in range(3):
            client.create(PATH, OBJECT)
            threading.Event().wait(0.1)
        assert server.connections == 3


def test_credentials_are_renewed_once_on_401(clients: NewClient, tmp_path: Path) -> None:
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


def test_warnings_of_the_server_are_passed_on(clients: NewClient) -> None:
    warning = '299 - "spec is \\"odd\\"", 299 - "v1beta1 is deprecated, use v1"'
    with Script([answer(201, OBJECT, Warning=warning)]) as server:
        client = clients(server)
        assert client.create(PATH, OBJECT).warnings == (
            'spec is "odd"', "v1beta1 is deprecated, use v1",
        )  # fmt: skip
        secret = client.create("/api/v1/namespaces/shop/secrets", {**OBJECT, "kind": "Secret"})
        assert "odd" not in "".join(secret.warnings)


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
    clients: NewClient, authority: Authority, tmp_path: Path
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
    clients: NewClient, authority: Authority, tmp_path: Path
) -> None:
    with Script([answer(200, OBJECT)], tls(authority, tmp_path, "api.example")) as server:
        connection = connection_to(server, ca=authority.pem)
        with pytest.raises(ClusterError) as caught:
            clients(connection).get("/version")
        assert "tls-server-name" in caught.value.hint
        named = replace(connection, tls_server_name="api.example")
        assert clients(named).get("/version") == OBJECT
        assert clients(replace(connection, verify=False)).get("/version") == OBJECT


def test_a_server_without_tls_is_explained(clients: NewClient) -> None:
    with Script([answer(200, OBJECT)]) as server:
        connection = replace(connection_to(server), server=server.url.replace("http:", "https:"))
        with pytest.raises(ClusterError, match="TLS"):
            clients(connection, request_timeout_s=3.0).get("/version")


def test_a_server_that_wants_a_certificate_is_explained(
    clients: NewClient, authority: Authority, tmp_path: Path
) -> None:
    context = tls(authority, tmp_path, "127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.pem.decode())
    pair = authority.client("dev")
    with Script([answer(200, OBJECT)], context) as server:
        connection = connection_to(server, ca=authority.pem)
        with pytest.raises(ClusterError):
            clients(connection, request_timeout_s=3.0).get("/version")
        known = Credentials(certificate=Certificate(pair.certificate, pair.key))
        assert clients(replace(connection, credentials=known)).get("/version") == OBJECT


def test_an_authority_that_is_damaged_is_told_before_any_request(
    clients: NewClient,
) -> None:
    pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    client = clients(Connection(name="x", server="https://127.0.0.1:1", ca=pem))
    with pytest.raises(SettingsError, match="certificate-authority cannot be used"):
        client.get("/version")


def tunnel(target: str) -> Step:
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
    clients: NewClient, authority: Authority, tmp_path: Path
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


def test_a_server_without_tls_is_reached_through_a_proxy(clients: NewClient) -> None:
    with Script([answer(200, OBJECT)]) as proxy:
        connection = Connection(name="x", server="http://api.example:8080/base",
                                proxy=proxy.url.replace("//", "//me:secret@"))  # fmt: skip
        assert clients(connection).get("/version") == OBJECT
        assert proxy.seen[0].target == "http://api.example:8080/base/version"
        assert proxy.seen[0].headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"


def test_a_server_below_a_path_is_asked_there(clients: NewClient) -> None:
    with Script([answer(200, OBJECT)]) as server:
        clients(Connection(name="x", server=f"{server.url}/k8s/c-1")).get("/version")
        assert server.seen[0].target == "/k8s/c-1/version"


def test_a_proxy_that_refuses_is_explained_without_its_password(
    clients: NewClient, authority: Authority
) -> None:
    with Script([answer(407, "who are you")]) as proxy:
        connection = Connection(name="x", server="https://api.example", ca=authority.pem,
                                proxy=proxy.url.replace("//", "//me:secret@"))  # fmt: skip
        with pytest.raises(ClusterError) as caught:
            clients(connection, request_timeout_s=3.0).get("/version")
        assert "secret" not in str(caught.value)
        assert "proxy" in str(caught.value)
