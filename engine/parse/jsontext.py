"""JSON values as Go's decoder reads them, with numbers as they are after a trip through it."""

from __future__ import annotations

import json
import re
from collections import Counter
from math import isinf
from typing import TYPE_CHECKING, Final, NoReturn

from engine.errors import ManifestError
from engine.parse.compose import compose, shown
from engine.parse.limits import Chunk
from engine.parse.scalars import INT64_MAX, INT64_MIN, json_number

if TYPE_CHECKING:
    from engine.model import JSON
    from engine.parse.limits import Limits

# Possessive: a string of 3 MiB would otherwise leave 300 MiB of places to come back to.
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]|,', re.DOTALL)
_ESCAPE: Final = re.compile(
    r"\\[^u]"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


class JsonSyntaxError(Exception):
    """The text at ``index`` is not JSON; kubectl may go on and read it as YAML."""

    def __init__(self, index: int, why: str) -> None:
        super().__init__(why)
        self.index = index
        self.why = why


class _RepeatedKeyError(Exception):
    pass


class _NumberError(Exception):
    pass


def without_lone_surrogates(text: str, whole: Chunk, limits: Limits) -> str:
    r"""Write \ufffd for each escaped half of a character, as Go reads it; no place moves."""
    escapes = text.count("\\ud") + text.count("\\uD")
    if escapes > limits.nodes:
        raise whole.error("PLB304", 0, f"the file has more than {limits.nodes} escapes")
    if not escapes:
        return text
    return _ESCAPE.sub(lambda match: "\\ufffd" if match["lone"] else match[0], text)


def read_value(text: str, begin: int, whole: Chunk, limits: Limits) -> tuple[JSON, int]:
    """Read the value at ``begin`` and return it with the index behind it.

    Raises JsonSyntaxError where it is no JSON, ManifestError where it is JSON that is refused.
    """
    if len(text) - begin > limits.nodes:
        # Count before building: eight million numbers in a list would take 100 MB first.
        _check_tokens(text, begin, whole, limits)
    try:
        value, end = _DECODER.raw_decode(text, begin)
    except json.JSONDecodeError as error:
        raise JsonSyntaxError(error.pos, error.msg) from None
    except _NumberError as error:
        raise whole.error("PLB305", begin, "a number cannot be read", why=str(error)) from None
    except _RepeatedKeyError as error:
        rest = Chunk(text[begin:].encode(), whole.path, *_from_zero(whole.position(begin)))
        raise _repeated_key(rest, limits, str(error)) from None
    except RecursionError:
        raise _too_deep(whole, begin, limits) from None
    _check_size(value, begin, whole, limits)
    return value, end


def _from_zero(position: tuple[int, int]) -> tuple[int, int]:
    return position[0] - 1, position[1] - 1


def _repeated_key(rest: Chunk, limits: Limits, key: str) -> ManifestError:
    # JSON is nearly always YAML too, and that reader knows the places of both keys.
    try:
        compose(rest, limits)
    except ManifestError as error:
        if error.code == "PLB303":
            return error
    return rest.error("PLB303", 0, f"the key {shown(key)} is there twice in one map")


def _check_tokens(text: str, begin: int, whole: Chunk, limits: Limits) -> None:
    if text[begin] not in "[{":
        return  # one value, whatever follows it; looking on would be quadratic in a long stream
    depth = commas = 0
    for match in _TOKEN.finditer(text, begin):
        mark = text[match.start()]
        if mark == ",":
            commas += 1
            if commas > limits.nodes:
                raise _too_many(whole, begin, limits)
        elif mark in "[{":
            depth += 1
            if depth > limits.depth:
                raise _too_deep(whole, match.start(), limits)
        elif mark in "]}":
            depth -= 1
            if depth <= 0:
                return


def _check_size(value: JSON, begin: int, whole: Chunk, limits: Limits) -> None:
    nodes = depth = 0
    level = [value]
    while level:
        nodes += len(level)
        if nodes > limits.nodes:
            raise _too_many(whole, begin, limits)
        containers = [each for each in level if type(each) is dict or type(each) is list]
        depth += bool(containers)
        if depth > limits.depth:
            raise _too_deep(whole, begin, limits)
        level = [
            inner
            for each in containers
            for inner in (each.values() if type(each) is dict else each)
        ]


def _too_many(whole: Chunk, begin: int, limits: Limits) -> ManifestError:
    return whole.error(
        "PLB304", begin, f"the document has more than {limits.nodes} values", hint="split it up"
    )


def _too_deep(whole: Chunk, begin: int, limits: Limits) -> ManifestError:
    return whole.error(
        "PLB304", begin, f"nested deeper than {limits.depth} levels",
        hint="no Kubernetes object needs that; look for an unclosed bracket",
    )  # fmt: skip


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    members = dict(pairs)
    if len(members) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise _RepeatedKeyError(max(counts, key=counts.__getitem__))
    return members


def _float(digits: str) -> int | float:
    number = float(digits)
    if isinf(number):
        raise _NumberError("it is larger than any 64-bit number")
    return json_number(number)


def _int(digits: str) -> int | float:
    if len(digits) > 20:
        return _float(digits)
    number = int(digits)
    return number if INT64_MIN <= number <= INT64_MAX else float(number)


def _constant(name: str) -> NoReturn:
    raise JsonSyntaxError(0, f"{name} is no JSON number")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant
)
