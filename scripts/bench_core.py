"""What reading and planning cost without a server: parse, plan, memory. `scripts/bench core`.

The manifests are a realistic mix, in files as people write them; live objects are what a real
server made of one of each kind, defaults and managedFields included, and then copied.
"""

from __future__ import annotations

import copy
import gc
import statistics
import time
import tracemalloc
import zlib
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
from ruamel.yaml import YAML

from engine.inventory import Entry, Inventory, entry_to_json, marked
from engine.kube import config, discovery
from engine.kube.client import Client
from engine.kube.gcguard import collector_off
from engine.kube.store import Store
from engine.memo import Memo
from engine.model import Application, Live, Revision, Source
from engine.namespaces import place
from engine.normalize import sendable
from engine.parse import documents
from engine.plan import make_plan, planned, recorded
from engine.render import render_again
from engine.situation import Observation, Situation
from tests.trees import MemoryTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.servers.controlplane import ControlPlane
    from engine.model import Manifest
    from engine.render import Rendered

JSON: TypeAlias = Any

OWNER = "0" * 32
APPLICATION = Application("bench", "bench", Source("https://git.example/config.git", path="apps"))
# One program as a chart renders it: 20 objects.
PROGRAM = """\
# Source: shop/templates/serviceaccount.yaml
apiVersion: v1
kind: ServiceAccount
metadata:
  name: NAME
  labels: &labels
    app.kubernetes.io/name: NAME
    app.kubernetes.io/instance: "bench"
    app.kubernetes.io/version: "1.27.3"
    app.kubernetes.io/managed-by: Helm
    helm.sh/chart: shop-4.2.1
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: NAME, labels: {app.kubernetes.io/name: NAME}}
rules:
- apiGroups: [""]
  resources: [configmaps, secrets]
  verbs: [get, list, watch]
- apiGroups: ["coordination.k8s.io"]
  resources: ["leases"]
  verbs: ["get", "create", "update"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: NAME, labels: {app.kubernetes.io/name: NAME}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: NAME}
subjects:
- {kind: ServiceAccount, name: NAME, namespace: bench}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: NAME}
spec: {maxUnavailable: 1, selector: {matchLabels: {app.kubernetes.io/name: NAME}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: NAME}
spec:
  podSelector: {matchLabels: {app.kubernetes.io/name: NAME}}
  policyTypes: [Ingress]
  ingress:
  - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress}}}]
    ports: [{port: http}, {port: 9090}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: NAME}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: NAME}
  minReplicas: 2
  maxReplicas: 10
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 75}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: NAME
  annotations:
    nginx.ingress.kubernetes.io/proxy-body-size: "8m"
    cert-manager.io/cluster-issuer: letsencrypt
spec:
  ingressClassName: nginx
  tls: [{hosts: [NAME.example.com], secretName: NAME-tls}]
  rules:
  - host: NAME.example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: NAME, port: {name: http}}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: NAME-cleanup}
spec:
  schedule: "17 3 * * *"
  concurrencyPolicy: Forbid
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers:
          - name: cleanup
            image: "registry.example.com/shop/cleanup:1.27.3"
            args: ["--older-than", "30d", "--dry-run=false"]
            resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {memory: 128Mi}}
"""
CONFIG = """\
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: NAME-N
  labels:
    app.kubernetes.io/name: NAME
data:
  LOG_LEVEL: info
  FEATURE_FLAGS: "search,checkout"
  application.yaml: |
    server:
      port: 8080
      shutdown: graceful
    spring:
      datasource:
        url: jdbc:postgresql://NAME-db:5432/shop
        hikari: {maximum-pool-size: 20}
    management:
      endpoints: {web: {exposure: {include: "health,prometheus"}}}
"""
CREDENTIALS = """\
---
apiVersion: v1
kind: Secret
metadata: {name: NAME-N}
type: Opaque
data:
  username: c2hvcA==
  password: bm90IGEgcGFzc3dvcmQgYXQgYWxs
"""
SERVICE = """\
---
apiVersion: v1
kind: Service
metadata: {name: NAME-N, labels: {app.kubernetes.io/name: NAME}}
spec:
  type: ClusterIP
  selector: {app.kubernetes.io/name: NAME, app.kubernetes.io/component: "N"}
  ports:
  - {name: http, port: 80, targetPort: http, protocol: TCP}
  - {name: metrics, port: 9090, targetPort: metrics, protocol: TCP}
"""
DEPLOYMENT = """\
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: NAME-N
  labels:
    app.kubernetes.io/name: NAME
    app.kubernetes.io/component: "N"
spec:
  revisionHistoryLimit: 3
  selector:
    matchLabels:
      app.kubernetes.io/name: NAME
      app.kubernetes.io/component: "N"
  template:
    metadata:
      annotations:
        checksum/config: 8d1c6bd9a6ac5b0ba1b3a8f4a1e0f65a0c8f7df1
        prometheus.io/scrape: "true"
      labels:
        app.kubernetes.io/name: NAME
        app.kubernetes.io/component: "N"
    spec:
      serviceAccountName: NAME
      securityContext:
        runAsNonRoot: true
        seccompProfile: {type: RuntimeDefault}
      containers:
      - name: app
        image: "registry.example.com/shop/NAME:1.27.3"
        imagePullPolicy: IfNotPresent
        ports:
        - {name: http, containerPort: 8080, protocol: TCP}
        - {name: metrics, containerPort: 9090, protocol: TCP}
        env:
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: GOMEMLIMIT, value: "400MiB"}
        - name: DB_PASSWORD
          valueFrom:
            secretKeyRef: {name: NAME-1, key: password}
        envFrom:
        - configMapRef: {name: NAME-0}
        livenessProbe:
          httpGet: {path: /healthz, port: http}
          initialDelaySeconds: 10
        readinessProbe:
          httpGet: {path: /readyz, port: http}
        resources:
          requests: {cpu: 100m, memory: 256Mi}
          limits: {memory: 512Mi}
        volumeMounts:
        - {name: config, mountPath: /etc/app, readOnly: true}
        - {name: tmp, mountPath: /tmp}
      volumes:
      - name: config
        configMap: {name: NAME-0}
      - name: tmp
        emptyDir: {}
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: topology.kubernetes.io/zone
        whenUnsatisfiable: ScheduleAnyway
        labelSelector: {matchLabels: {app.kubernetes.io/name: NAME}}
"""
PER_PROGRAM = 20
ROUNDS = 3
PARSE_RATIO, UNCHANGED_S, CHANGED_S, CHANGED, KEPT_BYTES = 3.0, 1.0, 1.2, 50, 4096


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    work: str
    measured: str
    beside: str
    target: str
    is_met: bool


