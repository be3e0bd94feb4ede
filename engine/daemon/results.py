"""What became of each application, for `--once`: kept until all of them are through."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from engine.errors import RefusedError
from engine.health import is_settled
from engine.model import SyncResult

if TYPE_CHECKING:
    from collections.abc import Collection

    from engine.daemon.story import Story, Teller
    from engine.daemon.tracked import Tracked


class Results:
    """Tells on, and after :meth:`keep` remembers the last story of every application."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._lock = threading.Lock()
        self._stories: dict[str, Story] | None = None

    def keep(self) -> None:
        """Remember stories from now on; a daemon would only grow by them."""
        self._stories = {}

    def tell(self, tracked: Tracked, story: Story) -> None:
        self._teller.tell(tracked, story)
        if self._stories is not None:
            with self._lock:
                self._stories[tracked.key] = story

    def moved(self, tracked: Tracked) -> None:
        self._teller.moved(tracked)

    def forget(self, tracked: Tracked) -> None:
        self._teller.forget(tracked)

    def are_final(self, names: Collection[str]) -> bool:
        """Say whether nothing more comes of any of these, but for waiting on one another."""
        with self._lock:
            stories = {name: (self._stories or {}).get(name) for name in names}
        waiting = {name for name, story in stories.items() if story and _waits_for_another(story)}
        return all(
            name in waiting or (story is not None and _is_final(story))
            for name, story in stories.items()
        ) and (not waiting or len(waiting) < len(stories) or bool(stories))

    def of(self, name: str) -> SyncResult:
        """Return the result of one, with an error where there was no pass."""
        story = (self._stories or {}).get(name)
        if story is not None and story.result is not None:
            return story.result
        error = story.error if story is not None else None
        if error is None and story is not None and story.is_suspended:
            error = RefusedError(
                "PLB540", f"Application {name} is suspended", hint=f"plumb resume {name}"
            )
        if error is None:
            what = story.waits_for if story is not None else "its first look"
            error = RefusedError("PLB543", f"Application {name} waits for {what}")
        return SyncResult(name, None, None, errors=(error,))


def _waits_for_another(story: Story) -> bool:
    return bool(story.waits_for) and story.waits_for.startswith(("Application", "itself"))


def _is_final(story: Story) -> bool:
    result = story.result
    if result is None:
        return story.error is not None or story.is_suspended
    if result.dry_run or result.errors or story.is_late:
        return True
    if any(outcome.action == "failed" for outcome in result.outcomes):
        return True
    unhealthy = any(not is_settled(health) for health in result.health.values())
    return not result.waiting and not (story.application.wait and unhealthy)
