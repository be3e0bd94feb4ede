"""Semantic versions and ranges over them, as npm and Masterminds/semver write them. Pure.

Understood: `1.2.3 =1.2 !=1.4.1 >1 >=1.2 <2 <=1.9 ~1.2 ^1.2 1.x * 1.2 - 1.9`, several of them with a
space or a comma (all must hold), sets of them with `||` (one must hold).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

# Digits are capped: a tag is input, and a number of 10,000 digits is an attack on int().
_NUMBER = r"\d{1,15}"
_PRE = r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
_BUILD = r"(?:\+[0-9A-Za-z.-]+)?"
_VERSION = re.compile(
    rf"[vV]?(?P<major>{_NUMBER})(?:\.(?P<minor>{_NUMBER}))?(?:\.(?P<patch>{_NUMBER}))?{_PRE}{_BUILD}"
)
_PART = rf"(?:{_NUMBER}|[xX*])"
_TERM = re.compile(
    rf"(?P<op>=|!=|>=|=>|<=|=<|>|<|~>?|\^)?\s*[vV]?(?P<major>{_PART})"
    rf"(?:\.(?P<minor>{_PART}))?(?:\.(?P<patch>{_PART}))?{_PRE}{_BUILD}"
)
_HYPHEN = re.compile(r"(\S+)\s+-\s+(\S+)")
_SPELLINGS = {"": "=", "=>": ">=", "=<": "<=", "~>": "~"}
_LOWEST: tuple[str, ...] = ("0",)  # 2.0.0-0 is below every other 2.0.0-something


class RangeError(ValueError):
    """Not a range; the text says which part of it."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """One version; build metadata does not count. Ordered as semver.org says."""

    major: int
    minor: int
    patch: int
    pre: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[int, int, int]:
        return self.major, self.minor, self.patch

    @property
    def _key(self) -> tuple[tuple[int, int, int], int, list[tuple[int, int, str]]]:
        identifiers = [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in self.pre]
        return self.numbers, not self.pre, identifiers

    def __lt__(self, other: Version) -> bool:
        return self._key < other._key


@dataclass(frozen=True, slots=True)
class Bound:
    """``op`` is one of = != > >= < <=."""

    op: str
    version: Version

    def admits(self, version: Version) -> bool:
        mine = self.version
        match self.op:
            case "=":
                return version == mine
            case "!=":
                return version != mine
            case ">":
                return version > mine
            case ">=":
                return version >= mine
            case "<":
                return version < mine
            case _:
                return version <= mine


_ANY = Bound(">=", Version(0, 0, 0))

Range: TypeAlias = tuple[tuple[Bound, ...], ...]


def version(tag: str) -> Version | None:
    """Read a tag such as "v1.2.3"; None when it is no version. Missing parts are 0."""
    match = _VERSION.fullmatch(tag)
    if match is None:
        return None
    pre = tuple(match["pre"].split(".")) if match["pre"] else ()
    if any(part.isdigit() and len(part) > 15 for part in pre):
        return None
    return Version(int(match["major"]), int(match["minor"] or 0), int(match["patch"] or 0), pre)


def parse(text: str) -> Range:
    """Read a range; RangeError when it is none."""
    return tuple(_alternative(part) for part in text.split("||"))


def admits(versions: Range, candidate: Version) -> bool:
    """Whether a version is in the range.

    A pre-release is in only where a bound of the same alternative names a pre-release of the very
    same major.minor.patch: who asks for ^1.2 does not want 1.5.0-rc.1.
    """
    return any(_fits(bounds, candidate) for bounds in versions)


def newest(text: str, tags: Iterable[str]) -> str | None:
    """Return the tag with the highest version in the range; None when there is none.

    Of tags that mean the same version ("1.2.0", "v1.2.0") the one that sorts last is taken.
    """
    versions = parse(text)
    fitting = [
        (found, tag)
        for tag in tags
        if (found := version(tag)) is not None and admits(versions, found)
    ]
    return max(fitting)[1] if fitting else None


def _fits(bounds: tuple[Bound, ...], candidate: Version) -> bool:
    if not all(bound.admits(candidate) for bound in bounds):
        return False
    return not candidate.pre or any(
        bound.version.pre and bound.version.numbers == candidate.numbers for bound in bounds
    )


def _alternative(text: str) -> tuple[Bound, ...]:
    stripped = text.strip().replace(",", " ")
    hyphen = _HYPHEN.fullmatch(stripped.strip())
    if hyphen:
        return (*_terms(f">={hyphen[1]}"), *_terms(f"<={hyphen[2]}"))
    return _terms(stripped)


def _terms(text: str) -> tuple[Bound, ...]:
    bounds: list[Bound] = []
    rest = text.strip()
    if not rest:
        return (_ANY,)
    while rest:
        match = _TERM.match(rest)
        if match is None or (match.end() < len(rest) and not rest[match.end()].isspace()):
            raise RangeError(rest.split()[0])
        bounds.extend(_bounds(match))
        rest = rest[match.end() :].strip()
    return tuple(bounds)


def _bounds(match: re.Match[str]) -> tuple[Bound, ...]:
    """Turn one term into bounds, following npm's table for ^, ~ and x."""
    op = _SPELLINGS.get(match["op"] or "", match["op"] or "")
    numbers = _numbers(match)
    if not numbers:
        # ">*" and the like: below everything, so nothing fits.
        return (Bound("<", Version(0, 0, 0, _LOWEST)) if op in {"<", ">", "!="} else _ANY,)
    pre = tuple(match["pre"].split(".")) if match["pre"] and len(numbers) == 3 else ()
    major, minor, patch, *_ = [*numbers, 0, 0]
    low = Version(major, minor, patch, pre)
    if op == "^":
        return Bound(">=", low), Bound("<", _next(_significant(numbers)))
    if op == "~":
        return Bound(">=", low), Bound("<", _next(numbers[:2]))
    return (Bound(op, low),) if len(numbers) == 3 else _partial(op, low, _next(numbers), match[0])


def _partial(op: str, low: Version, above: Version, text: str) -> tuple[Bound, ...]:
    """Read a term with less than three numbers: it means all versions that begin so."""
    match op:
        case "=":
            return Bound(">=", low), Bound("<", above)
        case ">":
            return (Bound(">=", Version(*above.numbers)),)
        case "<=":
            return (Bound("<", above),)
        case "<":
            return (Bound("<", Version(*low.numbers, _LOWEST)),)
        case ">=":
            return (Bound(">=", low),)
        case _:
            raise RangeError(text)


def _numbers(match: re.Match[str]) -> list[int]:
    """Return the numbers up to the first x or missing part."""
    numbers = []
    for name in ("major", "minor", "patch"):
        part = match[name]
        if part is None or not part.isdigit():
            break
        numbers.append(int(part))
    return numbers


def _significant(numbers: list[int]) -> list[int]:
    """Cut after the first number that is not 0: what ^ must leave as it is."""
    for at, number in enumerate(numbers):
        if number:
            return numbers[: at + 1]
    return numbers


def _next(numbers: list[int]) -> Version:
    """Return the lowest version that no longer begins with these numbers, pre-releases included."""
    raised = [*numbers[:-1], numbers[-1] + 1]
    major, minor, patch, *_ = [*raised, 0, 0]
    return Version(major, minor, patch, _LOWEST)
