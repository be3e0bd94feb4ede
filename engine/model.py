"""The values that the parts of Plumb hand to one another. No behaviour beyond naming.

Belongs here: what crosses a layer. Everything is frozen; bodies stay plain JSON and are never
changed in place by anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.errors import PlumbError

JSON: TypeAlias = Any

GROUP = "plumb.dev"
OWNER_LABEL = "plumb.dev/owner"
MARK_ANNOTATION = "plumb.dev/applied-by"
ADOPT_ANNOTATION = "plumb.dev/adopt"
REPLACE_ANNOTATION = "plumb.dev/replace"
PRUNE_ANNOTATION = "plumb.dev/prune"
WAVE_ANNOTATION = "plumb.dev/wave"
FIELD_MANAGER = "plumb"


# --- objects ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """Everything that names an object but the version; ``namespace`` is "" at cluster scope.

    ``str()`` is what people read: "Deployment.apps/shop/web", "ConfigMap/shop/env",
    "Namespace/shop".
    """

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        parts = (kind, self.namespace, self.name) if self.namespace else (kind, self.name)
        return "/".join(parts)


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where in Git a manifest stands; ``line`` counts from 1, ``document`` from 0 in its file.

    ``pointer`` leads to it inside its document: "" but for the items of a List.
    """

    path: str
    line: int
    document: int = 0
    pointer: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One desired object as Git has it. ``digest`` is of the body's canonical JSON."""

    ref: ObjectRef
    body: JSON
    origin: Origin
    digest: str

    @property
    def api_version(self) -> str:
        return str(self.body["apiVersion"])


@dataclass(frozen=True, slots=True)
class Live:
    """One object as the API server has it, with everything it sent (managedFields too)."""

    ref: ObjectRef
    body: JSON

    @property
    def uid(self) -> str:
        return str(self.body["metadata"].get("uid", ""))

    @property
    def resource_version(self) -> str:
        return str(self.body["metadata"].get("resourceVersion", ""))


# --- Git -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GitRef:
    """What to follow. ``kind`` "name" is a bare word from the command line: a branch, else a tag.

    "head" (``name`` empty) is the server's default branch; "semver" is a range over the tags.
    """

    kind: Literal["head", "branch", "tag", "semver", "commit", "name"] = "head"
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


@dataclass(frozen=True, slots=True)
class Source:
    """Where desired state comes from. ``url`` never holds credentials."""

    url: str
    ref: GitRef = GitRef()
    path: str = ""
    secret_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a Git server asks for; kept out of every repr, log and error."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ssh_key: bytes = field(default=b"", repr=False)
    ssh_passphrase: str = field(default="", repr=False)
    known_hosts: bytes = field(default=b"", repr=False)
    ca: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit that was fetched completely. ``ref`` is what it was found under, as in "main"."""

    commit: str
    tree: str
    ref: str = ""
    author: str = ""
    subject: str = ""
    committed_at: int = 0  # seconds since the epoch

    @property
    def short(self) -> str:
        return self.commit[:10]


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One name in a folder of a commit; ``id`` is the object id in hex."""

    name: str
    kind: Literal["file", "folder", "symlink", "submodule"]
    id: str


class Tree(Protocol):
    """The files of one commit. Paths are relative, with "/", without a leading or trailing one.

    The root is "". Reading a missing path raises PathNotFoundError; an object that should be there
    and is not raises GitError: missing is never empty.
    """

    def entries(self, path: str) -> Sequence[TreeEntry]:
        """List the folder's entries in Git's order."""
        ...

    def read(self, path: str) -> bytes:
        """Return the file's content; a file above the size cap raises GitError."""
        ...


# --- the application -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MaxPrune:
    """More deletions than ``objects`` and more than ``percent`` of the record are held."""

    objects: int = 5
    percent: int = 30


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """Fields left alone, as RFC 6901 pointers; empty ``group``, ``kind``, ``name`` match all.

    In a path a list element may be named as ``[key=value]``.
    """

    paths: tuple[str, ...]
    kind: str = ""
    group: str | None = None
    name: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Application:
    """What one Application document asks for; durations in seconds."""

    name: str
    namespace: str
    source: Source
    target_namespace: str | None = None
    allowed_namespaces: tuple[str, ...] = ()
    allow_cluster_scoped: bool = False
    create_namespace: bool = False
    service_account_name: str | None = None
    interval_s: float = 180.0
    prune: bool = True
    max_prune: MaxPrune = MaxPrune()
    deletion_policy: Literal["orphan", "delete", "wait"] = "orphan"
    drift: Literal["correct", "report"] = "correct"
    wait: bool = True
    timeout_s: float = 300.0
    suspend: bool = False
    depends_on: tuple[str, ...] = ()
    ignore: tuple[IgnoreRule, ...] = ()
    confirm: str = ""  # annotation plumb.dev/confirm-prune
    origin: Literal["file", "resource"] = "file"
    uid: str = ""
    document: JSON = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


