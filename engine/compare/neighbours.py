"""Who else wants an object, among the applications that a change does not touch.

They are not rendered: a file is read as YAML only where its bytes hold the object's name and kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import ManifestError, PlumbError
from engine.namespaces import place
from engine.render import normal_path, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from engine.compare.applications import Blobs, Side
    from engine.kinds import Kinds
    from engine.model import Application, Manifest, ObjectRef


def neighbours(
    refs: AbstractSet[ObjectRef], applications: Sequence[Application], side: Side, kinds: Kinds,
    *, blobs: Blobs,
) -> Mapping[ObjectRef, tuple[str, Manifest]]:  # fmt: skip
    """Return for each of these objects the first application that has it, and its manifest.

    An application that cannot be read wants nothing here: it was so before the change too.
    """
    found: dict[ObjectRef, tuple[str, Manifest]] = {}
    if not refs:
        return found
    for application in applications:
        for path in _mentioning(refs, application, side, blobs):
            for manifest in _objects(application, side, path, kinds):
                if manifest.ref in refs:
                    found.setdefault(manifest.ref, (str(application), manifest))
    return found


def _mentioning(
    refs: Iterable[ObjectRef], application: Application, side: Side, blobs: Blobs
) -> list[str]:
    """Return the files whose bytes may hold one of the objects."""
    default = application.target_namespace or application.namespace
    wanted = []
    for ref in refs:
        words = {ref.name.encode(), ref.kind.encode()}
        if ref.namespace not in ("", default):
            words.add(ref.namespace.encode())
        wanted.append(words)
    paths = []
    try:
        at = normal_path(application.source.path)
        for path, _ in blobs.files(side.tree, at):
            data = side.tree.read(path)
            if any(all(word in data for word in words) for words in wanted):
                paths.append(path)
    except PlumbError:
        return []
    return paths


def _objects(application: Application, side: Side, path: str, kinds: Kinds) -> Iterable[Manifest]:
    try:
        placement = place(render(side.tree, path).manifests, application, kinds)
    except ManifestError:
        return ()
    return placement.manifests
