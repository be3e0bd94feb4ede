"""The API server and engine.settings agree on what an Application may hold.

The CRD refuses at the door what the engine would refuse later; neither may know a field or a rule
that the other does not.
"""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine import parse, settings
from engine.errors import SettingsError

if TYPE_CHECKING:
    from e2e.conftest import Kubectl
    from e2e.servers.controlplane import ControlPlane

_CRD = Path(__file__).parent.parent / "manifests" / "base" / "crd.yaml"
_FULL = {
    "source": {"url": "https://git.example/config.git", "ref": {"branch": "main"},
               "path": "apps/shop", "secretRef": {"name": "git-auth"}},
    "targetNamespace": "shop", "allowedNamespaces": ["shop-jobs"], "allowClusterScoped": True,
    "createNamespace": True, "serviceAccountName": "deployer", "interval": "1m", "prune": False,
    "maxPrune": {"objects": 1, "percent": 2}, "deletionPolicy": "delete", "drift": "report",
    "wait": False, "timeout": "90s", "suspend": True, "dependsOn": [{"name": "database"}],
    "ignore": [{"group": "apps", "kind": "Deployment", "name": "web", "namespace": "shop",
                "paths": ["/spec/replicas", "/spec/containers/[name=web]/image", "/a~1b~0"]}],
}  # fmt: skip

# field -> values; every one is judged by both.
_VALUES: dict[str, list[Any]] = {
    "source.url": [
        "https://git.example/config.git", "http://git.example:8080/a", "HTTPS://Git.Example/x",
        "ssh://git@git.example/team/config.git", "ssh://git.example:2222/x", "git@git.example:a/b",
        "git.example:a.git", "[::1]:x", "https://[::1]/x", "https://[::1]:8443/x", "a@[fe80::1]:x",
        "https://git.example/a%20b", "https://git.example//a", "https://git.example/a/../b",
        "", " https://git.example/x", "https://git.example/x ", "https://git.example/a b",
        "https://git.example/a\tb", "https://git.example/a\u2028b", "https://git.example/a\x85",
        "https://user@git.example/x", "https://user:word@git.example/x", "https://:@git.example/x",
        "ssh://git:word@git.example/x", "ssh://git:@git.example/x", "https://git.example",
        "https://git.example/", "https://git.example///", "https:///x", "https://-x/y",
        "ssh://-oProxyCommand=x/y", "ssh://git@-x/y", "-x:y", "git@-x:y", "-u@host:y", "a:",
        "https://git.example/x?y=1", "https://git.example/x#y", "https://git.example:x/y",
        "https://git.example:99999/y", "https://git.example:65536/y", "https://git.example:65535/y",
        "https://git.example:60000/y",
        "https://git.example:/y", "ftp://git.example/x",
        "git://git.example/x", "file:///srv/x", "/srv/x", "./x", "x", "ext::sh -c x", "ext::x",
        "host::x", "https://git.example/grüße", "https://[::1/x", "https://a]b/x", "a/b:c",
        "https://@git.example/x", "ssh://@git.example/x", "https://gi t/x", "@host:path",
    ],
    "source.ref": [
        {}, {"branch": "main"}, {"tag": "v1"}, {"semver": ">=1.2 <2"}, {"commit": "a" * 40},
        {"branch": "main", "tag": "v1"}, {"semver": "1", "commit": "a" * 40},
        {"branch": "a", "tag": "b", "semver": "1", "commit": "a" * 40}, {"name": "x"}, [], "main",
    ],
    "source.ref.branch": [
        "feature/x", "a.b", "ü", "a-", "@", "", "/a", "a/", "a.", "a..b", "a//b", ".a", "a/.b",
        "a.lock", "a.lock/b", "a.locks", "-a", "a~1", "a^", "a:b", "a?", "a*", "a[b", "a\\b",
        "a b", "a\x7f", "a@{1}", "a@b", "refs/heads/main", "refs", 7,
    ],
    "source.ref.semver": [">=1", "*", "", " ", "\t"],
    "source.ref.commit": ["a" * 40, "A1" * 20, "a" * 64, "a" * 39, "a" * 41, "g" * 40, "a" * 50],
    "source.path": [
        "", ".", "apps/shop", "./apps//shop/", "a/..b", "..a", "a..", "...", "ü b", "/apps", "..",
        "../x", "a/../b", "a/..", "a\\b", "a\nb", "a\x7fb",
    ],
    "source.secretRef": [{"name": "a"}, {}, {"name": ""}, {"name": "a", "namespace": "b"}, "a"],
    "source.branch": ["main"],
    "targetNamespace": ["a", "a-1", "1", "a" * 63, "", "a" * 64, "A", "-a", "a-", "a.b", "a\n", 1],
    "allowedNamespaces": [[], ["a", "b"], ["a", "A"], [""], "a", [1]],
    "allowClusterScoped": [True, False, "true", 1],
    "createNamespace": [True, "yes"],
    "serviceAccountName": ["a", "a.b", "a..b", "", "A", ".a", "a_b", "a" * 63, "a" * 64, "ü"],
    "interval": [
        "10s", "1h30m", "1.5h", "10000ms", "0.2m", "9s", "9999ms", "9.9s", "0s", "0", "10", "",
        "-10s", "1d", "10 s", "10S", "1e3s", "1us", "1000000000s", ".5h", "1m.5s", 10, "10s\n",
    ],
    "timeout": ["10s", "5m", "1s", "x"],
    "prune": [True, "true"],
    "maxPrune": [{}, {"objects": 0}, {"percent": 100}, {"objects": 2**31 - 1}, {"objects": 2**31},
                 {"objects": -1}, {"percent": 101}, {"percent": -1}, {"percent": "30%"},
                 {"objects": True}, {"things": 1}, 5],
    "deletionPolicy": ["orphan", "delete", "wait", "Delete", "", "keep"],
    "drift": ["correct", "report", "ignore", ""],
    "wait": [True, "no"],
    "suspend": [True, 0],
    "dependsOn": [[], [{"name": "a"}], [{"name": "A"}], [{}], [{"name": "a", "kind": "b"}], ["a"]],
    "ignore": [
        [], [{"paths": ["/a"]}], [{"paths": []}], [{"kind": "A"}], [{"paths": ["a"]}],
        [{"paths": ["/a~2"]}], [{"paths": ["/a~"]}], [{"paths": ["/"]}], [{"paths": [""]}],
        [{"paths": ["/a"], "path": "/a"}], [{"paths": "/a"}], [{"paths": ["/a"], "kind": 1}],
    ],
    "sources": [[]],
}  # fmt: skip


