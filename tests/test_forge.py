"""Pull requests, with answers as GitHub, GitLab and Gitea document them (golden/forge)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from engine.errors import GitDeniedError, GitError, SettingsError
from engine.forge import Place, PullRequest, Wanted, open_request, place
from engine.git.address import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.model import JSON

WORD = "t0k3n"
_GOLDEN = Path(__file__).parent / "golden" / "forge"


def _golden(name: str) -> JSON:
    return json.loads((_GOLDEN / f"{name}.json").read_text())


class _Forge:
    """Gives recorded answers one after another and keeps what was asked."""

    def __init__(self, *answers: tuple[int, JSON]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Mapping[str, str], JSON]] = []

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: JSON
    ) -> tuple[int, JSON]:
        self.asked.append((method, url, headers, body))
        return self.answers.pop(0)


GITHUB = Place("github", "https://api.github.com", "octocat/Hello-World")
GITLAB = Place("gitlab", "https://gitlab.example.com/api/v4", "my-group/my-project")
GITEA = Place("gitea", "https://gitea.example.com/api/v1", "org/config")


class Row(NamedTuple):
    """A forge, what is wanted of it, what it says when that is there, and what is there."""

    where: Place
    wanted: Wanted
    exists: int
    found: PullRequest

    @property
    def listed(self) -> JSON:
        return _golden(f"{self.where.kind}-list")

    @property
    def made(self) -> JSON:
        branch = self.wanted.branch
        names = [
            (each.get("source_branch"), each.get("head", {}).get("ref")) for each in self.listed
        ]
        return self.listed[next(n for n, pair in enumerate(names) if branch in pair)]


_HUB = "https://github.com/octocat/Hello-World/pull/1347"
_LAB = "https://gitlab.example.com/my-group/my-project/merge_requests/7"
_TEA = "https://gitea.example.com/org/config/pulls/5"
_OPEN = PullRequest(_HUB, 1347, is_new=False)
rows = pytest.mark.parametrize(
    "row",
    [
        Row(GITHUB, Wanted("master", "new-topic", "T", "B"), 422, _OPEN),
        Row(GITLAB, Wanted("master", "test1", "T", "B"), 409, PullRequest(_LAB, 7, is_new=False)),
        Row(GITEA, Wanted("main", "plumb/apps-shop-1", "T", "B"), 409,
            PullRequest(_TEA, 5, is_new=False)),
    ],
    ids=lambda row: row.where.kind,
)  # fmt: skip


@rows
def test_an_open_one_is_success_and_nothing_is_opened(row: Row) -> None:
    forge = _Forge((200, row.listed))
    assert open_request(row.where, row.wanted, token=WORD, exchange=forge) == row.found
    assert [method for method, *_ in forge.asked] == ["GET"]


@rows
def test_one_that_somebody_opens_meanwhile_is_success(row: Row) -> None:
    there = _golden(f"{row.where.kind}-exists")
    forge = _Forge((200, []), (row.exists, there), (200, row.listed))
    assert open_request(row.where, row.wanted, token=WORD, exchange=forge) == row.found
    assert [method for method, *_ in forge.asked] == ["GET", "POST", "GET"]


@rows
def test_else_one_is_opened_from_the_branch_into_the_base(row: Row) -> None:
    forge = _Forge((200, []), (201, row.made))
    opened = open_request(row.where, row.wanted, token=WORD, exchange=forge)
    assert opened == PullRequest(row.found.url, row.found.number, is_new=True)
    method, url, headers, body = forge.asked[-1]
    assert method == "POST"
    assert url.startswith(row.where.api)
    assert WORD in headers["Authorization"]
    assert WORD not in url
    assert {row.wanted.base, row.wanted.branch, "T", "B"} <= set(map(str, body.values()))


@rows
@pytest.mark.parametrize("status", [401, 403])
def test_a_token_without_rights_is_told_without_quoting_it(row: Row, status: int) -> None:
    with pytest.raises(GitDeniedError) as refused:
        open_request(row.where, row.wanted, token=WORD, exchange=_Forge((status, None)))
    assert refused.value.code == "PLB861"
    assert WORD not in str(refused.value)


@rows
@pytest.mark.parametrize("status", [404, 500, 200])
def test_an_answer_that_is_none_is_an_error(row: Row, status: int) -> None:
    with pytest.raises(GitError) as refused:
        open_request(row.where, row.wanted, token=WORD, exchange=_Forge((status, {"a": 1})))
    assert refused.value.code == "PLB862"


def test_gitea_is_asked_page_by_page() -> None:
    page = [{"number": n, "head": {"ref": f"b{n}"}, "base": {"ref": "main"}} for n in range(50)]
    forge = _Forge((200, page), (200, _golden("gitea-list")))
    found = open_request(
        GITEA, Wanted("main", "plumb/apps-shop-1", "T", "B"), token=WORD, exchange=forge
    )
    assert found.number == 5
    assert ["page=1" in forge.asked[0][1], "page=2" in forge.asked[1][1]] == [True, True]


def test_a_forge_that_neither_opens_nor_lists_is_an_error() -> None:
    forge = _Forge((200, []), (422, {"message": "Validation Failed"}), (200, []))
    with pytest.raises(GitError) as refused:
        open_request(GITHUB, Wanted("main", "b", "T", "B"), token=WORD, exchange=forge)
    assert refused.value.code == "PLB862"


def test_links_that_are_none_are_not_shown() -> None:
    answer = {"html_url": "javascript:alert(1)", "number": "7"}
    forge = _Forge((200, []), (201, answer))
    made = open_request(GITHUB, Wanted("main", "b", "T", "B"), token=WORD, exchange=forge)
    assert made == PullRequest("", 0, is_new=True)


@pytest.mark.parametrize(
    ("url", "kind", "api", "expected"),
    [
        ("https://github.com/o/r.git", "", "", Place("github", "https://api.github.com", "o/r")),
        ("git@github.com:o/r.git", "", "", Place("github", "https://api.github.com", "o/r")),
        ("https://github.acme.example/o/r", "", "",
         Place("github", "https://github.acme.example/api/v3", "o/r")),
        ("ssh://git@gitlab.example.com:2222/g/s/r.git", "", "",
         Place("gitlab", "https://gitlab.example.com/api/v4", "g/s/r")),
        ("https://codeberg.org/o/r", "", "", Place("gitea", "https://codeberg.org/api/v1", "o/r")),
        ("http://git.example:3000/o/r.git", "gitea", "",
         Place("gitea", "http://git.example:3000/api/v1", "o/r")),
        ("https://git.example/o/r.git", "gitlab", "https://api.example/v4/",
         Place("gitlab", "https://api.example/v4", "o/r")),
    ],
)  # fmt: skip
def test_the_place_follows_from_the_address(url: str, kind: str, api: str, expected: Place) -> None:
    assert place(parse(url), kind=kind, api=api) == expected


@pytest.mark.parametrize(
    "url", ["/srv/git/config.git", "https://git.example/o/r", "https://github.com/r"]
)
def test_an_address_without_a_forge_is_refused(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        place(parse(url))
    assert refused.value.code == "PLB860"
