"""Operations and whole patches at random: the API server makes of them what the core says."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from e2e.faultfixtures import until
from e2e.test_merge_on_server import session
from engine import jsonpatch
from engine.errors import PatchError
from engine.merge import Sides, compare
from engine.merge.operations import MAX_OPERATIONS
from engine.model import ABSENT
from engine.schema import bundled

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from e2e.servers.controlplane import ControlPlane
    from engine.model import JSON

__all__ = ["session"]
GROUP = "patch.plumb.example"
KEYS = ("a", "b", "x/y~z", ".é", "", "0", "-")
SCALARS = (0, 1, -7, 2**53, True, False, "", "a", "80", "<&>é\u2028", "\t\x01", 1.5)
DEFINITION: JSON = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": f"blobs.{GROUP}"},
    "spec": {
        "group": GROUP, "scope": "Cluster", "names": {"plural": "blobs", "kind": "Blob"},
        "versions": [{
            "name": "v1", "served": True, "storage": True,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": True,
            }}}},
        }],
    },
}  # fmt: skip


@dataclass
class Blobs:
    """The objects of a kind that takes anything below ``spec``."""

    url: str
    session: requests.Session

    def create(self, spec: JSON) -> JSON:
        body = {
            "apiVersion": f"{GROUP}/v1", "kind": "Blob",
            "metadata": {"generateName": "blob-"}, "spec": spec,
        }  # fmt: skip
        answer = self.session.post(self.url, json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def patch(self, live: JSON, operations: Any) -> requests.Response:
        return self.session.patch(
            f"{self.url}/{live['metadata']['name']}",
            data=jsonpatch.encode(operations),
            params={"fieldManager": "plumb", "dryRun": "All"},
            headers={"Content-Type": "application/json-patch+json"},
            timeout=30,
        )


@pytest.fixture(scope="module")
def blobs(api_server: ControlPlane, session: requests.Session) -> Iterator[Blobs]:
    definitions = f"{api_server.url}/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    session.post(definitions, json=DEFINITION, timeout=30)
    found = Blobs(f"{api_server.url}/apis/{GROUP}/v1/blobs", session)
    until(lambda: session.get(found.url, timeout=30).ok)
    yield found
    session.delete(f"{definitions}/{DEFINITION['metadata']['name']}", timeout=30)


def value(chance: random.Random, depth: int = 0) -> JSON:
    match chance.randrange(4 if depth < 3 else 2):
        case 2:
            return {key: value(chance, depth + 1) for key in chance.sample(KEYS, 3)}
        case 3:
            return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
        case _:
            return chance.choice(SCALARS)


def changed(chance: random.Random, old: JSON) -> JSON:
    """Return what Git may make of a value: much of it stays."""
    if chance.random() < 0.15:
        return value(chance, 1)
    if isinstance(old, dict):
        left = {key: changed(chance, one) for key, one in old.items() if chance.random() < 0.85}
        return left | ({chance.choice(KEYS): value(chance, 2)} if chance.random() < 0.3 else {})
    if isinstance(old, list):
        return [changed(chance, one) for one in old]
    return old


def spec(chance: random.Random) -> JSON:
    return {key: value(chance) for key in KEYS}


@pytest.mark.parametrize("seed", range(4))
def test_what_a_patch_makes_of_an_object_is_what_the_server_makes_of_it(
    blobs: Blobs, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - examples, no secrets
    patches = 0
    for _ in range(25):
        before = spec(chance)
        live = blobs.create(before)
        head = {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": {}}
        last = {**head, "spec": before}
        wanted = {**head, "spec": {key: changed(chance, one) for key, one in before.items()}}
        patch = compare(Sides(last, wanted, live), schemas=bundled())
        answer = blobs.patch(live, patch.operations)
        assert answer.ok, (patch.operations, answer.text)
        assert answer.json()["spec"] == jsonpatch.apply(patch.operations, live)["spec"]
        assert answer.json()["spec"] == wanted["spec"]
        patches += bool(patch.operations)
    assert patches > 20


def operation(chance: random.Random, document: JSON) -> JSON:
    """Return an operation that may apply, or may not."""
    path, place = ["spec"], document["spec"]
    while isinstance(place, dict | list) and place and chance.random() < 0.8:
        key = chance.choice([*place] if isinstance(place, dict) else range(len(place)))
        path.append(str(key))
        place = place[key]
    if len(path) == 1 or chance.random() < 0.3:
        path.append(chance.choice((*KEYS, "1", "2", "7")))
        place = ABSENT
    op = chance.choice(("add", "replace", "remove", "test", "test"))
    pointer = jsonpatch.pointer(path)
    if op == "remove":
        return {"op": op, "path": pointer}
    is_right = op == "test" and place is not ABSENT and chance.random() < 0.8
    return {"op": op, "path": pointer, "value": place if is_right else value(chance, 2)}


@pytest.mark.parametrize("seed", range(4))
def test_the_server_applies_and_refuses_the_operations_that_the_core_does(
    blobs: Blobs, seed: int
) -> None:
    chance = random.Random(1000 + seed)  # noqa: S311 - examples, no secrets
    taken, refused = 0, 0
    for _ in range(25):
        live = blobs.create(spec(chance))
        for _ in range(6):
            operations = [operation(chance, live) for _ in range(chance.randrange(1, 4))]
            answer = blobs.patch(live, operations)
            try:
                result = jsonpatch.apply(copy.deepcopy(operations), live)
            except PatchError:
                assert not answer.ok, operations
                refused += 1
                continue
            assert answer.ok, (operations, answer.text)
            assert answer.json()["spec"] == result["spec"], operations
            taken += 1
    assert taken > 20
    assert refused > 20


def test_a_change_of_more_operations_than_the_server_takes_goes_through(blobs: Blobs) -> None:
    """The server refuses a patch of more than 10,000 operations: coarser ones do the same."""
    many = {f"k{number}": number for number in range(MAX_OPERATIONS + 500)}
    live = blobs.create({"many": many, "kept": 1})
    last = {**{k: live[k] for k in ("apiVersion", "kind")}, "metadata": {}, "spec": {"many": many}}
    wanted = {**last, "spec": {"many": {key: number + 1 for key, number in many.items()}}}
    single = [
        {"op": "replace", "path": f"/spec/many/{key}", "value": number + 1}
        for key, number in many.items()
    ]
    assert not blobs.patch(live, single).ok

    patch = compare(Sides(last, wanted, live), schemas=bundled())
    answer = blobs.patch(live, patch.operations)

    assert len(patch.operations) < 10
    assert answer.ok, answer.text
    assert answer.json()["spec"] == {**wanted["spec"], "kept": 1}
