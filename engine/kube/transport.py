"""Bytes to the API server and back: connections, TLS, proxies and deadlines.

Belongs here: one request, one reply, or the reason why there is none. Not here: when to try again
and what a reply means (client.py, status.py).

pykube's own ``send`` is not used: it costs 2 ms a request, keeps private keys under guessable
names in /tmp, and reads a token once only. Its adapter's connection pools are.
"""

from __future__ import annotations

import ssl
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import urllib3
from pykube.config import KubeConfig
from pykube.http import KubernetesHTTPAdapter
from requests.exceptions import InvalidSchema
from urllib3 import exceptions as failures

from engine.errors import SettingsError
from engine.kube.deadline import Flight, Watch, shut

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from urllib3.connection import HTTPConnection

    from engine.kube.config import Connection
    from engine.kube.credentials import Certificate

CONNECT_TIMEOUT_S: Final = 10.0
# Load balancers close what is idle for a minute; a request sent into that moment would be lost.
IDLE_S: Final = 25.0


class Reply(NamedTuple):
    """What the server answered, whatever it is."""

    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes


class NoReplyError(Exception):
    """There is no answer. ``sent``: the server may have seen the request all the same.

    ``lasting``: another try would end the same way.
    """

    def __init__(self, why: str, *, sent: bool, lasting: bool = False, hint: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.sent = sent
        self.lasting = lasting
        self.hint = hint


if TYPE_CHECKING:
    _Base = HTTPConnection
else:
    _Base = object


class _Watched(_Base):
    """A connection that tells the flight of its thread when it begins to send."""

    watch: Watch
    used_at = 0.0

    @property
    def is_connected(self) -> bool:
        fresh = time.monotonic() - self.used_at < IDLE_S
        return fresh and super().is_connected

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()
        flight = self.watch.current
        if flight is not None:
            flight.socket, flight.sent = self.sock, True
        self.used_at = time.monotonic()
        super().request(*args, **kwargs)


class Transport(KubernetesHTTPAdapter):
    """Sends requests over kept connections; threads share it.

    A client certificate that is renewed gets new connections.
    """

    def __init__(self, connection: Connection, *, connections: int) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._watch = Watch()
        self._streams: set[Flight] = set()
        self._is_closed = False
        self._size = connections
        self._shown: Certificate | None = None
        self._pool: urllib3.HTTPConnectionPool | None = None
        config = connection.config or KubeConfig.from_url(connection.server)  # type: ignore[no-untyped-call]
        super().__init__(config, pool_connections=1, pool_maxsize=connections)
        # A forwarding proxy for plain http wants the whole URL, everything else the path.
        forwarded = connection.proxy and connection.server.startswith("http:")
        parsed = urllib3.util.parse_url(connection.server)
        self._prefix = connection.server if forwarded else (parsed.path or "").rstrip("/")

    def exchange(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        timeout_s: float,
    ) -> Reply:
        """Send one request and read its whole reply within ``timeout_s``; raise NoReplyError."""
        pool = self._ready_pool()
        with self._watch.flight(timeout_s) as flight:
            try:
                response = pool.urlopen(
                    method,
                    self._prefix + target,
                    body=body,
                    headers=headers,
                    retries=False,
                    redirect=False,
                    assert_same_host=False,
                    timeout=urllib3.Timeout(
                        connect=min(CONNECT_TIMEOUT_S, timeout_s), read=timeout_s
                    ),
                )
            except (failures.HTTPError, OSError) as error:
                raise _explained(
                    error, flight, server=self._connection.server, timeout_s=timeout_s
                ) from None
            # http.client takes the end of the stream for the end of the headers.
            if flight.expired:
                raise NoReplyError(_late(timeout_s), sent=True)
            return Reply(response.status, response.headers, response.data)

    @contextmanager
    def stream(
        self, target: str, *, headers: Mapping[str, str], timeout_s: float, silence_s: float
    ) -> Iterator[tuple[Reply, Iterator[bytes]]]:
        """GET a reply that goes on: its head, and its bytes as they arrive; raises NoReplyError.

        Not a byte for ``silence_s``, or no end after ``timeout_s``, breaks it off. The body of a
        head that is no success is whole.
        """
        pool = self._ready_pool()
        with self._watch.flight(timeout_s) as flight:

            def explained(error: Exception) -> NoReplyError:
                return _explained(
                    error, flight, server=self._connection.server, timeout_s=silence_s
                )

            try:
                response = pool.urlopen(
                    "GET", self._prefix + target, headers=headers, retries=False, redirect=False,
                    assert_same_host=False, preload_content=False,
                    timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=silence_s),
                )  # fmt: skip
            except (failures.HTTPError, OSError) as error:
                raise explained(error) from None
            with self._lock:
                self._streams.add(flight)
                if self._is_closed and flight.socket is not None:
                    shut(flight.socket)

            def chunks() -> Iterator[bytes]:
                try:
                    yield from response.stream(1 << 16)
                except (failures.HTTPError, OSError, ValueError, AttributeError) as error:
                    # The last two: what a connection that another thread has shut ends in.
                    raise explained(error) from None

            try:
                is_success = 200 <= response.status < 300
                body = b"" if is_success else b"".join(chunks())
                yield Reply(response.status, response.headers, body), chunks()
            finally:
                with self._lock:
                    self._streams.discard(flight)
                response.close()

    def close(self) -> None:
        """Close all connections; streams end at once."""
        self._watch.close()
        with self._lock:
            self._is_closed = True
            for flight in self._streams:
                if flight.socket is not None:
                    shut(flight.socket)
        with self._lock:
            self._forget_pool()

    def _forget_pool(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None
        self.poolmanager.clear()
        for manager in self.proxy_manager.values():
            manager.clear()
        self.proxy_manager.clear()

    def _ready_pool(self) -> urllib3.HTTPConnectionPool:
        certificate = self._connection.credentials.certificate()
        pool = self._pool
        if pool is not None and certificate == self._shown:
            return pool
        with self._lock:
            if self._pool is None or certificate != self._shown:
                self._forget_pool()
                self._pool = self._new_pool(certificate)
                self._shown = certificate
            return self._pool

    def _new_pool(self, certificate: Certificate | None) -> urllib3.HTTPConnectionPool:
        connection = self._connection
        tls: dict[str, Any] = {}
        if connection.server.startswith("https:"):
            tls["ssl_context"] = _context(connection, certificate)
            tls["cert_reqs"] = "CERT_REQUIRED" if connection.verify else "CERT_NONE"
            if not connection.verify:
                tls["assert_hostname"] = False
                # The kubeconfig says so; urllib3 would say it again with every connection.
                urllib3.disable_warnings(failures.InsecureRequestWarning)
            if connection.tls_server_name:
                tls["server_hostname"] = connection.tls_server_name
        if connection.proxy:
            try:
                manager = self.proxy_manager_for(connection.proxy, **tls)
            except InvalidSchema:
                raise SettingsError(
                    "PLB457",
                    "SOCKS proxies need the package PySocks",
                    where=f"context {connection.name}",
                    hint="install it beside Plumb, or use an HTTP proxy",
                ) from None
        else:
            self.init_poolmanager(1, self._size, block=False, **tls)
            manager = self.poolmanager
        pool: urllib3.HTTPConnectionPool = manager.connection_from_url(connection.server)
        # What the pool would have made, with an eye on it.
        pool.ConnectionCls = type("Watched", (_Watched, pool.ConnectionCls), {"watch": self._watch})
        return pool


def _explained(error: Exception, flight: Flight, *, server: str, timeout_s: float) -> NoReplyError:
    """Say in plain words why there is no reply; texts of libraries hold objects and URLs."""
    hint = ""
    if flight.expired or isinstance(error, failures.ReadTimeoutError):
        why = _late(timeout_s)
    elif isinstance(error, failures.SSLError | ssl.SSLError):
        return _tls_failure(error, sent=flight.sent)
    elif isinstance(error, failures.ProxyError):
        why = "the proxy cannot be reached or refuses to connect"
        hint = "check proxy-url or HTTPS_PROXY"
    elif isinstance(error, failures.NameResolutionError):
        why = f"the name {urllib3.util.parse_url(server).host} is not known"
    elif isinstance(error, failures.NewConnectionError):
        why = _system_reason(error)
    elif isinstance(error, failures.ConnectTimeoutError):
        why = "the connection could not be made in time"
    else:
        why = "the connection broke before the answer was complete"
    return NoReplyError(why, sent=flight.sent, hint=hint)


def _late(timeout_s: float) -> str:
    return f"no complete answer within {timeout_s:.0f} s"


def _system_reason(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        cause = cause.__cause__ or cause.__context__
    return "no connection"


def _tls_failure(error: BaseException, *, sent: bool) -> NoReplyError:
    cause = _innermost(error)
    reason = str(getattr(cause, "reason", None) or "")
    if isinstance(cause, ssl.SSLCertVerificationError):
        message = cause.verify_message
        hint = "check certificate-authority of the cluster in the kubeconfig"
        if "mismatch" in message or "not valid for" in message:
            hint = "check `server`, or set tls-server-name of the cluster in the kubeconfig"
        why = f"its certificate is not trusted: {message}"
        return NoReplyError(why, sent=False, lasting=True, hint=hint)
    if "WRONG_VERSION_NUMBER" in reason or "HTTP_REQUEST" in reason:
        hint = "the server may speak plain http: check `server` in the kubeconfig"
        return NoReplyError("it does not speak TLS", sent=False, lasting=True, hint=hint)
    if "ALERT" in reason:
        hint = "check client-certificate and client-key in the kubeconfig"
        why = f"it ended the TLS handshake: {reason.replace('_', ' ').lower()}"
        return NoReplyError(why, sent=sent, lasting=True, hint=hint)
    return NoReplyError("the encrypted TLS connection broke", sent=sent)


def _innermost(error: BaseException) -> BaseException:
    """Return the error of the ssl module that urllib3 has wrapped."""
    cause = error
    while not isinstance(cause, ssl.SSLError):
        inner = next((a for a in cause.args if isinstance(a, Exception)), cause.__cause__)
        if inner is None:
            break
        cause = inner
    return cause


def _context(connection: Connection, certificate: Certificate | None) -> ssl.SSLContext:
    # Not create_default_context(): its strictness since 3.13 refuses authorities that kubectl
    # and older clusters' installers are content with.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # as Go does
    if not connection.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif connection.ca is None:
        context.load_default_certs()
    else:
        try:
            context.load_verify_locations(cadata=connection.ca.decode("ascii", "ignore"))
        except ssl.SSLError:
            raise _unreadable("certificate-authority", connection) from None
    if certificate is not None:
        _show(context, certificate, connection)
    return context


def _show(context: ssl.SSLContext, certificate: Certificate, connection: Connection) -> None:
    # Python reads certificates from files only; this one is ours alone and gone right after.
    with tempfile.TemporaryDirectory(prefix="plumb-") as folder:
        path = Path(folder) / "client.pem"
        path.touch(mode=0o600)
        path.write_bytes(certificate.certificate + b"\n" + certificate.key)
        try:
            # The empty password keeps OpenSSL from asking at the terminal.
            context.load_cert_chain(path, password="")
        except (ssl.SSLError, OSError):
            raise _unreadable("client-certificate or client-key", connection) from None


def _unreadable(what: str, connection: Connection) -> SettingsError:
    return SettingsError(
        "PLB454",
        f"{what} cannot be used",
        where=f"context {connection.name}",
        why="it is damaged, encrypted, or certificate and key do not belong together",
        hint="check it in the kubeconfig",
    )
