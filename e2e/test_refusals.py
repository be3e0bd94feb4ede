"""What the cluster refuses, and what Plumb refuses: the rest goes on and nothing is lost."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.servers.controlplane import ControlPlane
    from e2e.team import Team

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {0}}}\ndata: {{k: '{1}'}}\n"


def configs(count: int, value: str = "v") -> dict[str, str | None]:
    """Files of that many ConfigMaps, c0, c1, ..."""
    return {f"c{n}.yaml": CONFIG.format(f"c{n}", value) for n in range(count)}


def by_action(report: Any) -> dict[str, list[str]]:
    """The names of the objects by what happened to them."""
    found: dict[str, list[str]] = {}
    for outcome in report["outcomes"]:
        found.setdefault(outcome["action"], []).append(outcome["object"]["name"])
    return {action: sorted(names) for action, names in found.items()}


@pytest.fixture
def policy(team: Team) -> Iterator[str]:
    """A ValidatingAdmissionPolicy that refuses what is named c7 in the team's namespace."""
    base = "/apis/admissionregistration.k8s.io/v1"
    name = f"no-c7-{team.namespace}"
    operations = ["CREATE", "UPDATE", "DELETE"]
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"],
              "operations": operations}]  # fmt: skip
    expression = (
        f"(object == null ? oldObject : object).metadata.namespace != '{team.namespace}' || "
        "(object == null ? oldObject : object).metadata.name != 'c7'"
    )
    team.plane.create(
        f"{base}/validatingadmissionpolicies",
        {
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": rules},
                "validations": [{"expression": expression, "message": "seven is not welcome"}],
            },
        },
    )
    binding = {
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    team.plane.create(f"{base}/validatingadmissionpolicybindings", binding)
    _wait_until_refused(team)
    yield name
    team.plane.delete(f"{base}/validatingadmissionpolicybindings/{name}")
    team.plane.delete(f"{base}/validatingadmissionpolicies/{name}")


def _wait_until_refused(team: Team) -> None:
    deadline = time.monotonic() + 30
    probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c7"}}
    path = f"{team.path('configmaps')}?dryRun=All"
    # 409: it is there already, and the policy, which is asked first, had nothing to say yet.
    while team.plane.request("POST", path, body=probe).status in (201, 409):
        assert time.monotonic() < deadline, "the policy never took effect"
        time.sleep(0.1)  # noqa: TID251 - a test has no stop event


@pytest.mark.usefixtures("policy")
def test_one_refused_object_of_ten_leaves_nine_applied_and_nothing_pruned(team: Team) -> None:
    team.commit({"old.yaml": CONFIG.format("old", 1)})
    team.sync()
    team.commit({**configs(10), "old.yaml": None})

    done = team.plumb("sync", expect=1)

    assert team.names("configmaps") == [*(f"c{n}" for n in range(10) if n != 7), "old"]
    assert "c7" in done.stdout
    assert "seven is not welcome" in done.stdout + done.stderr
    again = team.sync(expect=1)
    assert by_action(again) == {"failed": ["c7"]}
    assert team.names("configmaps")[-1] == "old"


def test_a_refused_deletion_stays_in_the_record_and_is_tried_again(
    team: Team, request: pytest.FixtureRequest
) -> None:
    team.commit(configs(9))
    team.sync()
    team.commit({"c7.yaml": None})
    policy = request.getfixturevalue("policy")

    refused = team.sync(expect=1)
    assert by_action(refused) == {"failed": ["c7"]}
    assert "c7" in team.names("configmaps")

    base = "/apis/admissionregistration.k8s.io/v1"
    team.plane.delete(f"{base}/validatingadmissionpolicybindings/{policy}")
    deadline = time.monotonic() + 30
    while team.plane.request("DELETE", team.path("configmaps", "c7") + "?dryRun=All").status >= 400:
        assert time.monotonic() < deadline
        time.sleep(0.1)  # noqa: TID251 - a test has no stop event

    assert by_action(team.sync()) == {"deleted": ["c7"]}


def test_no_rights_for_one_kind_leaves_the_others_applied(team: Team) -> None:
    user = f"limited-{team.namespace}"
    allow(team.plane, user, team.namespace, resources=["configmaps"])
    team.kubeconfig = team.plane.kubeconfig_for(user)
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"
    team.commit({**configs(2), "web.yaml": service})

    done = team.plumb("sync", expect=4)

    assert team.names("configmaps") == ["c0", "c1"]
    assert team.names("services") == []
    assert "services" in done.stdout + done.stderr


def test_planning_needs_the_right_to_read_and_no_other(team: Team) -> None:
    team.commit(configs(2))
    team.sync()
    team.commit(configs(3, "w"))
    user = f"reader-{team.namespace}"
    allow(team.plane, user, team.namespace, resources=["*"], verbs=["get", "list", "watch"])
    team.kubeconfig = team.plane.kubeconfig_for(user)

    done = team.plumb("diff", "--exit-code", expect=2)
    denied = team.plumb("sync", expect=4)

    assert "1 to create, 2 to update" in done.stdout
    assert "plumb-system" in denied.stderr


def test_without_the_records_a_diff_says_that_removals_are_unknown(team: Team) -> None:
    team.commit(configs(2))
    team.sync()
    team.commit({"c1.yaml": None})
    user = f"blind-{team.namespace}"
    verbs = ["get", "list", "watch"]
    allow(team.plane, user, team.namespace, resources=["*"], verbs=verbs, records=False)
    team.kubeconfig = team.plane.kubeconfig_for(user)

    done = team.plumb("diff")

    assert "removals are unknown" in done.stdout
    assert "delete" not in done.stdout


def allow(
    plane: ControlPlane, user: str, namespace: str, *,
    resources: list[str], verbs: list[str] | None = None, records: bool = True,
) -> None:  # fmt: skip
    """Grant a user these rights in a namespace, and the same verbs on the records."""
    group = "rbac.authorization.k8s.io"
    base = f"/apis/{group}/v1/namespaces"
    rule = {"apiGroups": ["", "autoscaling"], "resources": resources, "verbs": verbs or ["*"]}
    spaces = {namespace: rule}
    if records:
        spaces["plumb-system"] = {**rule, "apiGroups": [""], "resources": ["configmaps"]}
    for space, granted in spaces.items():
        name = {"metadata": {"name": f"grant-{user}"}}
        plane.create(f"{base}/{space}/roles", {**name, "rules": [granted]})
        subject = {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
        reference = {
            "kind": "Role",
            "name": f"grant-{user}",
            "apiGroup": "rbac.authorization.k8s.io",
        }
        plane.create(
            f"{base}/{space}/rolebindings", {**name, "subjects": [subject], "roleRef": reference}
        )


# --- whose object is it -----------------------------------------------------------------------


def test_an_object_made_by_hand_is_adopted_with_only_what_differs(team: Team) -> None:
    team.plane.create(
        team.path("configmaps"),
        {"metadata": {"name": "c0"}, "data": {"k": "by hand", "theirs": "stays"}},
    )
    team.commit(configs(1))

    report = team.sync()

    assert by_action(report) == {"adopted": ["c0"]}
    assert team.get("configmaps", "c0")["data"] == {"k": "v", "theirs": "stays"}
    assert by_action(team.sync()) == {}


def test_an_object_of_helm_is_adopted_only_when_git_agrees(team: Team) -> None:
    metadata = {"name": "c0", "annotations": {"meta.helm.sh/release-name": "shop"}}
    team.plane.create(team.path("configmaps"), {"metadata": metadata, "data": {"k": "helm"}})
    team.commit(configs(1))

    refused = team.plumb("sync", expect=8)

    assert "Helm" in refused.stdout + refused.stderr
    assert team.get("configmaps", "c0")["data"] == {"k": "helm"}
    agreed = CONFIG.format("c0", "v").replace(
        "{name: c0}", "{name: c0, annotations: {plumb.dev/adopt: enabled}}"
    )
    team.commit({"c0.yaml": agreed})
    assert by_action(team.sync()) == {"adopted": ["c0"]}


def test_two_applications_that_want_one_object_do_not_fight(team: Team) -> None:
    team.commit(configs(2))
    team.repository.commit({"other/c0.yaml": CONFIG.format("c0", "mine")})
    team.sync()

    done = team.plumb("sync", name="other", path="other", expect=8)

    assert f"{team.namespace}/shop" in done.stdout + done.stderr
    assert team.get("configmaps", "c0")["data"] == {"k": "v"}
    assert by_action(team.sync()) == {}


def test_an_object_that_another_application_gave_up_changes_hands_without_deletion(
    team: Team,
) -> None:
    team.commit(configs(2))
    team.sync()
    uid = team.get("configmaps", "c0")["metadata"]["uid"]
    team.commit({"c0.yaml": None})
    team.repository.commit({"other/c0.yaml": CONFIG.format("c0", "v")})
    file = team.repository.path.parent / "apps.yaml"
    file.write_text("---\n".join(
        json.dumps({
            "apiVersion": "plumb.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": team.namespace},
            "spec": {"source": {"url": str(team.repository.path), "ref": {"branch": "main"},
                                "path": path}},
        }) + "\n"
        for name, path in (("shop", "apps"), ("other", "other"))
    ))  # fmt: skip

    team.run("sync", "-f", str(file))
    team.run("sync", "-f", str(file))

    assert team.get("configmaps", "c0")["metadata"]["uid"] == uid
    deletions = [write for write in team.writes() if write[0] == "delete"]
    assert deletions == []


def test_a_second_uid_under_an_old_name_is_not_pruned(team: Team) -> None:
    team.commit(configs(2))
    team.sync()
    found = team.get("configmaps", "c1")
    team.plane.delete(team.path("configmaps", "c1"))
    metadata = {k: found["metadata"][k] for k in ("name", "labels", "annotations")}
    team.plane.create(team.path("configmaps"), {"metadata": metadata, "data": found["data"]})
    team.commit({"c1.yaml": None})

    team.sync()

    assert "c1" in team.names("configmaps")


@pytest.mark.parametrize("wish", ["disabled", "orphan"])
def test_the_prune_annotation_on_the_live_object_keeps_it(team: Team, wish: str) -> None:
    team.commit(configs(2))
    team.sync()
    team.merge("configmaps", "c1", {"metadata": {"annotations": {"plumb.dev/prune": wish}}})
    team.commit({"c1.yaml": None})

    team.sync()

    assert "c1" in team.names("configmaps")
    marks = team.get("configmaps", "c1")["metadata"].get("labels", {})
    assert bool(marks) is (wish == "disabled")


def test_a_namespace_is_held_while_others_are_deleted(team: Team) -> None:
    space = f"{team.namespace}-x"
    namespace = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {space}}}\n"
    team.commit({**configs(2), "ns.yaml": namespace})
    team.sync()
    team.commit({"c1.yaml": None, "ns.yaml": None})

    held = team.sync(expect=8)

    assert by_action(held)["deleted"] == ["c1"]
    assert team.plane.get(f"/api/v1/namespaces/{space}") is not None
    team.sync("--confirm", held["plan"]["token"])
    gone = team.plane.get(f"/api/v1/namespaces/{space}")
    assert gone is None or gone["metadata"].get("deletionTimestamp")


def test_a_finalizer_is_named_and_never_stripped(team: Team) -> None:
    team.commit(configs(2))
    team.sync()
    team.merge("configmaps", "c1", {"metadata": {"finalizers": ["example.org/hold"]}})
    team.commit({"c1.yaml": None})
    team.sync()

    again = team.plumb("sync")

    assert "example.org/hold" in again.stdout
    assert team.get("configmaps", "c1")["metadata"]["finalizers"] == ["example.org/hold"]
    team.merge("configmaps", "c1", {"metadata": {"finalizers": None}})
    team.sync()
    assert "c1" not in team.names("configmaps")
