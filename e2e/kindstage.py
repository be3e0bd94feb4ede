"""Plumb as it is installed: its image on the nodes of a kind cluster, Git served inside of it.

Belongs here: bringing it up, committing, and looking. What is told of it is in the stories.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2e.servers.certificates import Authority
from e2e.servers.gitssh import loaded, new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_kind.cluster import KindCluster

    from engine.model import JSON

IMAGE = "plumb:0.1.0"
NEXT_IMAGE = "plumb:0.1.1"  # the same one by another name
ROOT = Path(__file__).parent.parent
_PASSWORD = "pass-of-git-in-kind"  # noqa: S105 - of a cluster that is deleted afterwards
HOOK = "s3cret-of-the-hook"
_HOST = "git.git.svc"


class KindStage:
    """A cluster in which Plumb is installed from `manifests/` and follows what is committed."""

    def __init__(self, kind: KindCluster, team: str) -> None:
        self.kind = kind
        self.team = team
        self._key, self._host_key = new_key(), new_key()
        self._authority = Authority.new("git of a story")

    # --- bringing it up ----------------------------------------------------------------------

    def build(self) -> None:
        """Build the image from the Dockerfile and bring it to the nodes."""
        base = os.environ.get("PYTHON_BASE_IMAGE")
        argument = ["--build-arg", f"PYTHON_IMAGE={base}"] if base else []
        run("docker", "build", "--quiet", "--tag", IMAGE, *argument, str(ROOT))
        run("docker", "tag", IMAGE, NEXT_IMAGE)
        for image in (IMAGE, NEXT_IMAGE):
            self.kind.load_docker_image(image)

    def serve_git(self) -> None:
        """Start the Git servers: HTTPS with a password, SSH with a key."""
        pair = self._authority.server([_HOST])
        secret = {
            "tls.crt": pair.certificate, "tls.key": pair.key, "password": _PASSWORD.encode(),
            "identity": self._key, "host": self._host_key, "ca.crt": self._authority.pem,
        }  # fmt: skip
        sources = sorted((ROOT / "e2e" / "servers").glob("*.py"))
        items = [{"key": p.name, "path": f"e2e/servers/{p.name}"} for p in sources]
        volumes = [
            {"name": "code", "configMap": {"name": "code", "items": items}},
            {"name": "keys", "secret": {"secretName": "keys"}},
            {"name": "repositories", "emptyDir": {}},
        ]
        container = {
            "name": "git", "image": IMAGE, "imagePullPolicy": "IfNotPresent",
            "command": ["/opt/plumb/bin/python", "-m", "e2e.servers.incluster", "serve"],
            "env": [{"name": "PYTHONPATH", "value": "/code"}],
            "readinessProbe": {"tcpSocket": {"port": 8443}, "periodSeconds": 1},
            "volumeMounts": [{"name": "code", "mountPath": "/code"},
                             {"name": "keys", "mountPath": "/keys"},
                             {"name": "repositories", "mountPath": "/repositories"}],
        }  # fmt: skip
        self.apply(
            namespace("git"),
            named("Secret", "keys", "git", data=encoded(secret)),
            named("ConfigMap", "code", "git", data={p.name: p.read_text() for p in sources}),
            named("Pod", "git", "git", labels={"app": "git"}, spec={
                "containers": [container], "volumes": volumes,
                "securityContext": {"fsGroup": 65532}, "terminationGracePeriodSeconds": 1,
            }),
            # Headless: the story is about Plumb, not about what carries traffic to a Service.
            named("Service", "git", "git", spec={
                "clusterIP": "None", "selector": {"app": "git"},
                "ports": [{"name": "https", "port": 8443}, {"name": "ssh", "port": 2222}],
            }),
            # What runs there beside Git is somebody's pipeline.
            admin("runner", "git", "default"),
        )  # fmt: skip
        self.kubectl("wait", "-n=git", "pod/git", "--for=condition=Ready", "--timeout=120s")
        code = (
            f"import socket\ntry: print(bool(socket.getaddrinfo('{_HOST}', 8443)))\n"
            "except OSError as error: print(error)"
        )
        # Before Plumb is there: where kube-proxy stumbles over the two endpoints of its Service, it
        # would never learn of the cluster's DNS afterwards.
        self.until("the cluster knows names", lambda: self.python("git", "git", code) == "True")

    def install(self) -> None:
        """Install Plumb from the manifests as a person does, and wait for both replicas."""
        self.kubectl("apply", "-k", str(ROOT / "manifests" / "overlays" / "cluster"))
        hooks = encoded({"generic": HOOK.encode()})
        self.apply(named("Secret", "plumb-hooks", "plumb-system", data=hooks))
        self.kubectl("rollout", "status", "-n=plumb-system", "deployment/plumb", "--timeout=180s")

    def admit(self) -> None:
        """Make the namespaces of the team, whose account may do anything there alone."""
        key = loaded(self._host_key)
        line = f"[{_HOST}]:2222 {key.get_name()} {base64.b64encode(key.asbytes()).decode()}\n"
        self.admit_to(self.team)
        self.admit_to(f"{self.team}-ssh", {"identity": self._key, "known_hosts": line.encode()})

    def admit_to(self, space: str, credentials: Mapping[str, bytes] | None = None) -> None:
        """Make a namespace with an account and credentials of its own; by default for HTTPS."""
        self.apply(
            namespace(space),
            named("Secret", "git-auth", space, data=encoded(credentials or self._password)),
            named("ServiceAccount", "plumb-applier", space),
            named("RoleBinding", "plumb-applier", space,
                  roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                           "name": "admin"},
                  subjects=[{"kind": "ServiceAccount", "name": "plumb-applier",
                             "namespace": space}]),
        )  # fmt: skip

    def admit_engine(self) -> None:
        """Give the engine's namespace credentials and an account that may do anything."""
        self.apply(
            named("Secret", "git-auth", "plumb-system", data=encoded(self._password)),
            named("ServiceAccount", "plumb-applier", "plumb-system"),
            admin("plumb-self", "plumb-system", "plumb-applier"),
        )

    @property
    def _password(self) -> dict[str, bytes]:
        return {
            "username": b"plumb", "password": _PASSWORD.encode(), "ca.crt": self._authority.pem,
        }  # fmt: skip

    # --- Git and the cluster -----------------------------------------------------------------

    def url(self, *, ssh: bool = False) -> str:
        return f"ssh://git@{_HOST}:2222/team.git" if ssh else f"https://{_HOST}:8443/team.git"

    def commit(self, files: Mapping[str, str | None], message: str = "Change files") -> str:
        """Commit inside of the cluster; the new commit's id."""
        given = json.dumps({"files": files, "message": message})
        return self.kubectl(
            "exec", "-i", "-n=git", "git", "--", "/opt/plumb/bin/python", "-m",
            "e2e.servers.incluster", "commit", "team.git", given=given,
        ).strip()  # fmt: skip

    def runner(self, command: str, *arguments: str, given: str = "") -> str:
        """Run plumb where a pipeline runs, with its password for Git and no other key."""
        keys = ["--git-username=plumb", "--git-password-file=/keys/password",
                "--git-ca-file=/keys/ca.crt"]  # fmt: skip
        return self.kubectl(
            "exec", "-i", "-n=git", "git", "--", "/usr/bin/env", "HOME=/tmp",
            "XDG_CACHE_HOME=/tmp/cache", "/opt/plumb/bin/plumb", command, *arguments,
            *(() if "--repo" in arguments else keys), given=given,
        )  # fmt: skip

    def push_hook(self, pod: str = "") -> None:
        """Send the webhook from inside of the cluster, to whichever replica comes first."""
        running = [p for p in self.engines() if p["status"].get("phase") == "Running"
                   and "deletionTimestamp" not in p["metadata"]
                   and pod in ("", p["metadata"]["name"])]  # fmt: skip
        code = (
            f"import json,urllib.request as u;u.urlopen(u.Request('http://"
            f"{running[0]['status']['podIP']}:8080/hooks/generic',"
            f"json.dumps({{'url':'{self.url()}'}}).encode(),"
            f"{{'Authorization':'Bearer {HOOK}','Content-Type':'application/json'}}))"
        )
        self.python("git", "git", code)

    def application(self, name: str, space: str = "", *, ssh: bool = False, **spec: Any) -> JSON:
        """Return an Application of the team's repository."""
        source = {"url": self.url(ssh=ssh), "ref": {"branch": "main"},
                  "path": spec.pop("path", name), "secretRef": {"name": "git-auth"}}  # fmt: skip
        return named("Application", name, space or self.team, spec={
            "source": source, "serviceAccountName": "plumb-applier", "interval": "1h", **spec,
        })  # fmt: skip

    def follow(self, name: str, space: str = "", *, ssh: bool = False, **spec: Any) -> None:
        """Make an Application in one of the team's namespaces."""
        here = space or (f"{self.team}-ssh" if ssh else self.team)
        self.apply(self.application(name, here, ssh=ssh, **spec))

    def get(self, kind: str, name: str, space: str = "") -> JSON:
        """The object, or None."""
        said = self.kubectl(
            "get", kind, name, f"-n={space or self.team}", "-o=json", "--ignore-not-found"
        )
        return json.loads(said) if said.strip() else None

    def pods(self, space: str, label: str) -> list[JSON]:
        """The Pods with this label."""
        return list(json.loads(
            self.kubectl("get", "pods", f"-n={space}", f"-l={label}", "-o=json")
        )["items"])  # fmt: skip

    def engines(self) -> list[JSON]:
        """The Pods of Plumb itself."""
        return self.pods("plumb-system", "app.kubernetes.io/name=plumb")

    def leader(self) -> str:
        """The name of the Pod that holds the Lease, "" for none."""
        lease = self.get("lease", "plumb", "plumb-system")
        return str(lease["spec"]["holderIdentity"].split()[0]) if lease else ""

    def python(self, space: str, pod: str, code: str, *, given: str = "") -> str:
        """Run Python in a Pod of Plumb's image; what it prints."""
        return self.kubectl(
            "exec", "-i", f"-n={space}", pod, "--", "/opt/plumb/bin/python", "-c", code,
            given=given,
        ).strip()  # fmt: skip

    def status(self, name: str, space: str = "") -> JSON:
        return (self.get("applications.plumb.dev", name, space) or {}).get("status") or {}

    def is_ready(self, name: str, *, at: str = "", space: str = "") -> bool:
        status = self.status(name, space)
        here = not at or status.get("revision") == at
        conditions = status.get("conditions") or ()
        return here and any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def until(self, what: str, holds: Callable[[], object], within_s: float = 120.0) -> float:
        """Wait until something holds; return how long it took."""
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > within_s:
                pytest.fail(f"not within {within_s:g} s: {what}\n{self._told()}")
            time.sleep(0.2)  # noqa: TID251 - a test has no stop event
        return time.monotonic() - began

    def _told(self) -> str:
        """What there is to say of Plumb, if it is there yet."""
        logs = ("logs", "-n=plumb-system", "-l=app.kubernetes.io/name=plumb", "--tail=15")
        try:
            apps = self.kubectl("get", "applications.plumb.dev", "-A", "-o=yaml")
            return f"{self.kubectl(*logs)}\n{apps[-4000:]}"
        except AssertionError as error:
            return str(error)

    def apply(self, *bodies: JSON) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(bodies)}
        self.kubectl("apply", "-f", "-", given=json.dumps(listed))

    def kubectl(self, *arguments: str, given: str = "") -> str:
        environ = {**os.environ, "KUBECONFIG": str(self.kind.kubeconfig_path)}
        done = subprocess.run(
            [str(self.kind.kubectl_path), *arguments], input=given, env=environ,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr[-2000:]}"
        return done.stdout


@pytest.fixture(scope="session")
def installed(kind: KindCluster) -> KindStage:
    """Build, load and install, once for all stories; nothing is followed yet."""
    made = KindStage(kind, f"team-{secrets.token_hex(3)}")
    made.build()
    made.serve_git()
    made.install()
    made.admit()
    return made


_APIS = {
    "Application": "plumb.dev/v1alpha1", "RoleBinding": "rbac.authorization.k8s.io/v1",
}  # fmt: skip


def named(kind: str, name: str, space: str, *, labels: JSON = None, **rest: JSON) -> JSON:
    metadata = {"name": name, "namespace": space, **({"labels": labels} if labels else {})}
    return {"apiVersion": _APIS.get(kind, "v1"), "kind": kind, "metadata": metadata, **rest}


def images(pods: list[JSON]) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in pods}


def namespace(name: str) -> JSON:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def admin(name: str, space: str, account: str) -> JSON:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                    "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": space}],
    }  # fmt: skip


def encoded(values: Mapping[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(value).decode() for name, value in values.items()}


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
