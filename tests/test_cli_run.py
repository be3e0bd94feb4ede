"""How `plumb run` hears that it should end."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from engine.cli.run import _stopped_by_signals

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.timeout(10)
def test_a_signal_amid_a_wait_for_the_event_ends_it(number: int) -> None:
    stop: Any = _stopped_by_signals()

    with stop._cond:  # noqa: SLF001 - the wait holds it when it begins and when it wakes
        os.kill(os.getpid(), number)
        assert not stop.is_set()  # a handler that sets it waits for ever, before this line

    assert stop.wait(5.0)


def test_a_second_signal_is_heard_in_silence() -> None:
    stop = _stopped_by_signals()
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
    assert stop.wait(5.0)
