"""Where manifests go, and which may not go there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import ManifestError
from engine.kinds import Kinds
from engine.namespaces import place, wishes
from tests.situations import SHOP, body, manifest, ref_of

if TYPE_CHECKING:
    from engine.model import Application

KINDS = Kinds.bundled()
TARGETED = replace(SHOP, target_namespace="prod", allowed_namespaces=("jobs",))


def place_one(found: Any, application: Application = SHOP) -> tuple[str, str]:
    """The namespace that the object goes to, and the code of its refusal."""
    placement = place([manifest(found)], application, KINDS)
    refused = [refused.error.code for refused in placement.refused]
    placed = [m.body["metadata"].get("namespace", "") for m in placement.manifests]
    return (placed or ["-"])[0], (refused or [""])[0]


@pytest.mark.parametrize(
    ("found", "application", "expected"),
    [
        pytest.param(body("ConfigMap", "a", namespace=""), SHOP, ("shop", ""), id="its own"),
        pytest.param(body("ConfigMap", "a", namespace=""), TARGETED, ("prod", ""), id="target"),
        pytest.param(body("ConfigMap", "a", namespace="x"), SHOP, ("x", ""), id="as written"),
        pytest.param(
            body("ConfigMap", "a", namespace="jobs"), TARGETED, ("jobs", ""), id="allowed"
        ),
        pytest.param(
            body("ConfigMap", "a", namespace="x"), TARGETED, ("-", "PLB512"), id="not allowed"
        ),
        pytest.param(body("Namespace", "a", namespace=""), SHOP, ("", ""), id="cluster-scoped"),
        pytest.param(
            body("Namespace", "a", namespace="x"), SHOP, ("", ""), id="its namespace is dropped"
        ),
        pytest.param(
            body("Namespace", "a", namespace=""), TARGETED, ("-", "PLB511"), id="kept inside"
        ),
        pytest.param(
            body("Namespace", "a", namespace=""),
            replace(TARGETED, allow_cluster_scoped=True),
            ("", ""),
            id="allowed out",
        ),
        pytest.param(body("Thing", "a", api="x.io/v1"), SHOP, ("-", "PLB321"), id="unknown kind"),
        pytest.param(
            body("TokenReview", "a", api="authentication.k8s.io/v1", namespace=""),
            SHOP,
            ("-", "PLB513"),
            id="a kind that only answers",
        ),
        pytest.param(body("Binding", "a"), SHOP, ("-", "PLB513"), id="one that only happens"),
        pytest.param(
            body("ConfigMap", "a", metadata={"labels": {"plumb.dev/record": "x"}}),
            SHOP,
            ("-", "PLB510"),
            id="a forged record",
        ),
    ],
)
def test_every_manifest_goes_where_the_application_says_or_nowhere(
    found: Any, application: Application, expected: tuple[str, str]
) -> None:
    assert place_one(found, application) == expected


def test_a_definition_in_the_same_commit_makes_its_kind_known() -> None:
    crd = body(
        "CustomResourceDefinition",
        "things.x.io",
        api="apiextensions.k8s.io/v1",
        namespace="",
        spec={
            "group": "x.io",
            "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things"},
            "versions": [{"name": "v1", "served": True, "storage": True}],
        },
    )
    thing = body("Thing", "a", api="x.io/v1", namespace="")
    placement = place([manifest(thing)], SHOP, KINDS.with_definitions([crd]))

    assert [str(m.ref) for m in placement.manifests] == ["Thing.x.io/shop/a"]


def test_a_group_that_could_not_be_asked_is_in_doubt_and_not_unknown() -> None:
    kinds = replace(KINDS, unknown={"metrics.k8s.io/v1beta1": "stale"})
    placement = place([manifest(body("X", "a", api="metrics.k8s.io/v1beta1"))], SHOP, kinds)

    assert [refused.error.code for refused in placement.refused] == ["PLB322"]


def test_the_same_object_twice_names_both_places() -> None:
    twice = [
        manifest(body("ConfigMap", "a"), path="one.yaml", line=3),
        manifest(body("ConfigMap", "a", namespace=""), path="two.yaml", line=5),
    ]

    with pytest.raises(ManifestError) as caught:
        place(twice, SHOP, KINDS)

    assert "one.yaml:3" in str(caught.value)
    assert caught.value.where == "two.yaml:5"


def test_the_same_object_twice_is_an_error_also_where_neither_may_go() -> None:
    twice = [body("ConfigMap", "a"), body("ConfigMap", "a")]

    with pytest.raises(ManifestError):
        place(map(manifest, twice), TARGETED, KINDS)


def test_wishes_are_known_of_an_application_that_may_not_have_them() -> None:
    there, elsewhere = body("ConfigMap", "a", namespace=""), body("ConfigMap", "b", namespace="x")
    unknown = body("Thing", "c", api="x.io/v1", namespace="")
    twice = [there, elsewhere, unknown, body("ConfigMap", "a", namespace="prod")]

    assert wishes(map(manifest, twice), TARGETED, KINDS) == {
        ref_of(body("ConfigMap", "a", namespace="prod")), ref_of(elsewhere), ref_of(unknown)
    }  # fmt: skip


def test_an_application_in_git_is_told_how_it_gets_there() -> None:
    found = body("Application", "a", api="plumb.dev/v1alpha1")

    assert "-f" in place([manifest(found)], SHOP, KINDS).refused[0].error.hint


def test_an_unknown_kind_gets_a_suggestion() -> None:
    placement = place([manifest(body("Deploymnt", "a", api="apps/v1"))], SHOP, KINDS)

    assert "Deployment" in str(placement.refused[0].error)


@pytest.mark.parametrize(
    ("application", "name"),
    [
        pytest.param(SHOP, None, id="not asked for"),
        pytest.param(replace(SHOP, create_namespace=True), "shop", id="its own"),
        pytest.param(replace(TARGETED, create_namespace=True), "prod", id="the target"),
    ],
)
def test_the_namespace_is_made_when_that_is_asked_for(
    application: Application, name: str | None
) -> None:
    found = place([], application, KINDS).namespace

    assert (found.ref.name if found else None) == name


def test_a_namespace_that_git_has_is_not_made_twice() -> None:
    own = manifest(body("Namespace", "shop", namespace=""))

    assert place([own], replace(SHOP, create_namespace=True), KINDS).namespace is None


def test_the_manifest_of_git_is_never_changed() -> None:
    written = body("ConfigMap", "a", namespace="")
    place([manifest(written)], SHOP, KINDS)

    assert "namespace" not in written["metadata"]
