"""The history of a path: who changed what, when, and what it did in the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.git.commits import find
from engine.promote import difference
from engine.promote.rollback import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.git import Branches
    from engine.git.commits import Commit
    from engine.git.deadline import Deadline
    from engine.inventory import Run
    from engine.promote.edit import Edit


@dataclass(frozen=True, slots=True)
class Event:
    """One commit that changed the path. ``run`` is the sync that brought it to the cluster."""

    commit: Commit
    edits: tuple[Edit, ...]
    run: Run | None = None


def events(
    branches: Branches, past: Sequence[Commit], path: str, *, limit: int, deadline: Deadline,
    runs: Iterable[Run] = (),
) -> list[Event]:  # fmt: skip
    """Return up to ``limit`` commits of ``past`` that changed the path, newest first.

    ``past`` was fetched with its trees; ``runs`` are what the record remembers.
    """
    by_id = {commit.id: commit for commit in past}
    states = {commit.id: find(branches.tree, commit.tree, path) for commit in past}
    changes = []
    for commit in past:
        parent = by_id.get(commit.parents[0]) if commit.parents else None
        if commit.parents and parent is None:
            continue  # its parent is beyond the depth, so nobody knows what it changed
        before = states[parent.id] if parent else None
        if before != states[commit.id]:
            files = difference.files(branches.tree, before, states[commit.id], path)
            changes.append((commit, files))
    changes = changes[:limit]
    edits: dict[str, list[Edit]] = {commit.id: [] for commit, _ in changes}
    every = [each for _, files in changes for each in files]
    owner = {id(each): commit.id for commit, files in changes for each in files}
    for each, edit in told(branches, every, deadline):
        edits[owner[id(each)]].append(edit)
    rolled_out = _rolled_out(past, [commit.id for commit, _ in changes], runs)
    return [
        Event(commit, tuple(edits[commit.id]), rolled_out.get(commit.id)) for commit, _ in changes
    ]


def _rolled_out(
    past: Sequence[Commit], changes: Sequence[str], runs: Iterable[Run]
) -> dict[str, Run]:
    """Say which sync brought each commit: the first one at that commit or at a later one."""
    by_revision = {run.revision: run for run in runs}
    waiting: list[str] = []
    found: dict[str, Run] = {}
    for commit in reversed(past):
        if commit.id in changes:
            waiting.append(commit.id)
        run = by_revision.get(commit.id)
        if run is not None:
            found.update(dict.fromkeys(waiting, run))
            waiting = []
    return found
