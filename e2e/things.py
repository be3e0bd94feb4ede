"""A kind of somebody's own, Things, in a group that belongs to one test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.model import JSON

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def definition(group: str, *versions: str, size: JSON = None) -> str:
    """A CustomResourceDefinition; the first version is stored. ``size`` is its field's schema."""
    versions = versions or ("v1",)
    schema = {"type": "object", "properties": {"spec": {
        "type": "object", "properties": {"size": size or {"type": "integer"}}}}}  # fmt: skip
    return json.dumps({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group, "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things"},
            "versions": [
                {"name": name, "served": True, "storage": name == versions[0],
                 "schema": {"openAPIV3Schema": schema}}
                for name in versions
            ],
        },
    })  # fmt: skip


def thing(group: str, version: str = "v1", *, name: str = "a", size: int = 1) -> str:
    """A Thing."""
    return (
        f"apiVersion: {group}/{version}\nkind: Thing\nmetadata: {{name: {name}}}\n"
        f"spec: {{size: {size}}}\n"
    )
