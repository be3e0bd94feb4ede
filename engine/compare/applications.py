"""Which applications a revision describes: the files of -f, or a quick look into every blob.

Belongs here: finding Application documents in a Tree, and with the same look the files that define
kinds. Not here: what the applications ask for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import ManifestError, PlumbError, SettingsError
from engine.model import GROUP
from engine.parse import documents
from engine.render.files import SUFFIXES
from engine.settings import applications

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.model import JSON, Application, Revision, Tree

_APPLICATION = (f"{GROUP}/".encode(), b"Application")
_DEFINITION = (b"CustomResourceDefinition", b"openAPIV3Schema")
_CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two revisions, or of what an application reads instead."""

    tree: Tree
    revision: Revision


@dataclass(frozen=True, slots=True)
class Found:
    """One Application document and the file it stands in."""

    application: Application
    path: str


@dataclass(slots=True)
class Catalog:
    """What one side describes: applications by name, and what of it could not be read."""

    applications: dict[str, Found] = field(default_factory=dict)
    errors: list[PlumbError] = field(default_factory=list)

    def add(self, found: Found) -> None:
        """Note an application; two of one name are an error that names both files."""
        name = str(found.application)
        other = self.applications.setdefault(name, found)
        if other is not found:
            error = SettingsError(
                "PLB111", f"Application {name} is also in {other.path}", where=found.path,
                hint="give one of them another name",
            )  # fmt: skip
            self.errors.append(error)


class Blobs:
    """The files of revisions, by id: what two revisions share is looked at once."""

    def __init__(self) -> None:
        self._folders: dict[str, tuple[tuple[str, str], ...]] = {}
        self._marks: dict[str, tuple[bool, bool]] = {}

    def marked(self, tree: Tree) -> tuple[list[str], list[str]]:
        """Return the paths that may hold Applications, and those that may define kinds."""
        applications, definitions = [], []
        for path, identity in self.files(tree):
            marks = self._marks.get(identity) if identity else None
            if marks is None:
                data = tree.read(path)
                marks = (_holds(data, _APPLICATION), _holds(data, _DEFINITION))
                if identity:
                    self._marks[identity] = marks
            if marks[0]:
                applications.append(path)
            if marks[1]:
                definitions.append(path)
        return applications, definitions

    def files(self, tree: Tree, path: str = "") -> Iterator[tuple[str, str]]:
        """Yield every manifest file below a folder with its id, in Git's order."""
        base = f"{path}/" if path else ""
        for entry in tree.entries(path):
            if entry.kind == "folder":
                for inner, identity in self._below(tree, base + entry.name, entry.id):
                    yield f"{base}{entry.name}/{inner}", identity
            elif entry.kind == "file" and entry.name.endswith(SUFFIXES):
                yield base + entry.name, entry.id

    def _below(self, tree: Tree, path: str, identity: str) -> tuple[tuple[str, str], ...]:
        known = self._folders.get(identity) if identity else None
        if known is None:
            start = len(path) + 1
            known = tuple((found[start:], name) for found, name in self.files(tree, path))
            if identity:
                self._folders[identity] = known
        return known


def _holds(data: bytes, words: tuple[bytes, ...]) -> bool:
    return all(word in data for word in words)


def discovered(side: Side, blobs: Blobs, *, namespace: str, root: str) -> Catalog:
    """Return the Applications that any file of the revision describes."""
    catalog = Catalog()
    for path in blobs.marked(side.tree)[0]:
        _read(side, path, catalog, namespace=namespace, root=root, only=False)
    return catalog


def given(
    side: Side, paths: Sequence[str], blobs: Blobs, *, namespace: str, root: str
) -> Catalog:  # fmt: skip
    """Return the Applications of these files and folders of the revision.

    A file that is not in this revision describes none: it may be new, or on its way out.
    """
    catalog = Catalog()
    for path in paths:
        entry = side.tree.find(path)
        if entry is None:
            continue
        if entry.kind == "file":
            _read(side, path, catalog, namespace=namespace, root=root, only=True)
            continue
        for file, _ in blobs.files(side.tree, path):
            if _holds(side.tree.read(file), _APPLICATION):
                _read(side, file, catalog, namespace=namespace, root=root, only=False)
    return catalog


def _read(
    side: Side, path: str, catalog: Catalog, *, namespace: str, root: str, only: bool
) -> None:  # fmt: skip
    folder = f"{root}/{path}".rpartition("/")[0]
    try:
        data = side.tree.read(path)
        found = applications(
            data, path=path, namespace=namespace, folder=folder, only=only
        )  # fmt: skip
    except SettingsError as error:
        catalog.errors.append(error)
        return
    for application in found:
        catalog.add(Found(application, path))


def definitions(side: Side, blobs: Blobs) -> list[JSON]:
    """Return the CustomResourceDefinitions of a revision; files that cannot be read have none."""
    found = []
    for path in blobs.marked(side.tree)[1]:
        try:
            for document in documents(side.tree.read(path), path=path):
                body = document.body
                kind = body.get("kind") if isinstance(body, dict) else None
                if kind == _CRD[1] and str(body.get("apiVersion", "")).startswith(_CRD[0]):
                    found.append(body)
        except ManifestError:
            continue  # told by the application it belongs to, if there is one
    return found
