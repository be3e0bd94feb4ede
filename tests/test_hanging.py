"""What hangs on a volume and on a workload, in words; counts are asked of a real server in e2e."""

from __future__ import annotations

from typing import Any

import pytest

from engine.kube.hanging import not_counted, pods, reclaimed, volume


@pytest.mark.parametrize(
    ("status", "told"),
    [
        pytest.param({"replicas": 3}, "3 Pods", id="replicas"),
        pytest.param({"currentNumberScheduled": 2}, "2 Pods", id="a DaemonSet"),
        pytest.param({"active": 1}, "1 Pods", id="a Job"),
        pytest.param({"replicas": 0}, "", id="none"),
        pytest.param({"replicas": "many"}, "", id="nonsense"),
        pytest.param(None, "", id="no status"),
    ],
)
def test_the_pods_of_a_workload_are_told(status: Any, told: str) -> None:
    assert pods({"status": status}) == told


def test_a_volume_tells_its_size_and_who_uses_it() -> None:
    spec: dict[str, Any] = {"capacity": {"storage": "5Gi"}}
    used = {**spec, "claimRef": {"namespace": "shop", "name": "data"}}

    assert volume({"spec": spec}) == "5Gi of data, not in use"
    assert volume({"spec": used}) == "5Gi of data, used by shop/data"


@pytest.mark.parametrize(
    ("policy", "told"),
    [("Retain", "which is kept (Retain)"), ("Delete", "which goes with it (Delete)")],
)
def test_whether_the_data_goes_with_the_claim_is_told(policy: str, told: str) -> None:
    assert reclaimed({"spec": {"persistentVolumeReclaimPolicy": policy}}) == told


def test_what_could_not_be_counted_is_said() -> None:
    assert not_counted([]) == ""
    assert not_counted(["b", "a"]) == "; a, b could not be counted"
    assert not_counted("fedcba") == "; a, b, c, d, ... could not be counted"
