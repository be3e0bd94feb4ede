"""What must never be shown: values of Secrets, and characters that command a terminal.

Belongs here: every masking there is; no other module hides anything. What counts as secret is
decided from the objects themselves, of both sides, never from what a caller says they are.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from engine.model import (
    ABSENT,
    MARK_ANNOTATION,
    OWNER_LABEL,
    Adopt,
    Create,
    Delete,
    Release,
    Replace,
    Update,
)
from engine.normalize import sendable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from engine.model import JSON, Change, Edit, ObjectRef

HIDDEN = "***"
BEFORE = "*** (before)"
AFTER = "*** (after)"

# Annotations in which tools keep a copy of the whole object, so that of a Secret all of it.
COPIES = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "kapp.k14s.io/original",
    "objectset.rio.cattle.io/applied",
    "banzaicloud.com/last-applied",
)
_ANYWHERE = tuple(("metadata", "annotations", name) for name in COPIES)
_IN_SECRETS = (("data",), ("stringData",))

# Shorter than this, and hiding the value inside of a sentence hides the sentence.
_SHORTEST = 6


def is_secret(ref: ObjectRef) -> bool:
    """Say whether the object is a Secret, whose values nobody may see."""
    return (ref.group, ref.kind) == ("", "Secret")


def masked_body(body: JSON) -> JSON:
    """Return the object with what is secret in it hidden; keys stay."""
    secret = isinstance(body, dict) and (body.get("apiVersion"), body.get("kind")) == (
        "v1",
        "Secret",
    )
    return _masked(body, ABSENT, (), places=_places(secret=secret), word=HIDDEN)


def masked_edit(edit: Edit, ref: ObjectRef) -> Edit:
    """Return the edit of this object with what is secret in it hidden on both sides."""
    path = tuple(_parts(edit.path))
    places = _places(secret=is_secret(ref))
    return replace(
        edit,
        before=_masked(edit.before, edit.after, path, places=places, word=BEFORE),
        after=_masked(edit.after, edit.before, path, places=places, word=AFTER),
    )


def masked_pair(before: JSON, after: JSON, ref: ObjectRef) -> tuple[JSON, JSON]:
    """Return both states of this object with what is secret hidden; ABSENT stays what it is."""
    places = _places(secret=is_secret(ref))
    return (
        _masked(before, after, (), places=places, word=BEFORE),
        _masked(after, before, (), places=places, word=AFTER),
    )


def masked_operations(operations: Iterable[JSON], ref: ObjectRef) -> list[JSON]:
    """Return RFC 6902 operations on this object with what is secret in their values hidden."""
    places = _places(secret=is_secret(ref))
    shown = []
    for operation in operations:
        if "value" in operation:
            path = tuple(_parts(operation["path"]))
            value = _masked(operation["value"], ABSENT, path, places=places, word=HIDDEN)
            shown.append({**operation, "value": value})
        else:
            shown.append(dict(operation))
    return shown


def without_noise(body: JSON) -> JSON:
    """Return the object as a person would write it: no marks, status, copies or server's notes."""
    found = without_marks(sendable(body))
    metadata = dict(found["metadata"])
    annotations = metadata.pop("annotations", None) or {}
    rest = {key: value for key, value in annotations.items() if key not in COPIES}
    return {**found, "metadata": {**metadata, **({"annotations": rest} if rest else {})}}


def without_marks(body: JSON) -> JSON:
    """Return the object as Git has it, without the label and annotation Plumb adds to its own."""
    metadata = dict(body["metadata"])
    for place, mark in (("labels", OWNER_LABEL), ("annotations", MARK_ANNOTATION)):
        rest = {k: v for k, v in (metadata.pop(place, None) or {}).items() if k != mark}
        if rest:
            metadata[place] = rest
    return {**body, "metadata": metadata}


