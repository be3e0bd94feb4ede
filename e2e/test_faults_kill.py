"""kill -9 at every request of a sync, before it is sent on and after its answer is lost.

Scenario 1: the next sync goes on from what is there, and nothing is lost, doubled or forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.faultfixtures import one_shot, peaceful, stage, story
from e2e.faults.lane import Fault
from e2e.faults.objects import Ref, manifest
from e2e.faults.schedule import kill_at

if TYPE_CHECKING:
    from e2e.faults.lane import Decide, Exchange
    from e2e.faults.story import Story

__all__ = ["one_shot", "stage", "story"]
pytestmark = pytest.mark.usefixtures("control_plane")

KEPT = [Ref(kind, "kept") for kind in ("ConfigMap", "Deployment", "Widget")]
IN_TURN = [Ref("ConfigMap", "odd"), Ref("ConfigMap", "even")]


def commit(story: Story, number: int) -> None:
    """Change every object, add one and remove another."""
    wanted = {ref: manifest(ref, str(number), extra=number % 2 == 0) for ref in KEPT}
    story.commit({**wanted, IN_TURN[number % 2]: manifest(IN_TURN[number % 2], "1")})


@pytest.mark.timeout(240)
def test_a_sync_is_killed_at_each_of_its_requests(story: Story) -> None:
    """Twice in a row at each: before the request is sent on, and after its answer is lost."""
    commit(story, 0)
    story.sync()
    number = 0
    while number == 0 or story.ends[-2].was_killed:
        number += 1
        commit(story, number)
        story.sync(kill_at(number, after=False))
        story.sync(kill_at(number, after=True))
        done = story.sync()
        assert done.code == 0, done.errors
        assert story.checker.at_rest(story.head) == [], f"killed at request {number}"
    assert number > 18
    assert story.kills >= 2 * 18
    peaceful(story)


def test_a_first_sync_is_killed_at_each_write(story: Story) -> None:
    """Intent without uid: the create has landed, and nobody noted which object it made."""
    commit(story, 0)
    writes = 1 + len(KEPT) + 1 + 1  # the record, the objects, the record
    for number in range(writes + 2):
        story.sync(killed_at_write(1 + number % 3))
    peaceful(story)
    created = [ref for verb, ref in story.writes() if verb == "POST"]
    assert len(created) == len(set(created)) == len(KEPT) + 1


def killed_at_write(number: int) -> Decide:
    """Kill the process when so many of its writes have landed."""
    seen = 0

    def decide(exchange: Exchange) -> Fault | None:
        nonlocal seen
        seen += exchange.is_write
        return Fault("kill-after") if exchange.is_write and seen == number else None

    return decide
