"""Situations for tests, from plain bodies: what Git has, what was applied, what is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.inventory import Entry, Inventory, marked
from engine.kinds import Kinds
from engine.model import (
    JSON,
    Application,
    Live,
    Manifest,
    ObjectRef,
    Origin,
    Revision,
    Source,
)
from engine.namespaces import Placement
from engine.parse import digest
from engine.plan import recorded
from engine.schema import bundled
from engine.situation import Observation, Situation

if TYPE_CHECKING:
    from collections.abc import Iterable

ME = "0" * 32
OTHER = "f" * 32
SHOP = Application("shop", "shop", Source("https://git.example/config.git", path="apps/shop"))
REVISION = Revision("c" * 40, "d" * 40)


def body(kind: str, name: str, *, api: str = "v1", namespace: str = "shop", **fields: Any) -> JSON:
    """A manifest's body; ``namespace`` "" is cluster scope."""
    metadata: dict[str, JSON] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    metadata.update(fields.pop("metadata", {}))
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def config_map(name: str, /, **data: str) -> JSON:
    """A ConfigMap in namespace shop."""
    return body("ConfigMap", name, data=data)


def deployment(name: str = "web", **spec: Any) -> Any:
    """A Deployment as people write it."""
    labels = {"matchLabels": {"app": name}}
    pod = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [
        {"name": "web", "image": "web:1"}]}}  # fmt: skip
    return body(
        "Deployment", name, api="apps/v1", spec={"selector": labels, "template": pod, **spec}
    )


def ref_of(found: JSON) -> ObjectRef:
    """Which object a body is."""
    group = found["apiVersion"].rpartition("/")[0]
    metadata = found["metadata"]
    return ObjectRef(group, found["kind"], metadata.get("namespace", ""), metadata["name"])


def manifest(found: JSON, *, path: str = "apps/shop/objects.yaml", line: int = 1) -> Manifest:
    """A body as Git has it."""
    return Manifest(ref_of(found), found, Origin(path, line), digest(found))


def live(found: JSON, *, owner: str = ME, uid: str = "", **metadata: JSON) -> Live:
    """A body as the server has it, with the owner's marks ("" for none)."""
    ref = ref_of(found)
    there = marked(found, owner, ref) if owner else found
    filled = {
        **there["metadata"],
        "uid": uid or f"uid-{ref.name}",
        "resourceVersion": "7",
        **metadata,
    }
    return Live(ref, {**there, "metadata": filled})


def entry(found: JSON, **fields: Any) -> Entry:
    """What the record keeps of a body that was applied and answered."""
    made = manifest(found)
    known = Entry(
        made.ref, uid=f"uid-{made.ref.name}", version=made.api_version, applied=recorded(made)
    )
    return replace(known, **fields)


def situation(
    *,
    desired: Iterable[JSON] = (),
    there: Iterable[Live] = (),
    record: Iterable[Entry] = (),
    **fields: Any,
) -> Situation:
    """A situation in which everything that is not there is proven to be absent."""
    manifests = tuple(manifest(found, line=n) for n, found in enumerate(desired, 1))
    entries = {known.ref: known for known in record}
    seen = {found.ref: found for found in there}
    asked = {m.ref for m in manifests} | set(entries)
    made = Situation(
        application=SHOP,
        revision=REVISION,
        placement=Placement(manifests),
        inventory=Inventory(ME, str(SHOP), entries),
        owner=ME,
        observation=Observation(live=seen, absent=frozenset(asked - set(seen))),
        kinds=Kinds.bundled(),
        schemas=bundled(),
    )
    return replace(made, **fields)
