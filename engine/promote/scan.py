"""The values of a YAML or JSON file with the place of each in the text. Pure.

Belongs here: from text to a tree whose scalars know where they stand. Values that aliases and
merges repeat are one Leaf, so whoever changes it sees everything that changes along.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from engine.errors import ManifestError
from engine.parse import documents
from engine.parse.events import STRING_TAG, UNEXPECTED_COLON, mask_colons, reader
from engine.parse.limits import Chunk
from engine.parse.scalars import MERGE_TAG, key_of, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.model import JSON

BOM: Final = "\ufeff"
_SEPARATOR: Final = re.compile(r"^---(.*)$\n?", re.MULTILINE)
# Anchor and tag before a value, in any order, each followed by white space.
_PROPERTIES: Final = re.compile(r"(?:[&!][^\s,\[\]{}]*\s*)*")
_LONE_BANG: Final = re.compile(r"(?:&\S+\s+)?!(?:\s|$)")


@dataclass(eq=False, slots=True)
class Leaf:
    """A scalar. ``start`` and ``end`` are characters of the file's text without a BOM.

    What is between them is the value as written, quotes included, anchor and tag excluded.
    """

    value: str | int | float | bool | None
    start: int
    end: int
    style: str
    is_tagged: bool
    is_flow: bool


Node: TypeAlias = "Leaf | dict[str, Node] | list[Node]"


@dataclass(frozen=True, slots=True)
class Scan:
    """One file: its text without BOM, whether it had one, and its documents in order."""

    text: str
    has_bom: bool
    is_json: bool
    roots: tuple[Node, ...]
    bodies: tuple[JSON, ...]

    def encode(self, text: str) -> bytes:
        """Return a changed text as the bytes of the file."""
        return (BOM + text if self.has_bom else text).encode()


def scan(data: bytes, *, path: str) -> Scan:
    """Read a file; ManifestError where Kubernetes could not, or where places are not certain."""
    bodies = tuple(document.body for document in documents(data, path=path))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ManifestError("PLB302", "the text is not UTF-8", where=f"{path}:1:1") from error
    has_bom = text.startswith(BOM)
    text = text.removeprefix(BOM)
    is_json = _is_json(text)
    chunks = [(0, text)] if is_json else _chunks(text)
    roots = []
    for offset, chunk in chunks:
        root = _compose(offset, chunk, path)
        if root is not None and plain(root) is not None:
            roots.append(root)
    # Two readers, one meaning: else a place found by one could be another value to the other.
    if [plain(root) for root in roots] != list(bodies):
        raise ManifestError(
            "PLB810", "the file is written in a way that cannot be edited safely",
            where=f"{path}:1:1", why="two ways to read it do not agree",
            hint="write it as plain YAML documents that --- separates",
        )  # fmt: skip
    return Scan(text, has_bom, is_json, tuple(roots), bodies)


def plain(node: Node) -> JSON:
    """Return the JSON value of a node."""
    if isinstance(node, dict):
        return {key: plain(inner) for key, inner in node.items()}
    if isinstance(node, list):
        return [plain(inner) for inner in node]
    return node.value


def walk(node: Node, pointer: str = "") -> Iterator[tuple[str, Leaf]]:
    """Yield every scalar with its RFC 6901 pointer; one that is repeated comes several times."""
    if isinstance(node, Leaf):
        yield pointer, node
        return
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, inner in items:
        yield from walk(inner, f"{pointer}/{escape(str(key))}")


def escape(key: str) -> str:
    """Return a key as a JSON pointer has it."""
    return key.replace("~", "~0").replace("/", "~1")


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in {"{", "["}:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """Cut as kubectl does (engine.parse.stream), keeping where each piece begins."""
    start = 0
    for match in _SEPARATOR.finditer(text):
        if match.start() > start:
            yield start, text[start : match.start()]
            start = match.end()
    if start < len(text):
        # As there, or a block scalar at the end would read as another value.
        yield start, text[start:] + ("" if text.endswith("\n") else "\n")


def _compose(offset: int, text: str, path: str) -> Node | None:
    chunk = Chunk(text.encode(), path)
    # libyaml takes a byte order mark for none of its characters.
    offset += text.startswith(BOM)
    text = text.removeprefix(BOM)
    try:
        return _Composer(reader(chunk), offset, text).compose()
    except YAMLError as error:
        if getattr(error, "problem", "") != UNEXPECTED_COLON:
            raise _unreadable(path) from error
    try:
        return _Composer(reader(mask_colons(chunk)), offset, text).compose()
    except YAMLError as error:
        raise _unreadable(path) from error


def _unreadable(path: str) -> ManifestError:
    return ManifestError(
        "PLB810", "the file is written in a way that cannot be edited safely", where=f"{path}:1:1",
        why="it is JSON that is no YAML", hint="change it by hand",
    )  # fmt: skip


class _Composer:
    """One document. Depth and size were checked by the first reader, so recursion is safe."""

    def __init__(self, get: Callable[[], Any], offset: int, text: str) -> None:
        self._get = get
        self._offset = offset
        self._text = text
        self._anchors: dict[str | None, Node] = {}  # None: what has no anchor
        self._tagged: dict[int, tuple[str, str | None]] = {}  # a leaf's text and tag, for keys

    def compose(self) -> Node | None:
        self._get()
        if type(self._get()) is StreamEndEvent:
            return None
        return self._node(self._get(), is_flow=False)

    def _node(self, event: Any, *, is_flow: bool) -> Node:
        if type(event) is AliasEvent:
            return self._anchors[event.anchor]
        if type(event) is ScalarEvent:
            leaf = self._leaf(event, is_flow=is_flow)
            if event.anchor:
                self._anchors[event.anchor] = leaf
            return leaf
        is_flow = is_flow or bool(event.flow_style)
        if type(event) is MappingStartEvent:
            members: dict[str, Node] = {}
            self._anchors[event.anchor] = members
            self._fill(members, is_flow=is_flow)
            return members
        elements: list[Node] = []
        self._anchors[event.anchor] = elements
        while type(inner := self._get()) in _BEGINS:
            elements.append(self._node(inner, is_flow=is_flow))
        return elements

    def _fill(self, node: dict[str, Node], *, is_flow: bool) -> None:
        while type(event := self._get()) in _BEGINS:
            if self._is_merge(event):
                source = self._node(self._get(), is_flow=is_flow)
                for each in reversed(source) if isinstance(source, list) else [source]:
                    node.update(each if isinstance(each, dict) else {})
                continue
            key = self._node(event, is_flow=is_flow)
            text, tag = self._tagged[id(key)]
            node[key_of(text, tag)] = self._node(self._get(), is_flow=is_flow)

    @staticmethod
    def _is_merge(event: Any) -> bool:
        is_plain = type(event) is ScalarEvent and event.value == "<<"
        return is_plain and (event.implicit[0] or event.tag == MERGE_TAG)

    def _leaf(self, event: Any, *, is_flow: bool) -> Leaf:
        start, end = event.start_mark.index, event.end_mark.index
        is_plain, is_quoted = event.implicit
        tag = STRING_TAG if is_quoted else None if is_plain else str(event.tag)
        if tag is None and not event.style and _LONE_BANG.match(self._text, start, end + 1):
            tag = "!"
        properties = _PROPERTIES.match(self._text, start, end)
        begin = properties.end() if properties else start
        is_tagged = "!" in self._text[start:begin]
        leaf = Leaf(
            value_of(event.value, tag), self._offset + begin, self._offset + end,
            event.style or "", is_tagged, is_flow,
        )  # fmt: skip
        self._tagged[id(leaf)] = (event.value, tag)
        return leaf


_BEGINS: Final = (ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent)
