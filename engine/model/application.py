"""What an Application document asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from engine.model.objects import JSON
    from engine.model.source import Source


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
    """What one Application document asks for; durations in seconds.

    What is below ``uid`` only a resource has; ``requested_at`` is its annotation
    plumb.dev/reconcile-requested-at, ``status_id`` the id that its status remembers.
    """

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
    status_id: str = ""
    generation: int = 0
    requested_at: str = ""
    is_terminating: bool = False
    finalizers: tuple[str, ...] = ()
    document: JSON = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
