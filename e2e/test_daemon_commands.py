"""reconcile, suspend, resume and status speak to Application resources; sync leaves them alone.

What a daemon would write into a status is written by the tests, with the daemon's own words for it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2e.servers import binaries
from e2e.servers.controlplane import ControlPlane
from engine.daemon.conditions import Look, status_of
from engine.kube import config, resources
from engine.kube.client import Client
from tests.test_daemon_conditions import LOOKS, NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from e2e.applications import Applications
    from e2e.conftest import Plumb
    from e2e.team import Team

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n"


class Daemon:
    """Answers every request to look with a status that says the same."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def say(self, look: Look, name: str = "shop") -> None:
        """Write what a look came to, about the resource as it is now."""
        resource = resources.get(self._client, self._namespace, name)
        application = resource.application
        mine = replace(look, application=application, handled_at=application.requested_at)
        resources.write_status(self._client, application, status_of(mine, resource.status, NOW))

    def answer(self, looks: Mapping[str, Look]) -> None:
        """Say these to every new request, until the test is over."""

        def work() -> None:
            answered = dict.fromkeys(looks, "")
            while not self._stop.wait(0.1):
                for name, look in looks.items():
                    found = resources.get(self._client, self._namespace, name).application
                    if found.requested_at != answered[name]:
                        self.say(look, name)
                        answered[name] = found.requested_at

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)


@pytest.fixture
def daemon(applications: Applications) -> Iterator[Daemon]:
    with Client(config.load(kubeconfig=str(applications.plane.kubeconfig))) as client:
        made = Daemon(client, applications.namespace)
        yield made
        made.stop()


@pytest.fixture
def run(applications: Applications, plumb: Plumb) -> Callable[..., Any]:
    """Run a plumb command in the namespace of the applications."""

    def on_namespace(*arguments: str, expect: int = 0) -> Any:
        return plumb(
            *arguments, f"--namespace={applications.namespace}",
            kubeconfig=applications.plane.kubeconfig, expect=expect,
        )  # fmt: skip

    return on_namespace


# --- suspend, resume -------------------------------------------------------------------------


def test_suspend_and_resume_say_what_they_did(
    applications: Applications, run: Callable[..., Any]
) -> None:
    applications.create()
    key = f"{applications.namespace}/shop"

    assert run("suspend", "shop").stdout == f"{key} suspended\n"
    assert applications.get()["spec"]["suspend"] is True
    before = applications.get()["metadata"]["resourceVersion"]
    assert run("suspend", "shop").stdout == f"{key} is suspended already\n"
    assert applications.get()["metadata"]["resourceVersion"] == before
    assert run("resume", "shop").stdout == f"{key} resumed\n"
    assert applications.get()["spec"]["suspend"] is False
    assert run("resume", "shop").stdout == f"{key} is not suspended already\n"


def test_all_of_a_namespace_and_as_json(
    applications: Applications, run: Callable[..., Any]
) -> None:
    applications.create("one")
    applications.create("two", suspend=True)

    document = json.loads(run("suspend", "--all", "-o", "json").stdout)

    names = [item["application"].partition("/")[2] for item in document["items"]]
    assert sorted(names) == ["one", "two"]
    assert all(item["suspended"] for item in document["items"])
    assert all(applications.get(name)["spec"]["suspend"] for name in ("one", "two"))


def test_a_name_that_is_not_there_is_told_with_the_closest_one(
    applications: Applications, run: Callable[..., Any]
) -> None:
    applications.create()
    said = run("reconcile", "shpo", expect=3).stderr
    assert "PLB133" in said
    assert "did you mean shop?" in said
    assert "PLB131" in run("suspend", expect=3).stderr
    assert "PLB131" in run("resume", "shop", "--all", expect=3).stderr
    assert "annotations" not in applications.get()["metadata"]


# --- reconcile -------------------------------------------------------------------------------


