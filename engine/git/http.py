"""Git over HTTP: who we are, whom we trust, where we are sent, and how much we listen to.

Belongs here: the requests. Git's protocol inside them is dulwich's.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import re
import socket
import ssl
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import urllib3
from dulwich.client import Urllib3HttpGitClient, default_user_agent_string
from urllib3 import exceptions as trouble
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from engine.errors import GitError
from engine.git.pack import cut_off

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from urllib3.response import BaseHTTPResponse

    from engine.git.address import Address
    from engine.git.deadline import Deadline
    from engine.git.failures import Failures, Terms
    from engine.model import Credentials

_REDIRECTS = {301, 302, 303, 307, 308}
_MAX_REDIRECTS = 5
_PORTS = {"http": 80, "https": 443}
_SERVICES = ("git-receive-pack", "git-upload-pack")
_SIDEBAND_BYTES = 1 << 20  # progress messages and framing beside the pack itself
# OpenSSL's verify codes (x509_vfy.h) that a person can do something about.
_CERTIFICATE: Final[dict[int, tuple[str, str]]] = {
    9: ("it is not valid yet", "check the clocks of both machines"),
    10: ("it has expired", "renew it on the server"),
    18: ("it is self-signed", "give it, or the authority behind it, as ca.crt of the Secret"),
    19: ("its authority is not known here", "give the authority's certificate as ca.crt"),
    20: ("its authority is not known here", "give the authority's certificate as ca.crt"),
    21: ("its authority is not known here", "give the authority's certificate as ca.crt"),
    62: ("it is for another host name", "use a name that is in the certificate"),
    64: ("it is for another address", "use a name that is in the certificate"),
}


class HttpClient(Urllib3HttpGitClient):
    """A Git client for one repository over http:// or https://, good until ``deadline``."""

    def __init__(self, address: Address, credentials: Credentials | None, *, terms: Terms) -> None:
        self._limits = terms.limits
        self._deadline = terms.deadline
        self._failures = terms.failures
        self._authorization = _authorization(credentials)
        self._home = _origin(address.text)
        super().__init__(base_url=address.text, pool_manager=pool(address, credentials, terms))

    def close(self) -> None:
        self.pool_manager.clear()

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,  # noqa: ARG002, FBT001, FBT002 - dulwich's signature
    ) -> tuple[Any, Callable[[int], bytes]]:
        current = url
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._send(current, headers or {}, data)
            if response.status not in _REDIRECTS:
                break
            current = self._follow(current, response, is_post=data is not None)
        else:
            raise self._failures.redirected(
                "the server sends us in circles", "use the address it ends at"
            )
        try:
            self._check(response, url, is_post=data is not None)
        except BaseException:
            response.close()
            raise
        # What dulwich looks for on a response.
        response.content_type = response.headers.get("Content-Type")  # type: ignore[attr-defined]
        response.redirect_location = current if current != url else ""  # type: ignore[attr-defined]
        is_pack = isinstance(data, bytes) and b"command=ls-refs" not in data[:64]
        cap = self._limits.pack_bytes + _SIDEBAND_BYTES if is_pack else self._limits.refs_bytes
        return response, self._reader(response, cap)

    def _send(
        self, url: str, headers: dict[str, str], data: bytes | Iterator[bytes] | None
    ) -> BaseHTTPResponse:
        self._deadline.check()
        sent = {
            "User-Agent": default_user_agent_string(),
            "Accept-Encoding": "identity",
            "Pragma": "no-cache",
            **headers,
        }
        if self._authorization and _origin(url) == self._home:
            sent["Authorization"] = self._authorization
        seconds = self._deadline.remaining_s
        try:
            return self.pool_manager.request(
                "GET" if data is None else "POST",
                url,
                body=data,
                headers=sent,
                preload_content=False,
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(connect=seconds, read=seconds),
            )
        except (trouble.HTTPError, OSError, ValueError) as error:
            self._deadline.check()
            raise self._explain(error) from error

    def _follow(self, url: str, response: BaseHTTPResponse, *, is_post: bool) -> str:
        """Return where a redirect leads, unless following it is wrong."""
        response.close()
        target = urljoin(url, response.headers.get("Location", ""))
        here, there = _origin(url), _origin(target)
        shown = f"{there[0]}://{there[1]}:{there[2]}"
        if is_post:
            raise self._failures.redirected(
                f"the server redirects a fetch to {shown}", "use the address it leads to"
            )
        if there[0] not in _PORTS or (here[0] == "https" and there[0] == "http"):
            raise self._failures.redirected(
                f"the server redirects to the unencrypted {shown}", "ask for a safe address"
            )
        if there != here and self._authorization:
            raise self._failures.redirected(
                f"the server redirects to {shown}, which these credentials are not for",
                "use that address if it is the right one; credentials never follow by themselves",
            )
        if not urlsplit(target).path.endswith("/info/refs"):
            raise self._failures.no_git(f"it redirects to {shown}, which looks like a login page")
        return target

    def _check(self, response: BaseHTTPResponse, url: str, *, is_post: bool) -> None:
        status = response.status
        kind = (response.headers.get("Content-Type") or "").split(";")[0].strip().lower()
        if status == 200:
            self._check_kind(kind, url, is_post=is_post)
            return
        if status == 401 and not self._authorization:
            raise self._failures.password_needed()
        if status in {401, 403}:
            raise self._failures.refused(self._refusal(response))
        if status in {404, 410}:
            raise self._failures.not_found()
        if status == 407:
            raise self._failures.proxy("it wants a user name and password of its own")
        raise self._failures.server(f"HTTP status {status}")

    def _refusal(self, response: BaseHTTPResponse) -> str:
        challenge = response.headers.get("WWW-Authenticate", "").strip().lower()
        is_bearer = (self._authorization or "").startswith("Bearer")
        if is_bearer and challenge.startswith("basic"):
            # GitHub and GitLab take a token as the password of a user, not as it is.
            return (
                f"HTTP status {response.status}; it wants a user name and password, so give"
                " the token as password, with a user name such as x-access-token or oauth2"
            )
        return f"HTTP status {response.status}"

    def _check_kind(self, kind: str, url: str, *, is_post: bool) -> None:
        service = next(name for name in _SERVICES if url.endswith(name))
        expected = f"application/x-{service}-{'result' if is_post else 'advertisement'}"
        if kind == expected:
            return
        if kind == "text/html":
            raise self._failures.no_git("it answers with a web page, perhaps a login page")
        if not is_post and kind == "text/plain":
            raise self._failures.no_git(
                "it speaks only the dumb HTTP protocol", "serve it with git http-backend"
            )
        raise self._failures.no_git(f"it answers with the content type {kind or '(none)'}")

    def _reader(self, response: BaseHTTPResponse, cap: int) -> Callable[[int], bytes]:
        total = 0

        def read(size: int) -> bytes:
            nonlocal total
            try:
                data = response.read(size)
            except (trouble.HTTPError, OSError, ValueError, AttributeError) as error:
                self._deadline.check()
                raise cut_off(self._failures.where) from error
            if len(data) < size:
                self._deadline.check()
                if data:
                    raise cut_off(self._failures.where)
            self._failures.listen(data)
            total += len(data)
            if total > cap:
                raise GitError(
                    "PLB216", f"the server sends more than {cap} bytes",
                    where=self._failures.where, hint="raise the cap if the repository is that big",
                )  # fmt: skip
            return data

        return read

    def _explain(self, error: Exception) -> GitError:
        cause: BaseException | None = error
        while cause is not None and not isinstance(
            cause, (ssl.SSLError, socket.gaierror, trouble.ProxyError)
        ):
            cause = cause.__cause__ or cause.__context__
        if isinstance(error, trouble.ProxyError) or isinstance(cause, trouble.ProxyError):
            return self._failures.proxy(_reason(error))
        if isinstance(error, trouble.NameResolutionError) or isinstance(cause, socket.gaierror):
            return self._failures.unreachable("its host name is not known")
        if isinstance(cause, ssl.SSLCertVerificationError):
            known = _CERTIFICATE.get(cause.verify_code, (cause.verify_message, "check it"))
            return self._failures.certificate(*known)
        if isinstance(cause, ssl.SSLError):
            return self._failures.unreachable(
                f"no TLS connection: {cause.reason or 'unknown reason'}",
                "check that the address should begin with https://",
            )
        if isinstance(error, trouble.LocationParseError):
            return self._failures.unreachable("its host name is malformed")
        return self._failures.unreachable(_reason(error))


