"""JSON over HTTP to a forge: one request, within one deadline, never to another place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import urllib3
from urllib3 import exceptions as trouble

from engine.errors import GitError
from engine.git.address import parse
from engine.git.failures import Failures, Terms
from engine.git.http import pool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.git.deadline import Deadline
    from engine.git.limits import Limits
    from engine.model import JSON, Credentials

_BYTES: Final = 4 << 20


def exchange(
    credentials: Credentials | None, *, limits: Limits, deadline: Deadline
) -> Callable[[str, str, Mapping[str, str], JSON], tuple[int, JSON]]:
    """Return the function that asks a forge; its certificates are trusted as the Git server's."""

    def ask(method: str, url: str, headers: Mapping[str, str], body: JSON) -> tuple[int, JSON]:
        where = url.partition("?")[0]
        deadline.check()
        terms = Terms(limits, deadline, Failures(where, credentials))
        connections = pool(parse(where), credentials, terms)
        sent = {"Accept": "application/json", "User-Agent": "plumb", **headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        seconds = deadline.remaining_s
        try:
            response = connections.request(
                method, url, headers=sent, body=None if body is None else json.dumps(body).encode(),
                redirect=False, retries=False, preload_content=False,
                timeout=urllib3.Timeout(connect=seconds, read=seconds),
            )  # fmt: skip
            data = response.read(_BYTES)
            response.close()
        except (trouble.HTTPError, OSError, ValueError) as error:
            deadline.check()
            raise GitError(
                "PLB863", "the forge cannot be reached", where=where,
                why=type(error).__name__, hint="check --forge-url, the network and the proxy",
            ) from None  # fmt: skip
        finally:
            connections.clear()
        try:
            return response.status, json.loads(data) if data else None
        except ValueError:
            return response.status, None

    return ask
