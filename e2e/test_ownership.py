"""Whose object is it: applications that are renamed, split and merged, copies, other tools' marks.

Nothing here is ever deleted or made again: the uids stay what they were.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.team import Team

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {0}}}\ndata: {{k: '{1}'}}\n"


def uids(team: Team) -> dict[str, str]:
    """The uid of each ConfigMap of the team."""
    items = team.plane.get(team.path("configmaps"))["items"]
    found = {item["metadata"]["name"]: item["metadata"]["uid"] for item in items}
    return {name: uid for name, uid in found.items() if name != "kube-root-ca.crt"}


def application(team: Team, name: str, path: str, *, url: str = "", **spec: Any) -> str:
    """An Application document of the team's repository."""
    source = {"url": url or str(team.repository.path), "ref": {"branch": "main"}, "path": path}
    return json.dumps({
        "apiVersion": "plumb.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": name, "namespace": team.namespace},
        "spec": {"source": source, **spec},
    })  # fmt: skip


def write(tmp_path: Path, *documents: str) -> str:
    """A file of these Application documents."""
    file = tmp_path / "apps.yaml"
    file.write_text("\n---\n".join(documents) + "\n")
    return str(file)


def deletions(team: Team) -> list[Any]:
    """What plumb has deleted, but records."""
    found = [w for w in team.writes() if w[0] == "delete"]
    return [w for w in found if not w[2].startswith("plumb.")]


def owners(team: Team) -> set[str]:
    """The ids of the applications that the marks name."""
    items = team.plane.get(team.path("configmaps"))["items"]
    marks = [(i["metadata"].get("annotations") or {}).get("plumb.dev/applied-by") for i in items]
    return {mark.partition(":")[0] for mark in marks if mark}


# --- applications that change ------------------------------------------------------------------


def test_a_renamed_application_deletes_nothing_and_makes_nothing_again(
    team: Team, tmp_path: Path
) -> None:
    team.commit({"a.yaml": CONFIG.format("a", 1), "b.yaml": CONFIG.format("b", 1)})
    team.run("sync", "-f", write(tmp_path, application(team, "shop", "apps")))
    before = uids(team)
    renamed = write(tmp_path, application(team, "store", "apps"))

    refused = team.run("sync", "-f", renamed, expect=8)
    assert f"Application {team.namespace}/shop" in refused.stdout + refused.stderr
    assert "plumb delete shop" in refused.stdout + refused.stderr
    assert uids(team) == before

    team.delete()
    team.run("sync", "-f", renamed)
    assert uids(team) == before
    assert deletions(team) == []
    assert len(owners(team)) == 1


def test_an_application_split_in_two_deletes_nothing(team: Team, tmp_path: Path) -> None:
    team.commit({"one/a.yaml": CONFIG.format("a", 1), "two/b.yaml": CONFIG.format("b", 1)})
    team.run("sync", "-f", write(tmp_path, application(team, "shop", "apps")))
    before = uids(team)
    file = write(
        tmp_path, application(team, "shop", "apps/one"), application(team, "other", "apps/two")
    )

    for _ in range(2):
        team.run("sync", "-f", file)

    assert uids(team) == before
    assert deletions(team) == []
    assert len(owners(team)) == 2
    before_third = team.writes()
    team.run("sync", "-f", file)
    assert team.writes() == before_third


def test_two_applications_merged_into_one_delete_nothing(team: Team, tmp_path: Path) -> None:
    team.commit({"one/a.yaml": CONFIG.format("a", 1), "two/b.yaml": CONFIG.format("b", 1)})
    shop = application(team, "shop", "apps/one")
    team.run("sync", "-f", write(tmp_path, shop, application(team, "other", "apps/two")))
    before = uids(team)
    # The other one is left without a path of its own; then its document goes too.
    team.repository.commit({"none/.keep": ""})
    both = application(team, "shop", "apps"), application(team, "other", "none")

    for _ in range(2):
        team.run("sync", "-f", write(tmp_path, *both))
    team.plane.get(team.path("configmaps"))
    team.run("delete", "other", "-n", team.namespace)
    team.run("sync", "-f", write(tmp_path, both[0]))

    assert uids(team) == before
    assert deletions(team) == []
    assert len(owners(team)) == 1


