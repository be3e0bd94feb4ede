"""All the way round: the application changes, the pipeline promotes, the cluster follows, and back.

On the API server of the tests, with `plumb sync` in the place of the daemon: a webhook is not
needed to see that what the pipeline pushed is what runs. Kind and the daemon are elsewhere.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from e2e.buildagent import SYSTEMS
from e2e.promotions import FILE, commit_of, run_plumb

if TYPE_CHECKING:
    from e2e.buildagent import Agent
    from e2e.servers.controlplane import ControlPlane

DEPLOYMENT = """\
# The shop.
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 1  # enough for a test
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
        - name: web
          image: "{image}"
"""
APPLICATION = """\
apiVersion: plumb.dev/v1alpha1
kind: Application
metadata: {{name: shop, namespace: {namespace}}}
spec:
  source: {{url: {url}, ref: {{branch: main}}, path: apps/shop}}
  wait: false
"""
PUSHED = "c" * 40


def test_from_a_commit_of_the_application_to_the_rollout_and_back(
    agent: Agent, api_server: ControlPlane, namespace: str
) -> None:
    agent.server.users.clear()
    folder, jenkins = agent.folder, SYSTEMS[2]
    document = APPLICATION.format(namespace=namespace, url=agent.url)
    (folder / "app.yaml").write_text(document)
    first = f"{jenkins.image}:1.0.0"
    base = agent.config.commit({FILE: DEPLOYMENT.format(image=first), "shop.yaml": document})
    environ = {"KUBECONFIG": str(api_server.kubeconfig.resolve())}
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"

    def plumb(*arguments: str) -> str:
        return run_plumb(*arguments, "-f", "app.yaml", folder=folder, environ=environ).out

    def running() -> str:
        body = api_server.get(path)
        return str(body["spec"]["template"]["spec"]["containers"][0]["image"])

    plumb("sync")
    assert running() == first
    # The application changes, and its pipeline tests, builds, pushes and promotes.
    agent.run(jenkins.steps("push", PUSHED))
    built = f"{jenkins.image}:{PUSHED}"
    assert f"docker push {built}" in agent.log()
    promoted = commit_of(agent.config, agent.config.head())
    assert promoted.parents == (base,)
    # What a reviewer would have seen, from the two commits alone.
    report = run_plumb(
        "diff", "--repo", str(agent.config.path), "--base", base, "--head", promoted.id,
        "--map", f"{agent.url}={agent.config.path}", folder=folder, environ=environ,
    ).out  # fmt: skip
    assert built in report
    # The cluster follows.
    assert running() == first
    plumb("sync")
    assert running() == built
    (newest, *_) = json.loads(plumb("history", "-o", "json"))["events"]
    assert newest["commit"] == promoted.id
    assert {"key": "Plumb-Source-Commit", "value": PUSHED} in newest["trailers"]
    assert {"key": "Plumb-Build-Url", "value": jenkins.build} in newest["trailers"]
    assert newest["rollout"]["revision"] == promoted.id
    assert newest["rollout"]["result"] == "done"
    assert newest["rollout"]["counts"]["updated"] == 1
    # And back, by Git.
    plumb("rollback", "--reason", "checkout fails")
    assert running() == built
    plumb("sync")
    assert running() == first
    text = plumb("history")
    assert text.count("in the cluster: done") == 4
    assert "checkout fails" not in text.splitlines()[0]
    assert text.index("Roll back apps/shop") < text.index("Promote web to")
    # The pipeline runs once more, and does not undo that.
    assert "PLB840" in agent.run(jenkins.steps("push", PUSHED))
    plumb("sync")
    assert running() == first
