"""A real control plane on loopback: etcd, kube-apiserver and, if wanted, the controller manager.

Belongs here: starting, asking and stopping one. Where the binaries come from is binaries.py.
There is no kubelet and no scheduler, so Pods stay Pending and a status is written by the test.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from e2e.servers.api import Api
from e2e.servers.certificates import Authority, Pair, signing_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

JSON: TypeAlias = Any

ADMIN = "plumb-admin"
_START_S = 60.0
_POLL_S = 0.05
# Reads its standard input, which is a pipe from us: the end of it means that we are gone, however
# that came about, and then everything in its process group goes too, and the folder after it.
_KEEPER = """
import os, shutil, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
folder, group = sys.stdin.readline().rstrip("\\n"), os.getpgrp()
if sys.stdin.readline() == "done\\n":
    os.killpg(group, signal.SIGKILL)
elif os.fork() == 0:
    os.setsid()
    os.killpg(group, signal.SIGKILL)
    time.sleep(0.2)
    shutil.rmtree(folder, ignore_errors=True)
"""
# A service account whose requests are counted, too.
COUNTED = "system:serviceaccount:plumb-system:plumb"
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    # The servers' own requests would drown those that a test wants to count.
    "rules": [
        {"level": "Metadata", "users": [COUNTED]},
        {"level": "None", "userGroups": ["system:serviceaccounts", "system:nodes"]},
        {"level": "None", "users": ["system:apiserver", "system:kube-controller-manager"]},
        {"level": "None", "nonResourceURLs": ["/readyz*", "/livez*", "/healthz*"]},
        {"level": "Metadata"},
    ],
}


class ControlPlaneError(Exception):
    """The control plane does not start, or lacks what is asked of it."""


class ControlPlane(Api):
    """A running control plane, to be asked as its administrator. Made by :meth:`start`."""

    def __init__(self, folder: Path, url: str, kubectl: Path) -> None:
        self.folder = folder
        self.kubectl = kubectl
        self.kubeconfig = folder / "admin.kubeconfig"
        self.audit_log: Path | None = None
        self._restart: Callable[[], None] = lambda: None
        self.authority = Authority.new("plumb-test-authority")
        context = ssl.create_default_context(cadata=self.authority.pem.decode())
        super().__init__(url, context)
        self._write_files()
        context.load_cert_chain(folder / "admin.pem")

    @classmethod
    @contextlib.contextmanager
    def start(
        cls,
        binaries: Mapping[str, Path],
        *,
        controllers: bool = True,
        audit: bool = False,
        admission: Sequence[str] = (),
        keep_logs: Path | None = None,
    ) -> Iterator[ControlPlane]:
        """Start it in about 4 s and stop it at the end, also when this process is killed.

        ``audit`` writes one line per request of a client (not of the servers) to ``audit_log``;
        ``admission`` switches on admission plugins beside the default ones. An exception inside
        leaves the logs in ``keep_logs``, where one is given.
        """
        running: ControlPlane | None = None
        while running is None:
            folder = Path(tempfile.mkdtemp(prefix="plumb-control-plane-"))
            processes = _Processes(folder)
            try:
                running = cls._launch(
                    binaries, processes, controllers, audit=audit, admission=admission
                )
                yield running
            except BaseException as error:
                # Another control plane was quicker to take a port that was free a moment ago.
                if running is None and "address already in use" in str(error):
                    continue
                if keep_logs is not None:
                    shutil.copytree(processes.logs, keep_logs, dirs_exist_ok=True)
                raise
            finally:
                processes.stop()
                shutil.rmtree(folder, ignore_errors=True)

    @classmethod
    def _launch(
        cls,
        binaries: Mapping[str, Path],
        processes: _Processes,
        controllers: bool,  # noqa: FBT001 - private, and named by its only caller
        *,
        audit: bool,
        admission: Sequence[str],
    ) -> ControlPlane:
        folder = processes.folder
        etcd_port, peer_port, port = _free_ports(3)
        url = f"https://127.0.0.1:{port}"
        self = cls(folder, url, binaries["kubectl"])
        processes.run("etcd", [binaries["etcd"], *_etcd_flags(folder, etcd_port, peer_port)])
        flags = _apiserver_flags(folder, f"http://127.0.0.1:{etcd_port}", port)
        if admission:
            flags.append(f"--enable-admission-plugins={','.join(admission)}")
        if audit:
            self.audit_log = folder / "audit.jsonl"
            (folder / "audit-policy.json").write_text(json.dumps(_AUDIT_POLICY))
            flags += [f"--audit-log-path={self.audit_log}", "--audit-log-mode=blocking"]
            flags += [f"--audit-policy-file={folder / 'audit-policy.json'}"]
        processes.run("kube-apiserver", [binaries["kube-apiserver"], *flags])
        self._restart = lambda: processes.restart("kube-apiserver")
        processes.wait("kube-apiserver", lambda: self.is_there("/readyz"))
        if controllers:
            manager = binaries["kube-controller-manager"]
            processes.run("kube-controller-manager", [manager, *_controller_flags(self)])
        # Both are made a moment after the server says that it is ready.
        processes.wait("kube-apiserver", lambda: self.is_there("/api/v1/namespaces/default"))
        if controllers:
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            processes.wait("kube-controller-manager", lambda: self.is_there(account))
        return self

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """Write a kubeconfig with a client certificate of this user, who has no rights yet."""
        path = self.folder / f"{urllib.parse.quote(user, safe='')}.kubeconfig"
        self._write_kubeconfig(path, user, self.authority.client(user, groups))
        return path

    def restart_api_server(self) -> None:
        """Kill the API server and start it again; what it keeps is in etcd. Waits for nothing."""
        self._restart()

    def requests(self, *, user: str = ADMIN, about: str = "") -> list[JSON]:
        """Every request of this user so far, as the API server's audit log has them.

        ``about`` keeps those whose line has this text. The log grows with the whole run, so what
        is not asked for is not parsed.
        """
        if self.audit_log is None:
            raise ControlPlaneError("this control plane was started without audit=True")
        marks = (json.dumps(user), about)
        lines = self.audit_log.read_text().splitlines()
        lines = [line for line in lines if all(mark in line for mark in marks)]
        return [event for event in map(json.loads, lines) if event["user"].get("username") == user]

    def keep_logs(self, folder: Path) -> None:
        """Copy the servers' logs, which else go when the control plane does."""
        shutil.copytree(self.folder / "logs", folder, dirs_exist_ok=True)

    def log_tail(self, name: str = "kube-apiserver", *, lines: int = 30) -> str:
        """Return the end of one server's log."""
        text = (self.folder / "logs" / f"{name}.log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def _write_files(self) -> None:
        server = self.authority.server(
            ["127.0.0.1", "localhost", "kubernetes", "kubernetes.default.svc", "10.96.0.1"]
        )
        accounts = signing_pair()
        admin = self.authority.client(ADMIN, ["system:masters"])
        for name, content in {
            "ca.crt": self.authority.pem,
            "server.crt": server.certificate,
            "server.key": server.key,
            "accounts.pub": accounts.certificate,
            "accounts.key": accounts.key,
            "admin.pem": admin.certificate + admin.key,
        }.items():
            _write_private(self.folder / name, content)
        self._write_kubeconfig(self.kubeconfig, ADMIN, admin)
        controllers = "system:kube-controller-manager"
        pair = self.authority.client(controllers, ["system:masters"])
        self._write_kubeconfig(self.folder / "controllers.kubeconfig", controllers, pair)

    def _write_kubeconfig(self, path: Path, user: str, pair: Pair) -> None:
        certificate, key = path.with_suffix(".crt"), path.with_suffix(".key")
        _write_private(certificate, pair.certificate)
        _write_private(key, pair.key)
        cluster = {"server": self.url, "certificate-authority": str(self.folder / "ca.crt")}
        credentials = {"client-certificate": str(certificate), "client-key": str(key)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": credentials}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
            "current-context": "test",
        }
        _write_private(path, json.dumps(document, indent=2).encode())


class _Processes:
    """The servers of one control plane, all in one process group that ends when we do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _KEEPER],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, process_group=0,
        )  # fmt: skip
        self._tell(f"{folder}\n")

    def run(self, name: str, command: Sequence[Path | str]) -> None:
        with (self.logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                cwd=self.folder, process_group=self._keeper.pid,
            )  # fmt: skip

    def wait(self, name: str, is_ready: Callable[[], bool]) -> None:
        """Wait until it is ready; if a server ends meanwhile, raise with its last words."""
        deadline = time.monotonic() + _START_S
        while not is_ready():
            ended = [n for n, process in self._running.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                culprit = ended[0] if ended else name
                log = (self.logs / f"{culprit}.log").read_text(errors="replace")
                tail = "\n".join(log.splitlines()[-20:])
                problem = "ended" if ended else f"is not ready after {_START_S:.0f} s"
                raise ControlPlaneError(f"{culprit} {problem}; the end of its log:\n{tail}")
            time.sleep(_POLL_S)  # noqa: TID251 - there is no stop event to wait on here

    def restart(self, name: str) -> None:
        """Kill it and run it again with the same arguments."""
        before = self._running[name]
        before.kill()
        before.wait()
        self.run(name, cast("Sequence[str]", before.args))

    def stop(self) -> None:
        # What they hold is thrown away, so nobody has to be asked politely.
        self._tell("done\n")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._keeper.wait(10)
        for process in self._running.values():
            process.kill()
            process.wait()
        with self._keeper:
            self._keeper.kill()

    def _tell(self, line: str) -> None:
        pipe = self._keeper.stdin
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.write(line.encode())
                pipe.flush()


def _etcd_flags(folder: Path, port: int, peer_port: int) -> list[str]:
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        # What it holds is thrown away anyway, and waiting for the disk doubles the tests' time.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _apiserver_flags(folder: Path, etcd_url: str, port: int) -> list[str]:
    return [
        f"--etcd-servers={etcd_url}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={folder / 'server.crt'}",
        f"--tls-private-key-file={folder / 'server.key'}",
        f"--client-ca-file={folder / 'ca.crt'}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'accounts.pub'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
        "--service-cluster-ip-range=10.96.0.0/16",
        # A loopback address is no valid endpoint, and nobody needs the Service.
        "--endpoint-reconciler-type=none",
        "--allow-privileged=true",
        "--profiling=false",
    ]


def _controller_flags(plane: ControlPlane) -> list[str]:
    return [
        f"--kubeconfig={plane.folder / 'controllers.kubeconfig'}",
        f"--service-account-private-key-file={plane.folder / 'accounts.key'}",
        f"--root-ca-file={plane.folder / 'ca.crt'}",
        "--leader-elect=false",
        "--secure-port=0",
        # Its own brakes are meant for a cluster that others use too.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        "--concurrent-namespace-syncs=20",
        "--profiling=false",
    ]


def _free_ports(count: int) -> list[int]:
    """Find ports below those that the kernel hands out: no connection takes one of them away."""
    ports: list[int] = []
    with contextlib.ExitStack() as stack:
        while len(ports) < count:
            port = 20_000 + secrets.randbelow(10_000)
            held = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                held.bind(("127.0.0.1", port))
                ports.append(port)
    return ports


def _write_private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
