"""One team with a repository, a namespace and the plumb command: what most stories need."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path

    from e2e.conftest import Plumb
    from e2e.servers.controlplane import ControlPlane
    from e2e.servers.gitrepo import TestRepository
    from engine.model import JSON

WRITES = ("create", "update", "patch", "delete", "deletecollection")


class Team:
    """Commits manifests, runs plumb, and reads the API server as an independent witness."""

    def __init__(
        self, plane: ControlPlane, plumb: Plumb, repository: TestRepository, namespace: str
    ) -> None:
        self.plane = plane
        self.repository = repository
        self.namespace = namespace
        self.kubeconfig: Path = plane.kubeconfig
        self._plumb = plumb

    def commit(self, files: Mapping[str, str | None]) -> str:
        """Commit files below apps/; the new commit's id."""
        return self.repository.commit({f"apps/{path}": text for path, text in files.items()})

    def plumb(
        self, *arguments: str, path: str = "apps", name: str = "shop", expect: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the application; ``expect`` is its exit code."""
        return self._plumb(
            *arguments, f"--name={name}", f"--url={self.repository.path}", "--ref=main",
            f"--path={path}", f"--namespace={self.namespace}",
            kubeconfig=self.kubeconfig, expect=expect,
        )  # fmt: skip

    def run(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command as it is."""
        return self._plumb(*arguments, kubeconfig=self.kubeconfig, expect=expect)

    def sync(self, *arguments: str, expect: int = 0, **fields: str) -> JSON:
        """Sync and return the report."""
        done = self.plumb("sync", "-o", "json", *arguments, expect=expect, **fields)
        return json.loads(done.stdout)

    def delete(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Delete the application; needs neither a file nor the repository."""
        return self._plumb(
            "delete", "shop", f"--namespace={self.namespace}", *arguments,
            kubeconfig=self.kubeconfig, expect=expect,
        )  # fmt: skip

    # --- the witness -------------------------------------------------------------------------

    def path(self, plural: str, name: str = "", *, api: str = "api/v1") -> str:
        """The URL path of an object in the team's namespace."""
        return f"/{api}/namespaces/{self.namespace}/{plural}/{name}".rstrip("/")

    def get(self, plural: str, name: str, *, api: str = "api/v1") -> JSON:
        """The object, or None."""
        return self.plane.get(self.path(plural, name, api=api))

    def names(self, plural: str, *, api: str = "api/v1") -> list[str]:
        """The objects of one kind in the namespace, but those that every namespace has."""
        items = self.plane.get(self.path(plural, api=api))["items"]
        own = [item["metadata"]["name"] for item in items]
        return sorted(set(own) - {"kube-root-ca.crt", "default"})

    def merge(self, plural: str, name: str, change: JSON, *, api: str = "api/v1") -> JSON:
        """Change an object by hand."""
        return self.plane.merge(self.path(plural, name, api=api), change)

    def record(self) -> JSON:
        """The ConfigMap with the head of the application's record, or None."""
        name = f"plumb.{self.namespace}.shop"
        return self.plane.get(f"/api/v1/namespaces/plumb-system/configmaps/{name}")

    def writes(self) -> list[Any]:
        """Every write of plumb so far that concerns this team: (verb, resource, name)."""
        found = []
        for event in self.plane.requests(about=self.namespace):
            target = event.get("objectRef") or {}
            mine = target.get("namespace") == self.namespace or self.namespace in target.get(
                "name", ""
            )
            if event["verb"] in WRITES and mine and "plumb" in event.get("userAgent", ""):
                found.append((event["verb"], target.get("resource"), target.get("name")))
        return found


@pytest.fixture
def team(
    control_plane: ControlPlane, plumb: Plumb, repository: TestRepository, namespace: str
) -> Team:
    """A fresh namespace and an empty repository."""
    return Team(control_plane, plumb, repository, namespace)