# --- health and status -----------------------------------------------------------------------


class HealthStatus(StrEnum):
    """Argo CD's words, which users know; ordered from best to worst."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Health:
    """How one object is doing, and the sentence a person needs to see why."""

    status: HealthStatus
    message: str = ""


class SyncStatus(StrEnum):
    """Whether the cluster is as Git wants it."""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


# --- the plan --------------------------------------------------------------------------------


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
    before: JSON
    after: JSON
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

    operations: tuple[JSON, ...]
    edits: tuple[Edit, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Create:
    """POST this body; nothing of that name is there. ``recreate`` says it was there before.

    What is not ``recorded`` is not owned: a namespace made for ``createNamespace``.
    """

    manifest: Manifest
    body: JSON
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
    body: JSON
    fields: tuple[str, ...]

    @property
    def ref(self) -> ObjectRef:
        return self.manifest.ref


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE with this uid and resourceVersion. ``existed`` says it was there before Plumb."""

    ref: ObjectRef
    live: Live
    reason: str
    existed: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """Stop owning, leave the object: take our marks off (``live`` given) and drop the entry."""

    ref: ObjectRef
    reason: str
    live: Live | None = None
    patch: Patch | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """Not in Git any more and yet not deleted. ``hold`` is the machine-readable reason."""

    ref: ObjectRef
    hold: Literal["Empty", "TooMany", "Confirm", "Waiting", "Failed", "Disabled", "NoPrune",
                  "Unknown", "Protected", "Stray", "Terminating"]  # fmt: skip
    reason: str


@dataclass(frozen=True, slots=True)
class Skip:
    """Desired and not touched in this pass; with ``error`` a failure, else it is waited for."""

    ref: ObjectRef
    reason: str
    error: PlumbError | None = None
    origin: Origin | None = None


Change: TypeAlias = Create | Adopt | Update | Replace | Delete | Release | Keep | Skip


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
    settle: tuple[Manifest, ...] = ()  # as Git wants it, but the record does not say so yet
    forget: tuple[ObjectRef, ...] = ()  # in the record, and proven to be gone or not ours any more
    token: str = ""  # confirms exactly the held deletions of this plan
    notes: tuple[str, ...] = ()
    removals_known: bool = True  # False: the record could not be read

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change in the order in which it would be carried out."""
        return tuple(c for wave in self.waves for c in wave.changes) + self.prune

    @property
    def writes(self) -> tuple[Change, ...]:
        """The changes that would change the cluster."""
        return tuple(c for c in self.changes if not isinstance(c, Keep | Skip))


# --- the result ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one Change. ``live`` is the server's answer to a write that succeeded."""

    ref: ObjectRef
    action: Literal["created", "adopted", "updated", "replaced", "deleted", "released",
                    "unchanged", "kept", "skipped", "failed"]  # fmt: skip
    message: str = ""
    error: PlumbError | None = None
    warnings: tuple[str, ...] = ()
    live: Live | None = field(default=None, repr=False, compare=False)
    change: Change | None = field(default=None, repr=False, compare=False)  # what was carried out


@dataclass(frozen=True, slots=True)
class SyncResult:
    """One application after one run, complete enough to print, store or serve."""

    application: str
    revision: Revision | None
    plan: Plan | None
    outcomes: tuple[Outcome, ...] = ()
    health: Mapping[ObjectRef, Health] = field(default_factory=dict)
    sync: SyncStatus = SyncStatus.UNKNOWN
    errors: tuple[PlumbError, ...] = ()
    warnings: tuple[str, ...] = ()
    dry_run: bool = False
    duration_s: float = 0.0
    requests: Mapping[str, int] = field(default_factory=dict)  # by verb: "GET", "POST", ...
