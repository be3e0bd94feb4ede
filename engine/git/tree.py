"""The files of one commit, read straight from Git's objects. Nothing is ever checked out."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from engine.errors import PathNotFoundError
from engine.git.objects import DamageError, GitContentError, parse_entries, printable
from engine.model import TreeEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.git.limits import Limits
    from engine.git.objects import Kind, Objects

_NEAREST_SHOWN = 6


class GitTree:
    """A Tree of one commit. Folders are read once; to be used by one thread, like its Repository.

    ``heal`` takes the objects that raised a DamageError, as when somebody deleted the cache, and
    gives others; it is asked once per object.
    """

    def __init__(
        self, objects: Objects, root: str, *, where: str, limits: Limits,
        heal: Callable[[Objects], Objects] | None = None,
    ) -> None:  # fmt: skip
        self._objects = objects
        self._root = root
        self._where = where
        self._limits = limits
        self._heal = heal
        self._folders: dict[str, dict[str, TreeEntry]] = {}
        self._listed = 0

    def entries(self, path: str) -> list[TreeEntry]:
        """Return the folder's entries in Git's order; PathNotFoundError when it is no folder."""
        return list(self._folder(path).values())

    def find(self, path: str) -> TreeEntry | None:
        """Return the entry at this path, the root as a folder; None when nothing is there."""
        if not path:
            return TreeEntry("", "folder", self._root)
        try:
            return self._find(path)[1]
        except PathNotFoundError:
            return None

    def read(self, path: str) -> bytes:
        """Return a file's content; PathNotFoundError when it is not there or is no file."""
        parent, entry = self._find(path)
        if entry is None:
            raise self._absent(path, parent)
        if entry.kind != "file":
            raise self._other(path, entry, "a file")
        data = self._object(entry.id, "blob")
        if len(data) > self._limits.blob_bytes:
            raise GitContentError(
                "PLB216", f"{printable(path)} is too large", where=self._where,
                why=f"{len(data)} bytes, the cap is {self._limits.blob_bytes}",
                hint="split the file, or raise the cap on one file",
            )  # fmt: skip
        return data

    def _folder(self, path: str) -> dict[str, TreeEntry]:
        known = self._folders.get(path)
        if known is not None:
            return known
        if not path:
            return self._open("", self._root)
        parent, entry = self._find(path)
        if entry is None:
            raise self._absent(path, parent)
        if entry.kind != "folder":
            raise self._other(path, entry, "a folder")
        return self._open(path, entry.id)

    def _find(self, path: str) -> tuple[str, TreeEntry | None]:
        """Return the folder above a path, and the entry itself if it is there."""
        parent, _, name = path.rpartition("/")
        folder = self._folder(parent)
        return parent, None if path.startswith("/") else folder.get(name)

    def _open(self, path: str, name: str) -> dict[str, TreeEntry]:
        def refuse(why: str) -> GitContentError:
            return GitContentError(
                "PLB225", f"the folder {printable(path) or '/'} cannot be used", where=self._where,
                why=why, hint="remove the entry from Git",
            )  # fmt: skip

        entries = parse_entries(self._object(name, "tree"), refuse=refuse)
        # Counted by path, not by object: ten folders that hold the same folder ten times, ten
        # levels deep, are ten objects and ten billion paths.
        self._listed += len(entries)
        if self._listed > self._limits.tree_entries:
            raise GitContentError(
                "PLB216", "the commit holds too many files", where=self._where,
                why=f"more than {self._limits.tree_entries} entries were listed",
                hint="name a narrower path, or raise the cap on entries",
            )  # fmt: skip
        folder = {entry.name: entry for entry in entries}
        self._folders[path] = folder
        return folder

    def _object(self, name: str, kind: Kind) -> bytes:
        try:
            return self._objects.read(name, kind)
        except DamageError:
            if self._heal is None:
                raise
        self._objects = self._heal(self._objects)
        return self._objects.read(name, kind)

    def _absent(self, path: str, parent: str) -> PathNotFoundError:
        names = list(self._folders[parent])
        name = path.rpartition("/")[2]
        close = difflib.get_close_matches(name, names, n=1)
        shown = ", ".join(printable(n) for n in names[:_NEAREST_SHOWN]) or "nothing"
        more = ", ..." if len(names) > _NEAREST_SHOWN else ""
        above = f"{parent}/" if parent else ""
        near = printable(above + close[0]) if close else ""
        return PathNotFoundError(
            "PLB223", f"path {printable(path)} does not exist", where=self._where,
            why=f"the nearest folder, {printable(parent) or '/'}, holds {shown}{more}",
            hint=f"did you mean {near}?" if near else "correct the path",
        )  # fmt: skip

    def _other(self, path: str, entry: TreeEntry, wanted: str) -> PathNotFoundError:
        hint = "name its folder" if entry.kind == "file" else "put the content there itself"
        return PathNotFoundError(
            "PLB224", f"path {printable(path)} is a {entry.kind}, not {wanted}", where=self._where,
            why="" if entry.kind in {"file", "folder"} else f"a {entry.kind} is not followed",
            hint="name a file in it" if entry.kind == "folder" else hint,
        )  # fmt: skip