@pytest.fixture(scope="module")
def definition(api_server: ControlPlane) -> str:
    """Make the CRD known; applied, not created: another module may have been there before."""
    (document,) = parse.documents(_CRD.read_bytes(), path=str(_CRD))
    collection = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    name = document.body["metadata"]["name"]
    if api_server.get(f"{collection}/{name}") is None:
        api_server.create(collection, document.body)
    deadline = time.monotonic() + 20
    while not api_server.is_there("/apis/plumb.dev/v1alpha1/applications"):
        assert time.monotonic() < deadline
        time.sleep(0.05)  # noqa: TID251 - a test has no stop event
    return "/apis/plumb.dev/v1alpha1/namespaces/default/applications"


def _document(field: str = "", value: Any = None) -> Any:
    spec: Any = copy.deepcopy(_FULL)
    *parents, last = field.split(".")
    place = spec
    for name in parents:
        place = place[name]
    if field:
        if field.startswith("source.ref."):
            place.clear()
        place[last] = value
    return {"apiVersion": "plumb.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": "default"}, "spec": spec}  # fmt: skip


def _server_refuses(api: ControlPlane, collection: str, body: Any) -> str:
    """Return why the API server refuses it, "" when it does not; nothing is stored."""
    answer = api.request("POST", f"{collection}?dryRun=All&fieldValidation=Strict", body=body)
    return "" if answer.status == 201 else answer.body["message"]


