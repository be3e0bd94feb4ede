"""Repositories on a server: find a ref, fetch its commit into the cache, prove that it is whole.

Every fetch is of depth 1 and names the commits that the cache holds, so a server sends what is new
and no history: after any number of polls the cache stands on one shallow commit a ref.
"""

from __future__ import annotations

import stat
from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

from dulwich.objects import parse_tree

from engine.errors import GitError
from engine.git import refs as names
from engine.git.connection import connect
from engine.git.conversation import Conversation, decoded
from engine.git.failures import Failures, Terms
from engine.git.objects import DamageError, GitContentError, Objects
from engine.git.pack import PackError
from engine.git.refs import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dulwich.client import GitClient

    from engine.git.address import Address
    from engine.git.cache import Cache, Generation
    from engine.git.deadline import Deadline
    from engine.git.limits import Limits
    from engine.model import Credentials, GitRef


_BLOBS = {stat.S_IFREG, stat.S_IFLNK}


class RemoteRepository:
    """A repository behind HTTP or SSH with its cache. For one thread at a time."""

    def __init__(
        self, address: Address, cache: Cache, *, credentials: Credentials | None, limits: Limits
    ) -> None:
        self._address = address
        self._cache = cache
        self._credentials = credentials
        self._limits = limits
        self._failures = Failures(address.text, credentials)
        self._generation: Generation | None = None
        self._whole: set[str] = set()  # folders proven complete, so a poll checks what is new
        self.objects: Objects | None = None

    def close(self) -> None:
        self._use(None)

    def find(self, ref: GitRef, deadline: Deadline) -> Target:
        """Return what a ref names now; its commit is in the cache then, complete and checked.

        A damaged cache, or a damaged answer, is tried once more from scratch.
        """
        try:
            return self._attempt(ref, deadline, afresh=False)
        except DamageError:
            deadline.check()
        return self.find_afresh(ref, deadline)

    def targets(self, asked: Sequence[GitRef], deadline: Deadline) -> dict[GitRef, str]:
        """Return the id that each of these refs names now, where it is there."""
        prefixes = dict.fromkeys(prefix for ref in asked for prefix in names.prefixes(ref))
        listed, symrefs = self._listing(list(prefixes), deadline)
        found = ((ref, _found(ref, listed, symrefs)) for ref in asked)
        return {ref: target.id for ref, target in found if target is not None}

    def find_afresh(self, ref: GitRef, deadline: Deadline) -> Target:
        """Do the same without trusting anything in the cache."""
        return self._attempt(ref, deadline, afresh=True)

    def _attempt(self, ref: GitRef, deadline: Deadline, *, afresh: bool) -> Target:
        with self._cache.errors():
            self._refresh(afresh=afresh)
        if ref.kind == "commit" and self._has(ref.name):
            return Target(ref.name, ref.name)
        try:
            target = self._converse(ref, deadline, afresh=afresh, everything=False)
        except GitError as error:
            # "Not our ref": servers may give by id only what a branch or tag points to.
            by_id = ref.kind == "commit" or names.is_commit_id(ref.name)
            if not by_id or error.code not in {"PLB214", "PLB215", "PLB202"}:
                raise
            deadline.check()
            target = self._converse(ref, deadline, afresh=True, everything=True)
        if target is None:
            raise names.missing(ref, self._list(deadline), where=self._failures.where)
        return target

    def _converse(
        self, ref: GitRef, deadline: Deadline, *, afresh: bool, everything: bool
    ) -> Target | None:
        with ExitStack() as held:

            def place(name: str) -> Generation | None:
                with self._cache.errors():
                    if not afresh and self._has(name):
                        return None
                    held.enter_context(self._cache.lock(deadline))
                    # Another process may have fetched it while we waited for the lock.
                    self._refresh(afresh=afresh)
                    if self._has(name):
                        return None
                    mine = self._generation
                    if mine is not None and mine.pack_count < self._limits.packs:
                        return mine
                    return self._cache.fresh()

            talk = Conversation(
                ref,
                self._terms(deadline),
                place=place,
                writing=self._cache.errors,
                everything=everything,
            )
            client, path = self._connect(deadline)
            try:
                talk.run(client, path)
                self._keep(talk, str(ref), deadline)
            except BaseException:
                self._drop(talk.generation)
                raise
            finally:
                talk.discard()
                client.close()
            return talk.target

    def _keep(self, talk: Conversation, key: str, deadline: Deadline) -> None:
        """Install what arrived, prove it, and only then let others see it."""
        if talk.pack is None or talk.generation is None or talk.target is None:
            return
        with self._cache.errors():
            talk.pack.install(talk.generation.store)
            self._use(talk.generation)
            if not self._has(talk.target.id):
                raise names.nowhere(talk.target.id, where=self._failures.where)
            self._prove(talk.target.id, deadline)
            talk.generation.remember(key, talk.target.id)
            self._cache.publish(talk.generation)

    def _drop(self, generation: Generation | None) -> None:
        """Remove a generation that never came into use."""
        if generation is not None and generation.name != self._cache.current_name():
            self._use(None)
            generation.remove()

    def _connect(self, deadline: Deadline) -> tuple[GitClient, str]:
        return connect(self._address, self._credentials, self._terms(deadline))

    def _terms(self, deadline: Deadline) -> Terms:
        return Terms(self._limits, deadline, self._failures)

    def _list(self, deadline: Deadline) -> list[str]:
        """Ask for all branches and tags, to say what there is when a ref is not."""
        return list(self._listing([names.HEADS, names.TAGS], deadline)[0])

    def _listing(
        self, prefixes: Sequence[str], deadline: Deadline
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return the refs below these prefixes, and what the symbolic ones point to."""
        client, path = self._connect(deadline)
        try:
            found = client.get_refs(
                path.encode(), ref_prefix=[prefix.encode() for prefix in prefixes]
            )
        except Exception as error:
            deadline.check()
            raise self._failures.translate(error) from error
        finally:
            client.close()
        return decoded(found.refs), decoded(found.symrefs or {})

    def _refresh(self, *, afresh: bool) -> None:
        """Read from the generation in use now; from none when it must not be trusted."""
        if afresh:
            self._use(None)
        elif not self._generation or self._generation.name != self._cache.current_name():
            self._use(self._cache.current())
        elif not self._generation.packs_folder.is_dir():
            self._use(None)

    def _use(self, generation: Generation | None) -> None:
        if generation is not None and generation is self._generation:
            return
        if self.objects is not None:
            self.objects.close()
        self._generation = generation
        self._whole = set()
        self.objects = None
        if generation is not None:
            self.objects = Objects(generation.store, where=self._failures.where)

    def _has(self, name: str) -> bool:
        """Whether the cache holds what a ref names, and the root folder of its commit."""
        if self.objects is None or not self.objects.has(name):
            return False
        self.objects.read(self.objects.commit(self.objects.peel(name)).tree, "tree")
        return True

    def _prove(self, name: str, deadline: Deadline) -> None:
        """Read every folder of a commit and look every file up: complete, or DamageError."""
        objects = cast("Objects", self.objects)
        todo = [objects.commit(objects.peel(name)).tree]
        seen: set[str] = set()
        entries = 0
        while todo:
            folder = todo.pop()
            if folder in self._whole or folder in seen:
                continue
            deadline.check()
            seen.add(folder)
            for _, mode, sha in parse_tree(objects.read(folder, "tree"), 20):
                entries += 1
                if stat.S_ISDIR(mode):
                    todo.append(sha.decode())
                elif stat.S_IFMT(mode) in _BLOBS and not objects.has(sha.decode()):
                    raise PackError(
                        "PLB215", f"the server left out object {sha.decode()}",
                        where=self._failures.where, hint="try again",
                    )  # fmt: skip
            if entries > self._limits.tree_entries:
                raise GitContentError(
                    "PLB216", "the commit holds too many files", where=self._failures.where,
                    why=f"more than {self._limits.tree_entries} entries",
                    hint="split the repository, or raise the cap on entries",
                )  # fmt: skip
        self._whole |= seen


def _found(ref: GitRef, listed: dict[str, str], symrefs: dict[str, str]) -> names.Target | None:
    try:
        return names.find(ref, listed, symrefs, where="")
    except GitError:
        return None  # two are meant; whoever fetches it is told so
