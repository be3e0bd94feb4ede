"""The three-way merge by cases: sets, atomic values, unions, and kinds of their own."""

from __future__ import annotations

import pytest

from tests.bodies import (
    JSON,
    NONE,
    as_live,
    deployment,
    env,
    merged,
    meta,
    obj,
    pod,
    service,
    unknown,
    widget,
)

PROBE_DEFAULTS = {
    "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
}  # fmt: skip
ROLLING = {
    "type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
}  # fmt: skip

CASES = [
    # --- sets and atomic values
    pytest.param(
        meta(finalizers=["b", "a"]), meta(finalizers=["b", "c"]), meta(finalizers=["a", "z", "b"]),
        meta(finalizers=["z", "b", "c"]), id="prometheus-operator#8323 finalizers of others stay",
    ),
    pytest.param(
        NONE, meta(finalizers=["b", "a"]), meta(finalizers=["a", "b"]), meta(finalizers=["a", "b"]),
        id="order of finalizers means nothing",
    ),
    pytest.param(
        NONE, widget(tags=[{"a": 1}]), widget(tags=["a"]), widget(tags=[{"a": 1}]),
        id="objects make no set",
    ),
    pytest.param(
        meta(finalizers=["a"]), meta(), meta(finalizers=["a"]), meta(),
         id="the last finalizer goes",
    ),
    pytest.param(
        meta(finalizers=["a"]), meta(), meta(finalizers=["a", "z"]), meta(finalizers=["z"]),
        id="ours goes, theirs stays",
    ),
    pytest.param(
        meta(finalizers=["a"]), meta(), meta(finalizers=["z"]), meta(finalizers=["z"]),
        id="ours is gone already, theirs stays",
    ),
    pytest.param(
        NONE, service(selector={"a": "1"}), service(selector={"a": "1", "z": "9"}),
        service(selector={"a": "1"}), id="an extra key in a selector is drift",
    ),
    pytest.param(
        unknown(a=[1, 2]), unknown(a=[2, 1]), unknown(a=[1, 2, 3]), unknown(a=[2, 1]),
        id="a list without a key is whole",
    ),
    pytest.param(
        NONE, obj("networking.k8s.io/v1", "NetworkPolicy", {"spec": {"ingress": [
            {"from": [{"podSelector": {}}], "ports": [{"port": 80}]}]}}),
        obj("networking.k8s.io/v1", "NetworkPolicy", {"spec": {"ingress": [
            {"from": [{"podSelector": {}, "namespaceSelector": {}}],
             "ports": [{"port": 80, "protocol": "TCP"}]}]}}),
        obj("networking.k8s.io/v1", "NetworkPolicy", {"spec": {"ingress": [
            {"from": [{"podSelector": {}}], "ports": [{"port": 80}]}]}}),
        id="a namespaceSelector that opens is drift",
    ),
    pytest.param(
        NONE, obj("networking.k8s.io/v1", "NetworkPolicy", {"spec": {"ingress": []}}),
        obj("networking.k8s.io/v1", "NetworkPolicy", {"spec": {"ingress": [{}]}}),
        obj("networking.k8s.io/v1", "NetworkPolicy", {"spec": {"ingress": []}}),
        id="a rule in an empty list is drift",
    ),
    pytest.param(
        NONE, pod(tolerations=[{"key": "a"}]),
        pod(tolerations=[{"key": "a", "tolerationSeconds": 5}]), pod(tolerations=[{"key": "a"}]),
        id="an extra field in an atomic list is drift",
    ),
    # --- unions
    pytest.param(
        pod(volumes=[{"name": "v", "configMap": {"name": "c"}}]),
        pod(volumes=[{"name": "v", "secret": {"secretName": "s"}}]),
        pod(volumes=[{"name": "v", "configMap": {"name": "c", "defaultMode": 420}}]),
        pod(volumes=[{"name": "v", "secret": {"secretName": "s"}}]),
        id="kubernetes#112014 another volume source",
    ),
    pytest.param(
        NONE, pod(env("A1")),
        pod({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]}),
        pod(env("A1")), id="kubernetes#48285 value beside valueFrom",
    ),
    pytest.param(
        NONE, pod({"livenessProbe": {"exec": {"command": ["x"]}}}),
        pod({"livenessProbe": {"httpGet": {"port": 80}, **PROBE_DEFAULTS}}),
        pod({"livenessProbe": {"exec": {"command": ["x"]}, **PROBE_DEFAULTS}}),
        id="another probe handler, its defaults stay",
    ),
    pytest.param(
        pod({"livenessProbe": {"httpGet": {"port": 80}, "periodSeconds": 5}}), pod({}),
        pod({"livenessProbe": {"httpGet": {"port": 80, "scheme": "HTTP"}, **PROBE_DEFAULTS,
                               "failureThreshold": 9}}),
        pod({}), id="a probe cannot stand without its handler",
    ),
    pytest.param(
        pod({"securityContext": {"runAsUser": 1}}), pod({}),
        pod({"securityContext": {"runAsUser": 1, "privileged": True}}),
        pod({"securityContext": {"privileged": True}}), id="a context can stand for others",
    ),
    pytest.param(
        deployment(), deployment(strategy={"type": "Recreate"}), deployment(strategy=ROLLING),
        deployment(strategy={"type": "Recreate"}), id="kubernetes#24198 Recreate ends the defaults",
    ),
    pytest.param(
        deployment(strategy=ROLLING), deployment(strategy={"type": "Recreate"}),
        deployment(strategy=ROLLING), deployment(strategy={"type": "Recreate"}),
        id="Recreate after our own rolling update",
    ),
    pytest.param(
        NONE, deployment(strategy={"type": "RollingUpdate"}), deployment(strategy=ROLLING),
        deployment(strategy=ROLLING), id="defaults of the member that stays stay",
    ),
    pytest.param(
        NONE, deployment(strategy={"rollingUpdate": {"maxSurge": 1}}),
        deployment(strategy=ROLLING),
        deployment(strategy={"type": "RollingUpdate",
                             "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}}),
        id="a member without its discriminator",
    ),
    pytest.param(
        NONE, widget(one="a"), widget(other={"a": "z"}), widget(one="a"),
        id="a union that a CRD spells as oneOf",
    ),
    # --- kinds of their own
    pytest.param(
        NONE, obj("v1", "Secret", {"data": {"a": "YQ=="}, "stringData": {"b": "é", "a": "x"}}),
        obj("v1", "Secret", {"data": {"a": "YQ=="}}),
        obj("v1", "Secret", {"data": {"a": "eA==", "b": "w6k="}}), id="stringData beats data",
    ),
    pytest.param(
        obj("v1", "Secret", {"stringData": {"a": "", "b": ""}}),
        obj("v1", "Secret", {"data": {"b": "Yg=="}}),
        obj("v1", "Secret", {"data": {"a": "YQ==", "b": "Yg==", "z": "eg=="}}),
        obj("v1", "Secret", {"data": {"b": "Yg==", "z": "eg=="}}),
        id="kubernetes#89938 a removed stringData key goes",
    ),
    pytest.param(
        NONE, obj("v1", "Secret", {"data": {"a": "YWFh\nYWFh\n"}}),
        obj("v1", "Secret", {"data": {"a": "YWFhYWFh"}}),
        obj("v1", "Secret", {"data": {"a": "YWFhYWFh"}}), id="base64 in lines",
    ),
    pytest.param(
        NONE, obj("v1", "Secret", {"data": {"a": "!"}, "stringData": {"b": 5}}),
        obj("v1", "Secret", {"data": {"a": "YQ=="}}),
        obj("v1", "Secret", {"data": {"a": "!", "b": 5}}), id="what is no base64 is the server's",
    ),
    pytest.param(
        NONE,
        obj("rbac.authorization.k8s.io/v1", "ClusterRole",
            {"aggregationRule": {"clusterRoleSelectors": []}, "rules": []}),
        obj("rbac.authorization.k8s.io/v1", "ClusterRole",
            {"aggregationRule": {"clusterRoleSelectors": []}, "rules": [{"verbs": ["get"]}]}),
        obj("rbac.authorization.k8s.io/v1", "ClusterRole",
            {"aggregationRule": {"clusterRoleSelectors": []}, "rules": [{"verbs": ["get"]}]}),
        id="rules of an aggregated role are its controller's",
    ),
    pytest.param(
        NONE,
        obj("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration",
            {"webhooks": [{"name": "a", "clientConfig": {"caBundle": "", "url": "u"}}]}),
        obj("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration",
            {"webhooks": [{"name": "a", "clientConfig": {"caBundle": "Y2E=", "url": "u"}}]}),
        obj("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration",
            {"webhooks": [{"name": "a", "clientConfig": {"caBundle": "Y2E=", "url": "u"}}]}),
        id="a CA bundle filled in by others stays",
    ),
    pytest.param(
        NONE,
        obj("v1", "Namespace", {"metadata": {"namespace": "x", "uid": "other",
         "labels": {"a": "b"}},
                                "status": {"phase": "Nonsense"}}),
        obj("v1", "Namespace", {"metadata": {"labels": {"a": "b"}}}),
        obj("v1", "Namespace", {"metadata": {"labels": {"a": "b"}}}),
        id="identity, status and what the server sets are no wishes",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("last", "desired", "live", "expected"), CASES)
def test_live_becomes_what_git_says(last: JSON, desired: JSON, live: JSON, expected: JSON) -> None:
    assert merged(last or None, desired, as_live(live)) == expected
