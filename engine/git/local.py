"""Repositories on this machine, read where they are: nothing is fetched, nothing is written."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from dulwich.errors import NotGitRepository
from dulwich.repo import Repo

from engine.errors import GitError
from engine.git import refs
from engine.git.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.git.deadline import Deadline
    from engine.git.refs import Target
    from engine.model import GitRef


class LocalRepository:
    """A repository at a path, bare or not. No hook, filter or program of its config ever runs."""

    def __init__(self, path: str, *, where: str) -> None:
        self._where = where
        self._repo = open_repo(path, where)
        self.objects = Objects(self._repo.object_store, where=where)

    def close(self) -> None:
        self.objects.close()
        self._repo.close()

    def targets(self, asked: Sequence[GitRef], deadline: Deadline) -> dict[GitRef, str]:
        """Return the id that each of these refs names now, where it is there."""
        found = {}
        for ref in asked:
            with contextlib.suppress(GitError):
                found[ref] = self.find(ref, deadline).id
        return found

    def find(self, ref: GitRef, deadline: Deadline) -> Target:
        """Return what a ref names now."""
        deadline.check()
        known = {
            bytes(name).decode("utf-8", "surrogateescape"): bytes(value).decode("ascii")
            for name, value in self._repo.refs.as_dict().items()
        }
        symrefs = {
            bytes(name).decode(): bytes(target).decode()
            for name, target in self._repo.refs.get_symrefs().items()
        }
        target = refs.find(ref, known, symrefs, where=self._where)
        if target is None:
            raise refs.missing(ref, known, where=self._where)
        if refs.is_commit_id(target.name) and not self.objects.has(target.id):
            raise refs.nowhere(target.id, where=self._where)
        return target


def open_repo(path: str, where: str) -> Repo:
    """Open the repository at a path; GitError says what is wrong with it."""
    folder = Path(path).expanduser()
    try:
        repo = Repo(str(folder))
    except NotGitRepository:
        raise _absent(folder, where) from None
    except OSError as error:
        raise GitError(
            "PLB202", "the repository cannot be opened", where=where,
            why=error.strerror or type(error).__name__,
        ) from error  # fmt: skip
    except Exception as error:  # its own config is input too
        raise GitError(
            "PLB228", "the repository is of a kind that Plumb cannot read", where=where,
            why=type(error).__name__,
        ) from error  # fmt: skip
    if repo.object_format.name != "sha1":
        repo.close()
        raise GitError("PLB228", "the repository uses SHA-256 ids", where=where,
                       hint="Plumb reads repositories with SHA-1 ids")  # fmt: skip
    return repo


def _absent(folder: Path, where: str) -> GitError:
    if not folder.exists():
        return GitError("PLB202", "there is no such folder", where=where, hint="correct the path")
    for parent in folder.absolute().parents:
        if (parent / ".git").exists():
            inside = folder.absolute().relative_to(parent)
            return GitError(
                "PLB202", "the folder is inside a repository, not its root", where=where,
                hint=f"name {parent} as the repository and {inside} as the path",
            )  # fmt: skip
    return GitError("PLB202", "the folder is no Git repository", where=where,
                    hint="name the folder that holds .git, or a bare repository")  # fmt: skip
