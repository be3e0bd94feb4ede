"""The garbage collector comes back when the last one who switched it off has left."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

import pytest

from engine.kube.gcguard import collector_off

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    yield
    gc.enable()


def test_the_last_to_leave_switches_it_on_again() -> None:
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with collector_off():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=stay)
    with collector_off():
        thread.start()
        inside.wait(10)
        assert not gc.isenabled()
    assert not gc.isenabled()
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_an_error_switches_it_on_again() -> None:
    with pytest.raises(KeyError), collector_off():
        raise KeyError
    assert gc.isenabled()


def test_it_stays_off_where_it_was_off() -> None:
    gc.disable()
    with collector_off():
        pass
    assert not gc.isenabled()
