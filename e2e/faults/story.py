"""One application, one namespace, one repository, and everybody who has a hand in it.

A Stage is what stories share: the control plane, the Git server, and the proxies before them.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from e2e.applications import install_definition
from e2e.faults.checker import RECORDS, Checker, Commit
from e2e.faults.direct import Direct
from e2e.faults.lane import Lane, no_fault
from e2e.faults.objects import DEFINITION, GROUP, Ref, ref_at
from e2e.faults.people import People
from e2e.faults.proxy import ApiProxy, GitProxy
from e2e.servers.githttp import GitHttpServer
from e2e.servers.gitrepo import TestRepository

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from e2e.faults.driver import Driver, Ended
    from e2e.faults.lane import Decide
    from e2e.servers.controlplane import ControlPlane

JSON: TypeAlias = Any
APP = "shop"
BROKEN = "kind: ConfigMap\nmetadata: {name: x\n"
_PASSES = 8


class Stage:
    """The real servers with the proxies in front, and a witness who asks past them."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.plane = plane
        self.folder = folder
        self.direct = Direct(plane)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.api = self._stack.enter_context(ApiProxy(self.plane))
        server = self._stack.enter_context(GitHttpServer(self.folder / "git"))
        self.git = self._stack.enter_context(GitProxy(f"127.0.0.1:{server.port}"))
        # A sync asks for the Application resource of its name where that kind is served: always
        # here, so that what it asks does not depend on which tests came before.
        install_definition(self.plane)
        definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        if self.direct.get(f"{definitions}/widgets.{GROUP}") is None:
            self.direct.create(definitions, DEFINITION)
        while self.direct.get(f"/apis/{GROUP}/v1/widgets") is None:
            threading.Event().wait(0.05)
        if self.direct.get(f"/api/v1/namespaces/{RECORDS}") is None:
            self.direct.create("/api/v1/namespaces", {"metadata": {"name": RECORDS}})
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self.direct.close()


@dataclass(frozen=True, slots=True)
class Rest:
    """How long it took to come to rest once all faults were over; ``left`` is what is wrong."""

    seconds: float
    passes: int
    left: tuple[str, ...] = ()


