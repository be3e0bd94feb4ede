"""What an API server and the network before it can do to a sync: scenarios 4 to 9.

A removal waits in each story: whatever goes wrong, nothing is deleted that should not be, and when
it is over the cluster is as Git wants it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from e2e.conftest import leave_out
from e2e.faultfixtures import one_shot, peaceful, stage, story
from e2e.faults.lane import Fault, no_fault
from e2e.faults.objects import GROUP, KINDS, Ref, manifest
from e2e.faults.schedule import (
    DROP,
    LATE,
    LOST,
    RESET,
    Storm,
    always,
    answers,
    on,
    on_api,
    on_label,
    on_write,
    refusal,
    reported_gone,
    reported_stale,
    without_token,
)
from e2e.faults.story import Stage, Story
from e2e.servers import binaries
from e2e.servers.controlplane import ControlPlane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.faults.driver import OneShot
    from e2e.faults.lane import Exchange

__all__ = ["one_shot", "stage", "story"]
pytestmark = pytest.mark.usefixtures("control_plane")

EVERY = [Ref(kind, "one") for kind in KINDS]
GOES = Ref("ConfigMap", "goes")
# A write that came twice: the first has landed, and the second says that somebody was faster.
ECHO = Fault("after", "409 after the fact", refusal(409))


@pytest.fixture
def waiting(story: Story) -> Story:
    """Five objects in place; now Git changes them all and drops a sixth."""
    story.commit({ref: manifest(ref, "1") for ref in [*EVERY, GOES]})
    assert story.sync().code == 0
    story.commit({ref: manifest(ref, "2") for ref in EVERY})
    return story


@pytest.fixture(scope="module")
def own_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A control plane of these tests' own, whose API server may be killed."""
    found = binaries.find()
    if found is None:
        leave_out("no control plane; scripts/test builds one")
        return
    folder = tmp_path_factory.mktemp("restarts")
    with ControlPlane.start(found, controllers=False) as plane, Stage(plane, folder) as made:
        yield made


def deletes(story: Story, run: int = 0) -> list[str]:
    return [ref for verb, ref in story.writes(run) if verb == "DELETE"]


# --- 4: restart, blackhole, reset ------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "fault"),
    [("GET", RESET), ("PUT", LOST), ("PATCH", DROP), ("PATCH", LOST), ("DELETE", RESET)],
    ids=str,
)
def test_4_a_connection_breaks_once(waiting: Story, method: str, fault: Fault) -> None:
    waiting.sync(always(fault, only=on(method), times=1))
    peaceful(waiting)
    assert deletes(waiting).count(str(GOES)) in ({1, 2} if method == "DELETE" else {1})


def test_4_the_server_is_gone_for_a_moment(waiting: Story) -> None:
    gone = threading.Event()
    threading.Timer(1.0, gone.set).start()
    waiting.sync(lambda e: None if gone.is_set() or e.number < 6 else DROP)
    peaceful(waiting)


@pytest.mark.parametrize("label", ["GET /apis", "PATCH"])
def test_4_the_server_takes_everything_and_never_answers(waiting: Story, label: str) -> None:
    silent = False

    def blackhole(exchange: Exchange) -> Fault | None:
        nonlocal silent
        silent = silent or label in exchange.label
        return Fault("hang") if silent and exchange.side == "api" else None

    done = waiting.sync(blackhole, "--request-timeout=500ms")
    assert done.code in {1, 6, 8}
    assert done.seconds < 15
    assert deletes(waiting) == []
    peaceful(waiting)


def test_4_the_api_server_is_restarted_in_the_middle(own_stage: Stage, one_shot: OneShot) -> None:
    story = Story(own_stage, "restart", one_shot)
    story.commit({ref: manifest(ref, "1") for ref in [*EVERY, GOES]})
    assert story.sync().code == 0
    story.commit({ref: manifest(ref, "2") for ref in EVERY})
    restart = Fault("act", "restart", act=own_stage.plane.restart_api_server)
    story.sync(always(restart, only=on("PATCH"), times=1))
    began = time.monotonic()
    while not own_stage.plane.is_there("/readyz"):
        assert time.monotonic() < began + 60
        threading.Event().wait(0.1)
    returned = time.monotonic()
    peaceful(story)
    assert time.monotonic() < returned + 30
    assert deletes(story).count(str(GOES)) in {1, 2}
    story.close()


# --- 5: conflicts ----------------------------------------------------------------------------


