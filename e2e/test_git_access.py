"""Who may read and whom we trust: passwords, tokens, certificates, redirects, proxies."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from e2e.gitfixtures import NAME
from e2e.servers.certificates import Authority, Pair
from e2e.servers.githttp import Fault, GitHttpServer
from e2e.servers.gitrepo import TestRepository
from engine.errors import ExitCode, GitDeniedError, GitError
from engine.git import Limits, Repository
from engine.model import Credentials, GitRef

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "correct horse/battery:staple"  # noqa: S105 - made up
TOKEN = "tok-5f3c1e9a7b"  # noqa: S105 - made up
LIMITS = Limits(timeout_s=15)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[TestRepository]:
    with TestRepository(tmp_path / "git" / NAME) as repository:
        repository.commit({"README.md": "# Config\n"})
        yield repository


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def fetched(url: str, tmp_path: Path, credentials: Credentials | None = None) -> str:
    with Repository(
        url, cache_dir=tmp_path / "cache", credentials=credentials, limits=LIMITS
    ) as repository:
        return repository.fetch(GitRef()).commit


def failure(url: str, tmp_path: Path, credentials: Credentials | None = None) -> GitError:
    """Return the error that a fetch must end in; no secret of the tests may be in it."""
    with pytest.raises(GitError) as caught:
        fetched(url, tmp_path, credentials)
    error: BaseException | None = caught.value
    while error is not None:
        for secret in (PASSWORD, TOKEN, base64.b64encode(f"me:{PASSWORD}".encode()).decode()):
            assert secret not in str(error) + repr(error)
        error = error.__cause__ or error.__context__
    return caught.value


@pytest.mark.parametrize(
    "credentials",
    [Credentials(username="me", password=PASSWORD), Credentials(username="me", token=PASSWORD),
     Credentials(token=TOKEN)],
    ids=["password", "token as password", "bearer token"],
)  # fmt: skip
@pytest.mark.parametrize("version", [0, 2])
def test_the_right_credentials_open_the_door(
    made: TestRepository, tmp_path: Path, credentials: Credentials, version: Any
) -> None:
    users = {"me": PASSWORD}
    with GitHttpServer(made.path.parent, users=users, tokens=(TOKEN,), version=version) as server:
        assert fetched(server.url(NAME), tmp_path, credentials) == made.head()


def test_credentials_in_the_address_are_used_and_not_shown(
    made: TestRepository, tmp_path: Path
) -> None:
    with GitHttpServer(made.path.parent, users={"me": PASSWORD}) as server:
        right = server.url(NAME, userinfo="me:correct%20horse%2Fbattery%3Astaple")
        assert fetched(right, tmp_path) == made.head()
        server.users["me"] = "changed"
        assert failure(right, tmp_path).where == server.url(NAME)


def test_no_and_wrong_credentials_are_told_apart(made: TestRepository, tmp_path: Path) -> None:
    with GitHttpServer(made.path.parent, users={"me": PASSWORD}) as server:
        url = server.url(NAME)
        nobody = failure(url, tmp_path)
        wrong = failure(url, tmp_path, Credentials(username="me", password=PASSWORD + "x"))
        bearer = failure(url, tmp_path, Credentials(token=TOKEN))
    assert [error.code for error in (nobody, wrong, bearer)] == ["PLB203", "PLB204", "PLB204"]
    assert isinstance(nobody, GitDeniedError)
    assert wrong.exit_code is ExitCode.NOT_PERMITTED
    assert "user name such as x-access-token" in str(bearer)


def test_a_server_that_repeats_our_password_is_not_quoted(
    made: TestRepository, tmp_path: Path
) -> None:
    basic = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    with GitHttpServer(made.path.parent) as server:
        for secret, credentials in (
            (PASSWORD, Credentials(username="me", password=PASSWORD)),
            (basic, Credentials(username="me", password=PASSWORD)),
            (TOKEN, Credentials(token=TOKEN)),
        ):
            with server.failing(Fault("error", data=f"what is {secret}?".encode())):
                error = failure(server.url(NAME), tmp_path, credentials)
            assert error.why == "what is ***?"


# --- certificates ----------------------------------------------------------------------------


def certificate(*, days: int = 30, name: str = "127.0.0.1", starts_in: int = -60) -> Pair:
    """Make a self-signed certificate that is good from ``starts_in`` days on, for ``days``."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime.now(UTC) + timedelta(days=starts_in)  # noqa: TID251 - a real clock checks it
    alternative: x509.GeneralName = x509.DNSName(name)
    with contextlib.suppress(ValueError):
        alternative = x509.IPAddress(ipaddress.ip_address(name))
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(begin).not_valid_after(begin + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Pair(made.public_bytes(serialization.Encoding.PEM), pem)


def test_a_given_authority_is_trusted(made: TestRepository, tmp_path: Path) -> None:
    with GitHttpServer(made.path.parent, tls=True) as server:
        assert fetched(server.url(NAME), tmp_path, Credentials(ca=server.ca)) == made.head()


def test_a_certificate_that_is_not_trusted_says_why(made: TestRepository, tmp_path: Path) -> None:
    pairs = {
        "it is self-signed": (certificate(days=90), b""),
        "it has expired": (expired := certificate(days=1), expired.certificate),
        "it is not valid yet": (early := certificate(starts_in=2), early.certificate),
        "it is for another address": (
            other := certificate(days=90, name="git.example"),
            other.certificate,
        ),
    }
    for why, (pair, ca) in pairs.items():
        with GitHttpServer(made.path.parent, tls=pair) as server:
            error = failure(server.url(NAME), tmp_path, Credentials(ca=ca))
        assert (error.code, error.why) == ("PLB205", why)
        assert error.hint
    with GitHttpServer(made.path.parent, tls=True) as server:
        other_authority = Credentials(ca=Authority.new("another").pem)
        error = failure(server.url(NAME), tmp_path, other_authority)
    assert (error.code, error.why) == ("PLB205", "its authority is not known here")


def test_an_authority_that_cannot_be_read_is_an_error(made: TestRepository, tmp_path: Path) -> None:
    with GitHttpServer(made.path.parent, tls=True) as server:
        for rubbish in (b"rubbish", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"):
            error = failure(server.url(NAME), tmp_path, Credentials(ca=rubbish))
            assert (error.code, error.hint) == ("PLB205", "give certificates in PEM")


def test_https_to_a_plain_server_is_explained(made: TestRepository, tmp_path: Path) -> None:
    with GitHttpServer(made.path.parent) as server:
        error = failure(server.url(NAME).replace("http:", "https:"), tmp_path)
    assert error.code == "PLB209"
    assert "TLS" in error.why


# --- redirects -------------------------------------------------------------------------------


def test_a_redirect_is_followed_and_credentials_are_not_taken_along(
    made: TestRepository, tmp_path: Path
) -> None:
    tail = f"{NAME}/info/refs?service=git-upload-pack"
    # A fault strikes every request, so the old address has a server of its own.
    with (
        GitHttpServer(made.path.parent, users={"me": PASSWORD}) as server,
        GitHttpServer(made.path.parent) as old,
    ):
        old.fault = Fault("redirect", location=server.url(tail))
        url = old.url(NAME)
        error = failure(url, tmp_path, Credentials(username="me", password=PASSWORD))
        assert error.code == "PLB212"
        assert [r.headers.get("authorization") for r in server.requests] == []
        assert failure(url, tmp_path).code == "PLB203"
        assert [r.headers.get("authorization") for r in server.requests] == [None]
        server.users.clear()
        assert fetched(url, tmp_path) == made.head()


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("/login?return=/config.git", "PLB211"),
        ("ftp://127.0.0.1/config.git/info/refs", "PLB212"),
        ("file:///etc/passwd/info/refs", "PLB212"),
        ("/config.git/info/refs?service=git-upload-pack", "PLB212"),
        ("http://[", "PLB214"),
        ("", "PLB212"),
    ],
)
def test_an_odd_redirect_is_refused(
    made: TestRepository, tmp_path: Path, location: str, code: str
) -> None:
    with (
        GitHttpServer(made.path.parent) as server,
        server.failing(Fault("redirect", location=location)),
    ):
        assert failure(server.url(NAME), tmp_path).code == code


