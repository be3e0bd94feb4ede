"""The client against a real API server: verbs, refusals in plain words, and no value in any."""

from __future__ import annotations

import base64
import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import (
    AlreadyExistsError,
    ApiError,
    ClusterError,
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    UncertainError,
)
from engine.kube import config
from engine.kube.client import Client
from engine.kube.status import is_immutable, is_terminating

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.servers.controlplane import ControlPlane
    from engine.kube.sender import Exchange
    from engine.model import JSON

CANARY = "sWordfish-canary-77"
ENCODED = base64.b64encode(CANARY.encode()).decode()


@pytest.fixture
def client(api_server: ControlPlane) -> Iterator[Client]:
    connection = config.load(kubeconfig=str(api_server.kubeconfig))
    with Client(connection) as client:
        yield client


@pytest.fixture
def core(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}"


def config_map(name: str, **data: str) -> JSON:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, **data: str) -> JSON:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}


def deployment(name: str, **spec: JSON) -> JSON:
    labels = {"app": name}
    pod = {"containers": [{"name": "web", "image": "web"}]}
    whole = {"replicas": 0, "selector": {"matchLabels": labels},
             "template": {"metadata": {"labels": labels}, "spec": pod}}  # fmt: skip
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {**whole, **spec}}  # fmt: skip


def create_until_refused(client: Client, core: str, **data: str) -> None:
    """Admission takes a moment to notice a new rule."""
    for attempt in range(100):
        client.create(f"{core}/configmaps", config_map(f"probe-{attempt}", **data))
        threading.Event().wait(0.1)


# --- verbs -----------------------------------------------------------------------------------


def test_an_object_goes_through_its_whole_life(client: Client, core: str) -> None:
    made = client.create(f"{core}/configmaps", config_map("env", a="1")).body
    path = f"{core}/configmaps/env"
    patched = client.patch(path, [
        {"op": "test", "path": "/metadata/uid", "value": made["metadata"]["uid"]},
        {"op": "replace", "path": "/data/a", "value": "é && <b>"},
    ]).body  # fmt: skip
    client.patch(path, [{"op": "test", "path": "/data/a", "value": "é && <b>"}])
    assert client.get(path)["data"] == {"a": "é && <b>"}
    managers = {entry["manager"] for entry in patched["metadata"]["managedFields"]}
    assert managers == {"plumb"}
    replaced = client.put(path, {**patched, "data": {"b": "2"}}).body
    assert replaced["data"] == {"b": "2"}
    meta = replaced["metadata"]
    client.delete(path, uid=meta["uid"], resource_version=meta["resourceVersion"])
    with pytest.raises(NotFoundError):
        client.get(path)
    assert client.requests == {"POST": 1, "PATCH": 2, "GET": 2, "PUT": 1, "DELETE": 1}


