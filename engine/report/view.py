"""A report ready to be shown: words, lines and places, masked and safe, in no format yet.

Belongs here: the one model that the terminal, the files and the daemon's page are made from. Text
in it holds no Secret value and no character that commands a terminal; a format only has to escape
what is special to itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from engine import jsonpatch
from engine.errors import PatchError
from engine.jsonpatch import encode
from engine.model import (
    ABSENT,
    Adopt,
    Create,
    Delete,
    HealthStatus,
    Replace,
    Skip,
    Update,
)
from engine.report import words
from engine.report.about import origin_of, reason, weight
from engine.report.fields import body_lines, edit_lines
from engine.report.mask import (
    Redactor,
    clean,
    masked_body,
    masked_edit,
    masked_operations,
    masked_pair,
    redactor,
    without_marks,
    without_noise,
)
from engine.report.unified import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from engine.errors import PlumbError
    from engine.model import (
        JSON,
        Change,
        Comparison,
        Edit,
        Manifest,
        Moved,
        Origin,
        Outcome,
        Plan,
        Report,
        Revision,
        SyncResult,
    )
    from engine.report.page import Line
    from engine.report.words import Word

_PLACE = re.compile(r"([^:]+):(\d+)(?::(\d+))?")
THIS_CHANGE = "This change"
DRIFT = "Drift already there"


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error: its code, the place, the problem, the reason, the next step."""

    code: str
    where: str
    what: str
    why: str = ""
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    @property
    def place(self) -> tuple[str, int, int]:
        """The path, line and column at the head; ("", 0, 0) where it stands elsewhere.

        A place at the base is written REVISION:path:line, and is no place of the head.
        """
        match = _PLACE.fullmatch(self.where)
        return (match[1], int(match[2]), int(match[3] or 1)) if match else ("", 0, 0)

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"

    @property
    def sentence(self) -> str:
        """Place, problem and reason on one line."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head} ({self.why})" if self.why else head


@dataclass(frozen=True, slots=True)
class Item:
    """One object. ``fields`` say path by path what differs, ``yaml`` the same as a unified diff.

    ``operations`` are the RFC 6902 patch, one operation a line. ``path`` and ``line`` are 0 and ""
    for what does not stand in Git.
    """

    word: Word
    name: str
    about: str = ""
    path: str = ""
    line: int = 0
    fields: tuple[Line, ...] = ()
    yaml: tuple[Line, ...] = ()
    operations: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    trouble: Trouble | None = None

    @property
    def place(self) -> str:
        """Where it stands in Git, as path:line."""
        return f"{self.path}:{self.line}" if self.path else ""


@dataclass(frozen=True, slots=True)
class Section:
    """One application. ``tally`` counts by word; ``differs`` says whether there is anything."""

    application: str
    heading: str
    counts: str
    tally: Mapping[str, int] = field(default_factory=dict)
    items: tuple[Item, ...] = ()
    settings: tuple[Line, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    notes: tuple[str, ...] = ()
    token: str = ""
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Sections that answer one question; ``title`` is "" where there is only one."""

    title: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A whole report; ``headline`` stands for its counts where they are of another kind."""

    title: str
    parts: tuple[Part, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    notes: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    headline: str = ""

    @property
    def sections(self) -> tuple[Section, ...]:
        """Every section of every part."""
        return tuple(section for part in self.parts for section in part.sections)

    @property
    def names(self) -> tuple[str, ...]:
        """What each section is called where all stand in one list."""
        titled = len(self.parts) > 1
        return tuple(
            f"{part.title}: {section.application}" if titled else section.application
            for part in self.parts for section in part.sections
        )  # fmt: skip

    @property
    def all_troubles(self) -> tuple[Trouble, ...]:
        """Every error there is, those of single objects too."""
        return (
            *self.troubles,
            *(t for section in self.sections for t in section.troubles),
            *(i.trouble for section in self.sections for i in section.items if i.trouble),
        )

    @property
    def differs(self) -> bool:
        """Whether anything at all would change."""
        return any(section.differs for section in self.sections)


def view(report: Report, *, now: datetime | None = None) -> View:
    """Return the report ready to be shown; ``now`` turns times of objects into ages."""
    parts = []
    if report.base is not None or report.changes:
        both = bool(report.results)
        changes = tuple(_change(change, now) for change in report.changes)
        parts.append(Part(THIS_CHANGE if both else "", changes))
    if report.results:
        title = DRIFT if parts else ""
        parts.append(Part(title, tuple(_result(result, now) for result in report.results)))
    safe = Redactor()
    return View(
        title=_title(report),
        parts=tuple(parts),
        troubles=_troubles(report.errors, safe),
        notes=tuple(safe(note) for note in report.notes),
        unchanged=tuple(map(clean, report.unchanged)),
    )


def described(revision: Revision | None) -> str:
    """Say which commit this is: "1a2b3c4d5e (main) Raise the number of web replicas"."""
    if revision is None:
        return ""
    ref = f"({revision.ref})" if revision.ref and revision.ref != revision.short else ""
    return clean(" ".join(filter(None, (revision.short, ref, revision.subject))))


def described_counts(shown: View) -> str:
    """Sum up a whole report: "1 error, 2 to create, 12 unchanged in 3 applications"."""
    if shown.headline:
        return shown.headline
    failed = sum(trouble.severity == "error" for trouble in shown.all_troubles)
    told = [f"{failed} error{'s' * (failed != 1)}"] if failed else []
    if not shown.differs and not failed:
        return "no differences"
    for part in shown.parts:
        name = f"{part.title}: ".lower() if part.title else ""
        told.append(name + _part_counts(part))
    return "; ".join(told)


def _part_counts(part: Part) -> str:
    total: dict[str, int] = {}
    for section in part.sections:
        for word, count in section.tally.items():
            total[word] = total.get(word, 0) + count
    if not total:
        return "nothing"
    number = len(part.sections)
    where = f" in {number} application{'s' * (number != 1)}"
    if "create" in total:
        return words.told_counts(total) + where
    return ", ".join(f"{total[word]} {word}" for word in words.DONE if total.get(word)) + where


def _title(report: Report) -> str:
    if report.base is None or report.head is None:
        return ""
    return f"{described(report.base)} .. {described(report.head)}"


def _troubles(errors: Iterable[PlumbError], safe: Redactor) -> tuple[Trouble, ...]:
    return tuple(
        _trouble(one, safe) for error in errors for one in (error, *error.others)
    )  # fmt: skip


def _trouble(error: PlumbError, safe: Redactor) -> Trouble:
    where, what, why, hint = map(safe, (error.where, error.what, error.why, error.hint))
    return Trouble(error.code, where, what, why, hint)


# --- Git against Git -------------------------------------------------------------------------

_STATES = {"added": "new Application", "removed": "Application removed", "changed": ""}


def _change(change: Comparison, now: datetime | None) -> Section:
    plan = change.plan
    safe = redactor(plan.changes) if plan else Redactor()
    settings = edit_lines(change.settings, most=None)
    moved = tuple(_moved(move) for move in change.moved)
    items = tuple(_planned(c, safe, now, change) for c in plan.changes) if plan else ()
    tally = _tally(change)
    return Section(
        application=clean(change.application),
        heading=_STATES[change.state],
        counts=words.told_counts(tally) if tally else "not compared",
        tally=tally,
        items=(*items, *moved),
        settings=tuple(settings),
        troubles=_troubles(change.errors, safe),
        notes=tuple(safe(note) for note in (*change.notes, *(plan.notes if plan else ()))),
        differs=bool(items or settings),
    )


def _tally(change: Comparison) -> dict[str, int]:
    """Count by word; what comes from another application is moved, not adopted."""
    if change.plan is None:
        return {}
    tally = words.plan_summary(change.plan)
    arrived = sum(_is_move(c) for c in change.plan.changes)
    tally["adopt"] -= arrived
    return {**tally, "moved": arrived + len(change.moved)}


def _is_move(change: Change) -> bool:
    return isinstance(change, Adopt) and bool(change.from_owner)


def _moved(move: Moved) -> Item:
    about = f"the same as in {clean(str(move.before))}"
    return Item(words.MOVE, clean(str(move.ref)), about, *_place(move.after))


def _place(origin: Origin | None) -> tuple[str, int]:
    return (clean(origin.path), origin.line) if origin else ("", 0)


def _planned(
    change: Change, safe: Redactor, now: datetime | None, sides: Comparison | None = None
) -> Item:  # fmt: skip
    before, after = _bodies(change, sides)
    shown = masked_pair(before, after, change.ref)
    edits = [masked_edit(edit, change.ref) for edit in _edits(change)]
    origin = origin_of(change)
    error = change.error if isinstance(change, Skip) else None
    about = "" if error else reason(change, safe, now=now)
    if origin is None and sides is not None and change.ref in sides.before:
        about = f"{about}; was {clean(str(sides.before[change.ref].origin))}"
    return Item(
        word=words.ARRIVE if sides and _is_move(change) else words.word_of(change),
        name=clean(str(change.ref)),
        about=about,
        path=_place(origin)[0],
        line=_place(origin)[1],
        fields=tuple(_fields(change, edits)),
        yaml=rows(*shown, edits) if _is_shown(*shown) else (),
        operations=_operations(change),
        notes=tuple(safe(note) for note in _notes(change)),
        trouble=_trouble(error, safe) if error else None,
    )


def _is_shown(before: JSON, after: JSON) -> bool:
    return not (before is ABSENT and after is ABSENT)


def _fields(change: Change, edits: Iterable[Edit]) -> Iterator[Line]:
    if isinstance(change, Create):
        yield from body_lines(masked_body(without_marks(change.body)), most=None)
    yield from edit_lines(edits, most=None)


def _edits(change: Change) -> tuple[Edit, ...]:
    return change.patch.edits if isinstance(change, Adopt | Update | Replace) else ()


def _notes(change: Change) -> tuple[str, ...]:
    if isinstance(change, Create):
        return change.notes
    return change.patch.notes if isinstance(change, Adopt | Update | Replace) else ()


def _operations(change: Change) -> tuple[str, ...]:
    if not isinstance(change, Adopt | Update):
        return ()
    shown = masked_operations(change.patch.operations, change.ref)
    return tuple(clean(encode([operation]).decode()[1:-1]) for operation in shown)


def _bodies(change: Change, sides: Comparison | None) -> tuple[JSON, JSON]:
    """Return both states of an object as people write them; ABSENT where there is none."""
    if sides is not None:
        return _written(sides.before.get(change.ref)), _written(sides.after.get(change.ref))
    match change:
        case Create(body=body):
            return ABSENT, without_noise(body)
        case Adopt(live=live, patch=patch) | Update(live=live, patch=patch):
            return without_noise(live.body), _patched(live.body, patch.operations)
        case Replace(live=live, body=body):
            return without_noise(live.body), without_noise(body)
        case Delete(live=live):
            return without_noise(live.body), ABSENT
        case _:
            return ABSENT, ABSENT


def _written(manifest: Manifest | None) -> JSON:
    return manifest.body if manifest is not None else ABSENT


def _patched(live: JSON, operations: Iterable[JSON]) -> JSON:
    try:
        return without_noise(jsonpatch.apply(operations, live))
    except PatchError:
        return ABSENT


# --- Git against live ------------------------------------------------------------------------


def _result(result: SyncResult, now: datetime | None) -> Section:
    safe = redactor(words.all_changes(result))
    plan = result.plan
    bare = Section(
        application=clean(result.application),
        heading=described(result.revision),
        counts="not compared",
        troubles=_troubles(result.errors, safe),
    )
    if plan is None and not result.outcomes:
        return bare
    if result.dry_run and plan is not None:
        return replace(
            bare,
            counts=words.plan_counts(plan),
            tally=words.plan_summary(plan),
            items=tuple(_planned(change, safe, now) for change in plan.changes),
            notes=tuple(safe(note) for note in plan.notes),
            token=plan.token,
            differs=_differs(plan),
        )
    done = tuple(_outcome(outcome, safe, result) for outcome in result.outcomes
                 if outcome.action != "unchanged")  # fmt: skip
    left = tuple(_planned(change, safe, now) for change in words.left_over(result))
    told = (*(plan.notes if plan else ()), *(f"warning: {text}" for text in result.warnings))
    state = f"sync {result.sync}, health {words.health_of(result)}"
    return replace(
        bare,
        counts=f"{words.result_counts(result)}; {state}",
        tally=words.result_summary(result),
        items=(*done, *left),
        notes=tuple(safe(note) for note in told),
        token=plan.token if plan else "",
        differs=bool(done or left),
    )


def _differs(plan: Plan) -> bool:
    """Say whether there is more than objects that stay for good."""
    return any(words.word_of(change) is not words.KEEP for change in plan.changes)


def _outcome(outcome: Outcome, safe: Redactor, result: SyncResult) -> Item:
    change = outcome.change
    told = [safe(outcome.message)] if outcome.message else []
    health = result.health.get(outcome.ref)
    if health is not None and health.status is not HealthStatus.HEALTHY:
        told.append(": ".join(filter(None, (health.status, safe(health.message)))))
    told += weight(change, safe) if outcome.action == "deleted" else []
    planned = _planned(change, safe, None) if change is not None else None
    return Item(
        word=words.DONE[outcome.action],
        name=clean(str(outcome.ref)),
        about="" if outcome.error else "; ".join(told),
        path=planned.path if planned else "",
        line=planned.line if planned else 0,
        fields=planned.fields if planned else (),
        yaml=planned.yaml if planned else (),
        operations=planned.operations if planned else (),
        notes=planned.notes if planned else (),
        trouble=_trouble(outcome.error, safe) if outcome.error else None,
    )


def name_width(items: Iterable[Item], *, most: int = 60) -> int:
    """Return the width of the column of names."""
    return min(max((len(item.name) for item in items), default=0), most)
