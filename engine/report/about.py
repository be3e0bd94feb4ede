"""What stands behind the name of a changed object: where it comes from, why this happens to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from engine.model import Adopt, Create, Delete, Keep, Release, Replace, Skip, Update
from engine.report.fields import field
from engine.report.mask import clean
from engine.report.status import since

if TYPE_CHECKING:
    from engine.model import Change, Origin
    from engine.report.mask import Redactor


def reason(change: Change, safe: Redactor, *, now: datetime | None) -> str:
    """Say why this happens to the object; "" where the word in front of it says it all."""
    match change:
        case Create() | Update():
            return ""
        case Adopt(from_owner=owner):
            return f"from Application {clean(owner)}" if owner else "there already, not Plumb's yet"
        case Replace(fields=fields):
            return f"delete and create: {', '.join(map(field, fields))} cannot be changed"
        case Delete():
            return _deletion(change, safe, now)
        case Release(reason=why):
            return f"{safe(why)}; stays in the cluster"
        case Keep(hold=hold, reason=why):
            return "; ".join([f"{hold}: {safe(why)}", *weight(change, safe)])
        case Skip(reason=why):
            return safe(why)
        case _:
            assert_never(change)


def weight(change: Change | None, safe: Redactor) -> list[str]:
    """Tell what goes with an object that is deleted, and whether Plumb only found it."""
    if not isinstance(change, Delete | Keep):
        return []
    told = [f"with {safe(change.hanging)}"] if change.hanging else []
    return [*told, *(["was there before Plumb"] if change.existed else [])]


def origin_of(change: Change) -> Origin | None:
    """Return where in Git a changed object stands, where it stands there."""
    match change:
        case Create() | Adopt() | Update() | Replace():
            return change.manifest.origin
        case Skip(origin=origin):
            return origin
        case _:
            return None


def place(origin: Origin | None) -> str:
    """Return path:line, safe for a terminal."""
    return clean(str(origin)) if origin else ""


def _deletion(change: Delete, safe: Redactor, now: datetime | None) -> str:
    facts = [safe(change.reason)]
    created = change.live.body["metadata"].get("creationTimestamp")
    if isinstance(created, str):
        facts.append(_age(created, now))
    return "; ".join([*facts, *weight(change, safe)])


def _age(created: str, now: datetime | None) -> str:
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return f"created {clean(created)}"
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{since(moment, now)} old" if now else f"created {moment:%Y-%m-%d %H:%M} UTC"
