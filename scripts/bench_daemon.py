"""`scripts/bench daemon`: how fast the daemon is, and what it costs, at 1,000 applications.

The shape is flux-benchmark's: an application is a ServiceAccount, a Service, a Deployment with no
replicas and an Ingress, carried out as one service account a namespace, wait and prune on. Plumb
runs as a process of its own beside API server, etcd and controller manager. Requests are those of
the API server's audit log: to managed objects, and Plumb's own (Applications, records, Lease,
Events). Exit code 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import environment

from e2e.servers import binaries
from e2e.servers.controlplane import COUNTED, ControlPlane
from e2e.servers.githttp import GitHttpServer
from e2e.servers.gitrepo import TestRepository
from engine.parse import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

NAMESPACES = 10
SECRET = "bench-hook"  # noqa: S105 - of a hook on loopback
APPLICATIONS = "/apis/plumb.dev/v1alpha1/namespaces/{}/applications"
_TICK = os.sysconf("SC_CLK_TCK")


def files(number: int, *, cpu: str = "1m") -> dict[str, str]:
    """Return the file of one application."""
    name = f"app-{number:04d}"
    return {f"apps/{name}/all.yaml": _MANIFESTS.format(name=name, cpu=cpu)}


_MANIFESTS = """\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {name}
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector: {{app: {name}}}
  ports:
  - {{name: http, port: 9898, targetPort: http}}
  - {{name: grpc, port: 9999, targetPort: grpc}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: 0
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      serviceAccountName: {name}
      containers:
      - name: podinfo
        image: example/podinfo:6.7.1
        ports: [{{name: http, containerPort: 9898}}, {{name: grpc, containerPort: 9999}}]
        livenessProbe:
          httpGet: {{path: /healthz, port: http}}
        readinessProbe:
          httpGet: {{path: /readyz, port: http}}
        resources:
          requests: {{cpu: {cpu}, memory: 16Mi}}
        volumeMounts: [{{name: data, mountPath: /data}}]
      volumes: [{{name: data, emptyDir: {{}}}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
spec:
  rules:
  - host: {name}.example
    http:
      paths:
      - path: /
        pathType: Prefix
        backend: {{service: {{name: {name}, port: {{name: http}}}}}}
"""


@dataclass
class Figure:
    """One line of the table; ``limit`` 0 is none."""

    work: str
    value: float
    unit: str
    limit: float = 0.0
    note: str = ""

    @property
    def is_met(self) -> bool:
        return not self.limit or self.value <= self.limit


@dataclass
class Stage:
    """Everything that runs, and the figures so far."""

    plane: ControlPlane
    git: GitHttpServer
    repository: TestRepository
    folder: Path
    count: int
    figures: list[Figure] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    address: str = ""
    # Of each Application: whether it is Ready, and at which commit. Heard, not asked for: the
    # witness must not keep the API server busy by itself.
    seen: dict[str, tuple[bool, str]] = field(default_factory=dict)

    # --- the daemon --------------------------------------------------------------------------

    def start(self) -> None:
        """Start the daemon, and wait until it serves HTTP."""
        log = self.folder / f"daemon-{time.monotonic_ns()}.log"
        program = str(Path(sys.executable).with_name("plumb"))
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [program, "run", "--log-format=json", "--listen=127.0.0.1:0",
                 f"--hook-secret-dir={self.folder / 'hooks'}",
                 f"--cache-dir={self.folder / 'cache'}"],
                env={**os.environ, "KUBECONFIG": str(self.folder / "kubeconfig")}, stderr=out,
            )  # fmt: skip
        for _ in polling(60):
            said = re.search(rb'"address": "([^"]+)"', log.read_bytes())
            if said:
                self.address = said[1].decode()
                return

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(15)
            self.process = None

    def cpu_s(self) -> float:
        """CPU seconds of the daemon so far."""
        assert self.process is not None  # noqa: S101 - it was started
        return cpu_s(Path(f"/proc/{self.process.pid}"))

    def memory_mib(self, name: str) -> float:
        """VmRSS or VmHWM of the daemon."""
        assert self.process is not None  # noqa: S101 - it was started
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        return int(found[1]) / 1024 if found else 0.0

    def mark(self) -> int:
        """Where the audit log ends now."""
        assert self.plane.audit_log is not None  # noqa: S101 - it was started with one
        return self.plane.audit_log.stat().st_size

    def requests(self, since: int) -> Counter[str]:
        """Requests of the daemon since a mark, by verb and by what they were about."""
        assert self.plane.audit_log is not None  # noqa: S101 - as above
        counts: Counter[str] = Counter()
        with self.plane.audit_log.open("rb") as log:
            log.seek(since)
            for line in log:
                if line.endswith(b"\n") and b"plumb" in line:
                    event = json.loads(line)
                    if "plumb" in event.get("userAgent", ""):
                        counts[f"{event['verb']} {_about(event.get('objectRef') or {})}"] += 1
        return counts

    def quiet(self, for_s: float = 4.0) -> None:
        """Wait until the daemon has written nothing for a while: Events leave at 5 a second."""
        for _ in polling(600, 0.0):
            before = self.mark()
            rest(for_s)
            if not written(self.requests(before)):
                return

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://{self.address}/metrics") as answer:
            return str(answer.read().decode())

    def rendered(self) -> int:
        found = re.search(
            r'^plumb_renders_total{result="done"} ([\d.e+]+)', self.metrics(), re.MULTILINE
        )
        return int(float(found[1])) if found else 0

    def push(self) -> None:
        """Tell the daemon that somebody pushed."""
        body = json.dumps({"url": self.git.url("bench.git")}).encode()
        headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
        request = urllib.request.Request(
            f"http://{self.address}/hooks/generic", data=body, headers=headers
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
            answer.read()

    # --- applications ------------------------------------------------------------------------

    def apply(self, number: int, **spec: Any) -> None:
        source = {"url": self.git.url("bench.git"), "ref": {"branch": "main"},
                  "path": spec.pop("path", f"apps/app-{number:04d}")}  # fmt: skip
        name = spec.pop("name", f"app-{number:04d}")
        self.plane.create(APPLICATIONS.format(space(number)), {
            "apiVersion": "plumb.dev/v1alpha1", "kind": "Application", "metadata": {"name": name},
            "spec": {"source": source, "serviceAccountName": "deployer", "interval": "10m", **spec},
        })  # fmt: skip

    def ready(self, *, at: str = "") -> int:
        """How many applications are Ready, at this commit where one is given."""
        return sum(is_ready and at in ("", here) for is_ready, here in list(self.seen.values()))

    def hear(self) -> None:
        """Note what becomes of the Applications, for as long as the API server is there."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            for event in self.plane.events("/apis/plumb.dev/v1alpha1/applications"):
                body = event["object"]
                status = body.get("status") or {}
                is_ready = any(c["type"] == "Ready" and c["status"] == "True"
                               for c in status.get("conditions", ()))  # fmt: skip
                self.seen[body["metadata"]["name"]] = is_ready, status.get("revision", "")

    def tell(self, figure: Figure) -> None:
        self.figures.append(figure)
        environment.tell(f"{figure.work}: {figure.value:.2f} {figure.unit} {figure.note}")


def _about(ref: Any) -> str:
    """Return what a request is about, in a word: "objects" are those that Git names."""
    resource, space = ref.get("resource", ""), ref.get("namespace", "")
    if resource == "applications":
        return str("statuses" if ref.get("subresource") == "status" else resource)
    if resource == "configmaps" and space == "plumb-system":
        return "records"
    return str(resource) if resource in ("events", "leases", "secrets") else "objects"


def written(counts: Counter[str], *, about: str = "") -> int:
    """Sum up the writes, all or those about one thing."""
    verbs = ("create", "update", "patch", "delete")
    found = (key.split(" ") for key in counts if key.endswith(about))
    return sum(counts[f"{verb} {what}"] for verb, what in found if verb in verbs)


def listed(counts: Counter[str]) -> str:
    """Tell the requests in a line, the most frequent first."""
    return ", ".join(f"{number} {key}" for key, number in counts.most_common()) or "none"


def space(number: int) -> str:
    return f"team-{number % NAMESPACES}"


def polling(seconds: float, every_s: float = 0.02) -> Iterator[float]:
    """Yield the seconds so far until the caller breaks off; SystemExit when it takes too long."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        yield passed
        time.sleep(every_s)  # noqa: TID251 - a script has no stop event
    sys.exit(f"it did not come about within {seconds:g} s")


def until(holds: Callable[[], object], seconds: float = 300.0, every_s: float = 0.02) -> float:
    """Wait until something holds; return the seconds it took."""
    return next(passed for passed in polling(seconds, every_s) if holds())


def rest(seconds: float) -> None:
    time.sleep(seconds)  # noqa: TID251 - as above


# --- the work --------------------------------------------------------------------------------


def prepare(stage: Stage) -> None:
    """Put the definition, namespaces and accounts there, and everything into Git."""
    plane = stage.plane
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for file in sorted((environment.ROOT / "manifests" / "base").glob("*crd*.yaml")):
        for document in documents(file.read_bytes(), path=file.name):
            plane.create(crds, document.body)
    until(lambda: plane.is_there("/apis/plumb.dev/v1alpha1/applications"))
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces"
    for name in ("plumb-system", *(space(number) for number in range(NAMESPACES))):
        plane.create("/api/v1/namespaces", {"metadata": {"name": name}})
        plane.create(
            f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "deployer"}}
        )
        plane.create(f"{rbac}/{name}/rolebindings", {
            "metadata": {"name": "deployer"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                        "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": name}],
        })  # fmt: skip
    threading.Thread(target=stage.hear, daemon=True).start()
    credentials(stage)
    hooks = stage.folder / "hooks"
    hooks.mkdir()
    (hooks / "generic").write_text(SECRET)
    stage.repository.commit(
        {path: text for n in range(stage.count) for path, text in files(n).items()}
    )


def credentials(stage: Stage) -> None:
    """Let the daemon be what it is in a cluster: a service account with a token."""
    plane = stage.plane
    account = "/api/v1/namespaces/plumb-system/serviceaccounts"
    plane.create(account, {"metadata": {"name": "plumb"}})
    plane.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
        "metadata": {"name": "plumb"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                    "name": "cluster-admin"},
        "subjects": [{"kind": "User", "name": COUNTED}],
    })  # fmt: skip
    token = plane.create(f"{account}/plumb/token", {"spec": {"expirationSeconds": 7200}})
    document = json.loads(plane.kubeconfig.read_text())
    document["users"][0]["user"] = {"token": token["status"]["token"]}
    (stage.folder / "kubeconfig").write_text(json.dumps(document))


def install(stage: Stage) -> None:
    """Create all Applications and wait until all are Ready."""
    stage.start()
    rest(2)
    before, cpu, began = stage.mark(), stage.cpu_s(), time.monotonic()
    servers = server_cpu_s(stage)
    for number in range(stage.count):
        stage.apply(number)
    until(lambda: stage.ready() == stage.count)
    took = time.monotonic() - began
    split = {name: used - servers[name] for name, used in server_cpu_s(stage).items()}
    told = ", ".join(f"{used:.0f} s {name}" for name, used in split.items())
    note = f"CPU: {stage.cpu_s() - cpu:.0f} s Plumb, {told}; {listed(stage.requests(before))}"
    stage.tell(Figure(f"install {stage.count} x 4", took, "s", 60 * stage.count / 1000, note))


def cpu_s(process: Path) -> float:
    """CPU seconds so far of a process, by its folder in /proc."""
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def server_cpu_s(stage: Stage) -> dict[str, float]:
    """CPU seconds so far of what runs beside the daemon, by name."""
    found: dict[str, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes()
            name = Path(os.fsdecode(line.partition(b"\0")[0])).name
            if name.startswith(("etcd", "kube-")) and os.fsencode(stage.plane.folder) in line:
                found[name] = cpu_s(folder)
    return found


def commits(stage: Stage) -> None:
    """Change nothing, one, and all."""
    stage.quiet()
    before, cpu = stage.mark(), stage.cpu_s()
    stage.repository.commit({"README": "nothing to see here"})
    stage.push()
    rest(5)
    asked = stage.requests(before)
    stage.tell(Figure("a commit that changes none", written(asked), "writes", 0.5,
                      f"{stage.cpu_s() - cpu:.2f} s CPU; {listed(asked)}"))  # fmt: skip
    before, renders = stage.mark(), stage.rendered()
    began = time.monotonic()
    commit = stage.repository.commit(files(3, cpu="2m"))
    stage.push()
    until(lambda: stage.ready(at=commit) == 1, every_s=0.05)
    took = time.monotonic() - began
    rest(5)
    asked = stage.requests(before)
    note = f"{stage.rendered() - renders} rendered; {listed(asked)}"
    stage.tell(Figure(f"a commit that changes one of {stage.count}", took, "s", 2.0, note))
    stage.tell(Figure("objects written for it", written(asked, about="objects"), "", 1))
    stage.quiet()
    before, cpu, began = stage.mark(), stage.cpu_s(), time.monotonic()
    commit = stage.repository.commit(
        {path: text for n in range(stage.count) for path, text in files(n, cpu="3m").items()}
    )
    stage.push()
    until(lambda: stage.ready(at=commit) == stage.count)
    took = time.monotonic() - began
    note = f"{stage.cpu_s() - cpu:.0f} s CPU; {listed(stage.requests(before))}"
    limit = 60 * stage.count / 1000
    stage.tell(Figure(f"upgrade of one field in each of {stage.count}", took, "s", limit, note))
    stage.tell(Figure("peak memory", stage.memory_mib("VmHWM"), "MiB", 200))


def drift(stage: Stage, edits: int) -> None:
    """Edit managed fields by hand, of one object after the other."""
    stage.quiet()
    times = []
    for number in range(edits):
        index = number % stage.count
        path = f"/api/v1/namespaces/{space(index)}/services/app-{index:04d}"
        stage.plane.merge(path, {"spec": {"selector": {"app": f"hand-{number}"}}})
        wanted = f"app-{index:04d}"
        began = time.monotonic()
        until(lambda p=path, w=wanted: stage.plane.get(p)["spec"]["selector"]["app"] == w,  # type: ignore[misc]
              60, every_s=0.005)  # fmt: skip
        times.append(time.monotonic() - began)
    stage.tell(Figure(f"drift put back, p95 of {edits}", p95(times), "s", 1.0,
                      f"median {statistics.median(times):.3f} s"))  # fmt: skip


def pushes(stage: Stage, count: int) -> None:
    """Push with a webhook and look until it is live."""
    times = []
    for number in range(count):
        index = (number * 7 + 11) % stage.count
        cpu = f"{10 + number}m"
        stage.repository.commit(files(index, cpu=cpu))
        began = time.monotonic()
        stage.push()
        path = f"/apis/apps/v1/namespaces/{space(index)}/deployments/app-{index:04d}"

        def is_live(path: str = path, cpu: str = cpu) -> bool:
            spec = stage.plane.get(path)["spec"]["template"]["spec"]
            return bool(spec["containers"][0]["resources"]["requests"]["cpu"] == cpu)

        until(is_live, 60, every_s=0.01)
        times.append(time.monotonic() - began)
    stage.tell(Figure(f"push with webhook to applied, p95 of {count}", p95(times), "s", 2.0,
                      f"median {statistics.median(times):.3f} s"))  # fmt: skip


def chain(stage: Stage) -> None:
    """Five applications, each after the one before."""
    for link in range(5):
        text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: link-{link}}}\n"
        stage.repository.commit({f"chain/{link}/a.yaml": text})
    stage.push()
    rest(3)
    began = time.monotonic()
    for link in reversed(range(5)):
        after = [{"name": f"link-{link - 1}"}] if link else []
        stage.apply(0, name=f"link-{link}", path=f"chain/{link}", dependsOn=after)
    last = f"{APPLICATIONS.format(space(0))}/link-4"

    def is_ready() -> bool:
        conditions = (stage.plane.get(last).get("status") or {}).get("conditions", ())
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    until(is_ready)
    stage.tell(Figure("chain of 5 dependsOn", time.monotonic() - began, "s", 3.0))


def unrelated(stage: Stage) -> None:
    """One application while 50 others wait for health that never comes."""
    pod = ("apiVersion: v1\nkind: Pod\nmetadata: {{name: never-{n}}}\n"
           "spec: {{containers: [{{name: a, image: example/a:1}}]}}\n")  # fmt: skip
    stage.repository.commit({f"never/{n}/pod.yaml": pod.format(n=n) for n in range(50)})
    stage.repository.commit(
        {"alone/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: alone}\n"}
    )
    stage.push()
    rest(3)
    for number in range(50):
        stage.apply(1, name=f"never-{number}", path=f"never/{number}")
    made = "/api/v1/namespaces/team-1/pods"
    until(lambda: len(stage.plane.get(made)["items"]) == 50)
    rest(3)
    began = time.monotonic()
    stage.apply(2, name="alone", path="alone")
    until(lambda: stage.plane.is_there("/api/v1/namespaces/team-2/configmaps/alone"))
    stage.tell(Figure("an unrelated one while 50 wait", time.monotonic() - began, "s", 1.0))


def idle(stage: Stage, seconds: float) -> None:
    """Nothing happens."""
    stage.quiet(10)
    before, cpu = stage.mark(), stage.cpu_s()
    rest(seconds)
    used = (stage.cpu_s() - cpu) / seconds * 100
    told = f"requests in {seconds:g} s: {listed(stage.requests(before))}"
    stage.tell(Figure("idle", used, "% of a core", 1.0, told))
    stage.tell(Figure("idle memory", stage.memory_mib("VmRSS"), "MiB", 150))


def restart(stage: Stage) -> None:
    """Stop and start with everything unchanged, until each was looked at and is in place.

    Not by ``plumb_application_info``, which at first tells what the daemon before had found.
    """
    stage.stop()
    before, began = stage.mark(), time.monotonic()
    stage.start()

    def looked_at() -> int:
        done = r'^plumb_syncs_total{application="([^"]+)",result="unchanged"} [1-9]'
        return len(set(re.findall(done, stage.metrics(), re.MULTILINE)))

    until(lambda: looked_at() >= stage.count, every_s=0.5)
    took = time.monotonic() - began
    rest(3)
    asked = stage.requests(before)
    stage.tell(Figure("restart until all are Synced", took, "s", 10.0, listed(asked)))
    stage.tell(Figure("objects written for it", written(asked, about="objects"), "", 0.5))


def p95(times: Sequence[float]) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.95))]


# --- the table -------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    """Measure everything in one run and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="50 applications")
    parser.add_argument("--count", type=int, default=1000, help="applications")
    options = parser.parse_args(arguments)
    count = 50 if options.quick else options.count
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plumb-bench-")))
        found = binaries.ensure(say=environment.tell)
        plane = stack.enter_context(ControlPlane.start(found, audit=True))
        git = stack.enter_context(GitHttpServer(folder / "git"))
        repository = stack.enter_context(TestRepository(folder / "git" / "bench.git"))
        stage = Stage(plane, git, repository, folder, count)
        stack.callback(stage.stop)
        prepare(stage)
        install(stage)
        commits(stage)
        drift(stage, 100 if options.quick else 1000)
        pushes(stage, 10 if options.quick else 100)
        idle(stage, 10 if options.quick else 60)
        restart(stage)
        chain(stage)
        unrelated(stage)
    print("| work | measured | at most | |\n|---|---|---|---|")
    for figure in stage.figures:
        limit = f"{figure.limit:g} {figure.unit}" if figure.limit else ""
        verdict = "ok" if figure.is_met else "**missed**"
        print(f"| {figure.work} | {figure.value:.2f} {figure.unit} ({figure.note}) | {limit} "
              f"| {verdict} |")  # fmt: skip
    return 0 if all(figure.is_met for figure in stage.figures) else 1
