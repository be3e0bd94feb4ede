"""What every test of values has: no network, and hypothesis with the profile of the place.

Profiles, by HYPOTHESIS_PROFILE: ``default`` at the desk, ``ci`` (where CI is set) finds the same
examples every time, ``nightly`` looks a hundred times longer; ``mutation`` is short.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from engine.schema.documents import Schemas
from engine.schema.node import Node

_SLOW_IS_FINE = [HealthCheck.too_slow]

settings.register_profile(
    "default", deadline=None, max_examples=100, suppress_health_check=_SLOW_IS_FINE
)
settings.register_profile(
    "ci", settings.get_profile("default"), derandomize=True, database=None, print_blob=True
)
settings.register_profile("nightly", settings.get_profile("default"), max_examples=10_000)
settings.register_profile("mutation", settings.get_profile("ci"), max_examples=15)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default")
)


@pytest.fixture(autouse=True)
def _no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        pytest.fail("a test in tests/ reached for the network; it belongs in e2e/")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Forget what was cached: mutmut forks after a run of its own, which would hide the mutants."""
    if os.environ.get("HYPOTHESIS_PROFILE") != "mutation" or os.getpid() in _FORGOTTEN:
        return
    _FORGOTTEN.add(os.getpid())
    for module in [m for name, m in sys.modules.items() if name.startswith("engine")]:
        for found in vars(module).values():
            if hasattr(found, "cache_clear"):
                found.cache_clear()
    for item in gc.get_objects():
        if isinstance(item, Schemas | Node):
            for slot in ("_nodes", "_digests", "_children"):
                getattr(item, slot, {}).clear()


_FORGOTTEN: set[int] = set()
