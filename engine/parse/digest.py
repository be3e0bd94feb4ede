"""The fingerprint of a JSON value."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from engine.model import JSON


def digest(body: JSON) -> str:
    """SHA-256, in hex, of the value's canonical JSON: sorted keys, no white space, UTF-8."""
    return hashlib.sha256(canonical(body)).hexdigest()


def canonical(body: JSON) -> bytes:
    """Return the same bytes for values that are equal as JSON, whatever the order of their keys."""
    try:
        return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Integers beyond 64 bits and lone surrogates, neither of which a manifest can hold.
        return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
