"""libyaml's events for one chunk, made to agree with go-yaml's; and where keys stand.

Belongs here: the one known place where libyaml refuses what go-yaml takes (a colon inside a plain
word in a flow collection, as in ``[http://web:80]``), and looking up places for errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from _ruamel_yaml import CParser
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    CollectionEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from engine.parse.scalars import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.parse.limits import Chunk

STRING_TAG: Final = "tag:yaml.org,2002:str"
UNEXPECTED_COLON: Final = "found unexpected ':'"

# Tags, anchors and aliases keep their colons. A colon right behind a word and before more of it is
# part of the word; at the beginning of a word, or behind a quote or bracket, it is an indicator.
_COLON: Final = re.compile(
    r"(?:(?<=[\s\[\]{},])|^)[!&*][^\s,\[\]{}]*"
    r"|(?<=[^\s\[\]{},\"':]):+(?=[^ \t\r\n\x85\u2028\u2029])",
    re.MULTILINE,
)


def reader(chunk: Chunk) -> Callable[[], Any]:
    """Return the function that gives the chunk's next event; it raises ruamel's YAMLError."""
    get: Callable[[], Any] = CParser(chunk.data).get_event
    if not chunk.colon:
        return get

    def unmasked() -> Any:
        event = get()
        if type(event) is ScalarEvent:
            event.value = event.value.replace(chunk.colon, ":")
        return event

    return unmasked


def mask_colons(chunk: Chunk) -> Chunk:
    """Return the chunk with a stand-in, one character too, for colons that are part of a word."""
    text = chunk.text
    colon = next(c for c in map(chr, range(0xE000, 0xF8FF)) if c not in text)

    def mask(match: re.Match[str]) -> str:
        return match[0] if match[0][0] != ":" else colon * len(match[0])

    return replace(chunk, data=_COLON.sub(mask, text).encode(), colon=colon)


@dataclass(slots=True)
class Part:
    """A value: the index of its first character, and its parts by key or position."""

    index: int
    is_map: bool = False
    parts: dict[str, Part] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)  # where each key stood first
    key: str | None = None


def parts(chunk: Chunk, *, depth: int | None = None, until: int | None = None) -> list[Part]:
    """Read the first document for places, ``depth`` levels deep and up to the index ``until``.

    Returns the root and the containers that are open at the end. Where a text is JSON but no YAML,
    what was read so far counts.
    """
    stack: list[Part] = []
    root = Part(0)
    for event in _nodes(chunk):
        if isinstance(event, CollectionEndEvent):
            stack.pop()
        elif until is not None and event.start_mark.index >= until:
            break
        else:
            part = _place(event, stack)
            root = part if not stack else root
            if isinstance(event, MappingStartEvent | SequenceStartEvent):
                part.is_map = isinstance(event, MappingStartEvent)
                hidden = depth is not None and len(stack) >= depth
                stack.append(Part(part.index, is_map=part.is_map) if hidden else part)
        if not stack:
            break
    return [root, *stack]


def _place(event: Any, stack: list[Part]) -> Part:
    """Hang the node into its container; a key is kept until its value comes."""
    part = Part(event.start_mark.index)
    if not stack:
        return part
    parent = stack[-1]
    if not parent.is_map:
        parent.parts[str(len(parent.parts))] = part
    elif parent.key is None:
        parent.key = _key(event)
        parent.keys.setdefault(parent.key, part.index)
    else:
        parent.parts[parent.key] = part
        parent.key = None
    return part


def _key(event: Any) -> str:
    if not isinstance(event, ScalarEvent):
        return ""  # an alias
    plain, quoted = event.implicit
    tag = STRING_TAG if quoted else None if plain else str(event.tag)
    return key_of(event.value, tag)


def _nodes(chunk: Chunk) -> Iterator[Any]:
    """Yield the events behind the starts of the stream and of the document."""
    get = reader(chunk)
    try:
        for _ in range(2):
            get()
        while (event := get()) is not None:
            yield event
    except YAMLError:
        return
