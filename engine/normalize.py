"""The equalities that Kubernetes sees: quantities, base64, zero values, defaults inside values.

Belongs here: what two values mean, and which part of a manifest is a wish at all. Not here: which
field belongs to whom (engine.merge).
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import math
import re
from fractions import Fraction
from typing import TYPE_CHECKING

import orjson

from engine.model import ABSENT, JSON

if TYPE_CHECKING:
    from engine.schema import Node

# The server sets these; in a manifest they are leftovers of `kubectl get -o yaml`.
SERVER_SET = frozenset({
    "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation",
    "managedFields", "resourceVersion", "selfLink", "uid",
})  # fmt: skip
# Which object it is cannot differ: it was read under these.
_IDENTITY = frozenset({"generateName", "name", "namespace"})

_QUANTITY = re.compile(
    r"([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,4}))?"
)
_BINARY = {f"{unit}i": 1024 ** (i + 1) for i, unit in enumerate("KMGTPE")}
_DECIMAL = {unit: Fraction(10) ** (3 * i) for i, unit in enumerate("num", start=-3)} | {
    unit: Fraction(10) ** (3 * (i + 1)) for i, unit in enumerate("kMGTPE")
}
_MOST = Fraction(2**63 - 1)
_NANO = 10**9


_LIMIT_RANGE_ITEM = "io.k8s.api.core.v1.LimitRangeItem"
# Inside a StatefulSet; generators write `status: {}`, and nobody means a phase by it.
_CLAIM = "io.k8s.api.core.v1.PersistentVolumeClaim"
# Admission adds them to every Pod, whatever tolerations it has (DefaultTolerationSeconds).
_ADMITTED = tuple(
    {"key": f"node.kubernetes.io/{state}", "operator": "Exists", "effect": "NoExecute",
     "tolerationSeconds": 300}
    for state in ("not-ready", "unreachable")
)  # fmt: skip


# --- manifests -------------------------------------------------------------------------------


def sendable(body: JSON) -> JSON:
    """Return the manifest as a create sends it: without status and what the server sets."""
    metadata = {k: v for k, v in (body.get("metadata") or {}).items() if k not in SERVER_SET}
    return {**{k: v for k, v in body.items() if k != "status"}, "metadata": metadata}


def wished(body: JSON) -> JSON:
    """Return what of a manifest can differ from live, and where it would be found there.

    Without the object's identity and what the server sets, and with ``stringData`` as ``data``.
    """
    head = ("apiVersion", "kind", "metadata", "status")
    wish = {k: v for k, v in body.items() if k not in head}
    if isinstance(body.get("metadata"), dict):
        unset = SERVER_SET | _IDENTITY
        wish["metadata"] = {k: v for k, v in body["metadata"].items() if k not in unset}
    if is_secret(body):
        wish = _with_data(wish)
    return wish


def is_secret(body: JSON) -> bool:
    """Say whether this is a Secret, whose values nobody may see."""
    return bool(body.get("kind") == "Secret" and body.get("apiVersion") == "v1")


def skeleton(body: JSON) -> JSON:
    """Return what the record keeps of a Secret: every path, and "" for every value.

    Finalizers and owners keep their values, which are their paths.
    """
    metadata = body.get("metadata") or {}
    named = {k: v for k, v in metadata.items() if k in ("name", "namespace", *_LISTS)}
    rest = {k: v for k, v in metadata.items() if k not in named}
    whole = {k: v for k, v in body.items() if k in ("apiVersion", "kind")}
    blank = {k: v for k, v in body.items() if k not in (*whole, "metadata")}
    return {**whole, "metadata": {**named, **_blank(rest)}, **_blank(blank)}


_LISTS = ("finalizers", "ownerReferences")


def _blank(value: JSON) -> JSON:
    match value:
        case dict():
            return {key: _blank(child) for key, child in value.items()}
        case list():
            return [_blank(child) for child in value]
        case None:
            return None
        case _:
            return ""


def _with_data(secret: JSON) -> JSON:
    """Return a Secret with ``stringData`` where the server puts it: in ``data``, which it beats."""
    texts = secret.get("stringData")
    rest = {k: v for k, v in secret.items() if k != "stringData"}
    if not isinstance(texts, dict):
        return rest
    encoded = {key: _encoded(text) for key, text in texts.items()}
    return {**rest, "data": {**(rest.get("data") or {}), **encoded}}


def _encoded(text: JSON) -> JSON:
    if not isinstance(text, str):
        return text
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


# --- values ----------------------------------------------------------------------------------


def digest(value: JSON) -> str:
    """Return 16 hex digits that stand for a value, or for ABSENT; key order plays no part."""
    text = b"" if value is ABSENT else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:16]


def is_same_scalar(node: Node, one: JSON, other: JSON) -> bool:
    """Say whether two scalars mean the same to this place of the schema."""
    if node.shape == "quantity":
        first, second = quantity(one), quantity(other)
        if first is not None and second is not None:
            return first == second
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, str) and isinstance(other, str):
        return one == other or (node.is_bytes and _is_same_base64(one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return _as_stored(one) == _as_stored(other)
    return one is None and other is None


def _as_stored(number: float) -> float:
    """Return a number as the server keeps it: an integer of more than 64 bits is a float."""
    return number if -(2**63) <= number < 2**63 else float(number)


def is_same(node: Node, desired: JSON, live: JSON) -> bool:
    """Say whether live is what desired says, as a whole: the way atomic values are compared.

    Lengths, order and scalars are exact. What live has beyond desired must be a default; what it
    lacks, a zero value that the server does not write.
    """
    if isinstance(desired, dict) and isinstance(live, dict):
        return _is_same_object(node, desired, live)
    if isinstance(desired, list) and isinstance(live, list):
        items = node.items
        return len(desired) == len(live) and all(
            is_same(items, one, other) for one, other in zip(desired, live, strict=True)
        )
    if isinstance(desired, dict | list) or isinstance(live, dict | list):
        return False
    return is_same_scalar(node, desired, live)


def _is_same_object(node: Node, desired: JSON, live: JSON) -> bool:
    if node.definition == _LIMIT_RANGE_ITEM:
        desired = _with_limits(desired)
    if node.definition == _CLAIM:
        desired = {name: wanted for name, wanted in desired.items() if name != "status"}
    if not all(_is_same_field(node.field(n), want, live.get(n)) for n, want in desired.items()):
        return False
    return all(
        is_default(node.field(name), there) for name, there in live.items() if name not in desired
    )


def _is_same_field(node: Node, wanted: JSON, there: JSON) -> bool:
    if there is None:
        return is_nothing(node, wanted)
    is_null = wanted is None and node.is_nullable
    if is_nothing(node, wanted) and not is_null:
        # Left out, but for the words: the server does as if it were.
        return is_default(node, there)
    return is_same(node, wanted, there)


def _with_limits(item: JSON) -> JSON:
    """Return an item of a LimitRange as the server completes it: a maximum is a default too."""
    if item.get("type") != "Container":
        return item
    limits = {**(item.get("max") or {}), **(item.get("default") or {})}
    requests = {**(item.get("min") or {}), **limits, **(item.get("defaultRequest") or {})}
    return {**item, "default": limits, "defaultRequest": requests}


def is_nothing(node: Node, value: JSON) -> bool:
    """Say whether this value of a field is the same as no value at all."""
    if value is None or value is ABSENT:
        return True
    return node.drops_zero and not value


def is_default(node: Node, value: JSON) -> bool:
    """Say whether the server would put this value there by itself, were it left out."""
    if is_nothing(node, value):
        return True
    if any(is_same(node, default, value) for default in node.defaults):
        return True
    # A struct that Go always writes: its fields are what counts.
    return (
        isinstance(value, dict)
        and node.default == {}
        and all(is_default(node.field(name), child) for name, child in value.items())
    )


def comes_back(node: Node, value: JSON) -> bool:
    """Say whether to remove this value would change nothing: the server would put it there again.

    Or it was given by the server, and nobody asks for another one.
    """
    if is_nothing(node, value):
        return True
    if node.is_allocated:
        # "None" is a wish for a Service without an address, and never allocated.
        return value not in ("None", ["None"])
    if node.steady is not ABSENT and is_same(node, node.steady, value):
        return True
    return (
        isinstance(value, dict)
        and node.default == {}
        and all(comes_back(node.field(name), child) for name, child in value.items())
    )


def without_nulls(node: Node, value: JSON) -> JSON:
    """Return the value as it is written: null means "must be absent", unless it is a value."""
    match value:
        case dict():
            children = ((name, child, node.field(name)) for name, child in value.items())
            return {
                name: without_nulls(inner, child)
                for name, child, inner in children
                if child is not None or inner.is_nullable or node.is_atomic
            }
        case list():
            return [without_nulls(node.items, child) for child in value]
        case _:
            return value


def with_admitted(pod: JSON, live: JSON) -> JSON:
    """Return the wish for a Pod with the tolerations that admission added to those of Git."""
    wanted = (pod.get("spec") or {}).get("tolerations")
    there = (live.get("spec") or {}).get("tolerations")
    if not isinstance(wanted, list) or not isinstance(there, list):
        return pod
    added = [one for one in there if one in _ADMITTED and one not in wanted]
    if [*wanted, *added] != there:
        return pod
    return {**pod, "spec": {**pod["spec"], "tolerations": there}}


def _is_same_base64(one: str, other: str) -> bool:
    """Compare as Go decodes: line breaks inside do not count, everything else does."""
    try:
        first, second = (
            base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
            for text in (one, other)
        )
    except (binascii.Error, ValueError):
        return False
    return first == second


def quantity(value: JSON) -> Fraction | None:
    """Return the number that a Quantity stands for, as the server rounds it; None for no Quantity.

    Nothing finer than a billionth (rounded away from zero), nothing beyond 2^63-1.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return _quantity(value if isinstance(value, str) else repr(value))


@functools.lru_cache(maxsize=4096)
def _quantity(text: str) -> Fraction | None:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    sign, digits, binary, decimal, exponent = match.groups()
    number = Fraction(digits if digits[-1] != "." else digits[:-1])
    if binary:
        number *= _BINARY[binary]
    elif decimal:
        number *= _DECIMAL[decimal]
    elif exponent:
        # Beyond these powers it is capped or rounded anyway, and 10**9999 would take its time.
        number *= Fraction(10) ** max(-60, min(60, int(exponent)))
    number = min(_MOST, Fraction(math.ceil(number * _NANO), _NANO))
    return -number if sign == "-" else number