def test_a_redirect_from_https_to_http_is_refused(made: TestRepository, tmp_path: Path) -> None:
    with (
        GitHttpServer(made.path.parent) as plain,
        GitHttpServer(made.path.parent, tls=True) as server,
        server.failing(Fault("redirect", location=plain.url(f"{NAME}/info/refs"))),
    ):
        error = failure(server.url(NAME), tmp_path, Credentials(ca=server.ca))
        assert (error.code, plain.requests) == ("PLB212", [])
        assert "unencrypted" in str(error)


def test_a_fetch_itself_is_never_redirected(made: TestRepository, tmp_path: Path) -> None:
    with GitHttpServer(made.path.parent) as server:
        fault = Fault("redirect", on=frozenset({"refs", "pack"}), location=server.url(NAME))
        with server.failing(fault):
            assert failure(server.url(NAME), tmp_path).code == "PLB212"


# --- proxies ---------------------------------------------------------------------------------


class Proxy:
    """A forward proxy with a password, for plain requests and CONNECT; counts what it is asked."""

    def __init__(self, password: str = "") -> None:
        seen: list[str] = []
        expected = base64.b64encode(f"me:{password}".encode()).decode() if password else ""

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_CONNECT(self) -> None:
                seen.append(f"CONNECT {self.path}")
                if expected and expected not in self.headers.get("Proxy-Authorization", ""):
                    self.send_error(407)
                    return
                host, _, port = self.path.partition(":")
                with socket.create_connection((host, int(port))) as far:
                    self.send_response(200)
                    self.end_headers()
                    pump = threading.Thread(target=copy, args=(far, self.connection), daemon=True)
                    pump.start()
                    copy(self.connection, far)
                    pump.join()

            def do_GET(self) -> None:
                seen.append(f"GET {self.path}")
                self.send_error(502)

        self.seen = seen
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def test_a_proxy_of_the_environment_is_used(
    made: TestRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with GitHttpServer(made.path.parent, tls=True) as server, Proxy(PASSWORD) as proxy:
        credentials = Credentials(ca=server.ca)
        quoted = "me:correct%20horse%2Fbattery%3Astaple"
        monkeypatch.setenv("HTTPS_PROXY", f"http://{quoted}@127.0.0.1:{proxy.port}")
        assert fetched(server.url(NAME), tmp_path, credentials) == made.head()
        assert proxy.seen == [f"CONNECT 127.0.0.1:{server.port}"]
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:wrong-one@127.0.0.1:{proxy.port}")
        error = failure(server.url(NAME), tmp_path, credentials)
        assert (error.code, "wrong-one" in str(error)) == ("PLB213", False)
        for exempt in ("127.0.0.1", "localhost,127.0.0.0/8", "*"):
            monkeypatch.setenv("NO_PROXY", exempt)
            proxy.seen.clear()
            assert fetched(server.url(NAME), tmp_path, credentials) == made.head()
            assert proxy.seen == []


def test_a_proxy_that_fails_is_named_as_the_cause(
    made: TestRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with GitHttpServer(made.path.parent, tls=True) as server, Proxy() as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert failure("http://git.example/a.git", tmp_path).code == "PLB214"
        assert proxy.seen == ["GET http://git.example/a.git/info/refs?service=git-upload-pack"]
        for broken in ("http://127.0.0.1:1", "http://no-such-host.invalid:80", "http://:x"):
            monkeypatch.setenv("https_proxy", broken)
            error = failure(server.url(NAME), tmp_path, Credentials(ca=server.ca))
            assert (error.code, "NO_PROXY" in str(error)) == ("PLB213", True), broken
