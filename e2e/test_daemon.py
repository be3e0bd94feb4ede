"""The daemon on a real API server: what it does by itself, and what it leaves alone."""

from __future__ import annotations

import json
import signal
import urllib.request
from typing import TYPE_CHECKING, Any

from e2e.daemon import Daemon
from e2e.servers.githttp import GitHttpServer

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.conftest import Plumb


def config_map(name: str, value: str = "1", *, annotations: str = "{}") -> str:
    return (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, annotations: {annotations}}}\n"
        f"data: {{value: '{value}'}}\n"
    )


def value(daemon: Daemon, name: str) -> str | None:
    found = daemon.get("configmaps", name)
    return found["data"].get("value") if found else None


def test_a_first_sync_becomes_ready_and_tells_who_did_what(daemon: Daemon) -> None:
    commit = daemon.commit({"a.yaml": config_map("a"), "b.yaml": config_map("b")})
    daemon.start()
    daemon.apply()
    daemon.until_ready(at=commit)
    status = daemon.status()
    assert (status["sync"], status["health"]) == ("Synced", "Healthy")
    assert status["inventory"] == {"count": 2}
    assert status["observedGeneration"] == 1
    line = status["history"][0]
    assert (line["revision"], line["result"]) == (commit, "done")
    assert line["counts"] == {"created": 2}
    assert value(daemon, "a") == "1"


