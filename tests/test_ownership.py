"""What may be taken over, and from whom."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from engine.looking import contested
from engine.model import ADOPT_ANNOTATION, JSON
from engine.ownership import applied_by_kubectl, refusal
from engine.plan import make_plan
from engine.situation import Claim, Options
from tests.situations import (
    ME,
    OTHER,
    SHOP,
    body,
    config_map,
    entry,
    live,
    manifest,
    ref_of,
    situation,
)

WANTED = config_map("a")
AGREED = body("ConfigMap", "a", metadata={"annotations": {ADOPT_ANNOTATION: "enabled"}})
HELM = {"annotations": {"meta.helm.sh/release-name": "shop"}}
ARGO = {"annotations": {"argocd.argoproj.io/tracking-id": "shop:/ConfigMap:shop/a"}}
FLUX = {"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}}
CONTROLLED = {"ownerReferences": [{"kind": "Thing", "name": "x", "controller": True}]}


def code(wanted: JSON, metadata: dict[str, Any], **claims: Claim) -> str:
    found = refusal(manifest(wanted), live(WANTED, owner="", **metadata), claims=claims)
    return found.code if found else ""


@pytest.mark.parametrize(
    ("wanted", "metadata", "refused"),
    [
        pytest.param(WANTED, {}, "", id="nobody's"),
        pytest.param(WANTED, HELM, "PLB522", id="Helm's"),
        pytest.param(WANTED, ARGO, "PLB522", id="Argo CD's"),
        pytest.param(WANTED, FLUX, "PLB522", id="Flux's"),
        pytest.param(AGREED, HELM, "", id="Helm's, and Git agrees"),
        pytest.param(AGREED, CONTROLLED, "PLB520", id="a controller's, whatever Git says"),
        pytest.param(
            WANTED,
            {"ownerReferences": [{"kind": "Thing", "name": "x"}]},
            "",
            id="an owner that is no controller",
        ),
        pytest.param(
            WANTED,
            {"labels": {"app.kubernetes.io/managed-by": "Helm"}},
            "",
            id="a label that helm template leaves too",
        ),
    ],
)
def test_adoption_asks_whose_it_is(wanted: JSON, metadata: dict[str, Any], refused: str) -> None:
    assert code(wanted, metadata) == refused


def test_agreeing_on_the_live_object_counts_for_nothing() -> None:
    forged = {"annotations": {**HELM["annotations"], ADOPT_ANNOTATION: "enabled"}}

    assert code(WANTED, forged) == "PLB522"


@pytest.mark.parametrize(
    ("claim", "refused"),
    [
        pytest.param(
            Claim("a/b", "url", frozenset({ref_of(WANTED)})), "PLB521", id="a living owner"
        ),
        pytest.param(Claim("a/b", "url", frozenset()), "", id="its record no longer names it"),
        pytest.param(Claim("a/b", "", None), "PLB521", id="its record cannot be read"),
        pytest.param(
            Claim("a/b", "url", frozenset({ref_of(WANTED)}), frozenset()),
            "",
            id="the owner gives it up at this commit",
        ),
        pytest.param(None, "", id="the owner is gone"),
    ],
)
def test_another_applications_object_is_taken_only_when_it_lets_go(
    claim: Claim | None, refused: str
) -> None:
    claims = {OTHER: claim} if claim else {}
    found = refusal(manifest(WANTED), live(WANTED, owner=OTHER), claims=claims)

    assert (found.code if found else "") == refused


def test_the_refusal_names_the_other_application_and_the_place_in_git() -> None:
    claims = {OTHER: Claim("team/api", "https://x", frozenset({ref_of(WANTED)}))}
    found = refusal(manifest(WANTED), live(WANTED, owner=OTHER), claims=claims)

    assert found is not None
    assert "team/api" in str(found)
    assert "apps/shop/objects.yaml:1" in str(found)


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "[" * 100_000])
def test_what_kubectl_noted_counts_only_as_an_object(text: str) -> None:
    there = live(WANTED, annotations={"kubectl.kubernetes.io/last-applied-configuration": text})

    assert applied_by_kubectl(there) is None


def test_what_kubectl_applied_is_the_first_last_applied_state() -> None:
    noted = json.dumps(WANTED)
    there = live(WANTED, annotations={"kubectl.kubernetes.io/last-applied-configuration": noted})

    assert applied_by_kubectl(there) == WANTED


@pytest.mark.parametrize("is_mine", [True, False])
def test_the_one_that_goes_on_says_who_else_wants_it_and_where(*, is_mine: bool) -> None:
    mine, theirs = config_map("a"), config_map("b")
    told = "Application shop/other (https://git.example/x.git b.yaml:3)"
    there = [live(mine), live(theirs, owner=ME if is_mine else OTHER)]
    made = situation(
        desired=[mine, theirs], there=there, record=[entry(mine), entry(theirs)],
        options=Options(contested={ref_of(theirs): told}),
        claims={OTHER: Claim("shop/other", "", None)},
    )  # fmt: skip

    notes = make_plan(made).notes

    assert any(told in note and "ConfigMap/shop/b" in note for note in notes) is is_mine


def test_who_wants_what_another_wants_is_found_without_a_cluster() -> None:
    other = replace(SHOP, name="other")
    wanted = [
        (SHOP, [manifest(config_map("a")), manifest(config_map("b"), line=7)]),
        (other, [manifest(config_map("b"), path="x.yaml", line=3)]),
    ]

    found = contested(wanted)

    b = ref_of(config_map("b"))
    assert found == {
        str(SHOP): {b: f"Application {other} ({SHOP.source.url} x.yaml:3)"},
        str(other): {b: f"Application {SHOP} ({SHOP.source.url} apps/shop/objects.yaml:7)"},
    }
