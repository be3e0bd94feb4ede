"""Health of one object: a table of what people meet, and the law that nothing makes it raise."""

from __future__ import annotations

import copy
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from engine import health
from engine.health import kinds
from engine.model import JSON, Health, HealthStatus

_GOLDEN = Path(__file__).parent / "golden" / "health"
_CASES = [
    pytest.param(case, id=case["case"])
    for file in sorted(_GOLDEN.glob("*.yaml"))
    for case in YAML(typ="safe", pure=True).load_all(file)
]


@pytest.mark.parametrize("case", _CASES)
def test_an_object_is_judged_as_the_table_says(case: JSON) -> None:
    now = datetime.fromisoformat(case["now"]) if "now" in case else None
    wanted = Health(HealthStatus(case["expect"]["status"]), case["expect"]["message"])
    assert health.assess(case["live"], now=now) == wanted


def test_every_rule_has_a_case() -> None:
    lives = [param.values[0]["live"] for param in _CASES]  # type: ignore[index]
    seen = {(live["apiVersion"].rpartition("/")[0], live["kind"]) for live in lives}
    assert set(kinds.RULES) <= seen


_FIELDS = """
phase conditions type status reason message observedGeneration generation replicas updatedReplicas
readyReplicas availableReplicas active paused loadBalancer ingress containerStatuses state waiting
terminated lastState restartPolicy storageClassName volumeName updateStrategy rollingUpdate
creationTimestamp annotations finalizers startTime suspend partition
"""
_NAMES = st.sampled_from(_FIELDS.split())
_WORDS = st.sampled_from(
    ["True", "False", "Ready", "Running", "Pending", "OnDelete", "LoadBalancer", "Failed"]
)
_JUNK: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=12,
)
_KINDS = st.sampled_from([*kinds.RULES, ("example.com", "Widget")])


@given(kind=_KINDS, metadata=_JUNK, spec=_JUNK, status=_JUNK)
def test_no_status_makes_it_raise(
    kind: tuple[str, str], metadata: JSON, spec: JSON, status: JSON
) -> None:
    group, name = kind
    live = {"apiVersion": f"{group}/v1" if group else "v1", "kind": name}
    live |= {"metadata": metadata, "spec": spec, "status": status}
    before = copy.deepcopy(live)
    found = health.assess(live, now=datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
    assert found.status is not HealthStatus.UNKNOWN or found.message
    assert repr(live) == repr(before)


@given(_JUNK)
def test_what_is_no_object_is_unknown(junk: JSON) -> None:
    if not isinstance(junk, dict):
        assert health.assess(junk).status is HealthStatus.UNKNOWN


def test_a_long_message_is_one_line_and_cut() -> None:
    condition = {"type": "Ready", "status": "False", "message": "a\nb " * 500}
    live = {"apiVersion": "example.com/v1", "kind": "Widget", "status": {"conditions": [condition]}}
    message = health.assess(live).message
    assert "\n" not in message
    assert message.startswith("not ready: a b a b")
    assert len(message) < 320


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        pytest.param([], "Healthy", id="nothing is wrong with nothing"),
        pytest.param(["Healthy", "Suspended"], "Suspended", id="suspended before healthy"),
        pytest.param(["Missing", "Progressing"], "Missing", id="missing before progressing"),
        pytest.param(["Degraded", "Missing"], "Degraded", id="degraded before missing"),
        pytest.param(["Unknown", "Degraded"], "Unknown", id="unknown is the worst"),
    ],
)
def test_the_worst_of_several(statuses: list[str], worst: str) -> None:
    assert health.worst(Health(HealthStatus(status)) for status in statuses) == worst


@pytest.mark.parametrize(
    ("status", "settled"),
    [("Healthy", True), ("Suspended", True), ("Progressing", False), ("Degraded", False)],
)
def test_only_what_needs_no_waiting_is_settled(status: str, settled: bool) -> None:  # noqa: FBT001
    assert health.is_settled(Health(HealthStatus(status))) is settled
