"""The daemon as people install it: from its image and manifests, on a cluster with a node.

The stories share one installation and know nothing of one another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.kindstage import IMAGE

if TYPE_CHECKING:
    from e2e.kindstage import KindStage

pytestmark = [pytest.mark.kind, pytest.mark.timeout(900)]

_APP = {
    "settings.yaml": """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {greeting: hello}
""",
    "web.yaml": f"""
apiVersion: v1
kind: ServiceAccount
metadata: {{name: web}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      serviceAccountName: web
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: {IMAGE}
        command: [/opt/plumb/bin/python, -m, http.server, "8000"]
        ports: [{{containerPort: 8000}}]
        readinessProbe: {{tcpSocket: {{port: 8000}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: 8000}}]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: web}}
spec:
  rules:
  - http:
      paths:
      - path: /
        pathType: Prefix
        backend: {{service: {{name: web, port: {{number: 80}}}}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
  minReplicas: 1
  maxReplicas: 2
  metrics:
  - type: Resource
    resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 80}}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: web}}
spec: {{maxUnavailable: 1, selector: {{matchLabels: {{app: web}}}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: web}}
spec: {{podSelector: {{matchLabels: {{app: web}}}}, ingress: [{{ports: [{{port: 8000}}]}}]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: reader}}
rules: [{{apiGroups: [""], resources: [configmaps], verbs: [get]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: reader}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}}
subjects: [{{kind: ServiceAccount, name: web}}]
""",
    "work.yaml": f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: once}}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{{name: a, image: {IMAGE}, args: [version]}}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {{name: nightly}}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{{name: a, image: {IMAGE}, args: [version]}}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: store}}
spec:
  serviceName: web
  selector: {{matchLabels: {{app: store}}}}
  template:
    metadata: {{labels: {{app: store}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: a
        image: {IMAGE}
        command: [/opt/plumb/bin/python, -m, http.server, "8000"]
""",
    "stalls.yaml": """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: stalls.shop.example}
spec:
  group: shop.example
  scope: Namespaced
  names: {plural: stalls, singular: stall, kind: Stall, listKind: StallList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {size: {type: integer, default: 3}}}}
---
apiVersion: shop.example/v1
kind: Stall
metadata: {name: corner}
spec: {}
""",
}
# What the account of the team may do beyond its namespace: its own kind.
_KINDS = [
    {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"],
     "verbs": ["get", "list", "watch", "create", "patch", "delete"]},
    {"apiGroups": ["shop.example"], "resources": ["stalls"],
     "verbs": ["get", "list", "watch", "create", "patch", "delete"]},
]  # fmt: skip


@pytest.fixture
def stage(installed: KindStage) -> KindStage:
    return installed


def test_a_real_application_becomes_healthy_and_stays_true_to_git(stage: KindStage) -> None:
    """First sync, push by webhook, drift, a stranger's field, prune: over HTTPS with a password."""
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "stalls"}
    account = {"kind": "ServiceAccount", "name": "plumb-applier", "namespace": stage.team}
    head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "stalls"}}
    stage.apply(
        {**head, "kind": "ClusterRole", "rules": _KINDS},
        {**head, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [account]},
    )
    commit = stage.commit({f"shop/{path}": text for path, text in _APP.items()})
    stage.follow("shop")
    stage.until("everything runs", lambda: stage.is_ready("shop", at=commit), within_s=240)
    assert stage.status("shop")["inventory"]["count"] == 15
    assert stage.get("stalls.shop.example", "corner")["spec"] == {"size": 3}
    assert stage.get("deployment", "web")["status"]["readyReplicas"] == 1

    text = _APP["settings.yaml"].replace("hello", "good morning")
    stage.commit({"shop/settings.yaml": text})
    stage.push_hook()
    stage.until("the push is live", lambda: greeting(stage) == "good morning", within_s=20)

    stage.kubectl("patch", "configmap/settings", f"-n={stage.team}", "--type=merge",
                  '--patch={"data":{"greeting":"by hand","theirs":"kept"}}')  # fmt: skip
    stage.until("drift is put back", lambda: greeting(stage) == "good morning", within_s=20)
    assert stage.get("configmap", "settings")["data"]["theirs"] == "kept"

    stage.commit({"shop/settings.yaml": None})
    stage.push_hook()
    stage.until("it is pruned", lambda: stage.get("configmap", "settings") is None, within_s=60)


def test_a_repository_is_read_over_ssh_with_a_pinned_host(stage: KindStage) -> None:
    stage.commit({"small/a.yaml": _APP["settings.yaml"]})
    stage.follow("small", ssh=True)
    space = f"{stage.team}-ssh"
    stage.until("it is ready", lambda: stage.is_ready("small", space=space), within_s=60)
    assert stage.get("configmap", "settings", space)["data"] == {"greeting": "hello"}


def test_an_account_is_kept_to_its_namespace(stage: KindStage) -> None:
    stray = _APP["settings.yaml"].replace("{name: settings}", "{name: stray, namespace: default}")
    stage.commit({"stray/a.yaml": stray})
    stage.follow("stray")

    def said() -> str:
        return str(stage.status("stray").get("message", ""))

    stage.until("it is refused", lambda: "PLB403" in said(), within_s=60)
    assert stage.get("configmap", "stray", "default") is None


def test_the_engine_lives_under_restricted_pod_security(stage: KindStage) -> None:
    labels = stage.get("namespace", "plumb-system")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        stage.kubectl("run", "loose", "-n=plumb-system", f"--image={IMAGE}", "--privileged")
    assert {pod["status"]["phase"] for pod in stage.engines()} == {"Running"}


def test_the_active_pod_may_die_at_any_time(stage: KindStage) -> None:
    """Killed at once: the other one takes over, and what happened meanwhile is put back."""
    stage.commit({"lasting/a.yaml": _APP["settings.yaml"].replace("settings", "lasting")})
    stage.follow("lasting")
    stage.until("it is ready", lambda: stage.is_ready("lasting"), within_s=60)
    stage.kubectl("delete", "pod", stage.leader(), "-n=plumb-system", "--grace-period=0", "--force")
    stage.kubectl("delete", "configmap/lasting", f"-n={stage.team}")
    took = stage.until("it is back", lambda: stage.get("configmap", "lasting"), within_s=60)
    assert took < 30


def greeting(stage: KindStage) -> str:
    found = stage.get("configmap", "settings")
    return str(found["data"]["greeting"]) if found else ""
