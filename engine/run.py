"""What one run of one Application remembers from one look at the cluster to the next.

The steps that engine.reconcile puts in order, and the result that comes of them.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.apply import Applier
from engine.errors import DeniedError, PathNotFoundError, PlumbError
from engine.health import assess, is_settled
from engine.inventory import Inventory
from engine.inventory import Run as PastRun
from engine.journal import has_ended, settled
from engine.kube.hanging import Hanging
from engine.kube.record import new_id
from engine.kube.recovery import Recovery
from engine.kube.swap import lost
from engine.looking import claims, named_elsewhere, wanted_elsewhere
from engine.memo import Memo
from engine.model import Health, HealthStatus, Keep, Skip, SyncResult
from engine.namespaces import place, wishes
from engine.ownership import likeliest_owner
from engine.parse import locate
from engine.plan import planned
from engine.situation import Options, Situation
from engine.steps import Wait, Write, next_step, sync_status
from engine.waiting import Patience, listed, unsteady

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Sequence

    from engine.kinds import Kinds
    from engine.kube.client import Client
    from engine.kube.holder import Rival
    from engine.kube.record import Record
    from engine.kube.view import View
    from engine.model import Application, Manifest, ObjectRef, Outcome, Plan, Revision, Tree
    from engine.namespaces import Placement
    from engine.render import Rendering
    from engine.schema import Schemas
    from engine.steps import Step

_WRITES_AT_MOST = 3
_DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")


@dataclass(frozen=True, slots=True)
class Desired:
    """One application as Git has it at one commit."""

    application: Application
    revision: Revision
    tree: Tree
    rendering: Rendering

    def where(self, manifest: Manifest, pointer: str) -> str:
        """Return path:line:column of a value in Git."""
        origin = manifest.origin
        data = self.tree.read(origin.path)
        line, column = locate(data, document=origin.document, pointer=origin.pointer + pointer)
        return f"{origin.path}:{line}:{column}"

    def astray(self) -> tuple[PlumbError, ...]:
        """Return the error of a path that the commit does not have."""
        missing = self.rendering.missing
        return () if self.rendering.found else (PathNotFoundError("PLB223", missing),)

    def wishes(self, kinds: Kinds) -> frozenset[ObjectRef]:
        """Return every object that the application wants, whether it may have it or not."""
        return wishes(self.rendering.manifests, self.application, kinds)


@dataclass(frozen=True, slots=True)
class World:
    """The way to the cluster, and what a run shares with its surroundings.

    ``narrate`` is told what is going on, for people; ``stop`` ends every wait.
    """

    client: Client
    view: View
    record: Callable[[Application], Record]
    stop: threading.Event
    narrate: Callable[[str], None] = lambda _text: None


@dataclass(slots=True)
class Memory:
    """What the runs of one application hand on to the next; a one-shot starts without.

    ``fresh`` are the objects written at ``revision``, ``versions`` those that were seen last,
    ``rival`` another process that held the record; ``owner`` is its id, ``count`` its entries.
    """

    memo: Memo = field(default_factory=Memo)
    revision: str = ""
    fresh: set[ObjectRef] = field(default_factory=set)
    versions: dict[ObjectRef, str] = field(default_factory=dict)
    rival: Rival | None = None
    owner: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for; ``timeout_s`` bounds every wait of the run.

    With ``may_wait`` False the run ends where it would wait, and says what for: whoever asked comes
    again when something has changed, and holds nothing meanwhile.
    """

    options: Options = field(default_factory=Options)
    dry_run: bool = False
    wait: bool = False
    may_wait: bool = True
    timeout_s: float = 300.0
    memory: Memory = field(default_factory=Memory)


