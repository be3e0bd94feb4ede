"""Git objects by id, checked: what is returned hashes to the id that was asked for.

Belongs here: reading and taking apart commits, tags and trees. Where objects come from is not
known here.
"""

from __future__ import annotations

import hashlib
import stat
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from dulwich.objects import ObjectID, parse_tree

from engine.errors import ExitCode, GitError
from engine.model import TreeEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from dulwich.objects import RawObjectID

Kind = Literal["commit", "tree", "blob", "tag"]

_NUMBERS: Final[dict[int, Kind]] = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
_UNPRINTABLE = {"Cc", "Cf", "Cs"}
_MAX_TAGS = 10  # tags of tags of tags ... followed
_ENTRY_KINDS: Final[dict[int, Literal["file", "folder", "symlink", "submodule"]]] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "symlink",
    0o160000: "submodule",
}


class DamageError(GitError):
    """An object that should be there is not, or is not what its id says."""


class GitContentError(GitError):
    """The repository was read; what it holds cannot be used. No fault of the connection."""

    exit_code = ExitCode.FAILURE


class ObjectStore(Protocol):
    """The part of dulwich's object stores that is needed."""

    def get_raw(self, name: RawObjectID | ObjectID, /) -> tuple[int, bytes]: ...

    def __contains__(self, name: ObjectID, /) -> bool: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class CommitText:
    """What a commit says, texts without control characters."""

    tree: str
    author: str
    subject: str
    committed_at: int


class Objects:
    """Reads one store. Not for several threads at once: dulwich's packs are not."""

    def __init__(self, store: ObjectStore, *, where: str) -> None:
        self._store: ObjectStore | None = store
        self._where = where

    def close(self) -> None:
        """Let go of the files; later reads raise DamageError."""
        if self._store is not None:
            self._store.close()
            self._store = None

    @property
    def is_open(self) -> bool:
        return self._store is not None

    def read(self, name: str, kind: Kind) -> bytes:
        """Return the object's content; DamageError unless it is there, whole and of that kind."""
        found, data = self.any(name)
        if found != kind:
            raise GitContentError(
                "PLB222", f"object {name[:10]} is a {found}, not a {kind}", where=self._where
            )
        return data

    def has(self, name: str) -> bool:
        """Whether the object is listed; whether it can be read is seen on reading it."""
        if self._store is None:
            return False
        try:
            return ObjectID(name.encode()) in self._store
        except Exception as error:  # noqa: BLE001 - damaged bytes surface as whatever dulwich meets
            reason = type(error).__name__
        raise self._unreadable(name, reason)

    def any(self, name: str) -> tuple[Kind, bytes]:
        """Return kind and content of an object, checked against its id."""
        if self._store is None:
            raise self._unreadable(name, "the repository is closed")
        reason = ""
        try:
            number, data = self._store.get_raw(ObjectID(name.encode()))
        except KeyError:
            reason = "it is missing"
        except Exception as error:  # noqa: BLE001 - as above
            reason = type(error).__name__
        # Raised out here on purpose: an error that is chained keeps dulwich's frames, those keep
        # views of a mapped pack, and a pack with views cannot be closed.
        if reason:
            raise self._unreadable(name, reason)
        kind = _NUMBERS.get(number)
        if kind is None or object_id(kind, data) != name:
            raise DamageError("PLB226", f"object {name} is damaged", where=self._where,
                              why="its content does not hash to its id")  # fmt: skip
        return kind, data

    def _unreadable(self, name: str, why: str) -> DamageError:
        return DamageError("PLB226", f"object {name} cannot be read", where=self._where, why=why)

    def peel(self, name: str) -> str:
        """Follow annotated tags to the commit; GitContentError when they end elsewhere."""
        current = name
        for _ in range(_MAX_TAGS):
            kind, data = self.any(current)
            if kind == "commit":
                return current
            if kind != "tag":
                raise GitContentError(
                    "PLB222", f"{name[:10]} names a {kind}, not a commit", where=self._where,
                    hint="let the branch or tag point to a commit",
                )  # fmt: skip
            current = _tagged(data)
        raise GitContentError(
            "PLB222", f"{name[:10]} is a tag of more than {_MAX_TAGS} tags", where=self._where
        )

    def commit(self, name: str) -> CommitText:
        """Return what a commit says."""
        parsed = parse_commit(self.read(name, "commit"))
        if parsed is None:
            raise GitContentError(
                "PLB225", f"commit {name[:10]} is malformed", where=self._where,
                why="its header is not as Git writes it",
            )  # fmt: skip
        return parsed


def object_id(kind: str, data: bytes) -> str:
    """Return the id that Git gives this content."""
    digest = hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()


def parse_commit(data: bytes) -> CommitText | None:
    """Read a commit's header strictly in Git's order; None when it is anything else.

    Strict, because a header with two `tree` lines is one commit to one reader and another to the
    next (as in dulwich before 1.2.20).
    """
    header, _, message = data.partition(b"\n\n")
    lines = header.split(b"\n")
    if not lines[0].startswith(b"tree ") or len(lines[0]) != 45:
        return None
    at = 1
    while at < len(lines) and lines[at].startswith(b"parent "):
        at += 1
    people = lines[at : at + 2]
    if len(people) != 2 or not people[0].startswith(b"author "):
        return None
    if not people[1].startswith(b"committer "):
        return None
    if any(line.startswith((b"tree ", b"parent ")) for line in lines[at + 2 :]):
        return None
    when = people[1].rsplit(b" ", 2)
    seconds = when[1] if len(when) == 3 and when[1].isdigit() and len(when[1]) < 15 else b"0"
    return CommitText(
        tree=lines[0][5:].decode("ascii", "replace"),
        author=printable(people[0][7:].rpartition(b">")[0] + b">"),
        subject=printable(message.lstrip().partition(b"\n")[0]),
        committed_at=int(seconds),
    )


def parse_entries(data: bytes, *, refuse: Callable[[str], GitError]) -> list[TreeEntry]:
    """Read a tree; ``refuse`` builds the error for one that could mislead somebody.

    Names that mean something to a file system or to Git are refused although nothing is ever
    written under them: what cannot be a file in a checkout is no file here either.
    """
    try:
        raw = list(parse_tree(data, 20, strict=True))
    except Exception as error:  # dulwich's Rust and Python parsers raise different things
        raise refuse("the folder is malformed") from error
    entries = []
    seen = set()
    for name, mode, sha in raw:
        kind = _ENTRY_KINDS.get(stat.S_IFMT(mode))
        try:
            text = name.decode()
        except UnicodeDecodeError:
            raise refuse(f"a name is not UTF-8: {name!r}") from None
        if kind is None:
            raise refuse(f"{printable(name)!r} has the unknown mode {mode:o}")
        if text in seen or text in {"", ".", ".."} or "/" in text or text.lower() == ".git":
            raise refuse(f"the name {printable(name)!r} is not allowed, or is there twice")
        seen.add(text)
        entries.append(TreeEntry(text, kind, sha.decode()))
    return entries


def printable(data: bytes | str, limit: int = 200) -> str:
    """Make text from outside fit for a terminal: no control or direction characters, not long."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    clean = "".join(
        " " if char in "\n\r\t" else "?" if unicodedata.category(char) in _UNPRINTABLE else char
        for char in text[: limit + 1]
    )
    return clean if len(clean) <= limit else clean[:limit] + "..."


def _tagged(data: bytes) -> str:
    first = data.partition(b"\n")[0]
    name = first[7:].decode("ascii", "replace")
    if not first.startswith(b"object ") or len(name) != 40:
        raise GitContentError("PLB225", "an annotated tag is malformed")
    return name
