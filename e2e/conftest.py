"""What end-to-end tests stand on: one control plane per run, a fresh namespace per test.

Without the binaries the tests skip and say why; with PLUMB_E2E=require they fail instead.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from xdist.scheduler import LoadScopeScheduling

from e2e.applications import application_definition, applications
from e2e.buildagent import agent
from e2e.daemon import daemon
from e2e.faults.driver import OneShots
from e2e.kindstage import installed
from e2e.promotions import FILE, deployment
from e2e.servers import binaries
from e2e.servers.controlplane import ControlPlane
from e2e.servers.githttp import GitHttpServer
from e2e.servers.gitrepo import TestRepository
from e2e.team import team

if TYPE_CHECKING:
    from pytest_kind.cluster import KindCluster

__all__ = [
    "agent",
    "application_definition",
    "applications",
    "daemon",
    "installed",
    "team",
]  # fixtures of their own files

Kubectl: TypeAlias = Callable[..., str]
Plumb: TypeAlias = "Callable[..., subprocess.CompletedProcess[str]]"

_HERE = Path(__file__).parent
_TIMEOUT_S = 120
_KIND = "test_kind_"


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest-kind what is here already, so that it downloads nothing it does not need."""
    defaults = {
        "kind_bin": shutil.which("kind"),
        "kind_kubectl_bin": (binaries.find() or {}).get("kubectl"),
        "kind_image": os.environ.get("KIND_NODE_IMAGE"),
    }
    for option, value in defaults.items():
        if value and not config.getoption(option, default=None):
            setattr(config.option, option, str(value))
    # Of its own for each run: one that was left behind is of no use, its kubeconfig is gone.
    if config.getoption("cluster_name", default="") == "pytest-kind":
        config.option.cluster_name = f"plumb-{secrets.token_hex(3)}"
    # A shell lets what runs in its background ignore Ctrl-C, and so would every command of ours.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A plain kill would leave a kind cluster behind: end as Ctrl-C does, with every teardown.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its time, and let the stories on kind come first: nothing takes longer.

    Servers take their time on a busy machine: more of it than a unit test has.
    """
    for item in items:
        if _HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_TIMEOUT_S))
    items.sort(key=lambda item: not item.path.stem.startswith(_KIND))


class Files(LoadScopeScheduling):
    """Gives each file to one worker, and all those on kind to the same, as there is one cluster."""

    def _split_scope(self, nodeid: str) -> str:
        name = Path(nodeid.partition("::")[0]).stem
        return "kind" if name.startswith(_KIND) else name


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Files:
    """Hand tests to workers file by file, whatever ``--dist`` says."""
    return Files(config, log)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder that pytest-kind leaves in the working directory."""
    name = config.getoption("cluster_name", default="")
    if name and not config.getoption("keep_cluster"):
        shutil.rmtree(Path(".pytest-kind") / name, ignore_errors=True)


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
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    logs = request.config.rootpath / ".e2e-logs" / worker
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


@pytest.fixture(scope="session")
def warm() -> Iterator[OneShots]:
    """Processes that have imported Plumb already and fork for each command."""
    with OneShots() as made:
        yield made


@pytest.fixture
def plumb(tmp_path: Path, warm: OneShots) -> Plumb:
    """Run the plumb command as a user does: ``plumb("sync", "-f", "app.yaml", kubeconfig=path)``.

    ``expect`` is the exit code that must come back; what it said is in ``.stdout`` and ``.stderr``.
    """

    def run(*arguments: str, kubeconfig: Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
        own = {"KUBECONFIG": str(kubeconfig.resolve()), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        environ = {k: v for k, v in os.environ.items() if not k.startswith("PLUMB_")} | own
        command = ["plumb", *arguments]
        ended = warm.command(arguments, environ)
        said = f"{' '.join(command)} ended with {ended.code}:\n{ended.output}{ended.errors}"
        assert ended.code == expect, said
        return subprocess.CompletedProcess(command, ended.code, ended.output, ended.errors)

    return run


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitHttpServer]:
    """Serve what is below a fresh folder over smart HTTP."""
    with GitHttpServer(tmp_path / "git") as server:
        yield server


@pytest.fixture
def repository(git_server: GitHttpServer) -> Iterator[TestRepository]:
    """Make an empty repository; ``git_server.url("config.git")`` is where it is served."""
    with TestRepository(git_server.root / "config.git") as made:
        yield made


@pytest.fixture
def config(repository: TestRepository) -> TestRepository:
    """Make a configuration repository with two applications in it."""
    files = {
        FILE: deployment(),
        "apps/other/web.yaml": deployment("other", "x/other"),
        "README.md": "# Config\n",
    }
    repository.commit(files, message="Start")
    return repository


@pytest.fixture(scope="session")
def kind(request: pytest.FixtureRequest) -> KindCluster:
    """Make a cluster with nodes that run Pods, by pytest-kind; needs a Docker engine."""
    docker = shutil.which("docker")
    if (
        docker is None
        or subprocess.run([docker, "info"], capture_output=True, check=False).returncode
    ):
        leave_out("no Docker engine answers, so there is no kind")
    cluster: KindCluster = request.getfixturevalue("kind_cluster")
    # One replica answers for names, which is enough for one node. kube-proxy picks among two by
    # iptables' module "statistic"; on a node that cannot load it, names were known or not as one of
    # them happened to be ready before the other, and nothing is routed anew once any Service has
    # two endpoints.
    names = ("--namespace=kube-system", "deployment/coredns")
    cluster.kubectl("scale", *names, "--replicas=1")
    cluster.kubectl("rollout", "status", *names, "--timeout=120s")
    return cluster
