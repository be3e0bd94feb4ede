"""A Plan or a SyncResult as text, for the person who reads it at three in the morning.

One line per object, with a sign, a word and what it concerns; below it only what differs. Colour
repeats what sign and word say and is added when the caller asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.model import (
    Adopt,
    Create,
    HealthStatus,
    Replace,
    Skip,
    Update,
)
from engine.report import words
from engine.report.about import origin_of, place, reason, weight
from engine.report.errors import error_lines, render_error
from engine.report.fields import body_lines, edit_lines
from engine.report.mask import Redactor, clean, masked_body, masked_edit, redactor, without_marks
from engine.report.page import Line, Page, name_width
from engine.report.status import render_records, render_status

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from engine.model import Change, Outcome, Patch, Plan, Revision, SyncResult

__all__ = ["render_error", "render_plan", "render_records", "render_result", "render_status"]

_MOST_LINES = 60  # of one value or body, unless everything is asked for


@dataclass(frozen=True, slots=True)
class _View:
    page: Page
    safe: Redactor
    bodies: bool
    most: int | None
    now: datetime | None
    width: int


def render_plan(
    plan: Plan,
    *,
    color: bool = False,
    bodies: bool = True,
    full: bool = False,
    now: datetime | None = None,
    command: str = "",
) -> str:
    """Return what a plan would do, in its order, with every difference, hold and refusal.

    ``bodies`` shows the YAML of new objects, ``full`` shortens none; ``now`` (aware) turns times
    into ages; ``command`` is what carries the plan out, as in "plumb sync -f app.yaml".
    """
    view = _View(
        page=Page(color=color),
        safe=redactor(plan.changes),
        bodies=bodies,
        most=None if full else _MOST_LINES,
        now=now,
        width=name_width(change.ref for change in plan.changes),
    )
    _title(view.page, plan.application, plan.revision)
    view.page.add(words.plan_counts(plan), color="bold" if plan.writes else "")
    waves = [wave for wave in plan.waves if wave.changes]
    headings = len(waves) > 1 or any(wave.number for wave in waves)
    for wave in waves:
        _changes(view, wave.changes, heading=f"wave {wave.number}" if headings else "")
    _changes(view, plan.prune, heading="after all waves" if headings else "")
    _end(view, plan, command)
    return str(view.page)


def render_result(
    result: SyncResult, *, color: bool = False, now: datetime | None = None, command: str = ""
) -> str:
    """Return what a run did with each object, and what it left; errors of the run are not here."""
    left = words.left_over(result)
    view = _View(
        page=Page(color=color),
        safe=redactor(words.all_changes(result)),
        bodies=False,
        most=_MOST_LINES,
        now=now,
        width=name_width([*(o.ref for o in result.outcomes), *(c.ref for c in left)]),
    )
    _title(view.page, result.application, result.revision)
    if result.plan is None and not result.outcomes:
        return str(view.page)
    view.page.add(f"{words.result_counts(result)} in {result.duration_s:.1f} s", color="bold")
    view.page.gap()
    for outcome in result.outcomes:
        _outcome(view, outcome, result)
    _changes(view, left, heading="left" if result.outcomes else "")
    _unwell(view, result)
    if result.plan is not None:
        _end(view, result.plan, command)
    view.page.section(f"warning: {view.safe(text)}" for text in result.warnings)
    view.page.section([f"sync {result.sync}, health {words.health_of(result)}"])
    return str(view.page)


def _title(page: Page, application: str, revision: Revision | None) -> None:
    if revision is None:
        page.add(clean(application), color="bold")
        return
    ref = f" ({clean(revision.ref)})" if revision.ref else ""
    subject = f" {clean(revision.subject)}" if revision.subject else ""
    page.add(f"{clean(application)} at {clean(revision.short)}{ref}{subject}", color="bold")


def _end(view: _View, plan: Plan, command: str) -> None:
    held = sum(words.word_of(change) is words.HOLD for change in plan.prune)
    if plan.token:
        objects = "exactly this deletion" if held == 1 else f"exactly these {held} deletions"
        how = (
            f"run {clean(command)} --confirm" if command else "run the same command with --confirm"
        )
        view.page.section([f"To confirm {objects}, {how} {plan.token}"])
    view.page.section(f"note: {view.safe(note)}" for note in plan.notes)


# --- changes ---------------------------------------------------------------------------------


def _changes(view: _View, changes: Iterable[Change], *, heading: str) -> None:
    for index, change in enumerate(changes):
        if not index:
            view.page.gap()
            if heading:
                view.page.add(heading, color="dim")
        _change(view, change)


def _change(view: _View, change: Change) -> None:
    word, page = words.word_of(change), view.page
    if isinstance(change, Skip) and change.error is not None:
        head, rest = error_lines(change.error, view.safe, ref=change.ref)
        page.object(word, change.ref, head, width=view.width)
        page.details(rest)
        return
    page.object(word, change.ref, _about(view, change), width=view.width)
    if isinstance(change, Create):
        if view.bodies:
            page.details(body_lines(masked_body(without_marks(change.body)), most=view.most))
        page.details(_notes(view, change.notes))
    elif isinstance(change, Adopt | Update | Replace):
        _patch(view, change, change.patch)


def _patch(view: _View, change: Adopt | Update | Replace, patch: Patch) -> None:
    edits = [masked_edit(edit, change.ref) for edit in patch.edits]
    view.page.details(edit_lines(edits, most=view.most))
    view.page.details(_notes(view, patch.notes))


def _notes(view: _View, notes: Iterable[str]) -> list[Line]:
    return [Line(" ", f"note: {view.safe(note)}") for note in notes]


def _about(view: _View, change: Change) -> str:
    told = (place(origin_of(change)), reason(change, view.safe, now=view.now))
    return "  ".join(part for part in told if part)


# --- results ---------------------------------------------------------------------------------


def _outcome(view: _View, outcome: Outcome, result: SyncResult) -> None:
    if outcome.action == "unchanged":
        return
    word, page, change = words.DONE[outcome.action], view.page, outcome.change
    if outcome.error is not None:
        head, rest = error_lines(outcome.error, view.safe, ref=outcome.ref)
        page.object(word, outcome.ref, head, width=view.width)
        page.details(rest)
    else:
        told = [view.safe(outcome.message)] if outcome.message else []
        health = result.health.get(outcome.ref)
        if health is not None and health.status is not HealthStatus.HEALTHY:
            told.append(": ".join(filter(None, (health.status, view.safe(health.message)))))
        if outcome.action == "deleted":
            told += weight(change, view.safe)
        page.object(word, outcome.ref, "; ".join(told), width=view.width)
    if isinstance(change, Adopt | Update | Replace) and outcome.action != "skipped":
        _patch(view, change, change.patch)


def _unwell(view: _View, result: SyncResult) -> None:
    """Name what is not healthy and was not touched; a wait may be about it."""
    touched = {outcome.ref for outcome in result.outcomes}
    view.page.section(
        f"{health.status}: {clean(str(ref))}  {view.safe(health.message)}".rstrip()
        for ref, health in sorted(result.health.items())
        if health.status is not HealthStatus.HEALTHY and ref not in touched
    )
