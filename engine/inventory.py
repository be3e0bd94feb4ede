"""What an application owns and applied last: the values, their JSON form, and ownership marks.

Pure: reading and writing the ConfigMaps that hold a record is engine.kube.record's.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from engine.errors import RefusedError
from engine.model import JSON, MARK_ANNOTATION, OWNER_LABEL, Live, ObjectRef
from engine.parse import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VERSION = 1
RUNS_KEPT = 5
# Longer strings are kept as digests: a 1 MiB ConfigMap must not need a 1 MiB record.
LONG_STRING = 4096
# Group, kind and namespace of objects.
Place: TypeAlias = tuple[str, str, str]
_DIGEST_PREFIX = "plumb.dev/sha256:"


@dataclass(frozen=True, slots=True)
class Entry:
    """One owned object. ``pending`` is a write whose answer is not noted yet.

    ``applied`` is the body of the last write that succeeded, trimmed (:func:`trim`). ``answers``
    holds digests where the server's reply differed from it. ``existed``: it was there before Plumb.
    ``done`` is the digest of the Job's manifest that was seen complete.
    """

    ref: ObjectRef
    uid: str = ""
    version: str = ""
    applied: JSON = field(default=None, repr=False)
    pending: JSON = field(default=None, repr=False)
    answers: Mapping[str, str] = field(default_factory=dict)
    existed: bool = False
    done: str = ""
    shard: int = 0
    _digest: str = field(default="", init=False, repr=False, compare=False)

    @property
    def digest(self) -> str:
        """Stands for everything in the entry that a plan looks at; worked out once."""
        if not self._digest:
            known = [self.uid, self.version, self.applied, self.pending, dict(self.answers),
                     self.done]  # fmt: skip
            object.__setattr__(self, "_digest", digest(known))
        return self._digest


@dataclass(frozen=True, slots=True)
class Run:
    """One finished sync as the record remembers it; ``at`` in seconds since the epoch."""

    revision: str
    at: int
    result: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything the record says about one application.

    ``id`` is random and never derived from a name, so two applications cannot collide. ``doubt`` is
    why the record cannot be trusted ("" when it can): then objects are adopted and none deleted.
    ``places`` are where objects with this id's mark were found that no entry names.
    """

    id: str
    application: str
    entries: Mapping[ObjectRef, Entry] = field(default_factory=dict)
    origin: Literal["file", "resource"] = "file"
    source: str = ""
    released: bool = False
    last: tuple[Run, ...] = ()
    doubt: str = ""
    places: tuple[Place, ...] = ()

    def with_entries(self, changed: Iterable[Entry], gone: Iterable[ObjectRef] = ()) -> Inventory:
        """Return the inventory with these entries set and those dropped."""
        entries = dict(self.entries)
        for entry in changed:
            entries[entry.ref] = entry
        for ref in gone:
            entries.pop(ref, None)
        return replace(self, entries=entries)


# --- marks -----------------------------------------------------------------------------------


def mark(owner: str, ref: ObjectRef) -> str:
    """Return the annotation that says who owns an object; it names the object itself.

    Controllers copy labels and annotations to objects they make; a mark that names another object
    counts for nothing (issues kapp#99, tanka#1129).
    """
    return f"{owner}:{ref.group}/{ref.kind}/{ref.namespace}/{ref.name}"


def marked(body: JSON, owner: str, ref: ObjectRef) -> JSON:
    """Return the body with the owner's label and mark; the argument stays as it is."""
    metadata = dict(body["metadata"])
    metadata["labels"] = {**(metadata.get("labels") or {}), OWNER_LABEL: owner}
    annotations = metadata.get("annotations") or {}
    metadata["annotations"] = {**annotations, MARK_ANNOTATION: mark(owner, ref)}
    return {**body, "metadata": metadata}


def owner_of(live: Live) -> str:
    """Return the id of the application whose mark this very object carries, or ""."""
    annotations = live.body["metadata"].get("annotations") or {}
    owner, separator, _ = str(annotations.get(MARK_ANNOTATION, "")).partition(":")
    is_own = separator and annotations[MARK_ANNOTATION] == mark(owner, live.ref)
    return owner if is_own else ""


# --- the confirmation of held deletions ------------------------------------------------------


