"""What else a run has to know of the others: who owns what it met, who wants what it gives up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from engine.inventory import owner_of
from engine.kinds import Kinds
from engine.kube.claims import claims_of, naming
from engine.model import ObjectRef
from engine.namespaces import wishes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from engine.kube.record import Record
    from engine.model import Application, Manifest
    from engine.situation import Claim, Observation


class Wishing(Protocol):
    """Another application as Git has it at one commit; engine.run.Desired is one."""

    @property
    def application(self) -> Application: ...

    def wishes(self, kinds: Kinds) -> AbstractSet[ObjectRef]:
        """Return every object that it wants."""
        ...


def claims(
    record: Record, seen: Observation, *, owner: str,
    wants: Callable[[], Mapping[str, frozenset[ObjectRef]]],
) -> Mapping[str, Claim]:  # fmt: skip
    """Return the records of the other owners that were met; asked for only when there are.

    ``wants`` tells what the other applications of the same commit want, by their names.
    """
    owners = {owner_of(live) for live in seen.live.values()} - {"", owner}
    if not owners:
        return {}
    # As the caller, as every record is: whose rights an application has is another matter.
    found = claims_of(record.client, owners, namespace=record.namespace)
    known = wants()
    return {
        id_: replace(claim, desires=known.get(claim.application)) for id_, claim in found.items()
    }


def named_elsewhere(
    record: Record, seen: Observation, given_up: Iterable[ObjectRef], *, owner: str
) -> Mapping[ObjectRef, str]:
    """Return what other living records name of what this application could delete, with why.

    They are read only where there is something to delete.
    """
    found = ((ref, seen.live.get(ref) or seen.strays.get(ref)) for ref in given_up)
    uids = {ref: live.uid for ref, live in found if live is not None and owner_of(live) == owner}
    return naming(record, uids)


def wanted_elsewhere(
    siblings: Iterable[Wishing], given_up: AbstractSet[ObjectRef], *, kinds: Kinds
) -> Mapping[ObjectRef, str]:
    """Return who else wants, at this commit, what this application could delete.

    The others are looked at only where there is such: a daemon would have to render them all.
    """
    if not given_up:
        return {}
    return {
        ref: str(other.application) for other in siblings for ref in other.wishes(kinds) & given_up
    }


def contested(
    wanted: Sequence[tuple[Application, Sequence[Manifest]]],
) -> Mapping[str, Mapping[ObjectRef, str]]:
    """Return, by application, the objects that another one wants too, with who and where.

    Needs no cluster: kinds that are not built in count as namespaced.
    """
    kinds, seen = Kinds.bundled(), dict[ObjectRef, list[tuple[str, str]]]()
    for application, manifests in wanted:
        for manifest in manifests:
            for ref in wishes([manifest], application, kinds):
                place = f"{application.source.url} {manifest.origin}"
                seen.setdefault(ref, []).append((str(application), place))
    found: dict[str, dict[ObjectRef, str]] = {}
    for ref, claimants in seen.items():
        for name, _ in claimants if len(claimants) > 1 else ():
            others = (f"Application {n} ({place})" for n, place in claimants if n != name)
            found.setdefault(name, {})[ref] = ", ".join(others)
    return found
