"""Reading what stands in spec and status without trusting its shape.

Belongs here: access only. A custom resource may hold anything under these names, so a value of the
wrong type is one exception that ``assess`` turns into Unknown.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.model import JSON

_MESSAGE_CHARACTERS = 300


class MalformedError(Exception):
    """A field that health depends on is not what its kind promises."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One of ``status.conditions``, for the spec as it is now."""

    type: str
    status: str
    reason: str
    message: str

    @property
    def is_true(self) -> bool:
        return self.status == "True"

    @property
    def is_false(self) -> bool:
        return self.status == "False"

    def __str__(self) -> str:
        """Reason and message, whichever are there, else the type."""
        return ": ".join(part for part in (self.reason, self.message) if part) or self.type


class Status:
    """One live object, asked by field."""

    def __init__(self, live: JSON, *, now: datetime | None = None) -> None:
        if not isinstance(live, dict):
            raise MalformedError("this is no object")
        self._live = live
        self._now = now
        self.metadata = self._mapping(live, "metadata", "metadata")
        self.spec = self._mapping(live, "spec", "spec")
        self.status = self._mapping(live, "status", "status")
        self.kind = str(live.get("kind", ""))
        self.group, _, _ = str(live.get("apiVersion", "")).rpartition("/")

    @property
    def generation(self) -> int | None:
        return _whole(self.metadata.get("generation"))

    @property
    def observed_generation(self) -> int | None:
        """``status.observedGeneration``; None where it is missing or no whole number."""
        return _whole(self.status.get("observedGeneration"))

    @property
    def age_s(self) -> float | None:
        """Seconds since creation; None without a clock or a readable timestamp."""
        created = self.metadata.get("creationTimestamp")
        if self._now is None or not isinstance(created, str):
            return None
        try:
            moment = datetime.fromisoformat(created)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (self._now - moment).total_seconds()

    @property
    def conditions(self) -> dict[str, Condition]:
        """By type; one that was written for an older generation of the spec counts as Unknown."""
        return self._conditions(self.status.get("conditions"))

    def annotated_conditions(self, name: str) -> dict[str, Condition]:
        """Conditions that an annotation holds as JSON; empty without a readable one."""
        value = self.annotation(name)
        try:
            return self._conditions(json.loads(value)) if isinstance(value, str) else {}
        except (ValueError, RecursionError):
            return {}

    def _conditions(self, listed: JSON) -> dict[str, Condition]:
        if listed is None:
            return {}
        if not isinstance(listed, list):
            raise MalformedError("status.conditions is not a list")
        found = (self._condition(item, index) for index, item in enumerate(listed))
        return {condition.type: condition for condition in found}

    def number(self, path: str, default: int = 0) -> int:
        """Whole number at a dotted path of spec or status; ``default`` when it is missing."""
        value = self.at(path)
        if value is None:
            return default
        number = _whole(value)
        if number is None:
            raise MalformedError(f"{path} is not a whole number")
        return number

    def text(self, path: str) -> str:
        """Text at a dotted path; empty when it is missing."""
        value = self.at(path)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise MalformedError(f"{path} is not a text")
        return value

    def items(self, path: str) -> list[Mapping[str, JSON]]:
        """Objects of the list at a dotted path; empty when it is missing."""
        value = self.at(path)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise MalformedError(f"{path} is not a list of objects")
        return value

    def at(self, path: str) -> JSON:
        """Whatever stands at a dotted path, None when it or a parent is missing."""
        value: JSON = self._live
        for part in path.split("."):
            if value is None:
                return None
            if not isinstance(value, dict):
                raise MalformedError(f"a parent of {path} is not an object")
            value = value.get(part)
        return value

    def annotation(self, name: str) -> JSON:
        annotations = self.metadata.get("annotations")
        return annotations.get(name) if isinstance(annotations, dict) else None

    def _condition(self, item: JSON, index: int) -> Condition:
        if not isinstance(item, dict):
            raise MalformedError(f"status.conditions[{index}] is not an object")
        name = str(item.get("type", ""))
        seen, generation = _whole(item.get("observedGeneration")), self.generation
        if seen is not None and generation is not None and seen < generation:
            return Condition(name, "Unknown", "", f"seen for generation {seen}, not {generation}")
        return Condition(
            type=name,
            status=str(item.get("status", "")),
            reason=one_line(item.get("reason")),
            message=one_line(item.get("message")),
        )

    @staticmethod
    def _mapping(live: Mapping[str, JSON], name: str, path: str) -> Mapping[str, JSON]:
        value = live.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise MalformedError(f"{path} is not an object")
        return value


def one_line(value: JSON) -> str:
    """Put a controller's text on one line and of a bearable length; empty for None."""
    if value is None:
        return ""
    text = " ".join(str(value).split())
    return text if len(text) <= _MESSAGE_CHARACTERS else text[: _MESSAGE_CHARACTERS - 1] + "…"


def _whole(value: JSON) -> int | None:
    """Read a whole number; a bool is none, and JSON may spell 3 as 3.0."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else None
