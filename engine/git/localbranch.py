"""Branches of a repository on this machine: written where it is, by the same compare-and-swap.

No hook runs, as nothing of a repository ever does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dulwich.file import FileLocked
from dulwich.objects import ObjectID, ShaFile
from dulwich.refs import HEADREF, Ref

from engine.errors import GitDeniedError, GitError, RefusedError
from engine.git import refs as names
from engine.git.local import open_repo
from engine.git.objects import Objects
from engine.git.push import TYPES, overtaken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.git.commits import NewObject
    from engine.git.deadline import Deadline


class LocalBranch:
    """Branches of a repository at a path."""

    def __init__(self, path: str, *, where: str) -> None:
        self.where = where
        self._repo = open_repo(path, where)
        self.objects = Objects(self._repo.object_store, where=where)

    def close(self) -> None:
        self.objects.close()
        self._repo.close()

    def default(self, deadline: Deadline) -> str:
        deadline.check()
        target = self._repo.refs.get_symrefs().get(HEADREF, b"").decode("utf-8", "replace")
        if not target.startswith(names.HEADS):
            raise GitError(
                "PLB218", "the repository has no default branch", where=self.where,
                why="its HEAD names a commit", hint="name the branch",
            )  # fmt: skip
        return names.short(target)

    def tip(self, branch: str, deadline: Deadline) -> str | None:
        deadline.check()
        found = self._repo.refs.as_dict().get(_ref(branch))
        return None if found is None else bytes(found).decode("ascii")

    def need(self, ids: Iterable[str], deadline: Deadline) -> None:
        """Nothing to do: everything is here."""

    def past(
        self,
        branch: str,
        depth: int,  # noqa: ARG002 - everything is here
        *,
        trees: bool,  # noqa: ARG002 - as above
        deadline: Deadline,
    ) -> tuple[Objects, str | None]:
        return self.objects, self.tip(branch, deadline)

    def push(
        self, branch: str, old: str | None, objects: list[NewObject], deadline: Deadline
    ) -> None:
        ref = _ref(branch)
        if not self._repo.bare and self._repo.refs.get_symrefs().get(HEADREF) == ref:
            raise RefusedError(
                "PLB232", f"branch {branch} is checked out there", where=self.where,
                why="moving it would leave its files behind, and the next commit would undo this",
                hint="name a bare repository, or another branch with --branch",
            )  # fmt: skip
        try:
            for item in objects:
                made = ShaFile.from_raw_string(TYPES[item.kind], item.data)
                self._repo.object_store.add_object(made)
            deadline.check()
            new = ObjectID(objects[-1].id.encode())
            if old is None:
                is_done = self._repo.refs.add_if_new(ref, new)
            else:
                is_done = self._repo.refs.set_if_equals(ref, ObjectID(old.encode()), new)
        except FileLocked:
            is_done = False
        except OSError as error:
            raise GitDeniedError(
                "PLB231", f"branch {branch} cannot be written", where=self.where,
                why=error.strerror or type(error).__name__, hint="check the folder's permissions",
            ) from None  # fmt: skip
        if not is_done:
            raise overtaken(self.where, names.HEADS + branch, "another commit is there now")


def _ref(branch: str) -> Ref:
    return Ref((names.HEADS + branch).encode())
