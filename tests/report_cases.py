"""Plans, results, records and errors as people may meet them, for the tests of reports."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from engine.errors import (
    ApiError,
    HealthTimeoutError,
    ManifestError,
    PlumbError,
    RefusedError,
    SettingsError,
)
from engine.inventory import Entry, Inventory, Run
from engine.model import (
    ABSENT,
    JSON,
    MARK_ANNOTATION,
    OWNER_LABEL,
    Adopt,
    Create,
    Delete,
    Edit,
    Health,
    HealthStatus,
    Keep,
    Live,
    Manifest,
    ObjectRef,
    Origin,
    Outcome,
    Patch,
    Plan,
    Release,
    Replace,
    Revision,
    Skip,
    SyncResult,
    SyncStatus,
    Update,
    Wave,
    Why,
)

if TYPE_CHECKING:
    from collections.abc import Callable

REVISION = Revision(
    commit="1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
    tree="0" * 40,
    ref="main",
    author="Ann <ann@example.com>",
    subject="Raise the number of web replicas",
    committed_at=1_772_355_600,
)


def ref(kind: str, name: str, *, group: str = "", namespace: str = "shop") -> ObjectRef:
    return ObjectRef(group, kind, namespace, name)


def manifest(of: ObjectRef, line: int = 1, **rest: JSON) -> Manifest:
    version = f"{of.group}/v1" if of.group else "v1"
    metadata: JSON = {"name": of.name}
    if of.namespace:
        metadata["namespace"] = of.namespace
    body = {"apiVersion": version, "kind": of.kind, "metadata": metadata, **rest}
    return Manifest(of, body, Origin(f"apps/shop/{of.name}.yaml", line), "")


def create(of: ObjectRef, line: int = 1, **rest: JSON) -> Create:
    wanted = manifest(of, line, **rest)
    body = copy.deepcopy(wanted.body)
    body["metadata"] |= {
        "labels": {OWNER_LABEL: "0123456789"},
        "annotations": {MARK_ANNOTATION: "0123456789:..."},
    }
    return Create(wanted, body)


def live(of: ObjectRef, created: str = "2026-01-20T09:30:00Z", **rest: JSON) -> Live:
    body = manifest(of, **rest).body
    return Live(of, {**body, "metadata": {**body["metadata"], "creationTimestamp": created}})


def update(of: ObjectRef, *edits: Edit, line: int = 1, notes: tuple[str, ...] = ()) -> Update:
    return Update(manifest(of, line), live(of), Patch((), edits, notes))


WEB = ref("Deployment", "web", group="apps")
_CONFIG = "# nginx\nworker_processes 1;\nevents {}\nhttp {\n  server {\n    listen 80;\n  }\n}\n"


def _everything() -> Plan:
    """One of each, as a person may meet them together on a bad day."""
    edits = (
        Edit("/spec/replicas", 2, 3, Why.CHANGED, "plumb"),
        Edit(
            "/spec/template/spec/containers/[name=web]/image",
            "registry.example/shop/web:1.2.3", "registry.example/shop/web:1.2.4", Why.CHANGED,
            "plumb",
        ),
        Edit(
            "/spec/template/spec/containers/[name=web]/resources/limits/memory",
            "128Mi", "256Mi", Why.DRIFTED, "kubectl-edit",
        ),
        Edit("/metadata/annotations/example.com~1team", ABSENT, "payments", Why.ADDED),
        Edit("/spec/template/spec/dnsPolicy", "Default", ABSENT, Why.REMOVED),
        Edit(
            "/spec/template/spec/volumes/[name=tmp]", ABSENT,
            {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}, Why.ADDED,
        ),
    )  # fmt: skip
    config = Edit(
        "/data/nginx.conf", _CONFIG, _CONFIG.replace("listen 80", "listen 8080"), Why.CHANGED
    )
    refused = RefusedError(
        "PLB522",
        "ConfigMap/shop/legacy is managed by Helm",
        where="apps/shop/legacy.yaml:1",
        why="it carries the label app.kubernetes.io/managed-by: Helm",
        hint="annotate the manifest with plumb.dev/adopt: enabled to take it over",
    )
    legacy, job = ref("ConfigMap", "legacy"), ref("Job", "migrate", group="batch")
    volume = ref("PersistentVolumeClaim", "data")
    selector = Edit("/spec/selector/matchLabels/app", "web", "shop", Why.CHANGED, "plumb")
    worker = ref("Deployment", "worker", group="apps")
    port = Edit("/spec/ports/[port=80]/targetPort", 80, "http", Why.DIFFERS, "kubectl-create")
    cart = ref("Service", "cart")
    leaving = "it is being deleted; it is made again when it is gone"
    return Plan(
        application="plumb-system/shop",
        revision=REVISION,
        waves=(
            Wave(-1, (create(job, 3, spec={"template": {"spec": {"restartPolicy": "Never"}}}),)),
            Wave(
                0,
                (
                    create(ref("ConfigMap", "env"), data={"LOG": "debug", "PORT": "8080"}),
                    update(WEB, *edits, line=14, notes=("replicas are left to nobody",)),
                    update(ref("ConfigMap", "nginx"), config),
                    Adopt(
                        manifest(ref("Service", "web")), live(ref("Service", "web")),
                        Patch((), (port,)),
                    ),
                    Adopt(manifest(ref("Service", "old")), live(ref("Service", "old")),
                          Patch((), ()), from_owner="plumb-system/old-shop"),
                    Replace(
                        manifest(worker, 40), live(worker), Patch((), (selector,)),
                        manifest(worker).body, ("/spec/selector",),
                    ),
                    Skip(legacy, refused.what, error=refused),
                    Skip(ref("ConfigMap", "slow"), leaving, origin=Origin("apps/slow.yaml", 1)),
                ),
            ),
        ),
        prune=(
            Delete(cart, live(cart), "no longer in Git", existed=True),
            Release(ref("Secret", "shared"), "plumb.dev/prune: orphan"),
            Keep(
                volume, "Confirm", "deleting a PersistentVolumeClaim needs a confirmation",
                existed=True,
                hanging="5Gi of data in PersistentVolume pv-7, which goes with it (Delete)",
            ),
            Keep(ref("ConfigMap", "kept"), "Disabled", "plumb.dev/prune: disabled"),
        ),
        unchanged=tuple(ref("ConfigMap", f"c{i}") for i in range(12)),
        token="0123456789abcdef",  # noqa: S106 - confirms a list of deletions
        notes=("the account may not list HorizontalPodAutoscalers",),
    )  # fmt: skip


def _secrets() -> Plan:
    of = ref("Secret", "db")
    last = "kubectl.kubernetes.io/last-applied-configuration"
    edits = (
        Edit("/data/password", "b2xkLXBhc3N3b3Jk", "bmV3LXBhc3N3b3Jk", Why.DIFFERS),
        Edit("/data/user", ABSENT, "YWRtaW5pc3RyYXRvcg==", Why.ADDED),
        Edit("/data/gone", "Z29uZS1mb3ItZ29vZA==", ABSENT, Why.REMOVED),
        Edit("/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
             '{"data":{"password":"old-password"}}', ABSENT, Why.REMOVED),
        Edit("/type", "Opaque", "kubernetes.io/basic-auth", Why.CHANGED),
    )  # fmt: skip
    created = create(
        ref("Secret", "api"), type="Opaque",
        data={"key": "c2VjcmV0LWtleS1vZi1hcGk="}, stringData={"pem": "-----BEGIN\nabcdefgh\n"},
    )  # fmt: skip
    copied = create(ref("ConfigMap", "copy"), data={"a": "b"})
    copied.body["metadata"]["annotations"][last] = '{"data":"old-password"}'
    error = ManifestError("PLB323", "the value new-password is not valid", where="apps/db.yaml:3:1")
    patch = Patch((), edits)
    return Plan(
        application="plumb-system/shop",
        revision=REVISION,
        waves=(
            Wave(
                0,
                (
                    created,
                    copied,
                    Update(manifest(of, data={"password": "bmV3LXBhc3N3b3Jk"}), live(of), patch),
                    Skip(ref("Secret", "bad"), error.what, error=error),
                ),
            ),
        ),
        notes=("the webhook changed new-password",),
    )


def _hostile() -> Plan:
    """Everything that came from others tries to command the terminal."""
    evil = "\x1b[2J\x1b]0;pwned\x07\r\n\u202egnp.exe\u2066\x9b31m"
    edit = Edit(f"/data/{evil}", f"{evil}a", f"{evil}b", Why.DRIFTED, f"kubectl{evil}")
    many = Edit("/data/lines", f"a\n{evil}\n", f"b\n{evil}\n", Why.CHANGED)
    of = ref("ConfigMap", "evil")
    skip = Skip(of, evil, error=ManifestError("PLB301", evil, where=evil, why=evil, hint=evil))
    return Plan(
        application="plumb-system/shop",
        revision=Revision("f" * 40, "0" * 40, ref=evil, author=evil, subject=evil),
        waves=(Wave(0, (create(of, data={evil: evil}), update(of, edit, many), skip)),),
        prune=(Keep(of, "Unknown", evil), Delete(of, live(of, created=evil), evil)),
        notes=(evil,),
    )


def _long() -> Plan:
    word = "0123456789" * 100
    lines = "".join(f"line {i}\n" for i in range(1000))
    edits = (
        Edit("/data/long", f"{word}a{word}", f"{word}b{word}", Why.CHANGED),
        Edit("/data/added", ABSENT, word, Why.ADDED),
        Edit("/data/lines", lines, lines.replace("line 500\n", "line five hundred\n"), Why.CHANGED),
        Edit("/data/gone", lines, ABSENT, Why.REMOVED),
        Edit("/data/end", "a\nb", "a\nb\n", Why.CHANGED),
        Edit("/data/port", 80, "80", Why.CHANGED),
        Edit("/data/nothing", None, "", Why.CHANGED),
        Edit("/data/yes", "yes", after=True, why=Why.CHANGED),
        Edit("/spec/list", [1, 2, {"a": "b"}], [1, 3, {"a": "b"}], Why.CHANGED),
        Edit("/spec/empty", {}, [], Why.CHANGED),
    )
    return Plan(
        "plumb-system/shop",
        REVISION,
        waves=(Wave(0, (update(ref("ConfigMap", "x" * 80), *edits),)),),
        removals_known=False,
    )


def _empty() -> Plan:
    return Plan("plumb-system/shop", REVISION, unchanged=(WEB, ref("ConfigMap", "env")))


PLANS: dict[str, Callable[[], Plan]] = {
    "everything": _everything,
    "secrets": _secrets,
    "hostile": _hostile,
    "long": _long,
    "in-sync": _empty,
}


def _synced() -> SyncResult:
    done = _everything()
    web = next(c for c in done.changes if c.ref == WEB)
    invalid = ApiError(
        "PLB610", "the server refuses the object: spec.ports is not valid",
        where="apps/shop/cart.yaml:3", why="422 Invalid", hint="correct the field in Git",
        status=422, reason="Invalid", fields=("spec.ports",),
    )  # fmt: skip
    ingress = ref("Ingress", "web", group="networking.k8s.io")
    late = HealthTimeoutError("PLB701", "2 objects are not healthy", hint="plumb status")
    held = tuple(c for c in done.prune if isinstance(c, Keep))
    return SyncResult(
        application="plumb-system/shop",
        revision=REVISION,
        plan=Plan(
            "plumb-system/shop", REVISION, prune=held, token=done.token,
            unchanged=(WEB, ref("ConfigMap", "env"), ref("ConfigMap", "c1"), ref("Pod", "debug")),
        ),
        outcomes=(
            Outcome(ref("ConfigMap", "env"), "created"),
            Outcome(WEB, "updated", change=web),
            Outcome(ref("Service", "cart"), "failed", error=invalid),
            Outcome(ref("Job", "old", group="batch"), "deleted", "no longer in Git"),
            Outcome(ingress, "skipped", "Namespace/shop could not be made"),
        ),
        health={
            WEB: Health(HealthStatus.PROGRESSING, "1 of 3 replicas available"),
            ref("ConfigMap", "env"): Health(HealthStatus.HEALTHY),
            ref("Pod", "debug"): Health(HealthStatus.DEGRADED, "container main: CrashLoopBackOff"),
        },
        sync=SyncStatus.OUT_OF_SYNC,
        errors=(late,),
        warnings=("Deployment.apps/shop/web: spec.x is deprecated",),
        duration_s=3.21,
        requests={"PATCH": 1, "GET": 12, "POST": 2},
    )  # fmt: skip


def _unread() -> SyncResult:
    return SyncResult(
        "plumb-system/shop", None, None, errors=(ManifestError("PLB301", "bad YAML"),)
    )


def _stopped() -> SyncResult:
    """Nothing was written: a first wave that never became healthy."""
    of, late = ref("ConfigMap", "env"), ref("Job", "migrate", group="batch")
    denied = ApiError("PLB403", "the account may not read Secrets", where="Secret/shop/db")
    again, old = create(late), {"creationTimestamp": "2026-01-01 00:00"}
    plan = Plan(
        "plumb-system/shop",
        None,
        waves=(
            Wave(0, (Create(again.manifest, again.body, recreate=True, notes=("gone before",)),)),
            Wave(1, (create(of), Skip(ref("Secret", "db"), denied.what, error=denied))),
            Wave(2, (Skip(ref("Service", "web"), "Namespace/shop is not there yet"),)),
        ),
        prune=(Delete(of, Live(of, {"metadata": old}), "gone"),
               Delete(of, Live(of, {"metadata": {}}), "gone")),
        notes=("the record could not be read: removals are unknown", "and so on"),
    )  # fmt: skip
    return SyncResult(
        "plumb-system/shop", None, plan, outcomes=(Outcome(WEB, "unchanged"),),
        health={WEB: Health(HealthStatus.PROGRESSING)}, sync=SyncStatus.OUT_OF_SYNC,
    )  # fmt: skip


RESULTS: dict[str, Callable[[], SyncResult]] = {
    "synced": _synced,
    "unread": _unread,
    "stopped": _stopped,
}


def inventories() -> list[Inventory]:
    of = ref("ConfigMap", "env")
    run = Run(REVISION.commit, 1_772_359_200, "done", {"created": 2})
    source = "https://git.example/config.git apps/shop"
    return [
        Inventory("1", "plumb-system/shop", {of: Entry(of)}, source=source, last=(run,)),
        Inventory("2", "plumb-system/new"),
        Inventory("3", "plumb-system/gone", released=True, last=(run,)),
        Inventory(
            "4", "plumb-system/odd", doubt="it was edited", last=(Run("a" * 40, 0, "done", {}),)
        ),
    ]


def errors() -> list[PlumbError]:
    first = SettingsError(
        "PLB101", "spec.src: unknown field", where="app.yaml:6:3", hint="did you mean source?"
    )
    first.others = (SettingsError("PLB103", "spec.source: is missing", where="app.yaml:5:1"),)
    many = ManifestError("PLB301", "0", where="a.yaml:1:1", why="because")
    many.others = tuple(ManifestError("PLB301", str(i)) for i in range(1, 31))
    return [first, many]
