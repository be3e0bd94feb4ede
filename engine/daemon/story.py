"""What one look found: what status, events, metrics, logs and pages are made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from engine.model import Create, Update
from engine.plan import is_drift

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.daemon.tracked import Tracked
    from engine.errors import PlumbError
    from engine.metrics import SyncWord
    from engine.model import Application, ObjectRef, SyncResult


class Repair(NamedTuple):
    """Drift of one object that was taken back: its fields, and the field managers behind it."""

    paths: frozenset[str]
    managers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Story:
    """``waits_for`` says what for, "" when it need not wait; without ``result`` there was no pass.

    ``is_behind``: it waits for another application, and not for Git. ``is_late``: something did
    not become healthy within the application's timeout.
    """

    application: Application
    waits_for: str = ""
    is_behind: bool = False
    error: PlumbError | None = None
    result: SyncResult | None = None
    is_suspended: bool = False
    is_late: bool = False
    is_rendered: bool = False
    repaired: Mapping[ObjectRef, Repair] = field(default_factory=dict)
    duration_s: float = 0.0


class Teller(Protocol):
    """Who hears what came of a look; never raises and never waits for the network."""

    def tell(self, tracked: Tracked, story: Story) -> None:
        """Tell what was found."""
        ...

    def moved(self, tracked: Tracked) -> None:
        """Tell that the application is in order at another head, and nothing else is new."""
        ...

    def forget(self, tracked: Tracked) -> None:
        """Tell that the application is not there any more."""
        ...


def repairs(result: SyncResult) -> dict[ObjectRef, Repair]:
    """Return the objects whose drift this pass took back."""
    found = {}
    for outcome in result.outcomes:
        change = outcome.change
        if outcome.action not in {"created", "updated"} or change is None or not is_drift(change):
            continue
        if isinstance(change, Create):
            found[outcome.ref] = Repair(frozenset({""}), frozenset())
        elif isinstance(change, Update):
            edits = change.patch.edits
            managers = frozenset(edit.manager for edit in edits if edit.manager)
            found[outcome.ref] = Repair(frozenset(edit.path for edit in edits), managers)
    return found


class Metrics(Protocol):
    """Who counts; engine.metrics does, and in a run that ends nobody."""

    def synced(self, application: str, result: SyncWord, duration_s: float) -> None:
        """Count a pass."""
        ...

    def found(
        self, application: str, *, sync: str, health: str, is_ready: bool,
        states: Mapping[tuple[str, str], int], held: int,
    ) -> None:  # fmt: skip
        """Remember how an application is doing; ``states`` is objects by sync and health."""
        ...

    def drift_repaired(self, application: str, objects: int = 1) -> None:
        """Count drift that was taken back."""
        ...

    def rendered(self, *, skipped: bool) -> None:
        """Count a rendering that was made, or one that a commit did not touch."""
        ...

    def forget(self, application: str) -> None:
        """Forget an application that is not there any more."""
        ...


class Uncounted:
    """Metrics that nobody asks for."""

    def synced(self, application: str, result: SyncWord, duration_s: float) -> None: ...

    def found(
        self, application: str, *, sync: str, health: str, is_ready: bool,
        states: Mapping[tuple[str, str], int], held: int,
    ) -> None: ...  # fmt: skip

    def drift_repaired(self, application: str, objects: int = 1) -> None: ...

    def rendered(self, *, skipped: bool) -> None: ...

    def forget(self, application: str) -> None: ...
