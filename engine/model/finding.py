"""What is wrong with a manifest, or should be looked at, with its place in Git."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from engine.model.objects import ObjectRef


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One problem at path:line:column (from 1). No text in it holds a value, only names."""

    path: str
    line: int
    column: int
    code: str
    message: str
    severity: Literal["error", "warning"] = "error"
    hint: str = ""
    ref: ObjectRef | None = None

    @property
    def where(self) -> str:
        """Where it stands, as path:line:column."""
        return f"{self.path}:{self.line}:{self.column}"
