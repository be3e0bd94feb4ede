"""The end of an application, and what the report tells of a deletion before it is done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.faultfixtures import until
from e2e.test_ownership import CONFIG, application, uids, write
from e2e.things import DEFINITIONS, definition

if TYPE_CHECKING:
    from e2e.team import Team

JOBS = "apis/batch/v1"


# --- Jobs --------------------------------------------------------------------------------------


def test_a_job_that_ended_between_two_syncs_is_not_run_again(team: Team) -> None:
    job = (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate}\nspec:\n  completions: 0\n"
        "  ttlSecondsAfterFinished: 0\n  template:\n    spec:\n      restartPolicy: Never\n"
        "      containers: [{name: a, image: 'example.org/a:1'}]\n"
    )
    team.commit({"job.yaml": job})
    team.sync()
    deadline = time.monotonic() + 30
    while team.names("jobs", api=JOBS):
        assert time.monotonic() < deadline, "the controller never removed the Job"
        time.sleep(0.1)  # noqa: TID251 - a test has no stop event
    writes = [w for w in team.writes() if w[1] == "jobs"]

    again = team.plumb("sync").stdout

    assert "nobody saw its result" in again or "ran to completion" in again
    assert [w for w in team.writes() if w[1] == "jobs"] == writes
    team.commit({"job.yaml": job.replace("a:1", "a:2")})
    assert [o["action"] for o in team.sync()["outcomes"]] == ["created"]


# --- deleting an application --------------------------------------------------------------------


def test_an_application_is_deleted_also_when_its_repository_is_gone(
    team: Team, tmp_path: Path
) -> None:
    team.commit({"a.yaml": CONFIG.format("a", 1), "b.yaml": CONFIG.format("b", 1)})
    file = write(tmp_path, application(team, "shop", "apps", deletionPolicy="wait"))
    team.run("sync", "-f", file)
    team.merge("configmaps", "b", {"metadata": {"annotations": {"plumb.dev/prune": "disabled"}}})
    team.repository.path.rename(tmp_path / "moved")
    team.run("sync", "-f", file, expect=5)
    assert set(uids(team)) == {"a", "b"}

    team.delete("--deletion-policy=wait", "--timeout=90s")

    assert set(uids(team)) == {"b"}
    assert team.record() is None


def test_a_deletion_that_waits_names_the_finalizers_and_holds_up_no_other(team: Team) -> None:
    team.commit({name: CONFIG.format(name[0], 1) for name in ("a.yaml", "b.yaml", "c.yaml")})
    team.sync()
    team.merge("configmaps", "a", {"metadata": {"finalizers": ["example.org/hold"]}})

    late = team.delete("--deletion-policy=wait", "--timeout=2s", expect=7)

    assert "ConfigMap/" in late.stderr
    assert "example.org/hold" in late.stderr
    assert set(uids(team)) == {"a"}
    assert team.get("configmaps", "a")["metadata"]["finalizers"] == ["example.org/hold"]
    kept = team.delete("--deletion-policy=delete", expect=8)
    assert "example.org/hold" in kept.stdout + kept.stderr
    team.merge("configmaps", "a", {"metadata": {"finalizers": None}})
    team.delete("--deletion-policy=wait", "--timeout=90s")
    assert uids(team) == {}
    assert team.record() is None


def test_a_definition_may_go_before_its_objects_are_seen_to_be_gone(team: Team) -> None:
    """Then nobody can be asked for them any more, and that is an answer too."""
    group = f"{team.namespace}.example.org"
    thing = f"apiVersion: {group}/v1\nkind: Thing\nmetadata:\n  name: a\n"
    team.commit({
        "crd.yaml": definition(group), "thing.yaml": f"{thing}  finalizers: [example.org/f]\n",
    })  # fmt: skip
    team.sync()
    told = team.delete("--deletion-policy=delete", "--dry-run", "-o", "json").stdout
    path = f"/apis/{group}/v1/namespaces/{team.namespace}/things/a"
    command = [
        str(Path(sys.executable).with_name("plumb")), "delete", "shop", "-n", team.namespace,
        "--deletion-policy=wait", "--timeout=30s", f"--confirm={json.loads(told)['plan']['token']}",
    ]  # fmt: skip
    environ = {**os.environ, "KUBECONFIG": str(team.kubeconfig)}

    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
        for leaving in (path, f"{DEFINITIONS}/things.{group}"):
            until(lambda p=leaving: "deletionTimestamp" in team.plane.get(p)["metadata"])  # type: ignore[misc]
        process.send_signal(signal.SIGSTOP)  # so that it looks again only when both are gone
        try:
            team.plane.merge(path, {"metadata": {"finalizers": None}})
            until(lambda: not team.plane.is_there(f"/apis/{group}/v1"))
        finally:
            process.send_signal(signal.SIGCONT)
        said = process.communicate()[1]

    assert process.returncode == 0, said
    assert team.record() is None


# --- what hangs on it ---------------------------------------------------------------------------


def test_the_report_says_how_much_hangs_on_a_deletion_and_what_was_there_before(
    team: Team,
) -> None:
    space = f"{team.namespace}-x"
    team.plane.create("/api/v1/namespaces", {"metadata": {"name": space}})
    for n in range(3):
        config = {"metadata": {"name": f"theirs-{n}"}}
        team.plane.create(f"/api/v1/namespaces/{space}/configmaps", config)
    team.plane.create(f"/api/v1/namespaces/{space}/services",
                      {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})  # fmt: skip
    group = f"{team.namespace}.example.org"
    crd = definition(group)
    namespace = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {space}}}\n"
    claim = (
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\n"
        "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n"
    )
    team.commit({"ns.yaml": namespace, "crd.yaml": crd, "data.yaml": claim,
                 "a.yaml": CONFIG.format("a", 1)})  # fmt: skip
    team.sync()
    for n in range(2):
        thing = {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": f"t{n}"}}
        team.plane.create(team.path("things", api=f"apis/{group}/v1"), thing)
    team.commit({"ns.yaml": None, "crd.yaml": None, "data.yaml": None})

    text = team.plumb("diff").stdout
    changes = json.loads(team.plumb("diff", "-o", "json").stdout)["plan"]["changes"]

    told = {c["object"]["kind"]: c for c in changes}
    assert told["Namespace"]["hanging"].startswith("4 objects in it (3 ConfigMap, 1 Service")
    assert told["Namespace"]["existedBefore"] is True
    assert told["CustomResourceDefinition"]["hanging"] == "2 objects of this kind"
    assert told["CustomResourceDefinition"]["existedBefore"] is False
    assert told["PersistentVolumeClaim"]["hanging"] == "no volume yet"
    line = next(line for line in text.splitlines() if f"Namespace/{space}" in line)
    assert "4 objects in it" in line
    assert "was there before Plumb" in line
    team.plane.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.{group}")
    team.plane.delete(f"/api/v1/namespaces/{space}")
