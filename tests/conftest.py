"""What every test of values has: no network, and hypothesis with the profile of the place.

Profiles, by HYPOTHESIS_PROFILE: ``default`` at the desk, ``ci`` (where CI is set) finds the same
examples every time, ``nightly`` looks a hundred times longer; ``mutation`` is short.
"""

from __future__ import annotations

import functools
import gc
import os
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import HealthCheck, settings

from engine.schema.documents import Schemas

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """Forget what was cached: mutmut forks after a run of its own, which would hide the mutants.

    It also notes there which test reaches which function: each has to reach it by itself.
    """
    if os.environ.get("HYPOTHESIS_PROFILE") == "mutation":
        for forget in _caches():
            forget()


@functools.cache
def _caches() -> list[Callable[[], None]]:
    modules = [module for name, module in sys.modules.items() if name.startswith("engine")]
    found = [value for module in modules for value in vars(module).values()]
    clears = [value.cache_clear for value in found if hasattr(value, "cache_clear")]
    for item in gc.get_objects():
        if isinstance(item, Schemas):
            clears += [item._nodes.clear, item._digests.clear]  # noqa: SLF001 - what it remembers
    return clears