def test_5_a_patch_meets_conflicts_and_goes_through(waiting: Story) -> None:
    done = waiting.sync(always(*answers(409), only=on("PATCH", "configmaps/one"), times=3))
    assert done.code == 0
    sent = [e for e in waiting.lane.of_run(waiting.lane.run) if on("PATCH", "configmaps/one")(e)]
    assert len(sent) == 4
    assert len(waiting.writes(waiting.lane.run)) <= 2 * (len(EVERY) + 1)
    peaceful(waiting)


def test_5_conflicts_without_end_are_given_up_and_nothing_is_deleted(waiting: Story) -> None:
    done = waiting.sync(always(*answers(409), only=on("PATCH", "configmaps/one")))
    assert done.code == 1
    assert deletes(waiting) == []
    sent = [e for e in waiting.lane.of_run(waiting.lane.run) if on("PATCH", "configmaps/one")(e)]
    assert len(sent) == 5
    assert {ref for verb, ref in waiting.writes(waiting.lane.run) if verb == "PATCH"} == {
        str(ref) for ref in EVERY if ref.kind != "ConfigMap"
    }
    peaceful(waiting)


# --- 6: lists that lose a page ---------------------------------------------------------------


@pytest.mark.parametrize("fault", [*answers(410, 404), RESET, without_token()], ids=str)
def test_6_a_list_that_loses_a_page_is_no_list(waiting: Story, fault: Fault) -> None:
    many = [Ref("ConfigMap", f"more-{n}") for n in range(6)]
    wanted = {ref: manifest(ref, "1") for ref in [*EVERY, *many]}
    waiting.commit({**wanted, GOES: manifest(GOES, "1")})
    assert waiting.sync().code == 0
    waiting.commit(wanted)
    waiting.lane.page_size = 2
    second = on_label("(next page)") if fault.name != "token lost" else on("GET")
    done = waiting.sync(always(fault, only=second), "--request-timeout=1s")
    assert deletes(waiting) == []
    assert done.code != 0
    assert waiting.writes(waiting.lane.run) == []
    peaceful(waiting)


def test_6_a_continue_token_that_expires_starts_the_list_again(waiting: Story) -> None:
    waiting.lane.page_size = 1
    done = waiting.sync(always(*answers(410), only=on_label("(next page)"), times=1))
    assert done.code == 0
    peaceful(waiting)


# --- 7: too many requests --------------------------------------------------------------------


def test_7_a_server_that_asks_to_slow_down_is_left_alone(waiting: Story) -> None:
    slow = Fault("answer", "429", refusal(429, retry_after_s=2))
    done = waiting.sync(always(slow, only=on("PATCH"), times=1))
    assert done.code == 0
    run = waiting.lane.of_run(waiting.lane.run)
    asked = next(e.at for e in run if e.fault == "429")
    early = [e.label for e in run if asked + 0.2 < e.at < asked + 1.9]
    assert early == []
    peaceful(waiting)


def test_7_a_server_that_is_too_busy_for_long_is_told(waiting: Story) -> None:
    slow = Fault("answer", "429", refusal(429, retry_after_s=60))
    done = waiting.sync(always(slow, only=on_api))
    assert (done.code, "PLB429" in done.output + done.errors) == (1, True), done.errors
    assert len(waiting.lane.of_run(waiting.lane.run)) < 10
    peaceful(waiting)


# --- 4 to 8, while a deletion is waited for -------------------------------------------------


@pytest.mark.parametrize("fault", [*answers(401, 403, 404, 409, 410, 422, 429, 500), DROP], ids=str)
def test_an_outage_ends_no_deletion_that_is_waited_for(story: Story, fault: Fault) -> None:
    """Nothing is known meanwhile, and unknown is not gone."""
    kept = Ref("ConfigMap", "kept")
    story.commit({kept: manifest(kept, "1")})
    assert story.sync().code == 0
    path, held = kept.path(story.namespace), {"metadata": {"finalizers": ["example.org/f"]}}
    story.stage.direct.merge(path, held)
    outage = threading.Event()

    def decide(exchange: Exchange) -> Fault | None:
        if exchange.request.method == "DELETE":
            outage.set()
        is_read = exchange.side == "api" and exchange.request.method == "GET"
        return fault if is_read and outage.is_set() else None

    def others() -> None:
        outage.wait(20)
        time.sleep(3)  # noqa: TID251 - a test has no stop event
        story.stage.direct.merge(path, {"metadata": {"finalizers": None}})
        story.lane.decide = no_fault

    story.lane.begin(decide)
    other = threading.Thread(target=others)
    other.start()
    done = story.driver.run(
        ["delete", *story.application(), "--deletion-policy=wait", "--request-timeout=1s"],
        story.environment(), lambda _pid: None,
    )  # fmt: skip
    other.join()
    story.lane.rest()

    assert done.code == 0, done.errors
    assert story.stage.direct.get(path) is None


