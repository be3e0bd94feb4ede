"""The main job on a real API server: from a commit to the cluster, and nothing more than that."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from e2e.things import definition

if TYPE_CHECKING:
    from e2e.team import Team

pytestmark = pytest.mark.usefixtures("control_plane")

SETTINGS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {greeting: hello, "yes": "no"}
"""
WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "registry.example/web:1", env: [{name: MODE, value: fast}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""
FILES = {"settings.yaml": SETTINGS, "web.yaml": WEB}
DEPLOYMENT = {"plural": "deployments", "name": "web", "api": "apis/apps/v1"}


def actions(report: Any) -> dict[str, str]:
    """Each object's name with what happened to it, without those that were as Git wants them."""
    return {
        f"{outcome['object']['kind']}/{outcome['object']['name']}": outcome["action"]
        for outcome in report["outcomes"]
    }


def test_a_first_sync_creates_and_a_second_one_writes_nothing(team: Team) -> None:
    team.commit(FILES)

    first = actions(team.sync())
    before = team.writes()
    second = actions(team.sync())

    assert first == {
        "ConfigMap/settings": "created",
        "Deployment/web": "created",
        "Service/web": "created",
    }
    assert second == {}
    assert team.writes() == before
    assert team.get("configmaps", "settings")["data"] == {"greeting": "hello", "yes": "no"}


def test_a_commit_that_changes_nothing_here_writes_nothing(team: Team) -> None:
    team.commit(FILES)
    team.sync()
    before = team.writes()
    team.repository.commit({"README.md": "hello"})
    team.commit({"settings.yaml": SETTINGS + "# a comment\n"})

    assert actions(team.sync()) == {}
    assert team.writes() == before


def test_a_change_writes_one_object_and_the_record_around_it(team: Team) -> None:
    team.commit(FILES)
    team.sync()
    before = len(team.writes())
    team.commit({"settings.yaml": SETTINGS.replace("hello", "good evening")})

    report = team.sync()

    assert actions(report) == {"ConfigMap/settings": "updated"}
    new = team.writes()[before:]
    assert [(verb, name) for verb, _, name in new] == [
        ("update", f"plumb.{team.namespace}.shop"),
        ("patch", "settings"),
        ("update", f"plumb.{team.namespace}.shop"),
    ]


def test_a_hand_edit_is_repaired_and_a_sidecar_of_others_stays(team: Team) -> None:
    team.commit(FILES)
    team.sync()
    web = team.get(**DEPLOYMENT)
    containers = web["spec"]["template"]["spec"]["containers"]
    containers[0]["image"] = "registry.example/web:broken"
    sidecar = {"name": "mesh", "image": "registry.example/mesh:2"}
    change = {"spec": {"replicas": 3, "template": {"spec": {"containers": [*containers, sidecar]}}}}
    team.merge("deployments", "web", change, api="apis/apps/v1")

    assert actions(team.sync()) == {"Deployment/web": "updated"}

    after = team.get(**DEPLOYMENT)["spec"]
    images = [c["image"] for c in after["template"]["spec"]["containers"]]
    assert images == ["registry.example/web:1", "registry.example/mesh:2"]
    assert after["replicas"] == 0
    assert actions(team.sync()) == {}


def test_what_git_drops_is_removed_and_what_others_added_stays(team: Team) -> None:
    team.commit(FILES)
    team.sync()
    team.merge("configmaps", "settings", {"data": {"theirs": "stays"}})
    team.commit({"settings.yaml": SETTINGS.replace(', "yes": "no"', "")})

    team.sync()

    assert team.get("configmaps", "settings")["data"] == {"greeting": "hello", "theirs": "stays"}


def test_a_removed_file_is_pruned_after_everything_else(team: Team) -> None:
    team.commit(FILES)
    team.sync()
    team.commit({"settings.yaml": None, "web.yaml": WEB.replace("web:1", "web:2")})

    report = team.sync()

    assert actions(report) == {"ConfigMap/settings": "deleted", "Deployment/web": "updated"}
    assert team.names("configmaps") == []
    verbs = [(verb, resource) for verb, resource, _ in team.writes()]
    assert verbs.index(("patch", "deployments")) < verbs.index(("delete", "configmaps"))
    assert actions(team.sync()) == {}


def test_no_prune_keeps_and_a_later_sync_deletes(team: Team) -> None:
    team.commit(FILES)
    team.sync()
    team.commit({"settings.yaml": None})

    assert actions(team.sync("--no-prune")) == {}
    assert team.names("configmaps") == ["settings"]
    assert actions(team.sync()) == {"ConfigMap/settings": "deleted"}


def test_a_broken_file_is_refused_with_its_place_and_nothing_is_touched(team: Team) -> None:
    team.commit(FILES)
    team.sync()
    before = team.writes()
    team.commit({"settings.yaml": None, "broken.yaml": "kind: ConfigMap\nmetadata: {name: x\n"})

    done = team.plumb("sync", expect=1)

    assert "apps/broken.yaml:3:1" in done.stderr
    assert team.writes() == before


def test_a_path_that_is_emptied_is_held_until_its_token_confirms(team: Team) -> None:
    team.repository.commit({"other/x.yaml": SETTINGS})
    team.commit(FILES)
    team.sync()
    team.commit(dict.fromkeys(FILES))

    held = team.sync(expect=8)

    assert team.names("configmaps") == ["settings"]
    token = held["plan"]["token"]
    assert team.sync("--confirm", "0" * 16, expect=8)
    assert team.names("services") == ["web"]
    team.sync("--confirm", token)
    assert team.names("configmaps") == []
    assert team.names("services") == []


def test_a_deleted_object_comes_back(team: Team) -> None:
    team.commit(FILES)
    team.sync()
    team.plane.delete(team.path("services", "web"))

    assert actions(team.sync()) == {"Service/web": "created"}


def test_a_definition_and_its_resource_and_namespace_come_in_one_commit(team: Team) -> None:
    group = f"{team.namespace}.example.org"
    inside = f"{team.namespace}-made"
    files = {
        "a.yaml": f"apiVersion: {group}/v1\nkind: Thing\nmetadata:\n  name: one\n"
        f"  namespace: {inside}\nspec: {{size: 3}}\n",
        "b.yaml": f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {inside}}}\n",
        "z.yaml": definition(group),
    }
    team.commit(files)

    planned = team.plumb("diff", "--exit-code", expect=2)
    first = actions(team.sync())

    assert "Thing" in planned.stdout
    assert set(first.values()) == {"created"}
    made = team.plane.get(f"/apis/{group}/v1/namespaces/{inside}/things/one")
    assert made["spec"] == {"size": 3}
    assert actions(team.sync()) == {}
    team.delete("--deletion-policy=wait", "--timeout=90s", "--confirm", _token(team))


