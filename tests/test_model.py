"""The values that cross layers: what is absent is one thing, everywhere."""

from __future__ import annotations

import copy
import pickle

from engine.model import ABSENT


def test_absent_is_falsy_and_itself_also_after_a_journey() -> None:
    assert not ABSENT
    assert repr(ABSENT) == "ABSENT"
    assert pickle.loads(pickle.dumps(ABSENT)) is ABSENT  # noqa: S301 - our own bytes
    assert copy.deepcopy(ABSENT) is ABSENT
