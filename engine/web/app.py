"""The routes: three to look at, and one that takes hints.

Belongs here: what a request is answered with. A page of the daemon's state would come here too.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from flask import Flask, Response, request
from prometheus_client.exposition import choose_encoder

from engine.web import payload
from engine.web.payload import PROVIDERS, PayloadError
from engine.web.proof import is_proven
from engine.web.rate import Rate

if TYPE_CHECKING:
    from engine.metrics import Metrics
    from engine.web.daemon import Daemon
    from engine.web.payload import Provider
    from engine.web.secrets import Secrets

STUCK_AFTER_S: Final = 90.0
LARGEST_BYTES: Final = 1 << 20
# A forge with a thousand pushes a minute is not held up; one that is turned away is polled anyway.
_PER_ADDRESS: Final = (20.0, 60.0)
_ALL: Final = (200.0, 400.0)
_ADDRESSES: Final = 1000


def make(
    daemon: Daemon, metrics: Metrics, secrets: Secrets, *, stuck_after_s: float = STUCK_AFTER_S
) -> Flask:
    """Return the application; nothing is listening yet."""
    app = Flask("plumb", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BYTES
    hooks = _Hooks(daemon, metrics, secrets)

    @app.get("/healthz")
    def healthz() -> Response:
        age_s = daemon.beat_age_s()
        if age_s > stuck_after_s:
            return _said(503, f"stuck: the loop has not moved for {age_s:.0f} s")
        return _said(200, "ok")

    @app.get("/readyz")
    def readyz() -> Response:
        reason = daemon.not_ready()
        return _said(503, f"not ready: {reason}") if reason else _said(200, "ok")

    @app.get("/metrics")
    def scrape() -> Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(metrics.registry), content_type=content_type)

    @app.post("/hooks/<name>")
    def hook(name: str) -> Response:
        return hooks.take(name)

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    for status, text in _REFUSALS.items():
        app.register_error_handler(status, lambda _, s=status, t=text: _said(s, t))
    return app


_REFUSALS: Final = {
    400: "that is no request",
    404: "there is no such page",
    405: "this page is asked in another way",
    413: "the body is larger than 1 MiB",
    500: "an error in Plumb; its log says more",
}


class _Hooks:
    """Decides about hints, the cheapest questions first and nothing parsed before it is proven."""

    def __init__(self, daemon: Daemon, metrics: Metrics, secrets: Secrets) -> None:
        self._daemon = daemon
        self._metrics = metrics
        self._secrets = secrets
        clock = time.monotonic
        per_s, burst = _PER_ADDRESS
        self._each = Rate(per_s=per_s, burst=burst, names=_ADDRESSES, clock=clock)
        per_s, burst = _ALL
        self._all = Rate(per_s=per_s, burst=burst, names=1, clock=clock)

    def take(self, name: str) -> Response:
        provider = next((known for known in PROVIDERS if known == name), None)
        if provider is None:
            return _said(404, f"there is no hook of that name; there are {', '.join(PROVIDERS)}")
        result, response = self._answer(provider)
        self._metrics.hooked(provider, result)
        return response

    def _answer(self, provider: Provider) -> tuple[str, Response]:
        wait_s = max(self._each.wait_s(request.remote_addr or ""), self._all.wait_s(""))
        if wait_s:
            response = _said(429, "too many requests")
            response.headers["Retry-After"] = str(math.ceil(wait_s))
            return "limited", response
        secrets = self._secrets.of(provider)
        if not secrets:
            return "off", _said(404, f"there is no secret for {provider}, so its hook is off")
        body = request.get_data(cache=False, parse_form_data=False)
        if not is_proven(provider, _header, body, secrets=secrets):
            return "denied", _said(401, "the signature or token is missing or wrong")
        event = payload.event_of(provider, _header)
        if not payload.is_push(event):
            return "ignored", _said(200, "heard; only pushes are of interest")
        try:
            push = payload.read(provider, body, content_type=request.content_type or "")
        except PayloadError as error:
            return "unreadable", _said(422, f"the body is not understood: {error}")
        asked = self._daemon.on_push(push.repositories, push.ref)
        if not asked:
            return "unknown", _said(202, "no application follows this repository")
        return "accepted", _said(202, f"{asked} asked now" if asked > 1 else "asked now")


def _header(name: str) -> str:
    return request.headers.get(name, "")


def _said(status: int, text: str) -> Response:
    return Response(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