def _token(team: Team) -> str:
    done = team.delete("--deletion-policy=delete", "--dry-run", "-o", "json")
    token: str = json.loads(done.stdout)["plan"]["token"]
    return token


def test_waves_go_one_after_another_and_wait_for_health(team: Team) -> None:
    wave = "annotations: {plumb.dev/wave: '%d'}"
    late = SETTINGS.replace("name: settings", f"name: late, {wave % 1}")
    team.commit({"first.yaml": WEB, "late.yaml": late})

    report = team.sync("--timeout", "20s")

    assert set(actions(report).values()) == {"created"}
    created = [name for verb, _, name in team.writes() if verb == "create"]
    assert created.index("late") > created.index("web")


def test_replicas_are_left_to_an_autoscaler(team: Team) -> None:
    scaler = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 1
  maxReplicas: 5
"""
    team.commit({**FILES, "scaler.yaml": scaler})
    team.sync()
    team.merge("deployments", "web", {"spec": {"replicas": 4}}, api="apis/apps/v1")
    before = team.writes()

    report = team.sync()

    assert actions(report) == {}
    assert team.writes() == before
    assert any("HorizontalPodAutoscaler" in note for note in report["plan"]["notes"])


def test_a_value_that_cannot_be_changed_is_named_before_anything_is_written(team: Team) -> None:
    team.commit(FILES)
    team.sync()
    before = team.writes()
    team.commit({"web.yaml": WEB.replace("{app: web}", "{app: shop}")})

    done = team.plumb("sync", expect=8)

    assert "/spec/selector" in done.stdout + done.stderr
    deployments = [w for w in team.writes()[len(before) :] if w[1] == "deployments"]
    assert deployments == []
    uid = team.get(**DEPLOYMENT)["metadata"]["uid"]
    team.sync("--replace")
    assert team.get(**DEPLOYMENT)["metadata"]["uid"] != uid
    assert actions(team.sync()) == {}


def test_an_unknown_field_is_named_with_its_place_and_the_rest_is_applied(team: Team) -> None:
    team.commit({**FILES, "web.yaml": WEB.replace("replicas: 0", "replcas: 0")})

    done = team.plumb("sync", expect=1)

    assert "apps/web.yaml:6" in done.stdout + done.stderr
    assert "replicas" in done.stdout + done.stderr
    assert team.names("configmaps") == ["settings"]
    assert team.names("deployments", api="apis/apps/v1") == []


def test_a_dry_run_reads_only_and_ends_in_two_when_asked(team: Team) -> None:
    team.commit(FILES)

    team.plumb("diff")
    team.plumb("diff", "--exit-code", expect=2)
    team.plumb("sync", "--dry-run", "--exit-code", expect=2)

    assert team.writes() == []
    assert team.record() is None


def test_a_secret_is_applied_and_never_shown(team: Team) -> None:
    canary = "canary-7f3a9"
    secret = f"""
apiVersion: v1
kind: Secret
metadata: {{name: login}}
stringData: {{password: {canary}}}
"""
    team.commit({"secret.yaml": secret})
    outputs = [team.plumb("diff"), team.plumb("sync"), team.plumb("render")]
    team.commit({"secret.yaml": secret.replace(canary, canary + "-2")})
    outputs += [team.plumb("diff", "-o", "json"), team.plumb("sync", "-v"), team.plumb("status")]

    assert team.get("secrets", "login")["data"] == {"password": "Y2FuYXJ5LTdmM2E5LTI="}
    for done in outputs:
        assert canary not in done.stdout + done.stderr
        assert "Y2FuYXJ5" not in done.stdout + done.stderr
    assert actions(team.sync()) == {}


def test_an_application_is_deleted_by_its_policy(team: Team) -> None:
    team.commit(FILES)
    team.sync()
    team.delete()

    assert team.record() is None
    assert team.names("configmaps") == ["settings"]
    assert "labels" not in team.get("configmaps", "settings")["metadata"]

    team.sync()
    team.delete("--deletion-policy=wait", "--timeout=90s")

    assert team.record() is None
    assert team.names("configmaps") == []
    assert team.names("deployments", api="apis/apps/v1") == []
    team.delete(expect=8)
