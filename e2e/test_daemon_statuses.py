"""Statuses of the daemon: what is over is told at once, what is under way without haste."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from e2e.servers.controlplane import ADMIN

if TYPE_CHECKING:
    from e2e.daemon import Daemon

POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: waits-{number}}}
spec: {{containers: [{{name: a, image: example/a:1}}]}}
"""
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: quick}\n"
WAITING = 12


def moments(daemon: Daemon, prefix: str) -> list[datetime]:
    """Return when a status of such Applications was written."""
    found = []
    for event in daemon.plane.requests(user=ADMIN, about=f"/namespaces/{daemon.namespace}/"):
        ref = event["objectRef"]
        if ref.get("subresource") == "status" and ref["name"].startswith(prefix):
            found.append(datetime.fromisoformat(event["requestReceivedTimestamp"]))
    return sorted(found)


def test_many_that_wait_are_told_one_after_the_other_and_hold_up_no_other(daemon: Daemon) -> None:
    for number in range(WAITING):
        daemon.commit({"pod.yaml": POD.format(number=number)}, below=f"waits-{number}")
    daemon.commit({"map.yaml": MAP}, below="quick")
    daemon.start()
    for number in range(WAITING):
        daemon.apply(f"waits-{number}", path=f"waits-{number}", wait=True)
    daemon.until("one of them is told", lambda: moments(daemon, "waits-"))
    daemon.apply("quick", path="quick")
    daemon.until_ready("quick")
    told = [daemon.condition("Ready", f"waits-{number}") for number in range(WAITING)]
    assert None in told
    daemon.until(
        "all are told",
        lambda: all(daemon.condition("Ready", f"waits-{n}") for n in range(WAITING)),
    )
    pauses = [after - before for before, after in pairwise(moments(daemon, "waits-"))]
    assert min(pauses) >= timedelta(seconds=0.2)
