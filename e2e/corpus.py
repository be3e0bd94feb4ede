"""The corpus on a real server: files of tests/corpus, applied in one of the ways people apply them.

Belongs here: finding the files, a namespace and a suffix of one's own, the clusters' state. What
must hold is said in test_corpus.py.
"""

from __future__ import annotations

import copy
import itertools
import json
import secrets
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import NotFoundError
from engine.kube.record import Record
from engine.kube.view import DirectView
from engine.model import JSON, Application, Revision, Source
from engine.normalize import sendable
from engine.parse import documents
from engine.reconcile import reconcile
from engine.render import render
from engine.run import Desired, Request, World
from tests.trees import MemoryTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from e2e.servers.controlplane import ControlPlane
    from engine.kinds import Kinds, Resource
    from engine.kube.client import Client
    from engine.model import Plan, SyncResult

FOLDER = Path(__file__).parent.parent / "tests" / "corpus"
DEFINITIONS = ".crd.yaml"
BY_HAND = "by-hand"
TOUCHED = "corpus.example/touched"
_MARKS = ("label", "annotation")
_OF_PODS = frozenset({
    "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "ReplicationController", "StatefulSet",
})  # fmt: skip
# A part of names and groups, four hex digits and never twice, so that tests can repeat.
_SUFFIXES = itertools.count(0xA000 + secrets.randbelow(0x5000))
_QUIET_LOOKS = 3
_LOOK_EVERY_S = 0.15
_QUIET_WITHIN_S = 20.0
# Their controllers say up to which generation they have looked at an object.
_OBSERVED = frozenset({
    "DaemonSet", "Deployment", "PodDisruptionBudget", "ReplicaSet", "ReplicationController",
    "StatefulSet", "ValidatingAdmissionPolicy",
})  # fmt: skip


