"""A clone on this machine as its owner works with it: revisions by name, remotes, history.

Nothing is fetched and nothing is written. What CI cloned too shallow is said with the very fetch
that is missing. Refs of servers are resolved in refs; here they are those of the clone.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Self

from dulwich.errors import NotGitRepository
from dulwich.objects import ObjectID
from dulwich.refs import Ref, check_ref_format
from dulwich.repo import Repo

from engine.errors import GitError
from engine.git.address import split_credentials
from engine.git.deadline import Deadline
from engine.git.folder import FolderTree
from engine.git.history import History
from engine.git.limits import Limits
from engine.git.local import LocalRepository
from engine.git.objects import DamageError, printable
from engine.git.refs import is_commit_id
from engine.git.tree import GitTree
from engine.model import Revision

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.git.objects import Objects
    from engine.model import GitRef

WORKTREE = "working folder"
_STEPS = re.compile(r"(?:[~^]\d*|\^\{commit\})*$")
_ABBREVIATED = re.compile(r"[0-9a-f]{4,39}")
_DEFAULT_LIMITS = Limits()


class Clone:
    """The repository around a folder. To be used by one thread."""

    def __init__(self, folder: Path, *, limits: Limits = _DEFAULT_LIMITS) -> None:
        """Open it; GitError when the folder is in none."""
        self._repo = _discover(folder)
        self.root = Path(self._repo.controldir() if self._repo.bare else self._repo.path).resolve()
        self._limits = limits
        self._local = LocalRepository(str(self.root), where=str(folder))
        self._objects: Objects = self._local.objects
        self.history = History(self._objects, _shallow(self._repo), self.advice)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all files."""
        self._local.close()
        self._repo.close()

    # --- remotes -----------------------------------------------------------------------------

    @property
    def remotes(self) -> dict[str, str]:
        """The addresses of the remotes by name, without credentials."""
        config = self._repo.get_config()
        found = {}
        for section in config.sections():
            if len(section) == 2 and section[0] == b"remote":
                try:
                    url = config.get(section, b"url").decode("utf-8", "replace")
                except KeyError:
                    continue
                found[section[1].decode("utf-8", "replace")] = split_credentials(url)[0]
        return found

    @property
    def remote(self) -> str:
        """The remote that a missing fetch would ask: origin, else the first one."""
        names = sorted(self.remotes)
        return "origin" if "origin" in names or not names else names[0]

    @property
    def _is_partial(self) -> bool:
        config = self._repo.get_config()
        sections = [s for s in config.sections() if len(s) == 2 and s[0] == b"remote"]
        return any(config.get_boolean(section, b"promisor", default=False) for section in sections)

    # --- revisions ---------------------------------------------------------------------------

    def revision(self, text: str) -> Revision:
        """Return the commit that a word names: HEAD, a branch, a tag, an id, with ~N and ^N.

        A branch that is only known from a remote may be written without the remote's name.
        """
        steps = _STEPS.search(text)
        name, walk = (text[: steps.start()], steps[0]) if steps else (text, "")
        found = self._named(name or "HEAD")
        if found is None:
            raise self._unknown(name)
        try:
            commit = self.history.step(self._objects.peel(found), walk, text=text)
            return self._described(commit, text)
        except DamageError as error:
            if self.history.boundary or self._is_partial:
                raise self.advice(
                    [found], what=f"revision {printable(text)} is not here"
                ) from error
            raise

    def resolve(self, ref: GitRef) -> Revision:
        """Return what an application's ref names in this clone."""
        match ref.kind:
            case "head":
                word = f"refs/remotes/{self.remote}/HEAD"
                return self.revision(word if self._read(word) else "HEAD")
            case "tag":
                return self.revision(f"refs/tags/{ref.name}")
            case "semver":
                target = self._local.find(ref, Deadline(60.0, where=str(self.root)))
                return self.revision(f"refs/tags/{target.name}")
            case _:
                return self.revision(ref.name)

    def merge_base(self, name: str, other: Revision) -> Revision:
        """Return the newest commit that both histories have."""
        one = self.revision(name)
        base = self.history.merge_base(one.commit, other.commit)
        if base is None:
            both = f"{printable(name)} and {other.ref or other.short}"
            raise GitError(
                "PLB243", f"{both} have no commit in common",
                where=str(self.root), why="their histories never met",
                hint="compare them with --base instead",
            )  # fmt: skip
        return self._described(base, f"merge base with {name}")

    def branch_of(self, text: str) -> str:
        """Return the branch that a word names, without its remote; "" when it is none."""
        for name in self._names(text):
            if not name.startswith(("refs/heads/", "refs/remotes/")) or self._read(name) is None:
                continue
            if name.startswith("refs/heads/"):
                return name.removeprefix("refs/heads/")
            return name.removeprefix("refs/remotes/").partition("/")[2]
        return ""

    def tree(self, revision: Revision) -> GitTree:
        """Return the files of a revision."""
        return GitTree(
            self._objects, revision.tree, where=str(self.root), limits=self._limits,
            heal=self._heal(revision),
        )  # fmt: skip

    def folder(self, *, with_ids: bool = False) -> FolderTree:
        """Return the files as they lie there, without those that .gitignore leaves out."""
        if self._repo.bare:
            raise GitError(
                "PLB240", "a bare repository has no working folder", where=str(self.root),
                hint="leave out --worktree",
            )  # fmt: skip
        return FolderTree(self.root, repository=self._repo, with_ids=with_ids)

    def _described(self, commit: str, text: str) -> Revision:
        said = self._objects.commit(commit)
        self._objects.read(said.tree, "tree")
        return Revision(
            commit=commit, tree=said.tree, ref="" if is_commit_id(text) else printable(text),
            author=said.author, subject=said.subject, committed_at=said.committed_at,
        )  # fmt: skip

    def _heal(self, revision: Revision) -> Callable[[Objects], Objects] | None:
        if not self._is_partial:
            return None

        # The other side is most likely HEAD, and its files are then missing too.
        wanted = " ".join(dict.fromkeys(filter(None, (revision.commit, self._read("HEAD")))))

        def refuse(_old: Objects) -> Objects:
            raise GitError(
                "PLB242", f"not all files of {revision.ref or revision.short} are here",
                where=str(self.root),
                why="the clone was made with a filter, and Plumb fetches nothing",
                hint=f"git fetch --refetch --no-filter {self.remote} {wanted}",
            )  # fmt: skip

        return refuse

    # --- names -------------------------------------------------------------------------------

    def _names(self, word: str) -> list[str]:
        """Return the refs that a word may mean, in Git's order, those of every remote last."""
        if word.startswith("refs/") or word in {"HEAD", "ORIG_HEAD"}:
            return [word]
        usual = [f"refs/tags/{word}", f"refs/heads/{word}", f"refs/remotes/{word}",
                 f"refs/remotes/{word}/HEAD"]  # fmt: skip
        return [*usual, *(f"refs/remotes/{remote}/{word}" for remote in sorted(self.remotes))]

    def _named(self, word: str) -> str | None:
        if word == "FETCH_HEAD":
            return self._fetched()
        found = [(name, commit) for name in self._names(word) if (commit := self._read(name))]
        both = [commit for name, commit in found if name.startswith(("refs/tags/", "refs/heads/"))]
        if len(set(both)) > 1 and len(both) > 1:
            raise GitError(
                "PLB219", f"{printable(word)} is a branch and a tag", where=str(self.root),
                hint=f"say which: refs/heads/{word} or refs/tags/{word}",
            )  # fmt: skip
        if found:
            return found[0][1]
        if is_commit_id(word):
            return word if self._objects.has(word) else None
        return self._abbreviated(word) if _ABBREVIATED.fullmatch(word) else None

    def _read(self, name: str) -> str | None:
        ref = Ref(name.encode("utf-8", "surrogateescape"))
        if not (check_ref_format(ref) or name in {"HEAD", "ORIG_HEAD"}):
            return None
        try:
            return self._repo.refs[ref].decode("ascii")
        except (KeyError, ValueError):
            return None

    def _fetched(self) -> str | None:
        try:
            text = (Path(self._repo.controldir()) / "FETCH_HEAD").read_text("utf-8", "replace")
        except OSError:
            return None
        return text[:40] if is_commit_id(text[:40]) else None

    def _abbreviated(self, word: str) -> str | None:
        store = self._repo.object_store
        found = {bytes(name).decode() for name in store.iter_prefix(word.encode())}
        commits = sorted(name for name in found if self._objects.any(name)[0] in {"commit", "tag"})
        if len(commits) > 1:
            raise GitError(
                "PLB244", f"{word} stands for {len(commits)} commits", where=str(self.root),
                why=", ".join(name[:12] for name in commits[:4]), hint="write more digits",
            )  # fmt: skip
        return commits[0] if commits else None

    # --- what is missing ---------------------------------------------------------------------

    def _unknown(self, word: str) -> GitError:
        remote, shown = self.remote, printable(word)
        if is_commit_id(word):
            fetched = word
        else:
            name = word.removeprefix(f"{remote}/")
            fetched = shlex.quote(f"+refs/heads/{name}:refs/remotes/{remote}/{name}")
        return GitError(
            "PLB241", f"there is no revision {shown} in this clone", where=str(self.root),
            why="it is no branch, tag or commit that was fetched",
            hint=f"if {remote} has it: git fetch --depth=1 {remote} {fetched}",
        )  # fmt: skip

    def advice(
        self, commits: list[str], *, deepen: int = 0, what: str = "this clone is too shallow"
    ) -> GitError:
        """Return the error for history that was not fetched, with the fetch that brings it."""
        depth = f"--deepen={deepen}" if deepen else "--unshallow"
        return GitError(
            "PLB242", what, where=str(self.root),
            why=f"its history ends at {', '.join(sorted(self.history.ends(commits)))}",
            hint=f"git fetch {depth} {self.remote} {' '.join(commits)}",
        )  # fmt: skip


def _discover(folder: Path) -> Repo:
    try:
        repo = Repo.discover(str(folder))
    except NotGitRepository:
        raise GitError(
            "PLB240", "there is no Git repository here", where=str(folder),
            hint="run this inside of a clone, or name one with --repo",
        ) from None  # fmt: skip
    except Exception as error:  # its own config is input too
        raise GitError(
            "PLB228", "the repository is of a kind that Plumb cannot read", where=str(folder),
            why=type(error).__name__,
        ) from error  # fmt: skip
    return repo


def _shallow(repo: Repo) -> frozenset[str]:
    return frozenset(ObjectID(name).decode("ascii") for name in repo.get_shallow())
