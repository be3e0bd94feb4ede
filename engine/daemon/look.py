"""One look at one application: is there anything to do, do it, and say when to look again.

Belongs here: what comes before and after a pass. The pass itself is engine.reconcile's; when a
look is due is the loop's (loop.py).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from engine.daemon import rivals
from engine.daemon.desired import Others, desired
from engine.daemon.sources import SourceKey
from engine.daemon.story import Story, repairs
from engine.errors import GitError, PlumbError, RefusedError
from engine.health import is_settled
from engine.model import Keep, Skip, SyncStatus
from engine.reconcile import reconcile
from engine.run import Request
from engine.situation import Options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engine.daemon.book import Book
    from engine.daemon.cluster import Cluster
    from engine.daemon.sources import Head, Sources
    from engine.daemon.story import Teller
    from engine.daemon.tracked import Tracked
    from engine.model import Application, ObjectRef, SyncResult
    from engine.run import Desired

_RETRY_S: Final = 2.0
_RETRY_CAP_S: Final = 300.0
# For what comes as no event: an object that cannot be watched, a version that is not served yet.
_UNSEEN_S: Final = 5.0
_PATIENT_S: Final = 30.0
# What a look that was due for nothing else need not repeat.
_NEWS: Final = frozenset({"commit", "object", "dependency"})
_ANOTHER_SYNC: Final = "PLB503"
_NO_KIND: Final = {"PLB321", "PLB322", "PLB440"}


@dataclass(frozen=True, slots=True)
class Looker:
    """What a look needs. ``find`` gives what is remembered of another application.

    ``everyone`` gives it of all; ``on_rival`` hears of an application one of whose objects another
    wants too.
    """

    book: Book
    sources: Sources
    cluster: Cluster
    teller: Teller
    find: Callable[[str], Tracked | None]
    everyone: Callable[[], Sequence[Tracked]]
    on_rival: Callable[[str], None]
    is_dry: bool = False
    # Those that are denied an object, by key: few, where everyone may be thousands.
    _denied: dict[str, Tracked] = field(default_factory=dict)

    def look(
        self, tracked: Tracked, application: Application, reasons: Sequence[str]
    ) -> float | None:
        """Do what is due; return the seconds until the next look, None: an event will come."""
        tracked.application = application
        has_changed = tracked.take_touched()
        if not has_changed and set(reasons) == {"object"}:
            return None  # only our own writes were heard of; a retry that is due would be a reason
        if application.suspend:
            return self._only_tell(tracked, Story(application, is_suspended=True))
        head = self.sources.head(application)
        if head.revision is None:
            waits = "" if head.error else f"the first answer of {application.source.url}"
            return self._only_tell(tracked, Story(application, error=head.error, waits_for=waits))
        # A plan is no promise that others keep theirs: it is made and shown all the same.
        unmet = "" if self.is_dry else self._unmet(application, head)
        if unmet:
            return self._only_tell(tracked, Story(application, waits_for=unmet, is_behind=True))
        wanted, broken = self._desired(tracked, application, head)
        if wanted is None:
            # Git's next commit brings the end of it; a damaged cache may mend before.
            again_s = _backoff(tracked) if isinstance(broken, GitError) else None
            return self._only_tell(tracked, Story(application, error=broken), again_s=again_s)
        problem = broken or head.error
        due = has_changed or not _NEWS.issuperset(reasons)
        if not due and self._is_done(tracked, wanted, problem):
            self._reached(tracked, head)
            return None
        return self._pass(tracked, wanted, head, problem)

    # --- before ------------------------------------------------------------------------------

    def _unmet(self, application: Application, head: Head) -> str:
        """Return what the application has to wait for by dependsOn, "" for nothing."""
        circle = self._circle(application)
        if circle:
            return f"itself: dependsOn goes in a circle, {' -> '.join(circle)}"
        for name in application.depends_on:
            key = f"{application.namespace}/{name}"
            entry, other = self.book.get(key), self.find(key)
            if entry is None:
                return f"Application {key}, which does not exist"
            is_observed = other is not None and other.generation == entry.application.generation
            if other is None or not is_observed or not other.is_ready:
                return f"Application {key} to become ready"
            theirs = entry.application
            same = SourceKey.of(theirs) == SourceKey.of(application)
            is_same = same and theirs.source.ref == application.source.ref
            if is_same and head.revision and other.head != head.revision.commit:
                return f"Application {key} to be in order at {head.revision.short}"
        return ""

    def _circle(self, application: Application) -> list[str]:
        """Return the way from the application back to itself by dependsOn, if there is one."""
        start, seen = str(application), set[str]()
        ways = [[start]]
        while ways:
            way = ways.pop()
            entry = self.book.get(way[-1])
            for name in entry.application.depends_on if entry else ():
                key = f"{application.namespace}/{name}"
                if key == start:
                    return [*way, key]
                if key not in seen:
                    seen.add(key)
                    ways.append([*way, key])
        return []

    def _desired(
        self, tracked: Tracked, application: Application, head: Head
    ) -> tuple[Desired | None, PlumbError | None]:
        """Return what Git wants, and what keeps it from being what the head wants.

        A commit that cannot be rendered leaves the last good one in force, without deletions.
        """
        assert head.revision is not None  # noqa: S101 - look() has seen to it
        tracked.is_rendered = False
        try:
            wanted, tracked.rendition, tracked.is_rendered = desired(
                application, head.revision, tracked.rendition, self.sources,
                status=tracked.status,
            )  # fmt: skip
        except PlumbError as error:
            kept = tracked.rendition
            if kept is None or kept.rendered is None or kept.source != application.source:
                return None, error
            try:
                wanted, _, _ = desired(application, kept.head, kept, self.sources)
            except PlumbError:
                return None, error
            return wanted, error
        return wanted, None

    @staticmethod
    def _is_done(tracked: Tracked, wanted: Desired, problem: PlumbError | None) -> bool:
        """Say whether the last look left nothing to do that a new commit could bring about."""
        is_same = tracked.memory.revision == wanted.revision.commit and not tracked.is_rendered
        return tracked.is_quiet and is_same and tracked.doubt == str(problem or "")

    def _reached(self, tracked: Tracked, head: Head) -> None:
        """Note that the application is in order at another head, too."""
        if head.revision is not None and tracked.head != head.revision.commit:
            tracked.head = head.revision.commit
            self.teller.moved(tracked)

    # --- the pass ----------------------------------------------------------------------------

    def _pass(
        self, tracked: Tracked, wanted: Desired, head: Head, problem: PlumbError | None
    ) -> float | None:
        began, application = time.monotonic(), wanted.application
        # The timeout counts from the revision's first pass, or from when all was well last.
        if tracked.memory.revision != wanted.revision.commit or tracked.is_quiet:
            tracked.began_at = began
        try:
            world = self.cluster.world(application)
        except PlumbError as error:
            return self._only_tell(tracked, Story(application, error=error))
        others = Others(
            lambda: self.sources.followers(application, but=tracked.key),
            lambda name: self._of_another(name, head),
        )
        contested = rivals.contested(tracked, self._denied.values())
        request = Request(
            options=Options(
                doubt=problem.what if problem else "", calm=self._calm(tracked, began),
                leave_drift=application.drift == "report", contested=contested,
            ),
            dry_run=self.is_dry, wait=application.wait, may_wait=False,
            timeout_s=application.timeout_s, memory=tracked.memory,
        )  # fmt: skip
        result = reconcile(wanted, world, request, siblings=others, unread=others.unread)
        if _is_anothers_turn(result):
            tracked.is_quiet = False
            return _RETRY_S
        tracked.doubt = str(problem or "")
        if problem is not None:
            result = replace(result, errors=(*result.errors, problem))
        elif head.revision is not None:
            tracked.head = head.revision.commit
        return self._after(tracked, application, result, began)

    def _of_another(self, name: str, head: Head) -> Desired:
        entry, other = self.book.get(name), self.find(name)
        if entry is None or entry.error is not None or head.revision is None:
            raise entry.error if entry and entry.error else RefusedError("PLB541", "it is gone")
        kept = other.rendition if other else None
        return desired(entry.application, head.revision, kept, self.sources)[0]

    @staticmethod
    def _calm(tracked: Tracked, now: float) -> Mapping[ObjectRef, str]:
        """Return the objects that are left alone for a while: others put them back each time."""
        calm = {}
        for ref in list(tracked.fought):
            fight = tracked.fights.verdict(ref, now)
            if fight is None:
                tracked.fought.discard(ref)
            elif fight.resume_at > now:
                calm[ref] = f"it is changed back each time by {' and '.join(fight.managers)}"
        return calm

    # --- after -------------------------------------------------------------------------------

    def _after(
        self, tracked: Tracked, application: Application, result: SyncResult, began: float
    ) -> float | None:
        now, repaired = time.monotonic(), repairs(result)
        for ref, (paths, managers) in repaired.items():
            tracked.fights.note(ref, paths, managers, now)
            tracked.fought.add(ref)
        late = application.wait and now - tracked.began_at > application.timeout_s
        unhealthy = [ref for ref, health in result.health.items() if not is_settled(health)]
        has_failed = any(outcome.action == "failed" for outcome in result.outcomes)
        tracked.failures = tracked.failures + 1 if has_failed or result.errors else 0
        skipped = result.plan is not None and any(isinstance(c, Skip) for c in result.plan.changes)
        tracked.lacks_kinds = _lacks_kinds(result)
        waits = bool(result.waiting) or (application.wait and bool(unhealthy))
        tracked.is_quiet = not (
            has_failed or result.errors or skipped or waits or result.sync is SyncStatus.UNKNOWN
        )
        self.teller.tell(tracked, Story(
            application, result=result, repaired=repaired, is_late=late and bool(unhealthy),
            is_rendered=tracked.is_rendered, duration_s=now - began,
        ))  # fmt: skip
        self._heed_rivals(tracked, result)
        pauses = [pause for pause in (
            _backoff(tracked) if tracked.failures else None,
            _UNSEEN_S if skipped or _is_leaving(result) else None,
            _patience_s(tracked, application, now) if waits else None,
            self._truce_s(tracked, now),
        ) if pause is not None]  # fmt: skip
        return min(pauses, default=None)

    def _heed_rivals(self, tracked: Tracked, result: SyncResult) -> None:
        """Let those look again whose objects this application wants as well, once for each."""
        before, tracked.denied = tracked.denied, rivals.denied(result)
        if tracked.denied:
            self._denied[tracked.key] = tracked
        else:
            self._denied.pop(tracked.key, None)
        news = tracked.denied - before
        for other in rivals.holders(news, tracked, self.everyone()) if news else ():
            self.on_rival(other.key)

    @staticmethod
    def _truce_s(tracked: Tracked, now: float) -> float | None:
        """Return when the first of the objects that are fought over is tried again."""
        fights = (tracked.fights.verdict(ref, now) for ref in tracked.fought)
        left = [fight.resume_at - now for fight in fights if fight and fight.resume_at > now]
        return min(left, default=None)

    def forget(self, tracked: Tracked) -> None:
        """Let go of an application that is not there any more."""
        self._denied.pop(tracked.key, None)
        self.teller.forget(tracked)

    def _only_tell(
        self, tracked: Tracked, story: Story, *, again_s: float | None = None
    ) -> float | None:
        tracked.is_quiet = False
        self.teller.tell(tracked, story)
        return again_s


def _is_anothers_turn(result: SyncResult) -> bool:
    """Say whether another sync was faster: nothing is wrong then, and nothing is told."""
    return bool(result.errors) and all(error.code == _ANOTHER_SYNC for error in result.errors)


def _lacks_kinds(result: SyncResult) -> bool:
    changes = result.plan.changes if result.plan else ()
    return any(isinstance(c, Skip) and c.error and c.error.code in _NO_KIND for c in changes)


def _is_leaving(result: SyncResult) -> bool:
    plan = result.plan
    leaving = plan is not None and any(
        isinstance(change, Keep) and change.hold == "Terminating" for change in plan.prune
    )
    return leaving or any(
        outcome.action == "deleted" and outcome.live is not None for outcome in result.outcomes
    )


def _patience_s(tracked: Tracked, application: Application, now: float) -> float:
    """Return when to look at what is not healthy yet, should no event come: at the deadline."""
    left = tracked.began_at + application.timeout_s - now
    return min(left + 0.1, _PATIENT_S) if left > 0 else _PATIENT_S


def _backoff(tracked: Tracked) -> float:
    """Return the seconds before the next try; failures add up and never stop it."""
    return min(_RETRY_CAP_S, _RETRY_S * 2.0 ** min(max(0, tracked.failures - 1), 16))
