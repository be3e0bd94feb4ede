"""JSON written as YAML for people, in kubectl's layout, so that every reader reads it back.

Belongs here: quoting and block scalars. ruamel's emitter writes YAML 1.2 and is slow.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from engine.parse.scalars import AMBIGUOUS, INT64_MAX, INT64_MIN, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.model import JSON

# Begins with a letter, a digit, _ or /, holds no ": " and no " #", ends with no space and no colon.
_PLAIN: Final = re.compile(
    r"[A-Za-z0-9_/.](?:[A-Za-z0-9_/.@%+=~(){}\[\],*&$!<>|;'\"\\^?-]|[ :#](?=[^ :#]))*"
)
_FLOW: Final = re.compile(r"[\[\]{},]")
# Sexagesimal numbers and dates are strings to Kubernetes, but not to every reader of YAML.
_FOREIGN: Final = re.compile(
    r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*"
)
# What may stand in a block scalar as it is: printable, and no line break but the line feed.
_BLOCK: Final = re.compile(
    r"[\t\n\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*"
)
_ESCAPED: Final = re.compile(
    r"[^\x20\x21\x23-\x5b\x5d-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd"
    r"\U00010000-\U0010ffff]"
)
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
# libyaml looks 1,024 characters far for the colon of a key.
_KEY_LIMIT: Final = 1000


def dump(body: JSON) -> str:
    """YAML of one JSON value, keys in their order, ending in a line feed.

    What :func:`engine.parse.documents` (and kubectl) reads from it equals ``body``.
    """
    return "".join(f"{line}\n" for line in _lines(body, 0))


def _lines(value: JSON, indent: int) -> Iterator[str]:
    """Yield the lines of a value that begins a line of its own."""
    pad = " " * indent
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _member(key, inner, indent)
    elif isinstance(value, list) and value:
        for inner in value:
            # The first line of what is inside goes behind the dash.
            lines = _lines(inner, indent + 2)
            yield f"{pad}- {next(lines)[indent + 2 :]}"
            yield from lines
    elif isinstance(value, str) and indent and _fits_block(value):
        yield from _block(pad, value, indent)
    else:
        yield pad + _inline(value)


def _member(key: str, value: JSON, indent: int) -> Iterator[str]:
    pad = " " * indent
    name = _text(key)
    head = f"{pad}{name}:"
    if len(name) > _KEY_LIMIT:
        yield f"{pad}? {name}"
        head = f"{pad}:"
    if isinstance(value, dict) and value:
        yield head
        yield from _lines(value, indent + 2)
    elif isinstance(value, list) and value:
        yield head
        # kubectl does not indent lists; behind "? " and ":" libyaml wants it.
        yield from _lines(value, indent + 2 if len(name) > _KEY_LIMIT else indent)
    elif isinstance(value, str) and _fits_block(value):
        yield from _block(f"{head} ", value, indent + 2)
    else:
        yield f"{head} {_inline(value)}"


def _inline(value: JSON) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict | list):
        return "[]" if isinstance(value, list) else "{}"
    if isinstance(value, float) and value.is_integer() and INT64_MIN <= value <= INT64_MAX:
        # All digits: from the shortest ones Kubernetes would read another integer.
        return str(int(value))
    return json.dumps(value)


def _text(text: str) -> str:
    """Return the string plain where that is safe for every reader, else in double quotes."""
    if _PLAIN.fullmatch(text) and not _misread(text):
        return text
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _misread(text: str) -> bool:
    if _FOREIGN.fullmatch(text):
        return True
    return text[:1] in AMBIGUOUS and not isinstance(resolve(text, None), str)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _fits_block(text: str) -> bool:
    """Tell whether a block scalar keeps the string: several lines, of which one has text."""
    return "\n" in text and bool(text.strip(" \t\n")) and _BLOCK.fullmatch(text) is not None


def _block(head: str, text: str, indent: int) -> Iterator[str]:
    # Readers guess the indentation from the first line with text; where it begins with white
    # space they have to be told.
    first = text.lstrip("\n")
    marker = "2" if first[0] in " \t" else ""
    tail = len(text) - len(text.rstrip("\n"))
    chomp = "-" if tail == 0 else "" if tail == 1 else "+"
    yield f"{head}|{marker}{chomp}"
    pad = " " * indent
    for line in text.removesuffix("\n").split("\n"):
        yield pad + line if line else ""
