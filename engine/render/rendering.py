"""From a path of a commit to its objects: which format it is in, and what all formats share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import PathNotFoundError, SettingsError
from engine.parse import Limits
from engine.render.files import Found, find_files, lone_file
from engine.render.plain import read_manifests

if TYPE_CHECKING:
    from engine.model import Manifest, Tree


@dataclass(frozen=True, slots=True)
class Rendering:
    """Desired objects in the order of their files, and the files that were read.

    ``found`` is False when the path is not in the commit, and ``missing`` then says what is there;
    a folder without manifests is found.
    """

    manifests: tuple[Manifest, ...]
    files: tuple[str, ...]
    found: bool = True
    missing: str = ""


def render(tree: Tree, path: str, *, limits: Limits | None = None) -> Rendering:
    """Return what the folder or file at ``path`` asks for.

    Raises ManifestError for the first bad place in path order, with all further ones in ``others``;
    SettingsError for a path that no commit can have; GitError where Git's objects cannot be read.
    """
    at = normal_path(path)
    try:
        tree.entries(at)
    except PathNotFoundError as error:
        if not lone_file(tree, at):
            return Rendering((), (), found=False, missing=str(error))
        found = Found((at,))
    else:
        found = find_files(tree, at)
    manifests = read_manifests(tree, found, limits=limits or Limits())
    return Rendering(tuple(manifests), found.files)


def normal_path(path: str) -> str:
    """Return the path as Git spells it, "" for the root; SettingsError where it leads astray."""
    shown = "".join(c if c.isprintable() else "\ufffd" for c in path)
    if shown != path:
        why, hint = "it holds control characters", "write it with printable characters"
    elif "\\" in path:
        why, hint = "it holds a backslash", "separate folders with /"
    elif path.startswith("/"):
        why, hint = "it is absolute", "write it relative to the root of the repository"
    elif ".." in path.split("/"):
        why, hint = "it leads upwards with ..", "write it from the root of the repository"
    else:
        return "/".join(part for part in path.split("/") if part not in {"", "."})
    raise SettingsError("PLB344", f'the path "{shown}" cannot be in a commit', why=why, hint=hint)
