"""Which other applications own what: the records of the owners whose marks were met."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.errors import DeniedError
from engine.kube.record import APPLICATION_ANNOTATION, RECORD_LABEL, Record
from engine.situation import Claim

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.kube.client import Client

_ID = re.compile("[0-9a-f]{32}")


def claims_of(client: Client, owners: Iterable[str], *, namespace: str) -> dict[str, Claim]:
    """Return the living records of these ids. An id without a record belongs to nobody any more.

    Without the right to read them, every id counts as living and owning what carries its mark.
    """
    owners = sorted(owners)
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    selector = f"{RECORD_LABEL} in ({','.join(filter(_ID.fullmatch, owners))})"
    try:
        found = list(client.list(path, params={"labelSelector": selector}))
    except DeniedError:
        return {owner: Claim("another application", "", None) for owner in owners}
    claims = {}
    for head in found:
        application = (head["metadata"].get("annotations") or {}).get(APPLICATION_ANNOTATION, "")
        owner = head["metadata"]["labels"][RECORD_LABEL]
        if not application:
            continue
        record = Record(client, application, "", namespace)
        inventory = record.read()
        if inventory.id != owner or inventory.released:
            continue
        owns = None if inventory.doubt else frozenset(inventory.entries)
        claims[owner] = Claim(application, inventory.source, owns)
    return claims
