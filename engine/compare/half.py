"""One application at one revision: what it renders to, and where that belongs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.namespaces import Placement, place
from engine.normalize import sendable, wished
from engine.parse import locate
from engine.render import Rendering, render

if TYPE_CHECKING:
    from engine.compare.applications import Side
    from engine.kinds import Kinds
    from engine.model import JSON, Application, Manifest, ObjectRef


@dataclass(slots=True)
class Half:
    """What one application wants at one side; ``manifests`` have their final identity.

    ``owned`` are those of them that it may have.
    """

    application: Application
    side: Side
    rendering: Rendering
    placement: Placement = field(default_factory=lambda: Placement(()))
    manifests: dict[ObjectRef, Manifest] = field(default_factory=dict)
    owned: dict[ObjectRef, Manifest] = field(default_factory=dict)

    def place(self, kinds: Kinds) -> None:
        """Give every manifest its namespace; raises ManifestError for two that are one object."""
        self.placement = place(self.rendering.manifests, self.application, kinds)
        refused = (found.manifest for found in self.placement.refused)
        self.owned = {m.ref: m for m in self.placement.manifests}
        self.manifests = {m.ref: m for m in (*self.placement.manifests, *refused)}

    def where(self, manifest: Manifest, pointer: str) -> str:
        """Return path:line:column of a value in Git."""
        origin = manifest.origin
        data = self.side.tree.read(origin.path)
        line, column = locate(data, document=origin.document, pointer=origin.pointer + pointer)
        return f"{origin.path}:{line}:{column}"


def read_half(application: Application, side: Side) -> Half:
    """Render an application; raises ManifestError, GitError or SettingsError."""
    return Half(application, side, render(side.tree, application.source.path))


def stored(body: JSON) -> JSON:
    """Return a manifest as the server would have it once it was applied, as far as Git says.

    Without what is not sent, with ``stringData`` in ``data``, and without nulls, which ask for
    absence.
    """
    kept = {key: value for key, value in sendable(body).items() if key != "stringData"}
    wish = wished(body)
    if "data" in wish:
        kept["data"] = wish["data"]
    found: JSON = _without_nulls(kept)
    return found


def _without_nulls(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value
