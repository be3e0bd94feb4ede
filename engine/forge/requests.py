"""One pull request for one branch: the open one, else a new one.

An open one for the same branch is success, also when it was opened by somebody else between our
look and our try.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from engine.errors import GitDeniedError, GitError

if TYPE_CHECKING:
    from engine.forge.address import Place
    from engine.model import JSON

_PAGES: Final = 20  # of open pull requests looked through, where a forge cannot be asked for one
_PER_PAGE: Final = 50

# method, URL, headers, body -> status, JSON
Exchange = "Callable[[str, str, Mapping[str, str], JSON], tuple[int, JSON]]"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the pull request shall be: ``branch`` into ``base``."""

    base: str
    branch: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    """One that is open. ``is_new``: we opened it."""

    url: str
    number: int
    is_new: bool


class _Forge:
    """Speaks to one forge about one repository."""

    def __init__(self, place: Place, token: str, exchange: Any) -> None:
        self.place = place
        self._token = token
        self._exchange = exchange

    def find(self, wanted: Wanted) -> PullRequest | None:
        """Return the open one for this branch and base."""
        raise NotImplementedError

    def create(self, wanted: Wanted) -> PullRequest | None:
        """Open one; None when the forge says that there is one already."""
        raise NotImplementedError

    def ask(self, method: str, path: str, body: JSON = None) -> tuple[int, JSON]:
        url = f"{self.place.api}{path}"
        status, answer = self._exchange(method, url, self.headers(), body)
        if status in {401, 403}:
            raise GitDeniedError(
                "PLB861", "the forge refuses this token", where=url, why=f"HTTP status {status}",
                hint="give one that may open pull requests, in PLUMB_FORGE_TOKEN",
            )  # fmt: skip
        return status, answer

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def trouble(self, path: str, status: int) -> GitError:
        hint = "check --forge, --forge-url and the address of the repository"
        if status == 404:
            hint += "; a token without rights sees nothing there, too"
        return GitError(
            "PLB862", "the forge does not do what it was asked for",
            where=f"{self.place.api}{path}", why=f"HTTP status {status}", hint=hint,
        )  # fmt: skip


class GitHub(_Forge):
    """GitHub and GitHub Enterprise Server."""

    def find(self, wanted: Wanted) -> PullRequest | None:
        query = urlencode({
            "state": "open", "head": f"{self.place.owner}:{wanted.branch}", "base": wanted.base,
        })  # fmt: skip
        path = f"{self._path()}?{query}"
        status, answer = self.ask("GET", path)
        if status != 200 or not isinstance(answer, list):
            raise self.trouble(path, status)
        # Asked for an owner that it does not know, GitHub lists all.
        found = [each for each in answer if _at(each, "head", "ref") == wanted.branch]
        return _request(found[0], "html_url", "number") if found else None

    def create(self, wanted: Wanted) -> PullRequest | None:
        body = {"title": wanted.title, "head": wanted.branch, "base": wanted.base,
                "body": wanted.body}  # fmt: skip
        status, answer = self.ask("POST", self._path(), body)
        if status == 422:
            return None
        if status != 201:
            raise self.trouble(self._path(), status)
        return _request(answer, "html_url", "number", is_new=True)

    def headers(self) -> dict[str, str]:
        return {
            **super().headers(),
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }

    def _path(self) -> str:
        return f"/repos/{quote(self.place.repository)}/pulls"


class GitLab(_Forge):
    """GitLab, where they are called merge requests."""

    def find(self, wanted: Wanted) -> PullRequest | None:
        query = urlencode({
            "state": "opened", "source_branch": wanted.branch, "target_branch": wanted.base,
        })  # fmt: skip
        path = f"{self._path()}?{query}"
        status, answer = self.ask("GET", path)
        if status != 200 or not isinstance(answer, list):
            raise self.trouble(path, status)
        return _request(answer[0], "web_url", "iid") if answer else None

    def create(self, wanted: Wanted) -> PullRequest | None:
        body = {"title": wanted.title, "source_branch": wanted.branch,
                "target_branch": wanted.base, "description": wanted.body,
                "remove_source_branch": True}  # fmt: skip
        status, answer = self.ask("POST", self._path(), body)
        if status == 409:
            return None
        if status != 201:
            raise self.trouble(self._path(), status)
        return _request(answer, "web_url", "iid", is_new=True)

    def _path(self) -> str:
        return f"/projects/{quote(self.place.repository, safe='')}/merge_requests"


class Gitea(_Forge):
    """Gitea and Forgejo."""

    def find(self, wanted: Wanted) -> PullRequest | None:
        for page in range(1, _PAGES + 1):
            path = f"{self._path()}?state=open&page={page}&limit={_PER_PAGE}"
            status, answer = self.ask("GET", path)
            if status != 200 or not isinstance(answer, list):
                raise self.trouble(path, status)
            for each in answer:
                ends = (_at(each, "head", "ref"), _at(each, "base", "ref"))
                if ends == (wanted.branch, wanted.base):
                    return _request(each, "html_url", "number")
            if not answer:
                break
        return None

    def create(self, wanted: Wanted) -> PullRequest | None:
        body = {"title": wanted.title, "head": wanted.branch, "base": wanted.base,
                "body": wanted.body}  # fmt: skip
        status, answer = self.ask("POST", self._path(), body)
        if status == 409:
            return None
        if status != 201:
            raise self.trouble(self._path(), status)
        return _request(answer, "html_url", "number", is_new=True)

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"token {self._token}"}

    def _path(self) -> str:
        return f"/repos/{quote(self.place.repository)}/pulls"


_FORGES: Final = {"github": GitHub, "gitlab": GitLab, "gitea": Gitea}


def open_request(place: Place, wanted: Wanted, *, token: str, exchange: Any) -> PullRequest:
    """Return the open pull request of a branch, opening one when there is none.

    ``exchange(method, url, headers, body)`` gives status and JSON of an answer.
    """
    forge = _FORGES[place.kind](place, token, exchange)
    found = forge.find(wanted) or forge.create(wanted) or forge.find(wanted)
    if found is None:
        raise GitError(
            "PLB862", "the forge takes no pull request for this branch", where=place.api,
            why=f"it opens none from {wanted.branch} into {wanted.base} and lists none",
            hint="open it by hand; the branch is pushed",
        )  # fmt: skip
    return found


def _at(body: JSON, *keys: str) -> JSON:
    for key in keys:
        body = body.get(key) if isinstance(body, dict) else None
    return body


def _request(body: JSON, url: str, number: str, *, is_new: bool = False) -> PullRequest:
    found, count = _at(body, url), _at(body, number)
    text = found if isinstance(found, str) and found.startswith(("https://", "http://")) else ""
    return PullRequest(
        "".join(char for char in text if char.isprintable()),
        count if isinstance(count, int) else 0,
        is_new,
    )
