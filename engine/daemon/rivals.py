"""Objects that two applications want: the one that has them hears of the other, too.

Who may have an object is decided by its mark (engine.ownership); the one that may not says so as an
error. Here the news goes to the other side, so that both owners see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.model import Skip

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from engine.daemon.tracked import Tracked
    from engine.model import ObjectRef, SyncResult

_OWNED: Final = "PLB521"


def denied(result: SyncResult) -> frozenset[ObjectRef]:
    """Return the objects that were left alone, as another application has them."""
    changes = result.plan.changes if result.plan else ()
    skipped = (c for c in changes if isinstance(c, Skip) and c.error is not None)
    return frozenset(c.ref for c in skipped if c.error is not None and c.error.code == _OWNED)


def contested(tracked: Tracked, denied: Iterable[Tracked]) -> Mapping[ObjectRef, str]:
    """Return what others want and may not have, with who and where; some of it may be ours."""
    return {
        ref: f"Application {other.key}{_place(other)}"
        for other in list(denied)
        if other is not tracked
        for ref in other.denied
    }


def holders(
    refs: Collection[ObjectRef], tracked: Tracked, everyone: Iterable[Tracked]
) -> list[Tracked]:
    """Return the others that had one of these objects before them in their last pass."""
    return [
        other
        for other in everyone
        if other is not tracked and any(ref in other.memory.versions for ref in refs)
    ]


def _place(other: Tracked) -> str:
    application = other.application
    if application is None:
        return ""
    source = application.source
    return f" ({source.url} {source.path})" if source.path else f" ({source.url})"
