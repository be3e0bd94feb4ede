"""Repository addresses as people write them, taken apart. Passwords leave them here only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from engine.errors import SettingsError
from engine.model import Credentials

if TYPE_CHECKING:
    from urllib.parse import SplitResult

# git@host:path, as scp writes it. A "/" before the ":" makes it a local path, as in Git.
_SCP = re.compile(
    r"(?:(?P<user>[^@/:\s]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^@/:\s\[\]]+):(?P<path>.+)"
)
_DEFAULT_USER = "git"
_SCHEMES = {"http", "https", "ssh", "git+ssh", "ssh+git", "file"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a repository is. ``text`` is how to show it: as it was written, without credentials."""

    kind: Literal["local", "http", "ssh"]
    text: str
    path: str
    host: str = ""
    port: int | None = None
    user: str = ""

    @property
    def is_encrypted(self) -> bool:
        return self.text.startswith("https://")


def split_credentials(url: str) -> tuple[str, Credentials | None]:
    """Take user and password out of an address: the clean address, and what was in it.

    The user name of an SSH address stays: it says which account, and is no secret.
    """
    _refuse_strange(url)
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    if scheme not in _SCHEMES - {"file"}:
        return url, None
    split = _split(url)
    userinfo, at, host = split.netloc.rpartition("@")
    if not at:
        return url, None
    user, colon, password = userinfo.partition(":")
    is_ssh = scheme not in {"http", "https"}
    netloc = f"{user}@{host}" if is_ssh and user else host
    clean = split._replace(netloc=netloc).geturl()
    if is_ssh:
        return clean, Credentials(password=unquote(password)) if colon else None
    return clean, Credentials(username=unquote(user), password=unquote(password))


def parse(url: str) -> Address:
    """Take an address without credentials apart; SettingsError when Plumb cannot use it."""
    _refuse_strange(url)
    if "://" not in url:
        return _without_scheme(url)
    split = _split(url)
    scheme = split.scheme.lower()
    if scheme == "file":
        return _file(url, split)
    if scheme not in _SCHEMES:
        raise _unusable(url, f"{scheme}:// is not supported", "use https://, ssh:// or a path")
    if split.query or split.fragment:
        raise _unusable(url, "it holds a query or a fragment", "leave out what follows ? or #")
    host = split.hostname
    if not host or host.startswith("-"):
        raise _unusable(url, "it names no host", "write https://host/path or ssh://git@host/path")
    try:
        port = split.port
    except ValueError:
        raise _unusable(url, "its port is no number up to 65535", "correct the port") from None
    if scheme in {"http", "https"}:
        return Address("http", url, split.path, host, port)
    user = unquote(split.username or _DEFAULT_USER)
    return Address("ssh", url, unquote(split.path) or "/", host, port, user)


def _without_scheme(url: str) -> Address:
    # "ext::sh -c ..." is a remote helper of Git, that is: a program.
    if "::" in url and not url.startswith(("/", ".", "[")) and "[" not in url:
        raise _unusable(url, "remote helpers are not supported", "use https://, ssh:// or a path")
    match = _SCP.fullmatch(url)
    if match is None:
        return Address("local", url, url)
    # Typing errors of an address with a password in it: not to be shown, so not to be guessed at.
    if match["host"].lower() in _SCHEMES or (not match["user"] and "@" in match["path"]):
        raise _unusable("", "it is neither scheme://... nor user@host:path", "check its slashes")
    host = match["host"].strip("[]")
    if host.startswith("-"):
        raise _unusable(url, "it names no host", "write git@host:path")
    return Address("ssh", url, match["path"], host, None, match["user"] or _DEFAULT_USER)


def _file(url: str, split: SplitResult) -> Address:
    if split.netloc not in {"", "localhost"}:
        raise _unusable(url, "a file:// address names a host", "write file:///path")
    return Address("local", url, unquote(split.path))


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        # Not the parser's own words: they quote the host, and a password with a "[" ends up in it.
        raise _unusable("", "it cannot be taken apart", "check it for stray brackets") from None


def _refuse_strange(url: str) -> None:
    if not url.strip():
        raise _unusable("", "it is empty", "name a repository, as in https://host/path.git")
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in url):
        raise _unusable("", "it holds a control character", "check for a stray line break")


def _unusable(url: str, why: str, hint: str) -> SettingsError:
    what = f"the repository address {url} cannot be used" if url else (
        "the repository address cannot be used"
    )  # fmt: skip
    return SettingsError("PLB201", what, why=why, hint=hint)