class Story:
    """What happens to one application; every run is watched by the checker."""

    def __init__(
        self, stage: Stage, name: str, driver: Driver, *, api: ApiProxy | None = None
    ) -> None:
        self.stage, self.driver, self.namespace = stage, driver, name
        stage.direct.create("/api/v1/namespaces", {"metadata": {"name": name}})
        self.repository = TestRepository(stage.folder / "git" / name / "config.git")
        self.lane = Lane(name, alias={name: "NS"})
        self.people = People(stage.direct, name)
        self.checker = Checker(stage.direct, self.lane, name, f"{name}/{APP}", self.people)
        self.lane.witness = self.checker.witness
        self.git_url = f"{stage.git.add(self.lane)}/config.git"
        self.cache = stage.folder / "cache" / name
        self.kubeconfig = stage.folder / f"{name}.kubeconfig"
        self.kubeconfig.write_text(json.dumps(_kubeconfig((api or stage.api).add(self.lane))))
        self.head = Commit("", {}, is_whole=False)
        self.commits: list[Commit] = []
        self.ends: list[Ended] = []
        self._extra: dict[str, str] = {}
        self.spec: dict[str, JSON] = {}
        self.extra_environment: dict[str, str] = {}
        self.kills = 0
        self.peak_mib = 0.0
        self.extra_writes = 0

    def close(self) -> None:
        self.repository.close()

    # --- Git ---------------------------------------------------------------------------------

    def commit(self, objects: Mapping[Ref, JSON], *, files: Mapping[str, str] | None = None,
               is_whole: bool = True) -> Commit:  # fmt: skip
        """Let Git hold exactly these objects, and perhaps other files below the path."""
        gone = {_file(ref): None for ref in self.head.objects if ref not in objects}
        content = {_file(ref): json.dumps(body, indent=1) for ref, body in objects.items()}
        extra = dict.fromkeys(self._extra, None)
        self._extra = {f"apps/{path}": text for path, text in (files or {}).items()}
        changes = {"README.md": f"{len(self.commits)}\n", **gone, **extra, **content, **self._extra}
        made = Commit(self.repository.commit(changes), dict(objects), is_whole)
        self.commits.append(made)
        self.head = made
        if self.lane.run in self.checker.heads:
            self.checker.heads[self.lane.run].append(made)
        return made

    def rewind(self, commit: Commit) -> None:
        """Let the branch point to an earlier commit, as a force-push does."""
        self.repository.branch("main", commit.id)
        self.head = commit
        if self.lane.run in self.checker.heads:
            self.checker.heads[self.lane.run].append(commit)

    # --- Plumb -------------------------------------------------------------------------------

    def sync(self, decide: Decide = no_fault, *arguments: str) -> Ended:
        """Run once with these faults, and judge every request of it."""
        before = self._left()
        written = self.checker.object_writes
        run = self.lane.begin(decide)
        self.checker.begin(run, self.head)
        done = self.driver.run(
            ["sync", *self.application(), "-o", "json", *arguments], self.environment(), self._born
        )
        self.lane.rest()
        self.checker.judge()
        self.ends.append(done)
        self.kills += done.was_killed
        self.peak_mib = max(self.peak_mib, done.peak_mib)
        mended = len(before - self._left())
        self.extra_writes += max(0, self.checker.object_writes - written - mended)
        return done

    def application(self) -> list[str]:
        """The file that names this application, and how long anything may take."""
        source = {"url": self.git_url, "ref": {"branch": "main"}, "path": "apps"}
        document = {
            "apiVersion": "plumb.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": APP, "namespace": self.namespace},
            "spec": {"source": source, "wait": False, **self.spec},
        }  # fmt: skip
        file = self.stage.folder / f"{self.namespace}.yaml"
        file.write_text(json.dumps(document))
        return [f"-f={file}", "--git-timeout=3s", "--request-timeout=8s", "--timeout=20s"]

    def environment(self) -> dict[str, str]:
        return {
            "KUBECONFIG": str(self.kubeconfig), "XDG_CACHE_HOME": str(self.cache),
            "HOME": str(self.stage.folder), **self.extra_environment,
        }  # fmt: skip

    def settle(self, *arguments: str) -> Rest:
        """With no faults any more: run until it is as Git wants it and two runs wrote nothing."""
        began, passes, seconds = time.monotonic(), 0, 0.0
        quiet: list[Ended] = []
        while passes < _PASSES and len(quiet) < 2:
            passes += 1
            done = self.sync(no_fault, *arguments)
            wrote = [e.label for e in self.lane.of_run(self.lane.run) if e.is_write]
            is_quiet = not wrote and not self._left()
            quiet = [*quiet, done] if is_quiet else []
            seconds = seconds if is_quiet else time.monotonic() - began
        wrong = [] if quiet else [f"no rest after {passes} passes, the last one wrote {wrote}"]
        wrong += [f"a quiet pass ends with {q.code}: {q.errors[-400:]}" for q in quiet if q.code]
        return Rest(seconds or quiet[0].seconds, passes, (*wrong, *self.checker.at_rest(self.head)))

    def verdict(self, rest: Rest) -> list[str]:
        """Return every violation there was, on the way and at the end."""
        return [*self.lane.mishaps, *self.checker.violations, *rest.left]

    def _left(self) -> set[str]:
        return set(self.checker.differences(self.head, self.checker.live()))

    def _born(self, pid: int) -> None:
        self.lane.victim = pid

    # --- the log -----------------------------------------------------------------------------

    def protocol(self) -> Iterator[str]:
        """Tell every run and every request of it, for whoever looks for the reason."""
        for run, done in enumerate(self.ends, 1):
            head = self.checker.heads[run][-1]
            wants = ", ".join(f"{ref}={_value(body)}" for ref, body in sorted(head.objects.items()))
            yield f"run {run} at {head.id[:8]}{'' if head.is_whole else ' (broken)'}: {wants}"
            for e in self.lane.of_run(run):
                real = e.answer.status if e.answer else "-"
                yield f"  {e.number:3} {e.label} #{e.nth}: {real}, told {e.told} {e.fault}"
            yield f"  ended with {done.code} after {done.seconds:.2f} s {done.errors[-600:]}"

    def writes(self, run: int = 0) -> list[tuple[str, str]]:
        """Every write to an object that got to the server, in one run or in all."""
        return [
            (e.request.method, str(ref))
            for e in self.lane.log
            if e.is_write and e.answer is not None and run in (0, e.run)
            and (ref := ref_at(e.request.path, self.namespace, _json(e.request.body)))
        ]  # fmt: skip


def _json(data: bytes) -> JSON:
    body = json.loads(data) if data else None
    return body if isinstance(body, dict) else None


def _value(body: JSON) -> str:
    """Return the value of Git in a few words."""
    template = body.get("spec", {}).get("template")
    if template:
        return str(template["spec"]["containers"][0]["image"])
    return str(body.get("data") or body["spec"])


def _file(ref: Ref) -> str:
    return f"apps/{ref.kind.lower()}-{ref.name}.yaml"


def _kubeconfig(url: str) -> JSON:
    return {
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "fault", "cluster": {"server": url}}],
        "users": [{"name": "fault", "user": {}}],
        "contexts": [{"name": "fault", "context": {"cluster": "fault", "user": "fault"}}],
        "current-context": "fault",
    }  # fmt: skip