def test_every_guard_that_fails_is_a_conflict(client: Client, core: str) -> None:
    made = client.create(f"{core}/configmaps", config_map("env", a="1")).body
    path = f"{core}/configmaps/env"
    stale = made["metadata"]["resourceVersion"]
    client.patch(path, [{"op": "replace", "path": "/data/a", "value": "2"}])
    attempts: list[Callable[[], Any]] = [
        lambda: client.patch(path, [{"op": "test", "path": "/data/a", "value": "1"}]),
        lambda: client.patch(path, [{"op": "remove", "path": "/data/gone"}]),
        lambda: client.patch(path, [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": stale}]),
        lambda: client.put(path, made),
        lambda: client.delete(path, uid="00000000-0000-0000-0000-000000000000"),
        lambda: client.delete(path, uid=made["metadata"]["uid"], resource_version=stale),
    ]  # fmt: skip
    for attempt in attempts:
        with pytest.raises(ConflictError):
            attempt()
    assert client.get(path)["data"] == {"a": "2"}


def test_a_list_has_every_page_and_names_every_kind(client: Client, core: str) -> None:
    for number in range(7):
        body = config_map(f"c{number}")
        body["metadata"]["labels"] = {"odd": str(number % 2)}
        client.create(f"{core}/configmaps", body)
    items = list(client.list(f"{core}/configmaps", page_size=3, label_selector="odd in (0,1)"))
    assert [item["metadata"]["name"] for item in items] == [f"c{n}" for n in range(7)]
    assert {(item["apiVersion"], item["kind"]) for item in items} == {("v1", "ConfigMap")}
    assert client.requests["GET"] == 3
    odd = client.list(f"{core}/configmaps", params={"labelSelector": "odd=1"})
    assert len(list(odd)) == 3


def test_a_list_of_metadata_leaves_the_rest_at_the_server(client: Client, core: str) -> None:
    client.create(f"{core}/secrets", secret("s", key=ENCODED))
    items = list(client.list(f"{core}/secrets", metadata_only=True, drop_managed_fields=True))
    assert [item["metadata"]["name"] for item in items] == ["s"]
    assert items[0]["kind"] == "PartialObjectMetadata"
    assert "data" not in items[0]
    assert "managedFields" not in items[0]["metadata"]


def test_many_threads_share_a_client(client: Client, core: str) -> None:
    def work(worker: int) -> None:
        for number in range(10):
            client.create(f"{core}/configmaps", config_map(f"w{worker}-{number}"))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {item["metadata"]["name"] for item in client.list(f"{core}/configmaps")}
    assert len({name for name in names if name.startswith("w")}) == 80
    assert client.requests["POST"] == 80


def test_the_servers_warnings_are_told(client: Client, namespace: str) -> None:
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    pod = {"containers": [{"name": "web", "image": "web", "env": twice}]}
    body = deployment("web")
    body["spec"]["template"]["spec"] = pod
    answer = client.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", body)
    assert len(answer.warnings) == 1
    assert "hides previous definition" in answer.warnings[0]


# --- refusals --------------------------------------------------------------------------------


def test_a_taken_name_is_told(client: Client, core: str) -> None:
    client.create(f"{core}/configmaps", config_map("env"))
    with pytest.raises(AlreadyExistsError):
        client.create(f"{core}/configmaps", config_map("env"))


def test_a_missing_namespace_is_told_and_is_no_absence(client: Client) -> None:
    with pytest.raises(InvalidError, match="no namespace 'nowhere'") as caught:
        client.create("/api/v1/namespaces/nowhere/configmaps", config_map("env"))
    assert caught.value.fields == ("metadata.namespace",)


def test_a_terminating_namespace_is_told(client: Client, namespace: str) -> None:
    name = f"{namespace[:50]}-2"
    body = {"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "finalizers": ["plumb.dev/test"]}}  # fmt: skip
    client.create("/api/v1/namespaces", body)
    client.delete(f"/api/v1/namespaces/{name}")
    try:
        with pytest.raises(InvalidError) as caught:
            client.create(f"/api/v1/namespaces/{name}/configmaps", config_map("env"))
        assert is_terminating(caught.value)
    finally:
        path = f"/api/v1/namespaces/{name}"
        client.patch(path, [{"op": "remove", "path": "/metadata/finalizers"}])


@pytest.mark.parametrize("path", ["/apis/nope.dev/v1/foos/x", "/api/v1/foos/x", "/nope"])
def test_an_api_that_is_not_served_proves_nothing(client: Client, path: str) -> None:
    """Invariant 7."""
    with pytest.raises(ClusterError) as caught:
        client.get(path)
    assert caught.value.code == "PLB462"


def test_missing_rights_are_told_with_user_verb_resource_and_namespace(
    api_server: ControlPlane, namespace: str
) -> None:
    path = api_server.kubeconfig_for("nobody-special")
    with Client(config.load(kubeconfig=str(path))) as client:
        deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        with pytest.raises(DeniedError) as caught:
            client.create(deployments, deployment("web"))
        assert caught.value.what == (
            f"user 'nobody-special' may not create deployments.apps in namespace {namespace}"
        )
        assert caught.value.exit_code == 4
        with pytest.raises(DeniedError, match="may not list deployments"):
            client.list(deployments)


def test_requests_are_made_as_the_one_impersonated(
    api_server: ControlPlane, namespace: str
) -> None:
    user = f"system:serviceaccount:{namespace}:deployer"
    connection = config.load(kubeconfig=str(api_server.kubeconfig))
    with (
        Client(connection, impersonate=user) as client,
        pytest.raises(DeniedError, match=f"user '{user}' may not get configmaps"),
    ):
        client.get(f"/api/v1/namespaces/{namespace}/configmaps/env")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"replics": 1}, (("spec.replics",), 'unknown field "spec.replics"'),
                     id="typo"),
        pytest.param({"replicas": CANARY}, ((), "replicas has to be int32, not string"), id="type"),
        pytest.param({"replicas": -1}, (("spec.replicas",), "greater than or equal to 0"),
                     id="value"),
        pytest.param({"selector": {"matchLabels": {"a": CANARY}}},
                     (("spec.template.metadata.labels",), "`selector` does not match"),
                     id="selector"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named_and_its_value_is_not(
    client: Client, namespace: str, change: JSON, expected: tuple[tuple[str, ...], str]
) -> None:
    body = deployment("web", **change)
    with pytest.raises(InvalidError) as caught:
        client.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", body)
    assert caught.value.fields == expected[0]
    assert expected[1] in caught.value.why
    assert CANARY not in str(caught.value)


def test_what_is_possible_instead_of_an_unsupported_value_is_told(
    client: Client, core: str
) -> None:
    pod = {"restartPolicy": "Sometimes", "containers": [{"name": "web", "image": "web"}]}
    with pytest.raises(InvalidError) as caught:
        client.create(f"{core}/pods", {"apiVersion": "v1", "kind": "Pod",
                                       "metadata": {"name": "p"}, "spec": pod})  # fmt: skip
    assert caught.value.fields == ("spec.restartPolicy",)
    assert 'supported values: "Always", "OnFailure", "Never"' in caught.value.why
    assert "Sometimes" not in caught.value.why


def test_an_object_beyond_the_servers_limit_is_told(client: Client, core: str) -> None:
    for size in (1 << 21, 1 << 22):
        with pytest.raises(InvalidError, match=r"may not be more than|too large"):
            client.create(f"{core}/configmaps", config_map("big", a="x" * size))


def immutable_changes(namespace: str) -> list[Any]:
    apps, core = f"/apis/apps/v1/namespaces/{namespace}", f"/api/v1/namespaces/{namespace}"
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
               "spec": {"ports": [{"port": 80}]}}  # fmt: skip
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a"}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
               "metadata": {"name": "web"}, "roleRef": role}  # fmt: skip
    job = {**deployment("web"), "apiVersion": "batch/v1", "kind": "Job"}
    pod = {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}
    job["spec"] = {"suspend": True, "template": {"spec": pod}}
    stateful = deployment("web", serviceName="web")
    return [
        (f"{apps}/deployments", deployment("web"), "/spec/selector/matchLabels",
         {"app": "web", "tier": "x"}),
        (f"{apps}/statefulsets", {**stateful, "kind": "StatefulSet"}, "/spec/serviceName", "other"),
        (f"{core}/services", service, "/spec/clusterIPs/0", "10.0.0.77"),
        (f"{core}/secrets", {**secret("web", a=ENCODED), "immutable": True}, "/data/a", "QQ=="),
        (f"{core}/secrets", secret("typed", a=ENCODED), "/type", CANARY),
        (f"{rbac}/rolebindings", binding, "/roleRef/name", "b"),
        (f"/apis/batch/v1/namespaces/{namespace}/jobs", job,
         "/spec/template/spec/containers/0/image", "other"),
    ]  # fmt: skip


