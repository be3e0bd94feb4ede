"""From what a server lists to the one ref that is meant."""

from __future__ import annotations

import pytest

from engine.errors import ExitCode, GitError, SettingsError
from engine.git import refs
from engine.git.refs import Target
from engine.model import GitRef

A, B, C = "a" * 40, "b" * 40, "c" * 40
LISTED = {
    "HEAD": A,
    "refs/heads/main": A,
    "refs/heads/both": A,
    "refs/heads/same": A,
    "refs/tags/both": B,
    "refs/tags/same": A,
    "refs/tags/v1.0.0": B,
    "refs/tags/v1.2.0": C,
}


@pytest.mark.parametrize(
    ("ref", "target"),
    [
        (GitRef(), Target(A, "main")),
        (GitRef("branch", "main"), Target(A, "main")),
        (GitRef("branch", "v1.0.0"), None),
        (GitRef("tag", "v1.0.0"), Target(B, "v1.0.0")),
        (GitRef("tag", "main"), None),
        (GitRef("semver", "^1"), Target(C, "v1.2.0")),
        (GitRef("semver", "^2"), None),
        (GitRef("name", "main"), Target(A, "main")),
        (GitRef("name", "v1.0.0"), Target(B, "v1.0.0")),
        (GitRef("name", "same"), Target(A, "same")),
        (GitRef("name", "refs/tags/both"), Target(B, "both")),
        (GitRef("name", C), Target(C, C)),
        (GitRef("name", "nowhere"), None),
        (GitRef("commit", C), Target(C, C)),
    ],
)
def test_a_ref_names_its_target(ref: GitRef, target: Target | None) -> None:
    assert refs.find(ref, LISTED, {"HEAD": "refs/heads/main"}, where="here") == target


def test_a_word_that_is_a_branch_and_another_tag_is_an_error_that_names_both() -> None:
    with pytest.raises(GitError, match=f"branch {A[:10]}, tag {B[:10]}") as caught:
        refs.find(GitRef("name", "both"), LISTED, {}, where="here")
    assert caught.value.code == "PLB219"


@pytest.mark.parametrize(
    ("ref", "code", "words"),
    [
        (GitRef("branch", "mian"), "PLB218", "did you mean main"),
        (GitRef("tag", "v1.0.1"), "PLB218", "did you mean v1.0.0"),
        (GitRef("name", "v1.20"), "PLB218", "did you mean v1.2.0"),
        (GitRef("semver", "^2"), "PLB220", "versions: v1.0.0, v1.2.0"),
        (GitRef(), "PLB218", "the default branch does not exist"),
    ],
)
def test_a_missing_ref_is_explained_with_what_comes_close(
    ref: GitRef, code: str, words: str
) -> None:
    error = refs.missing(ref, LISTED, where="here")
    assert error.code == code
    assert words in str(error)
    assert error.exit_code is ExitCode.GIT_UNREACHABLE


def test_a_repository_without_refs_is_called_empty() -> None:
    assert refs.missing(GitRef("branch", "main"), [], where="here").code == "PLB217"


@pytest.mark.parametrize(
    "ref",
    [GitRef("commit", "abc123"), GitRef("commit", "A" * 40), GitRef("semver", "latest"),
     GitRef("branch", ""), GitRef("name", "")],
)  # fmt: skip
def test_a_ref_that_cannot_be_meant_is_a_usage_error(ref: GitRef) -> None:
    with pytest.raises(SettingsError) as caught:
        refs.check(ref, where="here")
    assert caught.value.exit_code is ExitCode.USAGE
