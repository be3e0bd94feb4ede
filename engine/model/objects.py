"""Objects: which one, where in Git, what Git wants and what is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

JSON: TypeAlias = Any

GROUP = "plumb.dev"
OWNER_LABEL = "plumb.dev/owner"
RECORD_LABEL = "plumb.dev/record"
MARK_ANNOTATION = "plumb.dev/applied-by"
ADOPT_ANNOTATION = "plumb.dev/adopt"
REPLACE_ANNOTATION = "plumb.dev/replace"
PRUNE_ANNOTATION = "plumb.dev/prune"
WAVE_ANNOTATION = "plumb.dev/wave"
FIELD_MANAGER = "plumb"


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """Everything that names an object but the version; ``namespace`` is "" at cluster scope.

    ``str()`` is what people read: "Deployment.apps/shop/web", "ConfigMap/shop/env",
    "Namespace/shop".
    """

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        parts = (kind, self.namespace, self.name) if self.namespace else (kind, self.name)
        return "/".join(parts)


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where in Git a manifest stands; ``line`` counts from 1, ``document`` from 0 in its file.

    ``pointer`` leads to it inside its document: "" but for the items of a List.
    """

    path: str
    line: int
    document: int = 0
    pointer: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One desired object as Git has it. ``digest`` is of the body's canonical JSON."""

    ref: ObjectRef
    body: JSON = field(repr=False)  # it may be a Secret's
    origin: Origin
    digest: str

    @property
    def api_version(self) -> str:
        return str(self.body["apiVersion"])


@dataclass(frozen=True, slots=True)
class Live:
    """One object as the API server has it, with everything it sent (managedFields too)."""

    ref: ObjectRef
    body: JSON = field(repr=False)

    @property
    def api_version(self) -> str:
        return str(self.body.get("apiVersion", ""))

    @property
    def uid(self) -> str:
        return str(self.body["metadata"].get("uid", ""))

    @property
    def resource_version(self) -> str:
        return str(self.body["metadata"].get("resourceVersion", ""))