def clean(text: str) -> str:
    r"""Return the text with everything that is not printable written out, as in ``\x1b``.

    Escape sequences, line ends, and the marks that reverse the direction of text included: what
    comes from Git or a cluster must not move the cursor or hide what stands beside it.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


@dataclass(frozen=True, slots=True)
class Redactor:
    """Hides values that are known to be secret inside of sentences written by others.

    A second net: texts are not supposed to hold such values, but servers and plugins wrote them.
    ``values`` are found by how they start, the longest first, so that none survives in part where
    another is its beginning. No regular expression: to compile a mebibyte takes ten seconds.
    """

    values: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)

    def __call__(self, text: str) -> str:
        """Return the text with each known value replaced, safe for a terminal."""
        return clean(self.plain(text))

    def plain(self, text: str) -> str:
        """Return the text with each known value replaced, for programs."""
        if not self.values:
            return text
        parts, at = [], 0
        while at < len(text):
            found = self.values.get(text[at : at + _SHORTEST], ())
            value = next((value for value in found if text.startswith(value, at)), "")
            parts.append(HIDDEN if value else text[at])
            at += len(value) or 1
        return "".join(parts)


def redactor(changes: Iterable[Change]) -> Redactor:
    """Return what hides the values of all Secrets that these changes hold."""
    bodies = (body for change in changes for body in _bodies(change))
    known = {value for body in bodies for value in _values(body) if len(value) >= _SHORTEST}
    values: dict[str, list[str]] = {}
    for value in sorted(known, key=len, reverse=True):
        values.setdefault(value[:_SHORTEST], []).append(value)
    return Redactor(values)


def _places(*, secret: bool) -> tuple[tuple[str, ...], ...]:
    return (*_ANYWHERE, *_IN_SECRETS) if secret else _ANYWHERE


def _parts(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _masked(
    value: JSON,
    other: JSON,
    path: tuple[str, ...],
    *,
    places: tuple[tuple[str, ...], ...],
    word: str,
) -> JSON:
    """Hide what stands at a place or below it; descend where a place may be further down."""
    if value is ABSENT:
        return ABSENT
    if any(path[: len(place)] == place for place in places):
        return _blank(value, other, word)
    if not isinstance(value, dict) or not any(place[: len(path)] == path for place in places):
        return value
    counterpart = other if isinstance(other, dict) else {}
    return {
        key: _masked(inner, counterpart.get(key, ABSENT), (*path, key), places=places, word=word)
        for key, inner in value.items()
    }


def _blank(value: JSON, other: JSON, word: str) -> JSON:
    """Hide a value, keep the keys of a mapping, and name the side only where both sides differ."""
    if isinstance(value, dict):
        counterpart = other if isinstance(other, dict) else {}
        return {key: _blank(v, counterpart.get(key, ABSENT), word) for key, v in value.items()}
    return HIDDEN if other is ABSENT or value == other else word


def _bodies(change: Change) -> Iterator[JSON]:
    match change:
        case Create(manifest=manifest, body=body):
            yield from (manifest.body, body)
        case Adopt(manifest=manifest, live=live) | Update(manifest=manifest, live=live):
            yield from (manifest.body, live.body)
        case Replace(manifest=manifest, live=live, body=body):
            yield from (manifest.body, live.body, body)
        case Delete(live=live):
            yield live.body
        case Release(live=live):
            yield live.body if live else None
        case _:
            return


def _values(body: JSON) -> Iterator[str]:
    """Yield every spelling in which a value of this Secret may turn up elsewhere."""
    if not isinstance(body, dict) or (body.get("apiVersion"), body.get("kind")) != ("v1", "Secret"):
        return
    for value in _texts(body.get("data")):
        yield value
        try:
            decoded = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            continue
        yield from _spellings(decoded)
    for value in _texts(body.get("stringData")):
        yield from _spellings(value)


def _texts(mapping: JSON) -> Iterable[str]:
    if not isinstance(mapping, dict):
        return ()
    return (value for value in mapping.values() if isinstance(value, str))


def _spellings(value: str) -> Iterator[str]:
    yield value
    yield base64.b64encode(value.encode(errors="surrogatepass")).decode()
    yield from (clean(value), json.dumps(value)[1:-1], quote(value, safe="", errors="replace"))
    yield from (line.strip() for line in value.splitlines())


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
