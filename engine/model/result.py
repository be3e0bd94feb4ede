"""What became of an application: outcomes, health, sync status."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.errors import PlumbError
    from engine.model.objects import Live, ObjectRef
    from engine.model.plan import Change, Plan
    from engine.model.source import Revision


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one Change. ``live`` is the server's answer to a write that succeeded."""

    ref: ObjectRef
    action: Literal["created", "adopted", "updated", "replaced", "deleted", "released",
                    "unchanged", "kept", "skipped", "failed"]  # fmt: skip
    message: str = ""
    error: PlumbError | None = None
    warnings: tuple[str, ...] = ()
    is_in_doubt: bool = False  # a try of this write may yet take effect, whatever came after it
    live: Live | None = field(default=None, repr=False, compare=False)
    change: Change | None = field(default=None, repr=False, compare=False)  # what was carried out


@dataclass(frozen=True, slots=True)
class SyncResult:
    """One application after one run, complete enough to print, store or serve.

    ``waiting`` are the objects for which the run ended before its end, ``waits`` says what for.
    """

    application: str
    revision: Revision | None
    plan: Plan | None
    outcomes: tuple[Outcome, ...] = ()
    health: Mapping[ObjectRef, Health] = field(default_factory=dict)
    sync: SyncStatus = SyncStatus.UNKNOWN
    errors: tuple[PlumbError, ...] = ()
    warnings: tuple[str, ...] = ()
    waiting: tuple[ObjectRef, ...] = ()
    waits: str = ""
    dry_run: bool = False
    duration_s: float = 0.0
    requests: Mapping[str, int] = field(default_factory=dict)  # by verb: "GET", "POST", ...
