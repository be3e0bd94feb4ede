"""The daemon under the same faults, judged by the same checker; a run is one life of it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from e2e.faultfixtures import one_shot, peaceful, stage, story
from e2e.faults.driver import Daemon, OneShot, calm
from e2e.faults.lane import Fault
from e2e.faults.objects import Ref, manifest
from e2e.faults.schedule import (
    DROP,
    LATE,
    LOST,
    RESET,
    Storm,
    always,
    answers,
    kill_at,
    on,
    on_api,
    on_git,
    refusal,
)

if TYPE_CHECKING:
    from e2e.faults.lane import Exchange
    from e2e.faults.story import Story

__all__ = ["one_shot", "stage", "story"]
pytestmark = pytest.mark.usefixtures("control_plane")

A, B, C = (Ref("ConfigMap", name) for name in "abc")
D = Ref("Deployment", "d")


def wanted(*refs: Ref, value: str = "1") -> dict[Ref, object]:
    return {ref: manifest(ref, value) for ref in refs}


@pytest.fixture
def watched(story: Story, one_shot: OneShot) -> Story:
    """A story told by the daemon, whose lives end when they are calm."""
    story.spec["interval"] = "2s"
    story.driver = Daemon(one_shot, calm(story.lane))
    story.commit(wanted(A, B, D))
    return story


def is_watch(exchange: Exchange) -> bool:
    return exchange.request.is_watch


def test_a_life_without_faults(watched: Story) -> None:
    assert watched.sync().code == 0
    assert sorted(ref for _, ref in watched.writes()) == sorted(map(str, (A, B, D)))
    watched.commit(wanted(A, C, D, value="2"))
    peaceful(watched)


@pytest.mark.parametrize(("number", "after"), [(6, True), (20, True)])
def test_1_the_daemon_is_killed(watched: Story, number: int, *, after: bool) -> None:
    watched.sync(kill_at(number, after=after))
    watched.commit(wanted(A, C, D, value="2"))
    watched.sync(kill_at(number, after=not after))
    peaceful(watched)


TWISTED = [Fault("after", f"{code} after the fact", refusal(code)) for code in (403, 409, 422)]


ANSWERED = [*answers(401, 403, 404, 409, 410, 413, 422, 429, 500, 503, 504), LOST, DROP, RESET]


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        *((fault, 1) for fault in (*ANSWERED, *LATE, *TWISTED)),
        *((fault, 3) for fault in (*answers(403, 422, 500), LOST)),
    ],
    ids=str,
)
def test_4_a_creation_that_nobody_asked_ahead_for_is_answered_otherwise(
    watched: Story, fault: Fault, times: int
) -> None:
    """The first sync asks for nothing before: what the answer leaves open is looked at then."""
    watched.sync(always(fault, only=on("POST", "/deployments"), times=times))
    peaceful(watched)
    assert ("POST", str(D)) in watched.writes()
    assert not [ref for method, ref in watched.writes() if method == "DELETE"]


@pytest.mark.parametrize("fault", [*answers(403, 404, 410, 500, 503), LOST, DROP, RESET], ids=str)
def test_4_what_is_there_cannot_be_read_after_the_creation_met_it(
    watched: Story, fault: Fault
) -> None:
    """Unknown is not absent: what others have in it stays, and Git's part comes in the end."""
    watched.people.recreate(A)
    watched.people.add(A)
    watched.sync(always(fault, only=on("GET", "/configmaps/a"), times=3))
    peaceful(watched)
    assert not [ref for method, ref in watched.writes() if method == "DELETE"]


def test_8_server_errors_and_bad_git_at_random(watched: Story) -> None:
    rate = 0.2
    watched.sync()
    faults = answers(500, 503, 504, 409)
    for n in range(2):
        watched.commit(wanted(A, *([B] if n else [C]), D, value=f"{n + 2}"))
        watched.sync(Storm(f"daemon {rate} {n}", rate, faults, lambda e: on_api(e) or on_git(e)))
    peaceful(watched)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("mute"), id="silence"),
        pytest.param(Fault("reset", seconds=0.2), id="a reset each moment"),
        pytest.param(Fault("drop"), id="no watch at all"),
    ],
)
def test_28_drift_is_repaired_whatever_becomes_of_the_watch(watched: Story, fault: Fault) -> None:
    assert watched.sync().code == 0
    watched.extra_environment["FAULTS_SILENCE_S"] = "1"
    usual, life_is_over = watched.driver.is_calm, threading.Event()  # type: ignore[attr-defined]
    watched.driver.is_calm = life_is_over.is_set  # type: ignore[attr-defined]
    took: list[float] = []

    def others() -> None:
        try:
            while watched.lane.run == before:
                life_is_over.wait(0.05)
            latest = time.monotonic() + 2.0  # where watches break there may never be calm
            while not usual() and time.monotonic() < latest:
                life_is_over.wait(0.05)
            watched.people.edit(A)
            began = time.monotonic()
            while not took and time.monotonic() < began + 12:
                if not watched.checker.differences(watched.head, watched.checker.live()):
                    took.append(time.monotonic() - began)
                life_is_over.wait(0.05)
        finally:
            life_is_over.set()

    before = watched.lane.run
    thread = threading.Thread(target=others)
    thread.start()
    watched.sync(always(fault, only=is_watch))
    thread.join()
    watched.driver.is_calm = usual  # type: ignore[attr-defined]
    assert took, "the drift is still there after 12 s"
    peaceful(watched)
