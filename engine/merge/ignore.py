"""Fields that are left alone: neither compared nor written.

They are made to look as in live before anything is compared, so that no later step can forget them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.jsonpatch import parts
from engine.model import ABSENT, JSON
from engine.schema.elements import key_text

if TYPE_CHECKING:
    from collections.abc import Iterable

_PAIR = re.compile(r"(?:^|,)([^,=\[\]]*)=((?:(?!,[^,=\[\]]+=).)*)", re.DOTALL)


def left_alone(path: str, last: JSON, desired: JSON, live: JSON) -> tuple[JSON, JSON]:
    """Return last applied and desired without a wish of their own at this path.

    A part is a key, an index, or ``[key=value]`` for the list element that has it.
    """
    steps = parts(path)
    if not steps:
        return {}, {}
    return _without(last, steps), _as_live(desired, live, steps)


def _as_live(desired: JSON, live: JSON, steps: tuple[str, ...]) -> JSON:
    first, *rest = steps
    if isinstance(desired, dict):
        there = live.get(first, ABSENT) if isinstance(live, dict) else ABSENT
        return _with_key(desired, first, there, tuple(rest))
    if isinstance(desired, list):
        others = live if isinstance(live, list) else []
        return _with_element(desired, others, first, tuple(rest))
    return desired


def _with_key(desired: JSON, key: str, there: JSON, rest: tuple[str, ...]) -> JSON:
    if key not in desired:
        return desired
    value = there if not rest else _as_live(desired[key], there, rest)
    return _set(desired, key, value)


def _with_element(
    desired: list[JSON], live: list[JSON], part: str, rest: tuple[str, ...]
) -> list[JSON]:
    mine, others = _index(desired, part), _index(live, part)
    if mine is None:
        return desired
    there = ABSENT if others is None else live[others]
    value = there if not rest else _as_live(desired[mine], there, rest)
    middle = [] if value is ABSENT else [value]
    return [*desired[:mine], *middle, *desired[mine + 1 :]]


def _without(value: JSON, steps: Iterable[str]) -> JSON:
    first, *rest = steps
    if isinstance(value, dict) and first in value:
        return _set(value, first, _without(value[first], rest) if rest else ABSENT)
    if isinstance(value, list) and (index := _index(value, first)) is not None:
        middle = [_without(value[index], rest)] if rest else []
        return [*value[:index], *middle, *value[index + 1 :]]
    return value


def _set(value: JSON, key: str, child: JSON) -> JSON:
    if child is ABSENT:
        return {name: other for name, other in value.items() if name != key}
    return {**value, key: child}


def _index(elements: list[JSON], part: str) -> int | None:
    if part.startswith("[") and part.endswith("]"):
        wanted = _PAIR.findall(part[1:-1])
        return next((i for i, e in enumerate(elements) if wanted and _has(e, wanted)), None)
    return int(part) if part.isdecimal() and int(part) < len(elements) else None


def _has(element: JSON, wanted: list[tuple[str, str]]) -> bool:
    for key, text in wanted:
        value = element.get(key) if isinstance(element, dict) and key else element
        if isinstance(value, dict | list) or key_text(value) != text:
            return False
    return True
