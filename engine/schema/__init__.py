"""What the API server knows about kinds: fields, list keys, defaults, unions, immutability.

Belongs here: reading OpenAPI and the tables. Not here: comparing or merging values.
"""

from __future__ import annotations

from engine.schema.documents import Schemas, bundled, untyped
from engine.schema.immutable import replaced_fields
from engine.schema.node import ANY, Node
from engine.schema.problems import Problem, UnknownField, problems, unknown_fields
from engine.schema.unions import Union

__all__ = [
    "ANY",
    "Node",
    "Problem",
    "Schemas",
    "Union",
    "UnknownField",
    "bundled",
    "problems",
    "replaced_fields",
    "unknown_fields",
    "untyped",
]
