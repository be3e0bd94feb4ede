"""Plumb put into a cluster by itself, and by kubectl: the same objects, however often."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2e.servers import binaries
from e2e.servers.controlplane import ControlPlane
from engine import install, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.conftest import Plumb

_ROOT = Path(__file__).parent.parent
_DEPLOYMENT = "/apis/apps/v1/namespaces/plumb-system/deployments/plumb"


@pytest.fixture(scope="module")
def empty_cluster(api_server: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster of our own: what is installed here would change what other tests find."""
    found = binaries.find()
    assert found is not None
    assert api_server
    with ControlPlane.start(found, controllers=False, audit=True) as running:
        yield running


def _key(body: Any) -> tuple[str, str, str]:
    metadata = body["metadata"]
    return (body["kind"], metadata.get("namespace", ""), metadata["name"])


@pytest.mark.parametrize("scope", ["cluster", "namespace"])
def test_plumb_prints_what_kustomize_makes(
    control_plane: ControlPlane, plumb: Plumb, scope: install.Scope
) -> None:
    folder = _ROOT / "manifests" / "overlays" / scope
    made = subprocess.check_output([str(control_plane.kubectl), "kustomize", str(folder)])
    wanted = {_key(d.body): d.body for d in parse.documents(made, path="kustomize")}
    nowhere = Path("/nonexistent/kubeconfig")
    said = plumb("install", "--print", f"--scope={scope}", kubeconfig=nowhere).stdout
    printed = {_key(d.body): d.body for d in parse.documents(said.encode(), path="plumb")}
    assert printed == wanted


def test_installing_again_writes_nothing_and_another_scope_the_difference(
    empty_cluster: ControlPlane, plumb: Plumb
) -> None:
    kubeconfig = empty_cluster.kubeconfig

    def run(*arguments: str, expect: int = 0) -> dict[str, int]:
        said = plumb("install", *arguments, "-o", "json", kubeconfig=kubeconfig, expect=expect)
        report = json.loads(said.stdout)
        return dict(report.get("plan", report)["summary"])

    assert run("--dry-run", "--exit-code", expect=2)["create"] > 10
    assert not empty_cluster.is_there(_DEPLOYMENT)
    run()
    deployment = empty_cluster.get(_DEPLOYMENT)
    deadline = time.monotonic() + 20  # served a moment after it is established
    while not empty_cluster.is_there("/apis/plumb.dev/v1alpha1/applications"):
        assert time.monotonic() < deadline
        time.sleep(0.1)  # noqa: TID251 - a test has no stop event
    before = len(empty_cluster.requests())
    run()
    verbs = {event["verb"] for event in empty_cluster.requests()[before:]}
    assert verbs <= {"get", "list"}
    run("--dry-run", "--exit-code")

    run("--image=registry.example/plumb:2")
    changed = empty_cluster.get(_DEPLOYMENT)
    container = changed["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry.example/plumb:2"
    assert changed["metadata"]["uid"] == deployment["metadata"]["uid"]

    wide = "/apis/rbac.authorization.k8s.io/v1/clusterroles/plumb-applications"
    assert empty_cluster.is_there(wide)
    run("--scope=namespace")
    assert not empty_cluster.is_there(wide)
    assert empty_cluster.is_there(
        "/apis/rbac.authorization.k8s.io/v1/namespaces/plumb-system/roles/plumb-applications"
    )


def test_what_kubectl_installed_is_taken_over_as_it_is(plumb: Plumb) -> None:
    found = binaries.find()
    assert found is not None
    with ControlPlane.start(found, controllers=False) as cluster:
        command = [str(cluster.kubectl), f"--kubeconfig={cluster.kubeconfig}", "apply", "-k"]
        folder = _ROOT / "manifests" / "overlays" / "cluster"
        subprocess.run([*command, str(folder)], check=True, capture_output=True)
        before = cluster.get(_DEPLOYMENT)
        said = plumb("install", "-o", "json", kubeconfig=cluster.kubeconfig)
        after = cluster.get(_DEPLOYMENT)
    summary = json.loads(said.stdout)["summary"]
    assert (summary["created"], summary["replaced"]) == (0, 0)
    assert summary["adopted"] > 10
    assert after["spec"] == before["spec"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


def test_the_wheel_and_the_one_file_form_hold_the_manifests(tmp_path: Path) -> None:
    """An installed copy finds them inside of itself, far from any source tree."""
    home = tmp_path / "engine"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(_ROOT / "engine", home, ignore=ignore)
    shutil.copytree(_ROOT / "manifests", home / "manifests")
    program = "from engine import install; print(install._folder())"
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(said.stdout.strip()) == home / "manifests"
