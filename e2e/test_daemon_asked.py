"""The commands against a daemon that runs: what it did is how `plumb reconcile --wait` ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from e2e.conftest import Plumb
    from e2e.daemon import Daemon

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {value: '%s'}\n"


@pytest.mark.timeout(240)
def test_a_person_asks_suspends_and_resumes(daemon: Daemon, plumb: Plumb) -> None:
    def run(*arguments: str, expect: int = 0) -> Any:
        return plumb(*arguments, f"--namespace={daemon.namespace}",
                     kubeconfig=daemon.plane.kubeconfig, expect=expect)  # fmt: skip

    daemon.commit({"a.yaml": CONFIG % 1})
    daemon.start()
    daemon.apply(interval="1h")
    daemon.until_ready()

    # The interval is an hour: who waits for the end of the request sees the commit applied.
    commit = daemon.commit({"a.yaml": CONFIG % 2})
    done = run("reconcile", "shop", "--wait", "--timeout=60s")
    assert commit[:10] in done.stdout
    assert daemon.get("configmaps", "a")["data"] == {"value": "2"}

    daemon.commit({"a.yaml": "apiVersion: v1\nkind: [\n"})
    done = run("reconcile", "shop", "--wait", "--timeout=60s", expect=1)
    assert "apps/a.yaml:" in done.stderr
    assert daemon.get("configmaps", "a")["data"] == {"value": "2"}

    run("suspend", "shop")
    daemon.commit({"a.yaml": CONFIG % 3})
    assert "plumb resume shop" in run("reconcile", "shop", expect=8).stderr
    assert daemon.get("configmaps", "a")["data"] == {"value": "2"}
    run("resume", "shop")
    run("reconcile", "shop", "--wait", "--timeout=60s")
    assert daemon.get("configmaps", "a")["data"] == {"value": "3"}
    assert "Synced" in run("status", "shop").stdout
