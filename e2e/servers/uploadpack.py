"""The server's side of a Git fetch: protocol 2 of our own, versions 0 and 1 by dulwich.

Belongs here: from a repository and a request to an answer, whatever carries it (githttp, gitssh).
Protocol 2 is not in dulwich's server, and it is what GitHub, GitLab and the git program speak.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, cast

from dulwich.object_store import MissingObjectFinder
from dulwich.objects import Blob, Commit, ObjectID, Tag, Tree
from dulwich.pack import write_pack_from_container
from dulwich.protocol import Protocol, ReceivableProtocol, pkt_line
from dulwich.server import Backend, BackendRepo, UploadPackHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dulwich.repo import Repo

ADVERTISEMENT = (
    pkt_line(b"version 2\n")
    + pkt_line(b"agent=plumb-test-server\n")
    + pkt_line(b"ls-refs=unborn\n")
    + pkt_line(b"fetch=shallow filter\n")
    + pkt_line(b"object-format=sha1\n")
    + b"0000"
)
_SIDEBAND_BYTES = 65515


class OneRepository(Backend):
    """The backend that dulwich's handler asks, with one repository whatever the path."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo

    def open_repository(self, path: str) -> BackendRepo:  # noqa: ARG002 - dulwich's signature
        return cast("BackendRepo", self._repo)


def answer_v0(repo: Repo, request: bytes, *, advertise: bool) -> bytes:
    """Return what protocol 0 says to one stateless request: the refs (``advertise``) or a pack."""
    out = BytesIO()
    protocol = ReceivableProtocol(BytesIO(request).read, out.write)
    handler = UploadPackHandler(
        OneRepository(repo), ["/"], protocol, stateless_rpc=True, advertise_refs=advertise
    )
    if advertise:
        protocol.write_pkt_line(b"# service=git-upload-pack\n")
        protocol.write_pkt_line(None)
    handler.handle()
    return out.getvalue()


def converse_v0(repo: Repo, read: Callable[[int], bytes], write: Callable[[bytes], object]) -> None:
    """Protocol 0 over a connection that stays open."""

    def send(data: bytes) -> int:
        write(data)
        return len(data)

    protocol = ReceivableProtocol(read, send)
    UploadPackHandler(OneRepository(repo), ["/"], protocol).handle()


def converse_v2(repo: Repo, read: Callable[[int], bytes], write: Callable[[bytes], object]) -> None:
    """Protocol 2 over a connection that stays open, until the client hangs up."""
    write(ADVERTISEMENT)
    protocol = Protocol(read, lambda _: None)
    while not protocol.eof():
        answer = _answer(repo, protocol, pack=None)
        if not answer:
            return
        write(answer)
        if answer[4:8] == b"ERR ":
            return  # git dies of these


def answer_v2(repo: Repo, request: bytes, *, pack: bytes | None = None) -> bytes:
    """Return what protocol 2 says to one command; ``pack`` replaces the pack of a fetch."""
    return _answer(repo, Protocol(BytesIO(request).read, lambda _: None), pack=pack)


def _answer(repo: Repo, protocol: Protocol, *, pack: bytes | None) -> bytes:
    head = [line.rstrip(b"\n") for line in protocol.read_pkt_seq()]
    if not head:
        return b""
    arguments = [line.rstrip(b"\n") for line in protocol.read_pkt_seq()]
    if b"command=ls-refs" in head:
        return _refs(repo, arguments)
    return _pack(repo, arguments, pack=pack)


def _values(arguments: Iterable[bytes], word: bytes) -> list[bytes]:
    return [line[len(word) + 1 :] for line in arguments if line.startswith(word + b" ")]


def _refs(repo: Repo, arguments: Sequence[bytes]) -> bytes:
    prefixes = tuple(_values(arguments, b"ref-prefix"))
    symrefs = repo.refs.get_symrefs()
    lines = []
    for name, value in sorted(repo.get_refs().items()):
        if prefixes and not name.startswith(prefixes):
            continue
        line = value + b" " + name
        if name in symrefs:
            line += b" symref-target:" + symrefs[name]
        item = repo.object_store[value]
        while isinstance(item, Tag):
            peeled = item.object[1]
            item = repo.object_store[peeled]
            line += b" peeled:" + peeled if not isinstance(item, Tag) else b""
        lines.append(pkt_line(line + b"\n"))
    return b"".join(lines) + b"0000"


