"""Everybody who is not Plumb: they edit, add, delete, protect and make objects, and take notes.

Their notes are half of what the checker knows; Git's history is the other half.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from e2e.faults.objects import Ref, addition, drift, manifest

if TYPE_CHECKING:
    from e2e.faults.direct import Direct

JSON: TypeAlias = Any
OWNER_LABEL = "plumb.dev/owner"
MARK = "plumb.dev/applied-by"
PRUNE = "plumb.dev/prune"


@dataclass
class People:
    """Others in one namespace, and what they did.

    ``additions`` by uid, for they go with the object; ``strangers`` are whole objects of theirs;
    ``protected`` the uids that carry ``plumb.dev/prune: disabled``.
    """

    direct: Direct
    namespace: str
    additions: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    strangers: dict[Ref, JSON] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)
    acts: int = 0

    def look(self, ref: Ref) -> JSON:
        return self.direct.get(ref.path(self.namespace))

    def edit(self, ref: Ref) -> None:
        """Change what Git owns."""
        self._patch(ref, drift(ref, f"drifted{self.acts}"))

    def add(self, ref: Ref) -> None:
        """Add something that Git does not know."""
        live = self.look(ref)
        if live is None or live["metadata"].get("deletionTimestamp"):
            return
        name = f"theirs-{self.acts}"
        done = self._patch(ref, addition(ref, name, live))
        if done is not None:
            self.additions[done["metadata"]["uid"]].add(name)

    def protect(self, ref: Ref) -> None:
        """Ask for the object never to be pruned."""
        done = self._patch(ref, {"metadata": {"annotations": {PRUNE: "disabled"}}})
        if done is not None:
            self.protected.add(done["metadata"]["uid"])

    def delete(self, ref: Ref) -> None:
        self.acts += 1
        self.direct.delete(ref.path(self.namespace))

    def recreate(self, ref: Ref) -> None:
        """Delete the object and make one of that name that is not Plumb's."""
        self.delete(ref)
        if self.look(ref) is None:
            body = manifest(ref, f"stranger{self.acts}")
            # Plumb may be faster; then it is not theirs.
            self.direct.create(Ref(ref.kind, "").path(self.namespace), body, may_be_there=True)

    def make(self, kind: str, *, like: Ref | None = None) -> Ref:
        """Make an object of their own, perhaps with the labels and marks copied from another."""
        self.acts += 1
        ref = Ref(kind, f"stranger-{self.acts}")
        body = manifest(ref, "theirs")
        model = self.look(like) if like else None
        if model is not None:
            metadata = model["metadata"]
            body["metadata"]["labels"] = dict(metadata.get("labels") or {})
            body["metadata"]["annotations"] = dict(metadata.get("annotations") or {})
        self.strangers[ref] = self.direct.create(Ref(kind, "").path(self.namespace), body)
        return ref

    def _patch(self, ref: Ref, change: JSON) -> JSON:
        self.acts += 1
        return self.direct.merge(ref.path(self.namespace), change)
