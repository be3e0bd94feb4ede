"""The bytes of a record: what is written is read back, and nothing else is believed."""

from __future__ import annotations

import base64
import gzip
import json
import random
from dataclasses import replace
from typing import Any

import pytest

from engine.inventory import LONG_STRING, entry_from_json
from engine.kube.packing import COMPRESSED_BYTES, VALUES, pack, size, unpack
from tests.situations import config_map, entry

HEAD = {"version": 1, "id": "0" * 32}


def shard(packed: bytes) -> Any:
    """A ConfigMap that holds these bytes."""
    return {"binaryData": {"record": base64.b64encode(packed).decode()}}


def test_a_shard_is_read_back_as_it_was_written_and_always_the_same_bytes() -> None:
    entries = [entry(config_map("a", k="v")), entry(config_map("b"))]
    packed = pack(HEAD, entries)
    body = unpack(shard(packed), 0)

    assert packed == pack(HEAD, entries)
    assert [entry_from_json(found, shard=0) for found in body.pop("entries")] == entries
    assert body == HEAD


def test_what_does_not_fit_is_kept_as_digests_and_loses_no_name() -> None:
    draw = random.Random(1)  # noqa: S311 - incompressible text, not a secret
    names = [f"{number:03}" + "n" * 250 for number in range(600)]
    values = [draw.randbytes(LONG_STRING // 2).hex()[:LONG_STRING] for _ in names]
    entries = [entry(config_map(n, k=v)) for n, v in zip(names, values, strict=True)]
    packed = pack(HEAD, entries)

    assert len(gzip.compress("".join(values).encode())) > COMPRESSED_BYTES
    assert len(packed) < COMPRESSED_BYTES
    assert [found["ref"][3] for found in unpack(shard(packed), 0)["entries"]] == names


def test_what_would_be_doubted_is_not_written() -> None:
    """Neither more values than any reader takes, nor more bytes than a ConfigMap."""
    draw = random.Random(2)  # noqa: S311 - incompressible text, not a secret
    many = [entry(config_map(f"a{n}", **dict.fromkeys(map(str, range(99)), ","))) for n in range(3)]
    large = [entry(config_map(f"a{n}", k=draw.randbytes(60).hex())) for n in range(20_000)]

    assert unpack(shard(pack(HEAD, many * 500)), 0)["entries"]
    with pytest.raises(ValueError, match=f"more than {VALUES} values"):
        pack(HEAD, many * 1000)
    with pytest.raises(ValueError, match=r"\d{7} bytes compressed"):
        pack(HEAD, large)


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"binaryData": None},
        {"binaryData": {"record": "no base64!"}},
        shard(b""),
        shard(b"nonsense"),
        shard(gzip.compress(b"{}" * 100)[:-9]),
        shard(gzip.compress(b"{")),
        shard(gzip.compress(b"[]")),
        shard(gzip.compress(b"[" * 1_000_000)),
        shard(gzip.compress(b" " * (80 << 20), 1)),
        shard(gzip.compress(json.dumps([HEAD]).encode())),
    ],
)
def test_what_is_no_record_is_doubted(found: Any) -> None:
    with pytest.raises(ValueError, match=r"shard 3|base64|Only"):
        unpack(found, 3)


def test_an_entry_leaves_room_for_what_is_about_to_be_written() -> None:
    small = entry(config_map("a", k="v" * 1000))
    both = replace(small, pending=small.applied)

    assert size(small) == size(both)
    assert size(small) > len(json.dumps(small.applied)) * 2
