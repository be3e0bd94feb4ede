"""One YAML document from the events of libyaml, without recursion.

Belongs here: containers, keys, anchors, merges and the limits on them. Scalars are read in
scalars, the cutting of a stream into documents in stream. ruamel's own constructor is slower and
reads YAML 1.2; Kubernetes reads something near 1.1 (go-yaml 2).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from engine.parse.events import STRING_TAG, UNEXPECTED_COLON, mask_colons, parts, reader
from engine.parse.scalars import AMBIGUOUS, MERGE_TAG, key_of, value_of

if TYPE_CHECKING:
    from engine.errors import ManifestError
    from engine.model import JSON
    from engine.parse.limits import Chunk, Limits

# What the next node is to its container: an element, a key, a map to merge, else a key's value.
_ELEMENT: Final = object()
_KEY: Final = object()
_MERGE: Final = object()

_UNSURE: Final = AMBIGUOUS | {"<"}
# Ports, replicas and flags come again and again; long texts do not and would stay in memory.
_REMEMBERED: Final = 2000
_LONG: Final = 40
_key_of: Final = lru_cache(_REMEMBERED)(key_of)
_value_of: Final = lru_cache(_REMEMBERED)(value_of)

_LONE_BANG: Final = re.compile(r"(?:&\S+\s+)?!(?:\s|$)")


class _Anchor(NamedTuple):
    """What an alias stands for: a scalar as written, or a container with its size."""

    text: str | None = None
    tag: str | None = None
    body: JSON = None
    nodes: int = 1
    height: int = 0
    is_open: bool = False


class _Opened(NamedTuple):
    """An anchored container that is still being read."""

    depth: int
    anchor: str
    mark: _Anchor
    nodes: int
    deepest: int


class Composed(NamedTuple):
    """A document, its first line (from 1), its text, and how many nodes aliases repeat in it."""

    body: JSON
    line: int
    chunk: Chunk
    expanded: int


def compose(chunk: Chunk, limits: Limits) -> Composed | None:
    """Read the first document of the chunk; None if there is none. Raises ManifestError."""
    try:
        return _compose(chunk, limits)
    except YAMLError as error:
        if getattr(error, "problem", "") != UNEXPECTED_COLON:
            raise syntax_error(chunk, error) from None
    # go-yaml takes what libyaml refuses here; such words are rare, so only now is a copy made.
    if chunk.data.count(b":") > limits.nodes:
        raise chunk.error("PLB304", 0, f"the document has more than {limits.nodes} colons")
    masked = mask_colons(chunk)
    try:
        return _compose(masked, limits)
    except YAMLError as error:
        raise syntax_error(masked, error) from None


def _compose(chunk: Chunk, limits: Limits) -> Composed | None:
    if b"\\/" in chunk.data:
        _refuse_escaped_slash(chunk)
    return _Composer(chunk, limits).compose()


class _Composer:
    """The state of reading one document."""

    def __init__(self, chunk: Chunk, limits: Limits) -> None:
        self._chunk = chunk
        self._limits = limits
        self._next = reader(chunk)
        self._stack: list[tuple[Any, Any]] = []
        self._banged = chunk.text if b"!" in chunk.data else ""
        self._anchors: dict[str, _Anchor] = {}
        self._opened: list[_Opened] = []
        self._merged: dict[int, set[str]] = {}  # by depth: keys that only a merge has set
        self._expanded = 0
        self._deepest = 0

    def compose(self) -> Composed | None:
        self._next()  # the start of the stream
        if type(self._next()) is StreamEndEvent:
            return None
        first = self._next()
        body = self._read(first)
        self._next()  # the end of the document, or what is wrong with it
        line = self._chunk.line + first.start_mark.line + 1
        return Composed(body, line, self._chunk, self._expanded)

    def _read(self, event: Any) -> JSON:  # noqa: C901, PLR0912 - hot: one loop over local names
        get, limit, stack = self._next, self._limits.nodes, self._stack
        root: list[JSON] = []
        container: Any = root
        slot: Any = _ELEMENT
        nodes = 0
        while True:
            kind = type(event)
            if kind is ScalarEvent:
                nodes += 1
                value = event.value
                plain, quoted = event.implicit
                if (
                    event.anchor
                    or (not quoted and (value[:1] in _UNSURE or not plain))
                ):  # fmt: skip
                    value = self._scalar(event, is_key=slot is _KEY)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                nodes += 1
                if slot is _KEY or event.anchor or len(stack) >= self._deepest:
                    self._enter(event, nodes, is_key=slot is _KEY)
                stack.append((container, slot))
                container, slot = ({}, _KEY) if kind is MappingStartEvent else ([], _ELEMENT)
                event = get()
                continue
            elif kind is AliasEvent:
                value = self._alias(event, is_key=slot is _KEY)
                nodes += self._anchors[event.anchor].nodes
            else:
                value = container
                if self._opened or self._merged:
                    self._leave(value, nodes)
                container, slot = stack.pop()
            if slot is _KEY:
                if value in container:
                    self._repeat(event, value)
                slot = value
            elif slot is _ELEMENT:
                container.append(value)
                if container is root:
                    break
            elif slot is _MERGE:
                self._merge(event, container, value)
                slot = _KEY
            else:
                container[slot] = value
                slot = _KEY
            if nodes > limit:
                break
            event = get()
        if nodes > limit:
            raise self._too_many(event)
        return root[0]

    # --- containers

    def _enter(self, event: Any, nodes: int, *, is_key: bool) -> None:
        """Check a container that is deeper than any before it, anchored, or in a key's place."""
        if is_key:
            raise self._bad_key(event)
        depth = len(self._stack) + 1
        if depth > self._limits.depth:
            raise self._too_deep(event)
        if event.anchor:
            self._count_anchors(event)
            mark = self._anchors[event.anchor] = _Anchor(is_open=True)
            self._opened.append(_Opened(depth, event.anchor, mark, nodes - 1, self._deepest))
            self._deepest = depth
        else:
            self._deepest = max(self._deepest, depth)

    def _leave(self, body: JSON, nodes: int) -> None:
        """Close the books on a container that was anchored or merged into."""
        depth = len(self._stack)
        self._merged.pop(depth, None)
        if self._opened and self._opened[-1].depth == depth:
            opened = self._opened.pop()
            # Unless the name was given away inside: the anchor that began last counts.
            if self._anchors[opened.anchor] is opened.mark:
                self._anchors[opened.anchor] = _Anchor(
                    body=body, nodes=nodes - opened.nodes, height=self._deepest - depth + 1
                )
            self._deepest = max(self._deepest, opened.deepest)

    def _repeat(self, event: Any, key: str) -> None:
        """Accept a key again where only a merge has set it, else raise the error of duplicates."""
        merged = self._merged.get(len(self._stack), set())
        if key in merged:
            merged.discard(key)
            return
        raise repeated(self._chunk, event.start_mark.index, key)

    def _merge(self, event: Any, container: dict[str, JSON], value: JSON) -> None:
        sources: list[JSON]
        if type(value) is dict:
            sources = [value]
        elif type(value) is list and type(event) is not AliasEvent:
            sources = value[::-1]  # the first of a list wins, so it is applied last
        else:
            sources = [None]
        merged = self._merged.setdefault(len(self._stack), set())
        for source in sources:
            if type(source) is not dict:
                raise self._error(
                    "PLB306", event, "<< merges something that is not a map",
                    hint='give an alias of a map or a list of such; quote "<<" to mean a plain key',
                )  # fmt: skip
            merged.update(source.keys() - container.keys())
            container.update(source)

    # --- scalars and aliases

    def _scalar(self, event: Any, *, is_key: bool) -> Any:
        tag = self._tag(event)
        if event.anchor:
            self._count_anchors(event)
            self._anchors[event.anchor] = _Anchor(text=event.value, tag=tag)
        if is_key and event.value == "<<" and (event.implicit[0] or tag == MERGE_TAG):
            return _MERGE
        return self._resolved(event, event.value, tag, is_key=is_key)

    def _resolved(self, event: Any, text: str, tag: str | None, *, is_key: bool) -> Any:
        try:
            if len(text) > _LONG:
                return key_of(text, tag) if is_key else value_of(text, tag)
            return _key_of(text, tag) if is_key else _value_of(text, tag)
        except ValueError as error:
            what = "this key cannot be read" if is_key else "this value cannot be read"
            hint = "quote it if it is meant as text"
            raise self._error("PLB305", event, what, why=str(error), hint=hint) from None

    def _tag(self, event: Any) -> str | None:
        """Return the full tag; None for plain and untagged, the one of strings for quoted."""
        plain, quoted = event.implicit
        if quoted:
            return STRING_TAG
        if not plain:
            return str(event.tag)
        # libyaml hides the tag "!", which makes a string of anything.
        if event.style:
            return "!"
        start, end = event.start_mark.index, event.end_mark.index
        return "!" if _LONE_BANG.match(self._banged, start, end + 1) else None

    def _alias(self, event: Any, *, is_key: bool) -> Any:
        anchor = self._anchors.get(event.anchor)
        if anchor is None:
            raise self._error(
                "PLB306", event, f"there is no anchor &{shown(event.anchor)} before this alias",
                why="anchors end with their document", hint="define it above, in this document",
            )  # fmt: skip
        if anchor.is_open:
            raise self._error(
                "PLB306", event, f"the value of &{shown(event.anchor)} contains itself"
            )
        self._expanded += anchor.nodes
        if anchor.text is not None:
            return self._resolved(event, anchor.text, anchor.tag, is_key=is_key)
        if is_key:
            raise self._bad_key(event)
        depth = len(self._stack) + anchor.height
        if depth > self._limits.depth:
            raise self._too_deep(event)
        self._deepest = max(self._deepest, depth)
        return anchor.body

    # --- errors

    def _count_anchors(self, event: Any) -> None:
        if len(self._anchors) >= self._limits.anchors:
            raise self._error(
                "PLB304", event, f"the document has more than {self._limits.anchors} anchors",
                hint="split it up, or leave out those that no alias uses",
            )  # fmt: skip

    def _too_deep(self, event: Any) -> ManifestError:
        return self._error(
            "PLB304", event, f"nested deeper than {self._limits.depth} levels",
            hint="no Kubernetes object needs that; look for an unclosed bracket",
        )  # fmt: skip

    def _bad_key(self, event: Any) -> ManifestError:
        return self._error(
            "PLB305", event, "a map or a list is used as a key", why="JSON has no such key",
            hint=_template_hint(self._chunk) or "write a string, or quote the braces",
        )  # fmt: skip

    def _too_many(self, event: Any) -> ManifestError:
        return self._error(
            "PLB304", event, f"the document has more than {self._limits.nodes} values",
            why="aliases count as often as they are used", hint="split it up, or use fewer aliases",
        )  # fmt: skip

    def _error(
        self, code: str, event: Any, what: str, *, why: str = "", hint: str = ""
    ) -> ManifestError:
        return self._chunk.error(code, event.start_mark.index, what, why=why, hint=hint)


