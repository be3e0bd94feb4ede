"""What end-to-end tests stand on: one control plane per run, a fresh namespace per test.

Without the binaries the tests skip and say why; with PLUMB_E2E=require they fail instead.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from e2e.servers import binaries
from e2e.servers.controlplane import ControlPlane

Kubectl: TypeAlias = Callable[..., str]

_HERE = Path(__file__).parent
_TIMEOUT_S = 120


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Servers take their time on a busy machine: more of it than a unit test has."""
    for item in items:
        if _HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_TIMEOUT_S))


def is_required() -> bool:
    """Whether a missing server is a failure (CI) instead of a reason to skip."""
    return os.environ.get("PLUMB_E2E") == "require"


def leave_out(reason: str) -> None:
    """Skip the test, or fail it where everything is required."""
    if is_required():
        pytest.fail(f"{reason} (PLUMB_E2E=require)")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    """etcd, API server and controller manager, shared by the whole run, with an audit log."""
    found = binaries.find()
    if found is None:
        leave_out(
            "no etcd, kube-apiserver, kube-controller-manager and kubectl in KUBEBUILDER_ASSETS,"
            " on PATH or in ~/.cache/plumb; scripts/test builds them"
        )
        return
    logs = request.config.rootpath / ".e2e-logs"
    before = request.session.testsfailed
    with ControlPlane.start(found, audit=True, keep_logs=logs) as running:
        yield running
        if request.session.testsfailed > before:
            running.keep_logs(logs)


@pytest.fixture(scope="session")
def api_server(control_plane: ControlPlane) -> ControlPlane:
    """Give the same control plane to tests that need no controller."""
    return control_plane


@pytest.fixture
def namespace(request: pytest.FixtureRequest, control_plane: ControlPlane) -> Iterator[str]:
    """Make a namespace with its service account; deleted afterwards, which nobody waits for."""
    title = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).removeprefix("test-")
    name = f"{title[:40].strip('-')}-{secrets.token_hex(3)}"
    control_plane.create("/api/v1/namespaces", {"metadata": {"name": name}})
    account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    deadline = time.monotonic() + 10
    while control_plane.get(account) is None and time.monotonic() < deadline:
        time.sleep(0.02)  # noqa: TID251 - a test has no stop event
    yield name
    control_plane.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def kubectl(control_plane: ControlPlane) -> Kubectl:
    """Run kubectl as the administrator, as an oracle: ``kubectl("get", "pods", stdin="")``."""

    def run(*arguments: str, stdin: str = "") -> str:
        command = [
            str(control_plane.kubectl),
            f"--kubeconfig={control_plane.kubeconfig}",
            *arguments,
        ]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    return run
