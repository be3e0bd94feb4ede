"""When `plumb run --once` is through: nothing more comes of any application."""

from __future__ import annotations

from typing import Any

import pytest

from engine.daemon.fights import Fights
from engine.daemon.results import Results
from engine.daemon.story import Story
from engine.daemon.tracked import Tracked
from engine.errors import PlumbError
from engine.model import Application, Source, SyncResult, SyncStatus

DONE = SyncResult("shop/x", None, None, sync=SyncStatus.SYNCED)


class Nobody:
    def tell(self, tracked: Tracked, story: Story) -> None: ...
    def moved(self, tracked: Tracked) -> None: ...
    def forget(self, tracked: Tracked) -> None: ...


def results(*told: tuple[str, tuple[str, ...], dict[str, Any], bool]) -> Results:
    made = Results(Nobody())
    made.keep()
    for name, after, story, is_ready in told:
        application = Application(name, "shop", Source(""), depends_on=after)
        tracked = Tracked(str(application), Fights(), is_ready=is_ready)
        made.tell(tracked, Story(application, **story))
    return made


FINE, WAITS = {"result": DONE}, {"waits_for": "another", "is_behind": True}
BAD = {"error": PlumbError("PLB103", "is missing")}


@pytest.mark.parametrize(("told", "is_final"), [
    pytest.param([("a", (), FINE, True)], True, id="done"),
    pytest.param([("a", (), BAD, False)], True, id="cannot be looked at"),
    pytest.param([("a", (), {"is_suspended": True}, False)], True, id="suspended"),
    pytest.param([("a", (), {"waits_for": "Git"}, False)], False, id="Git has not answered yet"),
    pytest.param([("a", (), FINE, False), ("b", ("a",), {"waits_for": "Git"}, False)],
                 False, id="Git has not answered for one behind another"),
    pytest.param([("a", (), FINE, True), ("b", ("a",), WAITS, False)], False, id="its turn comes"),
    pytest.param([("a", (), BAD, False), ("b", ("a",), WAITS, False)], True, id="never its turn"),
    pytest.param([("b", ("a",), WAITS, False)], True, id="after one that is not there"),
    pytest.param([("a", ("b",), WAITS, False), ("b", ("a",), WAITS, False)], True, id="a circle"),
    pytest.param([("a", (), BAD, False), ("b", ("a",), WAITS, False), ("c", ("b",), WAITS, False)],
                 True, id="behind one that never comes"),
    pytest.param([("a", (), {"waits_for": "Git"}, False), ("b", ("a",), WAITS, False)],
                 False, id="behind one that is under way"),
])  # fmt: skip
def test_a_run_ends_when_nothing_more_comes(told: list[Any], is_final: bool) -> None:  # noqa: FBT001
    names = [f"shop/{name}" for name, *_ in told]
    assert results(*told).are_final(names) is is_final


def test_one_that_was_not_looked_at_is_not_final() -> None:
    assert not results().are_final(["shop/a"])
