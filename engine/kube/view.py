"""What a run sees of the cluster: its kinds, their schemas, and the objects that matter.

A one-shot asks the server each time (here); the daemon answers from what it watches
(engine.kube.watched). Which of the two it is makes no difference to a run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from engine.kube import discovery
from engine.kube.live import observe

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.inventory import Inventory
    from engine.kinds import Kinds
    from engine.kube.client import Client
    from engine.model import Outcome
    from engine.namespaces import Placement
    from engine.schema import Schemas
    from engine.situation import Observation


class View(Protocol):
    """Read requests only; what cannot be found out is unknown, never absent (invariant 7)."""

    def kinds(self) -> Kinds:
        """Return every kind the server serves."""
        ...

    def schemas(self, api_versions: Iterable[str]) -> Schemas:
        """Return the schemas of these group/versions, as far as the server has them."""
        ...

    def observe(
        self, placement: Placement, inventory: Inventory | None, *, kinds: Kinds,
        presume: bool = False,
    ) -> Observation:  # fmt: skip
        """Return the state of every desired and every recorded object.

        ``presume``: absence may be taken for granted where creating the object would prove it.
        """
        ...

    def forget_kinds(self) -> None:
        """Ask for the kinds again next time: a definition was written, or is waited for."""
        ...

    def learn(self, outcomes: Iterable[Outcome]) -> None:
        """Take up what the server answered to this process's own writes."""
        ...


@dataclass(slots=True)
class DirectView:
    """Asks the server whenever it is asked; only the kinds are kept, for one run."""

    client: Client
    cache_dir: Path | None
    _kinds: Kinds | None = field(init=False, default=None)

    def kinds(self) -> Kinds:
        if self._kinds is None:
            self._kinds = discovery.kinds(self.client)
        return self._kinds

    def schemas(self, api_versions: Iterable[str]) -> Schemas:
        return discovery.schemas(self.client, api_versions, cache_dir=self.cache_dir)

    def observe(
        self, placement: Placement, inventory: Inventory | None, *, kinds: Kinds,
        presume: bool = False,  # noqa: ARG002 - what is asked for is proven
    ) -> Observation:  # fmt: skip
        return observe(self.client, placement, inventory, kinds=kinds)

    def forget_kinds(self) -> None:
        self._kinds = None

    def learn(self, outcomes: Iterable[Outcome]) -> None:
        """Nothing is kept, so there is nothing to learn."""