def program(name: str) -> str:
    """Return the file of one program: 8 objects that there is one of, and 12 more."""
    parts = [CONFIG] * 4 + [CREDENTIALS] * 2 + [SERVICE] * 3 + [DEPLOYMENT] * 3
    numbered = (
        part.replace("-N", f"-{n}").replace('"N"', f'"{n}"') for n, part in enumerate(parts)
    )
    return (PROGRAM + "".join(numbered)).replace("NAME", name)


def measure(plane: ControlPlane, count: int) -> list[Figure]:
    """Measure everything with this many objects."""
    programs = count // PER_PROGRAM
    files = {f"apps/{n:04}/all.yaml": program(f"shop-{n:04}").encode() for n in range(programs)}
    connection = config.load(kubeconfig=str(plane.kubeconfig), context=None)
    with Client(connection, connections=2) as client:
        kinds = discovery.kinds(client)
        made = _made(plane, kinds)
        with collector_off():
            rendering, rendered = render_again(MemoryTree(files), "apps", None)
        placement = place(rendering.manifests, APPLICATION, kinds)
        versions = {manifest.api_version for manifest in placement.manifests}
        schemas = discovery.schemas(client, versions, cache_dir=None)
    live = {m.ref: _live(m, made) for m in placement.manifests}
    entries = {m.ref: _entry(m, live[m.ref]) for m in placement.manifests}
    situation = Situation(
        application=APPLICATION, revision=Revision("c" * 40, "d" * 40), placement=placement,
        inventory=Inventory(OWNER, str(APPLICATION), entries), owner=OWNER,
        observation=Observation(live=live), kinds=kinds, schemas=schemas,
    )  # fmt: skip
    assert rendered is not None  # noqa: S101 - the path is there
    return [_parse(files), *_plans(situation), _memory(situation, rendered)]


# --- parse -----------------------------------------------------------------------------------


def _parse(files: dict[str, bytes]) -> Figure:
    def ours() -> int:
        return sum(1 for p, data in files.items() for _ in documents(data, path=p))

    def ruamel() -> int:
        loader = YAML(typ="safe", pure=False)
        return sum(1 for data in files.values() for _ in loader.load_all(data))

    ours_s, ruamel_s = _medians(ours, ruamel)
    ratio = ruamel_s / ours_s
    return Figure(
        f"parse {ours():,} manifests in {len(files):,} files", f"{ours_s:.2f} s",
        f"{ruamel_s:.2f} s ruamel's C loader: {ratio:.1f} x", f"≥ {PARSE_RATIO} x",
        ratio >= PARSE_RATIO,
    )  # fmt: skip


# --- plan ------------------------------------------------------------------------------------


def _plans(situation: Situation) -> Iterator[Figure]:
    changed = _changed(situation)
    _, memo = planned(situation, Memo())
    count = len(situation.placement.manifests)
    for target, title, asked in (
        (UNCHANGED_S, "nothing changed", situation),
        (CHANGED_S, f"{CHANGED} changed", changed),
    ):
        plan = make_plan(asked)
        writes = [change.ref for change in plan.writes]
        expected = CHANGED if asked is changed else 0
        without, with_memo = _medians(partial(make_plan, asked), partial(_again, asked, memo))
        yield Figure(
            f"plan {count:,} objects, {title}: {len(writes)} writes",
            f"{with_memo:.2f} s with the memo, {without:.2f} s without",
            f"{with_memo / count * 1e6:.0f} and {without / count * 1e6:.0f} µs an object",
            f"≤ {target} s with it", with_memo <= target and len(writes) == expected,
        )  # fmt: skip


