"""Many random stories, some at the same time, and what came of them as a table.

A story is known by seed and number: the same two draw the same story again.
"""

from __future__ import annotations

import json
import random
import statistics
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from e2e.faults.driver import Daemon, OneShot, calm
from e2e.faults.history import FAMILIES, Teller
from e2e.faults.story import Rest, Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from e2e.faults.story import Stage

_KILLING = [name for name in FAMILIES if "SIGKILL" in name]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one story; ``runs`` counts those with faults and those without."""

    seed: int
    number: int
    scenario: str
    runs: int
    kills: int
    violations: tuple[str, ...]
    seconds: float
    extra_writes: int
    peak_mib: float


def scenario_of(seed: int, number: int) -> str:
    """Return which family this story belongs to; each third one kills."""
    drawn = random.Random(f"{seed} {number}")  # noqa: S311 - a replayable one
    return drawn.choice(_KILLING if number % 3 == 0 else list(FAMILIES))


def tell(  # noqa: PLR0913 - most of them by name
    stage: Stage, driver: OneShot, seed: int, number: int, *, scenario: str = "",
    with_daemon: bool = False, show: Callable[[str], None] = lambda _: None,
) -> Result:  # fmt: skip
    """Let one story happen, and judge it; ``show`` is told every run and every request.

    ``with_daemon``: each run is a life of the daemon, until it is calm or killed.
    """
    scenario = scenario or scenario_of(seed, number)
    story = Story(stage, f"f{seed}-{number}", driver)
    if with_daemon:
        story.driver = Daemon(driver, calm(story.lane))
        story.spec["interval"] = "2s"
    try:
        teller = Teller(story, random.Random(f"{seed} {number} story"))  # noqa: S311
        try:
            rest = teller.tell(FAMILIES[scenario])
        except AssertionError as error:
            rest = Rest(0.0, 0, (f"the story broke off: {error}",))
        for line in story.protocol():
            show(line)
        return Result(
            seed, number, scenario, story.lane.run, story.kills, tuple(story.verdict(rest)),
            rest.seconds, story.extra_writes, story.peak_mib,
        )  # fmt: skip
    finally:
        story.close()


def campaign(  # noqa: PLR0913 - most of them by name
    stage: Stage, seed: int, numbers: Iterable[int], *, jobs: int = 2, with_daemon: bool = False,
    tell_each: Callable[[Result], None] = lambda _: None, stop: threading.Event | None = None,
) -> list[Result]:  # fmt: skip
    """Tell these stories, ``jobs`` at a time."""
    local = threading.local()
    drivers: list[OneShot] = []
    ends = stop or threading.Event()

    def one(number: int) -> Result | None:
        if ends.is_set():
            return None
        if not hasattr(local, "driver"):
            local.driver = OneShot()
            drivers.append(local.driver)
        result = tell(stage, local.driver, seed, number, with_daemon=with_daemon)
        tell_each(result)
        return result

    try:
        with ThreadPoolExecutor(jobs) as pool:
            return [result for result in pool.map(one, numbers) if result is not None]
    finally:
        for driver in drivers:
            driver.__exit__()


# --- figures ---------------------------------------------------------------------------------


def save(result: Result, file: Path) -> None:
    """Add one line."""
    with file.open("a") as out:
        out.write(json.dumps(asdict(result)) + "\n")


def load(files: Iterable[Path]) -> list[Result]:
    """Read what was saved; a story that was told twice counts once."""
    found = {}
    for file in files:
        for line in file.read_text().splitlines():
            fields = json.loads(line)
            result = Result(**{**fields, "violations": tuple(fields["violations"])})
            found[result.seed, result.number] = result
    return list(found.values())


def table(results: Sequence[Result]) -> str:
    """Return the figures as a table in Markdown."""
    head = ["scenario", "stories", "runs", "kills", "violations", "p50", "p95", "extra writes",
            "peak"]  # fmt: skip
    rows = [
        _row(name, chosen)
        for name in FAMILIES
        if (chosen := [result for result in results if result.scenario == name])
    ]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows, _row("**all**", results)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _row(name: str, results: Sequence[Result]) -> list[str]:
    seconds = sorted(result.seconds for result in results)
    high = seconds[min(len(seconds) - 1, round(0.95 * (len(seconds) - 1)))]
    return [
        name, str(len(results)), str(sum(r.runs for r in results)),
        str(sum(r.kills for r in results)), str(sum(len(r.violations) for r in results)),
        f"{statistics.median(seconds):.2f} s", f"{high:.2f} s",
        str(sum(r.extra_writes for r in results)), f"{max(r.peak_mib for r in results):.0f} MiB",
    ]  # fmt: skip
