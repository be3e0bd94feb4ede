"""What the corpus found on a real server: (desired, live as it came back) is no difference.

Each row was a false difference, cut down to the field that made it (e2e/test_corpus.py).
"""

from __future__ import annotations

import pytest

from engine import schema
from engine.kinds import Kinds
from engine.merge import three_way
from tests.bodies import JSON, deployment, obj, unknown, widget
from tests.triples import SCHEMAS

RBAC = "rbac.authorization.k8s.io"
SERVER_METRICS = [
    {"type": "Resource",
     "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}},
]  # fmt: skip
ADMITTED = [
    {"key": f"node.kubernetes.io/{state}", "operator": "Exists", "effect": "NoExecute",
     "tolerationSeconds": 300}
    for state in ("not-ready", "unreachable")
]  # fmt: skip


def binding(role: JSON) -> JSON:
    return obj(f"{RBAC}/v1", "RoleBinding", {"roleRef": role})


def webhook(**fields: JSON) -> JSON:
    fields = {"name": "a.example.com", **fields}
    api_version = "admissionregistration.k8s.io/v1"
    return obj(api_version, "ValidatingWebhookConfiguration", {"webhooks": [fields]})


def claims(*claims: JSON) -> JSON:
    return obj("apps/v1", "StatefulSet", {"spec": {"volumeClaimTemplates": list(claims)}})


def tolerating(*tolerations: JSON) -> JSON:
    return obj("v1", "Pod", {"spec": {"tolerations": list(tolerations)}})


def autoscaler(**spec: JSON) -> JSON:
    return obj("autoscaling/v2", "HorizontalPodAutoscaler", {"spec": spec})


def policy(**spec: JSON) -> JSON:
    return obj("networking.k8s.io/v1", "NetworkPolicy", {"spec": spec})


SAME = [
    pytest.param(
        binding({"kind": "Role", "name": "r", "apiGroup": ""}),
        binding({"kind": "Role", "name": "r", "apiGroup": RBAC}),
        id="an empty apiGroup is left to its default",
    ),
    pytest.param(
        webhook(objectSelector=None), webhook(objectSelector={}),
        id="null where the server puts an empty selector",
    ),
    pytest.param(
        obj("coordination.k8s.io/v1", "Lease", {"spec": None}),
        obj("coordination.k8s.io/v1", "Lease", {"spec": {}}), id="null for an empty object",
    ),
    pytest.param(deployment(replicas=None), deployment(replicas=1), id="null for a default"),
    pytest.param(
        deployment(strategy={"type": "RollingUpdate", "rollingUpdate": None}),
        deployment(strategy={"type": "RollingUpdate",
                             "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}),
        id="null for a default that is an object",
    ),
    pytest.param(policy(podSelector=None), policy(podSelector={}), id="null selects all"),
    pytest.param(
        policy(ingress=[{"ports": [{"port": 80, "protocol": None}]}]),
        policy(ingress=[{"ports": [{"port": 80, "protocol": "TCP"}]}]),
        id="null for a default in an atomic list",
    ),
    pytest.param(widget(size=None), widget(size=3), id="null for a default of a CRD"),
    pytest.param(
        claims({"metadata": {"name": "d"}, "status": {}}),
        claims({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "d"},
                "status": {"phase": "Pending"}}),
        id="an empty status in a claim template",
    ),
    pytest.param(
        autoscaler(metrics=[]), autoscaler(metrics=SERVER_METRICS),
        id="no metrics are the server's metrics",
    ),
    pytest.param(
        tolerating({"key": "a", "operator": "Exists"}),
        tolerating({"key": "a", "operator": "Exists"}, *ADMITTED),
        id="tolerations of admission",
    ),
    pytest.param(
        obj("v1", "Pod", {"spec": {}}), tolerating(*ADMITTED), id="tolerations of admission alone",
    ),
    pytest.param(
        unknown(a=1.2345678901234567e19), unknown(a=12345678901234567000),
        id="more than 64 bits are a float on the server",
    ),
]  # fmt: skip
DIFFERENT = [
    pytest.param(deployment(replicas=None), deployment(replicas=5), id="null for no default"),
    pytest.param(
        binding({"kind": "Role", "name": "r", "apiGroup": ""}),
        binding({"kind": "Role", "name": "r", "apiGroup": "example.com"}), id="another group",
    ),
    pytest.param(autoscaler(metrics=[]), autoscaler(metrics=[
        {"type": "Pods", "pods": {"metric": {"name": "x"}}}]), id="metrics of somebody"),
    pytest.param(
        tolerating(), tolerating({"operator": "Exists"}, *ADMITTED),
        id="a toleration of somebody",
    ),
    pytest.param(
        claims({"metadata": {"name": "d"}, "status": {}}), claims({"metadata": {"name": "e"}}),
        id="another claim",
    ),
    pytest.param(unknown(a=2**60), unknown(a=2**60 + 1), id="64 bits are exact"),
]  # fmt: skip


@pytest.mark.parametrize("is_known", [True, False], ids=["applied before", "adopted"])
@pytest.mark.parametrize(("desired", "live"), SAME)
def test_what_the_server_makes_of_it_is_no_difference(
    desired: JSON, live: JSON, *, is_known: bool
) -> None:
    assert three_way(desired if is_known else None, desired, live, schemas=SCHEMAS) == []


@pytest.mark.parametrize(("desired", "live"), DIFFERENT)
def test_what_somebody_made_of_it_is_a_difference(desired: JSON, live: JSON) -> None:
    assert three_way(desired, desired, live, schemas=SCHEMAS) != []


UNSOUND = [
    {"openAPIV3Schema": {"type": {}}},
    {"openAPIV3Schema": {"properties": ["spec"]}},
    {"openAPIV3Schema": {"properties": {"spec": "object"}}},
    {"openAPIV3Schema": {"properties": {"spec": {"items": True}}}},
    {"openAPIV3Schema": {"required": 1}},
    # Before YAML 1.2, an unquoted `on` is true.
    {"openAPIV3Schema": {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [True]}},
    {"openAPIV3Schema": {"x-kubernetes-validations": ["self == oldSelf"]}},
    {"openAPIV3Schema": {"allOf": {}}},
    {"openAPIV3Schema": []},
    "v1",
    None,
]


@pytest.mark.parametrize("broken", UNSOUND)
def test_a_definition_that_is_not_whole_says_nothing_of_its_objects(broken: JSON) -> None:
    """It used to be an unexpected TypeError, which kept back the whole application."""
    crd = _definition({"name": "v1", "served": True, "storage": True, "schema": broken})
    known = schema.bundled().with_definitions([crd])
    body = obj("unsound.example/v1", "Thing", {"spec": {"a": [1]}})
    assert known.of("unsound.example/v1", "Thing") is None
    assert schema.problems(body, known) == ()
    assert three_way(None, body, body, schemas=known) == []
    assert Kinds.bundled().with_definitions([crd]).resource("unsound.example/v1", "Thing")


@pytest.mark.parametrize("versions", [None, 1, "v1", {}, [None, "v1", 1]])
def test_versions_that_are_no_list_define_nothing(versions: JSON) -> None:
    crd = {**_definition(), "spec": {**_definition()["spec"], "versions": versions}}
    known = schema.bundled().with_definitions([crd])
    assert known.of("unsound.example/v1", "Thing") is None


def test_null_in_a_schema_is_left_out() -> None:
    fields = {"items": None, "required": None, "properties": None, "default": None}
    spec = {
        "type": "object",
        "required": None,
        "properties": {"spec": {"type": "object", **fields}},
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": spec}}
    known = schema.bundled().with_definitions([_definition(version)])
    body = obj("unsound.example/v1", "Thing", {"spec": {}})
    assert known.of("unsound.example/v1", "Thing") is not None
    assert schema.problems(body, known) == ()


def _definition(*versions: JSON) -> JSON:
    names = {"kind": "Thing", "plural": "things"}
    spec = {"group": "unsound.example", "names": names, "versions": list(versions)}
    return obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", {"spec": spec})