def test_a_change_of_an_immutable_field_is_recognised(client: Client, namespace: str) -> None:
    for collection, body, pointer, value in immutable_changes(namespace):
        client.create(collection, body)
        operations = [{"op": "replace", "path": pointer, "value": value}]
        if pointer.endswith("matchLabels"):
            operations.append({**operations[0], "path": "/spec/template/metadata/labels"})
        if pointer.endswith("clusterIPs/0"):
            operations.append({**operations[0], "path": "/spec/clusterIP"})
        with pytest.raises(InvalidError) as caught:
            client.patch(f"{collection}/{body['metadata']['name']}", operations)
        assert is_immutable(caught.value), caught.value
        assert caught.value.fields
    with pytest.raises(InvalidError) as caught:
        client.create(f"/api/v1/namespaces/{namespace}/configmaps", config_map("No_Name"))
    assert not is_immutable(caught.value)


# --- admission -------------------------------------------------------------------------------


@pytest.fixture
def policy(client: Client, namespace: str) -> Iterator[str]:
    """Refuse objects of this namespace whose data has the key `bad`, and quote its value."""
    name = f"no-bad.{namespace}"
    root = "/apis/admissionregistration.k8s.io/v1"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
            "resources": ["configmaps", "secrets"]}  # fmt: skip
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    client.create(f"{root}/validatingadmissionpolicies", {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": selector},
            "validations": [{
                "expression": "!has(object.data) || !('bad' in object.data)",
                "messageExpression": "'this is bad: ' + string(object.data['bad'])",
            }],
        },
    })  # fmt: skip
    client.create(f"{root}/validatingadmissionpolicybindings", {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    })  # fmt: skip
    with contextlib.suppress(ApiError):
        create_until_refused(client, f"/api/v1/namespaces/{namespace}", bad="yet")
    yield name
    client.delete(f"{root}/validatingadmissionpolicies/{name}")
    client.delete(f"{root}/validatingadmissionpolicybindings/{name}")


