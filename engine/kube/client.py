"""Requests to the API server: what can be read and written.

Belongs here: verbs, pages, JSON. Not here: trying again (sender.py), bytes and TLS (transport.py),
the meaning of refusals (status.py), which object to write (apply.py).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import orjson

from engine import jsonpatch
from engine.errors import ApiError, ClusterError, InvalidError, UncertainError
from engine.kube import status
from engine.kube.gcguard import collector_off
from engine.kube.sender import Sender
from engine.kube.status import Asked, is_expired
from engine.model import FIELD_MANAGER

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from engine.kube.config import Connection
    from engine.kube.sender import Exchange
    from engine.model import JSON

JSON_TYPE: Final = "application/json"
PATCH_TYPE: Final = "application/json-patch+json"
METADATA: Final = f"{JSON_TYPE};as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
METADATA_LIST: Final = f"{JSON_TYPE};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
WRITING: Final = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
LIST_STARTS: Final = 4  # the first one and three more after lost continue tokens


class Answer(NamedTuple):
    """What the server made of a write, and its warnings for people."""

    body: JSON
    warnings: tuple[str, ...] = ()


class Items(list["JSON"]):
    """A whole list, and the resourceVersion at which it was so."""

    version = ""


class Client:
    """A conversation with one API server, as one identity. Threads share it.

    A request has ``request_timeout_s`` for all its tries. Reads are tried again on broken
    connections and server errors; writes only when the server cannot have acted: 429, 503 with
    Retry-After, or no byte sent. When the server asks to slow down all threads do. Until the
    server has answered for the first time, a refused connection is tried again only briefly.
    ``stop`` ends every wait with ClusterError; requests that need not wait still go out.

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
        self._user = impersonate or connection.user
        self._sender = Sender(
            connection, timeout_s=request_timeout_s, connections=connections, stop=stop,
            impersonate=impersonate, on_request=on_request,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
        self._sender.close()

    @property
    def requests(self) -> Mapping[str, int]:
        """How many requests were sent so far, by HTTP method; each try counts."""
        return self._sender.counts

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
        return self._sender.send(asked, params=params, headers={"Accept": accept}).body

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

    def snapshot(
        self, path: str, *, params: Mapping[str, str], metadata_only: bool = False
    ) -> tuple[Sequence[JSON], str]:
        """Return all items, and the resourceVersion from which a watch goes on; or raise."""
        asked = {"limit": "500", **params}
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
            return items, items.version

    @contextmanager
    def watch(
        self,
        path: str,
        *,
        params: Mapping[str, str],
        timeout_s: float,
        silence_s: float,
        metadata_only: bool = False,
    ) -> Iterator[Iterator[JSON]]:
        """Give the events of a watch as they arrive, until the server ends it.

        Raises ClusterError when it breaks or nothing arrives for ``silence_s``; ApiError when the
        server refuses it, also in mid-stream.
        """
        asked = Asked("GET", path, "", self._user)
        whole = {**params, "watch": "1", "timeoutSeconds": str(int(timeout_s))}
        with self._sender.stream(
            asked, params=whole,
            headers={"Accept": f"{METADATA},{JSON_TYPE}" if metadata_only else JSON_TYPE},
            timeout_s=timeout_s + silence_s, silence_s=silence_s,
        ) as chunks:  # fmt: skip
            yield _events(chunks, asked)

    def _pages(self, path: str, params: Mapping[str, str], accept: str) -> Items:
        items = Items()
        token = ""
        while True:
            page_params = {**params, "continue": token} if token else params
            reply = self.fetch(path, params=page_params, accept=accept)
            with collector_off():
                page = _decoded(reply, path)
                items += _items(page, path)
            metadata = page.get("metadata") or {}
            items.version = str(metadata.get("resourceVersion", ""))
            token = metadata.get("continue") or ""
            if not token:
                _ensure_last(metadata, path)
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
        reply = self._sender.send(asked, params=params, body=body, headers=headers)
        warnings = status.warnings_of(reply.headers.getlist("Warning"), asked=asked)
        try:
            return Answer(orjson.loads(reply.body), warnings)
        except orjson.JSONDecodeError:
            raise UncertainError(
                "PLB463", "the answer cannot be understood", where=asked.where,
                why="it may or may not have taken effect", hint="it is looked up again",
                status=reply.status,
            ) from None  # fmt: skip


def _events(chunks: Iterator[bytes], asked: Asked) -> Iterator[JSON]:
    """Yield one event a line; an ERROR event is raised as the refusal that it holds."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            event = _decoded(line, asked.path)
            if not isinstance(event, dict) or "object" not in event:
                raise _no_event(asked.path)
            if event.get("type") == "ERROR":
                said = event["object"]
                code = said.get("code", 500) if isinstance(said, dict) else 500
                raise status.error_of(code, orjson.dumps(said), asked=asked)
            yield event


def _no_event(where: str) -> ClusterError:
    return ClusterError(
        "PLB462", "the answer is no event of a watch", where=where,
        hint="check `server` in the kubeconfig, a proxy may stand between",
    )  # fmt: skip


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


def _ensure_last(metadata: JSON, where: str) -> None:
    """Raise where more is to come and the way there is lost: a part of a list is no list."""
    if left := metadata.get("remainingItemCount"):
        raise ClusterError(
            "PLB462", "the list ends before its last page", where=where,
            why=f"{left} items are missing",
            hint="a proxy between Plumb and the API server may change its answers",
        )  # fmt: skip


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