def _engine_refuses(body: Any) -> str:
    try:
        settings.application_from_resource(body)
    except SettingsError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("field", _VALUES)
def test_the_server_refuses_what_the_engine_refuses_and_nothing_else(
    api_server: ControlPlane, definition: str, field: str
) -> None:
    verdicts = {}
    for value in _VALUES[field]:
        body = _document(field, value)
        verdicts[json.dumps(value)] = (
            _server_refuses(api_server, definition, body), _engine_refuses(body),
        )  # fmt: skip
    differ = {value: why for value, why in verdicts.items() if bool(why[0]) != bool(why[1])}
    assert not differ, json.dumps(differ, indent=1)


def test_a_document_with_every_field_is_taken(api_server: ControlPlane, definition: str) -> None:
    assert not _server_refuses(api_server, definition, _document())
    assert not _engine_refuses(_document())


def test_what_only_the_server_refuses_would_never_become_ready(
    api_server: ControlPlane, definition: str
) -> None:
    """These are mistakes that the engine too would tell, but later."""
    itself = _document("dependsOn", [{"name": "shop"}])
    assert "cannot depend on itself" in _server_refuses(api_server, definition, itself)
    without = _document()
    del without["spec"]
    assert "spec: Required value" in _server_refuses(api_server, definition, without)
    assert _engine_refuses(without)


def test_a_refusal_says_what_to_write_instead(api_server: ControlPlane, definition: str) -> None:
    said = {
        field: _server_refuses(api_server, definition, _document(field, value))
        for field, value in {
            "source.url": "https://user:word@git.example/x",
            "source.ref": {"branch": "main", "tag": "v1"},
            "interval": "1s",
            "deletionPolicy": "Delete",
        }.items()
    }
    assert "put them into the Secret named in secretRef" in said["source.url"]
    assert "only one of branch, tag, semver and commit" in said["source.ref"]
    assert "must be 10s or longer" in said["interval"]
    assert 'supported values: "orphan", "delete", "wait"' in said["deletionPolicy"]


def test_a_status_is_written_apart_and_shown_in_columns(
    api_server: ControlPlane, definition: str, kubectl: Kubectl, namespace: str
) -> None:
    collection = definition.replace("/default/", f"/{namespace}/")
    body = _document()
    body["metadata"]["namespace"] = namespace
    body["status"] = {"sync": "Synced"}
    created = api_server.create(collection, body)
    assert "status" not in created
    now = "2026-11-25T13:00:00Z"
    status = {
        "id": "k3v9x2", "observedGeneration": 1, "lastHandledReconcileAt": now,
        "sync": "OutOfSync", "health": "Progressing", "revision": "0123456789" * 4,
        "message": "2 deletions wait", "inventory": {"count": 12},
        "held": {"token": "0123456789abcdef", "objects": ["ConfigMap/shop/env"]},
        "history": [{"revision": "0" * 40, "author": "Ada", "subject": "More", "time": now,
                     "result": "Synced", "counts": {"created": 1}, "durationSeconds": 0.25}],
        "conditions": [{"type": "Ready", "status": "False", "reason": "PruneHeld", "message": "",
                        "lastTransitionTime": now, "observedGeneration": 1}],
    }  # fmt: skip
    stored = api_server.merge(
        f"{collection}/shop/status?fieldValidation=Strict", {"status": status}
    )
    assert stored["status"] == status
    assert stored["metadata"]["generation"] == 1
    table = kubectl("get", "papp", "--namespace", namespace).splitlines()
    assert table[0].split() == ["NAME", "SYNC", "HEALTH", "REVISION", "AGE"]
    assert table[1].split()[:4] == ["shop", "OutOfSync", "Progressing", "0123456789" * 4]
    wide = kubectl("get", "gitops", "--namespace", namespace, "--output=wide").splitlines()
    assert wide[0].split() == ["NAME", "SYNC", "HEALTH", "REVISION", "AGE", "SOURCE", "MESSAGE"]
    assert "https://git.example/config.git" in wide[1]
    assert "2 deletions wait" in wide[1]
