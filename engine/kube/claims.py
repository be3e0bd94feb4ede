"""The records of a cluster: all of them, or those of the owners whose marks were met."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.errors import DeniedError, NotFoundError, PlumbError, RefusedError
from engine.inventory import Inventory
from engine.kube import resources
from engine.kube.record import APPLICATION_ANNOTATION, Record
from engine.model import RECORD_LABEL
from engine.situation import Claim

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.kube.client import Client
    from engine.model import JSON

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
