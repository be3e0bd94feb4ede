"""A forge's REST interface for pull requests on loopback: GitHub's, GitLab's or Gitea's.

It keeps what is opened and checks what a real one checks: token, path, required fields, and that
there is one open request for a branch.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["github", "gitlab", "gitea"]
_PATHS = {
    "github": "/api/v3/repos/{}/pulls",
    "gitlab": "/api/v4/projects/{}/merge_requests",
    "gitea": "/api/v1/repos/{}/pulls",
}
_BELOW = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}


class ForgeServer:
    """``with ForgeServer("gitlab", "org/config", token="t") as forge: forge.api, forge.opened``."""

    def __init__(self, kind: Kind, repository: str, *, token: str) -> None:
        self.kind = kind
        self.repository = repository
        self.token = token
        self.opened: list[dict[str, str]] = []
        self.before_create: Callable[[], object] = lambda: None
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.forge = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join(10)
        self._http.server_close()

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}{_BELOW[self.kind]}"

    def answer(self, method: str, path: str, header: str, body: Any) -> tuple[int, Any]:
        expected = f"token {self.token}" if self.kind == "gitea" else f"Bearer {self.token}"
        if header != expected:
            return 401, {"message": "Unauthorized"}
        split = urlsplit(path)
        if unquote(split.path) != _PATHS[self.kind].format(self.repository):
            return 404, {"message": "Not Found"}
        query = {key: values[0] for key, values in parse_qs(split.query).items()}
        return self._create(body) if method == "POST" else (200, self._list(query))

    def open(self, branch: str, base: str, title: str = "By hand") -> dict[str, str]:
        """Open one, as somebody does in a browser."""
        self.opened.append({"branch": branch, "base": base, "title": title, "body": ""})
        return self.opened[-1]

    def _list(self, query: dict[str, str]) -> list[Any]:
        owner = self.repository.partition("/")[0]
        shown = [self._shown(number) for number in range(len(self.opened))]
        if self.kind == "github":
            return [each for each in shown if query["head"] == f"{owner}:{each['head']['ref']}"]
        if self.kind == "gitlab":
            return [each for each in shown if query["source_branch"] == each["source_branch"]]
        size, page = int(query["limit"]), int(query["page"])
        return shown[(page - 1) * size : page * size]

    def _create(self, body: dict[str, Any]) -> tuple[int, Any]:
        self.before_create()
        names = (
            ("source_branch", "target_branch", "title", "description")
            if self.kind == "gitlab" else ("head", "base", "title", "body")
        )  # fmt: skip
        branch, base, title, text = (body[name] for name in names)
        if any(each["branch"] == branch for each in self.opened):
            return (422 if self.kind == "github" else 409), {"message": "already exists"}
        self.opened.append({"branch": branch, "base": base, "title": title, "body": text})
        return 201, self._shown(len(self.opened) - 1)

    def _shown(self, number: int) -> dict[str, Any]:
        each = self.opened[number]
        url = f"https://forge.example/{self.repository}/{number + 1}"
        if self.kind == "gitlab":
            return {"iid": number + 1, "web_url": url, "source_branch": each["branch"],
                    "target_branch": each["base"]}  # fmt: skip
        return {"number": number + 1, "html_url": url, "head": {"ref": each["branch"]},
                "base": {"ref": each["base"]}}  # fmt: skip


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    forge: ForgeServer


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its real name
        """Quiet."""

    def do_GET(self) -> None:
        self._serve(None)

    def do_POST(self) -> None:
        self._serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _serve(self, body: Any) -> None:
        header = self.headers.get("Authorization", "")
        status, answer = self.server.forge.answer(self.command, self.path, header, body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
