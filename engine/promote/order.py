"""Which of two promotions is the newer one. Pure: the history of a branch and a wish in.

Pipelines overtake one another: an older build may arrive last, and a job may be run again after
something newer went out. What commits say in their trailers decides, in this order: the same image
was promoted before and replaced since; the source commit's time; the version, where both have one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.git import semver
from engine.promote.image import is_same, parse_wish

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.git.commits import Commit
    from engine.promote.image import ImageWish

PATH: Final = "Plumb-Path"
IMAGE: Final = "Plumb-Image"
SET: Final = "Plumb-Set"
SOURCE: Final = "Plumb-Source-Commit"
SOURCE_TIME: Final = "Plumb-Source-Time"
BUILD: Final = "Plumb-Build-Url"
ACTOR: Final = "Plumb-Actor"
ROLLBACK: Final = "Plumb-Rollback"


@dataclass(frozen=True, slots=True)
class Promoted:
    """One promotion of an image in the past; ``wish`` None: a rollback of the path."""

    commit: Commit
    wish: ImageWish | None

    @property
    def source_time(self) -> str:
        return next(iter(self.commit.values(SOURCE_TIME)), "")


@dataclass(frozen=True, slots=True)
class Newer:
    """A promotion that must not be undone by accident, and how that is known."""

    commit: Commit
    why: str


def newer(
    past: Iterable[Commit], wish: ImageWish, *, paths: Iterable[str], source_time: str = ""
) -> Newer | None:
    """Return what is there that is newer than ``wish``; ``past`` has the newest commit first.

    ``source_time`` is the wish's own, in UTC as 2026-11-25T12:00:00Z; "" when not known.
    """
    found = list(_promotions(past, wish.name, set(paths)))
    if not found:
        return None
    last = found[0]
    if last.wish is not None and last.wish.reference == wish.reference:
        return None
    before = next((p for p in found[1:] if p.wish and p.wish.reference == wish.reference), None)
    if before is not None:
        what = last.wish.reference if last.wish else "a rollback"
        return Newer(last.commit, f"{wish.reference} was promoted in {before.commit.short} and"
                                  f" replaced by {what} in {last.commit.short}")  # fmt: skip
    if last.wish is None:
        return None
    if source_time and last.source_time:
        if source_time < last.source_time:
            why = f"its source commit is of {last.source_time}, this one of {source_time}"
            return Newer(last.commit, why)
        return None
    if _is_lower(wish.reference.tag, last.wish.reference.tag):
        return Newer(last.commit, f"{last.wish.reference.tag} is the higher version")
    return None


def _promotions(past: Iterable[Commit], name: str, paths: set[str]) -> Iterator[Promoted]:
    for commit in past:
        if not paths & set(commit.values(PATH)):
            continue
        if commit.values(ROLLBACK):
            yield Promoted(commit, None)
        for text in commit.values(IMAGE):
            wish = _wish(text)
            if wish is not None and is_same(wish.name, name):
                yield Promoted(commit, wish)


def _wish(text: str) -> ImageWish | None:
    try:
        return parse_wish(text)
    except ValueError:
        return None
    except Exception:  # noqa: BLE001 - a trailer that somebody wrote by hand says nothing
        return None


def _is_lower(tag: str, other: str) -> bool:
    mine, theirs = semver.version(tag), semver.version(other)
    return mine is not None and theirs is not None and mine < theirs
