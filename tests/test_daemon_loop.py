"""Events of the loop: whose they are, also when they come before anybody knows."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from engine.daemon.book import Entry
from engine.daemon.loop import Loop
from engine.kube.store import Seen
from engine.model import Application, ObjectRef, Source

REF = ObjectRef("apps", "Deployment", "shop", "web")
SHOP = Application("shop", "shop", Source("https://git.example/config.git"))


def make(look: Any) -> Loop:
    """A loop with one application, whose look is the given function."""
    loop = Loop(stop=threading.Event(), workers=0, log=None)
    # The parts of a daemon that its queue and events do not need.
    loop.book = SimpleNamespace(get=lambda _key: Entry(SHOP))  # type: ignore[assignment]
    loop.sources = SimpleNamespace(  # type: ignore[assignment]
        follow=lambda _application: None, leave=lambda _name: None, refresh=lambda _name: False
    )
    loop.farewell = SimpleNamespace(prepare=lambda _application: None)  # type: ignore[assignment]
    loop.looker = SimpleNamespace(look=look, is_dry=False)  # type: ignore[assignment]
    return loop


def due(loop: Loop) -> tuple[str, tuple[str, ...]] | None:
    timer = threading.Timer(0.3, loop._stop.set)  # noqa: SLF001 - ends a queue that stays empty
    timer.start()
    found = loop.queue.get(loop._stop)  # noqa: SLF001 - as above
    timer.cancel()
    return found


@pytest.mark.parametrize(("seen", "is_news"), [("8", True), ("7", False)])
def test_what_is_heard_before_the_record_is_known_is_not_lost(seen: str, *, is_news: bool) -> None:
    """A controller answers while the first pass still writes; our own write is no news."""
    loop = make(None)

    def look(tracked: Any, *_: object) -> None:
        loop.on_object(Seen("id-of-shop", REF, seen))
        tracked.memory.owner = "id-of-shop"
        tracked.memory.versions = {REF: "7"}

    loop.looker = SimpleNamespace(look=look, is_dry=False)  # type: ignore[assignment]
    loop.on_book("shop/shop", "new")
    assert due(loop) == ("shop/shop", ("new",))
    loop._look("shop/shop", ("new",))  # noqa: SLF001 - what a worker does
    loop.queue.done("shop/shop")
    assert due(loop) == ("shop/shop", ("object",))
    tracked = loop.find("shop/shop")
    assert tracked is not None
    assert tracked.take_touched() is is_news


def test_an_object_of_nobody_here_wakes_nobody() -> None:
    loop = make(None)
    loop.on_object(Seen("somebody-else", REF, "8"))
    assert due(loop) is None


def test_who_becomes_ready_wakes_those_that_wait_for_it() -> None:
    loop = make(None)
    after = Application("web", "shop", Source(""), depends_on=("shop",))
    loop.book = SimpleNamespace(get=lambda _key: Entry(after))  # type: ignore[assignment]
    loop.on_book("shop/web", "new")
    assert due(loop) == ("shop/web", ("new",))
    loop.queue.done("shop/web")
    loop.on_progress("shop/shop")
    assert due(loop) == ("shop/web", ("dependency",))
