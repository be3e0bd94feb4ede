"""The delay queue: nothing is handed out twice at once, early, or never."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.daemon.queue import DelayQueue

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = ("a", "b", "c")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(KEYS), st.integers(0, 5), st.sampled_from("xyz")),
        st.tuples(st.just("get")),
        st.tuples(st.just("done"), st.sampled_from(KEYS)),
        st.tuples(st.just("discard"), st.sampled_from(KEYS)),
        st.tuples(st.just("wait"), st.integers(1, 4)),
    ),
    max_size=60,
)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    """Set at the end, so that no thread of a test outlives it."""
    event = threading.Event()
    yield event
    event.set()


@given(steps=STEPS)
def test_it_does_what_its_contract_says(steps: list[tuple[str, *tuple[object, ...]]]) -> None:
    """Against the simplest model: a dict of key to (due, reasons), and a set of what is in work."""
    clock, stop = Clock(), threading.Event()
    keys = DelayQueue(clock=clock)
    waiting: dict[str, tuple[float, list[str]]] = {}
    working: set[str] = set()
    for step in steps:
        match step:
            case ("add", str(key), int(after), str(reason)):
                keys.add(key, after_s=after, reason=reason)
                due, reasons = waiting.get(key, (clock.now + after, []))
                collected = reasons if reason in reasons else [*reasons, reason]
                waiting[key] = (min(due, clock.now + after), collected)
            case ("get",):
                due_now = {k: w for k, w in waiting.items()
                           if w[0] <= clock.now and k not in working}  # fmt: skip
                assert keys.depth() == len(due_now)
                if not due_now:
                    continue
                found = keys.get(stop)
                assert found is not None
                key = found[0]
                assert due_now[key][0] == min(due for due, _ in due_now.values())
                assert list(found[1]) == waiting.pop(key)[1]
                working.add(key)
            case ("done", str(key)):
                keys.done(key)
                working.discard(key)
            case ("discard", str(key)):
                keys.discard(key)
                waiting.pop(key, None)
            case ("wait", int(seconds)):
                clock.now += seconds
            case _:
                raise AssertionError(step)
        assert len(keys) == len(waiting)
        idle = [due for key, (due, _) in waiting.items() if key not in working]
        assert keys.oldest_age_s() == max([0.0, *(clock.now - due for due in idle)])
    stop.set()


def test_keys_come_in_the_order_in_which_they_became_due(stop: threading.Event) -> None:
    clock = Clock()
    keys = DelayQueue(clock=clock)
    keys.add("late", after_s=3)
    keys.add("first", after_s=1)
    keys.add("second", after_s=1)
    clock.now = 5

    found = [keys.get(stop) for _ in range(3)]

    assert [item[0] for item in found if item] == ["first", "second", "late"]


def test_what_is_worked_on_comes_again_only_when_it_is_done(stop: threading.Event) -> None:
    keys = DelayQueue()
    keys.add("shop", reason="poll")
    assert keys.get(stop) == ("shop", ("poll",))
    keys.add("shop", reason="event")
    keys.add("other", reason="poll")

    assert keys.get(stop) == ("other", ("poll",))
    assert keys.depth() == 0
    assert len(keys) == 1
    keys.add("shop", reason="webhook")
    keys.done("shop")

    assert keys.get(stop) == ("shop", ("event", "webhook"))


def test_a_sleeper_wakes_for_what_is_due_sooner(stop: threading.Event) -> None:
    keys = DelayQueue()
    found: queue.Queue[object] = queue.Queue()
    keys.add("later", after_s=3600)
    workers = [
        threading.Thread(target=lambda: found.put(keys.get(stop)), daemon=True) for _ in range(3)
    ]
    for worker in workers:
        worker.start()

    keys.add("soon", after_s=0.05, reason="retry")
    keys.add("now")

    got = {found.get(timeout=5) for _ in range(2)}
    assert got == {("now", ()), ("soon", ("retry",))}
    assert found.empty()
    stop.set()
    assert found.get(timeout=5) is None
    for worker in workers:
        worker.join(5)


def test_a_stop_ends_every_wait_and_hands_nothing_out(stop: threading.Event) -> None:
    keys = DelayQueue()
    found: queue.Queue[object] = queue.Queue()
    for _ in range(4):
        threading.Thread(target=lambda: found.put(keys.get(stop)), daemon=True).start()
    assert found.empty()

    stop.set()

    assert [found.get(timeout=5) for _ in range(4)] == [None] * 4
    keys.add("shop")
    assert keys.get(stop) is None
    assert len(keys) == 1


def test_many_threads_work_on_a_key_one_at_a_time_and_lose_nothing(stop: threading.Event) -> None:
    keys = DelayQueue()
    lock = threading.Lock()
    busy: set[str] = set()
    seen: set[str] = set()
    twice: list[str] = []
    missing = {f"k{key}:{number}" for key in range(5) for number in range(100)}
    finished = threading.Event()

    def work() -> None:
        while (item := keys.get(stop)) is not None:
            key, reasons = item
            with lock:
                twice.extend([key] if key in busy else [])
                busy.add(key)
            with lock:
                seen.update(f"{key}:{reason}" for reason in reasons)
                busy.discard(key)
                if seen == missing:
                    finished.set()
            keys.done(key)

    for _ in range(6):
        threading.Thread(target=work, daemon=True).start()
    for number in range(100):
        for key in range(5):
            keys.add(f"k{key}", reason=str(number), after_s=0.0005 * (number % 3))

    assert finished.wait(10), sorted(missing - seen)
    assert twice == []


def test_what_was_overtaken_is_not_kept_for_its_own_moment(stop: threading.Event) -> None:
    keys = DelayQueue()
    for _ in range(5000):
        keys.add("shop", after_s=3600)
        keys.add("shop")
        assert keys.get(stop) == ("shop", ())
        keys.done("shop")

    assert len(keys._heap) < 200  # noqa: SLF001 - memory has no public face
