"""The history of a clone: parents, and the newest commit that two histories share.

A shallow clone has an edge. What would need to look behind it is an error that names the fetch,
never an answer from what happens to be there.
"""

from __future__ import annotations

import heapq
import re
from typing import TYPE_CHECKING, Protocol

from engine.errors import GitError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.git.objects import Objects

_STEP = re.compile(r"([~^])(\d*)|\^\{commit\}")
_ONE, _OTHER, _STALE = 1, 2, 4


class Advice(Protocol):
    """Builds the error for history that is not here."""

    def __call__(self, commits: list[str], *, deepen: int = 0, what: str = ...) -> GitError: ...


class History:
    """Commits of one store; ``boundary`` are those whose parents were not fetched."""

    def __init__(self, objects: Objects, boundary: frozenset[str], advice: Advice) -> None:
        self._objects = objects
        self.boundary = boundary
        self._advice = advice
        self._known: dict[str, tuple[int, tuple[str, ...]]] = {}

    def ends(self, commits: Iterable[str]) -> list[str]:
        """Return where the history below these commits ends, in short."""
        seen, stack, found = set[str](), list(commits), []
        while stack:
            commit = stack.pop()
            if commit in seen:
                continue
            seen.add(commit)
            if commit in self.boundary:
                found.append(commit[:10])
            elif self._objects.has(commit):
                stack.extend(self.parents(commit))
        return found or [commit[:10] for commit in commits]

    def parents(self, commit: str) -> tuple[str, ...]:
        """Return the parents that a commit names, also where they were not fetched."""
        return self._look(commit)[1]

    def step(self, commit: str, walk: str, *, text: str) -> str:
        """Follow ``~2`` and ``^1`` from a commit."""
        for match in _STEP.finditer(walk):
            if match[1] is None:
                continue
            count = int(match[2] or 1)
            if match[1] == "^":
                commit = self._parent(commit, count, text) if count else commit
                continue
            for left in range(count, 0, -1):
                commit = self._parent(commit, 1, text, deepen=left)
        return commit

    def _parent(self, commit: str, number: int, text: str, *, deepen: int = 1) -> str:
        parents = self.parents(commit)
        if len(parents) < number:
            raise GitError(
                "PLB241", f"there is no revision {text} in this clone", where=commit[:10],
                why=f"the commit has {len(parents)} parents", hint="correct the number",
            )  # fmt: skip
        if commit in self.boundary:
            raise self._advice([commit], deepen=deepen)
        return parents[number - 1]

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the newest common commit, None for unrelated histories.

        Both histories are walked from their newest commits. Where a shallow clone ends before what
        was found, behind its edge could be a newer one: that is an error.
        """
        flags: dict[str, int] = {}
        queue: list[tuple[int, str]] = []
        found: list[str] = []
        for commit, flag in ((one, _ONE), (other, _OTHER)):
            flags[commit] = flags.get(commit, 0) | flag
            heapq.heappush(queue, (-self._look(commit)[0], commit))
        edge: set[str] = set()  # reached by one side only, as far as is known
        while queue and (edge or any(not flags[commit] & _STALE for _, commit in queue)):
            _, commit = heapq.heappop(queue)
            flag = flags[commit]
            if flag & (_ONE | _OTHER) == _ONE | _OTHER and not flag & _STALE:
                found.append(commit)
                flag |= _STALE
                flags[commit] = flag
            if commit in self.boundary:
                (edge.discard if flag & _STALE else edge.add)(commit)
                continue
            for parent in self.parents(commit):
                if flags.get(parent, 0) | flag != flags.get(parent, 0):
                    flags[parent] = flags.get(parent, 0) | flag
                    heapq.heappush(queue, (-self._look(parent)[0], parent))
        if edge:
            raise self._advice(sorted({one, other}))
        best = [commit for commit in found if not self._is_below(commit, found)]
        return min(best, key=lambda commit: (-self._look(commit)[0], commit), default=None)

    def _is_below(self, commit: str, found: list[str]) -> bool:
        """Say whether another one that was found has this one in its history."""
        others = [other for other in found if other != commit]
        seen: set[str] = set()
        while others:
            at = others.pop()
            if at in seen or at in self.boundary:
                continue
            seen.add(at)
            parents = self.parents(at)
            if commit in parents:
                return True
            # Nothing older than the commit can have it in its history, clocks willing.
            others += [p for p in parents if self._look(p)[0] >= self._look(commit)[0]]
        return False

    def _look(self, commit: str) -> tuple[int, tuple[str, ...]]:
        known = self._known.get(commit)
        if known is None:
            when = self._objects.commit(commit).committed_at
            header = self._objects.read(commit, "commit").partition(b"\n\n")[0]
            lines = header.split(b"\n")
            parents = tuple(
                line[7:].decode("ascii") for line in lines if line.startswith(b"parent ")
            )
            known = self._known[commit] = (when, parents)
        return known
