"""A plan: what one pass would do with each object, in waves, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from engine.errors import PlumbError
    from engine.model.objects import JSON, Live, Manifest, ObjectRef, Origin
    from engine.model.source import Revision


class Why(StrEnum):
    """Why one line of a difference is there."""

    CHANGED = "changed in Git"
    ADDED = "added in Git"
    REMOVED = "removed from Git"
    DRIFTED = "changed in the cluster"
    DIFFERS = "differs from Git"  # nothing was applied before, or a Secret, so nobody can tell who
    UNION = "replaced by another member of its union"


@dataclass(frozen=True, slots=True)
class Edit:
    """One field that a patch changes; ``path`` names list elements by key, for people.

    As in ``/spec/template/spec/containers/[name=web]/image``. ``before`` and ``after`` are ABSENT
    where there is nothing. ``manager`` is the field manager that owns the live value, when known.
    """

    path: str
    before: JSON = field(repr=False)
    after: JSON = field(repr=False)
    why: Why
    manager: str = ""


class _Absent:
    """Type of ABSENT, which is falsy and equal to itself only, also after pickling."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Patch:
    """RFC 6902 operations, guards included, and the same change for people."""

    operations: tuple[JSON, ...] = field(repr=False)
    edits: tuple[Edit, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Create:
    """POST this body; nothing of that name is there. ``recreate`` says it was there before.

    What is not ``recorded`` is not owned: a namespace made for ``createNamespace``.
    """

    manifest: Manifest
    body: JSON = field(repr=False)
    recreate: bool = False
    recorded: bool = True
    notes: tuple[str, ...] = ()

    @property
    def ref(self) -> ObjectRef:
        return self.manifest.ref


@dataclass(frozen=True, slots=True)
class Adopt:
    """Take over an object that is there and is not ours yet. The patch sets at least the marks."""

    manifest: Manifest
    live: Live
    patch: Patch
    from_owner: str = ""  # the application it was handed over by

    @property
    def ref(self) -> ObjectRef:
        return self.manifest.ref


@dataclass(frozen=True, slots=True)
class Update:
    """Patch an object of ours."""

    manifest: Manifest
    live: Live
    patch: Patch

    @property
    def ref(self) -> ObjectRef:
        return self.manifest.ref


@dataclass(frozen=True, slots=True)
class Replace:
    """Delete and create again, as asked for: an immutable field changed. ``fields`` names them."""

    manifest: Manifest
    live: Live
    patch: Patch
    body: JSON = field(repr=False)
    fields: tuple[str, ...]

    @property
    def ref(self) -> ObjectRef:
        return self.manifest.ref


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE with this uid and resourceVersion.

    For people: ``existed`` says it was there before Plumb, ``hanging`` what goes with it.
    """

    ref: ObjectRef
    live: Live
    reason: str
    existed: bool = False
    hanging: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """Stop owning, leave the object: take our marks off (``live`` given) and drop the entry."""

    ref: ObjectRef
    reason: str
    live: Live | None = None
    patch: Patch | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """Not in Git any more and yet not deleted. ``hold`` is the machine-readable reason.

    ``live`` where it could be deleted; ``existed`` and ``hanging`` as in Delete.
    """

    ref: ObjectRef
    hold: Literal["Empty", "TooMany", "Confirm", "Waiting", "Failed", "Disabled", "NoPrune",
                  "Unknown", "Protected", "Stray", "Terminating"]  # fmt: skip
    reason: str
    existed: bool = False
    live: Live | None = field(default=None, repr=False, compare=False)
    hanging: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
    """Desired and not touched in this pass; with ``error`` a failure, else it is waited for."""

    ref: ObjectRef
    reason: str
    error: PlumbError | None = None
    origin: Origin | None = None


Change: TypeAlias = Create | Adopt | Update | Replace | Delete | Release | Keep | Skip


@dataclass(frozen=True, slots=True)
class Drift:
    """What others changed or deleted, told and left as it is for the ``reason`` given."""

    change: Create | Update
    reason: str

    @property
    def ref(self) -> ObjectRef:
        return self.change.ref


@dataclass(frozen=True, slots=True)
class Wave:
    """Changes that may go together; it starts when the waves before it are in place and healthy.

    ``members`` are all desired objects of the wave, changed or not: their health gates the next.
    """

    number: int
    changes: tuple[Change, ...]
    members: tuple[ObjectRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What one pass would do, and everything a person should know about it.

    ``waves`` hold creates, adoptions, updates, replacements and skips in their order; ``prune``
    deletions, releases and keeps, carried out last. ``held`` and ``token`` describe the deletions
    that wait for a confirmation.
    """

    application: str  # "namespace/name"
    revision: Revision | None
    waves: tuple[Wave, ...] = ()
    prune: tuple[Change, ...] = ()
    unchanged: tuple[ObjectRef, ...] = ()
    drift: tuple[
        Drift, ...
    ] = ()  # not written in this pass; counted neither as change nor in place
    settle: tuple[Manifest, ...] = ()  # as Git wants it, but the record does not say so yet
    forget: tuple[ObjectRef, ...] = ()  # in the record, and proven to be gone or not ours any more
    token: str = ""  # confirms exactly the held deletions of this plan
    notes: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()  # those of the notes that name another application
    removals_known: bool = True  # False: the record could not be read

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change in the order in which it would be carried out."""
        return tuple(c for wave in self.waves for c in wave.changes) + self.prune

    @property
    def writes(self) -> tuple[Change, ...]:
        """The changes that would change the cluster."""
        return tuple(c for c in self.changes if not isinstance(c, Keep | Skip))
