"""A Tree made of values: what GitTree promises, without Git."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal, TypeAlias

from engine.errors import PathNotFoundError
from engine.model import TreeEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

_Kind: TypeAlias = Literal["file", "folder", "symlink", "submodule"]


class MemoryTree:
    """Files by path; ``links`` are symbolic links and ``modules`` submodules, by path.

    ``reads`` lists what was listed, read and looked for ("?" behind it), in order, so that tests
    can see what was not.
    """

    def __init__(
        self,
        files: Mapping[str, bytes | str],
        *,
        links: Mapping[str, str] | None = None,
        modules: tuple[str, ...] = (),
        folders: tuple[str, ...] = (),
    ) -> None:
        self._files = {p: d.encode() if isinstance(d, str) else d for p, d in files.items()}
        self._folders: dict[str, dict[str, TreeEntry]] = {"": {}}
        self.reads: list[str] = []
        for path, data in self._files.items():
            self._add(path, "file", data)
        for path, target in (links or {}).items():
            self._add(path, "symlink", target.encode())
        for path in modules:
            self._add(path, "submodule", path.encode())
        for path in folders:
            self._add(path, "folder", path.encode())
            self._folders.setdefault(path, {})

    def _add(self, path: str, kind: _Kind, data: bytes) -> None:
        parent, _, name = path.rpartition("/")
        if parent not in self._folders:
            self._folders[parent] = {}
            self._add(parent, "folder", parent.encode())
        object_id = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        self._folders[parent][name] = TreeEntry(name, kind, object_id)

    def entries(self, path: str) -> list[TreeEntry]:
        """List a folder in Git's order: as if folders ended in a slash."""
        self.reads.append(path + "/")
        if path not in self._folders:
            raise PathNotFoundError("PLB223", f"path {path} does not exist")
        return self._listing(path)

    def find(self, path: str) -> TreeEntry | None:
        """Return the entry at this path, the root as a folder."""
        self.reads.append(path + "?")
        if not path:
            return TreeEntry("", "folder", self._id(""))
        parent, _, name = path.rpartition("/")
        return next((e for e in self._listing(parent) if e.name == name), None)

    def _listing(self, path: str) -> list[TreeEntry]:
        entries = self._folders.get(path, {}).values()
        named = (
            TreeEntry(e.name, e.kind, self._id(f"{path}/{e.name}".lstrip("/")))
            if e.kind == "folder"
            else e
            for e in entries
        )
        return sorted(named, key=lambda e: e.name + "/" * (e.kind == "folder"))

    def _id(self, folder: str) -> str:
        """Return what stands for everything below a folder, as in Git."""
        text = repr([(e.name, e.kind, e.id) for e in self._listing(folder)]).encode()
        return hashlib.sha1(text, usedforsecurity=False).hexdigest()

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        self.reads.append(path)
        if path not in self._files:
            raise PathNotFoundError("PLB223", f"path {path} does not exist")
        return self._files[path]
