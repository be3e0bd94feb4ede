"""The front door of the Git layer: an address in, revisions and their files out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from engine.git import refs
from engine.git.address import Address, parse, split_credentials
from engine.git.cache import Cache
from engine.git.deadline import Deadline
from engine.git.limits import Limits
from engine.git.local import LocalRepository
from engine.git.objects import DamageError, Objects
from engine.git.remote import RemoteRepository
from engine.git.tree import GitTree
from engine.model import GitRef, Revision

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable
    from pathlib import Path

    from engine.model import Credentials

_DEFAULT_LIMITS = Limits()


class Repository:
    """One repository with one set of credentials. Each thread needs its own.

    Nothing is opened before the first ``fetch``. Credentials in the address count when none are
    given; ``url`` never holds any. ``stop`` ends a fetch early.
    """

    def __init__(
        self, url: str, *, cache_dir: Path, credentials: Credentials | None = None,
        limits: Limits = _DEFAULT_LIMITS, stop: threading.Event | None = None,
    ) -> None:  # fmt: skip
        self.url, embedded = split_credentials(url)
        self._address: Address = parse(self.url)
        self._credentials = credentials if credentials is not None else embedded
        self._cache_dir = cache_dir
        self._limits = limits
        self._stop = stop
        self._source: LocalRepository | RemoteRepository | None = None

    def __repr__(self) -> str:
        return f"Repository({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all files; trees of this repository cannot be read any more."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def fetch(self, ref: GitRef) -> Revision:
        """Return what a ref names now, with all its files at hand.

        One listing when nothing is new, none for a commit that is known. GitError (GitDeniedError
        for credentials) when it cannot be had within ``limits.timeout_s``; SettingsError when the
        ref cannot be meant.
        """
        refs.check(ref, where=self.url)
        with self._deadline() as deadline:
            source = self._open()
            target = source.find(ref, deadline)
            objects = self._objects()
            commit = objects.peel(target.id)
            said = objects.commit(commit)
            objects.read(said.tree, "tree")
        return Revision(
            commit=commit,
            tree=said.tree,
            ref=target.name,
            author=said.author,
            subject=said.subject,
            committed_at=said.committed_at,
        )

    def targets(self, asked: Iterable[GitRef]) -> dict[GitRef, str]:
        """Return the id that each ref names now, of those that are there; one listing for all.

        A commit is its own id. Raises GitError when the repository cannot be asked.
        """
        with self._deadline() as deadline:
            return self._open().targets(list(asked), deadline)

    def tree(self, revision: Revision) -> GitTree:
        """Return the files of a revision that was fetched from here, now or earlier.

        Fetches it again where the cache was deleted in the meantime.
        """
        if self._source is None or not self._is_readable(revision):
            self.fetch(GitRef("commit", revision.commit))
        where = f"{self.url}@{revision.short}"
        heal = None if self._address.kind == "local" else lambda old: self._again(revision, old)
        return GitTree(self._objects(), revision.tree, where=where, limits=self._limits, heal=heal)

    def _deadline(self) -> Deadline:
        return Deadline(self._limits.timeout_s, where=self.url, stop=self._stop)

    def _open(self) -> LocalRepository | RemoteRepository:
        if self._source is None:
            address = self._address
            if address.kind == "local":
                self._source = LocalRepository(address.path, where=self.url)
            else:
                cache = Cache(
                    self._cache_dir, url=self.url, credentials=self._credentials, where=self.url
                )
                self._source = RemoteRepository(
                    address, cache, credentials=self._credentials, limits=self._limits
                )
        return self._source

    def _objects(self) -> Objects:
        objects = self._source.objects if self._source else None
        if objects is None:
            raise DamageError("PLB226", "the repository is not open", where=self.url)
        return objects

    def _is_readable(self, revision: Revision) -> bool:
        try:
            return self._objects().commit(revision.commit).tree == revision.tree
        except DamageError:
            return False

    def _again(self, revision: Revision, old: Objects) -> Objects:
        """Find a revision's objects again after ``old`` turned out damaged, gone or closed."""
        ref = GitRef("commit", revision.commit)
        with self._deadline() as deadline:
            source = self._open()
            # Closed means that a later fetch moved on to another generation: nothing is broken.
            if old.is_open and isinstance(source, RemoteRepository):
                source.find_afresh(ref, deadline)
            else:
                source.find(ref, deadline)
        return self._objects()
