"""How much a repository may cost: time, bytes, counts. Values only; who counts is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on one fetch and on what is read from it; every one of them can be set.

    ``object_bytes`` caps any object of a pack, also outside the path; ``blob_bytes`` a file that is
    read. ``unpacked_bytes`` caps all objects of a pack together. ``packs`` is how many a cache
    gathers before it is made afresh.
    """

    timeout_s: float = 60.0
    pack_bytes: int = 512 * MIB
    unpacked_bytes: int = 2048 * MIB
    objects: int = 1_000_000
    object_bytes: int = 128 * MIB
    blob_bytes: int = 10 * MIB
    tree_entries: int = 200_000
    refs_bytes: int = 64 * MIB
    packs: int = 8
