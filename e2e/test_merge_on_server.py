"""The core against the real thing: what comes back from a server is what was wished for."""

from __future__ import annotations

import copy
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests
from ruamel.yaml import YAML

from e2e.mutations import IMMUTABLE, MUTATIONS, TYPE_CHANGES
from engine import jsonpatch, schema
from engine.merge import Sides, answers_of, compare
from engine.normalize import sendable
from engine.schema import Schemas
from tests import corpus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.servers.controlplane import ControlPlane
    from engine.kinds import Kinds
    from engine.model import JSON

BODIES = {corpus.title(body): body for body in corpus.bodies("NAMESPACE")}
CUSTOM = "corpus.plumb.example/v1"
# Admission puts a taint on every new Node; nobody keeps Nodes in Git.
TAINTED = "Node-corpus-node"
CRD = "CustomResourceDefinition-widgets.corpus.plumb.example"


@dataclass
class Server:
    """The API server as requests sees it, and where objects of a kind are."""

    url: str
    session: requests.Session
    known: Kinds
    namespace: str

    def path(self, body: JSON, name: str = "") -> str:
        resource = corpus.resource_of(body, self.known)
        return resource.path(self.namespace if resource.namespaced else "", name)

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.url + path, timeout=30, **options)

    def create(self, body: JSON) -> JSON:
        """Make the object anew, the way a sync does."""
        path = self.path(body)
        name = body["metadata"]["name"]
        if self.namespace not in path:
            self.clear(f"{path}/{name}")
        wish = sendable(body)
        wish["metadata"] = {k: v for k, v in wish["metadata"].items() if v is not None}
        options = {"fieldManager": "plumb", "fieldValidation": "Strict"}
        for _ in range(50):
            answer = self.send("POST", path, json=wish, params=options)
            if answer.status_code != requests.codes.conflict:
                break
            time.sleep(0.1)  # noqa: TID251 - a test has no stop event
        assert answer.ok, answer.text
        return answer.json()

    def clear(self, path: str) -> None:
        """Remove a cluster-scoped object that an earlier test made, whatever protects it."""
        merge = {"Content-Type": "application/merge-patch+json"}
        self.send("DELETE", path)
        self.send("PATCH", path, json={"metadata": {"finalizers": None}}, headers=merge)

    def read(self, body: JSON) -> JSON:
        return self.send("GET", self.path(body, body["metadata"]["name"])).json()

    def patch(self, body: JSON, operations: Any, *, dry_run: bool = False) -> requests.Response:
        options = {"fieldManager": "plumb", "fieldValidation": "Strict"}
        return self.send(
            "PATCH",
            self.path(body, body["metadata"]["name"]),
            data=jsonpatch.encode(operations),
            headers={"Content-Type": "application/json-patch+json"},
            params={**options, **({"dryRun": "All"} if dry_run else {})},
        )


@pytest.fixture(scope="module")
def session(api_server: ControlPlane) -> Iterator[requests.Session]:
    """A plain session with the administrator's certificate."""
    kubeconfig = YAML(typ="safe", pure=True).load(api_server.kubeconfig.read_text())
    cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
    with requests.Session() as session:
        # REQUESTS_CA_BUNDLE, where set, would win over verify (requests#3829).
        session.trust_env = False
        session.verify = cluster["certificate-authority"]
        session.cert = (user["client-certificate"], user["client-key"])
        yield session


@pytest.fixture(scope="module")
def schemas(api_server: ControlPlane, session: requests.Session) -> Schemas:
    """Return the running server's own schemas, custom ones from the CRD in Git."""
    index = session.get(f"{api_server.url}/openapi/v3", timeout=30).json()["paths"]
    documents = [
        session.get(api_server.url + entry["serverRelativeURL"], timeout=30).json()
        for entry in index.values()
    ]
    return Schemas.from_openapi(documents).with_definitions([BODIES[CRD]])


