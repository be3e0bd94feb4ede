"""The order in which a file's applications are synced."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.sync import in_dependency_order
from engine.errors import SettingsError
from tests.situations import SHOP


def app(name: str, *needs: str) -> object:
    return replace(SHOP, name=name, depends_on=needs)


def order(*applications: object) -> list[str]:
    return [a.name for a in in_dependency_order(applications)]  # type: ignore[arg-type]


def test_a_dependency_comes_first_whatever_the_order_of_the_file() -> None:
    assert order(app("web", "api"), app("api", "db"), app("db")) == ["db", "api", "web"]


def test_without_dependencies_the_order_of_the_file_stays() -> None:
    assert order(app("c"), app("a"), app("b")) == ["c", "a", "b"]


def test_a_dependency_that_is_not_in_the_file_is_not_waited_for() -> None:
    assert order(app("web", "elsewhere")) == ["web"]


def test_a_circle_is_refused_and_named() -> None:
    with pytest.raises(SettingsError) as caught:
        order(app("a", "b"), app("b", "a"))

    assert "a" in caught.value.why
    assert "b" in caught.value.why


def test_applications_of_two_namespaces_may_have_one_name() -> None:
    here, there = app("web", "db"), replace(SHOP, namespace="other", name="db")

    assert order(here, there) == ["web", "db"]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=15))
def test_every_application_comes_exactly_once_and_after_its_dependencies(
    edges: list[tuple[int, int]],
) -> None:
    needs = {n: sorted({str(b) for a, b in edges if a == n and b < a}) for n in range(10)}
    found = order(*(app(str(n), *needs[n]) for n in range(10)))

    assert sorted(found) == [str(n) for n in range(10)]
    assert all(found.index(b) < found.index(str(a)) for a in needs for b in needs[a])
