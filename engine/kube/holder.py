"""Who holds a record: a name for people, and whether that process is still there."""

from __future__ import annotations

import os
import platform
import re
import time
from dataclasses import dataclass
from typing import Final

# A sync that moves writes its record more often than that; one that does not is taken for dead.
MAY_REST_S: Final = 10

_NAME = re.compile(r"(.+) \(process (\d{1,10})\)(?: .*)?")


def own_name() -> str:
    """Return what another sync says about this process while it waits."""
    return f"{platform.node() or 'unknown'} (process {os.getpid()})"


def is_gone(holder: str) -> bool:
    """Say whether the holder was a process of this machine that is no more.

    False when it cannot be known. A wrong answer costs nothing but time: the record's version is
    the fence, whoever is alive.
    """
    match = _NAME.fullmatch(holder)
    if match is None or match[1] != platform.node():
        return False
    try:
        os.kill(int(match[2]), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


@dataclass(frozen=True, slots=True)
class Rival:
    """Another process that holds a record at a version, and since when (monotonic) we know it."""

    holder: str
    version: str
    since_s: float


def rival_of(holder: str, version: str, *, known: Rival | None) -> Rival | None:
    """Return who has to be let go first; None when the holder is gone, or has not moved for long.

    ``known`` is what the last look returned.
    """
    # This process works on a record once at a time: its own name was left by an earlier life in
    # this container, whose processes all have one number, or by a write nobody heard the end of.
    if is_gone(holder) or holder.startswith(own_name()):
        return None
    now = time.monotonic()
    if known is None or (known.holder, known.version) != (holder, version):
        return Rival(holder, version, now)
    return None if now - known.since_s > MAY_REST_S else known
