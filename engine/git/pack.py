"""Packs from a server: counted while they come in, measured before they are unpacked, indexed.

dulwich indexes whatever it is given and knows no cap on a client's side, so a pack is first walked
here with 16 KiB at a time: a bomb is refused before any of it is in memory.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import tempfile
import zlib
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, cast

from dulwich.object_format import SHA1
from dulwich.pack import (
    DELTA_TYPES,
    PackData,
    PackIndexer,
    extend_pack,
    write_pack_index,
)

from engine.errors import GitError
from engine.git.objects import DamageError

if TYPE_CHECKING:
    from pathlib import Path

    from dulwich.objects import RawObjectID
    from dulwich.pack import PackIndexEntry

    from engine.git.deadline import Deadline
    from engine.git.limits import Limits
    from engine.git.objects import ObjectStore

_HEADER = 12
_TRAILER = 20
_STEP = 16 * 1024
_OFS_DELTA, _REF_DELTA = 6, 7
_CHECK_EVERY = 256  # objects between two looks at the clock


class PackError(DamageError):
    """What the server sent is no usable pack; asking again may help."""


class IncomingPack:
    """A pack while it arrives, in a temporary file of the cache. ``install`` makes it visible."""

    def __init__(self, folder: Path, *, limits: Limits, deadline: Deadline, where: str) -> None:
        self._folder = folder
        self._limits = limits
        self._deadline = deadline
        self._where = where
        self._file: IO[bytes] | None = None
        self._path = ""
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        """Take the next bytes; raises when there are too many or they come too late."""
        self._deadline.check()
        self.size_bytes += len(data)
        if self.size_bytes > self._limits.pack_bytes:
            raise _too_much("pack", "bytes", self._limits.pack_bytes, self._where)
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, self._path = tempfile.mkstemp(dir=self._folder, prefix="incoming-")
            self._file = os.fdopen(handle, "w+b")
        self._file.write(data)
        return len(data)

    def discard(self) -> None:
        """Remove what is left of it, if anything."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._path:
            with suppress(OSError):
                os.unlink(self._path)  # noqa: PTH108 - mkstemp gave a string
            self._path = ""

    def install(self, store: ObjectStore) -> None:
        """Check, complete and index the pack, then let readers see it.

        ``store`` gives the objects that the server left out because we said that we have them.
        """
        if self._file is None:
            return
        self._file.flush()
        self._measure()
        entries, checksum = self._index(store)
        self._file.close()
        self._file = None
        self._publish(entries, checksum)

    def _measure(self) -> None:
        if self.size_bytes < _HEADER + _TRAILER:
            raise self._broken("it is cut off")
        file = cast("IO[bytes]", self._file)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            if view[:4] != b"PACK" or int.from_bytes(view[4:8], "big") not in {2, 3}:
                raise self._broken("it does not begin like a pack")
            count = int.from_bytes(view[8:_HEADER], "big")
            if count > self._limits.objects:
                raise _too_much("pack", "objects", self._limits.objects, self._where)
            digest = hashlib.sha1(usedforsecurity=False)
            with memoryview(view) as whole, whole[:-_TRAILER] as content:
                digest.update(content)
            if digest.digest() != view[-_TRAILER:]:
                raise self._broken("its checksum does not fit")
            self._walk(view, count)

    def _walk(self, view: mmap.mmap, count: int) -> None:
        at = _HEADER
        end = len(view) - _TRAILER
        total = 0
        for number in range(count):
            if number % _CHECK_EVERY == 0:
                self._deadline.check()
            try:
                at, size = self._object(view, at, end)
            except (IndexError, zlib.error) as error:
                raise self._broken("an object is malformed") from error
            total += size
            if size > self._limits.object_bytes:
                raise _too_much("an object", "bytes", self._limits.object_bytes, self._where)
            if total > self._limits.unpacked_bytes:
                raise _too_much("all objects", "bytes", self._limits.unpacked_bytes, self._where)
        if at != end:
            raise self._broken("something follows the last object")

    def _object(self, view: mmap.mmap, start: int, end: int) -> tuple[int, int]:
        """Return where the object at ``start`` ends and how many bytes it unpacks to at most."""
        byte = view[start]
        at = start + 1
        kind, size, shift = (byte >> 4) & 7, byte & 15, 4
        while byte & 0x80:
            byte = view[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
        if kind == _OFS_DELTA:
            while view[at] & 0x80:
                at += 1
            at += 1
        elif kind == _REF_DELTA:
            at += 20
        elif kind not in {1, 2, 3, 4}:
            raise IndexError
        if size > self._limits.object_bytes:
            return end, size  # refused by the caller before a byte is unpacked
        at, first = self._unpacked_end(view, at, end, size)
        return at, max(size, _result_size(first)) if kind in DELTA_TYPES else size

    def _unpacked_end(self, view: mmap.mmap, at: int, end: int, size: int) -> tuple[int, bytes]:
        unpacker = zlib.decompressobj()
        step = min(_STEP, size + 64)
        first, unpacked = b"", 0
        while not unpacker.eof:
            if at >= end:
                raise IndexError
            fed = view[at : min(at + step, end)]
            data = unpacker.decompress(fed)
            at += len(fed)
            unpacked += len(data)
            if len(first) < 32:
                first += data[:32]
            if unpacked > size:
                raise IndexError
            step = _STEP
        if unpacked != size:
            raise IndexError
        return at - len(unpacker.unused_data), first

    def _index(self, store: ObjectStore) -> tuple[list[PackIndexEntry], bytes]:
        file = cast("Any", self._file)
        entries: list[PackIndexEntry] = []
        reason = ""
        with PackData(self._path, file=file, object_format=SHA1) as data:
            try:
                bases = self._resolve(data, store, entries)
            except (GitError, OSError):
                raise
            except Exception as error:  # noqa: BLE001 - damaged bytes surface as anything
                reason = type(error).__name__
            # Raised out here: a chained error keeps views of the mapping, which then cannot close.
            if reason:
                raise self._broken(reason)
        checksum, extra = extend_pack(file, bases, get_raw=store.get_raw, object_format=SHA1)
        file.flush()
        return sorted([*entries, *extra]), checksum

    def _resolve(
        self, data: PackData, store: ObjectStore, entries: list[PackIndexEntry]
    ) -> set[RawObjectID]:
        """Unpack every object to learn its id; return the ids of bases that are not in the pack."""
        indexer = PackIndexer.for_pack_data(data, resolve_ext_ref=store.get_raw)
        for number, entry in enumerate(indexer):
            if number % _CHECK_EVERY == 0:
                self._deadline.check()
            entries.append(entry)
        return set(indexer.ext_refs())

    def _publish(self, entries: list[PackIndexEntry], checksum: bytes) -> None:
        # A pack counts once its index is there, so the index comes last; both by rename, so that
        # another process sees either nothing or all of it.
        final = str(self._folder / f"pack-{checksum.hex()}")
        handle, index = tempfile.mkstemp(dir=self._folder, prefix="incoming-")
        with os.fdopen(handle, "wb") as file:
            write_pack_index(file, entries, checksum, version=2)
        os.replace(self._path, f"{final}.pack")  # noqa: PTH105 - mkstemp gave strings
        os.replace(index, f"{final}.idx")  # noqa: PTH105
        self._path = ""

    def _broken(self, why: str) -> PackError:
        return PackError(
            "PLB215", "the server sent a pack that is cut off or damaged", where=self._where,
            why=why, hint="try again; if it stays, run `git fsck` on the server",
        )  # fmt: skip


def cut_off(where: str) -> PackError:
    """Build the error for an answer that ends in the middle."""
    return PackError(
        "PLB215", "the server's answer is cut off", where=where, why="the connection broke",
        hint="try again",
    )  # fmt: skip


def _result_size(delta: bytes) -> int:
    """Read the size of what a delta makes: the second number in it."""
    at = 0
    while delta[at] & 0x80:
        at += 1
    at += 1
    size = shift = 0
    while True:
        byte = delta[at]
        size |= (byte & 0x7F) << shift
        shift += 7
        at += 1
        if not byte & 0x80:
            return size


def _too_much(what: str, unit: str, cap: int, where: str) -> GitError:
    return GitError(
        "PLB216", f"the repository is too large: {what} of more than {cap} {unit}", where=where,
        hint="keep large files out of it, or raise the cap",
    )  # fmt: skip
