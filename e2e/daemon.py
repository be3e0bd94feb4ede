"""`plumb run` beside a test: Applications of its namespace, a repository, the real server."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2e.applications import Applications

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from e2e.servers.controlplane import ControlPlane
    from e2e.servers.githttp import GitHttpServer
    from e2e.servers.gitrepo import TestRepository
    from engine.model import JSON

_WITHIN_S = 60.0


class Daemon:
    """Runs `plumb run` for the Applications of one namespace, and watches what comes of it."""

    def __init__(
        self, plane: ControlPlane, namespace: str, *, git: GitHttpServer,
        repository: TestRepository, folder: Path,
    ) -> None:  # fmt: skip
        self.plane = plane
        self.namespace = namespace
        self.git = git
        self.repository = repository
        self.applications = Applications(plane, namespace)
        self.log = folder / "daemon.log"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    # --- the process -------------------------------------------------------------------------

    def start(self, *arguments: str) -> None:
        """Start it; its log is appended to ``log``."""
        program = str(Path(sys.executable).with_name("plumb"))
        own = {"KUBECONFIG": str(self.plane.kubeconfig.resolve())}
        environ = {k: v for k, v in os.environ.items() if not k.startswith("PLUMB_")} | own
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, "run", f"--watch-namespace={self.namespace}",
                 f"--record-namespace={self.namespace}", f"--cache-dir={self._folder / 'cache'}",
                 "--log-format=json", "--listen=127.0.0.1:0", *arguments],
                env=environ, stderr=log,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def address(self) -> str:
        """Where it serves HTTP, as its log says."""
        said: list[str] = []

        def is_told() -> bool:
            lines = map(json.loads, self.log.read_text().splitlines())
            said[:] = [line["address"] for line in lines if line["event"] == "listening"]
            return bool(said)

        self.until("it listens", is_told)
        return said[-1]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit code; ten seconds are enough for it on an idle machine."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(number)
        code = self._process.wait(30)
        self._process = None
        return code

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    # --- Git and the cluster -----------------------------------------------------------------

    def commit(self, files: Mapping[str, str | None], *, below: str = "apps") -> str:
        """Commit files below a folder; the new commit's id."""
        return self.repository.commit({f"{below}/{path}": text for path, text in files.items()})

    def apply(self, name: str = "shop", **spec: Any) -> None:
        """Make an Application of the repository."""
        source = {"url": self.git.url("config.git"), "ref": {"branch": "main"},
                  "path": spec.pop("path", "apps")}  # fmt: skip
        self.applications.create(name, **{"source": source, **spec})

    def ask(self, name: str = "shop") -> None:
        """Ask for a look, as `plumb reconcile` does."""
        wish = {"plumb.dev/reconcile-requested-at": str(time.time_ns())}
        self.applications.merge({"metadata": {"annotations": wish}}, name)

    def status(self, name: str = "shop") -> JSON:
        return (self.applications.get(name) or {}).get("status") or {}

    def condition(self, kind: str, name: str = "shop") -> JSON:
        conditions = self.status(name).get("conditions") or ()
        return next((c for c in conditions if c["type"] == kind), None)

    def until(self, what: str, holds: Callable[[], object], within_s: float = _WITHIN_S) -> float:
        """Wait until something holds; return how long it took."""
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > within_s:
                said = self.log.read_text()[-3000:] if self.log.exists() else ""
                pytest.fail(f"not within {within_s:g} s: {what}\n{said}")
            time.sleep(0.02)  # noqa: TID251 - a test has no stop event
        return time.monotonic() - began

    def until_ready(self, name: str = "shop", *, at: str = "") -> None:
        """Wait until the Application is Ready, at this commit where one is given."""

        def is_ready() -> bool:
            ready = self.condition("Ready", name)
            here = not at or self.status(name).get("revision") == at
            return bool(ready) and ready["status"] == "True" and here

        self.until(f"{name} is ready", is_ready)

    def settle(self) -> None:
        """Wait until the daemon has said nothing new for a while."""
        seen, since = -1, time.monotonic()
        while time.monotonic() - since < 1.0:
            size = self.log.stat().st_size
            if size != seen:
                seen, since = size, time.monotonic()
            time.sleep(0.05)  # noqa: TID251 - a test has no stop event

    def looked_at(self) -> set[str]:
        """Applications of which a pass found nothing to do since the process started."""
        with urllib.request.urlopen(f"http://{self.address()}/metrics") as answer:
            text = answer.read().decode()
        done = r'^plumb_syncs_total\{application="([^"]+)",result="unchanged"\} [1-9]'
        return set(re.findall(done, text, re.MULTILINE))

    def get(self, plural: str, name: str, *, api: str = "api/v1") -> JSON:
        return self.plane.get(f"/{api}/namespaces/{self.namespace}/{plural}/{name}")

    def merge(self, plural: str, name: str, change: JSON, *, api: str = "api/v1") -> JSON:
        return self.plane.merge(f"/{api}/namespaces/{self.namespace}/{plural}/{name}", change)

    def delete(self, plural: str, name: str, *, api: str = "api/v1") -> None:
        self.plane.delete(f"/{api}/namespaces/{self.namespace}/{plural}/{name}")


@pytest.fixture
def daemon(  # noqa: PLR0917 - pytest passes them by name
    control_plane: ControlPlane, application_definition: None, namespace: str,  # noqa: ARG001
    git_server: GitHttpServer, repository: TestRepository, tmp_path: Path,
) -> Iterator[Daemon]:  # fmt: skip
    """Make a daemon that is not started yet."""
    made = Daemon(control_plane, namespace, git=git_server, repository=repository, folder=tmp_path)
    yield made
    made.close()
