"""Kubeconfigs are put together as kubectl does it, with kubectl itself as the oracle."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from engine.kube import kubeconfig

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.servers.controlplane import ControlPlane

FIRST = """\
clusters:
- name: prod
  cluster: {server: "https://first", certificate-authority: ca.crt}
users: [{name: red, user: {username: first}}]
contexts: [{name: one, context: {cluster: prod, user: red}}]
"""
SECOND = """\
apiVersion: v1
kind: Config
current-context: two
clusters:
- {name: prod, cluster: {server: "https://second", tls-server-name: other}}
- {name: dev, cluster: {server: "https://dev", certificate-authority: sub/ca.crt}}
users:
- name: red
  user: {token: second}
- name: plugin
  user:
    exec: {apiVersion: client.authentication.k8s.io/v1, command: ./bin/login}
contexts:
- {name: one, context: {cluster: dev, user: plugin}}
- {name: two, context: {cluster: dev, user: plugin, namespace: shop}}
"""
THIRD = "current-context: three\n"
LISTS = [
    ["a/first", "b/second", "c/third"],
    ["c/third", "b/second", "a/first"],
    ["b/second", "gone", "a/first", "b/second"],
    ["c/empty", "a/first"],
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("a/first", FIRST), ("b/second", SECOND), ("c/third", THIRD),
                       ("c/empty", "")):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize("files", LISTS, ids=" ".join)
def test_a_list_of_kubeconfigs_is_merged_like_kubectls(
    api_server: ControlPlane, folder: Path, monkeypatch: pytest.MonkeyPatch, files: list[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(str(folder / file) for file in files))
    view = subprocess.run(
        [api_server.kubectl, "config", "view", "--raw", "-o", "json"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    theirs = json.loads(view.stdout)
    ours = kubeconfig.read(None)
    assert ours.current == theirs["current-context"]
    for section, noun, entries in (
        ("clusters", "cluster", ours.clusters),
        ("users", "user", ours.users),
        ("contexts", "context", ours.contexts),
    ):
        named = {item["name"]: item[noun] for item in theirs[section] or ()}
        assert set(entries) == set(named)
        for name, entry in entries.items():
            assert relative(entry, folder) == said_by(named[name], entry)


def relative(value: Any, folder: Path) -> Any:
    """Make our absolute paths relative to the file again, as kubectl prints them."""
    if isinstance(value, dict):
        return {key: relative(inner, folder) for key, inner in value.items()}
    if isinstance(value, str) and value.startswith(str(folder)):
        inside = value.removeprefix(f"{folder}/").split("/", 1)[1]
        return f"./{inside}" if inside.startswith("bin/") else inside
    return value


def said_by(theirs: Any, ours: Any) -> Any:
    """Leave out what kubectl adds by default inside an exec section."""
    if isinstance(theirs, dict):
        return {key: said_by(inner, ours[key]) for key, inner in theirs.items() if key in ours}
    return theirs
