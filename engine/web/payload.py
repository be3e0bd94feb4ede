"""Which repository a push was to, read from what a forge sends. Pure: bytes in, value out.

Belongs here: the fields of each forge. What is read is only a hint, so whatever is missing or of
another type is passed over, and nothing of it is ever shown.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit

from engine.git.identity import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Provider: TypeAlias = Literal["github", "gitlab", "gitea", "bitbucket", "generic"]
# Returns a request's header by its name, "" when it is not there.
Header: TypeAlias = "Callable[[str], str]"
PROVIDERS: Final[tuple[Provider, ...]] = ("github", "gitlab", "gitea", "bitbucket", "generic")

_EVENT_HEADERS: Final = {
    "github": "X-GitHub-Event", "gitlab": "X-Gitlab-Event", "gitea": "X-Gitea-Event",
    "bitbucket": "X-Event-Key",
}  # fmt: skip
_PUSHES: Final = {
    "push", "create", "delete",
    "push hook", "tag push hook", "system hook",
    "repo:push", "repo:refs_changed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Push:
    """A repository by all its names, and the full ref; None for several refs, or none named."""

    repositories: frozenset[str]
    ref: str | None = None


class PayloadError(ValueError):
    """The body is not what this forge sends. Its text quotes nothing of it."""


def event_of(provider: Provider, header: Header) -> str:
    """Return the event that the headers name; "" where the forge names none."""
    name = _EVENT_HEADERS.get(provider)
    return header(name).strip().lower() if name else ""


def is_push(event: str) -> bool:
    """Whether this event may mean new commits; a test of the connection or an issue does not."""
    return not event or event in _PUSHES


def read(provider: Provider, body: bytes, *, content_type: str = "") -> Push:
    """Return the push that the body tells of; PayloadError when it names no repository."""
    document = _document(body, content_type)
    reading: Mapping[str, Callable[[Any], tuple[Iterator[Any], str | None]]] = {
        "github": _github, "gitlab": _gitlab, "gitea": _github, "bitbucket": _bitbucket,
        "generic": _generic,
    }  # fmt: skip
    addresses, ref = reading[provider](document)
    found = frozenset(
        name for address in addresses if isinstance(address, str) and (name := identity(address))
    )
    if not found:
        raise PayloadError("it names no repository")
    return Push(found, ref)


def _document(body: bytes, content_type: str) -> Any:
    is_form = content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"
    if is_form and not body.lstrip().startswith(b"{"):  # curl -d calls everything a form
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=16)
        body = fields.get("payload", [""])[0].encode()
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise PayloadError("it is not JSON") from None
    if not isinstance(document, dict):
        raise PayloadError("it is not a JSON object")
    return document


def _github(document: Any) -> tuple[Iterator[Any], str | None]:
    repository = _inner(document, "repository")
    names = ("clone_url", "ssh_url", "git_url", "html_url", "url")
    return (repository.get(name) for name in names), _full(document.get("ref"), document)


def _gitlab(document: Any) -> tuple[Iterator[Any], str | None]:
    def addresses() -> Iterator[Any]:
        for part in ("project", "repository"):
            for name in ("git_http_url", "git_ssh_url", "web_url", "homepage", "url"):
                yield _inner(document, part).get(name)

    return addresses(), _full(document.get("ref"), document)


def _bitbucket(document: Any) -> tuple[Iterator[Any], str | None]:
    """Both of them: Cloud names its changes push.changes, Data Center only changes."""
    repository = _inner(document, "repository")
    links = _inner(repository, "links")

    def addresses() -> Iterator[Any]:
        for name in ("html", "self", "clone"):
            link = links.get(name)
            for each in link if isinstance(link, list) else [link]:
                address = _mapping(each).get("href")
                yield address
                # A page of Data Center is .../projects/P/repos/R/browse, a clone .../scm/p/r.
                yield from _of_page(address)

    changes = _inner(document, "push").get("changes") or document.get("changes")
    refs = {_changed(change) for change in changes} if isinstance(changes, list) else set()
    return addresses(), refs.pop() if len(refs) == 1 else None


def _of_page(address: Any) -> Iterator[str]:
    parts = str(address).split("/")
    if "projects" in parts[:-3] and parts[-1] == "browse" and parts[-3] == "repos":
        yield "/".join([*parts[: parts.index("projects")], "scm", parts[-4], parts[-2]])
        yield f"ssh://{urlsplit(str(address)).hostname}/{parts[-4]}/{parts[-2]}"


def _changed(change: Any) -> str | None:
    side = _mapping(_mapping(change).get("new") or _mapping(change).get("old"))
    kinds = {"branch": "refs/heads/", "tag": "refs/tags/"}
    if isinstance(side.get("name"), str) and side.get("type") in kinds:
        return f"{kinds[side['type']]}{side['name']}"
    ref = _mapping(_mapping(change).get("ref")).get("id")
    return ref if isinstance(ref, str) and ref.startswith("refs/") else None


def _generic(document: Any) -> tuple[Iterator[Any], str | None]:
    def addresses() -> Iterator[Any]:
        yield document.get("url")
        given = document.get("urls")
        yield from given if isinstance(given, list) else ()

    return addresses(), _full(document.get("ref"), document)


def _full(ref: Any, document: Any) -> str | None:
    if not isinstance(ref, str) or not ref:
        return None
    if ref.startswith("refs/"):
        return ref
    # `create` and `delete` of GitHub and Gitea name the ref without its folder, and the kind apart.
    return f"refs/{'tags' if document.get('ref_type') == 'tag' else 'heads'}/{ref}"


def _inner(document: Any, name: str) -> dict[str, Any]:
    return _mapping(_mapping(document).get(name))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
