"""Application resources in a test's namespace; the definition is the one that is shipped."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.parse import documents

if TYPE_CHECKING:
    from e2e.servers.controlplane import ControlPlane

_MANIFESTS = Path(__file__).parent.parent / "manifests" / "base"
API = "apis/plumb.dev/v1alpha1"


class Applications:
    """Makes Application resources by hand, and reads them as an independent witness."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.plane = plane
        self.namespace = namespace

    def path(self, name: str = "") -> str:
        return f"/{API}/namespaces/{self.namespace}/applications/{name}".rstrip("/")

    def create(self, name: str = "shop", *, url: str = "", **spec: Any) -> Any:
        """Make one; fields of its spec as keywords, by their names in the document."""
        source = {"url": url or "https://git.example/config.git", "path": "apps"}
        body = {
            "apiVersion": "plumb.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": name}, "spec": {"source": source, **spec},
        }  # fmt: skip
        return self.plane.create(self.path(), body)

    def get(self, name: str = "shop") -> Any:
        return self.plane.get(self.path(name))

    def merge(self, change: Any, name: str = "shop") -> Any:
        return self.plane.merge(self.path(name), change)


def install_definition(plane: ControlPlane) -> None:
    """Install the CustomResourceDefinition of `manifests/`, where it is not there yet."""
    if plane.is_there(f"/{API}/applications"):
        return
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for file in sorted(_MANIFESTS.glob("*crd*.yaml")):
        for document in documents(file.read_bytes(), path=file.name):
            plane.create(crds, document.body)
    deadline = time.monotonic() + 20
    while not plane.is_there(f"/{API}/applications"):
        assert time.monotonic() < deadline, "the kind Application is not served"
        time.sleep(0.05)  # noqa: TID251 - a test has no stop event


@pytest.fixture(scope="session")
def application_definition(control_plane: ControlPlane) -> None:
    """Let the kind Application be served."""
    install_definition(control_plane)


@pytest.fixture
def applications(
    control_plane: ControlPlane,
    application_definition: None,  # noqa: ARG001 - it has to be there
    namespace: str,
) -> Applications:
    """Applications of a fresh namespace."""
    return Applications(control_plane, namespace)
