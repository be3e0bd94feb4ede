"""Sending a request until it is answered, and knowing when not to send it again.

Belongs here: tries, pauses, deadlines, counting, credentials. Not here: what to ask (client.py),
bytes (transport.py), the meaning of refusals (status.py).
"""

from __future__ import annotations

import contextlib
import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from urllib3 import HTTPHeaderDict

from engine import __version__
from engine.errors import ApiError, ClusterError, SettingsError, UncertainError
from engine.kube import status
from engine.kube.transport import NoReplyError, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from engine.kube.config import Connection
    from engine.kube.status import Asked
    from engine.kube.transport import Reply

HEADER: Final = re.compile(r"[\x20-\x7e]*")
SERVER_ERROR_TRIES: Final = 4
FIRST_CONTACT_TRIES: Final = 3
BACKOFF_S: Final = 0.2
BACKOFF_CAP_S: Final = 5.0
_NOT_READY: Final = "PLB428"  # one kind is not, the server is: nobody else has to slow down


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as the request log sees it; ``status`` 0 is no answer."""

    method: str
    target: str
    status: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class _Call:
    """A request with everything that stays the same when it is tried again."""

    asked: Asked
    target: str
    body: bytes | None
    headers: Mapping[str, str]
    ends_at: float


class Sender:
    """Sends for one Client; see there for what is tried again. Threads share it."""

    def __init__(
        self,
        connection: Connection,
        *,
        timeout_s: float,
        connections: int,
        stop: threading.Event | None,
        impersonate: str | None,
        on_request: Callable[[Exchange], None] | None,
    ) -> None:
        self._connection = connection
        self._timeout_s = timeout_s
        self._stop = stop or threading.Event()
        self._transport = Transport(connection, connections=connections)
        self._headers = _headers(connection, impersonate)
        self._on_request = on_request
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._reached = False
        self._slow_until = 0.0

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @property
    def counts(self) -> Mapping[str, int]:
        """Tries so far, by method."""
        with self._lock:
            return dict(self._counts)

    def send(
        self,
        asked: Asked,
        *,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Reply:
        """Return the server's answer if it is a success, else raise the error that it means."""
        target = f"{asked.path}?{urlencode(params, quote_via=quote)}" if params else asked.path
        call = _Call(asked, target, body, headers, time.monotonic() + self._timeout_s)
        failed = 0
        renewed = False
        while True:
            self._wait_until(self._slow_until, call)
            authorization = self._connection.credentials.authorization()
            try:
                reply = self._exchange(call, authorization)
            except NoReplyError as error:
                failed += 1
                self._after_no_reply(error, call, failed)
                continue
            if 200 <= reply.status < 300:
                return reply
            if reply.status == 401 and not renewed:
                renewed = True
                if self._connection.credentials.renew(authorization):
                    continue
            failed += 1
            self._after_refusal(reply, call, failed)

    @contextlib.contextmanager
    def stream(
        self, asked: Asked, *, params: Mapping[str, str], headers: Mapping[str, str],
        timeout_s: float, silence_s: float,
    ) -> Iterator[Iterator[bytes]]:  # fmt: skip
        """Open a reply that goes on, and give its bytes as they arrive. It is tried once.

        Raises ClusterError when it breaks or falls silent, ApiError when the server refuses.
        """
        target = f"{asked.path}?{urlencode(params, quote_via=quote)}"
        authorization = self._connection.credentials.authorization()
        began, code = time.monotonic(), 0
        with self._lock:
            self._counts["WATCH"] += 1
        try:
            with self._transport.stream(
                target, headers=self._whole(headers, authorization),
                timeout_s=timeout_s, silence_s=silence_s,
            ) as (reply, chunks):  # fmt: skip
                code = reply.status
                if code == 401:
                    self._connection.credentials.renew(authorization)
                if not 200 <= code < 300:
                    raise status.error_of(
                        code, reply.body, asked=asked, retry_after_s=_retry_after(reply)
                    )
                yield chunks
        except NoReplyError as error:
            raise self._unreachable(asked, error) from None
        finally:
            if self._on_request is not None:
                took = time.monotonic() - began
                self._on_request(Exchange("WATCH", target, code, took))

    def _whole(self, given: Mapping[str, str], authorization: str) -> HTTPHeaderDict:
        headers = self._headers.copy()
        headers.update(given)
        if authorization:
            headers["Authorization"] = authorization
        return headers

    def _exchange(self, call: _Call, authorization: str) -> Reply:
        headers = self._whole(call.headers, authorization)
        began = time.monotonic()
        code = 0
        with self._lock:
            self._counts[call.asked.method] += 1
        try:
            reply = self._transport.exchange(
                call.asked.method,
                call.target,
                headers=headers,
                body=call.body,
                timeout_s=max(0.1, call.ends_at - began),
            )
            self._reached = True
            code = reply.status
            return reply
        finally:
            if self._on_request is not None:
                took = time.monotonic() - began
                self._on_request(Exchange(call.asked.method, call.target, code, took))

    def _after_no_reply(self, error: NoReplyError, call: _Call, failed: int) -> None:
        """Wait before another try, or raise what to tell the caller."""
        if call.asked.is_write and error.sent:
            raise UncertainError(
                "PLB463", "the answer was lost", where=call.asked.where, why=error.why,
                hint="it may or may not have taken effect; it is looked up again",
            ) from None  # fmt: skip
        hopeless = not self._reached and failed >= FIRST_CONTACT_TRIES and not error.sent
        pause_s = _backoff(failed)
        late = time.monotonic() + pause_s >= call.ends_at
        if error.lasting or hopeless or late:
            raise self._unreachable(call.asked, error) from None
        self._wait_until(time.monotonic() + pause_s, call)

    def _unreachable(self, asked: Asked, error: NoReplyError) -> ClusterError:
        tls = "certificate" in error.why or "TLS" in error.why
        return ClusterError(
            "PLB461" if tls else "PLB460",
            f"the API server {self._connection.server} cannot be reached",
            where=asked.where, why=error.why,
            hint=error.hint or "check that it runs, the kubeconfig's `server`, and the network",
        )  # fmt: skip

    def _after_refusal(self, reply: Reply, call: _Call, failed: int) -> None:
        """Wait before another try if that is safe and makes sense, else raise the refusal."""
        wait_s = _retry_after(reply)
        refusal = status.error_of(reply.status, reply.body, asked=call.asked, retry_after_s=wait_s)
        if refusal.code == _NOT_READY:
            if failed >= SERVER_ERROR_TRIES:
                raise refusal
            pause_s = (wait_s or 0.0) + _backoff(failed)
        elif reply.status == 429 or (reply.status == 503 and wait_s is not None):
            pause_s = (wait_s or 0.0) + _backoff(failed)
            with self._lock:
                self._slow_until = max(self._slow_until, time.monotonic() + (wait_s or 0.0))
        elif reply.status >= 500 and not call.asked.is_write and failed < SERVER_ERROR_TRIES:
            pause_s = _backoff(failed)
        else:
            raise refusal
        if time.monotonic() + pause_s >= call.ends_at:
            raise refusal
        self._wait_until(time.monotonic() + pause_s, call)

    def _wait_until(self, moment: float, call: _Call) -> None:
        pause_s = moment - time.monotonic()
        if pause_s <= 0:
            return
        if time.monotonic() + pause_s >= call.ends_at:
            raise ApiError(
                "PLB429", "the API server is too busy", where=call.asked.where, status=429,
                hint="try again later", retry_after_s=pause_s,
            )  # fmt: skip
        if self._stop.wait(pause_s):
            raise ClusterError(
                "PLB469", "stopped before the request was sent", where=call.asked.where
            )


