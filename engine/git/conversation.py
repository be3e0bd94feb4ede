"""One exchange with a Git server: what it lists, what we decide to take, what arrives.

dulwich speaks the protocol and calls back: ``wants`` with the refs, ``__next__`` for the commits
that we have, ``IncomingPack.write`` with the pack. So listing and fetching are one connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from dulwich.objects import ObjectID
from dulwich.protocol import PEELED_TAG_SUFFIX

from engine.errors import GitError
from engine.git import refs as names
from engine.git.objects import Objects
from engine.git.pack import IncomingPack, PackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from dulwich.client import GitClient

    from engine.git.cache import Generation
    from engine.git.failures import Terms
    from engine.git.refs import Target
    from engine.model import GitRef


class Conversation:
    """Finds one ref on a server and takes its commit along when ``place`` gives it a place.

    ``place(id)`` returns None when that object is here already, else the generation to fetch into;
    ``writing`` surrounds each write and explains its errors.
    ``everything`` takes all branches and tags with their history, for servers that give no commit
    by its id. Afterwards ``target`` is what was found, ``pack`` what came in.
    """

    def __init__(
        self, ref: GitRef, terms: Terms, *, place: Callable[[str], Generation | None],
        writing: Callable[[], AbstractContextManager[None]], everything: bool = False,
    ) -> None:  # fmt: skip
        self.target: Target | None = None
        self.pack: IncomingPack | None = None
        self.generation: Generation | None = None
        self.shallow: set[ObjectID] = set()
        self._haves: Iterator[ObjectID] = iter(())
        self._ref = ref
        self._place = place
        self._writing = writing
        self._limits = terms.limits
        self._deadline = terms.deadline
        self._failures = terms.failures
        self._everything = everything

    def run(self, client: GitClient, path: str) -> None:
        """Hold it. Raises GitError; ``discard`` then removes what arrived."""
        prefixes = [names.HEADS, names.TAGS] if self._everything else names.prefixes(self._ref)
        try:
            result = client.fetch_pack(
                path,
                cast("Any", self.wants),
                cast("Any", self),
                self._write,
                depth=None if self._everything else 1,
                ref_prefix=[prefix.encode() for prefix in prefixes],
            )
        except GitError:
            self._deadline.check()
            raise
        except Exception as error:  # noqa: BLE001 - whatever dulwich meets
            self._deadline.check()
            # Not chained: a traceback would show the server's words as they came.
            raise self._failures.translate(error) from None
        if self.target is not None and self._ref.kind == "head":
            branch = decoded(result.symrefs or {}).get("HEAD", "HEAD")
            self.target = names.Target(self.target.id, names.short(branch))
        if self.pack is not None and not self.pack.size_bytes:
            raise PackError(
                "PLB215", "the server sent nothing", where=self._failures.where,
                why="it listed the commit and did not give it", hint="try again",
            )  # fmt: skip

    def discard(self) -> None:
        """Remove what arrived and was not installed."""
        if self.pack is not None:
            self.pack.discard()

    def wants(self, refs: Mapping[bytes, bytes], depth: int | None = None) -> list[ObjectID]:  # noqa: ARG002 - dulwich's signature
        """Decide what to take, as dulwich asks it."""
        listed = decoded(refs)
        self.target = names.find(self._ref, listed, {}, where=self._failures.where)
        if self.target is None:
            return []
        self.generation = self._place(self.target.id)
        if self.generation is None:
            return []
        self.pack = IncomingPack(
            self.generation.packs_folder, limits=self._limits, deadline=self._deadline,
            where=self._failures.where,
        )  # fmt: skip
        if self._everything:
            return [ObjectID(value.encode()) for value in sorted(set(listed.values()))]
        objects = Objects(self.generation.store, where=self._failures.where)
        heads = [head for head in self.generation.heads().values() if objects.has(head)]
        here = [ObjectID(head.encode()) for head in heads]
        self._haves, self.shallow = iter(here), set(here)
        return [ObjectID(self.target.id.encode())]

    def __next__(self) -> ObjectID | None:
        """Return the next commit that we have, None at the end: dulwich's kind of iterator."""
        return next(self._haves, None)

    def ack(self, sha: ObjectID) -> None:
        """Hear that the server knows a commit, too. It decides what to send, not we."""

    def nak(self) -> None:
        """Hear that the server knows none of them."""

    def _write(self, data: bytes) -> int:
        with self._writing():
            return cast("IncomingPack", self.pack).write(data)


def decoded(refs: Mapping[Any, Any]) -> dict[str, str]:
    """Turn refs as dulwich gives them into text; peeled ones are left out."""
    return dict(_pairs(refs.items()))


def _pairs(items: Iterable[tuple[bytes, bytes | None]]) -> Iterator[tuple[str, str]]:
    for name, value in items:
        if value is not None and not name.endswith(PEELED_TAG_SUFFIX):
            yield name.decode("utf-8", "surrogateescape"), value.decode("ascii", "replace")
