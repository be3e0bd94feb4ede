"""The repositories that applications follow: polled on time, at a hint, and read by many.

One repository with one set of credentials is one source, whoever follows it: it is asked once for
all of them, and its last good revision is kept when it cannot be. Belongs here: when Git is asked
and what it said. Not here: how (engine.git), and what is made of the files (desired.py).
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from engine.daemon.queue import DelayQueue
from engine.errors import PlumbError, unexpected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from engine.git import Repository
    from engine.model import Application, GitRef, Revision, Tree, TreeEntry

_TREES_KEPT: Final = 3
_HINTS_EVERY_S: Final = 0.25
_FOLLOWERS_EVERY_S: Final = 5.0
_READ_WITHIN_S: Final = 1.0
_RETRY_S: Final = 5.0
_RETRY_CAP_S: Final = 300.0


class SourceKey(NamedTuple):
    """A repository and the Secret it is read with; never shared between different Secrets."""

    url: str
    namespace: str = ""
    secret: str = ""

    @classmethod
    def of(cls, application: Application) -> SourceKey:
        source = application.source
        if source.secret_ref is None:
            return cls(source.url)
        return cls(source.url, application.namespace, source.secret_ref)


@dataclass(frozen=True, slots=True)
class Head:
    """What a ref names as far as is known: the last good revision, and why it may be old."""

    revision: Revision | None = None
    error: PlumbError | None = None


@dataclass(slots=True)
class _Source:
    """One repository. ``reading`` guards ``reader`` and its trees, ``polling`` is one poll."""

    key: SourceKey
    followers: dict[str, tuple[GitRef, float]] = field(default_factory=dict)
    refs: Counter[GitRef] = field(default_factory=Counter)
    asked: set[str] = field(default_factory=set)
    heads: dict[GitRef, Head] = field(default_factory=dict)
    targets: dict[GitRef, str] = field(default_factory=dict)
    failures: int = 0
    began_at: float = -1e9
    succeeded_at: float | None = None
    reading: threading.RLock = field(default_factory=threading.RLock)
    reader: Repository | None = None
    trees: OrderedDict[str, Tree] = field(default_factory=OrderedDict)

    @property
    def interval_s(self) -> float:
        return min((interval for _, interval in self.followers.values()), default=180.0)

    def forgo(self, ref: GitRef) -> None:
        """Note that one application fewer follows this ref; forget it with the last one."""
        self.refs[ref] -= 1
        if not self.refs[ref]:
            del self.refs[ref]
            self.heads.pop(ref, None)
            self.targets.pop(ref, None)

    def close(self) -> None:
        """Let go of the files. Whoever still reads them keeps them, and holds up nobody."""
        if not self.reading.acquire(timeout=_READ_WITHIN_S):
            return
        try:
            self.trees.clear()
            if self.reader is not None:
                self.reader.close()
                self.reader = None
        finally:
            self.reading.release()


class Sources:
    """Polls every source that somebody follows, and tells which refs have news.

    ``connect`` opens a repository with the credentials of now. ``on_news`` hears the applications
    whose ref names another commit, or cannot be had any more, or again ("commit"), and those that
    asked for a poll ("requested"); ``on_poll`` how each poll went. Threads share it.
    """

    def __init__(
        self, connect: Callable[[SourceKey], Repository], *, stop: threading.Event,
        on_news: Callable[[Iterable[str], str], None],
        on_poll: Callable[[SourceKey, bool, float], None] = lambda *_: None,
        workers: int = 4,
    ) -> None:  # fmt: skip
        self._connect = connect
        self._stop = stop
        self._on_news = on_news
        self._on_poll = on_poll
        self._workers = workers
        self._queue = DelayQueue()
        self._lock = threading.Lock()
        self._sources: dict[str, _Source] = {}
        self._followed: dict[str, str] = {}

    def start(self) -> None:
        """Poll from now on, on threads of its own."""
        for number in range(self._workers):
            threading.Thread(target=self._work, name=f"git {number}", daemon=True).start()

    def close(self) -> None:
        """Let go of all files."""
        with self._lock:
            sources = list(self._sources.values())
        for source in sources:
            source.close()

    # --- who follows what --------------------------------------------------------------------

    def follow(self, application: Application) -> None:
        """Follow this application's ref from now on, and nothing else for it."""
        name, key = str(application), SourceKey.of(application)
        wanted = (application.source.ref, application.interval_s)
        with self._lock:
            left = self._leave(name, but=str(key))
            source = self._sources.setdefault(str(key), _Source(key))
            self._followed[name] = str(key)
            is_news = not source.refs[wanted[0]]
            source.refs[wanted[0]] += 1
            if name in source.followers:
                source.forgo(source.followers[name][0])
            source.followers[name] = wanted
        if left is not None:
            left.close()
        # Whoever makes an Application has often just pushed what it follows: ask, if the last
        # answer is not from just now. A thousand that come at once are asked for together.
        since_s = time.monotonic() - source.began_at
        after_s = 0.0 if is_news else max(0.0, _FOLLOWERS_EVERY_S - since_s)
        self._queue.add(str(key), after_s=after_s)

    def leave(self, name: str) -> None:
        """Follow nothing for this application any more."""
        with self._lock:
            left = self._leave(name)
        if left is not None:
            left.close()

    def _leave(self, name: str, *, but: str = "") -> _Source | None:
        """Take the application off what it follows; return the source that nobody follows now."""
        key = self._followed.get(name)
        if key is None or key == but:
            return None
        del self._followed[name]
        source = self._sources[key]
        source.forgo(source.followers.pop(name)[0])
        if source.followers:
            return None
        del self._sources[key]
        self._queue.discard(key)
        return source

    def followers(self, application: Application, *, but: str = "") -> list[str]:
        """Return who follows the same ref of the same source, without ``but``."""
        with self._lock:
            source = self._sources.get(str(SourceKey.of(application)))
            if source is None:
                return []
            ref = application.source.ref
            found = source.followers.items()
            return [name for name, (theirs, _) in found if theirs == ref and name != but]

    # --- asking ------------------------------------------------------------------------------

    def head(self, application: Application) -> Head:
        """Return what is known; neither revision nor error: it was not asked for yet."""
        with self._lock:
            source = self._sources.get(str(SourceKey.of(application)))
            return source.heads.get(application.source.ref, Head()) if source else Head()

    def tree(self, application: Application, revision: Revision) -> Tree:
        """Return the files of a revision; they may be read from any thread."""
        with self._lock:
            source = self._sources[str(SourceKey.of(application))]
        return _SharedTree(self, source, revision)

    def hint(self, matches: Callable[[str], bool]) -> int:
        """Ask the sources whose address matches now; return how many there are."""
        with self._lock:
            keys = [key for key, s in self._sources.items() if matches(s.key.url)]
        for key in keys:
            self._soon(key)
        return len(keys)

    def refresh(self, name: str) -> bool:
        """Ask the source of this application now, and tell it afterwards; False: it has none."""
        with self._lock:
            key = self._followed.get(name)
            if key is None:
                return False
            self._sources[key].asked.add(name)
        self._soon(key)
        return True

    def refresh_secret(self, namespace: str, secret: str) -> None:
        """Ask the sources that are read with this Secret now: it has changed."""
        with self._lock:
            keys = [
                k for k, s in self._sources.items() if s.key[1:] == (namespace, secret)
            ]  # fmt: skip
        for key in keys:
            self._soon(key)

    def _soon(self, key: str) -> None:
        source = self._sources.get(key)
        since_s = time.monotonic() - source.began_at if source else 0.0
        self._queue.add(key, after_s=max(0.0, _HINTS_EVERY_S - since_s))

    def ages(self) -> dict[SourceKey, float | None]:
        """Return how long ago, in seconds, each source answered last; None: never."""
        now = time.monotonic()
        with self._lock:
            return {
                s.key: None if s.succeeded_at is None else now - s.succeeded_at
                for s in self._sources.values()
            }

    def commits(self, key: SourceKey) -> dict[str, str]:
        """Return the commit that each ref of a source named last."""
        with self._lock:
            source = self._sources.get(str(key))
            heads = source.heads if source else {}
            return {str(ref): head.revision.commit for ref, head in heads.items() if head.revision}

    # --- reading -----------------------------------------------------------------------------

    def _open_tree(self, source: _Source, revision: Revision) -> Tree:
        """Return the tree of a commit; the caller holds ``source.reading``."""
        tree = source.trees.get(revision.commit)
        if tree is None:
            if source.reader is None:
                source.reader = self._connect(source.key)
            tree = source.trees[revision.commit] = source.reader.tree(revision)
        source.trees.move_to_end(revision.commit)
        while len(source.trees) > _TREES_KEPT:
            source.trees.popitem(last=False)
        return tree

    # --- polling -----------------------------------------------------------------------------

    def _work(self) -> None:
        while (found := self._queue.get(self._stop)) is not None:
            key, _ = found
            with self._lock:
                source = self._sources.get(key)
            if source is not None:
                self._poll(source)
                self._queue.add(key, after_s=self._pause_s(source))
            self._queue.done(key)

    @staticmethod
    def _pause_s(source: _Source) -> float:
        # Later than asked, never sooner: many sources of one interval spread.
        interval_s = source.interval_s * random.uniform(1.0, 1.1)  # noqa: S311
        if not source.failures:
            return interval_s
        retry_s = min(_RETRY_S * 2.0 ** min(source.failures - 1, 16), _RETRY_CAP_S)
        return min(retry_s, max(interval_s, _RETRY_CAP_S))

    def _poll(self, source: _Source) -> None:
        """Ask once for all refs that are followed; tell whose answer is another than before."""
        source.began_at = time.monotonic()
        with self._lock:
            asked, source.asked = source.asked, set()
            refs = list(dict.fromkeys(ref for ref, _ in source.followers.values()))
        before = dict(source.heads)
        found = self._heads(source, refs)
        is_good = any(head.error is None for head in found.values())
        source.failures = 0 if is_good else source.failures + 1
        if is_good:
            source.succeeded_at = time.monotonic()
        self._on_poll(source.key, is_good, time.monotonic() - source.began_at)
        with self._lock:
            source.heads.update({ref: head for ref, head in found.items() if ref in source.refs})
            news = {ref for ref, head in found.items() if _differs(before.get(ref), head)}
            names = [name for name, (ref, _) in source.followers.items() if ref in news]
        if names:
            self._on_news(names, "commit")
        if asked:
            self._on_news(asked, "requested")

    def _heads(self, source: _Source, refs: Sequence[GitRef]) -> dict[GitRef, Head]:
        found: dict[GitRef, Head] = {}
        try:
            with self._connect(source.key) as repository:
                # One ref is listed and fetched in one go; many are listed together first.
                listed = repository.targets(refs) if len(refs) > 1 else {}
                for ref in refs:
                    old = source.heads.get(ref, Head())
                    target = listed.get(ref)
                    is_known = old.revision is not None and old.error is None
                    if target and target == source.targets.get(ref) and is_known:
                        found[ref] = old
                        continue
                    found[ref] = _fetched(repository, ref, old)
                    if target and found[ref].error is None:
                        source.targets[ref] = target
        except PlumbError as error:
            return {ref: Head(source.heads.get(ref, Head()).revision, error) for ref in refs}
        except Exception as error:  # noqa: BLE001 - one odd repository must not end all polling
            bug = unexpected(error)
            return {ref: Head(source.heads.get(ref, Head()).revision, bug) for ref in refs}
        return found


def _fetched(repository: Repository, ref: GitRef, old: Head) -> Head:
    try:
        revision = repository.fetch(ref)
    except PlumbError as error:
        return Head(old.revision, error)
    if old.revision is not None and old.revision.commit == revision.commit:
        revision = old.revision
    return Head(revision)


def _differs(before: Head | None, after: Head) -> bool:
    if before is None or before.revision is not after.revision:
        return True
    return str(before.error) != str(after.error)


class _SharedTree:
    """engine.model.Tree that takes its source's lock for each look: handles are not shareable."""

    def __init__(self, sources: Sources, source: _Source, revision: Revision) -> None:
        self._sources = sources
        self._source = source
        self._revision = revision

    def entries(self, path: str) -> Sequence[TreeEntry]:
        with self._source.reading:
            return self._tree.entries(path)

    def find(self, path: str) -> TreeEntry | None:
        with self._source.reading:
            return self._tree.find(path)

    def read(self, path: str) -> bytes:
        with self._source.reading:
            return self._tree.read(path)

    @property
    def _tree(self) -> Tree:
        return self._sources._open_tree(self._source, self._revision)  # noqa: SLF001 - its part
