"""What kubectl's YAML reader (sigs.k8s.io/yaml over go-yaml 2) makes of one scalar.

Belongs here: words, numbers, tags, and how a key becomes text. Nothing here knows of positions:
a scalar that cannot be read raises ValueError with a text that never quotes it.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from datetime import date
from decimal import Decimal
from math import copysign, inf, isinf, isnan, nan
from typing import Final, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1
UINT64_MAX: Final = 2**64 - 1

_TRUE: Final = ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE: Final = ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(_TRUE, True),
    **dict.fromkeys(_FALSE, False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -inf),
}
# A plain scalar that begins otherwise is a string; "" because that is text[:1] of an empty one.
AMBIGUOUS: Final = frozenset(["", *"0123456789+-.~yYnNtTfFoO"])

_TAG: Final = "tag:yaml.org,2002:"
_COERCING: Final = frozenset(_TAG + name for name in ("int", "float", "bool", "null", "timestamp"))
_BINARY: Final = _TAG + "binary"
MERGE_TAG: Final = _TAG + "merge"

# [0-9], not \d: Go knows no other digits.
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# A number that begins with a dot goes to Go's ParseFloat as it is; "_" must stand between digits.
_DOTTED: Final = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?")
_INTEGER: Final = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)"
    r"|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_SIGNED_BINARY: Final = re.compile(r"0b([-+][01]+)")
_CLOCK: Final = r"[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:[.,][0-9]+)?"
_TIMESTAMP: Final = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    rf"(?:[Tt](?P<zoned>{_CLOCK})(?:Z|[-+](?P<zone>[0-9]{{2}}:[0-9]{{2}}))| +(?P<local>{_CLOCK}))?"
)
_BASES: Final = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}


def value_of(text: str, tag: str | None) -> Scalar:
    """JSON value of a scalar; ``tag`` None means plain and untagged, else the full tag.

    Whole floats are integers as in JSON; integers beyond 64 bits are floats. ValueError: the tag
    and the text do not go together, or JSON has no such value.
    """
    resolved = resolve(text, tag)
    if isinstance(resolved, float):
        if isinf(resolved) or isnan(resolved):
            raise ValueError("JSON has no infinity and no NaN")
        return json_number(resolved)
    if type(resolved) is int and not INT64_MIN <= resolved <= INT64_MAX:
        return float(resolved)
    return resolved


def key_of(text: str, tag: str | None) -> str:
    """JSON key of a scalar in a key's place; ValueError where kubectl has no text for it."""
    resolved = resolve(text, tag)
    if isinstance(resolved, str):
        return resolved
    if resolved is None:
        raise ValueError("a key may not be null")
    if isinstance(resolved, bool):
        return "true" if resolved else "false"
    if isinstance(resolved, float):
        return _float32_text(resolved)
    if resolved > INT64_MAX:
        raise ValueError("an integer key must fit into 64 bits with its sign")
    return str(resolved)


def json_number(number: float) -> int | float:
    """Return the number as it is after a trip through Go's JSON: whole ones are int64 if they fit.

    Go prints the shortest digits and fills up with zeros, so 2.0**62 is 4611686018427388000.
    """
    if not number.is_integer():
        return number
    whole = int(Decimal(repr(number)))
    return whole if INT64_MIN <= whole <= INT64_MAX else number


def resolve(text: str, tag: str | None) -> Scalar:
    """Go's value of a scalar before JSON; ValueError if the tag wants something else."""
    if tag is None:
        return _plain(text)
    if tag == _BINARY:
        return _binary(text)
    if tag not in _COERCING:  # !!str, and every tag that is not known
        return text
    wanted = tag.removeprefix(_TAG)
    if wanted == "timestamp":
        if _is_timestamp(text):
            return text
        raise ValueError("the value does not fit its tag !!timestamp")
    resolved = _plain(text)
    fits = {
        "int": type(resolved) is int,
        "float": type(resolved) is float or _is_int64(resolved),
        "bool": isinstance(resolved, bool),
        "null": resolved is None,
    }
    if not fits[wanted]:
        raise ValueError(f"the value does not fit its tag !!{wanted}")
    return float(resolved) if wanted == "float" and resolved is not None else resolved


def _is_int64(value: Scalar) -> bool:
    return type(value) is int and value <= INT64_MAX


def _plain(text: str) -> Scalar:
    head = text[:1]
    if head not in AMBIGUOUS:
        return text
    if text in WORDS:
        return WORDS[text]
    if head == ".":
        return _finite(text.replace("_", ""), text) if _DOTTED.fullmatch(text) else text
    return _number(text) if head in "0123456789+-" else text


def _number(text: str) -> int | float | str:
    digits = text.replace("_", "")
    integer = _integer(digits)
    if integer is not None:
        return integer
    if _FLOAT.fullmatch(digits):
        return _finite(digits, text)
    # Go looks at "0b" once more, and lets a sign stand behind it.
    signed = _SIGNED_BINARY.fullmatch(digits)
    if signed and INT64_MIN <= int(signed[1], 2) <= INT64_MAX:
        return int(signed[1], 2)
    return text


def _integer(digits: str) -> int | None:
    match = _INTEGER.fullmatch(digits)
    if match is None or len(match["dec"] or "") > 20:
        return None
    number = int(match[match.lastgroup or "dec"], _BASES[match.lastgroup or "dec"])
    if match["sign"] == "-":
        number = -number
    # Go reads the unsigned range only without a sign.
    limit = INT64_MAX if match["sign"] else UINT64_MAX
    return number if INT64_MIN <= number <= limit else None


def _finite(digits: str, text: str) -> float | str:
    number = float(digits)
    return text if isinf(number) else number


def _binary(text: str) -> str:
    try:
        raw = base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the value of !!binary is not base64") from None
    return go_text(raw)


def go_text(raw: bytes) -> str:
    """Decode as Go does: one U+FFFD for each byte that is not UTF-8."""
    text = raw.decode("utf-8", "surrogateescape")
    return re.sub("[\udc80-\udcff]", "\ufffd", text)


def _is_timestamp(text: str) -> bool:
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return False
    clock = match["zoned"] or match["local"] or "0:0:0"
    hour, minute, second = (int(part) for part in re.split("[:.,]", clock)[:3])
    zone_hour, zone_minute = (int(part) for part in (match["zone"] or "0:0").split(":"))
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    try:
        # Go has a year 0, which is a leap year as 4 is.
        date(year or 4, month, day)
    except ValueError:
        return False
    return hour < 24 and minute < 60 and second < 60 and zone_hour <= 24 and zone_minute <= 60


def _float32_text(number: float) -> str:
    """Go's FormatFloat(number, 'g', -1, 32), with YAML's words for what is not finite."""
    if isnan(number):
        return ".nan"
    single = _single(number)
    if isinf(single):
        return ".inf" if single > 0 else "-.inf"
    digits = [f"{single:.{precision}e}" for precision in range(9)]
    short = min(digits, key=lambda text: (_single(float(text)) != single, len(text)))
    mantissa, exponent = short.split("e")
    power = int(exponent)
    if power < -4 or power >= 6:
        return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
    return format(Decimal(short), "f")


def _single(number: float) -> float:
    """Return the nearest 32-bit number; infinity beyond the largest."""
    try:
        nearest: float = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return copysign(inf, number)
    return nearest
