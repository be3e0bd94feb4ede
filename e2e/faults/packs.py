"""Packs that no honest server sends: made by hand, with the right checksum."""

from __future__ import annotations

import hashlib
import zlib


def packed(*objects: bytes, count: int | None = None) -> bytes:
    """Make a pack of these, each a header with compressed data."""
    size = len(objects) if count is None else count
    body = b"PACK" + (2).to_bytes(4, "big") + size.to_bytes(4, "big") + b"".join(objects)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def packed_object(kind: int, data: bytes, *, size: int | None = None) -> bytes:
    """Write one object of a pack; ``size`` is what its header claims."""
    left = len(data) if size is None else size
    byte, left = kind << 4 | left & 15, left >> 4
    header = b""
    while left:
        header += bytes([byte | 0x80])
        byte, left = left & 0x7F, left >> 7
    return header + bytes([byte]) + zlib.compress(data, 9)


def without_base() -> bytes:
    """A thin pack: a delta against an object that is nowhere."""
    return packed(b"\x74" + b"\x11" * 20 + zlib.compress(b"\x01\x01\x00\x00"))


def bomb(*, blobs: int = 64) -> bytes:
    """A few KiB a blob, 16 MiB each when unpacked."""
    return packed(*[packed_object(3, bytes(1 << 24))] * blobs)


def empty() -> bytes:
    """A pack without objects."""
    return packed()
