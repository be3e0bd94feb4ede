"""One name for a repository, however its address is written.

A push is told with the addresses that the forge knows: HTTPS, SSH, its own web page. An Application
names one of them, or none exactly. What is compared is host and path. That two different
repositories may get one name (another port, another case) costs one question to a Git server, and
that one gets two names costs the wait for the next poll: nothing here is a decision about content.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

_SCP: Final = re.compile(r"(?:[^@/:\s]+@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^@/:\s\[\]]+):(?P<path>.+)")
_LONGEST: Final = 2048


def identity(url: str) -> str:
    """Return "host/path" of a repository on a server; "" for what is no such address.

    Scheme, user, password, port, case, ``.git`` and slashes at the end make no difference.
    """
    if len(url) > _LONGEST:
        return ""
    host, path = _split(url.strip())
    segments = [part for part in unquote(path).split("/") if part not in ("", ".")]
    if not host or not segments or ".." in segments:
        return ""
    segments[-1] = segments[-1].removesuffix(".git") or ".git"
    return "/".join([_ascii(host.rstrip(".").lower()), *segments]).casefold()


def _split(url: str) -> tuple[str, str]:
    if "://" in url:
        try:
            parts = urlsplit(url)
        except ValueError:
            return "", ""
        return parts.hostname or "", parts.path
    match = _SCP.fullmatch(url)
    return (match["host"].strip("[]"), match["path"]) if match else ("", "")


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host
