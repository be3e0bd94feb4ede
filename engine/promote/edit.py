"""Bytes and wishes in, bytes out: only what is wished for changes. Pure.

Nothing is ever emitted anew: new values are spliced into the text, and both texts are parsed to
prove that nothing else has another meaning now.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from engine.errors import ManifestError
from engine.parse import documents
from engine.parse.scalars import value_of
from engine.promote.image import ImageWish, is_same
from engine.promote.places import (
    Place,
    PlaceError,
    by_setter,
    images,
    is_secret,
    named,
    setters,
)
from engine.promote.scan import Leaf, Scan, escape, scan, walk
from engine.promote.spell import SpellingError, spell
from engine.promote.target import SetWish, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.model import JSON
    from engine.promote.places import Setter
    from engine.promote.scan import Node

Wish: TypeAlias = ImageWish | SetWish


@dataclass(frozen=True, slots=True)
class Edit:
    """One value that changed: where, and what it was before and is now, as written in the file."""

    path: str
    line: int
    pointer: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Edited:
    """A file after an edit. ``found`` holds the wishes that have a place in it, done or not.

    ``values`` is what stood at those places before, ``images`` what the file names at all.
    """

    data: bytes
    edits: tuple[Edit, ...] = ()
    found: tuple[Wish, ...] = ()
    values: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


@dataclass(slots=True)
class _Work:
    """What is gathered about one file; a Leaf counts once, wherever aliases repeat it."""

    places: dict[int, tuple[Place, int]] = field(default_factory=dict)
    found: dict[Wish, None] = field(default_factory=dict)
    pointers: dict[int, list[tuple[int, str]]] = field(default_factory=dict)


def may_hold(data: bytes, wish: Wish, *, path: str) -> bool:
    """Whether a look into the file can be spared: its text lacks what a place would need."""
    if isinstance(wish, SetWish):
        if wish.file:
            return path == wish.file or path.endswith(f"/{wish.file}")
        last = [step for step in wish.steps if isinstance(step, str) and not step.isdigit()]
        return not last or last[-1].encode() in data or wish.path.encode() in data
    names = (wish.name, wish.reference.repository)
    return any(name.rpartition("/")[2].encode() in data for name in names)


def edit(data: bytes, wishes: Sequence[Wish], *, path: str) -> Edited:
    """Return the file as the wishes want it; ManifestError or PlaceError when that is not possible.

    A wish without a place in this file changes nothing; ``found`` tells.
    """
    read = scan(data, path=path)
    work = _gather(read, wishes, path)
    splices: list[tuple[Place, int, str]] = []
    for place, number in work.places.values():
        old = read.text[place.leaf.start : place.leaf.end]
        try:
            new = _written(read, place)
        except SpellingError as error:
            raise PlaceError(
                "PLB811", f"the value at {place.pointer} cannot be replaced",
                where=f"{path}:{_line(read, place.leaf.start)}", why=str(error),
                hint="write it on one line once",
            ) from None  # fmt: skip
        if new != old:
            splices.append((place, number, new))
    splices.sort(key=lambda splice: splice[0].leaf.start)
    result = read.encode(_spliced(read.text, splices)) if splices else data
    allowed = {at: place for place, _, _ in splices for at in work.pointers[id(place.leaf)]}
    _prove(read, result, allowed, path)
    return Edited(
        data=result,
        edits=tuple(_told(read, splice, path) for splice in splices),
        found=tuple(work.found),
        values=tuple(str(place.leaf.value).strip() for place, _ in work.places.values()),
        images=tuple(sorted({name for root in read.roots for name in named(root)})),
    )


def _written(read: Scan, place: Place) -> str:
    """Return what has to stand there: what stands there already where that means the same."""
    value, old = place.leaf.value, read.text[place.leaf.start : place.leaf.end]
    if _is_as_wanted(value, place) and (isinstance(value, str) or old == place.wanted):
        return old
    return spell(read, place.leaf, place.wanted, is_text=place.is_text)


def _gather(read: Scan, wishes: Sequence[Wish], path: str) -> _Work:
    work = _Work()
    for number, root in enumerate(read.roots):
        leaves = list(walk(root))
        for pointer, leaf in leaves:
            work.pointers.setdefault(id(leaf), []).append((number, pointer))
        marks = setters(read, leaves)
        for wish in wishes:
            if isinstance(wish, ImageWish):
                places = images(root, wish, path=path)
                places += [
                    by_setter(s, wish, path=path) for s in marks if is_same(s.name, wish.name)
                ]
            else:
                places = _settings(root, wish, marks, path)
            for place in places:
                work.found[wish] = None
                _add(work, place, number, f"{path}:{_line(read, place.leaf.start)}")
    return work


def _settings(root: Node, wish: SetWish, marks: Sequence[Setter], path: str) -> list[Place]:
    found = [(s.pointer, s.leaf) for s in marks if s.name == wish.path and not s.part]
    target = resolve(root, wish)
    found += [target] if target is not None else []
    for pointer, _ in found:
        if is_secret(root, pointer):
            raise PlaceError(
                "PLB815", f"{wish.path} is a value of a Secret", where=path,
                why="it would be seen in the command line, the message of the commit and the log",
                hint="change it in the place where your Secrets are made",
            )  # fmt: skip
    return [Place(leaf, pointer, wish.value, is_text=False) for pointer, leaf in found]


def _add(work: _Work, place: Place, number: int, where: str) -> None:
    known = work.places.get(id(place.leaf))
    if known is not None and known[0].wanted != place.wanted:
        raise PlaceError(
            "PLB814", f"the value at {place.pointer} is wanted as two things", where=where,
            why=f"{known[0].wanted} and {place.wanted}", hint="give one of the two only",
        )  # fmt: skip
    if known is None:
        work.places[id(place.leaf)] = (place, number)


def _spliced(text: str, splices: Sequence[tuple[Place, int, str]]) -> str:
    parts, at = [], 0
    for place, _, new in splices:
        parts += [text[at : place.leaf.start], new]
        at = place.leaf.end
    return "".join([*parts, text[at:]])


def _prove(read: Scan, result: bytes, allowed: dict[tuple[int, str], Place], path: str) -> None:
    """Parse what came out; it must differ at the places that are allowed to, and as wished."""
    try:
        after = [document.body for document in documents(result, path=path)]
    except ManifestError as error:
        raise _unproven(path, f"it could not be read afterwards: {error.what}") from error
    if len(after) != len(read.bodies):
        raise _unproven(path, "the number of documents would change")
    for number, (old, new) in enumerate(zip(read.bodies, after, strict=True)):
        for pointer, value in _differences(old, new, ""):
            place = allowed.pop((number, pointer), None)
            if place is None:
                raise _unproven(path, f"{pointer} would change, too")
            if not _is_as_wanted(value, place):
                raise _unproven(path, f"{pointer} would not become what was asked for")


def _is_as_wanted(value: JSON, place: Place) -> bool:
    if isinstance(value, str):
        # The line break at the end of a block stays: it is not part of an image or a version.
        is_block = place.leaf.style in {"|", ">"}
        return (value.strip() if is_block else value) == place.wanted
    return not place.is_text and bool(value == value_of(place.wanted, None))


def _differences(old: JSON, new: JSON, pointer: str) -> Iterator[tuple[str, JSON]]:
    if isinstance(old, dict) and isinstance(new, dict) and list(old) == list(new):
        for key in old:
            yield from _differences(old[key], new[key], f"{pointer}/{escape(key)}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, f"{pointer}/{number}")
    elif type(old) is not type(new) or old != new:
        yield pointer, new


def _unproven(path: str, why: str) -> ManifestError:
    return ManifestError(
        "PLB811", "the edit would change more than it should", where=f"{path}:1:1", why=why,
        hint="nothing was changed; edit this file by hand and report the case",
    )  # fmt: skip


def _line(read: Scan, index: int) -> int:
    return read.text.count("\n", 0, index) + 1


def _told(read: Scan, splice: tuple[Place, int, str], path: str) -> Edit:
    place, _, new = splice
    leaf: Leaf = place.leaf
    old = read.text[leaf.start : leaf.end]
    if leaf.style in {"|", ">"}:
        old, new = str(leaf.value).strip(), place.wanted
    return Edit(path, _line(read, leaf.start), place.pointer, old, new.strip())
