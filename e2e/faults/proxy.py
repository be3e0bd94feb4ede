"""The proxies: in front of a real API server, and in front of a real Git server.

Belongs here: carrying out a Fault on a connection. When which fault comes is schedule.py. A lane's
URL is the proxy's with the lane's name; whatever credentials the client sends are passed on.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
import struct
import threading
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from e2e.faults.wire import Request, Response, Upstream, read_request

if TYPE_CHECKING:
    from e2e.faults.lane import Exchange, Fault, Lane, Side
    from e2e.servers.controlplane import ControlPlane

ADMIN = "plumb-admin"
_LIMIT = re.compile(r"(?<=[?&])(limit=)\d+")
_NO_LANE = Response(404, b"no such lane\n", {"content-type": "text/plain"})


class Proxy:
    """Accepts clients and passes their requests on, or does what the lane's fault says."""

    side: Side

    def __init__(self, upstream: Upstream, *, tls: ssl.SSLContext | None = None) -> None:
        self._upstream = upstream
        self._tls = tls
        self._lanes: dict[str, Lane] = {}
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._upstream.close()

    def add(self, lane: Lane) -> str:
        """Serve this lane from now on; its URL."""
        self._lanes[lane.name] = lane
        return f"{self.url}/{lane.name}"

    @property
    def url(self) -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def open_connections(self) -> int:
        """How many clients are connected; a client that is gone leaves none behind."""
        with self._lock:
            return len(self._open)

    # --- connections -------------------------------------------------------------------------

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        raw, runs = connection, dict[str, int]()
        with self._lock:
            self._open.add(raw)
        try:
            # A client that hangs up, is killed, or sends half a request: what this is all about.
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                with cast("BinaryIO", connection.makefile("rb")) as stream:
                    while request := read_request(stream):
                        if not self._answer(connection, request, runs):
                            break
        finally:
            with contextlib.suppress(OSError):
                connection.close()
            with self._lock:
                self._open.discard(raw)
            for name in runs:
                self._lanes[name].connected(-1)

    def _answer(self, connection: socket.socket, request: Request, runs: dict[str, int]) -> bool:
        """Answer one request; False when this connection is of no more use."""
        name, _, rest = request.target.removeprefix("/").partition("/")
        lane = self._lanes.get(name)
        if lane is None:
            connection.sendall(_NO_LANE.encoded())
            return True
        # A connection belongs to the process that made it, and so to that process's run.
        if name not in runs:
            lane.connected(1)
        run = runs.setdefault(name, lane.run)
        exchange = lane.arrive(run, self.side, request.to(self._target(lane, rest)))
        try:
            return self._carry_out(connection, lane, exchange)
        except AssertionError as error:
            lane.mishaps.append(f"{exchange.label}: {error}")
            return False
        finally:
            exchange.is_over = True

    def _carry_out(self, connection: socket.socket, lane: Lane, exchange: Exchange) -> bool:
        fault = lane.fault_of(exchange)
        exchange.fault = str(fault) if fault else ""
        if exchange.request.is_watch:
            return self._watch(connection, lane, exchange, fault)
        if fault is None:
            return self._tell(connection, exchange, self._forward(lane, exchange))
        done = self._before(connection, lane, exchange, fault)
        if done is not None:
            return done
        return self._after(connection, lane, exchange, fault)

    def _before(
        self, connection: socket.socket, lane: Lane, exchange: Exchange, fault: Fault
    ) -> bool | None:
        """Do what comes before or instead of forwarding; None: forward it now."""
        match fault.kind:
            case "delay":
                self._stopping.wait(fault.seconds)
            case "act" if fault.act is not None:
                fault.act()
            case "drop":
                return self._reset(connection)
            case "answer":
                return self._tell(connection, exchange, fault.response)
            case "hang":
                # Until the client has enough of it: its end of the connection closes then.
                return self._hold(connection)
            case "kill":
                lane.kill()
                return self._reset(connection)
            case _:
                pass
        return None

    def _after(
        self, connection: socket.socket, lane: Lane, exchange: Exchange, fault: Fault
    ) -> bool:
        answer = self._forward(lane, exchange)
        match fault.kind:
            case "lost":
                return self._reset(connection)
            case "kill-after":
                lane.kill()
                return self._reset(connection)
            case "after":
                return self._tell(connection, exchange, fault.response)
            case "reset":
                data = answer.encoded()
                connection.sendall(data[: len(data) - max(1, len(answer.body) // 2)])
                return self._reset(connection)
            case "drip":
                return self._drip(connection, answer.encoded(), fault.seconds)
            case "edit" if fault.edit is not None:
                return self._tell(connection, exchange, fault.edit(exchange.request, answer))
            case _:
                return self._tell(connection, exchange, answer)

    def _watch(
        self, connection: socket.socket, lane: Lane, exchange: Exchange, fault: Fault | None
    ) -> bool:
        """Pass on what comes as it comes, until either end leaves or the fault ends it."""
        if fault is not None:
            done = self._before(connection, lane, exchange, fault)
            if done is not None:
                return done
        upstream, answer = self._upstream.open(exchange.request)
        own = upstream.sock
        threading.Thread(target=_end_together, args=(connection, own), daemon=True).start()
        exchange.told = answer.status
        kind = answer.headers.get("content-type", "application/json")
        head = f"HTTP/1.1 {answer.status} OK\r\ncontent-type: {kind}\r\n"
        try:
            connection.sendall(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
            if fault is not None and fault.kind == "mute":
                return self._hold(connection)
            if fault is not None and fault.kind in ("reset", "lost", "kill-after"):
                threading.Timer(fault.seconds, _end, args=(own,)).start()
            while data := answer.read1(1 << 16):
                connection.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            if fault is not None and fault.kind == "kill-after":
                lane.kill()
            return self._reset(connection) if fault is not None else False
        finally:
            answer.close()
            upstream.close()

    def _forward(self, lane: Lane, exchange: Exchange) -> Response:
        if exchange.is_write and lane.witness is not None:
            lane.witness(exchange)
        exchange.answer = self._upstream.send(exchange.request)
        return exchange.answer

    @staticmethod
    def _target(lane: Lane, rest: str) -> str:
        """Return where the real server has what a lane asks for."""
        raise NotImplementedError

    # --- ways to answer ----------------------------------------------------------------------

    @staticmethod
    def _tell(connection: socket.socket, exchange: Exchange, response: Response) -> bool:
        exchange.told = response.status
        connection.sendall(response.encoded())
        return True

    @staticmethod
    def _reset(connection: socket.socket) -> bool:
        """End the connection the hard way."""
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def _hold(self, connection: socket.socket) -> bool:
        connection.settimeout(0.2)
        while not self._stopping.is_set():
            try:
                if not connection.recv(1):
                    return False
            except TimeoutError:
                continue
        return False

    def _drip(self, connection: socket.socket, data: bytes, interval_s: float) -> bool:
        for at in range(len(data)):
            if self._stopping.wait(interval_s):
                break
            connection.sendall(data[at : at + 1])
        return False


def _end_together(client: socket.socket, upstream: socket.socket) -> None:
    """End the real watch when its client is gone."""
    with contextlib.suppress(OSError, ValueError):
        while client.recv(1):
            pass
    _end(upstream)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Not SSLSocket.shutdown(): that takes the TLS state away from under the reading thread.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class ApiProxy(Proxy):
    """In front of an API server; upstream it is ``user``, whose certificate the plane has made.

    With ``user`` None only the client's own headers count, as a bearer token. ``tls`` terminates
    TLS with a certificate of the plane's authority, else clients speak plain HTTP.
    """

    side: Side = "api"

    def __init__(self, plane: ControlPlane, *, user: str | None = ADMIN, tls: bool = False) -> None:
        context = ssl.create_default_context(cadata=plane.authority.pem.decode())
        if user == ADMIN:
            context.load_cert_chain(plane.folder / "admin.pem")
        elif user is not None:
            kubeconfig = plane.kubeconfig_for(user)
            pair = kubeconfig.with_suffix(".crt"), kubeconfig.with_suffix(".key")
            context.load_cert_chain(*pair)
        host = plane.url.removeprefix("https://")
        own = None
        if tls:
            own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            own.load_cert_chain(plane.folder / "server.crt", plane.folder / "server.key")
        super().__init__(
            Upstream(lambda: http.client.HTTPSConnection(host, context=context, timeout=60)),
            tls=own,
        )

    @staticmethod
    def _target(lane: Lane, rest: str) -> str:
        if lane.page_size:
            rest = _LIMIT.sub(rf"\g<1>{lane.page_size}", rest)
        return f"/{rest}"


class GitProxy(Proxy):
    """In front of a Git server over HTTP; a lane's repositories are in a folder of its name."""

    side: Side = "git"

    def __init__(self, host: str) -> None:
        super().__init__(Upstream(lambda: http.client.HTTPConnection(host, timeout=60)))

    @staticmethod
    def _target(lane: Lane, rest: str) -> str:
        return f"/{lane.name}/{rest}"
