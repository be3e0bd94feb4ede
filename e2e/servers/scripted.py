"""A server on loopback that misbehaves as told: one scripted step for each request.

The real API server cannot be made to break a connection, to drip or to lie on demand.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

from engine.kube.client import Client
from engine.kube.config import Connection

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

Step: TypeAlias = "Callable[[socket.socket], bool]"
JSON: TypeAlias = Any

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

    steps: list[Step]
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


def answer(status: int, body: JSON, *, close: bool = False, **headers: str) -> Step:
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


class NewClient(Protocol):
    """Makes clients that are closed when the test ends."""

    def __call__(self, to: Connection | Script, **options: Any) -> Client:
        """Talk to this server, without credentials if it is a script."""
        ...


@contextmanager
def opened() -> Iterator[NewClient]:
    """Close every client in the end."""
    with contextlib.ExitStack() as stack:

        def new(to: Connection | Script, **options: Any) -> Client:
            connection = connection_to(to) if isinstance(to, Script) else to
            return stack.enter_context(Client(connection, **options))

        yield new
