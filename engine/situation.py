"""What a plan is made from: desired, last applied, live, and what the server knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.model import JSON, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.errors import PlumbError
    from engine.inventory import Inventory
    from engine.kinds import Kinds
    from engine.model import Application, Live, Manifest, Revision
    from engine.namespaces import Placement
    from engine.schema import Schemas


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen in the cluster; every object asked for is in one of the first three.

    ``absent`` was proven; whatever could not be found out is ``unknown``, with the error. Of the
    ``absent``, the ``presumed`` are not proven: whoever creates one is told if it is there.
    ``autoscaled`` are the targets of HorizontalPodAutoscalers, of those in Git too. ``strays``
    carry this application's mark and were not asked for.
    """

    live: Mapping[ObjectRef, Live] = field(default_factory=dict)
    absent: frozenset[ObjectRef] = frozenset()
    unknown: Mapping[ObjectRef, PlumbError] = field(default_factory=dict)
    autoscaled: frozenset[ObjectRef] = frozenset()
    strays: Mapping[ObjectRef, Live] = field(default_factory=dict)
    presumed: frozenset[ObjectRef] = frozenset()


@dataclass(frozen=True, slots=True)
class Claim:
    """Another application's living record: who it is, what it owns.

    ``owns`` is None where its record cannot be read: then it may own anything. ``desires`` is what
    it wants at this very commit, where that is known, else None.
    """

    application: str
    source: str
    owns: frozenset[ObjectRef] | None
    desires: frozenset[ObjectRef] | None = None

    def holds(self, ref: ObjectRef) -> bool:
        """Say whether the object is still the other's: owned, and not known to be given up."""
        is_owned = self.owns is None or ref in self.owns
        return is_owned and (self.desires is None or ref in self.desires)


@dataclass(frozen=True, slots=True)
class Options:
    """What the person or the Application asked for in this run.

    ``doubt`` is why Git may want something else by now: then nothing is deleted (invariant 7).
    ``leave_drift``: what others changed is told and not put back. ``calm`` are objects that are
    left alone for now although they drifted, each with the reason. ``contested`` are those that
    another application wants too, with who and where.
    """

    prune: bool = True
    replace: bool = False
    confirm: str = ""
    doubt: str = ""
    leave_drift: bool = False
    calm: Mapping[ObjectRef, str] = field(default_factory=dict)
    contested: Mapping[ObjectRef, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Situation:
    """One application at one moment; a plan is a function of this and of nothing else.

    ``claims`` are the records of the owners whose marks were seen, by id; a mark whose id is not in
    it belongs to nobody any more. ``inventory`` is None when it may not be read: then removals are
    unknown. ``elsewhere`` names the application of the same source that wants an object at this
    commit; ``named`` are the objects that another living record names, each with the reason why it
    stays; ``unread`` are those of the same source whose wishes could not be had. ``path_found``
    False means the path is not in the commit.
    """

    application: Application
    revision: Revision
    placement: Placement
    inventory: Inventory | None
    owner: str
    observation: Observation
    kinds: Kinds
    schemas: Schemas
    claims: Mapping[str, Claim] = field(default_factory=dict)
    elsewhere: Mapping[ObjectRef, str] = field(default_factory=dict)
    named: Mapping[ObjectRef, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)
    path_found: bool = True
    where: Callable[[Manifest, str], str] = lambda manifest, _pointer: str(manifest.origin)


def scale_target(autoscaler: JSON) -> ObjectRef | None:
    """Return the object that a HorizontalPodAutoscaler scales, None when it names none."""
    target = (autoscaler.get("spec") or {}).get("scaleTargetRef")
    if not isinstance(target, dict):
        return None
    group = str(target.get("apiVersion", "")).rpartition("/")[0]
    namespace = autoscaler["metadata"].get("namespace", "")
    return ObjectRef(group, str(target.get("kind", "")), namespace, str(target.get("name", "")))
