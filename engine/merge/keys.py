"""Which element of one list is which of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from engine.errors import ManifestError
from engine.schema.elements import key_value

if TYPE_CHECKING:
    from engine.merge.change import Place
    from engine.model import JSON
    from engine.schema import Node

Key: TypeAlias = Any  # hashable


def positions(node: Node, elements: list[JSON]) -> dict[Key, list[int]] | None:
    """Return where each key stands in a keyed list or set; None when it has none after all.

    An element without a key field has its default there, so a port without protocol is TCP.
    """
    found: dict[Key, list[int]] = {}
    if node.is_set:
        for index, element in enumerate(elements):
            if isinstance(element, dict | list):
                return None
            found.setdefault(_hashable(element), []).append(index)
        return found
    for index, element in enumerate(elements):
        if not isinstance(element, dict):
            return None
        key = tuple(_hashable(key_value(node, element, name)) for name in node.keys)
        try:
            found.setdefault(key, []).append(index)
        except TypeError:
            return None
    return found


def _hashable(value: JSON) -> Any:
    # To Python true is 1, to Kubernetes it is not.
    return ("bool", value) if isinstance(value, bool) else value


def is_keyed(node: Node) -> bool:
    """Say whether elements of this list belong to different owners."""
    return bool(node.keys) or node.is_set


def doubled(node: Node, at: Place, index: int) -> ManifestError:
    """Return the error for a second element of the same key in a manifest."""
    keys = " and ".join(node.keys)
    return ManifestError(
        "PLB330", f"two elements of {at.path} have the same {keys}",
        where=(at / str(index)).pointer,
        why="the API server tells the elements of this list apart by that, and would lose one",
        hint="remove or rename one of them",
    )  # fmt: skip
