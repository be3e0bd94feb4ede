"""How one element of a keyed list is told from another, and what it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.model import ABSENT, JSON

if TYPE_CHECKING:
    from engine.schema.node import Node


def key_value(node: Node, element: JSON, name: str) -> JSON:
    """Return the value of a key field, None where it has none: "" is left to the default too."""
    value = element.get(name)
    if value is None or value == "":
        default = node.items.field(name).default
        return value if default is ABSENT else default
    return value


def key_text(value: JSON) -> str:
    """Return a key as a path spells it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def element_name(node: Node, element: JSON) -> str:
    """Return how an element of this list is called in a path: "[name=web]", of a set "[=value]".

    A key field that is left out has its default, so that Git and live call it the same.
    """
    if not node.keys:
        return f"[={key_text(element)}]"
    pairs = (f"{key}={key_text(key_value(node, element, key))}" for key in node.keys)
    return f"[{','.join(pairs)}]"
