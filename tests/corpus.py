"""Manifests of every kind a person may create, as people write them (tests/golden/manifests)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.kinds import Kinds, Resource
from engine.parse import documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.model import JSON

FOLDER = Path(__file__).parent / "golden" / "manifests"


def bodies(namespace: str) -> Iterator[JSON]:
    """Yield the manifests with lists unfolded; CRDs come before what they define."""
    for path in sorted(FOLDER.glob("*.yaml")):
        text = path.read_bytes().replace(b"NAMESPACE", namespace.encode())
        for document in documents(text, path=path.name):
            yield from (
                document.body["items"] if document.body["kind"] == "List" else [document.body]
            )


def kinds() -> Kinds:
    """Return the built-in kinds and those that the corpus itself defines."""
    crds = [body for body in bodies("any") if body["kind"] == "CustomResourceDefinition"]
    return Kinds.bundled().with_definitions(crds)


def resource_of(body: JSON, known: Kinds) -> Resource:
    """Return where objects of this kind are found."""
    resource = known.resource(body["apiVersion"], body["kind"])
    assert resource is not None, f"{body['kind']} is not known"
    return resource


def title(body: JSON) -> str:
    """Return the name of a test case."""
    return f"{body['kind']}-{body['metadata']['name']}"