def test_a_request_is_written_and_each_is_another(
    applications: Applications, run: Callable[..., Any]
) -> None:
    applications.create()
    asked = set()
    for _ in range(2):
        said = run("reconcile", "shop").stdout
        assert said == f"{applications.namespace}/shop will be looked at\n"
        notes = applications.get()["metadata"]["annotations"]
        asked.add(notes["plumb.dev/reconcile-requested-at"])
    assert len(asked) == 2


def test_a_suspended_one_is_not_asked(applications: Applications, run: Callable[..., Any]) -> None:
    applications.create(suspend=True)
    assert "plumb resume shop" in run("reconcile", "shop", expect=8).stderr
    assert "annotations" not in applications.get()["metadata"]


def test_waiting_ends_as_a_sync_would(
    applications: Applications, run: Callable[..., Any], daemon: Daemon
) -> None:
    """What each status means is in tests/test_cli_reconcile.py; here, that two may differ."""
    applications.create("good")
    applications.create("bad")
    daemon.say(LOOKS["in place"], "bad")  # what was known before the request counts for nothing
    daemon.answer({"good": LOOKS["in place"], "bad": LOOKS["no Git"]})

    done = run("reconcile", "good", "bad", "--wait", "--timeout", "60s", expect=5)

    assert [line.split()[1:3] for line in done.stdout.splitlines()[1:]] == [
        ["Synced", "Healthy"], ["Synced", "Healthy"]]  # fmt: skip
    assert f"Application {applications.namespace}/bad is not ready" in done.stderr
    assert applications.get("bad")["status"]["message"] in done.stderr
    assert "good is not" not in done.stderr


def test_what_is_under_way_is_waited_for_until_the_time_is_over(
    applications: Applications, run: Callable[..., Any], daemon: Daemon
) -> None:
    applications.create()
    daemon.answer({"shop": LOOKS["progressing"]})

    done = run("reconcile", "shop", "--wait", "--timeout", "2s", expect=7)
    assert "is not ready within 2 s" in done.stderr
    assert applications.get()["status"]["message"] in done.stderr


def test_becoming_ready_ends_the_wait(
    applications: Applications, run: Callable[..., Any], daemon: Daemon
) -> None:
    applications.create()
    daemon.answer({"shop": LOOKS["progressing"]})
    threading.Timer(3.0, daemon.say, (LOOKS["in place"],)).start()

    done = run("reconcile", "shop", "--wait", "--timeout", "60s")
    assert "Synced" in done.stdout
    assert "waits for health" in done.stderr


def test_nobody_there_to_answer_is_told(
    applications: Applications, run: Callable[..., Any], daemon: Daemon
) -> None:
    applications.create()
    daemon.say(LOOKS["in place"])

    done = run("reconcile", "shop", "--wait", "--timeout", "1s", expect=7)
    assert "no daemon took up the request" in done.stderr


# --- status ----------------------------------------------------------------------------------


def test_status_shows_resources_beside_records(
    applications: Applications, run: Callable[..., Any], daemon: Daemon, team: Team
) -> None:
    team.commit({"settings.yaml": CONFIG})
    team.sync(name="byhand")
    applications.create("shop")
    applications.create("fresh")
    daemon.say(LOOKS["prune held"])

    lines = run("status").stdout.splitlines()
    rows = {line.split()[0].partition("/")[2]: line.split() for line in lines if "/" in line}

    assert lines[0].split() == ["Application", "Sync", "Health", "Revision", "Age", "Message"]
    assert rows["shop"][1:4] == ["OutOfSync", "Healthy", "1a2b3c4d5e"]
    assert "no daemon has looked at it yet" in " ".join(rows["fresh"])
    assert rows["byhand"][1:2] == ["1"]

    full = run("status", "shop").stdout
    assert f"shop -n {team.namespace} plumb.dev/confirm-prune=0123456789abcdef" in full
    assert "  Service/shop/cart" in full
    assert "Raise the number of web replicas" in full
    assert "byhand" not in full

    items = json.loads(run("status", "-o", "json").stdout)["items"]
    kinds = {item["application"].partition("/")[2]: item["kind"] for item in items}
    assert kinds == {"shop": "Application", "fresh": "Application", "byhand": "Record"}