def _headers(connection: Connection, impersonate: str | None) -> HTTPHeaderDict:
    headers = HTTPHeaderDict({"User-Agent": f"plumb/{__version__}"})
    # Packing costs the server more than a loopback gains.
    packed = connection.compress and not connection.is_local
    headers["Accept-Encoding"] = "gzip" if packed else "identity"
    extra = {"Impersonate-User": (impersonate,)} if impersonate else connection.impersonate
    for name, values in extra.items():
        for value in values:
            if not HEADER.fullmatch(name + value):
                raise SettingsError(
                    "PLB456", f"{name} cannot be sent as it is", where=connection.name,
                    why="it holds control characters or characters beyond ASCII",
                    hint="correct the user to be impersonated",
                )  # fmt: skip
            headers.add(name, value)
    return headers


def _backoff(failed: int) -> float:
    """Seconds to wait after so many failures: full jitter below a doubling ceiling."""
    ceiling = min(BACKOFF_CAP_S, BACKOFF_S * 2.0 ** min(failed, 16))
    return random.uniform(0.0, ceiling)  # noqa: S311 - spreads load, guards nothing


def _retry_after(reply: Reply) -> float | None:
    """Return the seconds of a Retry-After header; the API server sends no dates."""
    try:
        return max(0.0, float(reply.headers.get("Retry-After", "")))
    except ValueError:
        return None
