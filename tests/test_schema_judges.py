"""What the schemas refuse before the server does: problems, and fields that cannot change."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest

from engine import schema
from engine.model import ABSENT, Edit, Patch, Why
from tests import corpus
from tests.triples import SCHEMAS

JSON: TypeAlias = Any


def test_no_manifest_that_a_server_takes_has_a_problem() -> None:
    crds = [b for b in corpus.bodies("ns") if b["kind"] == "CustomResourceDefinition"]
    known = schema.bundled().with_definitions(crds)
    assert [found for b in corpus.bodies("ns") for found in schema.problems(b, known)] == []


def deployment(spec: JSON) -> JSON:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": spec}


def widget(spec: JSON) -> JSON:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "spec": spec}


PROBLEMS = [
    (deployment({"Replicas": 1}), "/spec/Replicas",
     "unknown field spec.Replicas; did you mean replicas?"),
    (deployment({"templte": {}}), "/spec/templte",
     "unknown field spec.templte; did you mean template?"),
    (deployment({"qqqq": {}}), "/spec/qqqq", "unknown field spec.qqqq"),
    (deployment({"replicas": "1"}), "/spec/replicas",
     "spec.replicas must be a whole number, is a string"),
    (deployment({"replicas": 1.5}), "/spec/replicas",
     "spec.replicas must be a whole number, is a number"),
    (deployment({"replicas": True}), "/spec/replicas",
     "spec.replicas must be a whole number, is true or false"),
    (deployment({"paused": "true"}), "/spec/paused",
     "spec.paused must be true or false, is a string"),
    (deployment({"template": []}), "/spec/template", "spec.template must be an object, is a list"),
    (deployment({"template": {"spec": {"containers": {}}}}), "/spec/template/spec/containers",
     "spec.template.spec.containers must be a list, is an object"),
    (deployment({"template": {"spec": {"containers": [{"name": "a", "imag": "x"}]}}}),
     "/spec/template/spec/containers/0/imag",
     "unknown field spec.template.spec.containers[0].imag; did you mean image?"),
    (deployment({"template": {"spec": {"containers": [{"name": "a"}, {"name": "a"}]}}}),
     "/spec/template/spec/containers/1",
     "spec.template.spec.containers[1] has the same name as one above"),
    (deployment({"REPLICAS": 1}), "/spec/REPLICAS",
     "unknown field spec.REPLICAS; did you mean replicas?"),
    ({"apiVersion": "v1", "kind": "ConfigMap", "data": []}, "/data",
     "data must be an object, is a list"),
    ({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": 5}}, "/data/a",
     "data.a must be a string, is a number"),
    ({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 1, "targetPort": 1.5}]}},
     "/spec/ports/0/targetPort",
     "spec.ports[0].targetPort must be a whole number or a string, is a number"),
    ({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [
        {"port": 1}, {"port": 1, "protocol": "TCP"}]}}, "/spec/ports/1",
     "spec.ports[1] has the same port and protocol as one above"),
    ({"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"cpu": True}}},
     "/spec/hard/cpu", "spec.hard.cpu must be a quantity, is true or false"),
    (widget({"ports": [{"protocol": "UDP"}]}), "/spec/ports/0", "spec.ports[0].port is missing"),
    (widget({"plain": [None]}), "/spec/plain/0", "spec.plain[0] must not be null"),
    (widget({"surplus": 1}), "/spec/surplus", "unknown field spec.surplus"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "pointer", "message"), PROBLEMS)
def test_a_problem_names_place_and_type(body: JSON, pointer: str, message: str) -> None:
    assert [(p.pointer, p.message) for p in schema.problems(body, SCHEMAS)] == [(pointer, message)]


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (deployment({"Replicas": 1}), "unknown"),
        (deployment({"replicas": "1"}), "type"),
        (widget({"ports": [{"protocol": "UDP"}]}), "missing"),
        (deployment({"template": {"spec": {"containers": [{"name": "a"}, {"name": "a"}]}}}),
         "double"),
    ],
)  # fmt: skip
def test_a_problem_says_which_rule_it_breaks(body: JSON, rule: str) -> None:
    assert [p.rule for p in schema.problems(body, SCHEMAS)] == [rule]


@pytest.mark.parametrize(
    "body",
    [
        deployment({"replicas": 1.0, "template": None,
         "strategy": {"rollingUpdate": {"maxSurge": "5%"}}}),
        deployment({"template": {"spec": {"containers": [{"args": [None], "env": None}]}}}),
        {**deployment({}), "status": {"anything": 1, "replicas": "no number"}},
        widget({"free": {"x": [1, None, {"y": None}]}, "none": None, "one": None, "size": None}),
        widget({"ports": [{"port": 1}, {"port": 1, "protocol": "UDP"}]}),
        {"apiVersion": "example.com/v1", "kind": "Unknown", "spec": {"x": 1}},
        {"apiVersion": "apps/v1", "kind": "ControllerRevision", "data": {"x": 1}, "revision": 1},
        {"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"cpu": 1, "memory": 1.5}}},
    ],
)  # fmt: skip
def test_what_cannot_be_judged_passes(body: JSON) -> None:
    assert schema.problems(body, SCHEMAS) == ()


def test_unknown_fields_come_with_a_suggestion() -> None:
    body = deployment({"Paused": True, "template": {"spec": {"containers": [{"zzz": 1}]}}})
    assert [tuple(found) for found in schema.unknown_fields(body, SCHEMAS)] == [
        ("/spec/Paused", "paused"),
        ("/spec/template/spec/containers/0/zzz", ""),
    ]
    assert schema.unknown_fields({"apiVersion": "x/v1", "kind": "Y"}, SCHEMAS) == ()
    assert schema.unknown_fields(widget({"free": {"x": {"y": 1}}}), SCHEMAS) == ()


# --- what cannot change --------------------------------------------------------------------------


def replaced(live: JSON, *paths: str) -> tuple[str, ...]:
    edits = tuple(Edit(path, 1, 2, Why.CHANGED) for path in paths)
    return schema.replaced_fields(live, Patch((), edits), SCHEMAS)


def live(api_version: str, kind: str, **fields: JSON) -> JSON:
    return {"apiVersion": api_version, "kind": kind, **fields}


@pytest.mark.parametrize(
    ("body", "path", "frozen"),
    [
        (live("apps/v1", "Deployment"), "/spec/selector", True),
        (live("apps/v1", "Deployment"), "/spec/template/metadata/labels/a", False),
        (live("apps/v1", "StatefulSet"), "/spec/serviceName", True),
        (live("apps/v1", "StatefulSet"), "/spec/replicas", False),
        (live("apps/v1", "StatefulSet"), "/metadata/labels/a", False),
        (live("v1", "ConfigMap", immutable=True), "/data/a", True),
        (live("v1", "ConfigMap"), "/data/a", False),
        (live("v1", "Pod"), "/spec/containers/[name=a]/image", False),
        (live("v1", "Pod"), "/spec/containers/[name=a]/args", True),
        (live("v1", "Service", spec={"type": "ExternalName"}), "/spec/clusterIP", False),
        (live("v1", "Service", spec={}), "/spec/clusterIP", True),
        (live("batch/v1", "Job", spec={}), "/spec/template/spec/nodeSelector/a", True),
        (live("batch/v1", "Job", spec={"suspend": True}), "/spec/template/spec/nodeSelector/a",
         False),
        (live("batch/v1", "Job", spec={"suspend": True}, status={"startTime": "x"}),
         "/spec/template/spec/nodeSelector/a", True),
        (live("batch/v1", "Job", spec={"suspend": True}), "/spec/template/spec/containers", True),
        (live("batch/v1", "Job", spec={}), "/spec/completions", True),
        (live("batch/v1", "Job", spec={"completionMode": "Indexed"}), "/spec/completions", False),
        (live("example.com/v1", "Unknown"), "/spec/a", False),
        (live("v1", "ResourceQuota"), "/spec/scopes", True),
        (live("v1", "ResourceQuota"), "/spec/hard/pods", False),
        (live("v1", "Service", spec={"type": "LoadBalancer"}), "/spec/loadBalancerClass", True),
        (live("v1", "Service", spec={"type": "NodePort"}), "/spec/loadBalancerClass", False),
        (live("networking.k8s.io/v1", "IPAddress"), "/spec/parentRef/name", True),
        (live("resource.k8s.io/v1", "ResourceSlice"), "/spec/pool/name", True),
        (live("resource.k8s.io/v1", "ResourceSlice"), "/spec/pool/generation", False),
    ],
)  # fmt: skip
def test_the_table_of_frozen_fields(body: JSON, path: str, *, frozen: bool) -> None:
    assert replaced(body, path) == ((path,) if frozen else ())


@pytest.mark.parametrize(
    ("kind", "edits", "frozen"),
    [
        ("ResourceQuota", [("/spec", {"scopes": ["a"], "hard": {}}, ABSENT)], ["/spec"]),
        ("ResourceQuota", [("/spec", {"hard": {}}, ABSENT)], []),
        ("ResourceQuota", [("/spec", {"scopes": ["a"]}, {"scopes": ["a"], "hard": {}})], []),
        ("ResourceQuota", [("/spec", {"scopes": ["a"]}, "text")], ["/spec"]),
        ("ResourceQuota", [("/spec", "text", {"scopes": ["a"]})], []),
        ("Service", [("/spec/ipFamilies", ["IPv4"], ["IPv4", "IPv6"])], []),
        ("Service", [("/spec/ipFamilies", ["IPv4"], ["IPv6"])], ["/spec/ipFamilies"]),
        ("Service", [("/spec/ipFamilies", ABSENT, ["IPv6"])], []),
        ("Service", [("/spec/ipFamilies", ["IPv4"], ABSENT)], []),
        (
            "Service",
            [("/spec/clusterIP", "1", "2"), ("/spec/type", "ClusterIP", "NodePort")],
            ["/spec/clusterIP"],
        ),
        (
            "Service",
            [("/spec/clusterIP", "1", ABSENT), ("/spec/type", "ClusterIP", "ExternalName")],
            [],
        ),
        (
            "Service",
            [("/spec/loadBalancerClass", "1", ABSENT), ("/spec/type", "LoadBalancer", "ClusterIP")],
            [],
        ),
        ("Service", [("/spec/loadBalancerClass", "1", "2")], ["/spec/loadBalancerClass"]),
    ],
)
def test_what_a_change_is_counts_and_what_changes_beside_it(
    kind: str, edits: list[tuple[str, JSON, JSON]], frozen: list[str]
) -> None:
    made = tuple(Edit(path, before, after, Why.CHANGED) for path, before, after in edits)
    body = live("v1", kind, spec={"type": "LoadBalancer"})
    assert list(schema.replaced_fields(body, Patch((), made), SCHEMAS)) == frozen
