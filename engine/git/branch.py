"""One branch to write to: its tip and the files that are asked for, and commits pushed onto it.

A push is a compare-and-swap: it names the commit that it was made on, is not even sent when the
server lists another one, and the server itself takes it only from there.
"""

from __future__ import annotations

import heapq
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from engine.errors import GitDeniedError, GitError
from engine.git import refs as names
from engine.git.address import parse, split_credentials
from engine.git.commits import read_commit
from engine.git.failures import Failures, Terms
from engine.git.limits import Limits
from engine.git.localbranch import LocalBranch
from engine.git.objects import GitContentError, Objects
from engine.git.push import push
from engine.git.shelf import Shelf
from engine.git.tree import GitTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.git.address import Address
    from engine.git.commits import Commit, NewObject
    from engine.git.deadline import Deadline
    from engine.git.objects import Kind
    from engine.model import Credentials

_NOT_GIVEN = {"PLB202", "PLB214", "PLB215"}  # what servers say that give no file by its id
_MOST_NEW = 1000  # commits between two looks that are followed one by one
_DEFAULT_LIMITS = Limits()


class _Readable(Protocol):
    """Objects by id, from wherever they are."""

    def has(self, name: str) -> bool: ...
    def read(self, name: str, kind: Kind) -> bytes: ...


class _Both:
    """What is in one place or in the other."""

    def __init__(self, first: _Readable, second: _Readable) -> None:
        self._first, self._second = first, second

    def has(self, name: str) -> bool:
        return self._first.has(name) or self._second.has(name)

    def read(self, name: str, kind: Kind) -> bytes:
        return (self._first if self._first.has(name) else self._second).read(name, kind)


class _Origin(Protocol):
    """What a branch needs of its repository, here or on a server."""

    @property
    def objects(self) -> Objects: ...

    def tip(self, branch: str, deadline: Deadline) -> str | None: ...
    def need(self, ids: Iterable[str], deadline: Deadline) -> None: ...
    def past(
        self, branch: str, depth: int, *, trees: bool, deadline: Deadline
    ) -> tuple[_Readable, str | None]: ...
    def push(
        self, branch: str, old: str | None, objects: list[NewObject], deadline: Deadline
    ) -> None: ...
    def default(self, deadline: Deadline) -> str: ...
    def close(self) -> None: ...


