"""What the walk finds: a place in the live object, and what has to happen there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from engine.jsonpatch import pointer
from engine.schema.elements import element_name

if TYPE_CHECKING:
    from engine.model import JSON, Why
    from engine.schema import Node


class Values(NamedTuple):
    """The three values at one place; ABSENT where there is none."""

    last: JSON
    desired: JSON
    live: JSON


class Place:
    """One place in live, and the way to it from the root; made once per object or list.

    ``token`` is the part of the JSON pointer; ``name`` the part that people read, which names an
    element by its keys. ``keys`` are the values that identify the element in live.
    """

    __slots__ = ("is_ambiguous", "keys", "name", "parent", "token")

    def __init__(
        self, parent: Place | None, token: str, *, name: str = "", keys: JSON = None
    ) -> None:
        self.parent = parent
        self.token = token
        self.name = name or token
        self.keys = keys
        # Another element of live has the same keys, so they do not tell which one is meant.
        self.is_ambiguous = False

    @property
    def way(self) -> tuple[Place, ...]:
        """Every place from below the root to here."""
        way: list[Place] = []
        here: Place | None = self
        while here is not None and here.parent is not None:
            way.append(here)
            here = here.parent
        return tuple(reversed(way))

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(place.token for place in self.way)

    @property
    def pointer(self) -> str:
        """The RFC 6901 pointer into live."""
        return pointer(self.parts)

    @property
    def path(self) -> str:
        """The pointer as people read it: stable while elements move."""
        return pointer(place.name for place in self.way)

    def __truediv__(self, token: str) -> Place:
        return Place(self, token)


class Act(Enum):
    """What happens at a place."""

    ADD = auto()  # a key that is not there
    REPLACE = auto()
    REMOVE = auto()  # a key
    INSERT = auto()  # a list element, at `index` of the finished list, or at the end
    DELETE = auto()  # a list element
    REORDER = auto()  # a whole list, in the order of `order`


@dataclass(slots=True, eq=False)
class Change:
    """One difference. Of an element to insert ``at`` is only good for its name and its list.

    ``index``: where an inserted element ends up, None for the end. ``order``: what a reordered list
    holds afterwards, as indices into live and new elements.
    """

    act: Act
    at: Place
    before: JSON
    after: JSON
    why: Why
    index: int | None = None
    order: list[int | Change] = field(default_factory=list)


def element_at(node: Node, live: list[JSON], index: int, at: Place) -> Place:
    """Return the place of a list element of live; ``node`` is the list's."""
    element = live[index]
    name = element_name(node, element)
    keys = {key: element.get(key) for key in node.keys} if node.keys else None
    return Place(at, str(index), name=name, keys=keys)
