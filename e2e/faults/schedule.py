"""When which fault comes: drawn from a seed, so that a run can be had again.

A decision depends on the seed, on what is asked, and on how often it was asked before in this run;
not on the order in which threads happen to ask. A kill is by the number of the request.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from e2e.faults.lane import Fault
from e2e.faults.wire import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from e2e.faults.lane import Decide, Exchange

JSON: TypeAlias = Any
_JSON_TYPE = "application/json"
_PAGE = b"<!DOCTYPE html><html><body><h1>Not here</h1></body></html>"


def always(*faults: Fault, only: Callable[[Exchange], bool], times: int = 1_000_000) -> Decide:
    """Let these faults come in turn, to the first so many requests that ``only`` picks."""
    seen = 0

    def decide(exchange: Exchange) -> Fault | None:
        nonlocal seen
        if seen >= times or not only(exchange):
            return None
        seen += 1
        return faults[(seen - 1) % len(faults)]

    return decide


def first_of(*decisions: Decide) -> Decide:
    """Ask one after another; the first fault counts."""

    def decide(exchange: Exchange) -> Fault | None:
        found = (ask(exchange) for ask in decisions)
        return next((fault for fault in found if fault is not None), None)

    return decide


@dataclass(frozen=True, slots=True)
class Storm:
    """Any request that ``only`` picks fails with this probability, with one of these faults."""

    seed: str
    rate: float
    faults: Sequence[Fault]
    only: Callable[[Exchange], bool]

    def __call__(self, exchange: Exchange) -> Fault | None:
        if not self.only(exchange):
            return None
        text = f"{self.seed} {exchange.label} {exchange.nth}".encode()
        drawn = random.Random(hashlib.sha256(text).digest())  # noqa: S311 - a replayable one
        return drawn.choice(self.faults) if drawn.random() < self.rate else None


def kill_at(number: int, *, after: bool) -> Decide:
    """Kill the process when request ``number`` of its run comes in, or when it has landed."""
    fault = Fault("kill-after" if after else "kill")
    return lambda exchange: fault if exchange.number == number else None


# --- which requests --------------------------------------------------------------------------


def on_api(exchange: Exchange) -> bool:
    """Any request to the API server."""
    return exchange.side == "api"


def on_git(exchange: Exchange) -> bool:
    """Any request to the Git server."""
    return exchange.side == "git"


def on_write(exchange: Exchange) -> bool:
    """Anything that changes the cluster, the record too."""
    return exchange.is_write


def on(method: str = "", path: str = "") -> Callable[[Exchange], bool]:
    """Pick requests to the API server by method and a part of their path."""

    def pick(exchange: Exchange) -> bool:
        asked = exchange.request
        is_method = method in ("", asked.method)
        return exchange.side == "api" and is_method and path in asked.path

    return pick


def on_label(text: str) -> Callable[[Exchange], bool]:
    """Pick requests whose label holds this, as "(next page)" or "git pack"."""
    return lambda exchange: text in exchange.label


# --- answers of an API server ----------------------------------------------------------------

_REASONS = {
    401: "Unauthorized", 403: "Forbidden", 409: "Conflict", 410: "Expired",
    413: "RequestEntityTooLarge", 422: "Invalid", 429: "TooManyRequests", 500: "InternalError",
    503: "ServiceUnavailable", 504: "Timeout",
}  # fmt: skip


def refusal(code: int, *, retry_after_s: int | None = None) -> Response:
    """Return what an API server says in a few words; 404 is the page of a proxy, a bare one."""
    headers = {"content-type": _JSON_TYPE}
    if retry_after_s is not None:
        headers["retry-after"] = str(retry_after_s)
    if code == 404:
        return Response(404, _PAGE, {"content-type": "text/html"})
    status = {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "made up by the fault proxy", "reason": _REASONS[code], "code": code,
    }  # fmt: skip
    return Response(code, json.dumps(status).encode(), headers)


def answers(*codes: int) -> list[Fault]:
    """Return a fault for each status, given instead of forwarding."""
    return [
        Fault("answer", str(code), refusal(code, retry_after_s=1 if code == 429 else None))
        for code in codes
    ]


LOST = Fault("lost")
RESET = Fault("reset")
DROP = Fault("drop")
LATE = [Fault("after", f"{code} after the fact", refusal(code)) for code in (500, 504)]


def reported_gone(group: str) -> Fault:
    """Hide a group from discovery, as if its APIService had never been there."""
    return Fault("edit", f"{group} hidden", edit=_groups(lambda name: name != group))


def reported_stale(group: str) -> Fault:
    """Say of a group what an API server says when the server behind its APIService is down."""

    def edit(item: JSON) -> JSON:
        if item["metadata"].get("name") != group:
            return item
        versions = [
            {"version": v["version"], "freshness": "Stale", "resources": []}
            for v in item["versions"]
        ]
        return {**item, "versions": versions}

    return Fault("edit", f"{group} stale", edit=_changed_items(edit))


def _groups(keep: Callable[[str], bool]) -> Callable[[Request, Response], Response]:
    return _changed_items(lambda item: item if keep(item["metadata"].get("name", "")) else None)


def _changed_items(change: Callable[[JSON], JSON]) -> Callable[[Request, Response], Response]:
    def edit(_: Request, response: Response) -> Response:
        try:
            body = json.loads(response.body)
            items = [change(item) for item in body["items"]]
        except (ValueError, KeyError, TypeError):
            return response
        body["items"] = [item for item in items if item is not None]
        return replace(response, body=json.dumps(body).encode())

    return edit


def without_token() -> Fault:
    """Lose the continue token of a page, so that the list seems to end there."""

    def edit(_: Request, response: Response) -> Response:
        body = json.loads(response.body)
        if isinstance(body, dict) and (body.get("metadata") or {}).pop("continue", ""):
            return replace(response, body=json.dumps(body).encode())
        return response

    return Fault("edit", "token lost", edit=edit)


# --- answers of a Git server -----------------------------------------------------------------


def git_status(code: int) -> Fault:
    """Answer a Git request with a status and few words."""
    headers = {"content-type": "text/plain"}
    if code == 401:
        headers["www-authenticate"] = 'Basic realm="fault"'
    return Fault("answer", f"git {code}", Response(code, b"no\n", headers))


def corrupt() -> Fault:
    """Change one byte in the last quarter of an answer."""

    def edit(_: Request, response: Response) -> Response:
        body = bytearray(response.body)
        if body:
            body[len(body) * 3 // 4] ^= 0x55
        return replace(response, body=bytes(body))

    return Fault("edit", "corrupt", edit=edit)


def half() -> Fault:
    """Send half of an answer and call it whole."""
    return Fault("edit", "truncated", edit=lambda _, r: replace(r, body=r.body[: len(r.body) // 2]))


def pack_of(pack: bytes, name: str) -> Fault:
    """Send this pack instead of the real one."""
    lines = [b"packfile\n", *(b"\x01" + pack[at : at + 65000] for at in range(0, len(pack), 65000))]

    def edit(_: Request, response: Response) -> Response:
        start = response.body.find(b"000dpackfile\n")
        if start < 0:
            return response
        return replace(response, body=response.body[:start] + _pkt_lines(lines) + b"0000")

    return Fault("edit", name, edit=edit)


def _pkt_lines(lines: Iterable[bytes]) -> bytes:
    return b"".join(f"{len(line) + 4:04x}".encode() + line for line in lines)
