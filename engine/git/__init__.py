"""Git: fetch a repository's objects, resolve a ref, read the files of a commit.

Objects only: no work tree, no git program, no process. What a repository holds can therefore touch
nothing but the cache folder, which is safe to delete at any time.
"""

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
