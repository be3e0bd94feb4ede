"""Texts that are made to cost: each is read in this process, and what it took is printed as JSON.

Run by test_hostile_input, in a process of its own so that memory can be measured.
"""

from __future__ import annotations

import gzip
import json
import resource
import sys
import time
import zlib
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import PlumbError
from engine.inventory import entry_from_json, head_from_json
from engine.kube.packing import unpack
from engine.model import Create
from engine.parse import documents
from engine.render import render
from engine.report.mask import redactor
from engine.settings import applications
from tests.trees import MemoryTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1 << 20
SIZE = 15 * MIB
OBJECT = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d}\n---\n"
ITEM = b"- {apiVersion: v1, kind: ConfigMap, metadata: {name: c%d}}\n"
JSON_ITEM = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c%d"}}'


def _times(unit: bytes) -> bytes:
    return unit * (SIZE // len(unit))


def _numbered(unit: bytes, count: int, joint: bytes = b"") -> bytes:
    return joint.join(unit % n for n in range(count))


def _blank_gibibyte() -> bytes:
    """Return a gibibyte of blanks, compressed: one block again and again."""
    deflate = zlib.compressobj(9, wbits=31)
    start = deflate.compress(b" " * MIB) + deflate.flush(zlib.Z_FULL_FLUSH)
    return start + (deflate.compress(b" " * MIB) + deflate.flush(zlib.Z_FULL_FLUSH)) * 1023


# Each makes its text when it is asked, so that it does not count as memory of another.
TEXTS: dict[str, Callable[[], bytes]] = {
    "anchored scalars": lambda: b"a: [" + _numbered(b"&a%d x", 400_000, b", ") + b"]\n",
    "anchored maps": lambda: b"a: [" + _numbered(b"&a%d {}", 400_000, b", ") + b"]\n",
    "many objects": lambda: _numbered(OBJECT, 20_000),
    "a long list": lambda: b"apiVersion: v1\nkind: List\nitems:\n" + _numbered(ITEM, 50_000),
    "a long list that fits": lambda: (
        b"apiVersion: v1\nkind: List\nitems:\n" + _numbered(ITEM, 35_000)
    ),
    "a long list on one line": lambda: (
        b'{"kind":"List","apiVersion":"v1","items":[' + _numbered(JSON_ITEM, 35_000, b",") + b"]}"
    ),
    "deep lists": lambda: b"[" * 200_000,
    "deep maps": lambda: b'{"a":' * 200_000,
    "deep indentation": lambda: b"".join(b" " * n + b"a:\n" for n in range(3000)),
    "a billion laughs": lambda: (
        b"a: &a [x]\n"
        + b"".join(
            b"%c: &%c [" % (n, n) + b",".join([b"*%c" % (n - 1)] * 9) + b"]\n"
            for n in range(ord("b"), ord("m"))
        )
    ),
    "numbers": lambda: b"a: [" + b"1," * 4_000_000 + b"1]\n",
    "JSON numbers": lambda: b'{"a":[' + b"1," * 4_000_000 + b"1]}",
    "a number of many digits": lambda: b'{"a":' + b"9" * SIZE + b"}",
    "a YAML number of many digits": lambda: b"a: " + b"9" * SIZE + b"\n",
    "a float of many digits": lambda: b"a: 0." + b"9" * SIZE + b"\n",
    "a sexagesimal": lambda: b"a: 1" + _times(b":59") + b"\n",
    "a long text": lambda: b'a: "' + b"x" * SIZE + b'"\n',
    "escapes": lambda: b'a: "' + _times(b"\\x41") + b'"\n',
    "lone surrogates": lambda: b'{"a":"' + _times(b"\\ud800") + b'"}',
    "a long JSON text": lambda: b'{"a":"' + b"x" * SIZE + b'"}',
    "JSON escapes": lambda: b'{"a":"' + _times(b"\\n") + b'"}',
    "comments": lambda: _times(b"#x\n"),
    "separators": lambda: _times(b"---\n"),
    "nulls": lambda: _times(b"null\n---\n"),
    "folded lines": lambda: b"a: >\n" + _times(b" x\n\n"),
    "flow maps": lambda: b"{" + _numbered(b"k%d: {}", 400_000, b",") + b"}\n",
    "one key again and again": lambda: b"{" + _times(b"a: 1,") + b"}\n",
    "tags": lambda: b"a: [" + b"!!int 1," * 390_000 + b"]\n",
    "directives": lambda: _times(b"%YAML 1.1\n---\na: b\n...\n"),
    "colons": lambda: b"a: [" + b"b:c," * 390_000 + b"]\n",
    "a key without end": lambda: b"? " + b"x" * SIZE,
    "quotes": lambda: _times(b"'"),
    "merges": lambda: (
        b"a: &a {" + _numbered(b"k%d: 1", 10_000, b",") + b"}\n" + b"b: {<<: *a}\n" * 15
    ),
    "merges of merges": lambda: (
        b"- &a0 {k: 1}\n" + b"".join(b"- &a%d {<<: *a%d}\n" % (n + 1, n) for n in range(60_000))
    ),
    "a stream of nulls": lambda: b"{} " + _times(b"null "),
    "a stream of numbers": lambda: b"{} " + _times(b"1 "),
    "a stream of texts": lambda: b"{} " + _times(b'"a" '),
    "a stream of maps": lambda: _times(b"{}"),
    "blanks behind JSON": lambda: b"{}" + _times("\u3000".encode()) + b"a: b\n",
    "zeros": lambda: b"\0" * SIZE,
    "bytes that are no UTF-8": lambda: b"{" + b"\xff" * SIZE,
    "tabs": lambda: _times(b"\t"),
    "too large": lambda: b"#" * (17 * MIB),
}
RECORDS: dict[str, Callable[[], bytes]] = {
    "a record that unpacks to a gibibyte": _blank_gibibyte,
    "a record of many entries": lambda: gzip.compress(
        b'{"version":1,"entries":[' + b"{}," * 5_000_000 + b"{}]}", 1
    ),
    "a record of many entries that fits": lambda: gzip.compress(
        b'{"version":1,"entries":[' + b'{"a":{"a":[]}},' * 99_000 + b"{}]}", 1
    ),
    "a deep record": lambda: gzip.compress(b'{"a":' * 300_000, 1),
    "a record of a number": lambda: gzip.compress(b'{"version":' + b"9" * 1_000_000 + b"}", 1),
}


def _read_text(data: bytes) -> None:
    for _ in documents(data, path="a.yaml"):
        pass


def _render(data: bytes) -> None:
    render(MemoryTree({"a.yaml": data}), "")


def _settings(data: bytes) -> None:
    applications(data, path="app.yaml", namespace="shop")


def _record(data: bytes) -> None:
    body = unpack({"binaryData": {"record": b64encode(data).decode()}}, 0)
    head_from_json(body)
    for entry in body.get("entries", ()):
        entry_from_json(entry, shard=0)


def _secret(value: bytes) -> bytes:
    return json.dumps({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
        "stringData": {"k": value.decode()},
    }).encode()  # fmt: skip


SECRETS: dict[str, Callable[[], bytes]] = {
    "a Secret of one long value": lambda: _secret(b"x/" * (MIB // 2)),
    "a Secret of many lines": lambda: _secret(_numbered(b"line%d", 90_000, b"\n")),
    "a Secret of lines that start alike": lambda: _secret(_numbered(b"secret%d", 2000, b"\n")),
}


def _masked(data: bytes) -> None:
    """Look for the values in what a server might say about a thousand objects."""
    manifests = render(MemoryTree({"a.yaml": data}), "").manifests
    safe = redactor([Create(manifest, manifest.body) for manifest in manifests])
    for number in range(1000):
        safe(f"Deployment.apps/shop/web-{number} was denied: no secret of line may be here")


# What ends early as a manifest, and what is worth a try as settings.
_STREAMS = ("a stream", "a number", "separators", "nulls", "directives", "comments", "escapes")
_SETTINGS = ("anchored maps", "a long list on one line", "a long text", "folded lines")


def _cases() -> Iterator[tuple[str, Callable[[bytes], None], bytes]]:
    for name, make in TEXTS.items():
        data = make()
        if name.startswith(_STREAMS):
            yield f"{name}, read", _read_text, data
        else:
            yield f"{name}, rendered", _render, data
        if name in _SETTINGS:
            yield f"{name}, as settings", _settings, data
    for name, make in RECORDS.items():
        yield name, _record, make()
    for name, make in SECRETS.items():
        yield f"{name}, masked", _masked, make()


def _peak_mib(*, anew: bool = False) -> float:
    """Return the most memory that this process had, ``anew``: from now on, where Linux can."""
    if not _STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if anew:
        _CLEAR.write_text("5")
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")

# What the yardstick takes on one core of 2025 that nothing else shares.
_YARDSTICK_S = 0.03
_TRIES = 3


def _slowness() -> float:
    """Return how many times slower than that this core is right now, others on it included."""
    began_s = time.process_time()
    sum(n & 7 for n in range(500_000))
    return max(1.0, (time.process_time() - began_s) / _YARDSTICK_S)


def _measured(reader: Callable[[bytes], None], data: bytes) -> tuple[float, Any]:
    """Return the seconds of processor time that it took, and the error that came of it."""
    began_s = time.process_time()
    try:
        reader(data)
        said: Any = None
    except (PlumbError, ValueError) as error:
        said = str(error)
    return time.process_time() - began_s, said


def main() -> None:
    """Print one line of JSON for each case, while it goes on; the best try of a few counts."""
    for name, reader, data in _cases():
        before_mib = _peak_mib(anew=True)
        took_s, said = _measured(reader, data)
        mib = _peak_mib() - before_mib
        for _ in range(_TRIES - 1):
            if took_s <= 1.0:
                break
            slowness = _slowness()
            took_s = min(took_s, _measured(reader, data)[0] / slowness)
        sys.stdout.write(json.dumps({
            "name": name, "seconds": took_s, "mib": mib, "size": len(data), "said": said,
        }) + "\n")  # fmt: skip


if __name__ == "__main__":
    main()
