"""The form of an explanation."""

from __future__ import annotations

from typing import NamedTuple


class Explanation(NamedTuple):
    """A title of a few words, what it means, and what to do."""

    title: str
    meaning: str
    remedy: str
