"""Git: fetch a repository's objects, resolve a ref, read the files of a commit.

Objects only: no work tree, no git program, no process. What a repository holds can therefore touch
nothing but the cache folder, which is safe to delete at any time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.git.address import split_credentials
    from engine.git.branch import Branches
    from engine.git.folder import FolderTree
    from engine.git.limits import Limits
    from engine.git.objects import DamageError, GitContentError
    from engine.git.repository import Repository
    from engine.git.tree import GitTree

__all__ = [
    "Branches",
    "DamageError",
    "FolderTree",
    "GitContentError",
    "GitTree",
    "Limits",
    "Repository",
    "split_credentials",
]

_PLACES = {
    "Branches": "branch", "DamageError": "objects", "FolderTree": "folder",
    "GitContentError": "objects", "GitTree": "tree", "Limits": "limits",
    "Repository": "repository", "split_credentials": "address",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import what is asked for: reading a clone must not pay for HTTP and SSH."""
    if name not in _PLACES:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"engine.git.{_PLACES[name]}"), name)
