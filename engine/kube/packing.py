"""The bytes of a record: JSON, compressed, in the binaryData of a ConfigMap. Pure.

Reading believes nothing: whatever is no record of sane size is a ValueError that says why.
"""

from __future__ import annotations

import base64
import gzip
import zlib
from typing import TYPE_CHECKING

import orjson

from engine.inventory import entry_to_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.inventory import Entry
    from engine.model import JSON

# A ConfigMap may hold 1 MiB. Base64 text, the worst that manifests hold, shrinks to 3/4 by gzip.
SHARD_BYTES = 1_300_000
COMPRESSED_BYTES = 1_000_000
_DECOMPRESSED_BYTES = 32 * 1024 * 1024
# Signs that begin a value or part two: what makes a small text large once it is read. An object of
# Git has at most 100,000 values, and is here twice while a write is in flight.
VALUES = 400_000
_TIGHT_STRING = 128


def pack(head: JSON, entries: Iterable[Entry]) -> bytes:
    """Return the shard; where it does not fit, shorter strings become digests too.

    The same entries are the same bytes. Raises ValueError, with how large it is, where it is too
    large even so.
    """
    entries = list(entries)
    for longest in (0, _TIGHT_STRING):
        listed = [entry_to_json(entry, longest=longest) for entry in entries]
        text = orjson.dumps({**head, "entries": listed})
        values = _values(text)
        if values <= VALUES:
            # A fixed time, so that the same record is the same bytes.
            packed = gzip.compress(text, 6, mtime=0)
            if len(packed) <= COMPRESSED_BYTES:
                return packed
    if values > VALUES:
        raise ValueError(f"more than {VALUES} values")
    raise ValueError(f"{len(packed)} bytes compressed")


def unpack(config_map: JSON, number: int) -> JSON:
    """Return the object that shard ``number`` holds; raises ValueError for anything else."""
    try:
        packed = base64.b64decode(config_map["binaryData"]["record"], validate=True)
        inflater = zlib.decompressobj(wbits=31)
        text = inflater.decompress(packed, _DECOMPRESSED_BYTES)
        if inflater.unconsumed_tail:
            raise ValueError(f"shard {number} is larger than any record")
        if not inflater.eof:
            raise ValueError(f"shard {number} is cut short")
        if _values(text) > VALUES:
            raise ValueError(f"shard {number} has more values than any record")
        body = orjson.loads(text)
    except (KeyError, TypeError, zlib.error, orjson.JSONDecodeError) as error:
        raise ValueError(f"shard {number} cannot be read ({type(error).__name__})") from None
    if not isinstance(body, dict):
        raise ValueError(f"shard {number} is no record")  # noqa: TRY004 - one kind of doubt
    return body


def size(entry: Entry) -> int:
    """Estimate the bytes that an entry takes; room for a second body, pending beside applied."""
    return 2 * max(len(orjson.dumps(entry.applied)), len(orjson.dumps(entry.pending))) + 300


def _values(text: bytes) -> int:
    """Return an upper limit of how many values there are in it."""
    return text.count(b",") + text.count(b"{") + text.count(b"[")
