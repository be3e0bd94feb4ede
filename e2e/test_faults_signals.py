"""What happens to the process itself: two at once, frozen, told to end, clocks: 2, 3 and 32."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from e2e.faultfixtures import A, B, C, one_shot, peaceful, stage, story, waiting, wanted
from e2e.faults.driver import Daemon, OneShot, calm
from e2e.faults.lane import Fault, no_fault
from e2e.faults.objects import Ref
from e2e.faults.schedule import always, on

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from e2e.faults.driver import Driver, Ended
    from e2e.faults.story import Story

__all__ = ["one_shot", "stage", "story", "waiting"]
pytestmark = pytest.mark.usefixtures("control_plane")

MANY = [Ref("ConfigMap", f"many-{n:02}") for n in range(30)]
on_patch = on("PATCH", "/configmaps")


class Both:
    """Two daemons that know nothing of one another; the run is over when both have ended."""

    def __init__(self, story: Story, first: OneShot, second: OneShot) -> None:
        usual = calm(story.lane)
        # On a busy machine nothing may be asked for a moment before anything is written.
        self.is_calm: Callable[[], bool] = lambda: (
            usual() and not story.checker.differences(story.head, story.checker.live())
        )
        self._drivers = [
            Daemon(one, self._ask_whether_calm, within_s=40.0) for one in (first, second)
        ]
        self.ends: list[Ended] = []

    def _ask_whether_calm(self) -> bool:
        return self.is_calm()

    def run(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        started: Callable[[int], None],
    ) -> Ended:
        """Run both; ``started`` hears of the first."""

        def one(number: int) -> Ended:
            own = {**environment, "XDG_CACHE_HOME": f"{environment['XDG_CACHE_HOME']}-{number}"}
            heard = started if number == 0 else (lambda _pid: None)
            return self._drivers[number].run(arguments, own, heard)

        with ThreadPoolExecutor(2) as pool:
            self.ends = list(pool.map(one, range(2)))
        return self.ends[0]


def holder(story: Story) -> str:
    """Who holds the record, or "" when it is free."""
    path = f"/api/v1/namespaces/plumb-system/configmaps/plumb.{story.namespace}.shop"
    annotations = story.stage.direct.get(path)["metadata"].get("annotations") or {}
    return str(annotations.get("plumb.dev/holder", ""))


# --- 2: two at once --------------------------------------------------------------------------


@pytest.fixture
def both(story: Story, one_shot: OneShot) -> Any:
    """The story, told by two daemons."""
    story.spec["interval"] = "2s"
    with OneShot() as second:
        story.driver = Both(story, one_shot, second)
        yield story


def test_2_two_that_both_believe_to_lead_write_everything_once(both: Story) -> None:
    both.commit(wanted(A, B, *MANY))
    both.sync()
    posts = [ref for verb, ref in both.writes() if verb == "POST"]
    assert len(set(posts)) == len(MANY) + 2
    both.commit(wanted(A, C, *MANY, value="2"))
    peaceful(both)
    landed = [(e.request.method, e.request.path) for e in both.lane.log
              if e.has_landed and e.is_write and f"/namespaces/{both.namespace}/" in e.request.path
              and e.run > 1]  # fmt: skip
    assert len(landed) == len(set(landed)), "an object was written twice for one commit"


def test_2_one_that_is_frozen_in_the_middle_writes_nothing_stale(both: Story) -> None:
    """It wakes up when the other has gone on, by ten seconds and a commit."""
    both.commit(wanted(A, B, *MANY))
    both.sync()
    both.commit(wanted(A, B, *MANY, value="2"))
    usual, thawed = both.driver.is_calm, threading.Event()  # type: ignore[attr-defined]
    frozen: list[int] = []

    def freeze() -> None:
        assert both.lane.victim is not None
        frozen.append(both.lane.victim)
        os.kill(frozen[0], signal.SIGSTOP)
        # The other takes it for dead after ten seconds; how far it then gets, it says itself.
        threading.Timer(14.0, thaw).start()

    def thaw() -> None:
        if not thawed.is_set():
            both.commit(wanted(A, C, *MANY, value="3"))
            os.kill(frozen[0], signal.SIGCONT)
            thawed.set()

    both.driver.is_calm = lambda: thawed.is_set() and usual()  # type: ignore[attr-defined]
    patches = itertools.count(1)
    freezing = Fault("act", "frozen", act=freeze)
    both.sync(lambda e: freezing if on_patch(e) and next(patches) == 5 else None)
    both.driver.is_calm = usual  # type: ignore[attr-defined]
    peaceful(both)


# --- 3: clocks -------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["one-shot", "daemon"])
def test_3_a_clock_that_jumps_by_hours_and_days_moves_nothing(
    story: Story, one_shot: OneShot, way: str
) -> None:
    if way == "daemon":
        story.spec["interval"] = "2s"
        story.driver = Daemon(one_shot, calm(story.lane))
    story.extra_environment["FAULTS_CLOCK_S"] = "0,-3600,86400,-7,31536000"
    for value in "12":
        story.commit(wanted(A, B if value == "1" else C, value=value))
        done = story.sync()
        assert done.code == 0, done.errors
        assert len(story.lane.of_run(story.lane.run)) < 60, "it is busy"
    peaceful(story)


# --- 32: signals -----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("way", ["one-shot", "daemon"])
def test_32_a_signal_in_the_middle_of_writing_ends_it_and_lets_the_record_go(
    story: Story, one_shot: OneShot, way: str, number: signal.Signals
) -> None:
    usual: Driver = story.driver
    story.commit(wanted(A, B, *MANY))
    assert story.sync().code == 0
    story.commit(wanted(A, C, *MANY, value="2"))

    def tell() -> None:
        assert story.lane.victim is not None
        os.kill(story.lane.victim, number)

    if way == "daemon":
        story.driver = Daemon(one_shot, lambda: False)
    done = story.sync(always(Fault("act", "signal", act=tell), only=on_patch, times=1))
    story.driver = usual
    assert done.code == (130 if way == "one-shot" else 0), done.errors
    assert done.seconds < 10
    assert "Traceback" not in done.errors
    assert holder(story) == ""
    began = story.sync(no_fault)
    assert began.code == 0
    assert began.seconds < 8, "it waited for the one that is gone"
    peaceful(story)


def test_32_a_daemon_that_is_told_to_end_while_it_is_frozen_ends_when_it_thaws(
    story: Story, one_shot: OneShot
) -> None:
    """Any of its threads may then hear of the signal, and not the one that waits for it."""
    story.driver = Daemon(one_shot, lambda: False, within_s=30.0)
    story.commit(wanted(A, *MANY))

    def freeze() -> None:
        pid = story.lane.victim
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        os.kill(pid, signal.SIGTERM)
        threading.Timer(0.5, os.kill, args=(pid, signal.SIGCONT)).start()

    for _ in range(3):
        waits = (calm(story.lane), story.lane.run, story, freeze)
        threading.Thread(target=freeze_when, args=waits).start()
        done = story.sync()
        assert done.code == 0, done.errors
        assert done.seconds < 15


def freeze_when(
    is_calm: Callable[[], bool], before: int, story: Story, freeze: Callable[[], None]
) -> None:
    while story.lane.run == before or not is_calm():
        threading.Event().wait(0.05)
    freeze()
