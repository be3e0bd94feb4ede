"""What proves to the API server who we are, and how it is renewed when it ages.

Belongs here: tokens, client certificates and exec credential plugins. Not here: finding them in a
kubeconfig (config.py). Nothing in this file puts a token or a plugin's output into an error.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from engine.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.model import JSON

REREAD_S: Final = 60.0
TOKEN: Final = re.compile(r"[\x21-\x7e]+")
PLUGIN_GROUP: Final = "client.authentication.k8s.io"
PLUGIN_VERSIONS: Final = (f"{PLUGIN_GROUP}/v1", f"{PLUGIN_GROUP}/v1beta1")
# A plugin nobody sits at has to answer; one that opens a browser waits for a person.
PLUGIN_TIMEOUT_S: Final = 60.0
LOGIN_TIMEOUT_S: Final = 600.0


class Certificate(NamedTuple):
    """A client certificate and its key, both PEM."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Certificate(...)"


class Credentials:
    """Fixed credentials: a token, a user name with password, a client certificate, or nothing."""

    def __init__(self, authorization: str = "", *, certificate: Certificate | None = None) -> None:
        self._authorization = authorization
        self._certificate = certificate

    def authorization(self) -> str:
        """Return the value of the Authorization header, "" for none; may read a file or log in."""
        return self._authorization

    def certificate(self) -> Certificate | None:
        """Return the client certificate to show, if there is one."""
        return self._certificate

    def renew(self, refused: str) -> bool:
        """After a 401 for this ``authorization``: whether another try has new credentials."""
        return self.authorization() != refused