@pytest.fixture
def server(api_server: ControlPlane, session: requests.Session, namespace: str) -> Server:
    crd = BODIES[CRD]
    known = corpus.kinds()
    found = Server(api_server.url, session, known, namespace)
    found.send("POST", found.path(crd), json=crd)
    for _ in range(100):
        if found.send("GET", f"/apis/{CUSTOM}/widgets").ok:
            break
        time.sleep(0.1)  # noqa: TID251 - a test has no stop event
    return found


def _named(server: Server, title: str) -> JSON:
    body = copy.deepcopy(BODIES[title])
    if title == "Event-event.1":
        body["involvedObject"]["namespace"] = server.namespace
    return body


def test_nothing_differs_after_creating_any_kind(server: Server, schemas: Schemas) -> None:
    """Terse, quoted or defaulted: the first plan after a create is empty, and so is an adoption."""
    wrong = {}
    for title in BODIES:
        if title in (TAINTED, CRD):
            continue
        body = _named(server, title)
        reply = server.create(body)
        for offered, last in itertools.product((schemas, _shipped()), (body, None)):
            patch = compare(Sides(last, body, reply), schemas=offered)
            if patch.operations:
                wrong[title] = [edit.path for edit in patch.edits]
    assert wrong == {}


def _shipped() -> Schemas:
    return schema.bundled().with_definitions([BODIES[CRD]])


def test_strict_validation_accepts_what_no_problem_is_found_in(schemas: Schemas) -> None:
    found = {title: schema.problems(body, schemas) for title, body in BODIES.items()}
    assert {title: problems for title, problems in found.items() if problems} == {}


def test_an_answer_of_admission_settles_the_matter(server: Server, schemas: Schemas) -> None:
    """One write, then quiet with a note, until Git or somebody else changes the field."""
    body = _named(server, TAINTED)
    reply = server.create(body)
    answers = answers_of(body, reply, schemas=schemas)
    assert list(answers) == ["/spec/taints"]
    quiet = compare(Sides(body, body, reply), schemas=schemas, answers=answers)
    assert quiet.operations == ()
    assert "/spec/taints" in quiet.notes[0]
    drifted = copy.deepcopy(reply)
    drifted["spec"]["taints"].pop()
    assert compare(
        Sides(body, {**body, "spec": {"taints": []}}, drifted), schemas=schemas, answers=answers
    ).operations


@pytest.mark.parametrize("case", MUTATIONS)
def test_one_write_brings_a_change_of_git_home(server: Server, schemas: Schemas, case: str) -> None:
    title, edits = MUTATIONS[case]
    before = _named(server, title)
    after = jsonpatch.apply(edits, before)
    server.create(before)
    # Controllers write too: a conflict means to read and plan again, as in a sync.
    for _ in range(5):
        live = server.read(before)
        patch = compare(Sides(before, after, live), schemas=schemas)
        answer = server.patch(after, patch.operations)
        if answer.status_code != requests.codes.conflict:
            break
    assert answer.ok, answer.text
    assert patch.operations
    assert schema.replaced_fields(live, patch, schemas) == ()
    left = compare(Sides(after, after, answer.json()), schemas=schemas)
    assert [edit.path for edit in left.edits] == []
    if case == TYPE_CHANGES:
        return
    by_library = jsonpatch.apply(patch.operations, live)
    left = compare(Sides(None, by_library, answer.json()), schemas=schemas)
    assert [edit.path for edit in left.edits] == []


@pytest.mark.parametrize("case", IMMUTABLE)
def test_the_server_refuses_what_must_be_replaced(
    server: Server, schemas: Schemas, case: str
) -> None:
    title, edits = IMMUTABLE[case]
    before = _named(server, title)
    after = jsonpatch.apply(edits, before)
    if title != CRD:
        server.create(before)
    live = server.read(before)
    patch = compare(Sides(before, after, live), schemas=schemas)
    assert schema.replaced_fields(live, patch, schemas)
    answer = server.patch(after, patch.operations, dry_run=True)
    assert answer.status_code == requests.codes.unprocessable, answer.text