def test_two_applications_that_want_one_object_are_both_told_who_and_where(
    team: Team, tmp_path: Path
) -> None:
    team.commit({"a.yaml": CONFIG.format("a", 1), "b.yaml": CONFIG.format("b", 1)})
    team.repository.commit({"other/mine.yaml": CONFIG.format("a", 2)})
    shop, other = application(team, "shop", "apps"), application(team, "other", "other")
    file = write(tmp_path, shop, other)

    done = team.run("sync", "-f", file, expect=8)

    first, second = done.stdout.split(f"{team.namespace}/other at")
    repository = str(team.repository.path)
    assert f"Application {team.namespace}/other ({repository} other/mine.yaml:1)" in first
    assert f"owned by Application {team.namespace}/shop" in second
    assert f"{repository} apps has it too" in second
    writes = team.writes()
    team.run("sync", "-f", file, expect=8)
    assert team.get("configmaps", "a")["data"] == {"k": "1"}
    objects = [w for w in team.writes()[len(writes) :] if not w[2].startswith("plumb.")]
    assert objects == [], "neither fights"


def test_an_api_group_that_moves_keeps_the_object(team: Team) -> None:
    # Events are the one kind that the server serves as one object under two groups.
    about = {"kind": "Pod", "namespace": team.namespace, "name": "p"}
    common = {
        "kind": "Event", "metadata": {"name": "e"}, "type": "Normal", "reason": "Moved",
        "action": "Move", "eventTime": "2026-01-01T00:00:00.000000Z",
    }  # fmt: skip
    old = {"apiVersion": "v1", **common, "involvedObject": about,
           "reportingComponent": "example.org/a", "reportingInstance": "a"}  # fmt: skip
    new = {"apiVersion": "events.k8s.io/v1", **common, "regarding": about,
           "reportingController": "example.org/a", "reportingInstance": "a"}  # fmt: skip
    team.commit({"event.yaml": json.dumps(old), "a.yaml": CONFIG.format("a", 1)})
    team.sync()
    uid = team.get("events", "e")["metadata"]["uid"]
    team.commit({"event.yaml": json.dumps(new)})

    for _ in range(2):
        team.sync()

    assert team.get("events", "e")["metadata"]["uid"] == uid
    assert deletions(team) == []
    assert team.sync()["outcomes"] == []


# --- copies ------------------------------------------------------------------------------------


def test_the_endpoint_slices_of_a_service_are_not_ours(team: Team) -> None:
    service = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: web, annotations: {team: a}}\n"
        "spec: {selector: {app: web}, ports: [{port: 80}]}\n"
    )
    # One of their kind in Git, so that the labels of the others are met.
    own = (
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nendpoints: []\n"
        "metadata: {name: own}\n"
    )
    team.commit({"web.yaml": service, "own.yaml": own, "a.yaml": CONFIG.format("a", 1)})
    team.sync()
    slices = team.path("endpointslices", api="apis/discovery.k8s.io/v1")
    deadline = time.monotonic() + 30
    while len(found := team.plane.get(slices)["items"]) < 2:
        assert time.monotonic() < deadline, "the controller never made a slice"
        time.sleep(0.1)  # noqa: TID251 - a test has no stop event
    copy = next(i for i in found if i["metadata"]["name"] != "own")
    assert "plumb.dev/owner" in copy["metadata"]["labels"], "the controller copies labels"
    team.commit({"own.yaml": None})

    report = team.sync()

    assert {o["object"]["name"]: o["action"] for o in report["outcomes"]} == {"own": "deleted"}
    assert [i["metadata"]["uid"] for i in team.plane.get(slices)["items"]] == [
        copy["metadata"]["uid"]
    ]


def test_a_reflected_secret_is_not_ours_and_never_deleted(team: Team) -> None:
    reflected = "apiVersion: v1\nkind: Secret\nmetadata: {name: tls}\nstringData: {k: v}\n"
    team.commit({"tls.yaml": reflected, "a.yaml": CONFIG.format("a", 1)})
    team.sync()
    there = team.get("secrets", "tls")
    kept = {k: there["metadata"][k] for k in ("labels", "annotations")}
    # As reflectors do it: labels and annotations and all, under another name.
    team.plane.create(team.path("secrets"), {"metadata": {"name": "copy", **kept}})
    team.commit({"tls.yaml": None})

    report = team.sync()

    assert [o["object"]["name"] for o in report["outcomes"]] == ["tls"]
    assert team.names("secrets") == ["copy"]
    again = team.sync()
    assert again["outcomes"] == []
    assert again["plan"]["token"] == ""


def test_what_a_backup_restored_is_taken_on_and_never_pruned_unasked(team: Team) -> None:
    team.commit({"a.yaml": CONFIG.format("a", 1), "b.yaml": CONFIG.format("b", 1)})
    team.sync()
    backup = [team.get("configmaps", name) for name in "ab"]
    for there in backup:
        team.plane.delete(team.path("configmaps", there["metadata"]["name"]))
        metadata = {k: there["metadata"][k] for k in ("name", "labels", "annotations")}
        labels = {**metadata["labels"], "velero.io/restore-name": "r"}
        restored = {"metadata": {**metadata, "labels": labels}, "data": there["data"]}
        team.plane.create(team.path("configmaps"), restored)
    before = uids(team)
    team.commit({"b.yaml": None})

    for _ in range(2):
        team.sync()

    assert uids(team) == before
    labels = team.get("configmaps", "a")["metadata"]["labels"]
    assert labels["velero.io/restore-name"] == "r"


