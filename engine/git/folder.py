"""The files of a folder as they lie there, for a look before the commit. Reads, never follows.

A Tree like that of a commit: the same names are refused, links are not followed, and what
.gitignore leaves out (and Git does not track) is not there.
"""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING, Literal

from engine.errors import GitError, PathNotFoundError
from engine.git.objects import GitContentError, object_id, printable
from engine.model import TreeEntry

if TYPE_CHECKING:
    from pathlib import Path

    from dulwich.repo import Repo

_Kind = Literal["file", "folder", "symlink", "submodule"]
_MODES: dict[_Kind, str] = {
    "file": "100644", "folder": "40000", "symlink": "120000", "submodule": "160000",
}  # fmt: skip


class FolderTree:
    """A folder on disk. ``with_ids`` gives entries the ids that Git would give them.

    That means reading every file; without, ids are "". What is read is what lies there then.
    """

    def __init__(
        self, root: Path, *, repository: Repo | None = None, with_ids: bool = False,
        file_bytes: int = 10 << 20,
    ) -> None:  # fmt: skip
        self._root = root
        self._with_ids = with_ids
        self._file_bytes = file_bytes
        self._ignored = _Ignored(repository) if repository is not None else None
        self._folders: dict[str, list[TreeEntry]] = {}

    def entries(self, path: str) -> list[TreeEntry]:
        """Return the folder's entries in Git's order; PathNotFoundError when it is no folder."""
        known = self._folders.get(path)
        if known is None:
            kind = self._kind(path)
            if kind != "folder":
                raise self._absent(path, kind, "a folder")
            known = self._folders[path] = self._list(path)
        return known

    def find(self, path: str) -> TreeEntry | None:
        """Return the entry at this path, the root as a folder; None when nothing is there."""
        if not path:
            return TreeEntry("", "folder", self.id if self._with_ids else "")
        parent, _, name = path.rpartition("/")
        if self._kind(parent) != "folder":
            return None
        return next((entry for entry in self.entries(parent) if entry.name == name), None)

    def read(self, path: str) -> bytes:
        """Return a file's content; PathNotFoundError when it is not there or is no file."""
        kind = self._kind(path)
        if kind != "file":
            raise self._absent(path, kind, "a file")
        try:
            size = (self._root / path).stat().st_size
            if size > self._file_bytes:
                raise GitContentError(
                    "PLB216", f"{printable(path)} is too large", where=str(self._root),
                    why=f"{size} bytes, the cap is {self._file_bytes}", hint="split the file",
                )  # fmt: skip
            return (self._root / path).read_bytes()
        except OSError as error:
            raise _unreadable(self._root / path, error) from None

    @property
    def id(self) -> str:
        """The id that Git would give the folder; needs ``with_ids``."""
        return self._hash(self.entries(""), "")

    def _list(self, path: str) -> list[TreeEntry]:
        base = f"{path}/" if path else ""
        try:
            with os.scandir(self._root / path) as found:
                raw = [(entry.name, _kind_of(entry)) for entry in found if entry.name != ".git"]
        except OSError as error:
            raise _unreadable(self._root / path, error) from None
        kept: list[TreeEntry] = []
        for name, kind in raw:
            at = base + name
            if kind is None or (self._ignored and self._ignored(at, is_folder=kind == "folder")):
                continue
            identity = self._identity(at, kind) if self._with_ids else ""
            if identity is not None:
                kept.append(TreeEntry(name, kind, identity))
        return sorted(kept, key=_git_order)

    def _identity(self, path: str, kind: _Kind) -> str | None:
        """Return the id of one entry; None for a folder without files, which Git does not see."""
        if kind == "folder":
            entries = self.entries(path)
            return self._hash(entries, path) if entries else None
        if kind == "submodule":
            return "0" * 40
        try:
            place = self._root / path
            data = os.fsencode(place.readlink()) if kind == "symlink" else place.read_bytes()
        except OSError as error:
            raise _unreadable(self._root / path, error) from None
        return object_id("blob", data)

    def _hash(self, entries: list[TreeEntry], path: str) -> str:
        lines = b"".join(
            f"{self._mode(path, entry)} {entry.name}".encode() + b"\0" + bytes.fromhex(entry.id)
            for entry in entries
        )
        head = b"tree %d\0" % len(lines)
        return hashlib.sha1(head + lines, usedforsecurity=False).hexdigest()

    def _mode(self, path: str, entry: TreeEntry) -> str:
        if entry.kind == "file":
            place = self._root / path / entry.name
            return "100755" if place.stat().st_mode & stat.S_IXUSR else "100644"
        return _MODES[entry.kind]

    def _kind(self, path: str) -> _Kind | None:
        """Return what a path is, looking at every part of it without following links."""
        at = self._root
        parts = path.split("/") if path else []
        for index, part in enumerate(parts):
            if part in {"", ".", ".."} or part.lower() == ".git":
                return None
            at /= part
            try:
                mode = at.lstat().st_mode
            except (OSError, ValueError):
                return None
            if stat.S_ISLNK(mode):
                return "symlink" if index == len(parts) - 1 else None
            if index < len(parts) - 1 and not stat.S_ISDIR(mode):
                return None
            if index == len(parts) - 1 and not stat.S_ISDIR(mode):
                return "file" if stat.S_ISREG(mode) else None
        return "folder"

    def _absent(self, path: str, kind: _Kind | None, wanted: str) -> PathNotFoundError:
        shown = printable(path) or "/"
        if kind is None:
            return PathNotFoundError(
                "PLB223", f"path {shown} does not exist", where=str(self._root),
                hint="correct the path",
            )  # fmt: skip
        return PathNotFoundError(
            "PLB224", f"path {shown} is a {kind}, not {wanted}", where=str(self._root)
        )


class _Ignored:
    """What Git would not add to a commit."""

    def __init__(self, repository: Repo) -> None:
        from dulwich.ignore import IgnoreFilterManager  # noqa: PLC0415 - only needed for a folder

        self._rules = IgnoreFilterManager.from_repo(repository)
        self._tracked: set[str] = set()
        for raw in repository.open_index():
            path = raw.decode("utf-8", "surrogateescape")
            self._tracked.add(path)
            while "/" in path:
                path = path.rpartition("/")[0]
                self._tracked.add(path)

    def __call__(self, path: str, *, is_folder: bool) -> bool:
        if path in self._tracked:
            return False
        return self._rules.is_ignored(f"{path}/" if is_folder else path) is True


def _kind_of(entry: os.DirEntry[str]) -> _Kind | None:
    if entry.is_symlink():
        return "symlink"
    if entry.is_dir(follow_symlinks=False):
        inside = os.path.lexists(os.path.join(entry.path, ".git"))  # noqa: PTH118 - hot
        return "submodule" if inside else "folder"
    return "file" if entry.is_file(follow_symlinks=False) else None


def _git_order(entry: TreeEntry) -> bytes:
    return os.fsencode(entry.name + "/" * (entry.kind == "folder"))


def _unreadable(place: Path, error: OSError) -> GitError:
    return GitError(
        "PLB245", "the file cannot be read", where=str(place), why=error.strerror or "",
        hint="check its permissions",
    )  # fmt: skip
