"""A rendering that is used again while everything it was made from is the same in Git.

A caller keeps one Rendered per application, source and path, as a value:

    rendering, memo = render_again(tree, path, None)     # the first time
    rendering, memo = render_again(tree, path, memo)     # at every other commit

``memo.holds(tree)`` alone says whether a commit touches the application. Asking costs the folders
on the way to the path, which one tree reads once for all its applications, and no file. The
objects are kept packed: some 200 bytes each.
"""

from __future__ import annotations

import pickle
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from engine.parse import Limits
from engine.render.rendering import Rendering, render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.model import Tree, TreeEntry

_FOLDER: Final = "folder"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendering, and what a tree has to have so that it is the rendering of that tree too.

    ``inputs`` tells what was found where: "" for nothing, "folder" where only that counted, else
    the kind and the object id. The id of a folder stands for everything below it.
    """

    path: str
    limits: Limits
    inputs: Mapping[str, str]
    _packed: bytes = field(repr=False)

    def holds(self, tree: Tree) -> bool:
        """Say whether rendering this tree would read the same."""
        return all(_found(tree.find(path), known) == known for path, known in self.inputs.items())

    @property
    def rendering(self) -> Rendering:
        """What was rendered; unpacked anew each time."""
        made: Rendering = pickle.loads(zlib.decompress(self._packed))  # noqa: S301 - our own bytes
        return made


def render_again(
    tree: Tree, path: str, memo: Rendered | None, *, limits: Limits | None = None
) -> tuple[Rendering, Rendered | None]:
    """Return what :func:`engine.render.render` returns or raises, and the memo for the next time.

    It is the same object as before when nothing changed, and None where nothing is to be kept:
    what a path that is missing says depends on all that is around it.
    """
    limits = limits or Limits()
    if memo is not None and (memo.path, memo.limits) == (path, limits) and memo.holds(tree):
        return memo.rendering, memo
    recording = Recording(tree)
    rendering = render(recording, path, limits=limits)
    if not rendering.found:
        return rendering, None
    packed = zlib.compress(pickle.dumps(rendering, pickle.HIGHEST_PROTOCOL), level=1)
    return rendering, Rendered(path, limits, recording.inputs, packed)


class Recording:
    """A tree that notes what is asked of it, also what is not there."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._inputs: dict[str, str] = {}

    @property
    def inputs(self) -> Mapping[str, str]:
        """What was found, without what lies in a folder that counts as a whole."""
        whole = {path for path, known in self._inputs.items() if known.startswith(f"{_FOLDER} ")}
        return {path: known for path, known in self._inputs.items() if not whole & _above(path)}

    def entries(self, path: str) -> Sequence[TreeEntry]:
        """List a folder; from now on all that is below it counts."""
        self._note(path, self._tree.find(path), is_whole=True)
        return self._tree.entries(path)

    def find(self, path: str) -> TreeEntry | None:
        """Return the entry. Who wants to know more of a folder than that it is one, lists it."""
        entry = self._tree.find(path)
        self._note(path, entry, is_whole=False)
        return entry

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        self._note(path, self._tree.find(path), is_whole=False)
        return self._tree.read(path)

    def _note(self, path: str, entry: TreeEntry | None, *, is_whole: bool) -> None:
        known = _found(entry, "" if is_whole else _FOLDER)
        if self._inputs.get(path, _FOLDER) == _FOLDER:
            self._inputs[path] = known


def _found(entry: TreeEntry | None, known: str) -> str:
    """Return an entry as it is noted; of a folder no more than ``known`` asks for."""
    if entry is None:
        return ""
    return _FOLDER if known == entry.kind == _FOLDER else f"{entry.kind} {entry.id}"


def _above(path: str) -> set[str]:
    """Return the folders in which this path lies."""
    parts = path.split("/")
    return {"/".join(parts[:depth]) for depth in range(len(parts))} if path else set()
