"""The record of one application in the cluster, and the fence that it is.

ConfigMaps in the engine's own namespace: a head, and shards when it grows. Whoever wants to write
objects takes the head first by compare-and-swap, and asks again before later writes, so a frozen
process, a CI job and a daemon cannot overtake one another (ARCHITECTURE.md, invariant 4).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    InvalidError,
    NotFoundError,
    PlumbError,
)
from engine.inventory import (
    Entry,
    Inventory,
    entry_from_json,
    head_from_json,
    head_to_json,
)
from engine.kube.holder import MAY_REST_S, is_gone, rival_of
from engine.kube.packing import SHARD_BYTES, pack, size, unpack
from engine.kube.swap import WRITE_ANNOTATION, lost, swapped
from engine.model import RECORD_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from engine.kube.client import Client
    from engine.kube.holder import Rival
    from engine.kube.shelf import Shelf
    from engine.model import JSON, ObjectRef

DEFAULT_NAMESPACE = "plumb-system"
HOLDER_ANNOTATION = "plumb.dev/holder"
APPLICATION_ANNOTATION = "plumb.dev/application"

_CHECK_EVERY_S = 1.0
_NO_NAMESPACE = "PLB406"


@dataclass(slots=True)
class _Shard:
    """One ConfigMap as it was last read or written."""

    resource_version: str
    holder: str = ""


@dataclass(slots=True)
class Record:
    """Reads and writes one application's record; not shared between passes that run at once.

    ``holder`` names this process to a person who reads "another sync is running". What ``shelf``
    has is not asked for again.
    """

    client: Client
    application: str
    holder: str
    namespace: str = DEFAULT_NAMESPACE
    shelf: Shelf | None = None
    inventory: Inventory = field(init=False)
    _shards: dict[int, _Shard] = field(init=False, default_factory=dict)
    _count: int = field(init=False, default=1)
    _is_taken: bool = field(init=False, default=False)
    _checked_at: float = field(init=False, default=0.0)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    # --- reading -----------------------------------------------------------------------------

    def read(self) -> Inventory:
        """Return what the record says; a fresh inventory when there is none.

        Raises DeniedError without the right to read it, and RefusedError for one of a newer Plumb.
        A record that cannot be understood comes back as doubt, without entries.
        """
        self._shards.clear()
        self._count, self._is_taken = 1, False
        try:
            head_map = self._get(0)
        except NotFoundError:
            self.inventory = Inventory(new_id(), self.application)
            return self.inventory
        try:
            body = self._decode(head_map, 0)
            inventory, self._count = head_from_json(body)
            if inventory.application != self.application:
                raise ValueError(f"it is of application {inventory.application}")  # noqa: TRY301
            entries = {e.ref: e for e in self._entries(body, inventory.id)}
            self.inventory = replace(inventory, entries=entries)
        except ValueError as error:
            labels = head_map["metadata"].get("labels") or {}
            known = labels.get(RECORD_LABEL) or new_id()
            self._count = 1
            self.inventory = Inventory(known, self.application, doubt=str(error))
        return self.inventory

    @property
    def exists(self) -> bool:
        """Whether there was a record when it was read, or one was written since."""
        return 0 in self._shards

    @property
    def held_by(self) -> str:
        """Who was writing when the record was read, or ""."""
        head = self._shards.get(0)
        return head.holder if head else ""

    def is_unchanged(self) -> bool:
        """Say whether the head is still as it was last read or written; one request."""
        try:
            head = self._ask(0)
        except NotFoundError:
            return 0 not in self._shards
        known = self._shards.get(0)
        return known is not None and head["metadata"]["resourceVersion"] == known.resource_version

    def outlast(self, stop: threading.Event, *, tell: Callable[[str], None]) -> None:
        """Let another sync go first; one that does not move for a while is taken for dead.

        Reads the record anew then. Raises RefusedError when it lives.
        """
        holder = self.held_by
        if not holder or is_gone(holder):
            return
        tell(f"another sync may be running ({holder}); looking whether it is alive")
        for _ in range(MAY_REST_S):
            if stop.wait(1.0) or not self.is_unchanged():
                raise lost(self.application, to=holder)
        # What it wrote last may be newer than what was read of a shard.
        self.read()
        if self.held_by != holder:
            raise lost(self.application, to=self.held_by)

    def defer(self, rival: Rival | None) -> Rival | None:
        """Let another sync go first, without waiting here.

        None: nobody else holds the record, or whoever did has not moved since ``rival`` was first
        met long enough ago. Else what to hand in again next time.
        """
        if not self.held_by:
            return None
        return rival_of(self.held_by, self._shards[0].resource_version, known=rival)

    def _get(self, number: int) -> JSON:
        known = self.shelf.get(self._name(number)) if self.shelf is not None else None
        return known or self._ask(number)

    def _ask(self, number: int) -> JSON:
        return self.client.get(self._path(number), ref=f"the record {self._name(number)}")

    def _entries(self, head: JSON, owner: str) -> Iterator[Entry]:
        for number in range(self._count):
            body = head if number == 0 else self._decode(self._get_shard(number), number)
            if number and (body.get("id") != owner or body.get("shard") != number):
                raise ValueError(f"shard {number} is of another record")
            entries = body.get("entries")
            if not isinstance(entries, list):
                raise ValueError(f"shard {number} has no entries")  # noqa: TRY004 - one kind of doubt
            for entry in entries:
                yield entry_from_json(entry, shard=number)

    def _get_shard(self, number: int) -> JSON:
        try:
            return self._get(number)
        except NotFoundError:
            raise ValueError(f"shard {number} is missing") from None

    def _decode(self, config_map: JSON, number: int) -> JSON:
        metadata = config_map["metadata"]
        holder = (metadata.get("annotations") or {}).get(HOLDER_ANNOTATION, "")
        self._shards[number] = _Shard(metadata["resourceVersion"], str(holder))
        return unpack(config_map, number)

    # --- writing -----------------------------------------------------------------------------

    def begin(self, changed: Iterable[Entry]) -> None:
        """Note what is about to be written, as pending, and take the head.

        Nothing may be written to the cluster before this returns. Raises RefusedError when another
        process was faster.
        """
        changed = self._sharded(changed)
        self.inventory = self.inventory.with_entries(changed)
        shards = {entry.shard for entry in changed}
        if shards - {0} or self._count > 1:
            self._take()
        for number in sorted(shards - {0}):
            self._write(number)
        self._write(0, holder=self.holder)
        self._is_taken = True

    def finish(self, inventory: Inventory, *, touched: Iterable[ObjectRef]) -> None:
        """Note what became of the writes, or what was found, and let the head go.

        Needs no :meth:`begin` where nothing was written. ``touched`` are the objects whose entries
        differ from the ones that were written last.
        """
        before = self.inventory.entries
        numbers = {e.shard for ref in touched for e in (before.get(ref),) if e is not None}
        added = [e for ref, e in inventory.entries.items() if ref not in before]
        sharded = self._sharded(added) if added else []
        numbers.update(entry.shard for entry in sharded)
        self.inventory = inventory.with_entries(sharded)
        if numbers - {0} and not self._is_taken:
            self._take()
        for number in sorted(numbers - {0}):
            self._write(number)
        self._write(0)
        self._is_taken = False

    def check(self) -> None:
        """Make sure that no other process has taken the head; asks at most once a second.

        Raises RefusedError when one has: this process must write nothing more.
        """
        with self._lock:
            if time.monotonic() - self._checked_at > _CHECK_EVERY_S:
                self._take()

    def let_go(self) -> None:
        """Take this process's name off the head, so that nobody waits for it; tried once."""
        with contextlib.suppress(PlumbError):
            self._known(0, self._named("", own=""))

    def delete(self) -> None:
        """Delete the record, its head first: without it the shards are nobody's and are reused."""
        for number, shard in sorted(self._shards.items()):
            try:
                self.client.delete(
                    self._path(number), resource_version=shard.resource_version,
                    ref=f"the record {self._name(number)}",
                )  # fmt: skip
            except (ConflictError, NotFoundError):
                if number == 0:
                    raise lost(self.application) from None
            except ApiError:
                if number == 0:
                    raise
        self._shards.clear()

    def _take(self) -> None:
        """Write the holder's name into the head, if it is still the head that we know."""
        if 0 not in self._shards:
            self._write(0, holder=self.holder)
            return
        taken = swapped(
            lambda own: self._named(self.holder, own=own), lambda: self._ask(0),
            application=self.application,
        )  # fmt: skip
        self._known(0, taken)

    def _named(self, holder: str, *, own: str) -> JSON:
        operations = [
            {"op": "replace", "path": "/metadata/resourceVersion",
             "value": self._shards[0].resource_version},
            {"op": "add", "path": "/metadata/annotations",
             "value": self._annotations(holder, own=own)},
        ]  # fmt: skip
        ref = f"the record {self._name(0)}"
        return self.client.patch(self._path(0), operations, ref=ref).body

    def _annotations(self, holder: str, *, own: str) -> dict[str, str]:
        # The id differs each time: the server would else answer without a new version.
        named = {APPLICATION_ANNOTATION: self.application, WRITE_ANNOTATION: own}
        return {**named, HOLDER_ANNOTATION: holder} if holder else named

    def _sharded(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return the entries with their shard: the one they are in, else the last with room."""
        sizes = dict.fromkeys(range(self._count), 0)
        known = self.inventory.entries
        result = []
        for entry in known.values():
            sizes[entry.shard] = sizes.get(entry.shard, 0) + size(entry)
        for entry in entries:
            if entry.ref in known:
                result.append(replace(entry, shard=known[entry.ref].shard))
                continue
            needed, last = size(entry), self._count - 1
            if sizes[last] and sizes[last] + needed > SHARD_BYTES:
                last += 1
                self._count += 1
                sizes[last] = 0
            sizes[last] += needed
            result.append(replace(entry, shard=last))
        return result

    def _write(self, number: int, *, holder: str = "") -> None:
        known, name = self._shards.get(number), self._name(number)
        data = {"record": base64.b64encode(self._encode(number)).decode()}
        labels = {RECORD_LABEL: self.inventory.id, "app.kubernetes.io/managed-by": "plumb"}

        def write(own: str) -> JSON:
            named = {WRITE_ANNOTATION: own} if number else self._annotations(holder, own=own)
            metadata: dict[str, JSON] = {
                "name": name, "namespace": self.namespace, "labels": labels, "annotations": named,
            }  # fmt: skip
            config_map = {
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": data,
            }  # fmt: skip
            if known is None:
                return self._create(number, config_map)
            metadata["resourceVersion"] = known.resource_version
            return self.client.put(self._path(number), config_map, ref=f"the record {name}").body

        there = swapped(
            write, lambda: self._ask(number), application=self.application, data=data
        )  # fmt: skip
        self._known(number, there)

    def _create(self, number: int, config_map: JSON) -> JSON:
        ref = f"the record {config_map['metadata']['name']}"
        path = self._path(number)
        collection = path.rpartition("/")[0]
        try:
            return self.client.create(collection, config_map, ref=ref).body
        except InvalidError as error:
            if error.code != _NO_NAMESPACE:
                raise
            self._create_namespace()
            return self.client.create(collection, config_map, ref=ref).body
        except AlreadyExistsError:
            if number == 0:
                raise
            # Left by somebody who lost the head before it named this shard; the head is ours.
            there = self.client.get(path, ref=ref)["metadata"]["resourceVersion"]
            metadata = {**config_map["metadata"], "resourceVersion": there}
            return self.client.put(path, {**config_map, "metadata": metadata}, ref=ref).body

    def _create_namespace(self) -> None:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        try:
            self.client.create("/api/v1/namespaces", body, ref=f"Namespace/{self.namespace}")
        except AlreadyExistsError:
            return
        except ApiError as error:
            error.hint = (
                f"create the namespace {self.namespace} once, or name another one that holds the "
                "records with --record-namespace"
            )
            raise

    def _encode(self, number: int) -> bytes:
        if number == 0:
            body = head_to_json(self.inventory, shards=self._count)
        else:
            body = {"version": 1, "id": self.inventory.id, "shard": number}
        entries = (e for e in self.inventory.entries.values() if e.shard == number)
        try:
            return pack(body, entries)
        except ValueError as error:
            raise PlumbError(
                "PLB504", "the record does not fit into a ConfigMap",
                where=f"{self.namespace}/{self._name(number)}",
                why=str(error), hint="split the largest object in Git",
            ) from None  # fmt: skip

    def _known(self, number: int, config_map: JSON) -> None:
        self._shards[number] = _Shard(config_map["metadata"]["resourceVersion"])
        if self.shelf is not None:
            self.shelf.put(config_map)
        self._checked_at = time.monotonic()

    def _name(self, number: int) -> str:
        namespace, _, name = self.application.partition("/")
        prefix = f"plumb-{number}" if number else "plumb"
        full = f"{prefix}.{namespace}.{name}"
        if len(full) <= 253:
            return full
        digest = hashlib.sha256(self.application.encode()).hexdigest()[:32]
        return f"{prefix}.{namespace}.{digest}"

    def _path(self, number: int) -> str:
        return f"/api/v1/namespaces/{self.namespace}/configmaps/{self._name(number)}"


def new_id() -> str:
    """Return the id of an application that has none yet; random, so that two never collide."""
    return secrets.token_hex(16)
