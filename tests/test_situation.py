"""What a situation is made of."""

from __future__ import annotations

from typing import Any

import pytest

from engine.model import ObjectRef
from engine.situation import Claim, scale_target
from tests.situations import body, config_map, ref_of

A = ref_of(config_map("a"))


@pytest.mark.parametrize(
    ("spec", "target"),
    [
        pytest.param(
            {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
            ObjectRef("apps", "Deployment", "shop", "web"),
            id="of a group, whatever its version",
        ),
        pytest.param(
            {"scaleTargetRef": {"kind": "ReplicationController", "name": "web"}},
            ObjectRef("", "ReplicationController", "shop", "web"),
            id="of the core group",
        ),
        pytest.param({}, None, id="none"),
        pytest.param(None, None, id="no spec"),
        pytest.param({"scaleTargetRef": "web"}, None, id="nonsense"),
    ],
)
def test_an_autoscaler_names_what_it_scales(spec: Any, target: ObjectRef | None) -> None:
    assert scale_target(body("HorizontalPodAutoscaler", "a", spec=spec)) == target


@pytest.mark.parametrize(
    ("owns", "desires", "holds"),
    [
        ({A}, None, True),
        ({A}, {A}, True),
        pytest.param({A}, set(), False, id="given up at this commit"),
        (set(), {A}, False),
        pytest.param(None, None, True, id="a record that cannot be read may own anything"),
        pytest.param(None, set(), False, id="whatever it owns, it does not want this"),
    ],
)
def test_an_object_is_anothers_while_it_owns_it_and_may_want_it(
    owns: Any, desires: Any, *, holds: bool
) -> None:
    assert Claim("a/b", "url", owns, desires).holds(A) is holds
