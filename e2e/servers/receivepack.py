"""The server's side of a Git push, for whatever carries it (githttp, gitssh).

Not dulwich's own: that one says "ok" also when the branch was elsewhere, and what is tested here is
that nobody's push is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

from dulwich.file import FileLocked
from dulwich.objects import ObjectID
from dulwich.protocol import Protocol, pkt_line
from dulwich.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Callable

    from dulwich.repo import Repo

_CAPABILITIES: Final = b"report-status side-band-64k ofs-delta agent=plumb-test-server"
_ABSENT: Final = b"0" * 40


@dataclass(slots=True)
class Rules:
    """How pushes are met. ``refuse`` is a hook's words; ``before`` runs between look and push."""

    refuse: str = ""
    before: Callable[[], object] | None = None


def advertisement(repo: Repo) -> bytes:
    """Return the refs as a server lists them before a push."""
    refs = sorted(repo.get_refs().items())
    lines = [value + b" " + name for name, value in refs if name != b"HEAD"]
    lines = lines or [_ABSENT + b" capabilities^{}"]
    lines[0] += b"\0" + _CAPABILITIES
    return b"".join(pkt_line(line + b"\n") for line in lines) + b"0000"


def answer(repo: Repo, request: bytes, rules: Rules) -> bytes:
    """Take one push, and return what the server says of it."""
    return _take(repo, BytesIO(request).read, rules)


def converse(
    repo: Repo, recv: Callable[[int], bytes], write: Callable[[bytes], object], rules: Rules
) -> None:
    """Hold a push over a connection; ``recv`` gives what there is, b"" at its end."""
    write(advertisement(repo))
    said = _take(repo, recv, rules)
    if said:
        write(said)


def _take(repo: Repo, recv: Callable[[int], bytes], rules: Rules) -> bytes:
    def read(size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0 and (part := recv(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    protocol = Protocol(read, lambda _: None)
    lines = [line.partition(b"\0")[0].strip() for line in protocol.read_pkt_seq()]
    if not lines:
        return b""
    if rules.before is not None:
        rules.before()
    repo.object_store.add_thin_pack(read, recv)
    report = [b"unpack ok\n"]
    for line in lines:
        old, new, name = line.split(b" ", 2)
        trouble = rules.refuse or _move(repo, Ref(name), ObjectID(old), ObjectID(new))
        report.append(b"ng " + name + b" " + trouble.encode() if trouble else b"ok " + name)
        report[-1] += b"\n"
    inner = b"".join(pkt_line(line) for line in report) + b"0000"
    noise = pkt_line(b"\x02remote says hello\n")
    return noise + pkt_line(b"\x01" + inner) + b"0000"


def _move(repo: Repo, name: Ref, old: ObjectID, new: ObjectID) -> str:
    """Move a ref if it is where the client thinks; else say why not, in Git's words."""
    try:
        if old == _ABSENT:
            is_done = repo.refs.add_if_new(name, new)
        else:
            is_done = repo.refs.set_if_equals(name, old, new)
    except FileLocked:
        return "failed to update ref"
    return "" if is_done else "fetch first"
