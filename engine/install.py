"""Plumb's own manifests, as they are in manifests/ and in every installed copy of Plumb.

Belongs here: reading them as kubectl kustomize would. It knows what those kustomizations use
(resources, JSON patches on one target) and refuses everything else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from engine import jsonpatch, parse
from engine.errors import SettingsError
from engine.git.objects import object_id
from engine.model import Application, Revision, Source, TreeEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.model import JSON

Scope: TypeAlias = Literal["cluster", "namespace"]

IMAGE: Final = "plumb"
NAMESPACE: Final = "plumb-system"
_KNOWN: Final = {"apiVersion", "kind", "resources", "patches"}
_FILE: Final = "plumb.yaml"


def bodies(scope: Scope, *, image: str = "") -> list[JSON]:
    """Return every object that the overlay of this scope holds; ``image`` replaces Plumb's own."""
    found = list(_kustomized(_folder() / "overlays" / scope))
    for body in found:
        if body["kind"] == "Deployment" and image:
            for container in body["spec"]["template"]["spec"]["containers"]:
                if container["image"].partition(":")[0] == IMAGE:
                    container["image"] = image
    return found


def text(found: list[JSON]) -> bytes:
    """Return them as one YAML stream."""
    return "".join(f"---\n{parse.dump(body)}" for body in found).encode()


def application() -> Application:
    """Return the application that an installed Plumb is: it owns what it was installed with."""
    return Application("plumb", NAMESPACE, Source("the plumb program"), wait=False)


class Bundle:
    """The manifests as engine.model.Tree, with the digest of their content for a commit."""

    def __init__(self, data: bytes, *, version: str) -> None:
        self._data = data
        self._id = object_id("blob", data)
        self.revision = Revision(
            self._id, self._id, ref=f"version {version}", author="Plumb", subject="Install Plumb"
        )

    def entries(self, path: str) -> list[TreeEntry]:
        """List the one file."""
        return [TreeEntry(_FILE, "file", self._id)] if not path else []

    def find(self, path: str) -> TreeEntry | None:
        """Return the root or the one file."""
        if not path:
            return TreeEntry("", "folder", self._id)
        return TreeEntry(_FILE, "file", self._id) if path == _FILE else None

    def read(self, path: str) -> bytes:  # noqa: ARG002 - there is one file
        """Return its content."""
        return self._data


def _folder() -> Path:
    """Where they are: inside of an installed package, beside it in a source tree."""
    here = Path(__file__).parent
    for folder in (here / "manifests", here.parent / "manifests"):
        if (folder / "base" / "kustomization.yaml").is_file():
            return folder
    raise SettingsError(
        "PLB162", "this copy of Plumb has no manifests", where=str(here / "manifests"),
        hint="install it again from a wheel, or use kubectl apply -k with the source tree",
    )  # fmt: skip


def _kustomized(folder: Path) -> Iterator[JSON]:
    (kustomization,) = _documents(folder / "kustomization.yaml")
    if strange := kustomization.keys() - _KNOWN:
        raise SettingsError(
            "PLB162", f"{', '.join(sorted(strange))} is not understood", where=str(folder),
            hint="use kubectl apply -k instead",
        )  # fmt: skip
    found: list[JSON] = []
    for name in kustomization["resources"]:
        place = folder / name
        found += _kustomized(place) if place.is_dir() else _documents(place)
    for patch in kustomization.get("patches", ()):
        target = patch["target"]
        (operations,) = parse.documents(patch["patch"].encode(), path=str(folder))
        found = [
            jsonpatch.apply(operations.body, body) if _is_meant(body, target) else body
            for body in found
        ]
    yield from found


def _is_meant(body: JSON, target: JSON) -> bool:
    return (body["kind"], body["metadata"]["name"]) == (target["kind"], target["name"])


def _documents(file: Path) -> list[JSON]:
    return [document.body for document in parse.documents(file.read_bytes(), path=str(file))]
