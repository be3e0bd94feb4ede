"""Which forge a repository is on, and where its interface is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from engine.errors import SettingsError

if TYPE_CHECKING:
    from engine.git.address import Address

Kind: TypeAlias = Literal["github", "gitlab", "gitea"]

KINDS: Final = ("github", "gitlab", "gitea")
_WORDS: Final[dict[str, Kind]] = {
    "github": "github", "gitlab": "gitlab",
    "gitea": "gitea", "forgejo": "gitea", "codeberg": "gitea",
}  # fmt: skip
_BELOW: Final = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}


@dataclass(frozen=True, slots=True)
class Place:
    """A repository on a forge: the base of its interface, and its owner and name."""

    kind: Kind
    api: str
    repository: str

    @property
    def owner(self) -> str:
        return self.repository.partition("/")[0]


def place(address: Address, *, kind: str = "", api: str = "") -> Place:
    """Return where to ask for pull requests; SettingsError when that cannot be told.

    ``kind`` and ``api`` are what a person said; else the host's name tells.
    """
    if address.kind == "local":
        raise SettingsError(
            "PLB860", "a repository on this machine has no pull requests", where=address.text,
            hint="leave --pull-request out, or give the repository's address on its forge",
        )  # fmt: skip
    known = kind or next((value for word, value in _WORDS.items() if word in address.host), "")
    if not known:
        raise SettingsError(
            "PLB860", f"which forge {address.host} is cannot be told from its name",
            where=address.text, hint=f"give --forge with {', '.join(KINDS)}",
        )  # fmt: skip
    repository = address.path.strip("/").removesuffix(".git")
    if "/" not in repository:
        raise SettingsError(
            "PLB860", "the address names no owner and repository", where=address.text,
            hint="it should end in OWNER/NAME.git",
        )  # fmt: skip
    chosen = cast("Kind", known)
    return Place(chosen, (api or _api(address, chosen)).rstrip("/"), repository)


def _api(address: Address, kind: Kind) -> str:
    if address.host in {"github.com", "ssh.github.com", "www.github.com"}:
        return "https://api.github.com"
    is_http = address.kind == "http"
    scheme = "http" if is_http and not address.is_encrypted else "https"
    host = f"[{address.host}]" if ":" in address.host else address.host
    # The port of SSH is not the one of the pages.
    port = f":{address.port}" if is_http and address.port else ""
    return f"{scheme}://{host}{port}{_BELOW[kind]}"
