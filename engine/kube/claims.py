"""The records of a cluster: all, those of the owners whose marks were met, and what they name.

What others wrote there is read here and believed as far as it goes; nothing here writes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.errors import DeniedError, NotFoundError, PlumbError, RefusedError
from engine.inventory import Inventory, identity_from_json
from engine.kube import resources
from engine.kube.packing import unpack
from engine.kube.record import APPLICATION_ANNOTATION, Record
from engine.model import RECORD_LABEL
from engine.situation import Claim

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.kube.client import Client
    from engine.model import JSON, ObjectRef

_ID = re.compile("[0-9a-f]{32}")


def records(client: Client, *, namespace: str) -> list[Inventory]:
    """Return every record of the cluster, by application; raises DeniedError without the right."""
    heads = _heads(client, namespace, RECORD_LABEL)
    return [_read(client, name, owner, namespace) for owner, name in
            sorted(heads.items(), key=lambda head: head[1])]  # fmt: skip


def claims_of(client: Client, owners: Iterable[str], *, namespace: str) -> dict[str, Claim]:
    """Return the living records of these ids. An id without a record belongs to nobody any more.

    Without the right to read them, every id counts as living and owning what carries its mark.
    """
    ids = sorted(filter(_ID.fullmatch, owners))
    if not ids:
        return {}
    try:
        heads = _heads(client, namespace, f"{RECORD_LABEL} in ({','.join(ids)})")
    except DeniedError:
        return {owner: Claim("another application", "", None) for owner in ids}
    claims = {}
    for owner, application in heads.items():
        inventory = _read(client, application, owner, namespace)
        if inventory.id == owner and not inventory.released and not _is_gone(client, inventory):
            owns = None if inventory.doubt else frozenset(inventory.entries)
            claims[owner] = Claim(application, inventory.source, owns)
    return claims


def ids_with_a_record(client: Client, owners: Iterable[str], *, namespace: str) -> set[str] | None:
    """Return which of these ids a record carries, living or not; None: these are no ids.

    Raises DeniedError without the right to read records.
    """
    ids = sorted(filter(_ID.fullmatch, owners))
    if not ids:
        return None
    return set(_heads(client, namespace, f"{RECORD_LABEL} in ({','.join(ids)})", named=False))


def naming(record: Record, uids: Mapping[ObjectRef, str]) -> dict[ObjectRef, str]:
    """Return which of these very objects another living record names, and how a person hears it.

    A record that cannot be understood names nothing: the marks speak for it. Without the right to
    read the others, each of the objects counts as named.
    """
    if not uids:
        return {}
    try:
        shards = _shards(record)
    except DeniedError:
        return dict.fromkeys(uids, "the records of other applications may not be read")
    named: dict[str, set[ObjectRef]] = {}
    for shard in shards:
        id_ = shard["metadata"]["labels"].get(RECORD_LABEL, "")
        if id_ != record.inventory.id and (found := _named(shard, uids)):
            named.setdefault(id_, set()).update(found)
    living = claims_of(record.client, named, namespace=record.namespace)
    return {
        ref: f"the record of Application {claim.application} names it too"
        for id_, claim in sorted(living.items())
        for ref in named[id_]
    }


def _shards(record: Record) -> list[JSON]:
    """Return the ConfigMap of every part of every record."""
    found = record.shelf.everything() if record.shelf is not None else None
    if found is None:
        path = f"/api/v1/namespaces/{record.namespace}/configmaps"
        found = list(record.client.list(path, params={"labelSelector": RECORD_LABEL}))
    return found


def _named(shard: JSON, uids: Mapping[ObjectRef, str]) -> set[ObjectRef]:
    """Return which of these objects one part of a record names: by uid, or where it has none yet.

    Nothing of what is read is kept: the records of a large cluster are larger than a daemon.
    """
    found = set()
    try:
        for entry in unpack(shard, 0).get("entries") or ():
            ref, uid = identity_from_json(entry)
            if ref in uids and uid in ("", uids[ref]):
                found.add(ref)
    except (ValueError, TypeError):
        return set()
    return found


def _read(client: Client, application: str, owner: str, namespace: str) -> Inventory:
    """Return the record; one of a newer Plumb as doubt, for it may own anything."""
    try:
        return Record(client, application, "", namespace).read()
    except RefusedError as error:
        return Inventory(owner, application, doubt=error.what)


def _heads(client: Client, namespace: str, selector: str, *, named: bool = True) -> dict[str, str]:
    """Return the application of each record id; not ``named``: also where none is told."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    return {
        head["metadata"]["labels"][RECORD_LABEL]: application
        for head in client.list(path, params={"labelSelector": selector})
        if (application := _application(head)) or not named
    }


def _is_gone(client: Client, inventory: Inventory) -> bool:
    """Say whether the record is of an Application resource that is proven to be gone."""
    if inventory.origin != "resource":
        return False
    namespace, _, name = inventory.application.partition("/")
    try:
        resources.get(client, namespace, name)
    except NotFoundError:
        return True
    except PlumbError:
        return False  # an error is no absence
    return False


def _application(head: JSON) -> str:
    return str((head["metadata"].get("annotations") or {}).get(APPLICATION_ANNOTATION, ""))