def _reason(error: Exception) -> str:
    """Name the system's reason; the libraries' own texts hold objects' addresses and URLs."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    status = re.search(r"Tunnel connection failed: (\d{3})", str(error))
    return f"HTTP status {status[1]}" if status else "the connection broke"


def _authorization(credentials: Credentials | None) -> str:
    """Return the header that shows who we are, "" without credentials for HTTP."""
    if credentials is None:
        return ""
    if credentials.token and not credentials.username:
        return f"Bearer {credentials.token}"
    secret = credentials.token or credentials.password
    if not credentials.username and not secret:
        return ""
    pair = f"{credentials.username}:{secret}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _origin(url: str) -> tuple[str, str, int]:
    split = urlsplit(url)
    scheme = split.scheme.lower()
    try:
        port = split.port
    except ValueError:
        port = None
    return scheme, (split.hostname or "").lower(), port or _PORTS.get(scheme, 0)


def pool(address: Address, credentials: Credentials | None, terms: Terms) -> urllib3.PoolManager:
    """Return connections to a server: its certificates, our proxy, cut at the deadline."""
    failures = terms.failures
    options: dict[str, Any] = {"num_pools": 2, "maxsize": 1}
    if address.text.lower().startswith("https:"):
        options["ssl_context"] = _trust(credentials.ca if credentials else b"", failures)
    proxy = _proxy(address)
    if proxy:
        split = urlsplit(proxy)
        headers = {}
        if split.username is not None:
            pair = f"{unquote(split.username)}:{unquote(split.password or '')}"
            headers = urllib3.make_headers(proxy_basic_auth=pair)
        clean = split._replace(netloc=split.netloc.rpartition("@")[2]).geturl()
        try:
            manager: urllib3.PoolManager = urllib3.ProxyManager(
                clean, proxy_headers=headers, **options
            )
        except (trouble.HTTPError, ValueError) as error:
            raise failures.proxy("its address cannot be used") from error
    else:
        manager = urllib3.PoolManager(**options)
    manager.pool_classes_by_scheme = _watched(terms.deadline)
    return manager


def _watched(deadline: Deadline) -> dict[str, type[HTTPConnectionPool]]:
    """Make connection pools whose sockets the deadline can cut."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            deadline.guard(self.sock)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            deadline.guard(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _trust(ca: bytes, failures: Failures) -> ssl.SSLContext:
    """Return what certificates are trusted: the given authorities alone, else the system's."""
    if not ca:
        context = ssl.create_default_context()
        if not context.cert_store_stats()["x509"] and not context.get_ca_certs():
            import certifi  # noqa: PLC0415 - only where the system brings no certificates

            context.load_verify_locations(certifi.where())
        return context
    try:
        text = ca.decode("ascii") if b"-----BEGIN" in ca else ca
        return ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise failures.certificate(
            "the authority given as ca.crt cannot be read", "give certificates in PEM"
        ) from error


def _proxy(address: Address) -> str:
    """Return the proxy that the environment names for this address, or ""."""
    proxies = getproxies_environment()
    scheme = "https" if address.text.lower().startswith("https:") else "http"
    proxy = proxies.get(scheme) or proxies.get("all") or ""
    if not proxy or proxy_bypass(address.host) or _in_network(address.host):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _in_network(host: str) -> bool:
    """Whether NO_PROXY holds a network such as 10.0.0.0/8 that this address is in."""
    try:
        mine = ipaddress.ip_address(host)
    except ValueError:
        return False
    for part in (os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "").split(","):
        try:
            if mine in ipaddress.ip_network(part.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False
