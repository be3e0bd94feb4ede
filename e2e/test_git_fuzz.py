"""Whatever bytes a Git server sends, the fetch ends in the right commit or in an error of ours.

Mutated answers of a real server, drawn by hypothesis: packs (with a checksum that fits, so that
what lies behind it is reached), pkt-lines, refs. PLUMB_FUZZ=5000 looks longer.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from e2e.faults.lane import Fault, Lane
from e2e.faults.proxy import GitProxy
from e2e.servers.githttp import GitHttpServer
from e2e.servers.gitrepo import TestRepository
from engine.errors import GitError
from engine.git import Limits, Repository
from engine.model import GitRef

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.faults.lane import Exchange
    from e2e.faults.wire import Request, Response

Mutation: TypeAlias = Callable[[bytes], bytes]

README = b"# Config\n"
EXAMPLES = int(os.environ.get("PLUMB_FUZZ", "60"))
fuzz = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES <= 60, database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
WITHIN_S = 5.0


class Server:
    """A real Git server behind a proxy that changes its answers."""

    def __init__(self, proxy: GitProxy, folder: Path) -> None:
        self._lane = Lane("fuzz")
        self._folder = folder
        self._count = 0
        self.ends: Counter[bool] = Counter()
        self.url = f"{proxy.add(self._lane)}/config.git"

    def fetch(self, step: str, mutate: Mutation) -> None:
        """Fetch with a fresh cache while one kind of answer is mutated, and judge what comes."""
        self._count += 1
        cache = self._folder / f"cache-{self._count}"

        def edit(_: Request, response: Response) -> Response:
            return replace(response, body=mutate(response.body))

        def decide(exchange: Exchange) -> Fault | None:
            return Fault("edit", edit=edit) if exchange.label == step else None

        self._lane.begin(decide)
        began = time.monotonic()
        self._judge(cache, may_fail=True)
        assert time.monotonic() - began < WITHIN_S
        self._lane.begin()
        self._judge(cache, may_fail=False)
        assert list(cache.rglob("incoming-*")) == []

    def _judge(self, cache: Path, *, may_fail: bool) -> None:
        limits, failed = Limits(timeout_s=4, unpacked_bytes=1 << 26, object_bytes=1 << 24), None
        with Repository(self.url, cache_dir=cache, limits=limits) as repository:
            try:
                tree = repository.tree(repository.fetch(GitRef("branch", "main")))
                content = tree.read("README.md")
            except GitError as error:
                failed = error
        self.ends[bool(failed)] += 1
        if failed is not None:
            assert may_fail, failed
            assert failed.code.startswith("PLB2"), failed
        else:
            assert content == README


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("fuzz")
    with TestRepository(folder / "git" / "fuzz" / "config.git") as repository:
        repository.commit({"apps/web.yaml": "kind: ConfigMap\n" * 50, "apps/b.yaml": "b: 1\n"})
        repository.commit({"README.md": README, "apps/web.yaml": "kind: ConfigMap\n" * 51})
        with (
            GitHttpServer(folder / "git") as git,
            GitProxy(f"127.0.0.1:{git.port}") as proxy,
        ):
            made = Server(proxy, folder)
            yield made
            assert made.ends[True] > made.ends.total() / 10, "most mutations did no harm at all"


# --- mutations ---------------------------------------------------------------------------------

_PLACES = st.floats(0, 1, exclude_max=True)
_NOISE = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([
        b"0000", b"0001", b"0002", b"0003", b"0004", b"0005", b"ffff", b"fff0", b"-001", b"PACK",
        b"\x00", b"\x01", b"\x02", b"\x03", b"ERR no\n", b"0008ERR ", b"packfile\n", b"refs/",
        b"shallow " + b"0" * 40, b"\xff" * 8, b"\n", b" ", b"/../", b"NAK\n",
    ]),
)  # fmt: skip
_EDITS = st.lists(
    st.tuples(_PLACES, st.sampled_from(["put", "insert", "drop", "cut", "twice"]), _NOISE),
    min_size=1, max_size=4,
)  # fmt: skip


def changed(data: bytes, edits: list[tuple[float, str, bytes]]) -> bytes:
    """Return the bytes with these edits, one after another."""
    for place, kind, noise in edits:
        at = int(place * len(data))
        match kind:
            case "put":
                data = data[:at] + noise + data[at + len(noise) :]
            case "insert":
                data = data[:at] + noise + data[at:]
            case "drop":
                data = data[:at] + data[at + 1 + len(noise) :]
            case "twice":
                data = data[:at] + data[max(0, at - 40) :]
            case _:
                data = data[:at]
    return data


def lines_of(data: bytes) -> list[bytes]:
    """Return the pkt-lines of an honest answer, each with its length."""
    lines, at = [], 0
    while at < len(data):
        size = max(4, int(data[at : at + 4], 16))
        lines.append(data[at : at + size])
        at += size
    return lines


def reordered(data: bytes, picks: list[tuple[float, float, str]]) -> bytes:
    """Return an answer whose lines were swapped, dropped, doubled or emptied."""
    lines = lines_of(data)
    for first, second, kind in picks:
        a, b = int(first * len(lines)), int(second * len(lines))
        match kind:
            case "swap":
                lines[a], lines[b] = lines[b], lines[a]
            case "drop":
                del lines[a]
            case "twice":
                lines.insert(b, lines[a])
            case _:
                lines[a] = b"0004"
        if not lines:
            break
    return b"".join(lines)


_PICKS = st.lists(
    st.tuples(_PLACES, _PLACES, st.sampled_from(["swap", "drop", "twice", "empty"])),
    min_size=1, max_size=3,
)  # fmt: skip


def with_pack(data: bytes, mutate: Mutation) -> bytes:
    """Return an answer with another pack in it, whose checksum fits what it holds."""
    lines = lines_of(data)
    start = lines.index(b"000dpackfile\n") + 1
    pack = b"".join(line[5:] for line in lines[start:] if line[4:5] == b"\x01")
    body = mutate(pack[:-20])
    pack = body + hashlib.sha1(body, usedforsecurity=False).digest()
    parts = [b"\x01" + pack[at : at + 900] for at in range(0, len(pack), 900)]
    made = [f"{len(part) + 4:04x}".encode() + part for part in parts]
    return b"".join([*lines[:start], *made, b"0000"])


# --- laws --------------------------------------------------------------------------------------


@fuzz
@given(_EDITS)
def test_any_pack_with_a_checksum_that_fits(
    server: Server, edits: list[tuple[float, str, bytes]]
) -> None:
    server.fetch("git pack", lambda data: with_pack(data, lambda pack: changed(pack, edits)))


@fuzz
@given(st.sampled_from(["git pack", "git refs", "git advertisement"]), _EDITS)
def test_any_bytes(server: Server, step: str, edits: list[tuple[float, str, bytes]]) -> None:
    server.fetch(step, lambda data: changed(data, edits))


@fuzz
@given(st.sampled_from(["git pack", "git refs", "git advertisement"]), _PICKS)
def test_any_order_of_lines(
    server: Server, step: str, picks: list[tuple[float, float, str]]
) -> None:
    server.fetch(step, lambda data: reordered(data, picks))


_IDS = st.one_of(
    st.sampled_from([b"0" * 40, b"f" * 40, b"g" * 40, b"A" * 40, b"", b"0" * 64, b"\xff" * 40]),
    st.binary(max_size=50),
)
_NAMES = st.one_of(
    st.sampled_from([
        b"refs/heads/main", b"refs/heads/../../etc", b"refs/heads/main^{}", b"HEAD", b"", b"refs",
        b"refs/heads/main peeled:" + b"1" * 40, b"refs/heads/main symref-target:refs/heads/main",
        b"refs/heads/\xff\xfe", b"refs/heads/a\x00b", b"refs/heads/" + b"x" * 5000,
    ]),
    st.binary(max_size=60),
)  # fmt: skip


@fuzz
@given(st.lists(st.tuples(_IDS, _NAMES), max_size=4))
@example([(b"0" * 40, b"refs/heads/main")])
@example([(b"A" * 40, b"refs/heads/main")])
def test_any_refs(server: Server, refs: list[tuple[bytes, bytes]]) -> None:
    lines = [name_ + b"\n" for name_ in (id_ + b" " + name for id_, name in refs)]
    made = b"".join(f"{len(line) + 4:04x}".encode() + line for line in lines) + b"0000"
    server.fetch("git refs", lambda _: made)
