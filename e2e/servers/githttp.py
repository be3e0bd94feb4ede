"""A Git server over smart HTTP on loopback, with passwords, TLS, a request log and faults.

Belongs here: HTTP. What is said inside is uploadpack.py. Nothing but dulwich is needed.
"""

from __future__ import annotations

import base64
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from gzip import decompress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar, Literal, Self, TypeAlias, cast
from urllib.parse import parse_qs, urlsplit

from dulwich.errors import GitProtocolError, NotGitRepository
from dulwich.protocol import pkt_line
from dulwich.repo import Repo

from e2e.servers import receivepack, uploadpack
from e2e.servers.certificates import Authority, Pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Step: TypeAlias = Literal["advertisement", "refs", "pack", "push"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong in the steps named by ``on``.

    drip: a byte every ``interval_s``; headers: the same from the first header on; hang: no answer;
    endless: progress messages for ever; truncate: half of the body, then the connection is cut;
    corrupt: a byte changed; html: 200 and a page; dumb: refs as a dumb server sends them; redirect
    to ``location``; status: that HTTP status; pack: ``data`` instead of the real pack; error: the
    server's own words.
    """

    kind: Literal["drip", "headers", "hang", "endless", "truncate", "corrupt", "html", "dumb",
                  "redirect", "status", "pack", "error"]  # fmt: skip
    on: frozenset[Step] = frozenset({"advertisement", "refs", "pack", "push"})
    status: int = 500
    location: str = ""
    data: bytes = b""
    interval_s: float = 0.2


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in; header names are in lower case."""

    method: str
    path: str
    step: Step
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    version: int = 2


class GitHttpServer:
    """Serves every repository below ``root``: ``with GitHttpServer(root) as s: s.url("a.git")``.

    ``users`` maps names to passwords and ``tokens`` lists bearer tokens; with either, others get
    401. ``tls`` is a certificate, or True for one of a fresh authority (``ca`` holds it).
    ``version`` is the newest protocol spoken. ``fault`` may be set at any time.
    """

    def __init__(  # noqa: PLR0913 - each makes another server
        self,
        root: Path,
        *,
        users: dict[str, str] | None = None,
        tokens: tuple[str, ...] = (),
        tls: bool | Pair = False,
        version: Literal[0, 2] = 2,
        port: int = 0,
        host: str = "127.0.0.1",
    ) -> None:
        self.root = root
        self.users = dict(users or {})
        self.tokens = tokens
        self.version = version
        self.fault: Fault | None = None
        self.rules = receivepack.Rules()
        self.requests: list[Request] = []
        self.ca = b""
        self.stopping = threading.Event()
        self._scheme = "https" if tls else "http"
        self._http = _Server((host, port), _Handler)
        self._http.git = self
        if tls:
            self._secure(self._issue() if tls is True else tls)
        self.port = int(self._http.server_address[1])
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop listening; answers that hang end at once."""
        self.stopping.set()
        self._http.shutdown()
        self._thread.join(10)
        self._http.server_close()

    def url(self, name: str, *, userinfo: str = "") -> str:
        """Return the address of a repository below the root."""
        at = f"{userinfo}@" if userinfo else ""
        return f"{self._scheme}://{at}127.0.0.1:{self.port}/{name}"

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        """Let ``fault`` happen inside the block."""
        self.fault = fault
        try:
            yield
        finally:
            self.fault = None

    def steps(self) -> list[Step]:
        """Return what was asked for since the last call, oldest first; empties the log."""
        steps = [request.step for request in self.requests]
        self.requests.clear()
        return steps

    def accepts(self, authorization: str) -> bool:
        """Whether this header opens the door."""
        if not self.users and not self.tokens:
            return True
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return value in self.tokens
        if scheme.lower() != "basic":
            return False
        name, _, password = base64.b64decode(value).decode().partition(":")
        return name in self.users and self.users[name] == password

    def _issue(self) -> Pair:
        authority = Authority.new("plumb test Git server")
        self.ca = authority.pem
        return authority.server(["127.0.0.1", "localhost"])

    def _secure(self, pair: Pair) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        folder = self.root / ".tls"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "key.pem").write_bytes(pair.key)
        (folder / "certificate.pem").write_bytes(pair.certificate)
        context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        # The handshake belongs to the thread of the connection: in accept() one slow client
        # would hold up all others.
        self._http.socket = context.wrap_socket(
            self._http.socket, server_side=True, do_handshake_on_connect=False
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    git: GitHttpServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients of a fault test hang up; that is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms for the acknowledgement of its head
    server: _Server
    timeout = 60
    _page: ClassVar[bytes] = b"<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its real name
        """Quiet: the request log is ``requests``."""

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = self._chunks()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.headers.get("Content-Encoding") == "gzip":
            body = decompress(body)
        self._serve(body)

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _serve(self, body: bytes) -> None:
        git = self.server.git
        split = urlsplit(self.path)
        asked = "version=2" in self.headers.get("Git-Protocol", "")
        version = 2 if asked and git.version == 2 else 0
        step: Step = "pack"
        if self.command == "GET":
            step = "advertisement"
        elif b"command=ls-refs" in body:
            step = "refs"
        elif split.path.endswith("/git-receive-pack"):
            step = "push"
        headers = {name.lower(): value for name, value in self.headers.items()}
        git.requests.append(Request(self.command, self.path, step, headers, body, version))
        if not git.accepts(self.headers.get("Authorization", "")):
            self._refuse()
            return
        fault = git.fault if git.fault and step in git.fault.on else None
        if fault is not None and self._instead(fault):
            return
        suffix = {"advertisement": "/info/refs", "push": "/git-receive-pack"}.get(
            step, "/git-upload-pack"
        )
        if not split.path.endswith(suffix):
            self._send(404, "text/plain", b"not found\n")
            return
        if step == "advertisement" and not parse_qs(split.query).get("service"):
            self._send(403, "text/plain", b"only smart HTTP\n")
            return
        self._answer(split.path.removesuffix(suffix), body, step, version, fault)

    def _answer(  # noqa: PLR0917 - the parts of one request
        self, path: str, body: bytes, step: Step, version: int, fault: Fault | None
    ) -> None:
        root = self.server.git.root.resolve()
        folder = (root / path.strip("/")).resolve()
        if root != folder and root not in folder.parents:
            self._send(404, "text/plain", b"no such repository\n")
            return
        is_push = "git-receive-pack" in self.path
        service = "git-receive-pack" if is_push else "git-upload-pack"
        try:
            with Repo(str(folder)) as repo:
                kind = "advertisement" if step == "advertisement" else "result"
                if is_push:
                    content = self._pushed(repo, body, step)
                else:
                    content = self._content(repo, body, step, version, fault)
        except NotGitRepository:
            self._send(404, "text/plain", b"no such repository\n")
            return
        self._send(200, f"application/x-{service}-{kind}", content, fault)

    def _pushed(self, repo: Repo, body: bytes, step: Step) -> bytes:
        if step == "push":
            return receivepack.answer(repo, body, self.server.git.rules)
        head = pkt_line(b"# service=git-receive-pack\n") + b"0000"
        return head + receivepack.advertisement(repo)

    @staticmethod
    def _content(  # noqa: PLR0917 - the parts of one request
        repo: Repo, body: bytes, step: Step, version: int, fault: Fault | None
    ) -> bytes:
        if version == 2 and step == "advertisement":
            return uploadpack.ADVERTISEMENT
        if version == 2:
            pack = fault.data if fault is not None and fault.kind == "pack" else None
            return uploadpack.answer_v2(repo, body, pack=pack)
        try:
            return uploadpack.answer_v0(repo, body, advertise=step == "advertisement")
        except GitProtocolError as error:
            return pkt_line(b"ERR upload-pack: " + str(error).encode())

    def _refuse(self) -> None:
        scheme = "Bearer" if self.server.git.tokens else "Basic"
        self.send_response(401)
        self.send_header("WWW-Authenticate", f'{scheme} realm="plumb test"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _instead(self, fault: Fault) -> bool:
        """Answer without looking at the repository; False when this fault needs the real answer."""
        match fault.kind:
            case "hang":
                self.server.git.stopping.wait()
                self.close_connection = True
            case "headers":
                self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 60_000, fault.interval_s)
            case "endless":
                self._endless()
            case "html":
                self._send(200, "text/html; charset=utf-8", self._page)
            case "dumb":
                self._send(200, "text/plain", b"a" * 40 + b"\trefs/heads/main\n")
            case "redirect":
                self.send_response(fault.status if 300 <= fault.status < 400 else 302)
                self.send_header("Location", fault.location)
                self.send_header("Content-Length", "0")
                self.end_headers()
            case "status":
                self._send(fault.status, "text/plain", fault.data or b"no\n")
            case "error":
                self._send(200, self._type(), pkt_line(b"ERR " + fault.data) + b"0000")
            case _:
                return False
        return True

    def _type(self) -> str:
        kind = "advertisement" if self.command == "GET" else "result"
        return f"application/x-git-upload-pack-{kind}"

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", self._type())
        self.end_headers()
        if self.command == "POST":
            self.wfile.write(pkt_line(b"packfile\n"))
        while not self.server.git.stopping.wait(0.005):
            self.wfile.write(pkt_line(b"\x02still counting\n"))
        self.close_connection = True

    def _drip(self, data: bytes, interval_s: float) -> None:
        for at in range(len(data)):
            if self.server.git.stopping.wait(interval_s):
                break
            self.wfile.write(data[at : at + 1])
        self.close_connection = True

    def _send(self, status: int, kind: str, body: bytes, fault: Fault | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        match fault.kind if fault else "":
            case "drip":
                self._drip(body, cast("Fault", fault).interval_s)
            case "truncate":
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
            case "corrupt":
                at = len(body) * 3 // 4
                self.wfile.write(body[:at] + bytes([body[at] ^ 0x55]) + body[at + 1 :])
            case _:
                self.wfile.write(body)