def token(owner: str, deletions: Iterable[tuple[ObjectRef, str]]) -> str:
    """Return the 16 hex digits that confirm exactly these deletions of (object, uid)."""
    listed = sorted([r.group, r.kind, r.namespace, r.name, uid] for r, uid in deletions)
    text = json.dumps([owner, listed], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# --- long values -----------------------------------------------------------------------------


def trim(value: JSON, *, longest: int = LONG_STRING) -> JSON:
    """Return the value with every string over ``longest`` characters replaced by its digest."""
    match value:
        case dict():
            return {key: trim(item, longest=longest) for key, item in value.items()}
        case list():
            return [trim(item, longest=longest) for item in value]
        case str() if len(value) > longest:
            return _digest(value)
        case _:
            return value


def restore(trimmed: JSON, desired: JSON) -> JSON:
    """Return a trimmed body with the digests replaced by desired's strings where those match.

    What was applied and what Git says now are then compared as values; a digest that is left
    stands for a string that Git has changed since.
    """
    match trimmed:
        case dict() | list() if trimmed == desired:
            return trimmed  # nearly always, and much faster than to look at every part
        case dict():
            known = desired if isinstance(desired, dict) else {}
            return {key: restore(item, known.get(key)) for key, item in trimmed.items()}
        case list():
            same_length = isinstance(desired, list) and len(desired) == len(trimmed)
            others = desired if same_length else [None] * len(trimmed)
            return [restore(item, other) for item, other in zip(trimmed, others, strict=True)]
        case str() if trimmed.startswith(_DIGEST_PREFIX) and isinstance(desired, str):
            return desired if _digest(desired) == trimmed else trimmed
        case _:
            return trimmed


def _digest(text: str) -> str:
    return _DIGEST_PREFIX + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# --- JSON ------------------------------------------------------------------------------------


def head_to_json(inventory: Inventory, *, shards: int) -> JSON:
    """Return the part of the record that is not entries."""
    return {
        "version": VERSION,
        "id": inventory.id,
        "application": inventory.application,
        "origin": inventory.origin,
        "source": inventory.source,
        "shards": shards,
        "released": inventory.released,
        "last": [
            {"revision": run.revision, "at": run.at, "result": run.result,
             "counts": dict(run.counts)}
            for run in inventory.last[-RUNS_KEPT:]
        ],
        **({"places": [list(place) for place in inventory.places]} if inventory.places else {}),
    }  # fmt: skip


def entry_to_json(entry: Entry, *, longest: int = 0) -> JSON:
    """Return one entry; what is empty is left out.

    ``longest``, if not 0, trims the bodies. Never the rest: a name may have 253 characters.
    """
    ref, bodies = entry.ref, (entry.applied, entry.pending)
    applied, pending = (trim(b, longest=longest) for b in bodies) if longest else bodies
    full = {
        "ref": [ref.group, ref.kind, ref.namespace, ref.name],
        "uid": entry.uid,
        "version": entry.version,
        "applied": applied,
        "pending": pending,
        "answers": dict(entry.answers),
        "existed": entry.existed,
        "done": entry.done,
    }
    return {key: value for key, value in full.items() if value}


def head_from_json(body: JSON) -> tuple[Inventory, int]:
    """Return the head without entries and how many shards there are.

    Raises RefusedError for a record of a newer Plumb and ValueError for anything that is no record.
    """
    version = body.get("version") if isinstance(body, dict) else None
    if not isinstance(version, int) or version < 1:
        raise ValueError("it has no version")
    if version > VERSION:
        raise RefusedError(
            "PLB502", f"the record was written by a newer Plumb (format {version})",
            why=f"this one reads formats up to {VERSION} and would lose what it cannot read",
            hint="use the newer version of Plumb",
        )  # fmt: skip
    try:
        runs = tuple(
            Run(str(r["revision"]), int(r["at"]), str(r["result"]), dict(r["counts"]))
            for r in body["last"]
        )
        head = Inventory(
            id=_text(body["id"]), application=_text(body["application"]),
            origin="resource" if body["origin"] == "resource" else "file",
            source=_text(body["source"]), released=body["released"] is True, last=runs,
            places=tuple(_place(place) for place in body.get("places", ())),
        )  # fmt: skip
        shards = int(body["shards"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"its head lacks or misspells {error}") from None
    if shards < 1:
        raise ValueError("it has no shards")
    return head, shards


def identity_from_json(body: JSON) -> tuple[ObjectRef, str]:
    """Return which object an entry is of, and its uid, "" for none yet; raises ValueError."""
    try:
        return ObjectRef(*map(_text, body["ref"])), _text(body.get("uid", ""))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"an entry lacks or misspells {error}") from None


def entry_from_json(body: JSON, *, shard: int) -> Entry:
    """Return one entry; raises ValueError for anything else."""
    ref, uid = identity_from_json(body)
    try:
        answers = {_text(k): _text(v) for k, v in body.get("answers", {}).items()}
        return Entry(
            ref=ref,
            uid=uid,
            version=_text(body.get("version", "")),
            applied=body.get("applied"),
            pending=body.get("pending"),
            answers=answers,
            existed=body.get("existed", False) is True,
            done=_text(body.get("done", "")),
            shard=shard,
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"an entry lacks or misspells {error}") from None


def _place(value: JSON) -> Place:
    group, kind, namespace = map(_text, value)
    return group, kind, namespace


def _text(value: JSON) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text, there is {type(value).__name__}")
    return value
