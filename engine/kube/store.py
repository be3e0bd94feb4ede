"""Objects as one watch has seen them. What is in here is there; what is not proves nothing.

Objects are kept as JSON text, a tenth of what Python's dictionaries take, and read when asked for.
Half of that text says who set which field, in the same words for all objects of the same shape:
those words are kept once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from engine.model import JSON, OWNER_LABEL, Live, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_GONE_KEPT: Final = 2000
_SHAPES_KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class Seen:
    """A change of one object: whose label it carries or carried, and its version ("": gone)."""

    owner: str
    ref: ObjectRef
    version: str = ""


@dataclass(frozen=True, slots=True)
class _Held:
    uid: str
    version: str
    owner: str
    data: bytes
    fields: tuple[bytes | None, ...]

    def body(self) -> JSON:
        """Return the object as it came."""
        body = orjson.loads(self.data)
        for entry, fields in zip(_managers(body), self.fields, strict=True):
            if fields is not None:
                entry["fieldsV1"] = orjson.loads(fields)
        return body


class Store:
    """The objects of one kind that one watch selects. Threads share it.

    ``tell`` is called after a change that others made, never for this process's own writes.
    """

    def __init__(self, group: str, kind: str, tell: Callable[[Seen], None]) -> None:
        self._group = group
        self._kind = kind
        self._tell = tell
        self._lock = threading.Lock()
        self._held: dict[tuple[str, str], _Held] = {}
        self._owned: dict[str, set[tuple[str, str]]] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._shapes: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return len(self._held)

    # --- asking ------------------------------------------------------------------------------

    def get(self, ref: ObjectRef) -> Live | None:
        """Return the object as it was seen last; None says nothing."""
        held = self._held.get((ref.namespace, ref.name))
        return Live(ref, held.body()) if held else None

    def version(self, ref: ObjectRef) -> str:
        """Return the object's resourceVersion, "" where it was not seen."""
        held = self._held.get((ref.namespace, ref.name))
        return held.version if held else ""

    def owned(self, owner: str) -> list[ObjectRef]:
        """Return the objects that carry this owner's label; the mark is the caller's to check."""
        with self._lock:
            names = sorted(self._owned.get(owner, ()))
        return [self._ref(*name) for name in names]

    def bodies(self) -> Iterator[JSON]:
        """Yield every object."""
        with self._lock:
            kept = list(self._held.values())
        return (held.body() for held in kept)

    # --- learning ----------------------------------------------------------------------------

    def replace(self, bodies: Iterable[JSON], version: str) -> None:
        """Take up a whole list that was true at this version."""
        listed = {_name(body): body for body in bodies}
        for body in listed.values():
            self.event("MODIFIED", body)
        with self._lock:
            missing = [
                (name, held) for name, held in self._held.items()
                if name not in listed and not _is_newer(held.version, version)
            ]  # fmt: skip
            for name, held in missing:
                self._forget(name, held)
        for name, held in missing:
            self._tell(Seen(held.owner, self._ref(*name)))

    def event(self, kind: str, body: JSON) -> None:
        """Take up ADDED, MODIFIED or DELETED; what is older than what is known is dropped."""
        name, fresh = _name(body), self._compact(body)
        with self._lock:
            old = self._held.get(name)
            is_same = old is not None and old.uid == fresh.uid
            if fresh.uid in self._gone or (
                old and is_same and _is_newer(old.version, fresh.version)
            ):
                return
            if kind == "DELETED":
                if old is None or not is_same:
                    return
                self._forget(name, old)
            elif old is not None and old.version == fresh.version and is_same:
                return
            else:
                self._keep(name, fresh)
        owners = {fresh.owner} | ({old.owner} if old else set())
        version = "" if kind == "DELETED" else fresh.version
        for owner in sorted(owners):
            self._tell(Seen(owner, self._ref(*name), version))

    def put(self, body: JSON) -> None:
        """Take up the answer to a write of this process; nobody needs to be told."""
        name, fresh = _name(body), self._compact(body)
        with self._lock:
            old = self._held.get(name)
            if old and old.uid == fresh.uid and _is_newer(old.version, fresh.version):
                return
            if fresh.uid not in self._gone:
                self._keep(name, fresh)

    def drop(self, ref: ObjectRef) -> None:
        """Forget an object that this process saw go; what is still on its way about it is old."""
        name = (ref.namespace, ref.name)
        with self._lock:
            old = self._held.get(name)
            if old is not None:
                self._forget(name, old)

    def clear(self) -> None:
        """Forget everything: it cannot be kept up to date any more."""
        with self._lock:
            self._held.clear()
            self._owned.clear()

    def _compact(self, body: JSON) -> _Held:
        metadata = body["metadata"]
        owner = (metadata.get("labels") or {}).get(OWNER_LABEL, "")
        managers = [dict(entry) for entry in _managers(body)]
        fields = tuple(self._shared(entry.pop("fieldsV1", None)) for entry in managers)
        bare = {**body, "metadata": {**metadata, "managedFields": managers}} if managers else body
        return _Held(
            str(metadata.get("uid", "")), str(metadata.get("resourceVersion", "")), str(owner),
            _text(bare), fields,
        )  # fmt: skip

    def _shared(self, fields: JSON) -> bytes | None:
        if fields is None:
            return None
        text = _text(fields)
        if len(self._shapes) > _SHAPES_KEPT:
            self._shapes.clear()
        return self._shapes.setdefault(text, text)

    # --- holding the lock --------------------------------------------------------------------

    def _keep(self, name: tuple[str, str], fresh: _Held) -> None:
        old = self._held.get(name)
        if old is not None and old.owner != fresh.owner:
            self._disown(name, old.owner)
        self._held[name] = fresh
        self._owned.setdefault(fresh.owner, set()).add(name)

    def _forget(self, name: tuple[str, str], old: _Held) -> None:
        del self._held[name]
        self._disown(name, old.owner)
        self._gone[old.uid] = None
        while len(self._gone) > _GONE_KEPT:
            self._gone.popitem(last=False)

    def _disown(self, name: tuple[str, str], owner: str) -> None:
        names = self._owned.get(owner)
        if names is not None:
            names.discard(name)
            if not names:
                del self._owned[owner]

    def _ref(self, namespace: str, name: str) -> ObjectRef:
        return ObjectRef(self._group, self._kind, namespace, name)


def _name(body: JSON) -> tuple[str, str]:
    metadata = body["metadata"]
    return str(metadata.get("namespace", "")), str(metadata["name"])


def _text(value: JSON) -> bytes:
    # orjson keeps the 16 KiB that it began with behind each text; a copy takes what it needs.
    return bytes(memoryview(orjson.dumps(value)))


def _managers(body: JSON) -> Sequence[dict[str, JSON]]:
    """Return ``metadata.managedFields``, empty where it is nothing that a server would send."""
    found = body["metadata"].get("managedFields")
    is_usual = isinstance(found, list) and all(isinstance(entry, dict) for entry in found)
    return found if is_usual else ()


def _is_newer(one: str, other: str) -> bool:
    """Say whether one version comes after the other.

    Since Kubernetes 1.35 (KEP-5504) versions of one kind are decimal numbers to be compared; all
    servers before it, and etcd behind them, have always counted so.
    """
    return one.isdecimal() and other.isdecimal() and int(one) > int(other)