@dataclass(slots=True)
class Run:
    """The state between the steps.

    ``siblings`` are the other applications of the same commit, ``unread`` the names of those that
    could not be read there.
    """

    desired: Desired
    world: World
    request: Request
    siblings: Sequence[Desired] = ()
    unread: Sequence[str] = ()
    plan: Plan | None = None
    outcomes: dict[ObjectRef, Outcome] = field(default_factory=dict)
    errors: list[PlumbError] = field(default_factory=list)
    health: dict[ObjectRef, Health] = field(default_factory=dict)
    _record: Record = field(init=False)
    _recovery: Recovery = field(init=False)
    _inventory: Inventory | None = None
    _owner: str = ""
    _waiting: Wait | None = None
    _situation: Situation | None = None
    _written: Counter[ObjectRef] = field(default_factory=Counter)
    _is_resumed: bool = False
    _patience: Patience = field(init=False)
    _hanging: Hanging = field(init=False)
    _is_last: bool = False
    _started_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        world, timeout_s = self.world, self.request.timeout_s
        self._hanging = Hanging(world.client)
        self._patience = Patience(world.client, world.stop, timeout_s, self._started_s, self.health)

    @property
    def is_over(self) -> bool:
        """Whether the last thing there was to write is written, could not be, or has to wait."""
        return self._is_last or self.has_failed or self._waiting is not None

    @property
    def has_failed(self) -> bool:
        """Whether some object could not be brought in place."""
        return any(outcome.action == "failed" for outcome in self.outcomes.values())

    # --- the steps ---------------------------------------------------------------------------

    def begin(self) -> None:
        """Read the record. Another sync that is under way refuses this one."""
        self._record = self.world.record(self.desired.application)
        try:
            self._inventory = self._record.read()
            self._owner = self._inventory.id
        except DeniedError:
            if not self.request.dry_run:
                raise
            self._owner = new_id()
        remembered = self.desired.application.status_id
        self._recovery = Recovery(self.world.client, self._record, remembered)
        if not self.request.dry_run:
            self._make_way()
            self._inventory = self._record.inventory
        memory, commit = self.request.memory, self.desired.revision.commit
        memory.owner = self._owner if self._record.exists else ""
        if memory.revision != commit:
            memory.revision = commit
            memory.fresh.clear()
            last = self._inventory.last[-1:] if self._inventory else ()
            self._is_resumed = any(run.revision == commit for run in last)

    def _make_way(self) -> None:
        """Let another sync go first; raises RefusedError where it is not known to be dead."""
        if self.request.may_wait:
            self._record.outlast(self.world.stop, tell=self.world.narrate)
            return
        memory = self.request.memory
        memory.rival = self._record.defer(memory.rival)
        if memory.rival is not None:
            raise lost(self._record.application, to=memory.rival.holder)

    def look_and_plan(self) -> Plan:
        """Look at the cluster and decide what is left to do."""
        self._situation = situation = self._look()
        memory = self.request.memory
        plan, memory.memo = planned(situation, memory.memo)
        self.plan = self._hanging.told(plan, situation.kinds)
        live = situation.observation.live
        memory.versions = {ref: found.resource_version for ref, found in live.items()}
        desired = situation.placement.manifests
        self.health.clear()
        self.health.update((m.ref, assess(live[m.ref].body)) for m in desired if m.ref in live)
        for ref in self.plan.unchanged:  # a Job that ran and is gone is in place all the same
            self.health.setdefault(ref, Health(HealthStatus.HEALTHY, "ran, and is gone"))
        for drift in self.plan.drift:
            self.health.setdefault(drift.ref, Health(HealthStatus.MISSING, "somebody deleted it"))
        return self.plan

    def next_step(self) -> Step:
        """Return which part of the plan comes now."""
        wait, fresh = self.desired.application.wait, frozenset(self.request.memory.fresh)
        if self._is_resumed:
            # An earlier run wrote at this commit too, and nobody noted which of these.
            fresh = frozenset(m.ref for m in self._seen.placement.manifests)
        return next_step(self._planned, self.health, fresh=fresh, wait=wait)

    def write(self, step: Write) -> None:
        """Carry out changes, and remember what became of them.

        Raises PlumbError for an object that somebody else changes again each time.
        """
        self._written.update(c.ref for c in step.changes if not isinstance(c, Keep | Skip))
        restless = [ref for ref, times in self._written.items() if times > _WRITES_AT_MOST]
        if restless:
            raise unsteady(restless, times=_WRITES_AT_MOST)
        applier = Applier(
            self.world.client, self._record, self._seen, self.world.stop, self._remember
        )
        outcomes = applier.apply(step.changes)
        self.world.view.learn(outcomes)
        self._is_last = step.is_last and all(o.action != "skipped" for o in outcomes)
        self._inventory, memory = self._record.inventory, self.request.memory
        memory.owner = self._inventory.id
        for outcome in outcomes:
            self.outcomes[outcome.ref] = outcome
            if outcome.live is not None and outcome.action != "deleted":
                memory.fresh.add(outcome.ref)
                memory.versions[outcome.ref] = outcome.live.resource_version
                self.health[outcome.ref] = assess(outcome.live.body)
            if (outcome.ref.group, outcome.ref.kind) == _DEFINITION:
                self.world.view.forget_kinds()

    def wait(self, step: Wait) -> None:
        """Wait for these objects; raises HealthTimeoutError when the time is over."""
        if not self.request.may_wait:
            self._waiting = step
            return
        self.world.narrate(f"waiting for {listed(step.refs)} {step.reason}")
        if step.is_for_health:
            self._patience.until_healthy(step.refs, self._seen, self._inventory)
        else:
            self._patience.pause(step.refs)
            # What is waited for may be a version that is not served yet.
            self.world.view.forget_kinds()

    def settle(self) -> None:
        """Note in the record what was found in place, what ran to completion, and what is gone."""
        plan, inventory = self._planned, self._inventory
        if self.request.dry_run or inventory is None:
            return
        ended, known = self._patience.finished, self._record.inventory.entries
        finished = [
            m for m in self._seen.placement.manifests
            if m.ref in ended and has_ended(m, ended[m.ref], known.get(m.ref))
        ]  # fmt: skip
        if plan.settle or plan.forget or finished:
            manifests = (*plan.settle, *finished)
            live = {**self._seen.observation.live, **ended}
            after, touched = settled(manifests, live, self._record.inventory, gone=plan.forget)
            self._record.finish(after, touched=touched)
            self._inventory = self._record.inventory

    def wait_for_health(self) -> None:
        """Wait until everything is healthy, where that was asked for and nothing failed."""
        if not self.request.wait or self.request.dry_run or not self.request.may_wait:
            return
        placed = () if self.has_failed else self._seen.placement.manifests
        refs = [m.ref for m in placed if m.ref in self.health]
        waiting = [ref for ref in refs if not is_settled(self.health[ref])]
        if waiting:
            self.world.narrate(f"waiting for {listed(waiting)} to become healthy")
            self._patience.until_healthy(waiting, self._seen, self._inventory)

    # --- looking -----------------------------------------------------------------------------

    def _look(self) -> Situation:
        desired, view = self.desired, self.world.view
        application, manifests = desired.application, desired.rendering.manifests
        crds = [m.body for m in manifests if (m.ref.group, m.ref.kind) == _DEFINITION]
        kinds = view.kinds().with_definitions(crds)
        placement = place(manifests, application, kinds)
        schemas = self._schemas(placement, kinds).with_definitions(crds)
        # Who has no record and no id yet has made nothing: each creation proves the absence.
        is_new = not (self.request.dry_run or self._record.exists or application.status_id)
        observation = view.observe(placement, self._inventory, kinds=kinds, presume=is_new)
        if self._inventory is None:
            self._owner = likeliest_owner(observation) or self._owner
        else:
            observation = self._recovery.observe(observation, kinds)
            self._inventory = self._record.inventory
            self._owner = self._inventory.id
        owned = self._inventory.entries if self._inventory else {}
        given_up = {*owned, *observation.strays} - {m.ref for m in placement.manifests}
        return Situation(
            application=application,
            revision=desired.revision,
            placement=placement,
            inventory=self._inventory,
            owner=self._owner,
            observation=observation,
            kinds=kinds,
            schemas=schemas,
            claims=claims(
                self._record,
                observation,
                owner=self._owner,
                wants=lambda: {str(o.application): o.wishes(kinds) for o in self.siblings},
            ),
            elsewhere=wanted_elsewhere(self.siblings, given_up, kinds=kinds),
            named=named_elsewhere(self._record, observation, given_up, owner=self._owner)
            if self._inventory
            else {},
            unread=tuple(self.unread) if given_up else (),
            options=self.request.options,
            path_found=desired.rendering.found,
            where=desired.where,
        )

    def _schemas(self, placement: Placement, kinds: Kinds) -> Schemas:
        versions = {
            m.api_version
            for m in placement.manifests
            if not (found := kinds.resource(m.api_version, m.ref.kind)) or not found.pending
        }
        return self.world.view.schemas(sorted(versions))

    # --- the result --------------------------------------------------------------------------

    def result(self) -> SyncResult:
        """Return everything a person, a file or a page needs to know about this run."""
        plan = self.plan
        self.request.memory.count = len(self._inventory.entries) if self._inventory else 0
        warnings = [
            f"{ref}: {text}" for ref, outcome in self.outcomes.items() for text in outcome.warnings
        ]
        return SyncResult(
            application=str(self.desired.application),
            revision=self.desired.revision,
            plan=plan,
            outcomes=tuple(self.outcomes.values()),
            health=self.health,
            sync=sync_status(plan, self.outcomes),
            errors=(*self.errors, *(() if plan is None or plan.prune else self.desired.astray())),
            warnings=tuple(warnings),
            waiting=self._waiting.refs if self._waiting else (),
            waits=self._waiting.reason if self._waiting else "",
            dry_run=self.request.dry_run,
            duration_s=time.monotonic() - self._started_s,
            requests=dict(self.world.client.requests),
        )

    def _remember(self, inventory: Inventory, outcomes: Iterable[Outcome]) -> Inventory:
        """Note this run among the last ones; the same revision again replaces its line."""
        counts: dict[str, int] = {}
        for outcome in (*self.outcomes.values(), *outcomes):
            counts[outcome.action] = counts.get(outcome.action, 0) + 1
        commit = self.desired.revision.commit
        past = PastRun(commit, int(time.time()), "failed" if "failed" in counts else "done", counts)
        others = tuple(run for run in inventory.last if run.revision != commit)
        source = self.desired.application.source
        return replace(
            inventory,
            last=(*others, past)[-5:],
            source=f"{source.url} {source.path}".rstrip(),
            origin=self.desired.application.origin,
        )

    @property
    def _planned(self) -> Plan:
        assert self.plan is not None  # noqa: S101 - look_and_plan comes first
        return self.plan

    @property
    def _seen(self) -> Situation:
        assert self._situation is not None  # noqa: S101 - look_and_plan comes first
        return self._situation
