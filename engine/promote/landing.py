"""Make a change on the tip of a branch and push it; when somebody was faster, make it anew.

What is pushed is always made for the commit it is pushed onto: nothing is merged or rebased as
text. So two promotions that meet cannot spoil one another's files, whatever they change.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from engine.errors import GitDeniedError, GitError, RefusedError
from engine.git.commits import change, write_commit
from engine.git.deadline import Deadline
from engine.git.push import OvertakenError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.git import Branches
    from engine.git.commits import Commit, Entry, NewObject
    from engine.promote.edit import Edit

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 20.0
_UNCLEAR_TRIES = 3  # pushes in a row without an answer, before that is the answer


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of some files on one commit; ``edits`` tell it to people."""

    files: Mapping[str, Entry | None]
    blobs: tuple[NewObject, ...]
    message: str
    edits: tuple[Edit, ...] = ()


class Change(Protocol):
    """Something to do to a branch, decided anew on each commit that it meets."""

    def propose(self, branches: Branches, tip: Commit, deadline: Deadline) -> Proposal | None:
        """Return what to change on this commit, None when nothing; raises when it must not be."""
        ...


@dataclass(frozen=True, slots=True)
class Landed:
    """How it ended. ``commit`` is the tip that has the change; ``made`` says whether we made it."""

    branch: str
    commit: str
    made: bool
    edits: tuple[Edit, ...] = ()
    subject: str = ""
    losses: int = 0
    body: str = ""


@dataclass(slots=True)
class Landing:
    """Where and how to land a change.

    ``base`` is the branch it is for; ``branch`` another one to push to, made from the base when it
    is not there yet. ``timeout_s`` bounds everything, ``fetch_timeout_s`` each exchange.
    """

    branches: Branches
    base: str
    author: str
    branch: str = ""
    timeout_s: float = 300.0
    fetch_timeout_s: float = 60.0
    sign: Callable[[bytes], str] | None = None
    dry_run: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    tell: Callable[[str], object] = field(default=lambda _: None)
    _end: float = field(init=False, default=0.0)
    _ours: dict[str, Proposal] = field(init=False, default_factory=dict)
    _losses: int = field(init=False, default=0)
    _unclear: int = field(init=False, default=0)

    def land(self, made: Change) -> Landed:
        """Land it; GitError PLB831 when others were faster until the time was up."""
        self._end = time.monotonic() + self.timeout_s
        while True:
            try:
                with self._deadline() as deadline:
                    return self._try(made, deadline)
            except OvertakenError as error:
                self._losses += 1
                self.tell(f"somebody was faster ({error.why}); making the change anew")
                self._pause(error)
            except _UnclearError as error:
                self._unclear += 1
                if self._unclear >= _UNCLEAR_TRIES:
                    raise error.cause from None
                self.tell(f"no answer to the push ({error.cause.what}); looking what became of it")
                self._pause(error.cause)
            except GitError as error:
                # An exchange that the end of the time cut short is not why it could not be landed.
                if self._losses and time.monotonic() >= self._end:
                    raise self._too_late(error) from None
                raise

    def _try(self, made: Change, deadline: Deadline) -> Landed:
        base = self.branches.tip(self.base, deadline)
        if base is None:
            raise GitError(
                "PLB218", f"branch {self.base} does not exist", where=self.branches.url,
                hint="push it first, or name another with --ref",
            )  # fmt: skip
        if base.id in self._ours:
            return self._landed(self.base, base.id, self._ours[base.id])
        proposal = made.propose(self.branches, base, deadline)
        if proposal is None:
            return self._unchanged(self.base, base, deadline)
        if not self.branch:
            return self._push(self.base, base.id, base, proposal=proposal, deadline=deadline)
        tip = self.branches.tip(self.branch, deadline)
        if tip is None:
            return self._push(self.branch, None, base, proposal=proposal, deadline=deadline)
        further = made.propose(self.branches, tip, deadline)
        if further is None:
            # It is on the branch already, perhaps by an earlier run: for a pull request that is it.
            there = self._landed(self.branch, tip.id, proposal)
            return replace(there, made=tip.id in self._ours)
        return self._push(self.branch, tip.id, tip, proposal=further, deadline=deadline)

    def _push(
        self, name: str, onto: str | None, tip: Commit, *, proposal: Proposal, deadline: Deadline
    ) -> Landed:
        if self.dry_run:
            return self._landed(name, "", proposal)
        root, trees = change(self.branches.tree, tip.tree, proposal.files)
        commit = write_commit(
            root, [tip.id], author=self.author, at=max(int(time.time()), tip.committed_at),
            message=proposal.message, sign=self.sign,
        )  # fmt: skip
        self._ours[commit.id] = proposal
        try:
            self.branches.push(name, onto, [*proposal.blobs, *trees, commit], deadline)
        except (OvertakenError, GitDeniedError, RefusedError):
            raise
        except GitError as error:
            # It may have been taken: the next look at the branch tells.
            raise _UnclearError(error) from None
        return self._landed(name, commit.id, proposal)

    def _landed(self, name: str, commit: str, proposal: Proposal) -> Landed:
        subject, _, body = proposal.message.partition("\n")
        return Landed(
            name, commit, made=True, edits=proposal.edits, subject=subject, losses=self._losses,
            body=body.strip(),
        )  # fmt: skip

    def _unchanged(self, name: str, tip: Commit, deadline: Deadline) -> Landed:
        """Nothing to do: unless a push of ours without an answer is why."""
        if self._unclear:
            for commit in self.branches.past(name, 100, deadline):
                if commit.id in self._ours:
                    return self._landed(name, commit.id, self._ours[commit.id])
        return Landed(name, tip.id, made=False, losses=self._losses)

    def _deadline(self) -> Deadline:
        left = max(self._end - time.monotonic(), 0.001)
        return Deadline(min(left, self.fetch_timeout_s), where=self.branches.url, stop=self.stop)

    def _pause(self, error: GitError) -> None:
        """Wait a random while that grows with each loss; raise when the time is up."""
        tries = self._losses + self._unclear
        most = min(_FIRST_PAUSE_S * 2.0 ** min(tries, 16), _LONGEST_PAUSE_S)
        pause = secrets.SystemRandom().uniform(0, most)
        if time.monotonic() + pause >= self._end:
            raise self._too_late(error) from None
        self.stop.wait(pause)

    def _too_late(self, error: GitError) -> GitError:
        tries = self._losses + self._unclear
        return GitError(
            "PLB831", f"the change could not be landed within {self.timeout_s:g} s",
            where=self.branches.url, why=f"{tries} tries; the last: {error.why or error.what}",
            hint="allow it more time with --timeout; nothing was pushed",
        )  # fmt: skip


class _UnclearError(Exception):
    """A push without an answer."""

    def __init__(self, cause: GitError) -> None:
        super().__init__()
        self.cause = cause
