"""What the daemon says of Application resources, as tables: read from their status.

Belongs here: rows and details of one status. The status itself is the daemon's; whoever may write
it may write anything, so nothing of it is taken for granted.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from engine.report import words
from engine.report.mask import clean
from engine.report.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.model import JSON, Application

_MESSAGE: Final = 100
_HEADING: Final = ("Application", "Sync", "Health", "Revision", "Age", "Message")


def render_applications(
    found: Iterable[tuple[Application, JSON]], *, color: bool = False, now: datetime | None = None
) -> str:
    """Return a table of applications; ``Age`` is how long Ready has been as it is."""
    page = Page(color=color)
    rows = [_row(application, _mapping(status), now) for application, status in found]
    page.table([list(_HEADING), *sorted(rows)])
    return str(page)


def render_application(
    application: Application, status: JSON, *, color: bool = False, now: datetime | None = None
) -> str:
    """Return one application: its row, the whole message, what is held, the last syncs."""
    page, status = Page(color=color), _mapping(status)
    row = _row(application, status, now)
    page.table([list(_HEADING[:-1]), row[:-1]])
    page.section(_paragraph(_message(application, status)))
    held = _mapping(status.get("held"))
    objects = held.get("objects")
    if isinstance(objects, list) and objects:
        page.section(["Held deletions", *(f"  {clean(str(name))}" for name in objects)])
        page.section(["To confirm exactly these:", f"  {_confirmation(application, held)}"])
    history = status.get("history")
    lines = (
        [line for line in history if isinstance(line, dict)] if isinstance(history, list) else []
    )
    if lines:
        page.gap()
        page.table([["Revision", "When", "Result", "Changes", "Took", "Author", "Subject"],
                    *(_past(line, now) for line in lines)])  # fmt: skip
    return str(page)


def _confirmation(application: Application, held: dict[str, JSON]) -> str:
    name, namespace = clean(application.name), clean(application.namespace)
    note = f"plumb.dev/confirm-prune={_text(held, 'token')}"
    return f"kubectl annotate --overwrite applications.plumb.dev {name} -n {namespace} {note}"


def is_up_to_date(application: Application, status: JSON) -> bool:
    """Say whether the status is about the spec as it is now."""
    return bool(_mapping(status).get("observedGeneration") == application.generation)


def _row(application: Application, status: dict[str, JSON], now: datetime | None) -> list[str]:
    message = _message(application, status)
    return [
        clean(str(application)),
        _text(status, "sync"),
        _text(status, "health"),
        _text(status, "revision")[:10],
        _age(_ready(status).get("lastTransitionTime"), now),
        message if len(message) <= _MESSAGE else f"{message[: _MESSAGE - 3]}...",
    ]


def _message(application: Application, status: dict[str, JSON]) -> str:
    if not status:
        return "no daemon has looked at it yet"
    message = clean(str(status.get("message") or ""))
    if not is_up_to_date(application, status):
        return f"its last change is not seen yet; before: {message}"
    return message


def _ready(status: dict[str, JSON]) -> dict[str, JSON]:
    conditions = status.get("conditions")
    found = conditions if isinstance(conditions, list) else []
    return next((c for c in found if isinstance(c, dict) and c.get("type") == "Ready"), {})


def _past(line: dict[str, JSON], now: datetime | None) -> list[str]:
    counts = {str(action): n for action, n in _mapping(line.get("counts")).items()}
    changed = [f"{n} {clean(action)}" for action, n in counts.items() if action != "unchanged"]
    took = line.get("durationSeconds")
    return [
        _text(line, "revision")[:10],
        _age(line.get("time"), now),
        _text(line, "result"),
        ", ".join(changed) or "none",
        f"{took:g}s" if isinstance(took, int | float) else "-",
        _text(line, "author"),
        _text(line, "subject"),
    ]


def _text(body: dict[str, JSON], name: str) -> str:
    return clean(str(body.get(name) or "-"))


def _mapping(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {}


def _age(text: JSON, now: datetime | None) -> str:
    try:
        moment = datetime.fromisoformat(str(text))
        return words.age((now - moment).total_seconds()) if now else str(text)
    except (ValueError, TypeError):
        return "-"


def _paragraph(text: str) -> Sequence[str]:
    """Return a sentence in its parts, one a line: what stands behind a semicolon is the next."""
    return [part.strip() for part in text.split("; ") if part.strip()]
