"""Whether the process that holds a record is still there."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from engine.kube.holder import is_gone, own_name


def test_this_process_is_there() -> None:
    assert not is_gone(own_name())
    assert not is_gone(f"{own_name()} 1a2b3c4d")


def test_a_process_that_ended_is_gone() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    assert is_gone(f"{platform.node()} (process {ended.pid}) 1a2b3c4d")


@pytest.mark.parametrize(
    "holder",
    [
        "",
        "nonsense",
        f"another-machine (process {os.getpid() + 1})",
        f"{platform.node()} (process 99999999999999)",
        f"{platform.node()} (process 1)",
    ],
    ids=["empty", "nonsense", "another machine", "no such process", "not ours"],
)
def test_what_cannot_be_known_counts_as_there(holder: str) -> None:
    assert not is_gone(holder)
