"""What a daemon tells before it has looked, and after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import structlog

from engine.daemon.conditions import status_of
from engine.daemon.fights import Fights
from engine.daemon.story import Story, Uncounted
from engine.daemon.teller import Teller
from engine.daemon.tracked import Tracked
from tests.test_daemon_conditions import LOOKS, NOW, SHOP


class Heard(Uncounted):
    """Metrics that remember which applications were said to be ready."""

    def __init__(self) -> None:
        self.ready: list[bool] = []

    def found(self, application: str, *, is_ready: bool, **_: Any) -> None:  # noqa: ARG002 - as asked
        self.ready.append(is_ready)


def test_what_an_earlier_daemon_found_is_told_and_is_no_ground_to_go_on_upon() -> None:
    """Not before Git has answered: dependents would take old news for new."""
    progress: list[str] = []
    log: Any = structlog.get_logger()
    metrics = Heard()
    teller = Teller(None, None, metrics, log=log, on_progress=progress.append)
    application = replace(SHOP, origin="resource")
    stored = status_of(LOOKS["in place"], None, NOW)
    tracked = Tracked(str(application), Fights(), status=stored, written=stored)

    teller.tell(tracked, Story(application, waits_for="the first answer of Git"))

    assert (tracked.is_ready, progress) == (False, [])
    assert metrics.ready == [True], "an alarm at each restart would be nobody's friend"
    assert tracked.status == stored
    assert teller._pending == {}  # noqa: SLF001 - nothing is to be written

    teller.tell(tracked, Story(application, result=LOOKS["in place"].result))

    assert (tracked.is_ready, progress) == (True, [tracked.key])
