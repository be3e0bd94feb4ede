"""What became of each application, for `--once`: kept until all of them are through."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from engine.errors import RefusedError
from engine.health import is_settled
from engine.model import SyncResult

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from engine.daemon.story import Story, Teller
    from engine.daemon.tracked import Tracked


class Results:
    """Tells on, and after :meth:`keep` remembers the last story of every application."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._lock = threading.Lock()
        self._stories: dict[str, tuple[Tracked, Story]] | None = None

    def keep(self) -> None:
        """Remember stories from now on; a daemon would only grow by them."""
        self._stories = {}

    def tell(self, tracked: Tracked, story: Story) -> None:
        self._teller.tell(tracked, story)
        if self._stories is not None:
            with self._lock:
                self._stories[tracked.key] = (tracked, story)

    def moved(self, tracked: Tracked) -> None:
        self._teller.moved(tracked)

    def forget(self, tracked: Tracked) -> None:
        self._teller.forget(tracked)

    def are_final(self, names: Collection[str]) -> bool:
        """Say whether nothing more comes of any of these."""
        with self._lock:
            known = dict(self._stories or {})
        return all(name in known and _is_over(name, known, ()) for name in names)

    def of(self, name: str) -> SyncResult:
        """Return the result of one, with an error where there was no pass."""
        _, story = (self._stories or {}).get(name, (None, None))
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


def _is_over(
    name: str, known: Mapping[str, tuple[Tracked, Story]], behind: tuple[str, ...]
) -> bool:
    """Say whether a story ends here: for one that waits, when what it waits for never comes.

    ``behind`` are those that wait for it, so that a circle ends.
    """
    _, story = known[name]
    application = story.application
    if not story.is_behind:
        return _is_final(story)
    for other in (f"{application.namespace}/{one}" for one in application.depends_on):
        if other not in known or other == name or other in behind:
            return True
        tracked, theirs = known[other]
        is_over = _is_over(other, known, (*behind, name))
        if is_over and (not tracked.is_ready or theirs.waits_for):
            return True
    return False


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
