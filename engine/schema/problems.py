"""What the API server's strict validation would refuse, found before it is asked.

Never a false alarm: what cannot be judged exactly passes. Messages name fields and types, never
values, which may be secret.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Literal, NamedTuple

from engine.jsonpatch import pointer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.model import JSON
    from engine.schema.documents import Schemas
    from engine.schema.node import Node

    Path = tuple[str, ...]


class Problem(NamedTuple):
    """One thing that is wrong with a manifest, at a JSON pointer."""

    pointer: str
    message: str
    rule: Literal["unknown", "type", "missing", "double"] = "type"


class UnknownField(NamedTuple):
    """A field that the kind does not have; ``suggestion`` is "" when nothing comes close."""

    pointer: str
    suggestion: str


def problems(body: JSON, schemas: Schemas) -> tuple[Problem, ...]:
    """Return unknown fields, wrong types, missing fields and doubled keys; () for unknown kinds."""
    root = schemas.of(str(body.get("apiVersion")), str(body.get("kind")))
    return tuple(_object(root, _judged(body), ())) if root else ()


def unknown_fields(body: JSON, schemas: Schemas) -> tuple[UnknownField, ...]:
    """Return the fields that the kind does not have."""
    root = schemas.of(str(body.get("apiVersion")), str(body.get("kind")))
    if root is None:
        return ()
    return tuple(_unknown(root, _judged(body), ()))


def _judged(body: JSON) -> JSON:
    """Return what is sent: a status in a manifest is left out, so nobody needs to mend it."""
    return {name: value for name, value in body.items() if name != "status"}


def _value(node: Node, value: JSON, path: Path) -> Iterator[Problem]:
    if value is None:
        if path[-1].isdecimal() and not node.is_built_in and not _takes_null(node):
            yield Problem(pointer(path), f"{_name(path)} must not be null")
        return
    if not _fits(node.shape, value):
        yield Problem(pointer(path), f"{_name(path)} must be {_A[node.shape]}, is {_kind(value)}")
        return
    if isinstance(value, dict) and node.shape in ("object", "map"):
        yield from _object(node, value, path)
    elif isinstance(value, list) and node.shape == "list":
        yield from _list(node, value, path)


def _object(node: Node, value: JSON, path: Path) -> Iterator[Problem]:
    for name, child in value.items():
        if node.has(name):
            yield from _value(node.field(name), child, (*path, name))
        elif not node.keeps_more:
            found = _suggestion(node, name)
            hint = f"; did you mean {found}?" if found else ""
            text = f"unknown field {_name((*path, name))}{hint}"
            yield Problem(pointer((*path, name)), text, "unknown")
    for name in sorted(_missing(node, value)):
        yield Problem(pointer(path), f"{_name((*path, name))} is missing", "missing")


def _missing(node: Node, value: JSON) -> Iterator[str]:
    # Of built-in kinds OpenAPI calls fields required that the server fills in (roleRef.apiGroup).
    if node.is_built_in or not node.required:
        return
    for name in node.required:
        if value.get(name) is None and name not in value and not node.field(name).defaults:
            yield name


def _list(node: Node, value: list[JSON], path: Path) -> Iterator[Problem]:
    for index, element in enumerate(value):
        yield from _value(node.items, element, (*path, str(index)))
    doubled = _doubled(node, value)
    if doubled and node.wider:
        node = node.wider
        doubled = _doubled(node, value)
    for index in doubled:
        here = (*path, str(index))
        keys = " and ".join(node.keys)
        text = f"{_name(here)} has the same {keys} as one above"
        yield Problem(pointer(here), text, "double")


def _doubled(node: Node, elements: list[JSON]) -> list[int]:
    """Return where elements stand whose keys are those of one before."""
    seen: set[str] = set()
    found = []
    for index, element in enumerate(elements):
        if node.keys and isinstance(element, dict):
            key = repr([element.get(k) or node.items.field(k).default for k in node.keys])
            if key in seen:
                found.append(index)
            seen.add(key)
    return found


def _unknown(node: Node, value: JSON, path: Path) -> Iterator[UnknownField]:
    if isinstance(value, list) and node.shape == "list":
        for index, element in enumerate(value):
            yield from _unknown(node.items, element, (*path, str(index)))
    if not isinstance(value, dict) or node.shape not in ("object", "map"):
        return
    for name, child in value.items():
        if node.has(name):
            yield from _unknown(node.field(name), child, (*path, name))
        elif not node.keeps_more:
            yield UnknownField(pointer((*path, name)), _suggestion(node, name))


_A = {
    "object": "an object", "map": "an object", "list": "a list", "string": "a string",
    "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "quantity": "a quantity", "int-or-string": "a whole number or a string", "any": "anything",
}  # fmt: skip


def _fits(shape: str, value: JSON) -> bool:
    match shape:
        case "object" | "map":
            return isinstance(value, dict)
        case "list":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return _is_whole(value)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "quantity":
            return isinstance(value, str | int | float) and not isinstance(value, bool)
        case "int-or-string":
            return isinstance(value, str) or _is_whole(value)
        case _:
            return True


def _is_whole(value: JSON) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _takes_null(node: Node) -> bool:
    return node.is_nullable or node.shape == "any"


def _kind(value: JSON) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def _suggestion(node: Node, name: str) -> str:
    fields = node.fields
    same = [f for f in fields if f.lower() == name.lower()]
    close = same or difflib.get_close_matches(name, fields, n=1, cutoff=0.7)
    return close[0] if close else ""


def _name(path: Path) -> str:
    """Return the path as people write it: spec.template.spec.containers[0].image."""
    text = ""
    for part in path:
        text += f"[{part}]" if part.isdecimal() else f".{part}" if text else part
    return text
