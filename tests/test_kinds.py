"""Discovery documents and CustomResourceDefinitions become lookups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.kinds import Kinds, Resource

if TYPE_CHECKING:
    from engine.model import JSON


def found(kind: str, plural: str, *, scope: str = "Namespaced", **more: JSON) -> JSON:
    return {
        "resource": plural,
        "responseKind": {"group": "", "version": "", "kind": kind},
        "scope": scope,
        "verbs": ["get", "list", "create"],
        **more,
    }


CORE = {
    "kind": "APIGroupDiscoveryList",
    "apiVersion": "apidiscovery.k8s.io/v2",
    "metadata": {},
    "items": [
        {
            "metadata": {},
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        found("ConfigMap", "configmaps"),
                        found("Namespace", "namespaces", scope="Cluster"),
                        {"resource": "virtual", "responseKind": None, "scope": "Namespaced"},
                    ],
                    "freshness": "Current",
                }
            ],
        }
    ],
}
GROUPS = {
    "kind": "APIGroupDiscoveryList",
    "apiVersion": "apidiscovery.k8s.io/v2beta1",
    "items": [
        {
            "metadata": {"name": "apps"},
            "versions": [
                {"version": "v1", "resources": [found("Deployment", "deployments")]},
                {
                    "version": "v1beta2",
                    "resources": [
                        found("Deployment", "deployments"),
                        found("Deployment", "olddeployments"),
                    ],
                },
            ],
        },
        {
            "metadata": {"name": "metrics.k8s.io"},
            "versions": [{"version": "v1beta1", "freshness": "Stale"}],
        },
    ],
}


def definition(**spec: JSON) -> JSON:
    whole: dict[str, Any] = {
        "group": "shop.example",
        "scope": "Namespaced",
        "names": {"kind": "Stall", "plural": "stalls"},
        "versions": [{"name": "v1", "served": True}],
    }
    return {"kind": "CustomResourceDefinition", "spec": {**whole, **spec}}


@pytest.fixture
def kinds() -> Kinds:
    return Kinds.from_discovery([CORE, GROUPS])


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "path"),
    [
        pytest.param(
            Resource("apps", "v1", "Deployment", "deployments", namespaced=True),
            "shop", "web", "/apis/apps/v1/namespaces/shop/deployments/web", id="an object",
        ),
        pytest.param(
            Resource("apps", "v1", "Deployment", "deployments", namespaced=True),
            "shop", "", "/apis/apps/v1/namespaces/shop/deployments", id="a namespace's list",
        ),
        pytest.param(
            Resource("apps", "v1", "Deployment", "deployments", namespaced=True),
            "", "", "/apis/apps/v1/deployments", id="the list of all namespaces",
        ),
        pytest.param(
            Resource("", "v1", "Namespace", "namespaces", namespaced=False),
            "stray", "shop", "/api/v1/namespaces/shop", id="cluster scope drops the namespace",
        ),
        pytest.param(
            Resource("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles",
                     namespaced=False),
            "", "system:a/b%2e?c#d",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:a%2Fb%252e%3Fc%23d",
            id="no name leads anywhere else",
        ),
    ],
)  # fmt: skip
def test_a_path_names_the_object(resource: Resource, namespace: str, name: str, path: str) -> None:
    assert resource.path(namespace, name) == path


def test_discovery_tells_scope_plural_and_verbs(kinds: Kinds) -> None:
    config_map = kinds.resource("v1", "ConfigMap")
    assert config_map == Resource(
        "", "v1", "ConfigMap", "configmaps", namespaced=True,
        verbs=frozenset({"get", "list", "create"}),
    )  # fmt: skip
    namespace = kinds.resource("v1", "Namespace")
    assert namespace is not None
    assert not namespace.namespaced


def test_a_resource_without_a_kind_is_left_out(kinds: Kinds) -> None:
    assert {resource.plural for resource in kinds if not resource.group} == {
        "configmaps",
        "namespaces",
    }


def test_the_servers_first_version_is_preferred(kinds: Kinds) -> None:
    assert [r.version for r in kinds.served("apps", "Deployment")] == ["v1", "v1beta2"]
    preferred = kinds.preferred("apps", "Deployment")
    assert preferred is not None
    assert preferred.version == "v1"


def test_of_two_plurals_of_one_kind_the_first_is_the_object(kinds: Kinds) -> None:
    deployment = kinds.resource("apps/v1beta2", "Deployment")
    assert deployment is not None
    assert deployment.plural == "deployments"


def test_what_is_not_served_is_none(kinds: Kinds) -> None:
    assert kinds.resource("v1", "Deployment") is None
    assert kinds.preferred("", "Deployment") is None
    assert kinds.served("", "Deployment") == ()


def test_a_stale_version_is_unknown_and_others_are_not(kinds: Kinds) -> None:
    assert kinds.is_unknown("metrics.k8s.io/v1beta1")
    assert not kinds.is_unknown("apps/v1")
    assert not kinds.is_unknown("v1")
    assert list(kinds.unknown) == ["metrics.k8s.io/v1beta1"]


def test_a_version_without_group_that_failed_is_unknown() -> None:
    failed = {"version": "v1", "freshness": "Stale", "reason": "403"}
    kinds = Kinds.from_discovery([{"items": [{"metadata": {"name": ""}, "versions": [failed]}]}])
    assert kinds.is_unknown("v1")
    assert kinds.unknown == {"v1": "403"}


def test_the_kind_may_belong_to_another_group_than_its_path() -> None:
    scale = {**found("Scale", "scales"), "responseKind": {"group": "autoscaling", "kind": "Scale"}}
    group = {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [scale]}]}
    kinds = Kinds.from_discovery([{"items": [group]}])
    assert kinds.resource("apps/v1", "Scale") is not None


def test_an_empty_document_has_no_kinds() -> None:
    assert len(Kinds.from_discovery([{}, {"items": None}])) == 0


@pytest.mark.parametrize(
    ("api_version", "kind", "first"),
    [
        pytest.param("v1", "deployment", "apps/v1 Deployment", id="lower case"),
        pytest.param("v1", "deployments", "apps/v1 Deployment", id="the plural"),
        pytest.param("extensions/v1beta1", "Deployment", "apps/v1 Deployment", id="an old group"),
        pytest.param("apps/v1", "Deploymnet", "apps/v1 Deployment", id="a slip of the pen"),
        pytest.param("v1", "Config-Map", "v1 ConfigMap", id="a dash"),
    ],
)
def test_what_was_meant_is_suggested(kinds: Kinds, api_version: str, kind: str, first: str) -> None:
    assert kinds.suggestions(api_version, kind)[0] == first


def test_nothing_is_suggested_for_a_word_like_no_other(kinds: Kinds) -> None:
    assert kinds.suggestions("v1", "Zebra") == ()


def test_definitions_of_the_same_commit_are_pending(kinds: Kinds) -> None:
    more = kinds.with_definitions([definition()])
    stall = more.resource("shop.example/v1", "Stall")
    assert stall is not None
    assert stall.pending
    assert stall.path("n", "s") == "/apis/shop.example/v1/namespaces/n/stalls/s"
    assert kinds.resource("shop.example/v1", "Stall") is None


def test_a_definition_that_is_served_already_is_not_pending(kinds: Kinds) -> None:
    deployment = definition(group="apps", names={"kind": "Deployment", "plural": "deployments"})
    assert kinds.with_definitions([deployment]) is kinds


def test_pending_versions_come_in_the_order_of_discovery() -> None:
    names = ["v1alpha1", "foo10", "v2beta2", "v10", "v2beta10", "v1", "foo2"]
    crd = definition(
        scope="Cluster",
        versions=[*({"name": name, "served": True} for name in names), {"name": "v9"}],
    )
    served = Kinds().with_definitions([crd]).served("shop.example", "Stall")
    assert [r.version for r in served] == [
        "v10", "v1", "v2beta10", "v2beta2", "v1alpha1", "foo10", "foo2",
    ]  # fmt: skip
    assert not any(resource.namespaced for resource in served)


@pytest.mark.parametrize(
    "crd",
    [
        {},
        {"spec": None},
        {"spec": {"names": "stalls"}},
        definition(group=5),
        definition(versions=None),
        definition(versions=["v1"]),
    ],
)
def test_a_definition_that_is_not_whole_adds_nothing(crd: JSON) -> None:
    assert len(Kinds().with_definitions([crd])) == 0


def test_the_bundled_kinds_have_the_scopes_that_people_know() -> None:
    bundled = Kinds.bundled()
    scopes = {
        (api_version, kind): resource.namespaced
        for api_version, kind in (
            ("v1", "Secret"), ("v1", "Namespace"), ("apps/v1", "Deployment"),
            ("rbac.authorization.k8s.io/v1", "ClusterRole"), ("policy/v1", "PodDisruptionBudget"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        )
        if (resource := bundled.resource(api_version, kind))
    }  # fmt: skip
    assert list(scopes.values()) == [True, False, True, False, True, False]
    assert len(bundled) > 50
