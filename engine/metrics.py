"""What the daemon counts, in the form that Prometheus reads.

Belongs here: names, labels and help texts, and that no series outlives what it tells of. Not here:
when something is counted (daemon/), and how it is served (web/).

No label has a value that a stranger could make up: applications and repositories are those that are
configured, everything else is from a short list. What is said of one application is said in a fixed
number of series, however many states there are.
"""

from __future__ import annotations

import platform
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client import Counter as Count
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from engine import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.core import Metric

SyncWord: TypeAlias = Literal["synced", "unchanged", "waiting", "held", "failed", "refused"]
Phase: TypeAlias = Literal["fetch", "render", "read", "plan", "apply", "status", "total"]
States: TypeAlias = "Mapping[tuple[str, str], int]"

# A watched change is repaired in milliseconds, a first fetch of a large repository takes minutes.
_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300)


@dataclass(frozen=True, slots=True)
class Source:
    """One repository as its metrics tell of it. ``age_s`` None: it has not answered yet.

    ``repository`` holds no credentials. ``heads``: the commit that each ref names.
    """

    repository: str
    secret: str = ""
    age_s: float | None = None
    heads: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Application:
    """What is told of one application, and goes when it goes."""

    syncs: Counter[str] = field(default_factory=Counter)
    repairs: int = 0
    sync: str = ""
    health: str = ""
    is_ready: bool = False
    states: States = field(default_factory=dict)
    held: int = 0


class Metrics:
    """Everything that is counted; threads share it, and no method waits or raises."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._lock = threading.Lock()
        self._applications: dict[str, _Application] = {}
        self._polls: Counter[tuple[str, str, str]] = Counter()
        self._sources: Callable[[], Iterable[Source]] = tuple
        self._queue: Callable[[], tuple[int, float]] = lambda: (0, 0.0)
        self.registry.register(_Told(self))
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._durations = Histogram(
            "plumb_sync_duration_seconds", "Time of a look at an application, by phase.",
            ("phase",), buckets=_BUCKETS_S, registry=self.registry,
        )  # fmt: skip
        self._requests = Count(
            "plumb_api_requests", "Requests to the API server; code 0 is no answer.",
            ("verb", "code"), registry=self.registry,
        )  # fmt: skip
        self._request_durations = Histogram(
            "plumb_api_request_duration_seconds", "Time until the API server answered, by verb.",
            ("verb",), buckets=_BUCKETS_S, registry=self.registry,
        )  # fmt: skip
        self._renders = Count(
            "plumb_renders", "Renders, and those that were not needed: nothing read has changed.",
            ("result",), registry=self.registry,
        )  # fmt: skip
        self._restarts = Count(
            "plumb_watch_restarts", "Watches that broke and were begun again, by resource.",
            ("resource",), registry=self.registry,
        )  # fmt: skip
        self._hooks = Count(
            "plumb_webhooks", "Requests to /hooks, by provider and result.",
            ("provider", "result"), registry=self.registry,
        )  # fmt: skip
        self._leads = Gauge(
            "plumb_leader", "1 while this replica is the active one.", registry=self.registry
        )
        build = Gauge(
            "plumb_build_info", "1, with the version.", ("version", "python"),
            registry=self.registry,
        )  # fmt: skip
        build.labels(__version__, platform.python_version()).set(1)
        for result in ("done", "skipped"):
            self._renders.labels(result)

    # --- applications ------------------------------------------------------------------------

    def synced(self, application: str, result: SyncWord, duration_s: float) -> None:
        """Count a look that is over. ``application`` is NAMESPACE/NAME, here and below."""
        with self._lock:
            self._of(application).syncs[result] += 1
        self._durations.labels("total").observe(duration_s)

    def found(
        self, application: str, *, sync: str, health: str, is_ready: bool, states: States, held: int
    ) -> None:
        """Tell how an application is doing; ``states`` is objects by their (sync, health)."""
        with self._lock:
            known = self._of(application)
            known.sync, known.health, known.is_ready = sync, health, is_ready
            known.states, known.held = dict(states), held

    def drift_repaired(self, application: str, objects: int = 1) -> None:
        """Count objects of an application that others had changed and that were put back."""
        with self._lock:
            self._of(application).repairs += objects

    def forget(self, application: str) -> None:
        """Drop every series of an application that is not there any more."""
        with self._lock:
            self._applications.pop(application, None)

    def _of(self, application: str) -> _Application:
        return self._applications.setdefault(application, _Application())

    # --- the rest ----------------------------------------------------------------------------

    def phase(self, phase: Phase, duration_s: float) -> None:
        """Count the time of one part of a look."""
        self._durations.labels(phase).observe(duration_s)

    def rendered(self, *, skipped: bool) -> None:
        """Count a render, or that what was read is unchanged and none was needed."""
        self._renders.labels("skipped" if skipped else "done").inc()

    def requested(self, verb: str, code: int, duration_s: float) -> None:
        """Count a request to the API server; the time of a watch is that of its first answer."""
        self._requests.labels(verb, str(code)).inc()
        self._request_durations.labels(verb).observe(duration_s)

    def watch_restarted(self, resource: str) -> None:
        """Count a watch that had to be begun again; ``resource`` as in "deployments.apps"."""
        self._restarts.labels(resource).inc()

    def polled(self, repository: str, secret: str, *, is_good: bool, duration_s: float) -> None:
        """Count a question to a Git server."""
        with self._lock:
            self._polls[repository, secret, "answered" if is_good else "failed"] += 1
        self._durations.labels("fetch").observe(duration_s)

    def hooked(self, provider: str, result: str) -> None:
        """Count a request to /hooks; both words are ours, never the sender's."""
        self._hooks.labels(provider, result).inc()

    def leads(self, *, is_leader: bool) -> None:
        """Tell whether this replica is the active one."""
        self._leads.set(is_leader)

    def read_queue(self, read: Callable[[], tuple[int, float]]) -> None:
        """Ask there, at each scrape, how many names are due and for how long the oldest is."""
        self._queue = read

    def read_sources(self, read: Callable[[], Iterable[Source]]) -> None:
        """Ask there, at each scrape, for the repositories that are followed now."""
        self._sources = read

    # --- scraping ----------------------------------------------------------------------------

    def families(self) -> Iterator[Metric]:
        """Return what is computed at each scrape; the registry asks for it."""
        with self._lock:
            applications = {name: _copy(known) for name, known in self._applications.items()}
        yield from _of_applications(applications)
        yield _objects(applications.values())
        sources = list(self._sources())
        with self._lock:
            followed = {(source.repository, source.secret) for source in sources}
            for gone in [key for key in self._polls if key[:2] not in followed]:
                del self._polls[gone]
            polls = dict(self._polls)
        yield from _of_sources(sources, polls)
        depth, age_s = self._queue()
        yield GaugeMetricFamily(
            "plumb_queue_depth", "Applications that are due and not yet looked at.", value=depth
        )
        yield GaugeMetricFamily(
            "plumb_queue_age_seconds", "For how long the oldest of them is due.", value=age_s
        )