# --- 8: server errors ------------------------------------------------------------------------


def test_8_server_errors_at_random(waiting: Story) -> None:
    for rate in (0.02, 0.1, 0.3):
        storm = Storm(f"8 {rate}", rate, answers(500, 503, 504), on_api)
        waiting.sync(storm, "--request-timeout=1s")
    peaceful(waiting)


@pytest.mark.parametrize("fault", [LATE[0], LOST], ids=str)
def test_8_a_create_that_has_landed_is_looked_up_and_not_sent_again(
    story: Story, fault: Fault
) -> None:
    story.commit({ref: manifest(ref, "1") for ref in EVERY})
    only = [on("POST", Ref(kind, "").path(story.namespace)) for kind in KINDS]
    done = story.sync(always(fault, only=lambda e: any(pick(e) for pick in only)))
    assert done.code == 0, done.errors
    posts = [e.request.path for e in story.lane.log if e.is_write and e.request.method == "POST"]
    assert len(posts) == len(set(posts)) == len(EVERY) + 1
    assert story.sync().code == 0
    assert story.writes(story.lane.run) == []
    peaceful(story)


@pytest.mark.parametrize("fault", [LATE[1], RESET], ids=str)
def test_8_a_write_that_landed_but_was_not_noted_is_known_later(
    waiting: Story, fault: Fault
) -> None:
    """What Git drops afterwards is removed, though no answer ever said that it was set."""
    wanted = {ref: manifest(ref, "3", extra=True) for ref in EVERY}
    waiting.commit(wanted)
    waiting.sync(always(fault, only=on_write))
    waiting.commit({ref: manifest(ref, "4") for ref in EVERY})
    peaceful(waiting)
    live = waiting.checker.live()
    assert [ref for ref in EVERY if "extra" in live[ref]["metadata"].get("labels", {})] == []
    assert "k3" not in live[Ref("ConfigMap", "one")]["data"]


@pytest.mark.parametrize(
    ("method", "fault"),
    [("POST", LOST), ("PATCH", RESET), ("PUT", LATE[0]), ("PUT", ECHO)],
    ids=str,
)
def test_8_a_write_of_the_record_that_landed_is_known_as_our_own(
    story: Story, method: str, fault: Fault
) -> None:
    """Its answer is lost, or its echo says that somebody was faster: nobody was."""
    story.commit({ref: manifest(ref, "1") for ref in EVERY})
    slow = Fault("delay", seconds=1.1)  # or the head is not asked for before later writes
    is_record = on(method, "/plumb-system/configmaps")

    def decide(exchange: Exchange) -> Fault | None:
        if is_record(exchange):
            return fault
        return slow if on("POST", "/configmaps")(exchange) and method == "PATCH" else None

    done = story.sync(decide)
    assert done.code == 0, done.errors
    assert [e for e in story.lane.log if is_record(e) and e.fault == str(fault)]
    assert story.sync().code == 0
    assert story.writes(story.lane.run) == []
    peaceful(story)


# --- 9: discovery ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "group", "kind"),
    [(reported_gone, "apps", "Deployment"), (reported_stale, GROUP, "Widget")],
)
def test_9_a_group_that_discovery_does_not_show_is_not_gone(
    story: Story, report: object, group: str, kind: str
) -> None:
    hidden, stays = Ref(kind, "hidden"), Ref(kind, "stays")
    story.commit({ref: manifest(ref, "1") for ref in [GOES, hidden, stays]})
    assert story.sync().code == 0
    story.commit({GOES: manifest(GOES, "2"), stays: manifest(stays, "1")})
    fault = report(group)  # type: ignore[operator]
    done = story.sync(always(fault, only=lambda e: e.request.path == "/apis"))
    assert done.code != 0
    assert kind in done.errors + done.output
    assert story.writes(story.lane.run) == [("PATCH", str(GOES))]
    assert hidden in story.checker.record()[0]
    peaceful(story)
    assert deletes(story) == [str(hidden)]


def test_9_a_removed_kind_that_discovery_does_not_show_holds_up_nothing_else(story: Story) -> None:
    """Nothing in Git is of that kind any more; the entry stays, and others are pruned."""
    hidden = Ref("Deployment", "hidden")
    story.commit({ref: manifest(ref, "1") for ref in [*EVERY[:2], GOES, hidden]})
    assert story.sync().code == 0
    story.commit({ref: manifest(ref, "1") for ref in EVERY[:2]})
    story.sync(always(reported_gone("apps"), only=lambda e: e.request.path == "/apis"))
    assert hidden in story.checker.record()[0]
    assert deletes(story) == [str(GOES)]
    peaceful(story)
    assert deletes(story) == [str(GOES), str(hidden)]
