"""A daemon's first sync: what is not there is made without asking, what is there is looked at."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from e2e.servers.controlplane import ADMIN

if TYPE_CHECKING:
    from e2e.daemon import Daemon
    from engine.model import JSON

MANIFEST = """\
apiVersion: v1
kind: Secret
metadata: {{name: {name}}}
stringData: {{value: '{value}'}}
"""


def requests(daemon: Daemon, name: str) -> Counter[str]:
    """Return Plumb's requests about one Secret, by verb and answer."""
    about = f"/namespaces/{daemon.namespace}/secrets"
    found: Counter[str] = Counter()
    for event in daemon.plane.requests(user=ADMIN, about=about):
        ref = event["objectRef"]
        if "plumb" in event.get("userAgent", "") and ref.get("name") == name:
            found[f"{event['verb']} {event['responseStatus']['code']}"] += 1
    return found


def make(daemon: Daemon, name: str, value: str, **more: JSON) -> None:
    """Make a Secret as another would."""
    metadata = {"name": name, **more.pop("metadata", {})}
    daemon.plane.create(
        f"/api/v1/namespaces/{daemon.namespace}/secrets",
        {"metadata": metadata, "stringData": {"value": value, "theirs": "kept"}, **more},
    )


def test_what_is_not_there_is_made_by_one_request(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": MANIFEST.format(name="a", value=1)})
    daemon.start()
    daemon.apply()
    daemon.until_ready()
    daemon.settle()
    assert requests(daemon, "a") == {"create 201": 1}


def test_what_is_there_is_adopted_with_what_others_put_into_it(daemon: Daemon) -> None:
    make(daemon, "a", "other")
    daemon.commit(
        {"a.yaml": MANIFEST.format(name="a", value=1), "b.yaml": MANIFEST.format(name="b", value=1)}
    )
    daemon.start()
    daemon.apply()
    daemon.until_ready()
    daemon.settle()
    assert daemon.get("secrets", "a")["data"] == {"value": "MQ==", "theirs": "a2VwdA=="}
    assert daemon.status()["history"][0]["counts"] == {"created": 1, "adopted": 1}
    assert requests(daemon, "a") == {"create 409": 1, "get 200": 1, "patch 200": 1}
    assert requests(daemon, "b") == {"create 201": 1}


def test_what_another_tool_manages_is_refused_and_not_tried_again_and_again(
    daemon: Daemon,
) -> None:
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    marks = {"meta.helm.sh/release-name": "theirs", "meta.helm.sh/release-namespace": "default"}
    make(daemon, "a", "helm", metadata={"labels": labels, "annotations": marks})
    before = daemon.get("secrets", "a")
    daemon.commit(
        {"a.yaml": MANIFEST.format(name="a", value=1), "b.yaml": MANIFEST.format(name="b", value=1)}
    )
    daemon.start()
    daemon.apply()
    daemon.until("it is refused", lambda: "Helm" in str(daemon.condition("Ready")))
    assert daemon.get("secrets", "b")["data"] == {"value": "MQ=="}
    daemon.settle()
    record = daemon.get("configmaps", f"plumb.{daemon.namespace}.shop")
    daemon.ask()
    asked = daemon.applications.get()["metadata"]["annotations"]["plumb.dev/reconcile-requested-at"]
    daemon.until("asked", lambda: daemon.status().get("lastHandledReconcileAt") == asked)
    daemon.settle()
    assert "Helm" in str(daemon.condition("Ready"))
    assert daemon.get("secrets", "a") == before
    assert daemon.get("configmaps", f"plumb.{daemon.namespace}.shop") == record
    tried = requests(daemon, "a")
    assert tried["create 409"] == 1
    assert set(tried) == {"create 409", "get 200"}


def test_a_full_quota_keeps_nothing_from_being_adopted(daemon: Daemon) -> None:
    make(daemon, "a", "other")
    quotas = f"/api/v1/namespaces/{daemon.namespace}/resourcequotas"
    daemon.plane.create(
        quotas, {"metadata": {"name": "full"}, "spec": {"hard": {"count/secrets": "1"}}}
    )
    used = {"count/secrets": "1"}
    daemon.until(
        "the quota is counted",
        lambda: (daemon.plane.get(f"{quotas}/full").get("status") or {}).get("used") == used,
    )
    daemon.commit({"a.yaml": MANIFEST.format(name="a", value=1)})
    daemon.start()
    daemon.apply()
    daemon.until_ready()
    assert daemon.get("secrets", "a")["data"] == {"value": "MQ==", "theirs": "a2VwdA=="}
    assert daemon.status()["history"][0]["counts"] == {"adopted": 1}
    assert requests(daemon, "a")["create 403"] == 1


def test_what_cannot_be_changed_is_told_and_stays_as_it_is(daemon: Daemon) -> None:
    make(daemon, "a", "old", immutable=True)
    before = daemon.get("secrets", "a")
    daemon.commit({"a.yaml": MANIFEST.format(name="a", value="new")})
    daemon.start()
    daemon.apply()
    daemon.until("it is told", lambda: "PLB532" in str(daemon.status()))
    daemon.settle()
    assert daemon.get("secrets", "a") == before


def test_what_the_server_refuses_is_told_with_its_own_words(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": MANIFEST.format(name="a", value=1) + "type: kubernetes.io/tls\n"})
    daemon.start()
    daemon.apply()
    daemon.until("it is told", lambda: "data[tls.crt]: required value" in str(daemon.status()))
    assert daemon.condition("Ready")["status"] == "False"
    assert daemon.get("secrets", "a") is None