class _Told:
    """Lets the registry ask; its own method names are prometheus_client's."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics.families()

    def describe(self) -> Iterable[Metric]:
        return ()


def _copy(known: _Application) -> _Application:
    return _Application(
        Counter(known.syncs), known.repairs, known.sync, known.health, known.is_ready,
        known.states, known.held,
    )  # fmt: skip


def _of_applications(applications: Mapping[str, _Application]) -> Iterator[Metric]:
    syncs = CounterMetricFamily(
        "plumb_syncs", "Looks at an application, by result.", labels=("application", "result")
    )
    info = GaugeMetricFamily(
        "plumb_application_info", "1, with how the application is doing now.",
        labels=("application", "sync", "health", "ready"),
    )  # fmt: skip
    count = GaugeMetricFamily(
        "plumb_application_objects", "Objects of the application.", labels=("application",)
    )
    repairs = CounterMetricFamily(
        "plumb_drift_repairs", "Objects that others changed and that were put back.",
        labels=("application",),
    )  # fmt: skip
    held = GaugeMetricFamily(
        "plumb_prunes_held", "Deletions that wait for a confirmation.", labels=("application",)
    )
    for name, known in sorted(applications.items()):
        for result, times in sorted(known.syncs.items()):
            syncs.add_metric((name, result), times)
        repairs.add_metric((name,), known.repairs)
        if known.sync:
            ready = "true" if known.is_ready else "false"
            info.add_metric((name, known.sync, known.health, ready), 1)
            count.add_metric((name,), sum(known.states.values()))
            held.add_metric((name,), known.held)
    yield from (syncs, info, count, repairs, held)


def _objects(applications: Iterable[_Application]) -> Metric:
    """Return objects by state, over all applications: by application it would be 18 series each."""
    total: Counter[tuple[str, str]] = Counter()
    for known in applications:
        total.update(known.states)
    family = GaugeMetricFamily(
        "plumb_objects", "Objects of all applications, by sync and health.",
        labels=("sync", "health"),
    )  # fmt: skip
    for (sync, health), number in sorted(total.items()):
        family.add_metric((sync, health), number)
    return family


def _of_sources(
    sources: Iterable[Source], polls: Mapping[tuple[str, str, str], int]
) -> Iterator[Metric]:
    where = ("repository", "secret")
    age = GaugeMetricFamily(
        "plumb_git_age_seconds", "Time since the repository last answered.", labels=where
    )
    heads = GaugeMetricFamily(
        "plumb_git_head_info", "1, with the commit that a ref names.",
        labels=(*where, "ref", "revision"),
    )  # fmt: skip
    for source in sources:
        if source.age_s is not None:
            age.add_metric((source.repository, source.secret), source.age_s)
        for ref, commit in sorted(source.heads.items()):
            heads.add_metric((source.repository, source.secret, ref, commit), 1)
    asked: Any = CounterMetricFamily(
        "plumb_git_polls", "Questions to the Git server, by result.", labels=(*where, "result")
    )
    for labels, times in sorted(polls.items()):
        asked.add_metric(labels, times)
    yield from (age, heads, asked)
