"""Tables of Application resources: whatever their status holds, and nothing that moves a cursor."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.daemon.conditions import status_of
from engine.report.applications import render_application, render_applications
from tests.test_daemon_conditions import LOOKS, NOW, SHOP

MESSAGE = "2 objects in place at 1a2b3c4d5e (main) Raise the number of web replicas"
LATER = NOW + timedelta(hours=3)


def test_a_row_each_in_order_of_their_names() -> None:
    shop = status_of(LOOKS["in place"], None, NOW)
    found = [(SHOP, shop), (replace(SHOP, name="fresh"), {}), (replace(SHOP, generation=4), shop)]

    assert render_applications(found, now=LATER).splitlines() == [
        "Application  Sync    Health   Revision    Age  Message",
        "team/fresh   -       -        -           -    no daemon has looked at it yet",
        f"team/shop    Synced  Healthy  1a2b3c4d5e  3h   {MESSAGE}",
        "team/shop    Synced  Healthy  1a2b3c4d5e  3h   its last change is not seen yet; before: "
        + MESSAGE[:56] + "...",
    ]  # fmt: skip


def test_one_in_full() -> None:
    status = status_of(LOOKS["prune held"], None, NOW)

    assert (
        render_application(SHOP, status, now=LATER)
        == """\
Application  Sync       Health   Revision    Age
team/shop    OutOfSync  Healthy  1a2b3c4d5e  3h

in place at 1a2b3c4d5e (main) Raise the number of web replicas
1 deletion held, Service/shop/cart: more than 5 and more than 30 %
annotation plumb.dev/confirm-prune: 0123456789abcdef confirms exactly these

Held deletions
  Service/shop/cart

To confirm exactly these:
  kubectl annotate --overwrite applications.plumb.dev shop -n team \
plumb.dev/confirm-prune=0123456789abcdef

Revision    When  Result  Changes  Took  Author                 Subject
1a2b3c4d5e  3h    done    none     1.2s  Ann <ann@example.com>  Raise the number of web replicas
"""
    )


@pytest.mark.parametrize(
    "status",
    [None, [], "x", {"conditions": 3}, {"conditions": [3, {"type": "Ready"}]}, {"history": ["x"]},
     {"history": [{"counts": [], "durationSeconds": "x", "time": 4}]}, {"held": {"objects": "x"}},
     {"held": {"objects": [1, {}]}}, {"message": {"a": 1}, "sync": 3, "revision": []},
     {"conditions": [{"type": "Ready", "lastTransitionTime": "2026-11-25T12:00:00"}]},
     {"message": "\x1b[31mred\nline", "sync": "\x1b[2J"}],
)  # fmt: skip
def test_whatever_a_status_holds(status: Any) -> None:
    for text in (render_applications([(SHOP, status)], now=LATER),
                 render_application(SHOP, status, now=LATER)):  # fmt: skip
        assert "team/shop" in text
        assert "\x1b" not in text
