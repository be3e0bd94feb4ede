"""Rules of CRDs asked of the API server itself: it refuses what Plumb says must be replaced."""

from __future__ import annotations

import http
import time
from typing import TYPE_CHECKING

import pytest

from engine.merge import Sides, compare
from engine.schema import Schemas, replaced_fields
from tests.rules import CASES, SPEC, Case, with_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.servers.controlplane import ControlPlane
    from engine.model import JSON

GROUP = "rules.plumb.example"
# Those that stand in a spec and are rules at all, each with a field of its own.
ASKED = {f"r{n}": case for n, case in enumerate(CASES) if case.on and ") ||" not in case.rule[-12:]}


def _definition() -> JSON:
    fields = {name: with_rule(SPEC, case.on[1:], {"rule": case.rule})
              for name, case in ASKED.items()}  # fmt: skip
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"ruleds.{GROUP}"},
        "spec": {
            "group": GROUP, "scope": "Cluster", "names": {"kind": "Ruled", "plural": "ruleds"},
            "versions": [{"name": "v1", "served": True, "storage": True,
                          "schema": {"openAPIV3Schema": schema}}],
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def path(control_plane: ControlPlane) -> Iterator[str]:
    """Where objects are that obey every rule of the table."""
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    control_plane.create(definitions, _definition())
    path = f"/apis/{GROUP}/v1/ruleds"
    deadline = time.monotonic() + 20
    while not control_plane.is_there(path):
        assert time.monotonic() < deadline
        time.sleep(0.1)  # noqa: TID251 - a test has no stop event
    yield path
    control_plane.delete(f"{definitions}/ruleds.{GROUP}")


@pytest.mark.parametrize("name", ASKED)
def test_the_server_refuses_what_a_rule_keeps(
    control_plane: ControlPlane, path: str, name: str
) -> None:
    case: Case = ASKED[name]
    schemas = Schemas({}, {}).with_definitions([_definition()])
    head = {"apiVersion": f"{GROUP}/v1", "kind": "Ruled", "metadata": {"name": name}}
    before, after = ({**head, "spec": {name: spec}} for spec in (case.old, case.new))
    control_plane.create(path, before)
    live = control_plane.get(f"{path}/{name}")
    patch = compare(Sides(before, after, live), schemas=schemas)
    kind = "application/json-patch+json"
    answer = control_plane.request(
        "PATCH", f"{path}/{name}", body=patch.operations, content_type=kind
    )
    fields = replaced_fields(live, patch, schemas)

    is_refused = answer.status == http.HTTPStatus.UNPROCESSABLE_ENTITY
    assert bool(fields) == bool(case.field)
    assert is_refused == bool(case.field) or case.undecided, answer.body
