"""One manifest becomes another of its kind: what a patch makes is what the server makes anew.

The other one, made from scratch, is the oracle; and what the server refuses, the plan says before.
"""

from __future__ import annotations

import copy
import http
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from engine import jsonpatch, schema
from engine.kube import config, discovery
from engine.kube.client import Client
from engine.merge import Sides, compare
from engine.normalize import sendable
from tests import corpus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.servers.controlplane import ControlPlane
    from engine.kinds import Kinds
    from engine.model import JSON
    from engine.schema import Schemas

PATCH = "application/json-patch+json"
STRICT = "fieldManager=plumb&fieldValidation=Strict"
UNPROCESSABLE = http.HTTPStatus.UNPROCESSABLE_ENTITY
NAMESPACE = "becoming"
LEFT_OUT = {
    "CustomResourceDefinition": "others of its corpus are made by it",
    "Namespace": "it is where all of this happens",
    "Node": "admission taints it",
}
# What no patch can bring about, or what differs and means the same; by kind and field.
APART = {
    ("Service", "clusterIP"): "allocated", ("Service", "clusterIPs"): "allocated",
    ("Service", "healthCheckNodePort"): "allocated", ("Service", "nodePort"): "allocated",
    ("Service", "ipFamilyPolicy"): "the server restores it",
    ("Service", "internalTrafficPolicy"): "what a type leaves behind",
    ("ConfigMap", "nothing"): "null in Git means that it is not there",
    ("HorizontalPodAutoscaler", "behavior"): "the server filled it in, and it is the default",
    ("ValidatingAdmissionPolicyBinding", "validationActions"): "a set: the order says nothing",
    ("ClusterRole", "rules"): "a controller fills them in",
}  # fmt: skip


def _pairs() -> Iterator[Any]:
    kinds: dict[tuple[str, str], list[JSON]] = defaultdict(list)
    for body in corpus.bodies(NAMESPACE):
        if body["kind"] not in LEFT_OUT:
            kinds[body["apiVersion"], body["kind"]].append(body)
    for (_, kind), bodies in kinds.items():
        for index, body in enumerate(bodies[: len(bodies) if len(bodies) > 1 else 0]):
            for step in (1, 2)[: len(bodies) - 1]:
                other = bodies[(index + step) % len(bodies)]
                names = (one["metadata"]["name"] for one in (body, other))
                yield pytest.param(body, other, id=f"{kind}-{'-to-'.join(names)}")


@pytest.fixture(scope="module")
def known(control_plane: ControlPlane) -> Iterator[tuple[Kinds, Schemas]]:
    control_plane.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    made: list[str] = []
    for body in corpus.bodies(NAMESPACE):
        if body["kind"] == "CustomResourceDefinition":
            path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
            # The corpus's own tests may have made it before, on the same control plane.
            if not control_plane.is_there(f"{path}/{body['metadata']['name']}"):
                control_plane.create(path, body)
                made.append(f"{path}/{body['metadata']['name']}")
    connection = config.load(kubeconfig=str(control_plane.kubeconfig), context=None)
    with Client(connection, connections=2) as client:
        kinds = corpus.kinds()
        crds = [b for b in corpus.bodies(NAMESPACE) if b["kind"] == "CustomResourceDefinition"]
        versions = {resource.api_version for resource in kinds}
        schemas = discovery.schemas(client, versions, cache_dir=None).with_definitions(crds)
        deadline = time.monotonic() + 20
        for crd in crds:
            spec = crd["spec"]
            served = (
                f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
            )
            while not control_plane.is_there(served):
                assert time.monotonic() < deadline
                time.sleep(0.1)  # noqa: TID251 - a test has no stop event
        yield kinds, schemas
    for path in made:  # or the corpus's tests would find it there
        control_plane.delete(path)


@pytest.mark.parametrize(("before", "after"), list(_pairs()))
def test_a_patch_makes_what_the_server_makes_anew(
    control_plane: ControlPlane, known: tuple[Kinds, Schemas], before: JSON, after: JSON
) -> None:
    kinds, schemas = known
    is_namespaced = corpus.resource_of(before, kinds).namespaced
    first, second = (_in_place(body, is_namespaced=is_namespaced) for body in (before, after))
    second["metadata"]["name"] = first["metadata"]["name"]
    path = corpus.resource_of(before, kinds).path(NAMESPACE if is_namespaced else "")
    made = control_plane.request("POST", f"{path}?{STRICT}", body=first)
    assert made.status == http.HTTPStatus.CREATED, made.body
    name = f"{path}/{first['metadata']['name']}"
    patch = compare(Sides(first, second, made.body), schemas=schemas)
    fields = schema.replaced_fields(made.body, patch, schemas)
    sent = jsonpatch.encode(patch.operations)
    answer = control_plane.request(
        "PATCH", f"{name}?{STRICT}&dryRun=All", body=sent, content_type=PATCH
    )
    _clear(control_plane, name)
    fresh = control_plane.request("POST", f"{path}?{STRICT}&dryRun=All", body=second)

    if answer.status == UNPROCESSABLE and fresh.status == http.HTTPStatus.CREATED:
        assert fields, answer.body
    elif answer.status == http.HTTPStatus.OK and not fields:
        assert fresh.status == http.HTTPStatus.CREATED, fresh.body
        found = list(_differences(schemas, _unnumbered(answer.body), fresh.body))
        assert [line for line in found if not _is_apart(before["kind"], line)] == []


def _in_place(body: JSON, *, is_namespaced: bool) -> JSON:
    made = sendable(copy.deepcopy(body))
    metadata = {k: v for k, v in made["metadata"].items() if v is not None and k != "finalizers"}
    metadata.pop("namespace", None)
    return {**made, "metadata": {**metadata, **({"namespace": NAMESPACE} if is_namespaced else {})}}


def _clear(control_plane: ControlPlane, path: str) -> None:
    control_plane.request("DELETE", f"{path}?gracePeriodSeconds=0&propagationPolicy=Background")
    if control_plane.get(path) is not None:  # protected, as claims and volumes are
        control_plane.request(
            "PATCH", path, body={"metadata": {"finalizers": None}},
            content_type="application/merge-patch+json",
        )  # fmt: skip


def _differences(schemas: Schemas, patched: JSON, fresh: JSON) -> Iterator[str]:
    """Yield the fields in which one differs from the other, by Plumb's own eyes, in both ways."""
    apart = ("managedFields", "generation", "creationTimestamp", "uid", "resourceVersion")
    for one, other in ((patched, fresh), (fresh, patched)):
        wish = {k: v for k, v in one.items() if k != "status"}
        wish["metadata"] = {k: v for k, v in one["metadata"].items() if k not in apart}
        yield from (edit.path for edit in compare(Sides(None, wish, other), schemas=schemas).edits)


def _unnumbered(body: JSON) -> JSON:
    """Return it without the revision that a controller may have written by now."""
    annotations = body["metadata"].get("annotations") or {}
    if annotations.pop("deployment.kubernetes.io/revision", None) and not annotations:
        del body["metadata"]["annotations"]
    return body


def _is_apart(kind: str, path: str) -> bool:
    return any((kind, part) in APART for part in path.split("/"))
