"""Fights with another controller: recognised, slowed down, and forgotten when there is peace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.daemon.fights import Fight, Fights
from engine.model import ObjectRef

WEB = ObjectRef("apps", "Deployment", "shop", "web")
REPLICAS = frozenset({"/spec/replicas"})
IMAGE = frozenset({"/spec/image"})
THEM = frozenset({"scaler"})


def after(*times: float, paths: frozenset[str] = REPLICAS) -> Fights:
    """What is remembered after corrections at these times."""
    fights = Fights()
    for now in times:
        fights.note(WEB, paths, THEM, now)
    return fights


@pytest.mark.parametrize(
    ("times", "resume_at"),
    [
        pytest.param((), None, id="nothing"),
        pytest.param((0,), None, id="one hand edit"),
        pytest.param((0, 30), None, id="two"),
        pytest.param((0, 30, 60), 70, id="three in a minute"),
        pytest.param((0, 31, 61), None, id="three in more than a minute"),
        pytest.param((0, 50, 100, 109), 119, id="the last three in a minute"),
        pytest.param((0, 1, 2, 12), 32, id="and once more"),
        pytest.param((0, 1, 2, 12, 32), 72, id="and again"),
        pytest.param((0, 1, 2, 12, 32, 72, 152, 312, 632), 632 + 600, id="ten minutes at most"),
        pytest.param((0, 1, 2, 12, 32, 72, 152, 312, 632, 1232), 1832, id="and not more"),
    ],
)
def test_three_corrections_in_a_minute_are_a_fight(
    times: tuple[float, ...], resume_at: float | None
) -> None:
    fights = after(*times)
    now = times[-1] if times else 0.0
    expected = resume_at and Fight(len(times) if times[:3] != (0, 50, 100) else 3,
                                   REPLICAS, THEM, resume_at)  # fmt: skip
    assert fights.verdict(WEB, now) == expected


def test_different_fields_are_no_fight() -> None:
    fights = Fights()
    for number in range(20):
        fights.note(WEB, frozenset({f"/data/{number}"}), THEM, number)
    assert fights.verdict(WEB, 20) is None


def test_different_objects_are_no_fight() -> None:
    fights = Fights()
    for number in range(20):
        fights.note(ObjectRef("", "ConfigMap", "shop", str(number)), REPLICAS, THEM, number)
    assert fights.verdict(ObjectRef("", "ConfigMap", "shop", "0"), 20) is None


def test_a_field_that_is_not_fought_over_does_not_lengthen_the_pause() -> None:
    fights = after(0, 1, 2)
    before = fights.verdict(WEB, 3)
    fights.note(WEB, IMAGE, frozenset({"kubectl-edit"}), 3)

    later = fights.verdict(WEB, 3)
    assert before is not None
    assert later is not None
    assert (later.times, later.paths, later.managers) == (3, REPLICAS, THEM)


def test_everybody_who_had_a_hand_in_it_is_named() -> None:
    fights = after(0, 1, 2)
    fights.note(WEB, REPLICAS | IMAGE, frozenset({"operator"}), 12)

    fight = fights.verdict(WEB, 12)
    assert fight is not None
    assert fight.managers == {"scaler", "operator"}
    assert fight.paths == REPLICAS


@pytest.mark.parametrize(
    ("times", "peace_at"),
    [((0, 1, 2), 2 + 10 + 60), ((0, 1, 2, 12, 32, 72, 152), 152 + 160 + 160)],
)
def test_it_is_forgotten_when_a_correction_has_lasted(
    times: tuple[float, ...], peace_at: float
) -> None:
    fights = after(*times)
    assert fights.verdict(WEB, peace_at) is not None
    assert fights.verdict(WEB, peace_at + 0.1) is None
    fights.note(WEB, REPLICAS, THEM, peace_at + 1)
    assert fights.verdict(WEB, peace_at + 1) is None


@given(gaps=st.lists(st.floats(0, 1300, allow_nan=False), max_size=40))
def test_pauses_only_grow_while_it_goes_on_and_are_never_longer_than_ten_minutes(
    gaps: list[float],
) -> None:
    fights, now, before = Fights(), 0.0, 0.0
    for gap in gaps:
        now += gap
        at_peace = fights.verdict(WEB, now) is None
        fights.note(WEB, REPLICAS, THEM, now)
        fight = fights.verdict(WEB, now)
        pause = fight.resume_at - now if fight else 0.0
        assert 0 <= pause <= 600.001
        assert at_peace or pause >= before - 0.001
        before = pause


def test_memory_is_bounded() -> None:
    fights = Fights()
    for number in range(5000):
        ref = ObjectRef("", "ConfigMap", "shop", str(number))
        fights.note(ref, frozenset({f"/data/{n}" for n in range(200)}), THEM, 0.0)
    assert len(fights) == 1000
    assert max(len(known.at) for known in fights._objects.values()) == 64  # noqa: SLF001
