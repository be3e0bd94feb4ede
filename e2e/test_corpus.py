"""Every manifest of tests/corpus: applied once, there is nothing left to do, whoever applied it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e import corpus
from e2e.corpus import BY_HAND, TOUCHED, Cluster, Stage, annotated, told
from engine.jsonpatch import pointer
from engine.kube import config, discovery
from engine.kube.client import Client
from engine.model import Adopt, Update

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.servers.controlplane import ControlPlane
    from engine.kinds import Kinds
    from engine.model import JSON, Plan

TITLES = corpus.titles()
WAYS = {
    "apply": ("apply",),
    "create": ("create",),
    "server-side": ("apply", "--server-side"),
}
# What kubectl itself refuses.
REFUSED = {("configuration/exported", "server-side"): "the uid in the manifest is another object's"}
# What kubectl itself makes different: it leaves a null out, and the server puts its default there.
REALLY = {
    ("custom/widgets", "apply"): ['  /spec/nullableDefault: "x" -> null (changed in the cluster)']
}
ANSWERS_ONLY = "it answers a question, and nothing is kept"
NOT_IN_GIT = {
    "Binding": "a request to a Pod, and nothing is kept",
    "LocalSubjectAccessReview": ANSWERS_ONLY,
    "SelfSubjectAccessReview": ANSWERS_ONLY,
    "SelfSubjectReview": ANSWERS_ONLY,
    "SelfSubjectRulesReview": ANSWERS_ONLY,
    "SubjectAccessReview": ANSWERS_ONLY,
    "TokenReview": ANSWERS_ONLY,
}


@pytest.fixture(scope="module")
def cluster(
    control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    connection = config.load(kubeconfig=str(control_plane.kubeconfig), context=None)
    with Client(connection, connections=8) as client:
        yield Cluster(control_plane, client, tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def kinds(cluster: Cluster) -> Kinds:
    return discovery.kinds(cluster.client)


def _open(cluster: Cluster, title: str, kinds: Kinds) -> Iterator[Stage]:
    found = Stage(cluster, title, kinds)
    found.open()
    try:
        yield found
    finally:
        found.close()


@pytest.fixture(params=TITLES)
def stage(request: pytest.FixtureRequest, cluster: Cluster, kinds: Kinds) -> Iterator[Stage]:
    yield from _open(cluster, request.param, kinds)


@pytest.fixture(params=[p for p in ((t, w) for t in TITLES for w in WAYS) if p not in REFUSED],
                ids="-".join)  # fmt: skip
def made_by_kubectl(
    request: pytest.FixtureRequest, cluster: Cluster, kinds: Kinds
) -> Iterator[Stage]:
    title, way = request.param
    for found in _open(cluster, title, kinds):
        found.kubectl(*WAYS[way])
        found.differs = REALLY.get((title, way), [])
        yield found


def test_a_second_plan_is_empty(stage: Stage) -> None:
    """Right after the first sync, when the controllers have had their say, and but for a change."""
    stage.sync()
    assert told(stage.plan()) == ""
    stage.rest()
    assert told(stage.plan()) == ""
    changes = stage.plan(annotated(stage.files)).changes
    assert {type(change) for change in changes} == {Update}
    edits = [e.path for c in changes if isinstance(c, Update) for e in c.patch.edits]
    assert edits == [pointer(("metadata", "annotations", TOUCHED))] * len(stage.live())


def test_what_kubectl_made_is_adopted_without_a_change(made_by_kubectl: Stage) -> None:
    """The difference before adoption names no field but for a real one; after it there is none."""
    stage = made_by_kubectl
    found = _really_different(stage.plan()).splitlines()
    assert [line for line in found if not line.startswith("Adopt ")] == stage.differs
    stage.sync()
    assert told(stage.plan()) == ""


def test_what_a_person_made_with_more_fields_is_adopted_and_keeps_them(stage: Stage) -> None:
    stage.by_hand()
    assert _really_different(stage.plan()) == ""
    stage.sync()
    assert told(stage.plan()) == ""
    labels = {path: body["metadata"]["labels"] for path, body in stage.live().items()}
    assert [path for path, found in labels.items() if BY_HAND not in found] == []


def test_every_kind_that_a_person_may_create_is_in_the_corpus(kinds: Kinds) -> None:
    """A new Kubernetes with a new kind fails here until somebody writes manifests of it."""
    creatable = {
        (resource.api_version, resource.kind)
        for resource in kinds
        if "create" in resource.verbs and _is_built_in(resource.group)
    }
    left_out = {kind for kind in creatable if kind[1] in NOT_IN_GIT}
    assert {kind for _, kind in left_out} == NOT_IN_GIT.keys()
    assert creatable - left_out - _written() == set()


def test_the_corpus_is_large() -> None:
    """Issue 4 asks for 150 manifests."""
    assert sum(1 for _ in _everything()) >= 150


def _is_built_in(group: str) -> bool:
    return "." not in group or group.endswith(".k8s.io")


def _written() -> set[tuple[str, str]]:
    return {(body["apiVersion"], body["kind"]) for body in _everything()}


def _everything() -> Iterator[JSON]:
    for title in TITLES:
        yield from corpus.bodies(corpus.texts(title, namespace="any", suffix="a000"))


def _really_different(plan: Plan) -> str:
    """Return what an adoption would change, and what keeps it from happening."""
    wrong = [c for c in plan.changes if not isinstance(c, Adopt) or c.patch.edits]
    return told(plan) if wrong else ""
