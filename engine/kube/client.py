"""Requests to the API server: reading, writing, trying again, and knowing when not to.

Belongs here: verbs, retries, pages, counting. Not here: bytes and TLS (transport.py), the meaning
of refusals (status.py), which object to write (apply.py).
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Self
from urllib.parse import quote, urlencode

import orjson
from urllib3 import HTTPHeaderDict

from engine import __version__, jsonpatch
from engine.errors import ApiError, ClusterError, InvalidError, UncertainError
from engine.kube import status
from engine.kube.gcguard import collector_off
from engine.kube.status import Asked, is_expired
from engine.kube.transport import NoReplyError, Transport
from engine.model import FIELD_MANAGER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from engine.kube.config import Connection
    from engine.kube.transport import Reply
    from engine.model import JSON

JSON_TYPE: Final = "application/json"
PATCH_TYPE: Final = "application/json-patch+json"
METADATA_LIST: Final = f"{JSON_TYPE};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
WRITING: Final = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
LIST_STARTS: Final = 4  # the first one and three more after lost continue tokens
SERVER_ERROR_TRIES: Final = 4
FIRST_CONTACT_TRIES: Final = 3
BACKOFF_S: Final = 0.2
BACKOFF_CAP_S: Final = 5.0


class Answer(NamedTuple):
    """What the server made of a write, and its warnings for people."""

    body: JSON
    warnings: tuple[str, ...] = ()


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


class Client:
    """A conversation with one API server, as one identity. Threads share it.

    A request has ``request_timeout_s`` for all its tries. Reads are tried again on broken
    connections and server errors; writes only when the server cannot have acted: 429, 503 with
    Retry-After, or no byte sent. When the server asks to slow down all threads do. Until the
    server has answered for the first time, a refused connection is tried again only briefly.
    ``stop`` ends every wait with ClusterError.

    ``impersonate`` is a user name such as "system:serviceaccount:shop:deployer".
    """

    def __init__(
        self,
        connection: Connection,
        *,
        request_timeout_s: float = 30.0,
        connections: int = 16,
        stop: threading.Event | None = None,
        impersonate: str | None = None,
        on_request: Callable[[Exchange], None] | None = None,
    ) -> None:
        self.connection = connection
        self.connections = connections
        self._timeout_s = request_timeout_s
        self._stop = stop or threading.Event()
        self._transport = Transport(connection, connections=connections)
        self._headers = _headers(connection, impersonate)
        self._user = impersonate or connection.user
        self._on_request = on_request
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._reached = False
        self._slow_until = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
        self._transport.close()

    @property
    def requests(self) -> Mapping[str, int]:
        """How many requests were sent so far, by HTTP method; each try counts."""
        with self._lock:
            return dict(self._counts)

    # --- reading -----------------------------------------------------------------------------

    def get(self, path: str, *, params: Mapping[str, str] | None = None, ref: str = "") -> JSON:
        """Return the object or document; NotFoundError only when the server says so by name."""
        return _decoded(self.fetch(path, params=params, ref=ref), path)

    def fetch(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        accept: str = JSON_TYPE,
        ref: str = "",
    ) -> bytes:
        """Return the answer's bytes, checked to be whole but not what they say."""
        asked = Asked("GET", path, ref, self._user)
        return self._send(self._call(asked, params=params, headers={"Accept": accept})).body

    def list(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        page_size: int = 500,
        label_selector: str = "",
        metadata_only: bool = False,
        drop_managed_fields: bool = False,
    ) -> Iterator[JSON]:
        """Return all items with apiVersion and kind, or raise: never a part of the list.

        All pages are read before this returns. A continue token that is lost (410) starts the
        list again. With ``metadata_only`` items are PartialObjectMetadata, as far as the server
        can make them.
        """
        asked = {"limit": str(page_size), **(params or {})}
        if label_selector:
            asked["labelSelector"] = label_selector
        accept = f"{METADATA_LIST},{JSON_TYPE}" if metadata_only else JSON_TYPE
        starts = LIST_STARTS
        while True:
            starts -= 1
            try:
                items = self._pages(path, asked, accept)
            except ApiError as error:
                if is_expired(error) and starts:
                    continue
                raise
            if drop_managed_fields:
                for item in items:
                    item.get("metadata", {}).pop("managedFields", None)
            return iter(items)

    def _pages(self, path: str, params: Mapping[str, str], accept: str) -> Sequence[JSON]:
        items: list[JSON] = []
        token = ""
        while True:
            page_params = {**params, "continue": token} if token else params
            reply = self.fetch(path, params=page_params, accept=accept)
            with collector_off():
                page = _decoded(reply, path)
                items += _items(page, path)
            token = (page.get("metadata") or {}).get("continue") or ""
            if not token:
                return items

    # --- writing -----------------------------------------------------------------------------

    def create(
        self, path: str, body: JSON, *, params: Mapping[str, str] | None = None, ref: str = ""
    ) -> Answer:
        """POST to the collection's path; AlreadyExistsError when the name is taken."""
        return self._write(Asked("POST", path, ref, self._user), _encoded(body, ref or path),
                           JSON_TYPE, {**WRITING, **(params or {})})  # fmt: skip

    def put(
        self, path: str, body: JSON, *, params: Mapping[str, str] | None = None, ref: str = ""
    ) -> Answer:
        """Replace the object; with a resourceVersion in the body it is a compare-and-swap."""
        return self._write(Asked("PUT", path, ref, self._user), _encoded(body, ref or path),
                           JSON_TYPE, {**WRITING, **(params or {})})  # fmt: skip

    def patch(
        self,
        path: str,
        operations: Sequence[JSON],
        *,
        params: Mapping[str, str] | None = None,
        ref: str = "",
    ) -> Answer:
        """Send a JSON Patch; ConflictError when a `test` fails or a place is gone."""
        return self._write(Asked("PATCH", path, ref, self._user), jsonpatch.encode(operations),
                           PATCH_TYPE, {**WRITING, **(params or {})})  # fmt: skip

    def delete(
        self,
        path: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
        ref: str = "",
    ) -> Answer:
        """Delete exactly this object, or ConflictError; the preconditions travel along."""
        named = {"uid": uid, "resourceVersion": resource_version}
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
            "preconditions": {key: value for key, value in named.items() if value},
        }
        return self._write(Asked("DELETE", path, ref, self._user), orjson.dumps(options),
                           JSON_TYPE, {})  # fmt: skip

    def _write(
        self, asked: Asked, body: bytes, content_type: str, params: Mapping[str, str]
    ) -> Answer:
        headers = {"Accept": JSON_TYPE, "Content-Type": content_type}
        reply = self._send(self._call(asked, params=params, body=body, headers=headers))
        warnings = status.warnings_of(reply.headers.getlist("Warning"), asked=asked)
        try:
            return Answer(orjson.loads(reply.body), warnings)
        except orjson.JSONDecodeError:
            raise UncertainError(
                "PLB463", "the answer cannot be understood", where=asked.where,
                why="it may or may not have taken effect", hint="it is looked up again",
                status=reply.status,
            ) from None  # fmt: skip

    # --- trying again ------------------------------------------------------------------------

    def _call(
        self,
        asked: Asked,
        *,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> _Call:
        target = f"{asked.path}?{urlencode(params, quote_via=quote)}" if params else asked.path
        return _Call(asked, target, body, headers, time.monotonic() + self._timeout_s)

    def _send(self, call: _Call) -> Reply:
        failed = 0
        renewed = False
        while True:
            self._wait_until(self._slow_until, call)
            authorization = self.connection.credentials.authorization()
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
                if self.connection.credentials.renew(authorization):
                    continue
            failed += 1
            self._after_refusal(reply, call, failed)

    def _exchange(self, call: _Call, authorization: str) -> Reply:
        headers = self._headers.copy()
        headers.update(call.headers)
        if authorization:
            headers["Authorization"] = authorization
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
            tls = "certificate" in error.why or "TLS" in error.why
            raise ClusterError(
                "PLB461" if tls else "PLB460",
                f"the API server {self.connection.server} cannot be reached",
                where=call.asked.where, why=error.why,
                hint=error.hint or "check that it runs, the kubeconfig's `server`, and the network",
            ) from None  # fmt: skip
        self._wait_until(time.monotonic() + pause_s, call)

    def _after_refusal(self, reply: Reply, call: _Call, failed: int) -> None:
        """Wait before another try if that is safe and makes sense, else raise the refusal."""
        wait_s = _retry_after(reply)
        refusal = status.error_of(reply.status, reply.body, asked=call.asked, retry_after_s=wait_s)
        if reply.status == 429 or (reply.status == 503 and wait_s is not None):
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
        if pause_s <= 0 and not self._stop.is_set():
            return
        if time.monotonic() + max(0.0, pause_s) >= call.ends_at:
            raise ApiError(
                "PLB429", "the API server is too busy", where=call.asked.where, status=429,
                hint="try again later", retry_after_s=pause_s,
            )  # fmt: skip
        if self._stop.wait(max(0.0, pause_s)):
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


def _encoded(body: JSON, where: str) -> bytes:
    try:
        return orjson.dumps(body)
    except (orjson.JSONEncodeError, TypeError):
        raise InvalidError(
            "PLB422", "the object cannot be written as JSON", where=where,
            why="it holds a number beyond 64 bits or broken Unicode", hint="correct the manifest",
        ) from None  # fmt: skip


def _decoded(body: bytes, where: str) -> JSON:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ClusterError(
            "PLB462", "the answer is not JSON", where=where,
            hint="check `server` in the kubeconfig, a proxy may stand between",
        ) from None  # fmt: skip


def _items(page: JSON, where: str) -> Iterator[JSON]:
    """Yield a page's items with the apiVersion and kind that lists leave out."""
    kind = page.get("kind", "") if isinstance(page, dict) else ""
    if not kind.endswith("List"):
        raise ClusterError(
            "PLB462", "the answer is no list", where=where,
            hint="check `server` in the kubeconfig, a proxy may stand between",
        )  # fmt: skip
    api_version, kind = page["apiVersion"], kind.removesuffix("List")
    for item in page.get("items") or ():
        if "kind" in item:
            yield item
        else:
            yield {"apiVersion": api_version, "kind": kind, **item}
