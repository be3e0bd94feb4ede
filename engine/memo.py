"""What a plan may remember: which objects were in place, by everything that decided it.

A caller keeps one Memo per application from one pass to the next, as a value:

    memo = Memo()
    plan, memo = planned(situation, memo)      # engine.plan; again and again

An object that was in place is then decided by one look-up, as long as its manifest, its uid and
resourceVersion, its entry of the record, the schema of its kind and the options that touch it are
the same. A plan with any memo, also one of another application or of last year, equals the plan
without. A memo holds only what its last plan met: some 150 bytes an object.

Belongs here: what a decision depends on. The decision itself is engine.plan's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from engine.parse.digest import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.model import JSON, Live, Manifest
    from engine.situation import Situation

_SIZE_BYTES = 20


class Verdict(NamedTuple):
    """How an object was found to be in place: whether its entry lags behind, and what to say."""

    stale: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Memo:
    """Verdicts by :meth:`Dependencies.of`; immutable, so it may be shared between threads."""

    verdicts: Mapping[bytes, Verdict] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.verdicts)


class Dependencies:
    """What a verdict of one situation depends on, as a few bytes for each object.

    Two that are equal stand for the same verdict. Nothing of it depends on a body that is there:
    only on its uid, resourceVersion and version.
    """

    __slots__ = ("_common", "_kinds", "_situation")

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._common = _digest([situation.owner, situation.inventory is None, [
            [rule.kind, rule.group, rule.name, rule.namespace, *rule.paths]
            for rule in situation.application.ignore
        ]]).hex()  # fmt: skip
        self._kinds: dict[tuple[str, str], tuple[str, bool]] = {}

    def of(self, manifest: Manifest, live: Live) -> bytes | None:
        """Return what stands for this object; None where the server gives it no version."""
        uid, version = live.uid, live.resource_version
        if not (uid and version and manifest.digest):
            return None
        situation = self._situation
        inventory = situation.inventory
        entry = inventory.entries.get(manifest.ref) if inventory else None
        return _digest([
            self._common, *self._kind(manifest), manifest.digest, manifest.ref.namespace,
            uid, version, live.api_version, entry.digest if entry else "",
            manifest.ref in situation.observation.autoscaled,
        ])  # fmt: skip

    def _kind(self, manifest: Manifest) -> tuple[str, bool]:
        """Return the digest of the kind's schema, and whether the kind is served."""
        key = (manifest.api_version, manifest.ref.kind)
        found = self._kinds.get(key)
        if found is None:
            resource = self._situation.kinds.resource(*key)
            is_served = resource is None or not resource.pending
            found = self._kinds[key] = (self._situation.schemas.digest(*key), is_served)
        return found


def _digest(parts: JSON) -> bytes:
    return hashlib.blake2b(canonical(parts), digest_size=_SIZE_BYTES).digest()
