"""Ask an API server directly, beside Plumb and beside pykube: what tests and demo believe.

Belongs here: plain requests with the standard library. Nothing retries, nothing caches.
"""

from __future__ import annotations

import base64
import http.client
import json
import select
import ssl
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

JSON: TypeAlias = Any


class AnswerError(Exception):
    """The API server answers a request with a failure."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server said: the HTTP status and the decoded body."""

    status: int
    body: JSON


class _Connection(http.client.HTTPSConnection):
    """Closed when nobody asks any more."""

    def __del__(self) -> None:
        self.close()

    @property
    def is_usable(self) -> bool:
        """Whether the server still listens: what it says unasked is that it goes."""
        return self.sock is not None and not select.select([self.sock], [], [], 0)[0]


class Api:
    """One API server and the client certificate to ask it with; a connection for each thread."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        self.url = url
        self._context = context
        self._kept = threading.local()

    @classmethod
    def from_kubeconfig(cls, path: Path) -> Self:
        """Use the first cluster and user of a kubeconfig that holds its certificates, as kind's."""
        document = YAML(typ="safe", pure=True).load(path.read_text())
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile() as pair:  # ssl takes a client certificate from a file
            parts = (user["client-certificate-data"], user["client-key-data"])
            Path(pair.name).write_bytes(b"\n".join(base64.b64decode(part) for part in parts))
            context.load_cert_chain(pair.name)
        return cls(cluster["server"], context)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: JSON = None,
        content_type: str = "application/json",
    ) -> Answer:
        """Send one request as the administrator; any status is an answer, not an error.

        A ``body`` of bytes goes as it is.
        """
        connection = self._connection()
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": content_type})
            response = connection.getresponse()
            text = response.read()
        except BaseException:
            connection.close()
            raise
        kind = response.headers.get_content_type()
        return Answer(response.status, json.loads(text) if kind == "application/json" else text)

    def events(self, path: str) -> Iterator[JSON]:
        """Watch a collection and yield each event, on a connection of its own."""
        connection = _Connection(self.url.removeprefix("https://"), context=self._context)
        connection.request("GET", f"{path}?watch=1")
        for line in connection.getresponse():
            yield json.loads(line)

    def _connection(self) -> _Connection:
        kept: _Connection | None = getattr(self._kept, "connection", None)
        if kept is None or not kept.is_usable:
            host = self.url.removeprefix("https://")
            kept = _Connection(host, context=self._context, timeout=30)
            self._kept.connection = kept
        return kept

    def get(self, path: str) -> JSON:
        """Return the object or list at this path, or None when there is none."""
        answer = self.request("GET", path)
        return None if answer.status == http.HTTPStatus.NOT_FOUND else _wanted(path, answer)

    def create(self, path: str, body: JSON) -> JSON:
        """POST to a collection; what the server made of it."""
        return _wanted(path, self.request("POST", path, body=body))

    def merge(self, path: str, body: JSON) -> JSON:
        """Send a JSON merge patch, as a person might; ``path`` may end in /status."""
        kind = "application/merge-patch+json"
        return _wanted(path, self.request("PATCH", path, body=body, content_type=kind))

    def patch(self, path: str, operations: Sequence[JSON]) -> JSON:
        """Send a JSON patch (RFC 6902) as it is."""
        kind = "application/json-patch+json"
        return _wanted(path, self.request("PATCH", path, body=operations, content_type=kind))

    def delete(self, path: str) -> None:
        """DELETE; that there is nothing is fine."""
        answer = self.request("DELETE", path)
        if answer.status != http.HTTPStatus.NOT_FOUND:
            _wanted(path, answer)

    def is_there(self, path: str) -> bool:
        """Whether GET is answered with 200; a server that is not up yet says no."""
        try:
            return self.request("GET", path).status == http.HTTPStatus.OK
        except ssl.SSLCertVerificationError:
            raise  # it is up, and no amount of waiting makes it another one
        except (OSError, http.client.HTTPException):
            return False


def _wanted(path: str, answer: Answer) -> JSON:
    if answer.status >= http.HTTPStatus.BAD_REQUEST:
        message = answer.body.get("message") if isinstance(answer.body, dict) else answer.body
        raise AnswerError(f"{path}: HTTP {answer.status}: {message}")
    return answer.body
