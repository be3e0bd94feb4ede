"""One story on a cluster with a node: from outside, until the Pods really run.

What a control plane without a kubelet cannot show is shown here: health that a kubelet reports.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_kind.cluster import KindCluster

    from e2e.conftest import Plumb
    from e2e.servers.githttp import GitHttpServer
    from e2e.servers.gitrepo import TestRepository

pytestmark = [pytest.mark.kind, pytest.mark.timeout(600)]

_NAMESPACE = """
apiVersion: v1
kind: Namespace
metadata: {name: story}
"""
_SETTINGS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: story}
data: {greeting: hello}
"""
_WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: story}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "IMAGE", imagePullPolicy: IfNotPresent}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: story}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""


def test_a_deployment_runs_is_repaired_and_pruned(
    kind: KindCluster, plumb: Plumb, repository: TestRepository, git_server: GitHttpServer
) -> None:
    web = _WEB.replace("IMAGE", _image_on_the_node(kind))
    files = {"story/00.yaml": _NAMESPACE, "story/settings.yaml": _SETTINGS, "story/web.yaml": web}
    repository.commit(files)
    source = ["--name=story", f"--url={git_server.url('config.git')}", "--ref=main"]
    app = [*source, "--path=story"]
    kubeconfig = kind.kubeconfig_path

    plumb("sync", *app, "--wait", "--timeout=3m", kubeconfig=kubeconfig)
    assert _get(kind, "deployment", "web")["status"]["readyReplicas"] == 2
    plumb("diff", *app, "--exit-code", kubeconfig=kubeconfig)

    kind.kubectl("--namespace=story", "scale", "deployment/web", "--replicas=1")
    found = plumb("diff", *app, "--exit-code", kubeconfig=kubeconfig, expect=2)
    assert "replicas" in found.stdout
    plumb("sync", *app, "--wait", "--timeout=3m", kubeconfig=kubeconfig)
    repaired = _get(kind, "deployment", "web")
    assert (repaired["spec"]["replicas"], repaired["status"]["readyReplicas"]) == (2, 2)

    repository.commit({"story/settings.yaml": None})
    plumb("sync", *app, "--wait", "--timeout=3m", kubeconfig=kubeconfig)
    assert _names(kind, "configmaps") == {"kube-root-ca.crt"}
    assert _get(kind, "deployment", "web")["metadata"]["uid"] == repaired["metadata"]["uid"]


def _image_on_the_node(kind: KindCluster) -> str:
    """Find an image that needs no registry: every node has the one that holds a Pod together."""
    node = f"{kind.name}-control-plane"
    command = ["docker", "exec", node, "ctr", "--namespace=k8s.io", "images", "list", "--quiet"]
    images = subprocess.check_output(command, text=True).split()
    return next(image for image in images if "/pause:" in image)


def _get(kind: KindCluster, resource: str, name: str) -> Any:
    return json.loads(kind.kubectl("--namespace=story", "get", resource, name, "--output=json"))


def _names(kind: KindCluster, resource: str) -> set[str]:
    found = kind.kubectl("--namespace=story", "get", resource, "--output=name")
    return {line.rpartition("/")[2] for line in found.split()}
