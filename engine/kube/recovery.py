"""What a record that is lost or damaged leaves to find out: whose marks there are, and on what.

Read requests only. Nothing is deleted for what is found here without a token (engine.prune).
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.errors import DeniedError, PlumbError
from engine.inventory import owner_of
from engine.kube.claims import ids_with_a_record
from engine.model import OWNER_LABEL, Live, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.inventory import Inventory
    from engine.kinds import Kinds, Resource
    from engine.kube.client import Client
    from engine.kube.record import Record
    from engine.situation import Observation

_LOST = "it is missing, and there was one: marks on objects or the status tell of it"


@dataclass(slots=True)
class Recovery:
    """Looks, once in a run, for everything that carries the mark of a record in doubt.

    Afterwards, and in later runs, only where something was found. ``remembered`` is the id that the
    Application's status has, "" for none.
    """

    client: Client
    record: Record
    remembered: str = ""
    _is_done: bool = field(init=False, default=False)

    def observe(self, seen: Observation, kinds: Kinds) -> Observation:
        """Return the observation with all strays; the record's inventory learns where they are."""
        inventory = self.record.inventory
        if not self.record.exists and not inventory.doubt:
            inventory = self._recognised(seen)
        if inventory.doubt and not self._is_done:
            found, unread = _marked(self.client, _everywhere(kinds), owner=inventory.id)
            told = f"; its objects could not be looked for among {', '.join(unread)}"
            inventory = replace(inventory, doubt=inventory.doubt + (told if unread else ""))
            self._is_done = True
        elif inventory.places:
            known = ((r, p[2]) for p in inventory.places if (r := kinds.preferred(p[0], p[1])))
            found, unread = _marked(self.client, known, owner=inventory.id)
        else:
            return seen
        places = {(ref.group, ref.kind, ref.namespace) for ref in found if ref not in seen.live}
        kept = inventory.places if unread else ()
        self.record.inventory = replace(inventory, places=tuple(sorted({*places, *kept})))
        strays = {ref: live for ref, live in found.items() if ref not in seen.live}
        return replace(seen, strays={**strays, **seen.strays})

    def _recognised(self, seen: Observation) -> Inventory:
        """Return a fresh inventory, under the id of a lost record where there was one.

        It is the one that the status remembers, or that most marks are of.
        """
        inventory, likeliest = self.record.inventory, self.remembered or _commonest(seen)
        if not likeliest:
            return inventory
        try:
            known = ids_with_a_record(self.client, [likeliest], namespace=self.record.namespace)
        except DeniedError:
            return inventory
        if known is None or likeliest in known:
            return inventory
        self.record.inventory = replace(inventory, id=likeliest, doubt=_LOST)
        return self.record.inventory


def _commonest(seen: Observation) -> str:
    """Return the id of which most of the marks are, "" where there is no such id."""
    counts = Counter(filter(None, (owner_of(live) for live in seen.live.values())))
    owner, count = counts.most_common(1)[0] if counts else ("", 0)
    return owner if count * 2 > counts.total() else ""


def strays_of(client: Client, inventory: Inventory, kinds: Kinds) -> Mapping[ObjectRef, Live]:
    """Return what carries the mark and is not in the record, where such was found before."""
    places = ((r, p[2]) for p in inventory.places if (r := kinds.preferred(p[0], p[1])))
    found, _ = _marked(client, places, owner=inventory.id)
    return {ref: live for ref, live in found.items() if ref not in inventory.entries}


def _everywhere(kinds: Kinds) -> Iterable[tuple[Resource, str]]:
    """Return every kind that can be listed and deleted, in one version, in all namespaces."""
    families = dict.fromkeys((r.group, r.kind) for r in kinds)
    found = (kinds.preferred(group, kind) for group, kind in families)
    return [(r, "") for r in found if r and {"list", "delete"} <= r.verbs and not r.pending]


def _marked(
    client: Client, places: Iterable[tuple[Resource, str]], *, owner: str
) -> tuple[dict[ObjectRef, Live], list[str]]:
    """Return the objects that carry this owner's mark, and the kinds that could not be listed."""
    places = list(places)
    with ThreadPoolExecutor(client.connections, thread_name_prefix="recovery") as pool:
        lists = list(pool.map(lambda place: _listed(client, *place, owner=owner), places))
    found = {live.ref: live for listed in lists if listed is not None for live in listed}
    unread = {r.kind for (r, _), listed in zip(places, lists, strict=True) if listed is None}
    return found, sorted(unread)


def _listed(client: Client, resource: Resource, namespace: str, *, owner: str) -> list[Live] | None:
    try:
        bodies = list(
            client.list(resource.path(namespace), label_selector=f"{OWNER_LABEL}={owner}")
        )
    except PlumbError:
        return None
    found = []
    for body in bodies:
        metadata = body["metadata"]
        ref = ObjectRef(
            resource.group, resource.kind, metadata.get("namespace", ""), metadata["name"]
        )
        # A copy that a controller made carries the label, and a mark that names another object.
        if owner_of(live := Live(ref, body)) == owner:
            found.append(live)
    return found
