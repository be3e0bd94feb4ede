"""What the figures are made of: commands timed from outside, requests as the server counts them.

Belongs here: measuring. What is measured, and the table, is in the script itself.
"""

from __future__ import annotations

import collections
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from e2e.servers.controlplane import ControlPlane

JSON: TypeAlias = Any

# Peak memory comes from wait4. A child starts with its parent's peak, so the parent must be small:
# this one is a bare interpreter.
_LAUNCHER = """
import json, os, subprocess, sys, time
start = time.perf_counter()
child = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(child.pid, 0)
seconds = time.perf_counter() - start
result = {"seconds": seconds, "code": os.waitstatus_to_exitcode(status), "peak": usage.ru_maxrss,
          "cpu": usage.ru_utime + usage.ru_stime}
open(sys.argv[1], "w").write(json.dumps(result))
"""
_READS = ("get", "list", "watch")


class MeasureError(Exception):
    """A command that is measured did not do what it was measured for."""


@dataclass(frozen=True, slots=True)
class Run:
    """One command, as seen from outside; requests by verb, as the server's audit log has them."""

    seconds: float
    peak_mib: float
    requests: Mapping[str, int]
    object_writes: int
    record_writes: int

    @property
    def total(self) -> int:
        return sum(self.requests.values())


@dataclass(frozen=True, slots=True)
class Bench:
    """A control plane that counts, and a folder to work in."""

    plane: ControlPlane
    folder: Path
    environ: Mapping[str, str]

    def run(self, *command: str, expect: int = 0) -> Run:
        """Run a command to its end, and say what it cost."""
        counted = len(self.plane.requests())
        measured = timed(command, folder=self.folder, environ=self.environ, expect=expect)
        events = self.plane.requests()[counted:]
        verbs = collections.Counter(_verb(event) for event in events)
        writes = [event for event in events if event["verb"] not in _READS]
        record = sum(
            event.get("objectRef", {}).get("namespace") == "plumb-system" for event in writes
        )
        return Run(
            measured["seconds"], measured["peak"] / 1024, verbs, len(writes) - record, record
        )


def timed(
    command: Sequence[str], *, folder: Path, environ: Mapping[str, str], expect: int = 0
) -> dict[str, float]:
    """Run a command: seconds, cpu (seconds), peak (KiB)."""
    result, output = folder / "measured.json", folder / "output.txt"
    with output.open("wb") as file:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(result), *command],
            cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, stdout=file,
            stderr=subprocess.STDOUT, check=True,
        )  # fmt: skip
    measured: dict[str, float] = json.loads(result.read_text())
    if measured["code"] != expect:
        tail = "\n".join(output.read_text(errors="replace").splitlines()[-15:])
        raise MeasureError(f"{' '.join(command)} ended with {measured['code']:.0f}:\n{tail}")
    return measured


def objects(count: int) -> dict[str, str]:
    """Make manifests, one to a file: 40 % ConfigMaps, 20 % each of three other kinds."""
    files = {}
    for number in range(count):
        kind = ("ConfigMap", "Service", "ConfigMap", "ServiceAccount", "Deployment")[number % 5]
        body = {"kind": kind, "metadata": {"name": f"object-{number:04}"}, **_content(kind, number)}
        files[f"{body['metadata']['name']}.json"] = json.dumps(body, indent=1)
    return files


def _content(kind: str, number: int) -> JSON:
    labels = {"app": f"object-{number:04}"}
    if kind == "ConfigMap":
        data = {f"setting-{key}": f"value {key} of {number}" for key in range(10)}
        return {"apiVersion": "v1", "data": data}
    if kind == "Service":
        ports = [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]
        return {"apiVersion": "v1", "spec": {"selector": labels, "ports": ports}}
    if kind == "ServiceAccount":
        return {"apiVersion": "v1", "automountServiceAccountToken": False}
    container = {
        "name": "main",
        "image": "example:1.0",
        "env": [{"name": "NUMBER", "value": str(number)}, {"name": "MODE", "value": "bench"}],
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "spec": spec}


def _verb(event: JSON) -> str:
    """Name a request by its verb; discovery and schemas are no objects."""
    return str(event["verb"]).upper() if "objectRef" in event else "DISCOVERY"
