"""The ground itself: the control plane is a real one, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.servers import binaries

if TYPE_CHECKING:
    from e2e.conftest import Kubectl
    from e2e.servers.controlplane import ControlPlane

_STARTS_ONE_AND_HANGS = """
import sys, time
from e2e.servers import binaries
from e2e.servers.controlplane import ControlPlane
with ControlPlane.start(binaries.find(), controllers=False) as running:
    print(running.url, running.folder, flush=True)
    time.sleep(60)
"""


def test_it_serves_the_version_that_the_modules_name(control_plane: ControlPlane) -> None:
    assert control_plane.get("/version")["gitVersion"].startswith("v1.")


def test_admission_policies_are_served(control_plane: ControlPlane) -> None:
    served = control_plane.get("/apis/admissionregistration.k8s.io/v1")["resources"]
    names = {resource["name"] for resource in served}
    assert "validatingadmissionpolicies" in names


def test_controllers_work(control_plane: ControlPlane, namespace: str, kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "web", "--image=web", "--replicas=0", "-n", namespace)
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    deadline = time.monotonic() + 20
    while not control_plane.get(path)["status"].get("observedGeneration"):
        assert time.monotonic() < deadline, "the Deployment controller never looked at it"
        time.sleep(0.05)  # noqa: TID251 - a test has no stop event


def test_another_user_has_no_rights(control_plane: ControlPlane) -> None:
    kubeconfig = control_plane.kubeconfig_for("stranger", ["nobody"])
    command = [str(control_plane.kubectl), f"--kubeconfig={kubeconfig}", "get", "pods"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 'User "stranger" cannot list resource "pods"' in done.stderr


def test_the_audit_log_counts_what_a_client_sent(
    control_plane: ControlPlane, namespace: str
) -> None:
    before = len(control_plane.requests())
    control_plane.get(f"/api/v1/namespaces/{namespace}/configmaps")
    control_plane.get(f"/api/v1/namespaces/{namespace}/secrets")
    sent = [event["objectRef"]["resource"] for event in control_plane.requests()[before:]]
    assert sent == ["configmaps", "secrets"]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL], ids=["killed", "shot"])
def test_it_goes_when_its_parent_goes(control_plane: ControlPlane, ending: signal.Signals) -> None:
    root = Path(binaries.__file__).parent.parent.parent
    environ = os.environ | {"PYTHONPATH": str(root)}
    command = [sys.executable, "-c", _STARTS_ONE_AND_HANGS]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        url, folder = parent.stdout.readline().split()
        parent.send_signal(ending)
    assert url != control_plane.url
    deadline = time.monotonic() + 10
    while Path(folder).exists():
        assert time.monotonic() < deadline, f"{folder} is still there"
        time.sleep(0.05)  # noqa: TID251 - a test has no stop event
