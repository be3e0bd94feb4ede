"""Version ranges over tags: a table of npm's and Masterminds' own examples, and two laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.git import semver
from engine.git.semver import RangeError, Version


def is_in(versions: str, tag: str) -> bool:
    found = semver.version(tag)
    assert found is not None
    return semver.admits(semver.parse(versions), found)


@pytest.mark.parametrize(
    ("versions", "inside", "outside"),
    [
        ("1.2.3", ["1.2.3", "v1.2.3", "1.2.3+build.5"], ["1.2.4", "1.2.3-rc.1"]),
        ("=1.2", ["1.2.0", "1.2.9"], ["1.3.0", "1.1.9"]),
        ("!=1.4.1", ["1.4.0", "1.4.2"], ["1.4.1"]),
        (">1.2", ["1.3.0", "2.0.0"], ["1.2.0", "1.2.9"]),
        (">1.2.3", ["1.2.4"], ["1.2.3"]),
        (">=1.2", ["1.2.0", "9.0.0"], ["1.1.9"]),
        ("=>1.2", ["1.2.0"], ["1.1.9"]),
        ("<2", ["1.9.9"], ["2.0.0", "2.0.0-rc.1"]),
        ("<=1.2", ["1.2.9"], ["1.3.0", "1.3.0-rc.1"]),
        ("<=1.2.3", ["1.2.3"], ["1.2.4"]),
        ("^1.2.3", ["1.2.3", "1.9.0"], ["1.2.2", "2.0.0", "2.0.0-rc.1"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "0.2.2"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4", "0.0.2"]),
        ("^0.0", ["0.0.0", "0.0.9"], ["0.1.0"]),
        ("^0", ["0.0.0", "0.9.0"], ["1.0.0"]),
        ("^1.x", ["1.0.0", "1.9.0"], ["2.0.0"]),
        ("~1.2.3", ["1.2.3", "1.2.9"], ["1.3.0"]),
        ("~>1.2", ["1.2.0", "1.2.9"], ["1.3.0"]),
        ("~1", ["1.0.0", "1.9.0"], ["2.0.0"]),
        ("1.x", ["1.0.0", "1.9.9"], ["2.0.0", "0.9.0"]),
        ("1.2.*", ["1.2.0"], ["1.3.0"]),
        ("*", ["0.0.0", "9.9.9"], ["1.0.0-rc.1"]),
        ("", ["0.0.1"], ["1.0.0-rc.1"]),
        (">*", [], ["0.0.0", "1.0.0"]),
        (">=1.0 <2", ["1.0.0", "1.9.9"], ["2.0.0", "0.9.9"]),
        (">=1.0, <2", ["1.5.0"], ["2.0.0"]),
        (">= 1.0 < 2", ["1.5.0"], ["2.0.0"]),
        ("1.2 - 1.4", ["1.2.0", "1.4.9"], ["1.5.0", "1.1.9"]),
        ("^1 || ^3", ["1.5.0", "3.0.0"], ["2.0.0", "4.0.0"]),
        ("v1.2.x", ["v1.2.7"], ["v1.3.0"]),
        (">=1.2.3-rc.1", ["1.2.3-rc.1", "1.2.3-rc.2", "1.2.3"], ["1.2.3-beta", "1.3.0-rc.1"]),
        ("^1.2.3-rc.2", ["1.2.3-rc.10", "1.9.0"], ["1.2.3-rc.1", "1.3.0-rc.1", "2.0.0"]),
    ],
)
def test_a_range_holds_what_npm_says_it_holds(
    versions: str, inside: list[str], outside: list[str]
) -> None:
    assert [tag for tag in inside if not is_in(versions, tag)] == []
    assert [tag for tag in outside if is_in(versions, tag)] == []


def test_versions_are_ordered_as_semver_org_lists_them() -> None:
    listed = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
              "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.10.0"]  # fmt: skip
    versions = [semver.version(tag) for tag in listed]
    assert sorted(v for v in versions if v) == versions


@pytest.mark.parametrize("tag", ["latest", "", "1.2.3.4", "1.2-", "v", "release-1.2.3", "9" * 5000])
def test_a_tag_that_is_no_version_is_none(tag: str) -> None:
    assert semver.version(tag) is None


@pytest.mark.parametrize(
    "text", ["latest", "^", ">=1 latest", "1.2.3.4", "!=1.2", "^" + "9" * 5000]
)
def test_a_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(RangeError):
        semver.parse(text)


def test_the_newest_fitting_tag_is_taken() -> None:
    tags = ["v1.2.0", "v1.10.0", "v1.9.0", "v2.0.0-rc.1", "latest"]
    assert semver.newest("^1", tags) == "v1.10.0"
    assert semver.newest("^3", tags) is None
    assert semver.newest("1.2.0", ["1.2.0", "v1.2.0"]) == "v1.2.0"


numbers = st.integers(0, 20)
versions = st.builds(Version, numbers, numbers, numbers)


@given(versions, versions)
def test_a_caret_never_crosses_the_first_number_that_is_not_zero(
    low: Version, other: Version
) -> None:
    caret = semver.parse(f"^{low.major}.{low.minor}.{low.patch}")
    if semver.admits(caret, other):
        assert other >= low
        assert next(
            (a == b for a, b in zip(low.numbers, other.numbers, strict=True) if a), other == low
        )


@given(st.text(alphabet="0123456789.^~<>=!xX*v-| ,rc", max_size=20))
def test_any_text_is_a_range_or_refused(text: str) -> None:
    try:
        parsed = semver.parse(text)
    except RangeError:
        return
    semver.admits(parsed, Version(1, 2, 3))
