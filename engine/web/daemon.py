"""What HTTP has to know of the daemon, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


class Daemon(Protocol):
    """The loop as HTTP sees it. Methods are called from several threads and must not wait."""

    def beat_age_s(self) -> float:
        """Seconds since the loop last showed that it moves, whatever it has to wait for.

        An API server or a Git server that does not answer must not let it grow: restarting the
        process would not help.
        """
        ...

    def not_ready(self) -> str:
        """Say why it is not ready to work or to take over, in a few words; "" when it is."""
        ...

    def on_push(self, repositories: AbstractSet[str], ref: str | None) -> int:
        """Hear that one repository may have a new commit; return how many sources are asked now.

        ``repositories`` are its names as ``engine.git.identity`` makes them of an address; one of
        them is meant, not all. ``ref`` is a full one, "refs/heads/main"; None: several, or unknown.
        """
        ...
