"""A file cut into documents as kubectl cuts it (apimachinery's NewYAMLOrJSONDecoder).

Belongs here: encodings, separators, JSON streams, and the numbering of documents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from engine.errors import ManifestError
from engine.parse.compose import compose
from engine.parse.events import parts
from engine.parse.jsontext import JsonSyntaxError, read_value, without_lone_surrogates
from engine.parse.limits import Chunk, Limits
from engine.parse.outline import Outline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.model import JSON

# What Go's unicode.IsSpace knows; Python's own list is longer.
SPACE: Final = "\t\n\v\f\r \u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    chr(c) for c in range(0x2000, 0x200B)
)
_SEPARATOR: Final = re.compile(rb"^---(.*)$\n?", re.MULTILINE)
_JSON_SPACE: Final = re.compile(r"[ \t\r\n]*")
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_BLANK: Final = re.compile(f"[{re.escape(SPACE.replace(chr(10), ''))}]*")
_EMPTY_ONES: Final = 2  # as many empty documents as others may be there
_PEEK_BYTES: Final = 4096  # how far kubectl looks for the "{" that says JSON


@dataclass(frozen=True, slots=True)
class Document:
    """One document that is not empty; ``line`` counts from 1, ``index`` from 0 in its file."""

    body: JSON = field(repr=False)
    line: int
    index: int
    _chunk: Chunk | None = field(default=None, repr=False, compare=False)

    def outline(self, *, depth: int | None = None) -> Outline:
        """Places of the values in it, ``depth`` levels deep (None: all); reads the text again."""
        chunk = self._chunk or Chunk(b"", "", self.line - 1)
        return Outline(chunk, parts(chunk, depth=depth)[0])


class _Found(NamedTuple):
    body: JSON
    line: int
    chunk: Chunk
    expanded: int = 0


def documents(data: bytes, *, path: str, limits: Limits | None = None) -> Iterator[Document]:
    """Yield what kubectl would send for this file; empty documents are left out.

    Values that aliases repeat are shared, so nobody may change a body in place. Raises
    ManifestError with path:line:column at the first mistake; documents before it were yielded.
    """
    limits = limits or Limits()
    index = expanded = 0
    for number, found in enumerate(_stream(_clean(data, path, limits), path, limits)):
        if number >= limits.documents * _EMPTY_ONES:
            raise found.chunk.error(
                "PLB304", 0, f"the file has more than {number} documents, most of them empty",
                hint="remove the empty ones",
            )  # fmt: skip
        if found.body is None:
            continue
        expanded += found.expanded
        if index >= limits.documents:
            raise found.chunk.error(
                "PLB304", 0, f"the file has more than {limits.documents} documents",
                hint="split the file",
            )  # fmt: skip
        if expanded > limits.nodes:
            raise found.chunk.error(
                "PLB304", 0, f"aliases in this file repeat more than {limits.nodes} values",
                hint="use fewer aliases",
            )  # fmt: skip
        yield Document(found.body, found.line, index, found.chunk)
        index += 1


def locate(data: bytes, *, document: int, pointer: str) -> tuple[int, int]:
    """Line and column (from 1) of the value at ``pointer`` in the document of that number.

    The nearest parent stands in for what the text does not have; (1, 1) for an unknown document.
    """
    try:
        for each in documents(data, path=""):
            if each.index == document:
                return each.outline().at(pointer)
    except ManifestError:
        pass
    return (1, 1)


def _clean(data: bytes, path: str, limits: Limits) -> bytes:
    """Return the text with line feeds only, without byte order mark; its size is checked."""
    if len(data) > limits.size_bytes:
        raise ManifestError(
            "PLB304", f"the file is larger than {limits.size_bytes} bytes", where=f"{path}:1:1",
            hint="split it, or leave it out with .plumbignore",
        )  # fmt: skip
    if data.startswith(_UTF16):
        raise ManifestError(
            "PLB302", "the file is UTF-16", where=f"{path}:1:1", hint="save it as UTF-8"
        )
    data = data.removeprefix(b"\xef\xbb\xbf")
    return data.replace(b"\r\n", b"\n") if b"\r\n" in data else data


def _stream(data: bytes, path: str, limits: Limits) -> Iterator[_Found]:
    head = data[:_PEEK_BYTES].decode("utf-8", "replace").lstrip(SPACE)
    if head.startswith("{"):
        yield from _json_stream(data, path, limits)
        return
    for chunk in _chunks(data, path):
        yield from _yaml_document(chunk, limits)


def _yaml_document(chunk: Chunk, limits: Limits) -> Iterator[_Found]:
    composed = compose(chunk, limits)
    if composed is None:
        yield _Found(None, chunk.line + 1, chunk)
    else:
        yield _Found(composed.body, composed.line, composed.chunk, composed.expanded)


def _chunks(data: bytes, path: str, line: int = 0, column: int = 0) -> Iterator[Chunk]:
    """Cut at each line that begins with ``---``, wherever it stands; the rest must be a comment."""
    start = 0
    for match in _SEPARATOR.finditer(data):
        begin = match.start()
        text = data[start:begin]
        rest = match[1].decode("utf-8", "replace").strip(SPACE)
        if rest and not rest.startswith("#"):
            raise Chunk(data[start:], path, line, column).error(
                "PLB307", len(text.decode("utf-8", "replace")) + 3,
                "text behind the document separator ---",
                why="Kubernetes allows only a comment there", hint="move it to the next line",
            )  # fmt: skip
        # With nothing before it the separator is part of the next chunk, as in kubectl: libyaml
        # reads it over, but for "---#", which is text.
        if text:
            yield Chunk(text, path, line, column)
            line += text.count(b"\n") + match[0].count(b"\n")
            column = 0
            start = match.end()
    if start < len(data):
        text = data[start:]
        yield Chunk(text if text.endswith(b"\n") else text + b"\n", path, line, column)


def _json_stream(data: bytes, path: str, limits: Limits) -> Iterator[_Found]:
    """JSON values one after another; what is no JSON after at most one of them is read as YAML."""
    whole = Chunk(data, path)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise whole.error(
            "PLB302", len(data[: error.start].decode()), "the text is not UTF-8",
            hint="save the file as UTF-8",
        ) from None  # fmt: skip
    text = without_lone_surrogates(text, whole, limits)
    place = count = 0
    at = (0, 0)
    while (begin := _skip_space(text, place)) < len(text):
        try:
            value, end = read_value(text, begin, whole, limits)
        except JsonSyntaxError as error:
            rest = _yaml_from(text, place)
            if count > 1 or rest is None or path.endswith(".json"):
                raise whole.error(
                    "PLB308", error.index, "this is not JSON", why=error.why
                ) from None
            yield from _rest_as_yaml(text, rest, path, limits)
            return
        at = _moved(text, place, begin, at)
        yield _Found(value, at[0] + 1, Chunk(text[begin:end].encode(), path, *at))
        at = _moved(text, begin, end, at)
        place = end
        count += 1


def _moved(text: str, begin: int, end: int, at: tuple[int, int]) -> tuple[int, int]:
    """Line and column (from 0) of ``end``; ``at`` has those of ``begin``."""
    lines = text.count("\n", begin, end)
    if not lines:
        return at[0], at[1] + end - begin
    return at[0] + lines, end - text.rfind("\n", begin, end) - 1


def _skip_space(text: str, place: int) -> int:
    match = _JSON_SPACE.match(text, place)
    return match.end() if match else place


def _yaml_from(text: str, place: int) -> int | None:
    """Return where kubectl goes on with YAML: behind white space up to the first line feed.

    It looks at four bytes at a time and gives up, with JSON's error, where fewer are left.
    """
    blank = _BLANK.match(text, place)
    place = blank.end() if blank else place
    if len(text[place : place + 4].encode()) < 4:
        return None
    return place + 1 if text[place] == "\n" else place


def _rest_as_yaml(text: str, place: int, path: str, limits: Limits) -> Iterator[_Found]:
    line, column = Chunk(text.encode(), path).position(place)
    for chunk in _chunks(text[place:].encode(), path, line - 1, column - 1):
        yield from _yaml_document(chunk, limits)
