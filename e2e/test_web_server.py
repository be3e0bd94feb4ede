"""HTTP of the daemon over real sockets: who is answered what, and what never happens."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import secrets as random_secrets
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from engine.errors import SettingsError
from engine.metrics import Metrics
from engine.web.app import LARGEST_BYTES
from engine.web.server import DEFAULT_LISTEN, Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

_SECRET = f"canary-{random_secrets.token_hex(12)}"
_PUSH = json.dumps({"url": "https://git.example/team/shop.git", "ref": "refs/heads/main"}).encode()


@dataclass
class Loop:
    """A daemon that remembers what it was told."""

    age_s: float = 0.0
    reason: str = ""
    sources: int = 1
    pushes: list[tuple[AbstractSet[str], str | None]] = field(default_factory=list)

    def beat_age_s(self) -> float:
        return self.age_s

    def not_ready(self) -> str:
        return self.reason

    def on_push(self, repositories: AbstractSet[str], ref: str | None) -> int:
        self.pushes.append((repositories, ref))
        return self.sources


@dataclass
class Site:
    """A server on a free port, and how to ask it."""

    loop: Loop
    metrics: Metrics
    server: Server

    def ask(  # noqa: PLR0917 - as http.client has them
        self, method: str, path: str, body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None, source: str = "127.0.0.1",
    ) -> tuple[int, str, http.client.HTTPMessage]:  # fmt: skip
        connection = http.client.HTTPConnection(
            self.server.address, timeout=10, source_address=(source, 0)
        )
        with contextlib.closing(connection):
            chunked = body is not None and not isinstance(body, bytes)
            connection.request(method, path, body, dict(headers or {}), encode_chunked=chunked)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers

    def push(self, provider: str = "generic", body: bytes = _PUSH, **more: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {_SECRET}"} | more
        return self.ask("POST", f"/hooks/{provider}", body, headers)[:2]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    for name in ("generic", "github"):
        (tmp_path / name).write_text(_SECRET)
    loop, metrics = Loop(), Metrics()
    with Server("127.0.0.1:0", daemon=loop, metrics=metrics, hook_secrets=tmp_path) as server:
        yield Site(loop, metrics, server)


def test_health_is_progress_and_nothing_else(site: Site) -> None:
    assert site.ask("GET", "/healthz")[:2] == (200, "ok\n")
    site.loop.reason = "the API server does not answer"
    assert site.ask("GET", "/healthz")[0] == 200
    site.loop.age_s = 91.0
    assert site.ask("GET", "/healthz")[:2] == (503, "stuck: the loop has not moved for 91 s\n")


def test_readiness_says_what_is_missing(site: Site) -> None:
    assert site.ask("GET", "/readyz")[:2] == (200, "ok\n")
    site.loop.reason = "applications are not listed yet"
    wanted = (503, "not ready: applications are not listed yet\n")
    assert site.ask("GET", "/readyz")[:2] == wanted


def test_metrics_are_what_was_counted(site: Site) -> None:
    site.metrics.synced("team/shop", "synced", 0.1)
    status, text, headers = site.ask("GET", "/metrics")
    assert status == 200
    assert 'plumb_syncs_total{application="team/shop",result="synced"} 1.0' in text
    assert headers["Content-Type"].startswith("text/plain")
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    _, text, headers = site.ask("GET", "/metrics", headers=accept)
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


def test_a_push_is_a_hint_and_answered_at_once(site: Site) -> None:
    assert site.push() == (202, "asked now\n")
    assert site.loop.pushes == [({"git.example/team/shop"}, "refs/heads/main")]
    site.loop.sources = 0
    assert site.push() == (202, "no application follows this repository\n")


def test_a_signature_is_checked_as_github_makes_it(site: Site) -> None:
    body = json.dumps({"ref": "refs/heads/x", "repository": {"ssh_url": "git@h.example:a/b.git"}})
    mac = hmac.new(_SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={mac}", "X-GitHub-Event": "push",
               "Content-Type": "application/json"}  # fmt: skip
    assert site.ask("POST", "/hooks/github", body.encode(), headers)[0] == 202
    assert site.loop.pushes == [({"h.example/a/b"}, "refs/heads/x")]
    ping = headers | {"X-GitHub-Event": "ping"}
    assert site.ask("POST", "/hooks/github", body.encode(), ping)[0] == 200
    assert site.ask("POST", "/hooks/github", body.encode() + b" ", headers)[0] == 401
    assert len(site.loop.pushes) == 1


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/hooks/generic", {}, _PUSH, 401),
        ("/hooks/generic", {"Authorization": "Bearer wrong"}, _PUSH, 401),
        ("/hooks/generic", {"Authorization": f"Basic {_SECRET}"}, _PUSH, 401),
        ("/hooks/gitlab", {"X-Gitlab-Token": _SECRET}, _PUSH, 404),
        ("/hooks/nobody", {"Authorization": f"Bearer {_SECRET}"}, _PUSH, 404),
        ("/hooks/", {"Authorization": f"Bearer {_SECRET}"}, _PUSH, 404),
        ("/hooks/generic", {"Authorization": f"Bearer {_SECRET}"}, b"{", 422),
        ("/hooks/generic", {"Authorization": f"Bearer {_SECRET}"}, b'{"url": "x"}', 422),
    ],
)
def test_what_is_not_proven_or_not_understood_is_refused(  # noqa: PLR0917 - a table
    site: Site, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    found, text, _ = site.ask("POST", path, body, headers)
    assert found == status
    assert _SECRET not in text
    assert site.loop.pushes == []


def test_a_bad_body_of_a_stranger_is_not_even_parsed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.web import payload

    parsed: list[bytes] = []
    monkeypatch.setattr(payload, "read", lambda *_, **__: parsed.append(b""))
    assert site.push(Authorization="Bearer wrong")[0] == 401
    assert parsed == []


def test_other_methods_and_pages_are_refused_in_plain_words(site: Site) -> None:
    assert site.ask("GET", "/hooks/generic")[0] == 405
    assert site.ask("POST", "/healthz")[0] == 405
    status, text, headers = site.ask("GET", "/<script>")
    assert (status, text) == (404, "there is no such page\n")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "plumb"


# --- size ------------------------------------------------------------------------------------


def _padded(size_bytes: int) -> bytes:
    return _PUSH[:-1] + b', "pad": "' + b"x" * (size_bytes - len(_PUSH) - 11) + b'"}'


def test_a_mebibyte_is_read_and_no_byte_more(site: Site) -> None:
    assert site.push(body=_padded(LARGEST_BYTES))[0] == 202
    assert _status_of(site, _padded(LARGEST_BYTES + 1)) == 413
    assert len(site.loop.pushes) == 1


def test_a_body_without_a_length_has_the_same_limit(site: Site) -> None:
    def pieces(size_bytes: int) -> Iterator[bytes]:
        whole = _padded(size_bytes)
        yield from (whole[at : at + 65536] for at in range(0, len(whole), 65536))

    headers = {"Authorization": f"Bearer {_SECRET}", "Transfer-Encoding": "chunked"}
    assert site.ask("POST", "/hooks/generic", pieces(LARGEST_BYTES - 1), headers)[0] == 202
    assert _status_of(site, pieces(LARGEST_BYTES + 1)) == 413
    assert len(site.loop.pushes) == 1


def test_a_body_that_never_ends_is_cut_off_and_not_kept(site: Site) -> None:
    """What was announced or sent beyond the limit is refused when that is known, not at its end."""
    host, _, port = site.server.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(
            b"POST /hooks/generic HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n"
        )
        assert b" 413 " in raw.recv(4096)
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(
            b"POST /hooks/generic HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 64 * LARGEST_BYTES:
                raw.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                sent += 65536
        # The buffers of the sockets take some; what was read is the limit.
        assert sent < 32 * LARGEST_BYTES
    assert site.ask("GET", "/healthz")[0] == 200
    assert site.loop.pushes == []


def _status_of(site: Site, body: bytes | Iterator[bytes]) -> int:
    """Return the status of a refusal that may come before the body is sent; 413 when it broke."""
    headers = {"Authorization": f"Bearer {_SECRET}"}
    if not isinstance(body, bytes):
        headers["Transfer-Encoding"] = "chunked"
    try:
        return site.ask("POST", "/hooks/generic", body, headers)[0]
    except (BrokenPipeError, ConnectionResetError):
        return 413


# --- many ------------------------------------------------------------------------------------


def test_who_knocks_too_often_is_told_when_to_come_again(site: Site) -> None:
    answers = [site.ask("POST", "/hooks/generic", b"") for _ in range(90)]
    turned_away = [headers for status, _, headers in answers if status == 429]
    assert turned_away
    assert {status for status, _, _ in answers} == {401, 429}
    assert int(turned_away[0]["Retry-After"]) >= 1
    # Another one is not held up by that, and neither is who looks after the process.
    headers = {"Authorization": f"Bearer {_SECRET}"}
    assert site.ask("POST", "/hooks/generic", _PUSH, headers, source="127.0.0.2")[0] == 202
    assert site.ask("GET", "/healthz")[0] == 200
    text = site.ask("GET", "/metrics")[1]
    assert 'plumb_webhooks_total{provider="generic",result="limited"}' in text


def test_slow_clients_hold_up_nobody(site: Site) -> None:
    host, _, port = site.server.address.rpartition(":")
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            slow = stack.enter_context(socket.create_connection((host, int(port)), timeout=10))
            slow.sendall(b"POST /hooks/generic HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx")
        began = time.monotonic()
        assert site.push()[0] == 202
        assert time.monotonic() - began < 2.0


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\xff\x16\x03\x01", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
        b"POST /hooks/generic HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /hooks/generic HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"POST /hooks/generic HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /hooks/generic HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
        b"POST /hooks/%ff%00 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    ],
)  # fmt: skip
def test_whatever_bytes_arrive_the_next_request_is_answered(site: Site, raw: bytes) -> None:
    host, _, port = site.server.address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=10) as connection,
        contextlib.suppress(OSError),
    ):
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65536)
        assert not answer or b"Traceback" not in answer
    assert site.ask("GET", "/healthz")[0] == 200
    assert site.loop.pushes == []


def test_an_error_of_the_loop_is_told_without_its_insides(site: Site) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError(_SECRET)

    site.loop.on_push = fail  # type: ignore[method-assign,assignment]
    status, text = site.push()
    assert (status, text) == (500, "an error in Plumb; its log says more\n")
    assert site.ask("GET", "/healthz")[0] == 200


# --- life ------------------------------------------------------------------------------------


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    assert DEFAULT_LISTEN == "127.0.0.1:8080"
    with Server("127.0.0.1:0", daemon=Loop(), metrics=Metrics()) as server:
        port = int(server.address.rpartition(":")[2])
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port), timeout=5).close()


@pytest.mark.parametrize("listen", [":0", "0.0.0.0:0", "[::1]:0"])
def test_it_listens_where_it_is_told(listen: str) -> None:
    with Server(listen, daemon=Loop(), metrics=Metrics()) as server:
        host = "[::1]" if "::1" in listen else "127.0.0.1"
        port = server.address.rpartition(":")[2]
        connection = http.client.HTTPConnection(f"{host}:{port}", timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200


@pytest.mark.parametrize("listen", ["", "8080", "127.0.0.1:", "127.0.0.1:http", "a:99999", "a:-1"])
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Server(listen, daemon=Loop(), metrics=Metrics())
    assert caught.value.code == "PLB160"


def test_a_port_that_is_taken_is_named() -> None:
    with Server("127.0.0.1:0", daemon=Loop(), metrics=Metrics()) as server:
        with pytest.raises(SettingsError, match="cannot listen on") as caught:
            Server(server.address, daemon=Loop(), metrics=Metrics())
        assert caught.value.code == "PLB161"


def test_it_ends_within_a_second_whoever_is_connected(tmp_path: Path) -> None:
    (tmp_path / "generic").write_text(_SECRET)
    release = threading.Event()
    loop = Loop()
    loop.on_push = lambda *_: release.wait(20) and 0  # type: ignore[method-assign]
    server = Server("127.0.0.1:0", daemon=loop, metrics=Metrics(), hook_secrets=tmp_path)
    server.start()
    host, _, port = server.address.rpartition(":")
    threads = set(threading.enumerate())
    try:
        with contextlib.ExitStack() as stack:
            for head in (
                b"",
                b"GET / HT",
                b"POST /hooks/generic HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
            ):
                idle = stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
                idle.sendall(head)
            stuck = stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
            length = len(_PUSH)
            stuck.sendall(
                f"POST /hooks/generic HTTP/1.1\r\nAuthorization: Bearer {_SECRET}\r\n"
                f"Content-Length: {length}\r\n\r\n".encode()
                + _PUSH
            )
            time.sleep(0.2)  # noqa: TID251 - until that one is being worked on
            began = time.monotonic()
            server.close()
            assert time.monotonic() - began < 1.0
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((host, int(port)), timeout=5).close()
    finally:
        release.set()
    while any("waitress" in thread.name for thread in threading.enumerate()):
        time.sleep(0.01)  # noqa: TID251 - until the one that was stuck has ended too
    server.close()
    assert {thread.name for thread in threads} >= {"http"}
    assert "http" not in {thread.name for thread in threading.enumerate()}


def test_one_that_never_started_is_closed_too() -> None:
    server = Server("127.0.0.1:0", daemon=Loop(), metrics=Metrics())
    port = int(server.address.rpartition(":")[2])
    server.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_no_other_command_pays_for_it() -> None:
    """--help and `plumb sync` import neither Flask nor waitress nor the metrics."""
    program = (
        "import sys, engine.cli, engine.cli.sync, engine.cli.wiring, engine.reconcile;"
        "print([m for m in ('flask', 'waitress', 'prometheus_client') if m in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"
