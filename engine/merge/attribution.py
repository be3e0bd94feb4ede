"""Whose the live value at a path is, as the server's managedFields tell. Read for people only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.merge.change import Place
    from engine.model import JSON


def manager_of(live: JSON, place: Place) -> str:
    """Return the field manager that owns the value, the latest of several; "" when unknown."""
    entries = (live.get("metadata") or {}).get("managedFields") or ()
    owners = [e for e in entries if isinstance(e, dict) and _owns(e.get("fieldsV1"), place)]
    if not owners:
        return ""
    # RFC 3339 in UTC sorts as text.
    return str(max(owners, key=lambda e: str(e.get("time", ""))).get("manager", ""))


def _owns(fields: JSON, place: Place) -> bool:
    for step in place.way:
        if not isinstance(fields, dict):
            return False
        if fields == {}:
            return True  # the owner of an atomic value owns all of it
        inner = _inside(fields, step)
        if inner is None:
            return False
        fields = inner
    return True


def _inside(fields: JSON, step: Place) -> JSON:
    if step.keys is not None:
        wanted = {key: value for key, value in step.keys.items() if value is not None}
        for name, inner in fields.items():
            if name.startswith("k:") and _decoded(name) == wanted:
                return inner
        return None
    if step.name.startswith("[="):
        named = fields.get(f"v:{json.dumps(step.name[2:-1], ensure_ascii=False)}")
        return named if named is not None else None
    return fields.get(f"f:{step.token}")


def _decoded(name: str) -> JSON:
    try:
        return json.loads(name[2:])
    except ValueError:
        return None