class Branches:
    """The branches of one repository, for one thread and as long as its ``with`` block."""

    def __init__(
        self, url: str, *, credentials: Credentials | None = None, limits: Limits = _DEFAULT_LIMITS
    ) -> None:
        self.url, embedded = split_credentials(url)
        address = parse(self.url)
        self._limits = limits
        self._past: _Readable | None = None
        self._origin: _Origin = (
            LocalBranch(address.path, where=self.url)
            if address.kind == "local"
            else RemoteBranch(address, credentials or embedded, limits)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._origin.close()

    def default(self, deadline: Deadline) -> str:
        """Return the name of the repository's default branch."""
        return self._origin.default(deadline)

    def tip(self, branch: str, deadline: Deadline) -> Commit | None:
        """Return the newest commit of a branch, with its folders; None when it does not exist."""
        name = self._origin.tip(branch, deadline)
        return None if name is None else self._commit(self._origin.objects, name)

    def folders(self, commit: Commit) -> GitTree:
        """Return the folders of a commit; ``need`` fetches what is read from them."""
        where = f"{self.url}@{commit.short}"
        return GitTree(self._origin.objects, commit.tree, where=where, limits=self._limits)

    def tree(self, name: str) -> bytes:
        """Return the content of a folder by its id, of a tip or of ``past`` with its trees."""
        if self._past is not None and not self._origin.objects.has(name):
            return self._past.read(name, "tree")
        return self._origin.objects.read(name, "tree")

    def file(self, name: str) -> bytes:
        """Return the content of a file by its id, after ``need``."""
        return self._origin.objects.read(name, "blob")

    def need(self, ids: Iterable[str], deadline: Deadline) -> None:
        """Fetch these objects unless they are here."""
        self._origin.need(ids, deadline)

    def past(
        self, branch: str, depth: int, deadline: Deadline, *, trees: bool = False
    ) -> list[Commit]:
        """Return up to ``depth`` commits of a branch, newest first; ``trees``: with their folders.

        A merge brings the commits of both sides; a parent never comes before its child.
        """
        objects, start = self._origin.past(branch, depth, trees=trees, deadline=deadline)
        self._past = objects if trees else self._past
        if start is None:
            return []
        first = self._commit(objects, start)
        found: list[Commit] = []
        heap = [(-first.committed_at, first.id, first)]
        seen = {first.id}
        while heap and len(found) < depth:
            commit = heapq.heappop(heap)[2]
            found.append(commit)
            for parent in commit.parents:
                # What is not here is beyond the depth that was fetched.
                if parent not in seen and objects.has(parent):
                    seen.add(parent)
                    older = self._commit(objects, parent)
                    heapq.heappush(heap, (-older.committed_at, older.id, older))
        return found

    def push(
        self, branch: str, onto: str | None, objects: list[NewObject], deadline: Deadline
    ) -> None:
        """Let a branch name the last of these objects, a commit made on ``onto`` (None: no branch).

        OvertakenError when the branch is elsewhere by now; GitDeniedError when the server will not
        have it. After any other error it may or may not have happened.
        """
        self._origin.push(branch, onto, objects, deadline)

    def _commit(self, objects: _Readable, name: str) -> Commit:
        commit = read_commit(name, objects.read(name, "commit"))
        if commit is None:
            raise GitContentError(
                "PLB225", f"commit {name[:10]} is malformed", where=self.url,
                why="its header is not as Git writes it",
            )  # fmt: skip
        return commit


class RemoteBranch:
    """Branches of a repository on a server."""

    def __init__(self, address: Address, credentials: Credentials | None, limits: Limits) -> None:
        self.where = address.text
        self._address = address
        self._credentials = credentials
        self._limits = limits
        self._failures = Failures(address.text, credentials)
        self._folder = tempfile.TemporaryDirectory(prefix="plumb-")
        self._files = Shelf(Path(self._folder.name) / "files", address, credentials)
        self._shelves: dict[tuple[int, bool], Shelf] = {}
        self._tips: dict[str, str] = {}

    @property
    def objects(self) -> Objects:
        return self._files.objects

    def close(self) -> None:
        for shelf in (self._files, *self._shelves.values()):
            shelf.close()
        self._folder.cleanup()

    def default(self, deadline: Deadline) -> str:
        from engine.git.connection import connect  # noqa: PLC0415 - with dulwich's client

        client, path = connect(self._address, self._credentials, self._terms(deadline))
        try:
            listed = client.get_refs(path.encode(), ref_prefix=[b"HEAD"])
        except Exception as error:  # noqa: BLE001 - whatever dulwich meets
            deadline.check()
            raise self._failures.translate(error) from None
        finally:
            client.close()
        target = bytes((listed.symrefs or {}).get(b"HEAD", b"")).decode("utf-8", "replace")  # type: ignore[call-overload]
        if not target.startswith(names.HEADS):
            raise GitError(
                "PLB218", "the repository has no default branch", where=self.where,
                hint="name the branch",
            )  # fmt: skip
        return names.short(target)

    def tip(self, branch: str, deadline: Deadline) -> str | None:
        ref = names.HEADS + branch

        def pick(refs: Mapping[str, str]) -> list[str]:
            found = refs.get(ref)
            return [found] if found and not self.objects.has(found) else []

        # The second time all commits since, which are few: `past` needs them, too.
        haves = [name for name in self._tips.values() if self.objects.has(name)]
        listed = self._files.take(
            pick, terms=self._terms(deadline), ref=ref, depth=None if haves else 1,
            leave_out="blob:none", haves=haves,
        )  # fmt: skip
        if ref not in listed:
            self._tips.pop(branch, None)
            return None
        self._tips[branch] = listed[ref]
        return listed[ref]

    def need(self, ids: Iterable[str], deadline: Deadline) -> None:
        missing = sorted({name for name in ids if not self.objects.has(name)})
        if not missing:
            return
        terms = self._terms(deadline)
        try:
            self._files.take(lambda _: missing, terms=terms, ref="HEAD")
        except GitError as error:
            if error.code not in _NOT_GIVEN:
                raise
            deadline.check()
            # A server that gives nothing by its id but branches and tags: take them whole.
            tips = sorted(set(self._tips.values()))
            self._files.take(lambda _: tips, terms=terms, ref="HEAD", depth=1)

    def past(
        self, branch: str, depth: int, *, trees: bool, deadline: Deadline
    ) -> tuple[_Readable, str | None]:
        shelf = self._shelves.get((depth, trees))
        if shelf is None:
            folder = Path(self._folder.name) / f"past-{depth}-{trees}"
            shelf = Shelf(folder, self._address, self._credentials)
            self._shelves[depth, trees] = shelf
        ref = names.HEADS + branch
        start = self._tips.get(branch)
        if start is not None and self._leads_to(start, shelf.starts.get(ref, "")):
            return _Both(self.objects, shelf.objects), start

        def pick(refs: Mapping[str, str]) -> list[str]:
            found = refs.get(ref)
            return [found] if found and not shelf.objects.has(found) else []

        # The second time only what was pushed since: without a depth, down to what is here.
        here = [name for name in shelf.starts.values() if shelf.objects.has(name)]
        listed = shelf.take(
            pick, terms=self._terms(deadline), ref=ref, depth=None if here else depth,
            leave_out="blob:none" if trees else "tree:0", haves=here,
        )  # fmt: skip
        if ref in listed:
            shelf.starts[ref] = listed[ref]
        return shelf.objects, listed.get(ref)

    def _leads_to(self, start: str, end: str) -> bool:
        """Whether the commits from one to the other are here: nothing has to be asked for."""
        name = start if end else ""
        for _ in range(_MOST_NEW):
            if name == end:
                return bool(end)
            commit = read_commit(name, self.objects.read(name, "commit"))
            if commit is None or not commit.parents or not self.objects.has(commit.parents[0]):
                return bool(commit and commit.parents[:1] == (end,))
            name = commit.parents[0]
        return False

    def push(
        self, branch: str, old: str | None, objects: list[NewObject], deadline: Deadline
    ) -> None:
        try:
            push(
                self._address, self._credentials, terms=self._terms(deadline),
                ref=names.HEADS + branch, old=old, objects=objects,
            )  # fmt: skip
        except GitDeniedError as error:
            if error.code == "PLB204":
                error.hint = "check that they are right, still valid, and may write"
            raise

    def _terms(self, deadline: Deadline) -> Terms:
        return Terms(self._limits, deadline, self._failures)
