"""A rollback as a change of a branch: a path as it was at an earlier commit, by a new commit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from engine.errors import PlumbError, RefusedError
from engine.git.commits import Entry, find
from engine.promote import difference, order
from engine.promote.landing import Proposal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.git import Branches
    from engine.git.commits import Commit
    from engine.git.deadline import Deadline
    from engine.promote.edit import Edit

PAST: Final = 200  # commits that are looked through
_UNSEEN: Final = Entry(0, "")
_EDITS_SHOWN: Final = 50


class RollbackError(PlumbError):
    """There is no earlier state to go back to."""


@dataclass(slots=True)
class Rollback:
    """Take a path back. ``to`` is a commit, or the beginning of one; "" is before its last change.

    What somebody changed there after the first look is not undone: nobody has seen that yet.
    """

    path: str
    base: str
    to: str = ""
    reason: str = ""
    actor: str = ""
    build: str = ""
    _seen: Entry | None = field(init=False, default=_UNSEEN)

    def propose(self, branches: Branches, tip: Commit, deadline: Deadline) -> Proposal | None:
        """Return the change on this commit, None when the path is there already."""
        past = branches.past(self.base, PAST, deadline, trees=True)
        now = find(branches.tree, tip.tree, self.path)
        if self._seen is _UNSEEN:
            self._seen = now
        elif self._seen != now:
            raise RefusedError(
                "PLB841", f"{self.path or '/'} was changed while it was rolled back",
                where=f"{branches.url}@{tip.short}", why=f"by {tip.author}: {tip.subject}",
                hint="look at plumb history, then start again",
            )  # fmt: skip
        target, reverts = self._target(branches, past)
        wanted = find(branches.tree, target.tree, self.path)
        if wanted is None:
            raise RollbackError(
                "PLB842", f"{self.path or '/'} was not there at {target.short}",
                where=branches.url, why="going back to that would remove it",
                hint="name a later commit with --to, or remove the path by hand",
            )  # fmt: skip
        if wanted == now:
            return None
        edits = self._edits(branches, now, wanted, deadline)
        return Proposal({self.path: wanted}, (), self._message(target, reverts, edits), edits)

    def _target(self, branches: Branches, past: Sequence[Commit]) -> tuple[Commit, Commit | None]:
        """Return the commit to go back to, and the one that is undone by that."""
        if self.to:
            found = [commit for commit in past if commit.id.startswith(self.to.lower())]
            if len(found) == 1:
                return found[0], None
            raise RollbackError(
                "PLB843", f"{self.to} does not name one commit", where=branches.url,
                why=f"{len(found)} of the newest {len(past)} commits begin so",
                hint="take one from plumb history",
            )  # fmt: skip
        by_id = {commit.id: commit for commit in past}
        for commit in past:
            parent = by_id.get(commit.parents[0]) if commit.parents else None
            if parent is None:
                continue
            before, after = (find(branches.tree, c.tree, self.path) for c in (parent, commit))
            if before == after:
                continue
            if commit.values(order.ROLLBACK):
                raise RollbackError(
                    "PLB844", f"{self.path or '/'} was rolled back already",
                    where=f"{branches.url}@{commit.short}",
                    why=f"by {commit.author}: {commit.subject}",
                    hint="name the commit to go to with --to; plumb history lists them",
                )  # fmt: skip
            return parent, commit
        raise RollbackError(
            "PLB843", f"no earlier state of {self.path or '/'} is known", where=branches.url,
            why=f"the newest {len(past)} commits do not change it", hint="name a commit with --to",
        )  # fmt: skip

    def _edits(
        self, branches: Branches, now: Entry | None, wanted: Entry, deadline: Deadline
    ) -> tuple[Edit, ...]:
        changed = difference.files(branches.tree, now, wanted, self.path)
        return tuple(edit for _, edit in told(branches, changed, deadline))

    def _message(self, target: Commit, reverts: Commit | None, edits: Sequence[Edit]) -> str:
        where = self.path or "/"
        lines = [f"Roll back {where} to {target.short}"[:72], ""]
        if self.reason:
            lines += ["".join(c if c.isprintable() else " " for c in self.reason), ""]
        if reverts is not None:
            lines += [f"This undoes {reverts.short}: {reverts.subject}", ""]
        lines += [sentence(edit) for edit in edits[:_EDITS_SHOWN]]
        pairs = [
            (order.PATH, where), (order.ROLLBACK, target.id),
            ("Plumb-Reverts", reverts.id if reverts else ""),
            (order.BUILD, self.build), (order.ACTOR, self.actor),
        ]  # fmt: skip
        return "\n".join([*lines, "", *(f"{key}: {value}" for key, value in pairs if value)])


def told(
    branches: Branches, changed: Sequence[difference.FileChange], deadline: Deadline
) -> list[tuple[difference.FileChange, Edit]]:
    """Return what changed in these files, value by value; fetches them."""
    branches.need(
        [name for each in changed for name in (each.before, each.after) if name], deadline
    )

    def content(name: str) -> bytes | None:
        return branches.file(name) if name else None

    return [
        (each, edit)
        for each in changed
        for edit in difference.values(content(each.before), content(each.after), each.path)
    ]


def sentence(edit: Edit) -> str:
    """Return one line about a change."""
    if not edit.pointer:
        return f"{edit.path}: {edit.before}"
    return (
        f"{edit.path} {edit.pointer}: {edit.before or '(nothing)'} -> {edit.after or '(nothing)'}"
    )
