"""Ask the real API server past every proxy, over kept connections: what a witness believes."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from typing import TYPE_CHECKING, Any, TypeAlias

from e2e.faults.wire import Request, Upstream

if TYPE_CHECKING:
    from collections.abc import Collection

    from e2e.faults.wire import Response
    from e2e.servers.controlplane import ControlPlane

JSON: TypeAlias = Any
_MERGE = "application/merge-patch+json"
_USER_AGENT = "witness"


class Direct:
    """The API server as its administrator; any status but 404 from 400 on is an AssertionError."""

    def __init__(self, plane: ControlPlane) -> None:
        context = ssl.create_default_context(cadata=plane.authority.pem.decode())
        context.load_cert_chain(plane.folder / "admin.pem")
        host = plane.url.removeprefix("https://")
        self._upstream = Upstream(
            lambda: http.client.HTTPSConnection(host, context=context, timeout=60)
        )

    def close(self) -> None:
        self._upstream.close()

    def get(self, path: str) -> JSON:
        """Return the object or list, or None when there is none."""
        return self._send("GET", path)

    def create(self, path: str, body: JSON, *, may_be_there: bool = False) -> JSON:
        """POST; None when there is one of that name already and that is fine."""
        fine = {http.HTTPStatus.CONFLICT} if may_be_there else set()
        return self._send("POST", path, body, fine=fine)

    def merge(self, path: str, body: JSON) -> JSON:
        """Send a merge patch, as a person might; None when there is nothing to patch."""
        return self._send("PATCH", path, body, kind=_MERGE)

    def delete(self, path: str) -> JSON:
        return self._send("DELETE", path)

    def send(self, request: Request) -> Response:
        """Send a request as it is; any status is an answer."""
        return self._upstream.send(request)

    def _send(
        self, method: str, path: str, body: JSON = None, *, kind: str = "application/json",
        fine: Collection[int] = (),
    ) -> JSON:  # fmt: skip
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"content-type": kind, "user-agent": _USER_AGENT}
        answer = self._upstream.send(Request(method, path, headers, data))
        while answer.status == http.HTTPStatus.TOO_MANY_REQUESTS:  # a definition's storage begins
            threading.Event().wait(0.1)
            answer = self._upstream.send(Request(method, path, headers, data))
        if answer.status in (http.HTTPStatus.NOT_FOUND, *fine):
            return None
        said = answer.body.decode("utf-8", "replace")
        assert answer.status < http.HTTPStatus.BAD_REQUEST, f"{method} {path}: {said}"
        return json.loads(said)
