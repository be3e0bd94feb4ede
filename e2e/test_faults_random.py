"""A short, seeded selection of what scripts/faults draws by the thousand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.faultfixtures import one_shot, stage
from e2e.faults.campaign import Result, load, save, scenario_of, table, tell
from e2e.faults.history import FAMILIES

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.faults.driver import OneShot
    from e2e.faults.story import Stage

__all__ = ["one_shot", "stage"]
pytestmark = pytest.mark.usefixtures("control_plane")

SEED = 5


@pytest.mark.parametrize("scenario", FAMILIES)
def test_a_random_story_violates_nothing(stage: Stage, one_shot: OneShot, scenario: str) -> None:
    number = list(FAMILIES).index(scenario)
    result = tell(stage, one_shot, SEED, number, scenario=scenario)
    assert result.violations == (), f"scripts/faults --seed {SEED} --only {number}"
    assert result.runs >= 4
    assert result.peak_mib < 256


def test_the_same_seed_draws_the_same_story(stage: Stage, one_shot: OneShot) -> None:
    """Run for run the same requests, the same faults and the same ends; only names differ."""
    told: list[list[tuple[str, str]]] = []
    for number in (0, 1000):  # another namespace, the same draw
        story = tell_lines(stage, one_shot, "refusals: 401 403 404 409 410 413 422", number)
        told.append(sorted(story))
    assert told[0] == told[1]
    assert any(fault for _, fault in told[0])


def tell_lines(stage: Stage, driver: OneShot, scenario: str, number: int) -> list[tuple[str, str]]:
    import random

    from e2e.faults.history import Teller
    from e2e.faults.story import Story

    story = Story(stage, f"twice-{number}", driver)
    try:
        Teller(story, random.Random("twice")).tell(FAMILIES[scenario])  # noqa: S311 - replayable
        return [(f"{e.run} {e.label} #{e.nth}", e.fault) for e in story.lane.log if e.is_write]
    finally:
        story.close()


def test_the_table_adds_up_what_was_saved(tmp_path: Path) -> None:
    name = "SIGKILL at a random request"
    results = [
        Result(1, 3, name, 8, 2, (), 0.5, 1, 60.0),
        Result(1, 6, name, 9, 3, ("lost",), 1.5, 2, 70.0),
    ]
    file = tmp_path / "figures.jsonl"
    for result in [*results, results[0]]:
        save(result, file)
    assert load([file]) == results
    row = f"| {name} | 2 | 17 | 5 | 1 | 1.00 s | 1.50 s | 3 | 70 MiB |"
    assert row in table(results)
    assert scenario_of(1, 3) == scenario_of(1, 3) != ""