def basic(username: str, password: str) -> str:
    """Return the Authorization header for a user name and a password."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def bearer(token: str, *, where: str) -> str:
    """Return the Authorization header for a token; SettingsError for what can be none."""
    token = token.strip()
    # http.client would refuse it too, and quote it.
    if not TOKEN.fullmatch(token):
        raise SettingsError(
            "PLB454",
            "the token cannot be sent",
            where=where,
            why="it is empty, or holds spaces or characters beyond ASCII",
            hint="check it in the kubeconfig, or log in again",
        )
    return f"Bearer {token}"


class TokenFile(Credentials):
    """A token in a file that somebody else keeps fresh, as in a Pod: read again each minute."""

    def __init__(
        self, path: Path, *, fallback: str = "", certificate: Certificate | None = None
    ) -> None:
        first = bearer(fallback, where="token") if fallback else ""
        super().__init__(first, certificate=certificate)
        self._path = path
        self._lock = threading.Lock()
        self._read_at: float | None = None

    def authorization(self) -> str:
        with self._lock:
            now = time.monotonic()
            if self._read_at is None or now - self._read_at >= REREAD_S:
                self._read()
                self._read_at = now
            return self._authorization

    def renew(self, refused: str) -> bool:
        with self._lock:
            self._read_at = None
        return self.authorization() != refused

    def _read(self) -> None:
        try:
            token = self._path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            # What was read last stays good until the server says otherwise, as with client-go.
            if self._authorization:
                return
            raise SettingsError(
                "PLB454",
                "the token file cannot be read",
                where=str(self._path),
                why=getattr(error, "strerror", None) or "not text",
                hint="check tokenFile of the user in the kubeconfig",
            ) from None
        if token:
            self._authorization = bearer(token, where=str(self._path))


@dataclass(frozen=True, slots=True)
class Plugin:
    """The ``exec`` section of a user, with ``cluster`` as the plugin is told about it."""

    api_version: str
    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    interactive: str = "IfAvailable"
    install_hint: str = ""
    cluster: JSON = None
    where: str = ""


class _Answer(NamedTuple):
    authorization: str
    certificate: Certificate | None
    expires_at: float | None  # seconds since the epoch


class PluginCredentials(Credentials):
    """What an exec plugin hands out, kept in memory until it expires or is refused.

    One thread runs the plugin, the others wait for its answer.
    """

    def __init__(self, plugin: Plugin, *, certificate: Certificate | None = None) -> None:
        super().__init__(certificate=certificate)
        self._plugin = plugin
        self._lock = threading.Lock()
        self._answer: _Answer | None = None

    def authorization(self) -> str:
        return self._current().authorization

    def certificate(self) -> Certificate | None:
        return self._current().certificate or self._certificate

    def renew(self, refused: str) -> bool:
        with self._lock:
            # Another thread may have logged in again while this one waited for its 401.
            if self._answer is not None and self._answer.authorization == refused:
                self._answer = None
        before = refused
        return self.authorization() != before

    def _current(self) -> _Answer:
        with self._lock:
            answer = self._answer
            expired = answer is not None and answer.expires_at is not None and (
                answer.expires_at <= time.time()
            )  # fmt: skip
            if answer is None or expired:
                answer = self._answer = _read_answer(_run(self._plugin), self._plugin)
            return answer


def _run(plugin: Plugin) -> bytes:
    at_terminal = sys.stdin is not None and sys.stdin.isatty()
    interactive = plugin.interactive != "Never" and at_terminal
    if plugin.interactive == "Always" and not at_terminal:
        raise _failure(plugin, "it needs a terminal and there is none")
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.cluster is not None:
        spec["cluster"] = plugin.cluster
    told = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    environment = {
        **os.environ,
        **plugin.env,
        "KUBERNETES_EXEC_INFO": orjson.dumps(told).decode(),
    }
    timeout_s = LOGIN_TIMEOUT_S if interactive else PLUGIN_TIMEOUT_S
    try:
        # The user's own kubeconfig names this command; standard error stays the terminal's, since
        # plugins ask people there to open a page or to enter a code.
        done = subprocess.run(  # noqa: S603
            [plugin.command, *plugin.args],
            env=environment,
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError:
        raise _failure(plugin, "there is no such command", missing=True) from None
    except OSError as error:
        raise _failure(plugin, error.strerror or "it cannot be started") from None
    except subprocess.TimeoutExpired:
        raise _failure(plugin, f"it gave no answer within {timeout_s:.0f} s") from None
    if done.returncode != 0:
        raise _failure(plugin, f"it ended with exit code {done.returncode}")
    return done.stdout


def _read_answer(output: bytes, plugin: Plugin) -> _Answer:
    try:
        credential = orjson.loads(output)
    except orjson.JSONDecodeError:
        raise _failure(plugin, "its output is not JSON") from None
    if not isinstance(credential, dict) or credential.get("kind") != "ExecCredential":
        raise _failure(plugin, "its output is no ExecCredential")
    if credential.get("apiVersion") != plugin.api_version:
        raise _failure(plugin, f"it answers in another version than {plugin.api_version}")
    status = credential.get("status")
    if not isinstance(status, dict):
        raise _failure(plugin, "its answer has no status")
    token = status.get("token") or ""
    pem, key = status.get("clientCertificateData"), status.get("clientKeyData")
    if bool(pem) != bool(key):
        raise _failure(plugin, "its answer has a certificate without key, or a key alone")
    if not token and not pem:
        raise _failure(plugin, "its answer has neither a token nor a certificate")
    certificate = Certificate(str(pem).encode(), str(key).encode()) if pem else None
    expires_at = _expiry(status.get("expirationTimestamp"), plugin)
    authorization = bearer(str(token), where=plugin.command) if token else ""
    return _Answer(authorization, certificate, expires_at)


def _expiry(stamp: JSON, plugin: Plugin) -> float | None:
    if stamp is None:
        return None
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except (TypeError, ValueError):
        raise _failure(plugin, "its expirationTimestamp is no RFC 3339 time") from None


def _failure(plugin: Plugin, why: str, *, missing: bool = False) -> SettingsError:
    hint = f"run `{plugin.command}` by hand to see what is wrong, or log in again"
    if missing:
        hint = plugin.install_hint.strip() or "install it, or correct `command` in the kubeconfig"
    return SettingsError(
        "PLB455",
        f"the credential plugin {plugin.command!r} gave no credentials",
        where=plugin.where,
        why=why,
        hint=hint,
    )
