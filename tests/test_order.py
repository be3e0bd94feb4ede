"""Waves and ranks: the order of writing and of deleting."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import order
from engine.errors import ManifestError
from engine.model import JSON, WAVE_ANNOTATION, Manifest, ObjectRef, Origin

if TYPE_CHECKING:
    import random

_KINDS = [
    ("v1", "Namespace"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("v1", "ServiceAccount"),
    ("v1", "ConfigMap"),
    ("v1", "Service"),
    ("apps/v1", "Deployment"),
    ("example.com/v1", "Widget"),
    ("networking.k8s.io/v1", "Ingress"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
]


def _manifest(api_version: str, kind: str, name: str, *, wave: str | None = None) -> Manifest:
    group = api_version.rpartition("/")[0]
    metadata: JSON = {"name": name}
    if wave is not None:
        metadata["annotations"] = {WAVE_ANNOTATION: wave}
    body = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
    return Manifest(ObjectRef(group, kind, "", name), body, Origin(f"{name}.yaml", 1), "")


_MANIFESTS = st.lists(
    st.builds(
        lambda kind, name, wave: _manifest(kind[0], kind[1], name, wave=wave),
        st.sampled_from(_KINDS),
        st.sampled_from("abc"),
        st.none() | st.integers(-3, 3).map(str),
    ),
    max_size=12,
    unique_by=lambda manifest: manifest.ref,
)


def test_kinds_come_in_the_order_in_which_they_need_one_another() -> None:
    ranks = [order.rank(ObjectRef(v.rpartition("/")[0], kind, "", "a")) for v, kind in _KINDS]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


def test_a_kind_of_another_group_is_a_custom_resource() -> None:
    knative = ObjectRef("serving.knative.dev", "Service", "shop", "web")
    assert order.rank(knative) == order.rank(ObjectRef("example.com", "Widget", "shop", "web"))


@given(_MANIFESTS)
def test_ordering_is_a_permutation(manifests: list[Manifest]) -> None:
    waves = order.in_order(manifests)
    assert all(waves)
    flat = list(itertools.chain.from_iterable(waves))
    assert sorted(map(id, flat)) == sorted(map(id, manifests))


@given(_MANIFESTS)
def test_ordering_respects_waves_then_ranks_then_names(manifests: list[Manifest]) -> None:
    waves = order.in_order(manifests)
    numbers = [{order.wave_of(m.body) for m in wave} for wave in waves]
    assert all(len(number) == 1 for number in numbers)
    assert [min(n) for n in numbers] == sorted({order.wave_of(m.body) for m in manifests})
    for wave in waves:
        keys = [(order.rank(m.ref), m.ref) for m in wave]
        assert keys == sorted(keys)


@given(_MANIFESTS, st.randoms())
def test_the_order_of_the_input_does_not_matter(
    manifests: list[Manifest], chance: random.Random
) -> None:
    shuffled = list(manifests)
    chance.shuffle(shuffled)
    assert order.in_order(shuffled) == order.in_order(manifests)


@given(_MANIFESTS)
def test_deletion_goes_the_other_way_round(manifests: list[Manifest]) -> None:
    def place(m: Manifest) -> tuple[int, int]:
        return (order.wave_of(m.body), order.rank(m.ref))

    deleted = sorted(manifests, key=lambda m: order.deletion_key(m.ref, order.wave_of(m.body)))
    assert [place(m) for m in deleted] == sorted(map(place, manifests), reverse=True)


@pytest.mark.parametrize(
    ("metadata", "wave"),
    [
        pytest.param({}, 0, id="no annotations"),
        pytest.param({"annotations": None}, 0, id="empty annotations"),
        pytest.param({"annotations": {"a": "b"}}, 0, id="others"),
        pytest.param({"annotations": {WAVE_ANNOTATION: "5"}}, 5, id="a number"),
        pytest.param({"annotations": {WAVE_ANNOTATION: "-10"}}, -10, id="before the others"),
        pytest.param({"annotations": {WAVE_ANNOTATION: "+1"}}, 1, id="with its sign"),
    ],
)
def test_a_wave_is_read_from_its_annotation(metadata: JSON, wave: int) -> None:
    assert order.wave_of({"metadata": metadata}) == wave


@pytest.mark.parametrize("value", ["", "one", "1.0", "1_0", " 1", "\u0661", "1234567", 1, True])
def test_a_wave_that_is_no_number_is_refused_at_its_place(value: JSON) -> None:
    manifest = _manifest("v1", "ConfigMap", "env", wave=value)
    with pytest.raises(ManifestError, match=r"env\.yaml:1: annotation plumb.dev/wave") as caught:
        order.in_order([manifest])
    assert caught.value.code == "PLB390"
