"""What may be passed on of a server's text.

Server messages quote what was sent, the whole object at times, so none is passed on as it is:

* Of a Secret nothing is, only the reason, the fields and how they are wrong, and sentences that
  are known by heart. Policies and webhooks are named, their explanation is withheld.
* Otherwise the rejected value is cut out exactly where the server prints it. What remains was
  written by the server's validation or by the author of a policy or webhook; those explanations
  are what people need. Objects that are no Secret are shown in diffs too, so no more is told here.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.model import JSON

MESSAGE_LIMIT: Final = 400
# Sentences of the server that hold no value, whatever the object; the only ones for a Secret.
KNOWN: Final = (
    "field is immutable when `immutable` is set",
    "field is immutable",
    "must not be empty",
    "must be specified",
    "name or generateName is required",
    "must match the namespace on the request",
    "exceeds the maximum size",
)
UNKNOWN_FIELD: Final = re.compile(r'(unknown|duplicate) field "([\w.\-/\[\]$]+)"')
_WRONG_TYPE: Final = re.compile(
    r"cannot unmarshal (\w+)[^:]*? into Go struct field ([\w.]+) of type ([\w.*\[\]]+)"
)
_BASE64: Final = re.compile(r"illegal base64 data at input byte \d+")


def cause_of(cause: Mapping[str, JSON], *, secret: bool) -> tuple[str, str]:
    """Return the field and what is wrong with it, without the rejected value."""
    field = plain(str(cause.get("field") or "")).removeprefix("[]")
    label, _, rest = str(cause.get("message") or "").partition(": ")
    label = plain(label) if label in _LABELS else "not accepted"
    detail = rest if label in _WITHOUT_VALUE else _behind_value(rest)
    if secret:
        detail = next((k for k in KNOWN if k in detail), "")
    if field == "patch":  # the whole object as it would have become
        return "", decoding_errors(detail) or label.lower()
    return field, plain(detail) or label.lower()


_LABELS: Final = {
    "Invalid value", "Required value", "Unsupported value", "Duplicate value", "Forbidden",
    "Too long", "Too many", "Too few", "Not found", "Internal error",
}  # fmt: skip
_WITHOUT_VALUE: Final = {"Required value", "Forbidden", "Internal error"}


def _behind_value(text: str) -> str:
    """Return what follows the value that begins the text: a Go string, JSON, or one word.

    Empty when that cannot be told exactly.
    """
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        match = re.match(r'"(?:[^"\\]|\\.)*"', text, re.DOTALL)  # Go's \x and \U are not JSON's
        if match is None:
            # `Too long: may not be more than 63 bytes` has no value at all.
            return text if text.startswith(("may not be more", "must have at most")) else ""
        end = match.end()
    rest = text[end:]
    return rest.removeprefix(": ") if rest.startswith(": ") else ""


def decoding_errors(message: str) -> str:
    """Return those parts of a decoding error that name fields and types, never values."""
    found = [f'{kind} field "{name}"' for kind, name in UNKNOWN_FIELD.findall(message)]
    found += [f"{field} has to be {wanted}, not {given}"
              for given, field, wanted in _WRONG_TYPE.findall(message)]  # fmt: skip
    found += _BASE64.findall(message)
    return ", ".join(dict.fromkeys(found))


def without_values(text: str) -> str:
    """Leave out what the server quotes at length: whole objects, patches and long strings."""

    def short(match: re.Match[str]) -> str:
        return match[0] if len(match[0]) <= 60 and "\\" not in match[0] else '"..."'

    text = re.sub(r'"(?:[^"\\]|\\.)*"', short, text)
    return re.sub(r'\[?\{".*\}\]?', "...", text, flags=re.DOTALL)


def of_secret(text: str) -> str:
    known = decoding_errors(text) or next((k for k in KNOWN if k in text), "")
    return known or "the text is withheld: it may quote the Secret"


def warning_texts(value: str) -> list[str]:
    """Read `299 - "text"`, several of them parted by commas; quotes are escaped by backslashes."""
    quoted = re.findall(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"', value)
    return [re.sub(r"\\(.)", r"\1", text) for text in quoted]


def plain(text: str) -> str:
    """Return one line without control characters, of bounded length, for terminals and logs."""
    line = re.sub(r"\s+", " ", "".join(c if c.isprintable() or c.isspace() else "?" for c in text))
    line = line.strip()
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 3] + "..."
