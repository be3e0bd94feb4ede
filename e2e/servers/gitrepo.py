"""Bare Git repositories for tests and the demo, made with dulwich from values, on objects only.

Belongs here: making commits, branches and tags. Serving them is githttp.py and gitssh.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tag, Tree
from dulwich.refs import HEADREF, Ref
from dulwich.repo import Repo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_MODE = 0o100644
FOLDER_MODE = 0o040000
SYMLINK_MODE = 0o120000
SUBMODULE_MODE = 0o160000
FIRST_COMMIT_AT = 1_700_000_000  # seconds since the epoch; each commit is a minute after the last


class TestRepository:
    """A bare repository at ``path``; its clock is made up: equal input gives equal commit ids."""

    __test__ = False  # not a test class, whatever its name says

    def __init__(self, path: Path, *, default_branch: str = "main") -> None:
        self.path = path
        if (path / "objects").is_dir():
            self.repo = Repo(str(path))
        else:
            path.mkdir(parents=True, exist_ok=True)
            self.repo = Repo.init_bare(str(path))
            self.repo.refs.set_symbolic_ref(HEADREF, _branch(default_branch))
        self._default_branch = default_branch
        self._now = FIRST_COMMIT_AT

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.repo.close()

    def commit(
        self,
        files: Mapping[str, str | bytes | None],
        *,
        message: str = "Change files",
        branch: str = "",
        author: str = "Ada <ada@example.org>",
    ) -> str:
        """Commit to ``branch``: add or replace ``files``, delete those that are None; the new id.

        A folder left empty goes away, as in Git. All other files stay as they are.
        """
        name = _branch(branch or self._default_branch)
        parent = self.repo.refs.as_dict().get(name)
        if parent is None and branch:
            parent = self.repo.refs.as_dict().get(HEADREF)
        changes = {
            tuple(path.split("/")): content.encode() if isinstance(content, str) else content
            for path, content in files.items()
        }
        root = self._with(self._root_of(parent), changes)
        commit = self.commit_tree(root or Tree(), parent, message=message, author=author)
        self.repo.refs[name] = ObjectID(commit.encode())
        return commit

    def commit_tree(
        self, tree: Tree, parent: ObjectID | None = None, *, message: str = "Change files",
        author: str = "Ada <ada@example.org>",
    ) -> str:  # fmt: skip
        """Commit a tree as it is, hostile or not; no ref points to the new id yet."""
        self._now += 60
        commit = Commit()
        commit.tree = self.add(tree)
        commit.parents = [parent] if parent else []
        commit.author = commit.committer = author.encode()
        commit.author_time = commit.commit_time = self._now
        commit.author_timezone = commit.commit_timezone = 0
        commit.encoding = b"UTF-8"
        commit.message = message.encode()
        return self.add(commit).decode()

    def add(self, item: ShaFile) -> ObjectID:
        """Store an object as it is; its id."""
        self.repo.object_store.add_object(item)
        return item.id

    def blob(self, data: bytes) -> ObjectID:
        """Store a blob; its id."""
        return self.add(Blob.from_string(data))

    def branch(self, name: str, commit: str) -> None:
        """Point a branch to a commit, wherever it stood before (a force-push)."""
        self.repo.refs[_branch(name)] = ObjectID(commit.encode())

    def delete_branch(self, name: str) -> None:
        del self.repo.refs[_branch(name)]

    def tag(self, name: str, commit: str, *, message: str = "") -> str:
        """Set a tag, annotated when it has a message; return the id that the ref then holds."""
        target = ObjectID(commit.encode())
        if message:
            tag = Tag()
            tag.name = name.encode()
            tag.object = (type(self.repo.object_store[target]), target)
            tag.tagger = b"Ada <ada@example.org>"
            tag.tag_time, tag.tag_timezone = self._now, 0
            tag.message = message.encode()
            target = self.add(tag)
        self.repo.refs[Ref(b"refs/tags/" + name.encode())] = target
        return target.decode()

    def default(self, branch: str) -> None:
        """Let HEAD name this branch, there or not."""
        self.repo.refs.set_symbolic_ref(HEADREF, _branch(branch))
        self._default_branch = branch

    def head(self, branch: str = "") -> str:
        """Return the id of the newest commit of a branch."""
        name = _branch(branch or self._default_branch)
        return bytes(self.repo.refs[name]).decode()

    def _root_of(self, commit: ObjectID | None) -> Tree | None:
        if commit is None:
            return None
        found = self.repo.object_store[commit]
        assert isinstance(found, Commit)
        return self._tree(found.tree)

    def _tree(self, name: ObjectID) -> Tree:
        found = self.repo.object_store[name]
        assert isinstance(found, Tree)
        return found

    def _with(
        self, tree: Tree | None, changes: Mapping[tuple[str, ...], bytes | None]
    ) -> Tree | None:
        """Return the tree with these files set or removed; None when nothing is left in it."""
        changed = Tree()
        for entry in tree.items() if tree else ():
            changed.add(entry.path, entry.mode, entry.sha)
        below: dict[bytes, dict[tuple[str, ...], bytes | None]] = {}
        for (first, *rest), data in changes.items():
            name = first.encode()
            if rest:
                below.setdefault(name, {})[tuple(rest)] = data
            elif data is not None:
                changed.add(name, FILE_MODE, self.blob(data))
            elif name in changed:
                del changed[name]
        for name, inner in below.items():
            is_folder = name in changed and changed[name][0] == FOLDER_MODE
            folder = self._with(self._tree(changed[name][1]) if is_folder else None, inner)
            if folder is not None:
                changed.add(name, FOLDER_MODE, self.add(folder))
            elif is_folder:
                del changed[name]
        return changed if len(changed) else None


def _branch(name: str) -> Ref:
    return Ref(b"refs/heads/" + name.encode())
