"""A new value written in the style of the old one. Pure.

Quotes stay as they are. A plain word gets quotes only where some reader of YAML would take it for a
number, a date or a boolean; what was no text stays none when the new value is none either.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from engine.parse import dump
from engine.parse.scalars import value_of

if TYPE_CHECKING:
    from engine.promote.scan import Leaf, Scan

_FLOW: Final = re.compile(r"[,\[\]{}]")
# Too large for Kubernetes to be a number, and infinity to others.
_NUMBER: Final = re.compile(r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?")
_JSON_LITERAL: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null")


class SpellingError(ValueError):
    """The value cannot be written in this place; the text says why."""


def spell(scan: Scan, leaf: Leaf, value: str, *, is_text: bool) -> str:
    """Return what replaces ``text[leaf.start:leaf.end]``.

    ``is_text``: the value has to be a string whatever it looks like, as a tag has to.
    """
    old = scan.text[leaf.start : leaf.end]
    if leaf.style in {"|", ">"}:
        return _in_block(old, str(leaf.value), value)
    if leaf.style == "'":
        return "'" + value.replace("'", "''") + "'"
    if leaf.style == '"':
        return _double(value)
    written = _plain(scan, leaf, value, is_text=is_text or isinstance(leaf.value, str))
    if not old:
        # "key:" with nothing behind it: the value goes behind the colon.
        before = scan.text[leaf.start - 1 : leaf.start]
        return written if before.isspace() or not before else f" {written}"
    return written


def _plain(scan: Scan, leaf: Leaf, value: str, *, is_text: bool) -> str:
    if scan.is_json:
        return value if not is_text and _JSON_LITERAL.fullmatch(value) else _double(value)
    is_word = dump(value).rstrip("\n") == value and not _NUMBER.fullmatch(value)
    if is_word and leaf.is_flow:
        old = scan.text[leaf.start : leaf.end]
        is_word = not _FLOW.search(value) and (":" not in value or ":" in old)
    if is_word:
        return value
    return _double(value) if is_text or _means_text(value) else value


def _means_text(value: str) -> bool:
    """Whether a plain word is a string to Kubernetes, or would break the line it stands on."""
    if not re.fullmatch(r"[A-Za-z0-9+._~-]*", value):
        return True
    try:
        return isinstance(value_of(value, None), str)
    except ValueError:
        return True


def _double(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _in_block(old: str, before: str, after: str) -> str:
    """Replace the one line of text in a block scalar; its header and its indentation stay."""
    text = before.strip()
    if not text or "\n" in text or old.count(text) != 1:
        raise SpellingError("the value is spread over several lines of a block")
    if after != after.strip() or "\n" in after:
        raise SpellingError("the new value does not fit on the line of a block")
    return old.replace(text, after)