def _again(situation: Situation, memo: Memo) -> None:
    """Plan with the memo and a record that was read anew, as in every pass."""
    assert situation.inventory is not None  # noqa: S101 - it was made above
    entries = {ref: replace(entry) for ref, entry in situation.inventory.entries.items()}
    planned(replace(situation, inventory=replace(situation.inventory, entries=entries)), memo)


def _changed(situation: Situation) -> Situation:
    """The same, with another wish for some objects, evenly spread."""
    manifests = list(situation.placement.manifests)
    step = len(manifests) // CHANGED
    for index in range(0, step * CHANGED, step):
        body = copy.deepcopy(manifests[index].body)
        body["metadata"]["labels"] = {**body["metadata"].get("labels", {}), "round": "2"}
        manifests[index] = replace(manifests[index], body=body, digest=f"changed {index}")
    return replace(situation, placement=replace(situation.placement, manifests=tuple(manifests)))


# --- memory ----------------------------------------------------------------------------------


def _memory(situation: Situation, rendered: Rendered) -> Figure:
    """What a process keeps from one pass to the next, of each object."""
    count = len(situation.placement.manifests)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    with collector_off():
        _, memo = planned(situation, Memo())
    gc.collect()
    verdicts = tracemalloc.get_traced_memory()[0] - before
    live = _stored(situation)
    tracemalloc.stop()
    assert situation.inventory is not None  # noqa: S101 - it was made above
    # The record as it is kept: compressed JSON.
    record = len(zlib.compress(orjson.dumps(
        [entry_to_json(entry) for entry in situation.inventory.entries.values()]), 6))  # fmt: skip
    packed = len(rendered._packed)  # noqa: SLF001 - its size is what is asked for
    parts = {"memo": verdicts, "rendering": packed, "record": record, "live": live}
    shown = ", ".join(f"{size / count:.0f} {name}" for name, size in parts.items())
    total = sum(parts.values()) / count
    return Figure(
        f"kept of each of {len(memo):,} objects", f"{total:,.0f} bytes", shown,
        f"< {KEPT_BYTES} bytes", total < KEPT_BYTES,
    )  # fmt: skip


def _stored(situation: Situation) -> int:
    """Return what the stores of the watches take, that keep all the live objects."""
    before = tracemalloc.get_traced_memory()[0]
    stores: dict[tuple[str, str], Store] = {}
    for ref, live in situation.observation.live.items():
        kind = (ref.group, ref.kind)
        store = stores.setdefault(kind, Store(*kind, lambda _: None))
        store.put(live.body)
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] - before
    assert sum(map(len, stores.values())) == len(situation.observation.live)  # noqa: S101 - as above
    return taken


# --- what there is ---------------------------------------------------------------------------


def _made(plane: ControlPlane, kinds: Any) -> dict[str, JSON]:
    """What a real server makes of one program, by kind and the end of the name."""
    plane.create("/api/v1/namespaces", {"metadata": {"name": "bench"}})
    made = {}
    for document in documents(program("shop-0000").encode(), path="program"):
        body = document.body
        resource = kinds.resource(body["apiVersion"], body["kind"])
        path = resource.path("bench" if resource.namespaced else "")
        sent = {**sendable(body), "metadata": {**body["metadata"], "namespace": "bench"}}
        made[_key(body)] = plane.create(f"{path}?fieldManager=plumb", sent)
    return made


def _key(body: JSON) -> str:
    return f"{body['kind']} {body['metadata']['name'].partition('-')[2][4:]}"


def _live(manifest: Manifest, made: dict[str, JSON]) -> Live:
    """What there would be of this manifest: that of the first program under another name."""
    name = manifest.ref.name[:9]
    body = orjson.loads(
        orjson.dumps(made[_key(manifest.body)]).replace(b"shop-0000", name.encode())
    )
    body = marked(body, OWNER, manifest.ref)
    body["metadata"]["uid"] = f"{abs(hash(manifest.ref)):032x}"
    return Live(manifest.ref, body)


def _entry(manifest: Manifest, live: Live) -> Entry:
    return Entry(
        manifest.ref, uid=live.uid, version=manifest.api_version, applied=recorded(manifest)
    )


def _medians(*works: Callable[[], Any]) -> list[float]:
    """CPU seconds of each, in turns, so that a busy moment hits all of them."""
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for work, found in zip(works, seconds, strict=True):
            gc.collect()
            with collector_off():
                start = time.process_time()
                work()
                found.append(time.process_time() - start)
    return [statistics.median(found) for found in seconds]


def markdown(figures: list[Figure]) -> str:
    """Return the table."""
    lines = ["| work | measured | beside | at most | |", "|---|---|---|---|---|"]
    for row in figures:
        verdict = "ok" if row.is_met else "**missed**"
        lines.append(f"| {row.work} | {row.measured} | {row.beside} | {row.target} | {verdict} |")
    return "\n".join(lines)
