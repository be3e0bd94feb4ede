"""`--set [FILE:]PATH=VALUE` taken apart, and looked up in a document. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.errors import SettingsError
from engine.promote.scan import Leaf, escape

if TYPE_CHECKING:
    from engine.promote.scan import Node

_FILE: Final = re.compile(r"(?P<file>[^=]*?\.(?:ya?ml|json)):(?P<rest>.*)", re.DOTALL)
_STEP: Final = re.compile(
    r"\.?(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|(?P<word>[^.\[\]=\"]+))"
    r"|\[(?P<number>\d+)\]|\[(?P<key>[^\]=]+)=(?P<value>[^\]]*)\]"
)
_POINTER: Final = re.compile(r"(?P<pointer>(?:/[^/=]*)+)=(?P<value>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Match:
    """The element of a list whose ``key`` is ``value``."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class SetWish:
    """Set one value. ``path`` is how it was written; ``file`` "" is any file that has the place.

    ``path`` may also be the name in a setter comment.
    """

    path: str
    value: str
    steps: tuple[str | Match, ...]
    file: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.path}={self.value}" if self.file else f"{self.path}={self.value}"


def parse_set(text: str) -> SetWish:
    """Read one --set; SettingsError when it is not understood."""
    match = _FILE.fullmatch(text)
    file, rest = (match["file"], match["rest"]) if match else ("", text)
    pointer = _POINTER.fullmatch(rest)
    if pointer is not None:
        steps: tuple[str | Match, ...] = tuple(
            raw.replace("~1", "/").replace("~0", "~") for raw in pointer["pointer"].split("/")[1:]
        )
        return _checked(SetWish(pointer["pointer"], pointer["value"], steps, file), text)
    found: list[str | Match] = []
    at = 0
    while at < len(rest) and rest[at] != "=":
        step = _STEP.match(rest, at)
        if step is None or step.end() == at:
            break
        found.append(_step(step))
        at = step.end()
    if not found or at >= len(rest) or rest[at] != "=":
        raise SettingsError(
            "PLB802", f"{text!r} is not PATH=VALUE", where="--set",
            why="PATH is spec.replicas, containers[name=web].image, list[0] or a pointer as /a/b",
            hint="a key with a dot in it stands in double quotes, or use a pointer",
        )  # fmt: skip
    return _checked(SetWish(rest[:at], rest[at + 1 :], tuple(found), file), text)


def _checked(wish: SetWish, text: str) -> SetWish:
    if any(not char.isprintable() for char in wish.value):
        raise SettingsError(
            "PLB802", f"the value of {wish.path} holds a control character", where="--set",
            why="values of several lines are not set this way", hint="change the file by hand",
        )  # fmt: skip
    if any(not char.isprintable() for char in text):
        raise SettingsError("PLB802", "a path holds a control character", where="--set")
    return wish


def _step(match: re.Match[str]) -> str | Match:
    if match["quoted"] is not None:
        return re.sub(r"\\(.)", r"\1", match["quoted"])
    if match["key"] is not None:
        return Match(match["key"], match["value"])
    return str(match["word"] or match["number"])


def resolve(root: Node, wish: SetWish) -> tuple[str, Leaf] | None:
    """Return pointer and place of a path in a document; None when it is not there or no scalar."""
    node, pointer = root, ""
    for step in wish.steps:
        key = _key(node, step)
        if key is None:
            return None
        node = node[int(key)] if isinstance(node, list) else node[key]  # type: ignore[index]
        pointer += f"/{escape(key)}"
    return (pointer, node) if isinstance(node, Leaf) else None


def _key(node: Node, step: str | Match) -> str | None:
    if isinstance(node, dict):
        return step if isinstance(step, str) and step in node else None
    if not isinstance(node, list):
        return None
    if isinstance(step, str):
        return step if step.isdigit() and int(step) < len(node) else None
    for number, element in enumerate(node):
        inner = element.get(step.key) if isinstance(element, dict) else None
        if isinstance(inner, Leaf) and str(inner.value) == step.value:
            return str(number)
    return None
