"""What the commit of a promotion says: a subject, the edits, and trailers for machines. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.errors import SettingsError
from engine.promote import order
from engine.promote.image import ImageWish

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.promote.edit import Edit, Wish

FIELDS: Final = ("image", "name", "version", "path", "edits", "source", "build", "actor")
_FIELD: Final = re.compile(r"\{(\w+)\}")
_SUBJECT: Final = 72
_EDITS_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Words:
    """What is known about a promotion beside its edits; "" where nothing is.

    ``template`` is the message before its trailers, ``source_time`` in UTC with a Z; ``extra`` are
    trailers of the caller's own. ``base`` is the branch whose history counts.
    """

    base: str
    template: str = ""
    source: str = ""
    source_time: str = ""
    build: str = ""
    actor: str = ""
    extra: tuple[tuple[str, str], ...] = ()


def check_template(template: str) -> None:
    """Raise SettingsError for a placeholder that does not exist."""
    for name in _FIELD.findall(template):
        if name not in FIELDS:
            raise SettingsError(
                "PLB803", f"the message has no placeholder {{{name}}}", where="--message",
                hint=f"there are {', '.join(f'{{{field}}}' for field in FIELDS)}",
            )  # fmt: skip


def compose(
    words: Words, wishes: Sequence[Wish], paths: Sequence[str], edits: Sequence[Edit]
) -> str:
    """Return the whole message."""
    where = ", ".join(path or "/" for path in paths)
    listed = _listed(edits)
    images = [wish for wish in wishes if isinstance(wish, ImageWish)]
    if words.template:
        first = images[0] if images else None
        values = {
            "image": str(first.reference) if first else "", "name": first.name if first else "",
            "version": _version(first) if first else "", "path": where, "edits": listed,
            "source": words.source, "build": words.build, "actor": words.actor,
        }  # fmt: skip
        text = _FIELD.sub(lambda match: values[match[1]], words.template).strip()
    else:
        text = f"{_subject(images, wishes, where)}\n\n{listed}"
    return f"{text}\n\n{trailers(words, wishes, paths)}\n"


def trailers(words: Words, wishes: Iterable[Wish], paths: Iterable[str]) -> str:
    """Return the lines that later promotions, `plumb history` and people's scripts read."""
    lines = [(order.PATH, path or "/") for path in paths]
    lines += [
        (order.IMAGE if isinstance(wish, ImageWish) else order.SET, str(wish)) for wish in wishes
    ]
    lines += [
        (order.SOURCE, words.source), (order.SOURCE_TIME, words.source_time),
        (order.BUILD, words.build), (order.ACTOR, words.actor), *words.extra,
    ]  # fmt: skip
    return "\n".join(f"{key}: {_one_line(value)}" for key, value in lines if value)


def _subject(images: Sequence[ImageWish], wishes: Sequence[Wish], where: str) -> str:
    settings = [wish for wish in wishes if not isinstance(wish, ImageWish)]
    if len(images) == 1:
        what = f"Promote {images[0].name.rpartition('/')[2]} to {_version(images[0])}"
    elif images:
        what = f"Promote {len(images)} images"
    elif len(settings) == 1:
        what = f"Set {settings[0].path} to {settings[0].value}"
    else:
        what = f"Set {len(settings)} values"
    for subject in (f"{what} in {where}", what):
        if len(subject) <= _SUBJECT:
            return subject
    return f"{what[: _SUBJECT - 3]}..."


def _version(wish: ImageWish) -> str:
    return wish.reference.tag or wish.reference.digest[:19]


def _listed(edits: Sequence[Edit]) -> str:
    lines = [
        f"{edit}: {edit.before or '(nothing)'} -> {edit.after}" for edit in edits[:_EDITS_SHOWN]
    ]
    more = len(edits) - _EDITS_SHOWN
    return "\n".join([*lines, f"and {more} more"] if more > 0 else lines)


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text).strip()[:500]