def test_watching_shows_what_changes_until_it_is_interrupted(
    applications: Applications, daemon: Daemon, tmp_path: Path
) -> None:
    applications.create()
    daemon.say(LOOKS["progressing"])
    program = str(Path(sys.executable).with_name("plumb"))
    environ = {**os.environ, "KUBECONFIG": str(applications.plane.kubeconfig)}
    output = tmp_path / "output"
    with output.open("w") as stream:
        watching = subprocess.Popen(
            [program, "status", "--watch", f"-n={applications.namespace}"],
            env=environ, stdout=stream, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def until(words: str) -> None:
        deadline = time.monotonic() + 30
        while words not in output.read_text():
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.1)  # noqa: TID251 - a test has no stop event

    until("waits for health")
    time.sleep(4.5)  # noqa: TID251 - nothing changes, so nothing is to be shown
    daemon.say(LOOKS["in place"])
    until("objects in place")
    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=20)

    assert watching.returncode == 130, said
    assert output.read_text().count("Application ") == 2
    assert "\x1b" not in output.read_text()


def test_watching_and_comparing_exclude_each_other(run: Callable[..., Any]) -> None:
    assert "PLB141" in run("status", "--watch", "-f", "app.yaml", expect=3).stderr


# --- sync ------------------------------------------------------------------------------------


def test_sync_and_delete_leave_alone_what_a_daemon_looks_after(
    applications: Applications, team: Team
) -> None:
    team.commit({"settings.yaml": CONFIG})
    applications.create("shop")

    said = team.plumb("sync", expect=8).stderr
    assert "PLB551" in said
    assert f"plumb reconcile shop -n {team.namespace}" in said
    assert team.names("configmaps") == []
    assert "settings" in team.plumb("diff").stdout

    team.plumb("sync", "--take-over")
    assert team.names("configmaps") == ["settings"]
    said = team.delete("--deletion-policy=delete", expect=8).stderr
    assert f"kubectl delete applications.plumb.dev shop -n {team.namespace}" in said
    assert team.names("configmaps") == ["settings"]


def test_a_suspended_one_may_be_synced_by_hand(applications: Applications, team: Team) -> None:
    team.commit({"settings.yaml": CONFIG})
    applications.create("shop", suspend=True)

    team.plumb("sync")
    assert team.names("configmaps") == ["settings"]
    team.delete("--deletion-policy=delete")
    assert team.names("configmaps") == []


def test_who_may_not_see_applications_is_told_and_goes_on(
    applications: Applications, team: Team
) -> None:
    team.commit({"settings.yaml": CONFIG})
    applications.create("shop")
    plane, user = applications.plane, f"deployer-{team.namespace}"
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    # Everything that is built in, and so not Applications.
    rule = {"apiGroups": ["", "apps", "autoscaling"], "resources": ["*"], "verbs": ["*"]}
    plane.create(f"{rbac}/clusterroles", {"metadata": {"name": user}, "rules": [rule]})
    plane.create(f"{rbac}/clusterrolebindings", {
        "metadata": {"name": user}, "subjects": [subject],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user},
    })  # fmt: skip
    team.kubeconfig = plane.kubeconfig_for(user)

    said = team.plumb("sync").stderr

    assert f"whether a daemon looks after {team.namespace}/shop cannot be seen" in said
    assert team.names("configmaps") == ["settings"]
    plane.delete(f"{rbac}/clusterrolebindings/{user}")
    plane.delete(f"{rbac}/clusterroles/{user}")


def test_without_the_definition_there_is_nothing_to_ask(
    control_plane: ControlPlane, plumb: Plumb
) -> None:
    """On a control plane of its own: the shared one has the definition by now, or not."""
    assert control_plane is not None
    found = binaries.find()
    assert found is not None
    with ControlPlane.start(found, controllers=False) as empty:
        said = plumb("reconcile", "shop", kubeconfig=empty.kubeconfig, expect=3).stderr
        assert "PLB140" in said
        done = plumb("status", kubeconfig=empty.kubeconfig)
        assert (done.stdout, "no application has been synced yet" in done.stderr) == ("", True)
