"""What people live through with the daemon on a cluster with a node, one story each.

They share the installation of test_kind_daemon.py, and know nothing of one another.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from e2e.kindstage import IMAGE, NEXT_IMAGE, ROOT, images

if TYPE_CHECKING:
    from e2e.kindstage import KindStage

pytestmark = [pytest.mark.kind, pytest.mark.timeout(600)]


def config(name: str, value: str = "1") -> str:
    return (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: '{value}'}}\n"
    )


def value(stage: KindStage, name: str) -> str | None:
    found = stage.get("configmap", name)
    return str(found["data"]["value"]) if found else None


def condition(stage: KindStage, name: str, kind: str) -> Any:
    conditions = stage.status(name).get("conditions") or ()
    return next((c for c in conditions if c["type"] == kind), None)


# --- what Git says ---------------------------------------------------------------------------


def test_a_folder_that_is_emptied_waits_for_a_person(installed: KindStage) -> None:
    stage = installed
    stage.commit({"held/a.yaml": config("held-a"), "held/b.yaml": config("held-b")})
    stage.follow("held")
    stage.until("it is ready", lambda: stage.is_ready("held"))
    stage.commit({"held/a.yaml": None, "held/b.yaml": None, "held/README.md": "empty\n"})
    stage.push_hook()
    stage.until("the deletion is held", lambda: condition(stage, "held", "PruneHeld"))
    assert (value(stage, "held-a"), value(stage, "held-b")) == ("1", "1")
    token = stage.status("held")["held"]["token"]
    stage.kubectl("annotate", "applications.plumb.dev/held", f"-n={stage.team}",
                  f"plumb.dev/confirm-prune={token}")  # fmt: skip
    stage.until("both are gone", lambda: not value(stage, "held-a") and not value(stage, "held-b"))


def test_a_broken_commit_changes_nothing_and_says_where(installed: KindStage) -> None:
    stage = installed
    stage.commit({"broken/a.yaml": config("broken-a"), "broken/b.yaml": config("broken-b")})
    stage.follow("broken")
    stage.until("it is ready", lambda: stage.is_ready("broken"))
    stage.commit({"broken/a.yaml": "apiVersion: v1\nkind: [", "broken/b.yaml": None})
    stage.push_hook()
    stage.until("it says where", lambda: "broken/a.yaml:3:1" in stage.status("broken")["message"])
    assert (value(stage, "broken-a"), value(stage, "broken-b")) == ("1", "1")
    commit = stage.commit({"broken/a.yaml": config("broken-a", "2")})
    stage.push_hook()
    stage.until("it is mended", lambda: stage.is_ready("broken", at=commit))
    assert (value(stage, "broken-a"), value(stage, "broken-b")) == ("2", None)


def test_a_chain_of_five_goes_in_order(installed: KindStage) -> None:
    stage = installed
    names = [f"link-{number}" for number in range(5)]
    stage.commit({f"{name}/a.yaml": config(name) for name in names})
    for before, name in reversed([*zip([None, *names[:-1]], names, strict=True)]):
        stage.follow(name, dependsOn=[{"name": before}] if before else [])
    stage.until("the last is ready", lambda: stage.is_ready(names[-1]))
    made = [stage.get("configmap", name)["metadata"]["resourceVersion"] for name in names]
    assert made == sorted(made, key=int)


def test_two_applications_at_odds_both_say_so_and_neither_fights(installed: KindStage) -> None:
    stage = installed
    stage.commit({"first/a.yaml": config("disputed"), "second/a.yaml": config("disputed", "2")})
    stage.follow("first")
    stage.until("the first has it", lambda: stage.is_ready("first"))
    version = stage.get("configmap", "disputed")["metadata"]["resourceVersion"]
    stage.follow("second")
    stage.until("the second is refused", lambda: "PLB521" in str(stage.status("second")))

    def told() -> bool:
        events = json.loads(stage.kubectl("get", "events", f"-n={stage.team}", "-o=json"))["items"]
        return any(e["reason"] == "Contested" and e["involvedObject"]["name"] == "first"
                   for e in events)  # fmt: skip

    stage.until("the first is told", told)
    assert stage.get("configmap", "disputed")["metadata"]["resourceVersion"] == version


def test_an_application_that_is_renamed_deletes_and_recreates_nothing(installed: KindStage) -> None:
    stage = installed
    stage.commit({"renamed/a.yaml": config("renamed")})
    stage.follow("old-name", path="renamed")
    stage.until("it is ready", lambda: stage.is_ready("old-name"))
    uid = stage.get("configmap", "renamed")["metadata"]["uid"]
    stage.kubectl("delete", "applications.plumb.dev/old-name", f"-n={stage.team}")
    stage.follow("new-name", path="renamed")
    stage.until("the new one has it", lambda: stage.is_ready("new-name"))
    assert stage.get("configmap", "renamed")["metadata"]["uid"] == uid


# --- what happens to the cluster -------------------------------------------------------------


def test_a_leader_that_is_frozen_is_replaced_and_writes_nothing_stale(installed: KindStage) -> None:
    stage = installed
    stage.commit({"frozen/a.yaml": config("frozen")})
    stage.follow("frozen")
    stage.until("it is ready", lambda: stage.is_ready("frozen"))
    frozen = stage.leader()
    signal(stage, "STOP", f"HOSTNAME={frozen}", of="environ")
    try:
        took = stage.until("another leads", lambda: stage.leader() != frozen, within_s=60)
        assert took < 20 + 5, "20 s, and what a busy machine adds"
        commit = stage.commit({"frozen/a.yaml": config("frozen", "2")})
        stage.push_hook(stage.leader())
        stage.until("the other goes on", lambda: stage.is_ready("frozen", at=commit))
        version = stage.get("configmap", "frozen")["metadata"]["resourceVersion"]
    finally:
        signal(stage, "CONT", f"HOSTNAME={frozen}", of="environ")
    stage.kubectl("rollout", "status", "-n=plumb-system", "deployment/plumb", "--timeout=180s")
    assert stage.leader() != frozen
    assert stage.get("configmap", "frozen")["metadata"]["resourceVersion"] == version


def test_an_api_server_that_restarts_is_waited_for(installed: KindStage) -> None:
    stage = installed
    stage.commit({"outage/a.yaml": config("outage")})
    stage.follow("outage")
    stage.until("it is ready", lambda: stage.is_ready("outage"))
    signal(stage, "KILL", "kube-apiserver", of="comm")

    def answers() -> bool:
        probe = ["--request-timeout=2s", "get", "--raw=/readyz"]
        return subprocess.run(
            [str(stage.kind.kubectl_path), *probe], capture_output=True, check=False,
            env={"KUBECONFIG": str(stage.kind.kubeconfig_path)},
        ).returncode == 0  # fmt: skip

    stage.until("it is back", answers, within_s=180)
    stage.kubectl("patch", "configmap/outage", f"-n={stage.team}", "--type=merge",
                  '--patch={"data":{"value":"by hand"}}')  # fmt: skip
    stage.until("drift is seen again", lambda: value(stage, "outage") == "1")


# --- the engine itself ------------------------------------------------------------------------


def test_the_engine_follows_its_own_manifests_and_upgrades_itself(installed: KindStage) -> None:
    stage = installed
    text = stage.kubectl("kustomize", str(ROOT / "manifests" / "overlays" / "cluster"))
    assert text.count(f"image: {IMAGE}") == 1
    stage.commit({"engine/plumb.yaml": text}, "Follow the engine")
    stage.admit_engine()
    stage.follow("engine", space="plumb-system")
    ready = {"space": "plumb-system"}
    stage.until("it has adopted itself", lambda: stage.is_ready("engine", **ready))
    next_text = text.replace(f"image: {IMAGE}", f"image: {NEXT_IMAGE}")
    commit = stage.commit({"engine/plumb.yaml": next_text}, "Upgrade the engine")
    stage.push_hook()
    stage.until(
        "both replicas are new", lambda: images(stage.engines()) == {NEXT_IMAGE}, within_s=240
    )
    stage.until("and say so", lambda: stage.is_ready("engine", at=commit, **ready), within_s=120)


def signal(stage: KindStage, name: str, text: str, *, of: str) -> None:
    """Send a signal to the processes of the node's containers whose /proc file has this line."""
    script = (
        f"for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/{of} 2>/dev/null | grep -qxF '{text}'"
        f" && kill -{name} ${{p#/proc/}} && echo $p; done; true"
    )
    command = ["docker", "exec", f"{stage.kind.name}-control-plane", "sh", "-c", script]
    found = subprocess.check_output(command, text=True)
    assert found or name == "CONT", f"nothing with {text} runs"
