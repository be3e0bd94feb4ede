"""Application resources as values: where they are, and what is left of one that is no use."""

from __future__ import annotations

from typing import Any

import pytest

from engine.kube import resources
from engine.model import Application, Source

BODY: Any = {
    "apiVersion": "plumb.dev/v1alpha1", "kind": "Application",
    "metadata": {"name": "shop", "namespace": "team", "uid": "u-1", "generation": 3,
                 "finalizers": ["plumb.dev/delete"],
                 "annotations": {"plumb.dev/reconcile-requested-at": "now"}},
    "spec": {"source": {"url": "https://git.example/c.git"}, "suspend": True},
    "status": {"id": "ab"},
}  # fmt: skip
API = "/apis/plumb.dev/v1alpha1"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (resources.path(), f"{API}/applications"),
        (resources.path("team"), f"{API}/namespaces/team/applications"),
        (resources.path("team", "shop"), f"{API}/namespaces/team/applications/shop"),
        (resources.path("team", "shop", subresource="status"),
         f"{API}/namespaces/team/applications/shop/status"),
    ],
)  # fmt: skip
def test_every_path(path: str, expected: str) -> None:
    assert path == expected


def test_a_resource_is_its_application_and_its_status() -> None:
    found = resources.parse(BODY)

    assert found.key == "team/shop"
    assert found.error is None
    assert found.application.suspend
    assert found.status == {"id": "ab"}


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [("spec", {"source": {"url": "/etc/config.git"}}, "shop"),
     ("metadata", {**BODY["metadata"], "name": "a" * 64}, "a" * 64)],
)  # fmt: skip
def test_of_one_that_is_no_use_identity_and_metadata_are_left(
    field: str, value: Any, name: str
) -> None:
    found = resources.parse({**BODY, field: value})

    assert found.error is not None
    assert found.error.where.startswith(f"Application team/{name}: /{field}/")
    assert found.application == Application(
        name, "team", Source(""), origin="resource", uid="u-1", status_id="ab", generation=3,
        requested_at="now", finalizers=("plumb.dev/delete",),
    )  # fmt: skip


@pytest.mark.parametrize("body", [{}, {"metadata": {"name": "Shop", "namespace": "team"}},
                                  {**BODY, "kind": "Secret"}])  # fmt: skip
def test_what_is_no_application_is_an_error_and_never_raised(body: Any) -> None:
    found = resources.parse(body)

    assert found.error is not None
    assert found.application.origin == "resource"
    assert found.status == body.get("status", {})
