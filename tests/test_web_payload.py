"""What forges send, and the repository that is meant; anything else is passed over."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.git.identity import identity
from engine.web.payload import PROVIDERS, PayloadError, Provider, Push, event_of, is_push, read

SHOP = "git.example/team/shop"


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/team/shop.git",
        "https://git.example/team/shop",
        "http://git.example:3000/team/shop/",
        "https://GIT.example./Team/Shop.git",
        "https://user:word@git.example/team/shop.git",
        "https://git.example//team/./shop.git",
        "https://git.example/team%2Fshop.git",
        "ssh://git@git.example:2222/team/shop.git",
        "git@git.example:team/shop.git",
        "git@git.example:/team/shop",
        "git.example:team/shop.git",
        " https://git.example/team/shop.git\n",
    ],
)
def test_one_repository_has_one_name(url: str) -> None:
    assert identity(url) == SHOP


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://git.example/team/shop2", "git.example/team/shop2"),
        ("https://other.example/team/shop", "other.example/team/shop"),
        ("https://git.example/shop", "git.example/shop"),
        ("https://[fe80::1]:8443/a", "fe80::1/a"),
        ("git@[fe80::1]:a", "fe80::1/a"),
        ("https://münchen.example/a", "xn--mnchen-3ya.example/a"),
        ("https://xn--mnchen-3ya.example/a", "xn--mnchen-3ya.example/a"),
        ("https://git.example/.git", "git.example/.git"),
    ],
)
def test_other_repositories_have_other_names(url: str, name: str) -> None:
    assert identity(url) == name


@pytest.mark.parametrize(
    "url",
    ["", "shop", "/srv/shop.git", "./shop", "https://git.example", "https://git.example/",
     "https:///shop", "https://[/shop", "https://git.example/../shop", "https://g/" + "a" * 3000],
)  # fmt: skip
def test_what_is_on_no_server_has_no_name(url: str) -> None:
    assert identity(url) == ""


@given(st.text(max_size=60))
def test_any_text_has_a_name_or_none(text: str) -> None:
    name = identity(text)
    assert name == "" or "/" in name


_GITHUB = {
    "ref": "refs/heads/main", "after": "c" * 40,
    "repository": {
        "full_name": "team/shop", "clone_url": "https://git.example/team/shop.git",
        "ssh_url": "git@git.example:team/shop.git", "html_url": "https://git.example/team/shop",
        "git_url": "git://git.example/team/shop.git",
    },
}  # fmt: skip
_GITLAB = {
    "object_kind": "push", "ref": "refs/heads/main",
    "project": {"git_http_url": "https://git.example/team/shop.git",
                "git_ssh_url": "git@git.example:team/shop.git"},
    "repository": {"url": "ssh://git@git.example/team/shop.git", "homepage": "x"},
}  # fmt: skip
_CLOUD = {
    "push": {"changes": [{"new": {"type": "branch", "name": "main"}, "old": None}]},
    "repository": {"links": {"html": {"href": "https://git.example/team/shop"}}},
}
_DATA_CENTER = {
    "changes": [{"ref": {"id": "refs/heads/main", "displayId": "main", "type": "BRANCH"}}],
    "repository": {
        "slug": "shop",
        "links": {"self": [{"href": "https://git.example/projects/TEAM/repos/shop/browse"}]},
    },
}


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        pytest.param("github", _GITHUB, id="github"),
        pytest.param("gitlab", _GITLAB, id="gitlab"),
        pytest.param("gitea", _GITHUB, id="gitea"),
        pytest.param("bitbucket", _CLOUD, id="bitbucket cloud"),
        pytest.param("generic", {"url": "ssh://git.example/team/shop", "ref": "main"}, id="url"),
        pytest.param(
            "generic",
            {"urls": ["git@git.example:team/shop", 7], "ref": "refs/heads/main"},
            id="urls",
        ),
    ],
)
def test_a_push_names_repository_and_ref(provider: Provider, body: Any) -> None:
    push = read(provider, json.dumps(body).encode())
    assert push == Push(frozenset({SHOP}), "refs/heads/main")


def test_data_center_is_followed_by_https_and_by_ssh() -> None:
    push = read("bitbucket", json.dumps(_DATA_CENTER).encode())
    assert identity("https://git.example/scm/team/shop.git") in push.repositories
    assert identity("ssh://git@git.example:7999/team/shop.git") in push.repositories
    assert push.ref == "refs/heads/main"


def test_a_form_is_read_as_github_sends_it() -> None:
    form = urlencode({"payload": json.dumps(_GITHUB)}).encode()
    push = read("github", form, content_type="application/x-www-form-urlencoded; charset=utf-8")
    assert push.repositories == {SHOP}


@pytest.mark.parametrize(
    ("body", "ref"),
    [
        (_GITHUB | {"ref": "v1", "ref_type": "tag"}, "refs/tags/v1"),
        (_GITHUB | {"ref": "refs/tags/v1"}, "refs/tags/v1"),
        (_GITHUB | {"ref": None}, None),
        (_GITHUB | {"ref": 7}, None),
        (_GITHUB | {"ref": ""}, None),
    ],
)
def test_the_ref_is_a_full_one_or_none(body: Any, ref: str | None) -> None:
    assert read("github", json.dumps(body).encode()).ref == ref


@pytest.mark.parametrize(
    ("changes", "ref"),
    [
        ([{"new": {"type": "tag", "name": "v1"}}], "refs/tags/v1"),
        ([{"new": None, "old": {"type": "branch", "name": "gone"}}], "refs/heads/gone"),
        (
            [{"new": {"type": "branch", "name": "a"}}, {"new": {"type": "branch", "name": "b"}}],
            None,
        ),
        ([{"new": {"type": "bookmark", "name": "a"}}], None),
        (["x", None], None),
        ([], None),
        ({}, None),
    ],
)
def test_several_refs_of_bitbucket_are_none_in_particular(changes: Any, ref: str | None) -> None:
    body = _CLOUD | {"push": {"changes": changes}}
    assert read("bitbucket", json.dumps(body).encode()).ref == ref


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"x"', b"{}", b"\xff\xfe", b"[" * 100_000,
     b'{"repository": [], "project": 1, "push": "x", "url": {}, "urls": 3}',
     b'{"repository": {"links": {"html": [1, {"href": 2}], "clone": 4}, "clone_url": null}}'],
)  # fmt: skip
def test_what_is_no_push_is_refused_without_being_quoted(provider: Provider, body: bytes) -> None:
    with pytest.raises(PayloadError) as caught:
        read(provider, body)
    assert str(caught.value) in {
        "it is not JSON", "it is not a JSON object", "it names no repository",
    }  # fmt: skip


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["repository", "project", "links", "html", "href", "clone", "push",
                         "changes", "new", "type", "name", "ref", "id", "url", "urls", "clone_url"])
        | st.text(),
        inner,
    ),
)  # fmt: skip


@given(st.sampled_from(PROVIDERS), _ANYTHING)
def test_any_json_is_a_push_or_is_refused(provider: Provider, document: Any) -> None:
    try:
        push = read(provider, json.dumps(document).encode())
    except PayloadError:
        return
    assert push.repositories
    assert all("/" in name for name in push.repositories)


@pytest.mark.parametrize(
    ("provider", "header", "event", "is_one"),
    [
        ("github", "X-GitHub-Event", "push", True),
        ("github", "X-GitHub-Event", "ping", False),
        ("github", "X-GitHub-Event", "issues", False),
        ("gitlab", "X-Gitlab-Event", "Push Hook", True),
        ("gitlab", "X-Gitlab-Event", "Tag Push Hook", True),
        ("gitlab", "X-Gitlab-Event", "Issue Hook", False),
        ("gitea", "X-Gitea-Event", "push", True),
        ("bitbucket", "X-Event-Key", "repo:push", True),
        ("bitbucket", "X-Event-Key", "repo:refs_changed", True),
        ("bitbucket", "X-Event-Key", "diagnostics:ping", False),
        ("generic", "X-GitHub-Event", "issues", True),
    ],
)
def test_only_pushes_are_of_interest(
    provider: Provider, header: str, event: str, *, is_one: bool
) -> None:
    found = event_of(provider, lambda name: {header: event}.get(name, ""))
    assert is_push(found) is is_one