def titles() -> list[str]:
    """Return the name of every file; one of definitions belongs to the file that uses them."""
    found = (path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.yaml"))
    return sorted(name.removesuffix(".yaml") for name in found if not name.endswith(DEFINITIONS))


def texts(title: str, *, namespace: str, suffix: str) -> dict[str, str]:
    """Return the files by path, as they would stand in Git; definitions come first."""
    found = {}
    for path in (FOLDER / f"{title}{DEFINITIONS}", FOLDER / f"{title}.yaml"):
        if path.exists():
            text = path.read_text().replace("NAMESPACE", namespace).replace("SUFFIX", suffix)
            found[path.relative_to(FOLDER).as_posix()] = text
    return found


def bodies(files: Mapping[str, str]) -> Iterator[JSON]:
    """Yield the manifests in these files, with lists unfolded."""
    for path, text in files.items():
        for document in documents(text.encode(), path=path):
            is_list = document.body["kind"] == "List"
            yield from document.body["items"] if is_list else [document.body]


@dataclass
class Cluster:
    """The control plane, and Plumb's way to it, for a whole module."""

    plane: ControlPlane
    client: Client
    cache: Path

    def world(self) -> World:
        """Return what a run of Plumb works with."""
        view = DirectView(self.client, self.cache / "openapi")
        return World(self.client, view, self._record, threading.Event())

    def _record(self, application: Application) -> Record:
        return Record(self.client, str(application), "corpus")


@dataclass
class Stage:
    """One file of the corpus in a namespace of its own."""

    cluster: Cluster
    title: str
    kinds: Kinds
    differs: list[str] = field(default_factory=list)
    suffix: str = field(default_factory=lambda: f"{next(_SUFFIXES):x}")

    @property
    def namespace(self) -> str:
        """Where everything goes that names no namespace."""
        return f"corpus-{self.suffix}"

    @property
    def files(self) -> dict[str, str]:
        """What Git has."""
        return texts(self.title, namespace=self.namespace, suffix=self.suffix)

    def open(self) -> None:
        """Make the namespace; Pods need its service account."""
        self.cluster.client.create("/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        account = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/default"
        self._until(lambda: self.cluster.plane.get(account) is not None)

    def close(self) -> None:
        """Delete what other tests could meet.

        Namespaces stay: to empty them would take the server longer than all of these tests.
        """
        for body in bodies(self.files):
            resource = self.resource(body)
            if not resource.namespaced:
                path = resource.path("", body["metadata"]["name"])
                self.cluster.plane.request("DELETE", path)

    # --- Plumb -------------------------------------------------------------------------------

    def sync(self, *, dry_run: bool = False, files: Mapping[str, str] | None = None) -> SyncResult:
        """Let Plumb bring the file to the cluster; whatever goes wrong fails the test."""
        tree = MemoryTree(self.files if files is None else files)
        application = Application("corpus", self.namespace, Source("memory:"), wait=False)
        desired = Desired(application, Revision("c" * 40, "t" * 40), tree, render(tree, ""))
        result = reconcile(desired, self.cluster.world(), Request(dry_run=dry_run))
        failed = [o.error or o.ref for o in result.outcomes if o.action == "failed"]
        problems = "\n".join(map(str, [*result.errors, *failed]))
        assert not problems, problems
        return result

    def plan(self, files: Mapping[str, str] | None = None) -> Plan:
        """Return what Plumb would do now; sends read requests only."""
        plan = self.sync(dry_run=True, files=files).plan
        assert plan is not None
        return plan

    # --- other ways --------------------------------------------------------------------------

    def kubectl(self, *arguments: str) -> None:
        """Hand the file to kubectl, definitions first, as one has to."""
        for path, text in self.files.items():
            self._run(*arguments, "--filename=-", text=text)
            if path.endswith(DEFINITIONS):
                self._until_served(text)

    def by_hand(self) -> None:
        """Make every object as somebody could who spells defaults out, with fields of their own."""
        for path, text in self.files.items():
            for body in bodies({path: text}):
                self._make(body)
            if path.endswith(DEFINITIONS):
                self._until_served(text)

    def _make(self, body: JSON) -> None:
        path, metadata = self.path(body, is_list=True), sendable(body)["metadata"]
        wish = {**sendable(body), "metadata": {k: v for k, v in metadata.items() if v is not None}}
        create = self.cluster.client.create
        spelt = sendable(create(path, wish, params={"dryRun": "All"}).body)
        if body["kind"] == "Job":
            spelt = wish  # its selector is made of the uid
        if body["kind"] == "Service":
            spelt["spec"] = _unallocated(spelt["spec"])
        create(path, with_more(spelt), params={"fieldManager": "hand"})

    def _until_served(self, text: str) -> None:
        for body in bodies({"": text}):
            name = f"crd/{body['metadata']['name']}"
            self._run("wait", "--for=condition=Established", "--timeout=20s", name)

    def _run(self, *arguments: str, text: str = "") -> None:
        # The namespace of the context is a default; --namespace would refuse any other.
        kubeconfig = self.cluster.cache / f"{self.namespace}.kubeconfig"
        document = json.loads(self.cluster.plane.kubeconfig.read_text())
        document["contexts"][0]["context"]["namespace"] = self.namespace
        kubeconfig.write_text(json.dumps(document))
        command = [
            str(self.cluster.plane.kubectl),
            f"--kubeconfig={kubeconfig}",
            f"--cache-dir={self.cluster.cache}",
            *arguments,
        ]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"

    # --- the cluster -------------------------------------------------------------------------

    def resource(self, body: JSON) -> Resource:
        """Return where objects of this kind are."""
        crds = [b for b in bodies(self.files) if b["kind"] == "CustomResourceDefinition"]
        found = self.kinds.with_definitions(crds).resource(body["apiVersion"], body["kind"])
        assert found is not None, f"{body['kind']} is not served"
        return found

    def path(self, body: JSON, *, is_list: bool = False) -> str:
        """Return the URL path of an object, or of where it is created."""
        metadata = body["metadata"]
        namespace = metadata.get("namespace") or self.namespace
        return self.resource(body).path(namespace, "" if is_list else metadata["name"])

    def live(self) -> dict[str, JSON]:
        """Return the objects that there are, by path."""
        found = {}
        for path in map(self.path, bodies(self.files)):
            try:
                found[path] = self.cluster.client.get(path, ref=path)
            except NotFoundError:
                continue
        return found

    def rest(self) -> None:
        """Wait until the controllers have seen everything and change nothing any more."""
        seen: list[dict[str, str]] = []

        def is_quiet() -> bool:
            live = self.live()
            seen.append({p: body["metadata"]["resourceVersion"] for p, body in live.items()})
            is_same = len(seen) >= _QUIET_LOOKS and seen[-1] == seen[-2] == seen[-_QUIET_LOOKS]
            return is_same and all(map(_is_observed, live.values()))

        self._until(is_quiet)

    def _until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _QUIET_WITHIN_S
        while not condition():
            assert time.monotonic() < deadline, f"not within {_QUIET_WITHIN_S} s"
            time.sleep(_LOOK_EVERY_S)  # noqa: TID251 - a test has no stop event


def _is_observed(live: JSON) -> bool:
    if live["kind"] not in _OBSERVED:
        return True
    seen = (live.get("status") or {}).get("observedGeneration", 0)
    return bool(seen >= live["metadata"].get("generation", 0))


def annotated(files: Mapping[str, str]) -> dict[str, str]:
    """Return the same manifests as JSON, each with one annotation more."""
    return {
        path: "\n---\n".join(
            json.dumps(_annotated(body), ensure_ascii=False) for body in bodies({path: text})
        )
        for path, text in files.items()
    }


def _annotated(body: JSON) -> JSON:
    metadata = body["metadata"]
    annotations = {**(metadata.get("annotations") or {}), TOUCHED: "yes"}
    return {**body, "metadata": {**metadata, "annotations": annotations}}


def _unallocated(service: JSON) -> JSON:
    """Return the spec without what a dry run only pretends to allocate."""
    made_up = {"healthCheckNodePort"}
    if service.get("clusterIP") != "None":
        made_up |= {"clusterIP", "clusterIPs"}
    ports = [{k: v for k, v in p.items() if k != "nodePort"} for p in service.get("ports", ())]
    rest = {k: v for k, v in service.items() if k not in made_up}
    return {**rest, "ports": ports} if ports else rest


def with_more(body: JSON) -> JSON:
    """Return the object with fields that Git does not know, wherever others may have their own."""
    metadata = body["metadata"]
    more = {f"{each}s": {**(metadata.get(f"{each}s") or {}), BY_HAND: each} for each in _MARKS}
    made = {**copy.deepcopy(body), "metadata": {**metadata, **more}}
    if body["kind"] in _OF_PODS:
        pod = made["spec"] if body["kind"] == "Pod" else made["spec"]["template"]["spec"]
        pod["containers"][0].setdefault("env", []).append({"name": "BY_HAND", "value": "1"})
        pod.setdefault("volumes", []).append({"name": BY_HAND, "emptyDir": {}})
        pod["containers"].append({"name": BY_HAND, "image": "sidecar"})
    if body["kind"] in ("ConfigMap", "Secret") and not body.get("immutable"):
        made["data"] = {**(made.get("data") or {}), BY_HAND: "aGFuZA=="}
    return made


def told(plan: Plan) -> str:
    """Return a plan's changes for a failed assertion, one line per edit."""
    lines = []
    for change in plan.changes:
        lines.append(f"{type(change).__name__} {change.ref}: {getattr(change, 'reason', '')}")
        patch = getattr(change, "patch", None)
        lines += [
            f"  {edit.path}: {json.dumps(edit.before, default=str)} -> "
            f"{json.dumps(edit.after, default=str)} ({edit.why})"
            for edit in (patch.edits if patch else ())
        ]
    lines += [f"settle {m.ref}" for m in plan.settle]
    return "\n".join(lines)