def test_an_object_with_a_controller_is_neither_adopted_nor_pruned(team: Team) -> None:
    team.commit({"a.yaml": CONFIG.format("a", 1), "b.yaml": CONFIG.format("b", 1)})
    team.sync()
    for name in ("b", "c"):
        if name == "c":
            team.plane.create(team.path("configmaps"), {"metadata": {"name": "c"}})
        reference = {
            "apiVersion": "v1", "kind": "ConfigMap", "name": "a", "controller": True,
            "uid": team.get("configmaps", "a")["metadata"]["uid"],
        }  # fmt: skip
        team.merge("configmaps", name, {"metadata": {"ownerReferences": [reference]}})
    team.commit({"b.yaml": None})
    assert "Protected" in team.plumb("sync").stdout
    team.commit({"c.yaml": CONFIG.format("c", 1)})

    refused = team.plumb("sync", expect=8)

    assert "PLB520" in refused.stdout
    assert set(uids(team)) == {"a", "b", "c"}
    assert "data" not in team.get("configmaps", "c")


# --- other tools -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "key", "tool"),
    [
        pytest.param("annotations", "meta.helm.sh/release-name", "Helm", id="Helm"),
        pytest.param("annotations", "argocd.argoproj.io/tracking-id", "Argo CD", id="Argo CD"),
        pytest.param("labels", "kustomize.toolkit.fluxcd.io/name", "Flux", id="Flux"),
    ],
)
def test_what_another_tool_manages_is_not_adopted_unasked(
    team: Team, place: str, key: str, tool: str
) -> None:
    # The consent on the live object is a forgery: it counts only from Git.
    annotations = {"plumb.dev/adopt": "enabled"}
    metadata: dict[str, Any] = {"name": "a", "annotations": annotations}
    metadata[place] = {**metadata.get(place, {}), key: "shop"}
    there = team.plane.create(team.path("configmaps"), {"metadata": metadata, "data": {"k": "x"}})
    team.commit({"a.yaml": CONFIG.format("a", 1)})

    refused = team.plumb("sync", expect=8)

    assert f"managed by {tool}" in refused.stdout
    now = team.get("configmaps", "a")["metadata"]
    assert now["resourceVersion"] == there["metadata"]["resourceVersion"]


# --- rights ------------------------------------------------------------------------------------


def test_with_impersonate_objects_are_written_as_the_account_and_records_as_the_caller(
    team: Team, tmp_path: Path
) -> None:
    group = "rbac.authorization.k8s.io"
    base = f"/apis/{group}/v1/namespaces/{team.namespace}"
    team.plane.create(f"/api/v1/namespaces/{team.namespace}/serviceaccounts",
                      {"metadata": {"name": "deployer"}})  # fmt: skip
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}
    team.plane.create(f"{base}/roles", {"metadata": {"name": "deployer"}, "rules": [rule]})
    subject = {"kind": "ServiceAccount", "name": "deployer", "namespace": team.namespace}
    reference = {"kind": "Role", "name": "deployer", "apiGroup": group}
    team.plane.create(f"{base}/rolebindings", {
        "metadata": {"name": "deployer"}, "subjects": [subject], "roleRef": reference})  # fmt: skip
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"
    team.commit({"a.yaml": CONFIG.format("a", 1), "web.yaml": service})
    file = write(tmp_path, application(team, "shop", "apps", serviceAccountName="deployer"))

    denied = team.run("sync", "-f", file, "--impersonate", expect=4)

    account = f"system:serviceaccount:{team.namespace}:deployer"
    assert account in denied.stdout
    assert team.names("configmaps") == ["a"]
    assert team.names("services") == [], "no falling back to the caller's own rights"
    written = {
        (event["objectRef"]["resource"], event["objectRef"].get("name"),
         (event.get("impersonatedUser") or {}).get("username", ""))
        for event in team.plane.requests(about=team.namespace)
        if event["verb"] in ("create", "update", "patch")
        and "plumb" in event.get("userAgent", "")
        and team.namespace in json.dumps(event["objectRef"])
    }  # fmt: skip
    assert ("configmaps", "a", account) in written
    record = {who for _, name, who in written if (name or "").startswith("plumb.")}
    assert record == {""}
    assert not any(resource == "services" for resource, _, _ in written)

    team.commit({"web.yaml": None})
    team.run("sync", "-f", file, "--impersonate")
    team.commit({"a.yaml": None, "b.yaml": CONFIG.format("b", 1)})
    team.run("sync", "-f", file, "--impersonate")
    assert team.names("configmaps") == ["b"]
