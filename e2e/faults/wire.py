"""HTTP/1.1 as far as two honest ends need it: whole messages, read and written.

Belongs here: bytes to values and back, and kept connections to the real server. What goes wrong is
proxy.py's business.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are in lower case, the body is whole."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        return urlsplit(self.target).query

    @property
    def is_watch(self) -> bool:
        """Whether the answer goes on for as long as both ends like."""
        return "watch=1" in self.query or "watch=true" in self.query

    def to(self, target: str) -> Request:
        """Return the same request for another target."""
        return replace(self, target=target)


@dataclass(frozen=True, slots=True)
class Response:
    """One response; header names are in lower case, the body is whole."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def encoded(self) -> bytes:
        """Return it as it travels, with its length."""
        lines = [f"HTTP/1.1 {self.status} {http.client.responses.get(self.status, 'Odd')}"]
        lines += [f"{k}: {v}" for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP]
        lines.append(f"content-length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body


def read_request(stream: BinaryIO) -> Request | None:
    """Return the next request; None when the client has hung up. ValueError for nonsense."""
    first = stream.readline().decode("latin-1").split()
    if len(first) < 3:
        return None
    headers: dict[str, str] = {}
    while line := stream.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b"".join(iter(lambda: _chunk(stream), b""))
    else:
        length = int(headers.get("content-length", "0"))
        body = stream.read(length)
        if len(body) < length:
            raise ValueError("the client ended in the middle of its request")
    return Request(first[0], first[1], headers, body)


def _chunk(stream: BinaryIO) -> bytes:
    size = int(stream.readline().split(b";")[0], 16)
    data = stream.read(size)
    stream.readline()
    return data


class Upstream:
    """Kept connections to the real server; threads share them, each request has one for itself."""

    def __init__(self, connect: Callable[[], http.client.HTTPConnection]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []

    def send(self, request: Request) -> Response:
        """Forward one request; OSError or HTTPException when there is no answer."""
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        if kept is not None:
            try:
                return self._exchange(kept, request)
            except (OSError, http.client.HTTPException):
                kept.close()
                if request.method != "GET":
                    raise  # it may have arrived: sending it twice would be a fault of our own
        return self._exchange(self._connect(), request)

    def open(self, request: Request) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Forward a request whose answer has no end; the connection is the caller's to close."""
        connection = self._connect()
        headers = {k: v for k, v in request.headers.items() if k not in _HOP_BY_HOP}
        connection.request(request.method, request.target, None, headers)
        return connection, connection.getresponse()

    def close(self) -> None:
        with self._lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()

    def _exchange(self, connection: http.client.HTTPConnection, request: Request) -> Response:
        headers = {k: v for k, v in request.headers.items() if k not in _HOP_BY_HOP}
        try:
            connection.request(request.method, request.target, request.body or None, headers)
            answer = connection.getresponse()
            body = answer.read()
        except BaseException:
            connection.close()
            raise
        found = {name.lower(): value for name, value in answer.getheaders()}
        if answer.will_close:
            with contextlib.suppress(OSError):
                connection.close()
        else:
            with self._lock:
                self._idle.append(connection)
        return Response(answer.status, body, found)
