"""The last syncs in an application's status: one line for each revision, newest first.

Belongs here: when a line is new, goes on, or stays as it is. Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from engine.model import Revision
from engine.report import words
from engine.report.mask import clean

if TYPE_CHECKING:
    from engine.model import JSON, SyncResult

KEPT: Final = 5
_TEXT: Final = 200
_WRITES: Final = ("created", "adopted", "updated", "replaced", "deleted", "released")

Word: TypeAlias = Literal["done", "progressing", "failed"]


def after(before: list[JSON], result: SyncResult, word: Word, now: datetime) -> list[JSON]:
    """Return the lines with this pass among them; the same list where it brought nothing new.

    A revision that needs several passes has one line, with all that they wrote; a pass over one
    that was done before replaces it if it wrote something, as when drift was repaired.
    """
    revision = result.revision
    if revision is None:
        return before
    known = next((line for line in before if line.get("revision") == revision.commit), None)
    counts = {k: n for k, n in words.result_summary(result).items() if n}
    if known is not None and _is_nothing_new(known, counts, word):
        return before
    duration_s = round(result.duration_s, 1)
    if known is not None and known.get("result") != "done":
        counts = _together(known.get("counts") or {}, counts)
        duration_s = _since_start(known, now) or duration_s
    line = {
        "revision": revision.commit,
        "author": clean(revision.author)[:_TEXT],
        "subject": clean(revision.subject)[:_TEXT],
        "time": stamp(now),
        "result": word,
        "counts": counts,
        "durationSeconds": duration_s,
    }
    return [line, *(other for other in before if other is not known)][:KEPT]


def revision_of(status: JSON, *, ref: str) -> Revision | None:
    """Return the revision that a status is of, as far as its history tells; None: it does not."""
    lines = (line for line in status.get("history") or () if isinstance(line, dict))
    commit = status.get("revision")
    line = next((line for line in lines if commit and line.get("revision") == commit), None)
    if line is None:
        return None
    author, subject = str(line.get("author", "")), str(line.get("subject", ""))
    return Revision(str(commit), "", ref, author, subject)


def stamp(moment: datetime) -> str:
    """Return a moment as the API has it, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of(text: str) -> datetime | None:
    """Return the moment that :func:`stamp` wrote; None for what it did not write."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _is_nothing_new(known: JSON, counts: dict[str, int], word: Word) -> bool:
    wrote = any(counts.get(action) for action in _WRITES)
    if known.get("result") == "done":
        # Its objects may be unwell for a while, or Git out of reach: that is no sync.
        return not wrote and not counts.get("failed")
    failed = (known.get("counts") or {}).get("failed", 0) == counts.get("failed", 0)
    return not wrote and known.get("result") == word and failed


def _together(before: dict[str, int], now: dict[str, int]) -> dict[str, int]:
    """Add up what was written; of what is only counted, the last count is what matters."""
    counts = dict(now)
    for action in _WRITES:
        total = before.get(action, 0) + now.get(action, 0)
        if total:
            counts[action] = total
    # What an earlier pass wrote is in place by now and is not counted twice.
    written = sum(before.get(action, 0) for action in _WRITES)
    if "unchanged" in counts:
        counts["unchanged"] = max(0, counts["unchanged"] - written)
    return {action: n for action, n in counts.items() if n}


def _since_start(known: JSON, now: datetime) -> float | None:
    at = moment_of(str(known.get("time")))
    if at is None:
        return None
    started = at - timedelta(seconds=float(known.get("durationSeconds") or 0))
    return max(0.0, round((now - started).total_seconds(), 1))