def _pack(repo: Repo, arguments: Sequence[bytes], *, pack: bytes | None) -> bytes:
    wants = [ObjectID(value) for value in _values(arguments, b"want")]
    haves = [ObjectID(value) for value in _values(arguments, b"have")]
    for want in wants:
        if want not in repo.object_store:
            return pkt_line(b"ERR upload-pack: not our ref " + want)
    answer = b"" if b"done" in arguments else _acknowledged(repo, haves)
    depth = int((_values(arguments, b"deepen") or [b"0"])[0])
    leave_out = (_values(arguments, b"filter") or [b""])[0]
    tips = [commit for want in wants if (commit := _commit(repo, want)) is not None]
    commits = _history(repo, tips, depth) if depth else {}
    if depth:
        edge = [each.id for each in commits.values() if not {*each.parents} <= commits.keys()]
        answer += pkt_line(b"shallow-info\n")
        answer += b"".join(pkt_line(b"shallow " + name) for name in edge) + b"0001"
    if pack is None:
        client_shallow = {ObjectID(value) for value in _values(arguments, b"shallow")}
        missing = _missing(repo, wants, haves, shallow=client_shallow, commits=commits)
        pack = _build(repo, _filtered(repo, missing, wants, leave_out))
    chunks = [pack[at : at + _SIDEBAND_BYTES] for at in range(0, len(pack), _SIDEBAND_BYTES)]
    answer += pkt_line(b"packfile\n") + pkt_line(b"\x02made by the test server\n")
    return answer + b"".join(pkt_line(b"\x01" + chunk) for chunk in chunks) + b"0000"


def _acknowledged(repo: Repo, haves: list[ObjectID]) -> bytes:
    """Tell a client that negotiates in rounds which of its commits are known, and go ahead."""
    known = [have for have in haves if have in repo.object_store]
    lines = [b"ACK " + have + b"\n" for have in known] or [b"NAK\n"]
    lines.append(b"ready\n")
    return b"".join(map(pkt_line, [b"acknowledgments\n", *lines])) + b"0001"


def _commit(repo: Repo, name: bytes) -> Commit | None:
    item = repo.object_store[ObjectID(name)]
    while isinstance(item, Tag):
        item = repo.object_store[item.object[1]]
    return item if isinstance(item, Commit) else None


def _history(repo: Repo, tips: list[Commit], depth: int) -> dict[bytes, Commit]:
    """Return the commits that are at most ``depth`` deep, the tips being 1 deep."""
    found: dict[bytes, Commit] = {}
    layer = tips
    for _ in range(depth):
        found |= {commit.id: commit for commit in layer}
        parents = {parent for commit in layer for parent in commit.parents} - found.keys()
        layer = [commit for name in parents if (commit := _commit(repo, name)) is not None]
    return found


def _missing(
    repo: Repo, wants: list[ObjectID], haves: list[ObjectID], *, shallow: set[ObjectID],
    commits: dict[bytes, Commit],
) -> list[ObjectID]:  # fmt: skip
    """List the objects to send: for a shallow fetch those of ``commits``, less what is known."""
    if not commits:
        ids = [want for want in wants if isinstance(repo.object_store[want], Blob)]
        rest = [want for want in wants if want not in ids]
        finder = MissingObjectFinder(repo.object_store, haves, rest, shallow=shallow)
        return [*ids, *(name for name, _ in finder)]
    known: set[bytes] = set()
    for have in haves:
        if have in repo.object_store and (commit := _commit(repo, have)) is not None:
            known.add(commit.id)
            _closure(repo, commit.tree, known)
    wanted: set[bytes] = set()
    for want in wants:
        item = repo.object_store[want]
        while isinstance(item, Tag):
            wanted.add(item.id)
            item = repo.object_store[item.object[1]]
    for commit in commits.values():
        wanted.add(commit.id)
        _closure(repo, commit.tree, wanted)
    return [ObjectID(name) for name in sorted(wanted - known)]


def _filtered(
    repo: Repo, names: list[ObjectID], wants: list[ObjectID], leave_out: bytes
) -> list[ObjectID]:
    """Leave out what the client's filter says, but never what it asked for by its id."""
    left_out = {b"blob:none": (Blob,), b"tree:0": (Blob, Tree)}.get(leave_out, ())
    store = repo.object_store
    return [name for name in names if name in wants or not isinstance(store[name], left_out)]


def _closure(repo: Repo, tree: bytes, into: set[bytes]) -> None:
    todo = [tree]
    while todo:
        name = todo.pop()
        if name in into:
            continue
        into.add(name)
        found = repo.object_store[ObjectID(name)]
        assert isinstance(found, Tree)
        for entry in found.items():
            if entry.mode == 0o040000:
                todo.append(entry.sha)
            elif entry.mode != 0o160000:
                into.add(entry.sha)


def _build(repo: Repo, names: list[ObjectID]) -> bytes:
    out = BytesIO()
    write_pack_from_container(
        out.write, repo.object_store, [(name, None) for name in names], repo.object_format
    )
    return out.getvalue()
