"""Where desired state comes from: a repository, what to follow, a commit, its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class GitRef:
    """What to follow. ``kind`` "name" is a bare word from the command line: a branch, else a tag.

    "head" (``name`` empty) is the server's default branch; "semver" is a range over the tags.
    """

    kind: Literal["head", "branch", "tag", "semver", "commit", "name"] = "head"
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


@dataclass(frozen=True, slots=True)
class Source:
    """Where desired state comes from. ``url`` never holds credentials."""

    url: str
    ref: GitRef = GitRef()
    path: str = ""
    secret_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a Git server asks for; kept out of every repr, log and error."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ssh_key: bytes = field(default=b"", repr=False)
    ssh_passphrase: str = field(default="", repr=False)
    known_hosts: bytes = field(default=b"", repr=False)
    ca: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit that was fetched completely. ``ref`` is what it was found under, as in "main"."""

    commit: str
    tree: str
    ref: str = ""
    author: str = ""
    subject: str = ""
    committed_at: int = 0  # seconds since the epoch

    @property
    def short(self) -> str:
        return self.commit[:10]


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One name in a folder of a commit; ``id`` is the object id in hex.

    That of a folder stands for everything below it.
    """

    name: str
    kind: Literal["file", "folder", "symlink", "submodule"]
    id: str


class Tree(Protocol):
    """The files of one commit. Paths are relative, with "/", without a leading or trailing one.

    The root is "". Reading a missing path raises PathNotFoundError; an object that should be there
    and is not raises GitError: missing is never empty.
    """

    def entries(self, path: str) -> Sequence[TreeEntry]:
        """List the folder's entries in Git's order."""
        ...

    def find(self, path: str) -> TreeEntry | None:
        """Return the entry at this path, the root as a folder; None when nothing is there."""
        ...

    def read(self, path: str) -> bytes:
        """Return the file's content; a file above the size cap raises GitError."""
        ...
