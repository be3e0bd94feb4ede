"""Who holds a record: a name for people, and whether that process is still there."""

from __future__ import annotations

import os
import platform
import re

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
