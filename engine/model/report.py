"""What a report is about: many applications at once, Git against Git and Git against live."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.errors import PlumbError
    from engine.model.objects import Manifest, ObjectRef, Origin
    from engine.model.plan import Edit, Plan
    from engine.model.result import SyncResult
    from engine.model.source import Revision


@dataclass(frozen=True, slots=True)
class Moved:
    """An object that stands in another file now; to the cluster nothing changes."""

    ref: ObjectRef
    before: Origin
    after: Origin


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the way from one revision to another means to one application.

    ``plan`` is that of a cluster in which the base is in place; None where a side could not be
    read, and then nothing is known. ``before`` and ``after`` are the manifests of what it changes.
    ``settings`` are the changed fields of the Application document itself.
    """

    application: str
    state: Literal["added", "changed", "removed"]
    base: Revision | None
    head: Revision | None
    plan: Plan | None = None
    moved: tuple[Moved, ...] = ()
    settings: tuple[Edit, ...] = ()
    before: Mapping[ObjectRef, Manifest] = field(default_factory=dict)
    after: Mapping[ObjectRef, Manifest] = field(default_factory=dict)
    errors: tuple[PlumbError, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one run has to say. Every form of it, on a terminal or a page, is made from this.

    ``changes`` are Git against Git ("this change"), with ``base`` and ``head`` given; ``results``
    Git against live, which beside ``changes`` are "drift already there". ``unchanged`` are the
    applications that the change does not reach, ``errors`` what concerns no single application.
    """

    base: Revision | None = None
    head: Revision | None = None
    changes: tuple[Comparison, ...] = ()
    results: tuple[SyncResult, ...] = ()
    unchanged: tuple[str, ...] = ()
    errors: tuple[PlumbError, ...] = ()
    notes: tuple[str, ...] = ()
