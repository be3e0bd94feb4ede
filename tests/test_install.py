"""Plumb's own manifests hold together: with the version and with what is promised."""

from __future__ import annotations

from typing import Any

import pytest

from engine import __version__, install, parse
from engine.render import render

_SCOPES: tuple[install.Scope, ...] = ("cluster", "namespace")


def _find(found: list[Any], kind: str, name: str = "plumb") -> Any:
    (body,) = [b for b in found if b["kind"] == kind and b["metadata"]["name"] == name]
    return body


def _rules(found: list[Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Every rule with the kind and name of its role."""
    roles = [b for b in found if b["kind"] in {"Role", "ClusterRole"}]
    return [(b["kind"], b["metadata"]["name"], rule) for b in roles for rule in b["rules"]]


@pytest.mark.parametrize("scope", _SCOPES)
def test_what_is_printed_is_read_back_as_it_was(scope: install.Scope) -> None:
    found = install.bodies(scope)
    data = install.text(found)
    assert [d.body for d in parse.documents(data, path="x")] == found
    bundle = install.Bundle(data, version=__version__)
    assert len(render(bundle, "").manifests) == len(found)
    assert bundle.read("plumb.yaml") == data
    assert bundle.find("other.yaml") is None
    again = install.Bundle(data, version="9")
    assert again.revision.commit == bundle.revision.commit


def test_the_image_is_of_this_version_or_the_one_that_is_named() -> None:
    def image(found: list[Any]) -> str:
        return str(_find(found, "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"])

    assert image(install.bodies("cluster")) == f"plumb:{__version__}"
    named = install.bodies("cluster", image="registry.example:5000/team/plumb@sha256:00")
    assert image(named) == "registry.example:5000/team/plumb@sha256:00"


def test_the_scopes_differ_in_whose_applications_are_followed_only() -> None:
    wide, narrow = (install.bodies(scope) for scope in _SCOPES)
    args = [
        _find(found, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"]
        for found in (wide, narrow)
    ]
    assert args[1] == [*args[0], "--watch-namespace=plumb-system"]
    rules = [
        [rule for _, name, rule in _rules(found) if name == "plumb-applications"]
        for found in (wide, narrow)
    ]
    assert rules[0] == rules[1]
    kinds = {kind for kind, name, _ in _rules(narrow) if name == "plumb-applications"}
    assert kinds == {"Role"}


@pytest.mark.parametrize("scope", _SCOPES)
def test_rights_are_written_verb_by_verb(scope: install.Scope) -> None:
    for _, name, rule in _rules(install.bodies(scope)):
        assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]], name
        powerful = {"secrets", "serviceaccounts"} & set(rule["resources"])
        assert not powerful or rule["resourceNames"], name
        # It touches objects as somebody else, so it may not touch them itself.
        writes = {"create", "update", "patch", "delete"} & set(rule["verbs"])
        allowed = {"configmaps", "leases", "applications", "applications/status", "events"}
        assert not writes or set(rule["resources"]) <= allowed, name
    bound = [b["roleRef"]["name"] for b in install.bodies(scope) if "Binding" in b["kind"]]
    assert "cluster-admin" not in bound


def test_configmaps_are_written_in_the_namespace_of_the_records_only() -> None:
    for kind, _, rule in _rules(install.bodies("cluster")):
        if "configmaps" in rule["resources"] or "leases" in rule["resources"]:
            assert kind == "Role"


def test_the_pod_passes_the_restricted_standard_and_more() -> None:
    found = install.bodies("cluster")
    pod = _find(found, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] >= 10000
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert {"cpu", "memory"} <= container["resources"]["limits"].keys()
    assert all("sizeLimit" in v["emptyDir"] for v in pod["volumes"] if "emptyDir" in v)
    labels = _find(found, "Namespace", "plumb-system")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_names_and_ports_fit_together() -> None:
    found = install.bodies("cluster")
    template = _find(found, "Deployment")["spec"]["template"]
    labels = template["metadata"]["labels"]
    (container,) = template["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert f"--listen=:{ports['http']}" in container["args"]
    assert _find(found, "Service")["spec"]["selector"] == labels
    assert _find(found, "Service")["spec"]["ports"][0]["targetPort"] in ports
    for kind in ("PodDisruptionBudget", "Deployment"):
        assert _find(found, kind)["spec"]["selector"]["matchLabels"] == labels
    assert _find(found, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    for argument in container["args"]:
        if "-dir=" in argument:
            assert argument.partition("=")[2] in mounts
    replicas = _find(found, "Deployment")["spec"]["replicas"]
    assert _find(found, "PodDisruptionBudget")["spec"]["minAvailable"] < replicas
