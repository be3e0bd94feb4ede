"""Commits and folders as values: read whole, changed, written. Pure: objects in, objects out.

Belongs here: what a commit says beside its tree, and new trees from old ones. Reading from a store
is in objects, sending to a server in push.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dulwich.objects import ObjectID, Tree

from engine.git.objects import object_id, parse_commit, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from engine.git.objects import Kind

_TRAILER: Final = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9-]*): (?P<value>.*)")
_LONGEST_MESSAGE: Final = 65_536  # bytes; what follows says nothing to a person
_FOLDER_MODE: Final = 0o040000
FILE_MODE: Final = 0o100644


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, texts without control characters; times in seconds since the epoch."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: str
    authored_at: int
    committed_at: int
    subject: str
    trailers: tuple[tuple[str, str], ...]

    @property
    def short(self) -> str:
        return self.id[:10]

    def values(self, key: str) -> list[str]:
        """Return what the trailers of this name say."""
        return [value for name, value in self.trailers if name.lower() == key.lower()]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a path names: a file, folder or anything else, with Git's mode."""

    mode: int
    id: str

    @property
    def is_folder(self) -> bool:
        return self.mode == _FOLDER_MODE


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object that a server does not have yet."""

    kind: Kind
    data: bytes

    @property
    def id(self) -> str:
        return object_id(self.kind, self.data)


def read_commit(name: str, data: bytes) -> Commit | None:
    """Take a commit apart; None when its header is not as Git writes it."""
    said = parse_commit(data)
    if said is None:
        return None
    header, _, message = data.partition(b"\n\n")
    lines = header.split(b"\n")
    parents = tuple(
        line[7:].decode("ascii", "replace") for line in lines if line.startswith(b"parent ")
    )
    author = next(line for line in lines if line.startswith(b"author "))
    when = author.rsplit(b" ", 2)
    is_time = len(when) == 3 and when[1].isdigit() and len(when[1]) < 15
    return Commit(
        id=name, tree=said.tree, parents=parents, author=said.author,
        authored_at=int(when[1]) if is_time else 0, committed_at=said.committed_at,
        subject=said.subject, trailers=_trailers(message[:_LONGEST_MESSAGE]),
    )  # fmt: skip


def _trailers(message: bytes) -> tuple[tuple[str, str], ...]:
    """Read the last paragraph, if it is one of trailers and not the subject."""
    paragraphs = re.split(r"\n\s*\n", message.decode("utf-8", "replace").strip())
    if len(paragraphs) < 2:
        return ()
    matches = [_TRAILER.fullmatch(line.rstrip("\r")) for line in paragraphs[-1].split("\n")]
    found = [(match["key"], printable(match["value"].strip(), 500)) for match in matches if match]
    return tuple(found) if len(found) == len(matches) else ()


def write_commit(
    tree: str, parents: Iterable[str], *, author: str, at: int, message: str,
    sign: Callable[[bytes], str] | None = None,
) -> NewObject:  # fmt: skip
    """Make a commit. ``author`` is "Name <mail>"; ``sign`` gives the armored signature of bytes."""
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"{role} {author} {at} +0000" for role in ("author", "committer")]
    header = "\n".join(lines).encode()
    body = b"\n\n" + message.rstrip("\n").encode() + b"\n"
    if sign is None:
        return NewObject("commit", header + body)
    signature = sign(header + body).strip().replace("\n", "\n ")
    return NewObject("commit", header + f"\ngpgsig {signature}".encode() + body)


def find(read: Callable[[str], bytes], root: str, path: str) -> Entry | None:
    """Return what a path names below a tree; the root itself for "". None when it is not there.

    ``read`` gives the content of a tree by its id.
    """
    entry = Entry(_FOLDER_MODE, root)
    for name in path.split("/") if path else ():
        if not entry.is_folder:
            return None
        folder = Tree.from_string(read(entry.id))
        if name.encode() not in folder:
            return None
        mode, sha = folder[name.encode()]
        entry = Entry(mode, bytes(sha).decode())
    return entry


def change(
    read: Callable[[str], bytes], root: str, changes: Mapping[str, Entry | None]
) -> tuple[str, list[NewObject]]:
    """Return a tree with these paths set, or removed where None, and the new trees it needs.

    A folder that is left empty goes away, as in Git; everything else keeps its id and its mode.
    """
    whole = changes.get("")
    if whole is not None:
        return whole.id, []
    parted = {tuple(path.split("/")): entry for path, entry in changes.items()}
    made: list[NewObject] = []
    tree = _changed(read, root, parted, made)
    if tree is None:
        made.append(NewObject("tree", b""))
        return made[-1].id, made
    return tree, made


def _changed(
    read: Callable[[str], bytes], name: str | None, changes: Mapping[tuple[str, ...], Entry | None],
    made: list[NewObject],
) -> str | None:  # fmt: skip
    folder = Tree.from_string(read(name)) if name else Tree()
    below: dict[bytes, dict[tuple[str, ...], Entry | None]] = {}
    for (first, *rest), entry in changes.items():
        key = first.encode()
        if rest:
            below.setdefault(key, {})[tuple(rest)] = entry
        elif entry is not None:
            folder.add(key, entry.mode, ObjectID(entry.id.encode()))
        elif key in folder:
            del folder[key]
    for key, inner in below.items():
        known = folder[key] if key in folder else None  # noqa: SIM401 - a Tree has no get
        is_folder = known is not None and known[0] == _FOLDER_MODE
        old = bytes(known[1]).decode() if known is not None and is_folder else None
        new = _changed(read, old, inner, made)
        if new is not None:
            folder.add(key, _FOLDER_MODE, ObjectID(new.encode()))
        elif is_folder:
            del folder[key]
    if not len(folder):
        return None
    tree = NewObject("tree", folder.as_raw_string())
    if tree.id != name:
        made.append(tree)
    return tree.id
