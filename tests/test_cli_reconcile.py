"""What plumb reconcile --wait makes of a status: done, wrong and how, or not over yet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.cli.reconcile import _outcome
from engine.daemon.conditions import status_of
from engine.errors import ExitCode
from engine.kube.resources import Resource
from tests.test_daemon_conditions import LOOKS, NOW, SHOP

# What is not here is under way: it is waited for.
CODES = {
    "in place": 0, "unwell, and nobody waits": 0, "drift reported": 0, "prune held": 8,
    "invalid": 3, "broken commit": 1, "no such path": 1, "rejected": 1,
    "broken commit, the last one in force": 1, "no rights": 4, "Git denied": 4, "no Git": 5,
    "no Git, the last one in force": 5, "no cluster": 6, "too late": 7, "timed out": 7,
    "adoption refused": 8, "suspended": 8,
}  # fmt: skip
UNDER_WAY = {"progressing", "degraded", "waits for a wave", "an object is leaving", "dependency",
             "first look", "Git first, then a dependency"}  # fmt: skip


def resource(look: str, **changes: Any) -> Resource:
    """The application after a look that answered the request "mine"."""
    application = replace(SHOP, requested_at="mine")
    seen = replace(LOOKS[look], handled_at="mine")
    return Resource(replace(application, **changes), status_of(seen, None, NOW))


def test_every_outcome_is_one_or_the_other() -> None:
    assert set(CODES) | UNDER_WAY == set(LOOKS)
    assert not set(CODES) & UNDER_WAY


def test_a_daemon_that_has_just_started_has_handled_nothing_yet() -> None:
    """What was so before is still told, and is no answer to the request."""
    before = resource("in place").status
    waiting = replace(LOOKS["first look"], handled_at="another")
    application = replace(SHOP, requested_at="another")

    status = status_of(waiting, before, NOW)

    assert _outcome(Resource(application, status), "another") == (False, None)


@pytest.mark.parametrize(("look", "code"), CODES.items())
def test_it_ends_as_a_sync_would(look: str, code: int) -> None:
    is_over, error = _outcome(resource(look), "mine")

    assert is_over
    assert (error.exit_code if error else ExitCode.OK) == code
    if error is not None:
        message = resource(look).status["message"]
        assert error.why in message or message in error.why


@pytest.mark.parametrize("look", sorted(UNDER_WAY))
def test_what_is_under_way_is_not_over(look: str) -> None:
    assert _outcome(resource(look), "mine") == (False, None)


def test_what_was_known_before_the_request_is_no_answer() -> None:
    assert _outcome(resource("in place"), "later") != (False, None)  # one that came after mine
    waiting = resource("in place", requested_at="later")
    assert _outcome(waiting, "later") == (False, None)
    assert _outcome(resource("in place", generation=4), "mine") == (False, None)
    assert _outcome(Resource(SHOP, {}), "mine") == (False, None)


def test_one_that_was_suspended_meanwhile_is_over() -> None:
    is_over, error = _outcome(resource("in place", suspend=True), "later")
    assert is_over
    assert error is not None
    assert error.exit_code is ExitCode.REFUSED
