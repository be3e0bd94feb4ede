"""What `plumb explain` says about each PLB code. Stable: a code keeps its meaning for ever.

Numbers: 1xx settings and usage, 2xx Git, 3xx manifests, 4xx cluster, 5xx plan and safety rules,
6xx apply, 7xx health.
"""

from __future__ import annotations

from typing import NamedTuple


class Explanation(NamedTuple):
    """A title of a few words, what it means, and what to do."""

    title: str
    meaning: str
    remedy: str


SETTINGS: dict[str, Explanation] = {}  # PLB1xx

GIT: dict[str, Explanation] = {}  # PLB2xx

MANIFESTS: dict[str, Explanation] = {  # PLB3xx
    "PLB390": Explanation(
        "Wave is not a number",
        "Annotation plumb.dev/wave of a manifest is not a whole number of at most six digits "
        "written as a string, so the object's place in the order is unknown.",
        'Write a whole number in quotes, as in plumb.dev/wave: "1"; leave it out for wave 0.',
    ),
}

CLUSTER: dict[str, Explanation] = {}  # PLB4xx

SAFETY: dict[str, Explanation] = {}  # PLB5xx

APPLY: dict[str, Explanation] = {}  # PLB6xx

HEALTH: dict[str, Explanation] = {}  # PLB7xx

CODES: dict[str, Explanation] = {
    **SETTINGS, **GIT, **MANIFESTS, **CLUSTER, **SAFETY, **APPLY, **HEALTH,
}  # fmt: skip
