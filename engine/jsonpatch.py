"""RFC 6901 pointers and RFC 6902 patches as a Kubernetes API server understands them.

Belongs here: paths, applying, spelling. Which operations are needed is engine.merge's business.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

import jsonpatch
import jsonpointer
import orjson

from engine.errors import PatchError
from engine.model import ABSENT, JSON

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Go's encoding/json escapes these even inside plain strings, and the server compares texts.
_GO_ESCAPES = str.maketrans(
    {c: f"\\u{ord(c):04x}" for c in "&<>\u2028\u2029"},
)


def pointer(parts: Iterable[str]) -> str:
    """Return the RFC 6901 pointer of these parts; no parts point at the whole document."""
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in parts)


def parts(pointer: str) -> tuple[str, ...]:
    """Return the parts of an RFC 6901 pointer; raises ValueError for anything else."""
    if not pointer:
        return ()
    if not pointer.startswith("/"):
        raise ValueError("a JSON pointer starts with /")
    return tuple(p.replace("~1", "/").replace("~0", "~") for p in pointer[1:].split("/"))


def encode(operations: Sequence[JSON]) -> bytes:
    """Return the operations as JSON in Go's spelling: the server compares ``test`` values as text.

    Raw UTF-8, but ``& < >`` U+2028 and U+2029 as lower-case escapes (facts/json-patch.md).
    """
    try:
        text = orjson.dumps(operations).decode()
    except TypeError:
        # Numbers beyond 64 bits; the server refuses them in its own words.
        text = json.dumps(operations, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_GO_ESCAPES).encode("utf-8", "surrogatepass")


def apply(operations: Iterable[JSON], document: JSON) -> JSON:
    """Return what the API server would make of the document; the arguments stay as they are.

    Raises PatchError, which names operation and path and never a value. ``test`` compares types
    too (true is not 1), a ``test`` for null passes where there is nothing, and ``replace`` adds a
    key that is not there, as on the server (facts/json-patch.md).
    """
    result = copy.deepcopy(document)
    for number, operation in enumerate(operations):
        if operation["op"] == "test":
            _test(operation, result, number)
            continue
        try:
            step = {**operation, "op": _op(operation, result)}
            result = jsonpatch.JsonPatch([copy.deepcopy(step)]).apply(result, in_place=True)
        except (
            jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, LookupError, TypeError
        ):  # fmt: skip
            raise _failed(operation, number, "nothing there to change") from None
    return result


def find(document: JSON, path: Iterable[str]) -> JSON:
    """Return the value at these parts, or ABSENT when its place is there and holds nothing.

    Raises LookupError where even the place is missing: below an absent parent, past a list's end.
    """
    value = document
    for part in path:
        match value:
            case dict():
                value = value.get(part, ABSENT)
            case list():
                value = value[_index(part)]
            case _:
                raise LookupError(part)
    return value


def _op(operation: JSON, document: JSON) -> str:
    """Return what the operation comes to; raises LookupError where its place is not there."""
    op = str(operation["op"])
    if op == "replace" and find(document, parts(operation["path"])) is ABSENT:
        return "add"
    return op


def _test(operation: JSON, document: JSON, number: int) -> None:
    try:
        found = find(document, parts(operation["path"]))
    except LookupError:
        raise _failed(operation, number, "its place is not there") from None
    expected = operation["value"]
    if found is ABSENT and expected is None:
        return
    if found is ABSENT or not identical(found, expected):
        raise _failed(operation, number, "the value there is another one")


def identical(one: JSON, other: JSON) -> bool:
    """Say whether both are the same JSON text but for the order of keys: 1, 1.0 and true differ."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(identical(v, other[k]) for k, v in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(identical, one, other))
    return bool(one == other)


def _index(part: str) -> int:
    if not (part.isascii() and part.isdigit()) or (part[0] == "0" and part != "0"):
        raise LookupError(part)
    return int(part)


def _failed(operation: JSON, number: int, why: str) -> PatchError:
    # The library's own texts quote values, and values may be secret.
    return PatchError(
        "PLB590", f"operation {number} ({operation['op']}) cannot be applied",
        where=operation["path"], why=why, hint="read the object again and plan anew",
    )  # fmt: skip