def test_a_policys_refusal_is_told_in_its_own_words(client: Client, core: str, policy: str) -> None:
    with pytest.raises(InvalidError) as caught:
        client.create(f"{core}/configmaps", config_map("env", bad="indeed"))
    assert caught.value.code == "PLB430"
    assert caught.value.what == f"policy {policy} refused it"
    assert caught.value.why == "this is bad: indeed"
    assert caught.value.exit_code == 1


def test_a_policys_words_about_a_secret_are_withheld(
    client: Client, core: str, policy: str
) -> None:
    """Invariant 12."""
    with pytest.raises(InvalidError, match=f"policy {policy} refused it") as caught:
        client.create(f"{core}/secrets", secret("s", bad=ENCODED))
    assert_clean(caught.value)


def test_a_quotas_refusal_is_told_with_its_numbers(client: Client, core: str) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"},
             "spec": {"hard": {"count/configmaps": "0"}}}  # fmt: skip
    client.create(f"{core}/resourcequotas", quota)
    with pytest.raises(InvalidError, match="exceeded quota: few, requested: count/configmaps=1"):
        create_until_refused(client, core)


def test_a_webhook_that_is_down_is_named(client: Client, namespace: str, core: str) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
            "resources": ["configmaps"]}  # fmt: skip
    client.create(path, {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [{
            "name": "down.plumb.dev", "clientConfig": {"url": "https://127.0.0.1:1/"},
            "rules": [rule], "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        }],
    })  # fmt: skip
    try:
        with pytest.raises(UncertainError, match=r"admission webhook down\.plumb\.dev"):
            create_until_refused(client, core)
    finally:
        client.delete(f"{path}/{namespace}")


# --- the canary ------------------------------------------------------------------------------


def assert_clean(error: BaseException) -> None:
    text = f"{error} {error!r} {error.args} {vars(error)}"
    for form in (CANARY, ENCODED, CANARY[:12]):
        assert form not in text


def test_no_refusal_of_a_secret_quotes_a_value(client: Client, core: str) -> None:
    """Invariant 12: whatever is wrong with a Secret, its values stay where they are."""
    path = f"{core}/secrets"
    client.create(path, {**secret("whole", key=ENCODED), "immutable": True})
    odd = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "odd"}}
    attempts: list[Callable[[], Any]] = [
        lambda: client.create(path, {**odd, "data": {"a": CANARY}}),
        lambda: client.create(path, {**odd, "data": {"a": [CANARY]}}),
        lambda: client.create(path, {**odd, "data": CANARY}),
        lambda: client.create(path, {**odd, "stringData": {"a/b": CANARY}}),
        lambda: client.create(path, {**odd, "stringdata": {"a": CANARY}}),
        lambda: client.create(path, {**odd, "type": "kubernetes.io/tls",
                                     "stringData": {"tls.crt": CANARY}}),
        lambda: client.create(path, {**odd, "type": "kubernetes.io/dockerconfigjson",
                                     "stringData": {".dockerconfigjson": CANARY}}),
        lambda: client.create(path, {**odd, "apiVersion": CANARY}),
        lambda: client.create(path, {**odd, "metadata": {"name": CANARY.upper() + "/x"}}),
        lambda: client.patch(f"{path}/whole", [
            {"op": "replace", "path": "/data/key", "value": "QQ=="}]),
        lambda: client.patch(f"{path}/whole", [
            {"op": "add", "path": "/data/other", "value": CANARY}]),
        lambda: client.patch(f"{path}/whole", [{"op": "add", "path": "/dat", "value": CANARY}]),
        lambda: client.patch(f"{path}/whole", [{"op": "add", "path": "/type", "value": CANARY}]),
        lambda: client.patch(f"{path}/whole", [
            {"op": "test", "path": "/data/key", "value": CANARY}]),
        lambda: client.put(f"{path}/whole", secret("whole", key="QQ==")),
    ]  # fmt: skip
    for attempt in attempts:
        with pytest.raises(ApiError) as caught:
            attempt()
        assert_clean(caught.value)


def test_the_request_log_sees_every_try(api_server: ControlPlane) -> None:
    seen: list[str] = []
    connection = config.load(kubeconfig=str(api_server.kubeconfig))

    def note(exchange: Exchange) -> None:
        seen.append(f"{exchange.method} {exchange.target} {exchange.status}")

    with Client(connection, on_request=note) as client:
        client.get("/version")
        with contextlib.suppress(ClusterError):
            client.get("/nope")
    assert seen == ["GET /version 200", "GET /nope 404"]