def test_a_push_is_applied_when_asked_for_and_nothing_else_is_written(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": config_map("a"), "b.yaml": config_map("b")})
    daemon.start()
    daemon.apply()
    daemon.until_ready()
    before = daemon.get("configmaps", "b")["metadata"]["resourceVersion"]
    commit = daemon.commit({"a.yaml": config_map("a", "2")})
    daemon.ask()
    daemon.until_ready(at=commit)
    assert value(daemon, "a") == "2"
    assert daemon.get("configmaps", "b")["metadata"]["resourceVersion"] == before


def test_a_commit_that_touches_nothing_writes_nothing_at_all(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": config_map("a")})
    daemon.start()
    daemon.apply()
    daemon.until_ready()
    daemon.settle()
    before = daemon.status()
    record = daemon.get("configmaps", f"plumb.{daemon.namespace}.shop")
    daemon.repository.commit({"README": "nothing to see here"})
    daemon.ask()
    asked = daemon.applications.get()["metadata"]["annotations"]["plumb.dev/reconcile-requested-at"]
    daemon.until("asked", lambda: daemon.status().get("lastHandledReconcileAt") == asked)
    daemon.settle()
    after = daemon.status()
    assert {**after, "lastHandledReconcileAt": None} == {**before, "lastHandledReconcileAt": None}
    assert daemon.get("configmaps", f"plumb.{daemon.namespace}.shop") == record


def test_drift_is_put_back_at_once_and_what_others_own_stays(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": config_map("a")})
    daemon.start()
    daemon.apply()
    daemon.until_ready()
    daemon.merge("configmaps", "a", {"data": {"value": "hand", "theirs": "kept"}})
    daemon.until("the field is back", lambda: value(daemon, "a") == "1", within_s=5)
    assert daemon.get("configmaps", "a")["data"]["theirs"] == "kept"
    daemon.delete("configmaps", "a")
    daemon.until("the object is back", lambda: value(daemon, "a") == "1", within_s=5)


def test_what_lost_its_label_is_marked_again(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": config_map("a")})
    daemon.start()
    daemon.apply()
    daemon.until_ready()
    daemon.merge("configmaps", "a", {"metadata": {"labels": {"plumb.dev/owner": None}}})

    def is_marked() -> bool:
        return "plumb.dev/owner" in daemon.get("configmaps", "a")["metadata"].get("labels", {})

    daemon.until("the label is back", is_marked, within_s=5)


def test_a_removed_file_is_pruned_and_an_emptied_path_waits_for_its_token(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": config_map("a"), "b.yaml": config_map("b")})
    daemon.start()
    daemon.apply()
    daemon.until_ready()
    commit = daemon.commit({"b.yaml": None})
    daemon.ask()
    daemon.until_ready(at=commit)
    daemon.until("b is gone", lambda: daemon.get("configmaps", "b") is None)
    daemon.commit({"a.yaml": None})
    daemon.ask()
    daemon.until("the deletion is held", lambda: daemon.condition("PruneHeld"))
    held = daemon.status()["held"]
    assert value(daemon, "a") == "1"
    assert f"ConfigMap/{daemon.namespace}/a" in held["objects"][0]
    wish = {"plumb.dev/confirm-prune": held["token"]}
    daemon.applications.merge({"metadata": {"annotations": wish}})
    daemon.until("a is gone", lambda: daemon.get("configmaps", "a") is None)
    daemon.until("nothing is held", lambda: not daemon.condition("PruneHeld"))


def test_a_broken_commit_leaves_the_last_good_one_in_force(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": config_map("a"), "b.yaml": config_map("b")})
    daemon.start()
    daemon.apply()
    daemon.until_ready()
    daemon.commit({"a.yaml": "apiVersion: v1\nkind: [", "b.yaml": None})
    daemon.ask()
    daemon.until("the error is told", lambda: daemon.condition("Ready")["status"] == "False")
    assert "apps/a.yaml:3:1" in daemon.status()["message"]
    daemon.merge("configmaps", "a", {"data": {"value": "hand"}})
    daemon.until("drift is put back all the same", lambda: value(daemon, "a") == "1", within_s=5)
    assert value(daemon, "b") == "1"
    commit = daemon.commit({"a.yaml": config_map("a", "3")})
    daemon.ask()
    daemon.until_ready(at=commit)
    daemon.until("b is pruned now", lambda: daemon.get("configmaps", "b") is None)


def test_a_chain_of_dependencies_goes_in_order(daemon: Daemon) -> None:
    for number in range(5):
        daemon.commit({"a.yaml": config_map(f"link-{number}")}, below=f"link-{number}")
    daemon.start()
    for number in reversed(range(5)):
        after = [{"name": f"link-{number - 1}"}] if number else []
        daemon.apply(f"link-{number}", path=f"link-{number}", dependsOn=after)
    daemon.until_ready("link-4")
    made = [daemon.get("configmaps", f"link-{n}")["metadata"] for n in range(5)]
    versions = [int(m["resourceVersion"]) for m in made]
    assert versions == sorted(versions)


def test_one_invalid_application_stops_no_other(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": config_map("a")})
    daemon.start()
    daemon.apply("wrong", path="nowhere")
    daemon.apply("right")
    daemon.until_ready("right")
    daemon.until(
        "the other says why", lambda: "nowhere" in daemon.status("wrong").get("message", "")
    )
    assert daemon.condition("Ready", "wrong")["status"] != "True"


def test_reported_drift_is_told_and_left(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": config_map("a")})
    daemon.start()
    daemon.apply(drift="report")
    daemon.until_ready()
    daemon.merge("configmaps", "a", {"data": {"value": "hand"}})
    daemon.until("it is told", lambda: daemon.status().get("sync") == "OutOfSync")
    daemon.settle()
    assert value(daemon, "a") == "hand"
    assert f"ConfigMap/{daemon.namespace}/a" in daemon.status()["message"]


def test_a_suspended_application_is_left_alone(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": config_map("a")})
    daemon.start()
    daemon.apply()
    daemon.until_ready()
    daemon.applications.merge({"spec": {"suspend": True}})
    daemon.until("it says so", lambda: daemon.condition("Ready")["reason"] == "Suspended")
    daemon.merge("configmaps", "a", {"data": {"value": "hand"}})
    daemon.settle()
    assert value(daemon, "a") == "hand"
    daemon.applications.merge({"spec": {"suspend": False}})
    daemon.until("the drift is put back", lambda: value(daemon, "a") == "1")


def test_an_application_that_is_deleted_takes_its_objects_along_if_it_says_so(
    daemon: Daemon,
) -> None:
    daemon.commit({"a.yaml": config_map("a")})
    daemon.start()
    daemon.apply(deletionPolicy="delete")
    daemon.until_ready()
    daemon.plane.delete(daemon.applications.path("shop"))
    daemon.until("it is gone", lambda: daemon.applications.get() is None)
    assert daemon.get("configmaps", "a") is None
    assert daemon.get("configmaps", f"plumb.{daemon.namespace}.shop") is None


def test_an_application_that_is_deleted_leaves_its_objects_by_default(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": config_map("a")})
    daemon.start()
    daemon.apply()
    daemon.until_ready()
    daemon.plane.delete(daemon.applications.path("shop"))
    record = f"plumb.{daemon.namespace}.shop"
    daemon.until("its record is gone", lambda: daemon.get("configmaps", record) is None)
    left = daemon.get("configmaps", "a")["metadata"]
    assert "plumb.dev/owner" not in (left.get("labels") or {})


def test_a_restart_writes_nothing_and_goes_on(daemon: Daemon) -> None:
    first = daemon.commit({"a.yaml": config_map("a", "0")})
    daemon.start()
    daemon.apply()
    daemon.until_ready(at=first)
    second = daemon.commit({"a.yaml": config_map("a")})
    daemon.ask()
    daemon.until_ready(at=second)
    daemon.settle()
    before = daemon.get("configmaps", "a")["metadata"]["resourceVersion"]
    status = daemon.status()
    assert daemon.stop() == 0
    # The head is another, and what the application reads is what it was.
    daemon.repository.commit({"README": "nothing to see here"})
    daemon.start()
    daemon.until("it has started", lambda: daemon.log.read_text().count('"started"') == 2)
    daemon.settle()
    assert daemon.looked_at() == {f"{daemon.namespace}/shop"}
    assert daemon.get("configmaps", "a")["metadata"]["resourceVersion"] == before
    assert daemon.status() == status
    broken = daemon.commit({"broken.yaml": "a: [b"})
    daemon.ask()
    daemon.until("it is told", lambda: "broken.yaml" in str(daemon.condition("Ready")))
    daemon.merge("configmaps", "a", {"data": {"value": "hand"}})
    daemon.until("the good commit is still in force", lambda: value(daemon, "a") == "1")
    assert daemon.status()["revision"] == second
    daemon.commit({"broken.yaml": None})
    daemon.ask()
    daemon.until("it is well again", lambda: daemon.condition("Ready")["status"] == "True")
    assert daemon.status()["revision"] == second != broken
    daemon.stop(signal.SIGKILL)
    daemon.merge("configmaps", "a", {"data": {"value": "while it was away"}})
    daemon.start()
    daemon.until("what happened meanwhile is put back", lambda: value(daemon, "a") == "1")
    commit = daemon.commit({"b.yaml": config_map("b")})
    daemon.ask()
    daemon.until_ready(at=commit)
    told = [line["revision"] for line in daemon.status()["history"]]
    assert told == [commit, second, first], "the history goes on"


def test_two_that_want_one_object_both_say_so_and_neither_fights(daemon: Daemon) -> None:
    commit = daemon.commit({"a.yaml": config_map("a")})
    daemon.start()
    daemon.apply()
    daemon.until_ready(at=commit)
    ours = daemon.get("configmaps", "a")
    daemon.commit({"a.yaml": config_map("a", "2")}, below="other")
    daemon.apply("other", path="other")
    daemon.until("the other is refused", lambda: "PLB521" in str(daemon.status("other")))
    assert f"owned by Application {daemon.namespace}/shop" in str(daemon.status("other"))

    def told() -> list[Any]:
        found = daemon.plane.get(f"/api/v1/namespaces/{daemon.namespace}/events")["items"]
        return [event for event in found if event["reason"] == "Contested"]

    daemon.until("the first is told", told)
    (event,) = told()
    assert event["involvedObject"]["name"] == "shop"
    assert f"wanted by Application {daemon.namespace}/other" in event["message"]
    assert daemon.condition("Ready")["status"] == "True"
    now = daemon.get("configmaps", "a")
    assert now["metadata"]["resourceVersion"] == ours["metadata"]["resourceVersion"]
    # It ends as soon as one of the two lets go.
    daemon.commit({"a.yaml": None, "b.yaml": config_map("b")}, below="other")
    daemon.ask("other")
    daemon.until("both are ready", lambda: daemon.condition("Ready", "other")["status"] == "True")


def test_an_application_elsewhere_without_an_account_is_refused(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": config_map("a")})
    daemon.plane.create("/api/v1/namespaces", {"metadata": {"name": f"{daemon.namespace}-own"}})
    daemon.start(f"--record-namespace={daemon.namespace}-own")
    daemon.apply()
    daemon.until("it says so", lambda: "serviceAccountName" in daemon.status().get("message", ""))
    assert daemon.condition("Stalled")["status"] == "True"
    assert daemon.get("configmaps", "a") is None


def test_a_push_is_live_soon_after_its_webhook(daemon: Daemon, tmp_path: Path) -> None:
    secrets = tmp_path / "hooks"
    secrets.mkdir()
    (secrets / "generic").write_text("s3cret-of-the-hook")
    daemon.commit({"a.yaml": config_map("a")})
    daemon.start(f"--hook-secret-dir={secrets}")
    daemon.apply()
    daemon.until_ready()
    daemon.commit({"a.yaml": config_map("a", "2")})
    body = json.dumps({"url": daemon.git.url("config.git")}).encode()
    request = urllib.request.Request(
        f"http://{daemon.address()}/hooks/generic", data=body,
        headers={"Authorization": "Bearer s3cret-of-the-hook"},
    )  # fmt: skip
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - a loopback address
        assert answer.status == 202
    daemon.until("it is live", lambda: value(daemon, "a") == "2", within_s=5)
    assert "s3cret-of-the-hook" not in daemon.log.read_text()


def test_probes_and_metrics_tell_how_it_goes(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": config_map("a")})
    daemon.start()
    daemon.apply()
    daemon.until_ready()

    def read(path: str) -> str:
        with urllib.request.urlopen(f"http://{daemon.address()}{path}") as answer:
            return str(answer.read().decode())

    assert read("/healthz")
    assert read("/readyz")
    metrics = read("/metrics")
    name = f'application="{daemon.namespace}/shop"'
    assert name in metrics
    assert "plumb_renders_total" in metrics


def test_once_carries_everything_out_and_ends(daemon: Daemon, plumb: Plumb) -> None:
    daemon.commit({"a.yaml": config_map("a")})
    daemon.commit({"b.yaml": config_map("b")}, below="other")
    daemon.apply()
    daemon.apply("other", path="other", dependsOn=[{"name": "shop"}])
    here = (f"--watch-namespace={daemon.namespace}", f"--record-namespace={daemon.namespace}")
    config = daemon.plane.kubeconfig
    dry = plumb("run", "--once", "--dry-run", "--exit-code", *here, kubeconfig=config, expect=2)
    assert f"ConfigMap/{daemon.namespace}/a" in dry.stdout
    assert value(daemon, "a") is None
    assert daemon.status() == {}
    plumb("run", "--once", *here, kubeconfig=config)
    assert (value(daemon, "a"), value(daemon, "b")) == ("1", "1")
    plumb("run", "--once", "--dry-run", "--exit-code", *here, kubeconfig=config)


def test_what_an_application_left_behind_may_be_taken_over(daemon: Daemon, plumb: Plumb) -> None:
    """Its resource went while no daemon was there to see it: its record is nobody's any more."""
    daemon.commit({"a.yaml": config_map("a")})
    daemon.start()
    daemon.apply()
    daemon.until_ready()
    daemon.settle()
    daemon.stop()
    uid = daemon.get("configmaps", "a")["metadata"]["uid"]
    arguments = (
        "sync", "--name=heir", f"--url={daemon.git.url('config.git')}", "--ref=main",
        "--path=apps", f"-n={daemon.namespace}", f"--record-namespace={daemon.namespace}",
    )  # fmt: skip
    refused = plumb(*arguments, kubeconfig=daemon.plane.kubeconfig, expect=8)
    assert f"{daemon.namespace}/shop" in refused.stdout + refused.stderr
    daemon.plane.delete(daemon.applications.path("shop"))
    plumb(*arguments, kubeconfig=daemon.plane.kubeconfig)
    assert daemon.get("configmaps", "a")["metadata"]["uid"] == uid


def test_a_push_that_reaches_the_replica_on_standby_is_handed_on(
    daemon: Daemon, tmp_path: Path
) -> None:
    secrets = tmp_path / "hooks"
    secrets.mkdir()
    (secrets / "generic").write_text("s3cret-of-the-hook")
    daemon.commit({"a.yaml": config_map("a")})
    daemon.start("--leader-elect")
    daemon.apply(interval="1h")
    daemon.until_ready()
    standby = Daemon(
        daemon.plane, daemon.namespace, git=daemon.git, repository=daemon.repository,
        folder=secrets,
    )  # fmt: skip
    try:
        standby.start("--leader-elect", f"--hook-secret-dir={secrets}")
        address = standby.address()
        daemon.commit({"a.yaml": config_map("a", "2")})
        body = json.dumps({"url": daemon.git.url("config.git")}).encode()
        headers = {"Authorization": "Bearer s3cret-of-the-hook"}
        request = urllib.request.Request(
            f"http://{address}/hooks/generic", data=body, headers=headers
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - a loopback address
            assert answer.status == 202
        daemon.until("it is live", lambda: value(daemon, "a") == "2", within_s=10)
    finally:
        standby.close()


def test_credentials_of_a_repository_are_taken_up_when_they_change(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": config_map("a")})
    with GitHttpServer(daemon.git.root, users={"ada": "s3cret-of-git"}, tls=True) as server:

        def secret(password: str) -> dict[str, str]:
            return {"username": "ada", "password": password, "ca.crt": server.ca.decode()}

        path = f"/api/v1/namespaces/{daemon.namespace}/secrets"
        daemon.plane.create(path, {"metadata": {"name": "auth"}, "stringData": secret("wrong")})
        daemon.start()
        source = {"url": server.url("config.git"), "path": "apps", "secretRef": {"name": "auth"}}
        daemon.applications.create("shop", source=source, interval="1h")
        daemon.until("it is refused", lambda: "PLB204" in daemon.status().get("message", ""))
        daemon.plane.merge(f"{path}/auth", {"stringData": secret("s3cret-of-git")})
        daemon.until_ready()
    assert "s3cret-of-git" not in daemon.log.read_text() + str(daemon.applications.get())