def repeated(chunk: Chunk, index: int, key: str) -> ManifestError:
    """Return the error for the second of two keys, naming the place of the first."""
    first = parts(chunk, until=index)[-1].keys.get(key)
    what = f"the key {shown(key)} is there twice in one map"
    if first is not None:
        line, column = chunk.position(first)
        what = f"the key {shown(key)} is already there in line {line}, column {column}"
    return chunk.error(
        "PLB303", index, what, why="only one of the two would count", hint="remove one"
    )


def shown(key: str) -> str:
    """Return a key as an error may name it: on one line, not long, without control characters."""
    text = "".join(c if c.isprintable() else "\ufffd" for c in key)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _template_hint(chunk: Chunk) -> str:
    if b"{{" not in chunk.data:
        return ""
    return "this looks like a template; Plumb reads manifests that are rendered"


def _refuse_escaped_slash(chunk: Chunk) -> None:
    r"""Raise for "\/" in double quotes: libyaml takes it, go-yaml does not (JSON does)."""
    text = chunk.text
    get = reader(chunk)
    kind = None
    # As far as kubectl reads: the first document.
    while kind is not DocumentEndEvent and kind is not StreamEndEvent:
        event = get()
        kind = type(event)
        if kind is ScalarEvent and event.style == '"' and "/" in event.value:
            start, end = event.start_mark.index, event.end_mark.index
            match = re.search(r"(?<!\\)(?:\\\\)*\\/", text[start:end])
            if match:
                raise chunk.error(
                    "PLB301", start + match.end() - 2, "unknown escape character in a string",
                    why='YAML 1.1 knows no "\\/"', hint="write / without the backslash",
                )  # fmt: skip


def syntax_error(chunk: Chunk, error: YAMLError) -> ManifestError:
    """Translate what libyaml says; its texts quote nothing of the file."""
    if not isinstance(error, MarkedYAMLError):
        # A ReaderError, which counts bytes.
        offset = int(getattr(error, "position", 0))
        index = len(chunk.data[:offset].decode("utf-8", "replace").removeprefix("\ufeff"))
        reason = str(getattr(error, "reason", "it cannot be read"))
        return chunk.error(
            "PLB302", index, "the text is not clean UTF-8", why=reason,
            hint="save the file as UTF-8 without control characters; binary data goes into base64",
        )  # fmt: skip
    index = error.problem_mark.index if error.problem_mark else 0
    text = chunk.text
    why = ", ".join(part for part in (error.context, error.problem) if part)
    if text[index : index + 1] == "\t":
        hint = "indent with spaces, a tab is no indentation in YAML"
    else:
        hint = _template_hint(chunk)
    return chunk.error("PLB301", index, "this is not YAML", why=why, hint=hint)
