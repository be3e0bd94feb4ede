"""Refusals of a real API server in plain words, and no value in any."""

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
    DeniedError,
    InvalidError,
    UncertainError,
)
from engine.kube import config
from engine.kube.client import Client
from engine.kube.status import is_immutable, is_terminating

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.servers.controlplane import ControlPlane
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
