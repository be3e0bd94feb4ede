"""The small languages inside the fields: durations, refs, repository URLs, paths, names.

Belongs here: text in, value out. Each raises SettingsError without a place; the caller knows it.
No message quotes a URL, because one may hold a password.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from engine.errors import SettingsError
from engine.model import GitRef

_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|s|m|h))+", re.ASCII)
_DURATION_PART = re.compile(r"([0-9.]+)(ms|s|m|h)", re.ASCII)
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

_COMMIT = re.compile(r"[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?", re.ASCII)
_REF_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|\.lock(?:/|$)|(?:^|/)\.")

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://", re.ASCII)
# As Git reads it: host and path around the first colon, no slash before that.
_SCP = re.compile(r"(?:(?P<user>[^@:/]+)@)?(?P<host>[^@:/]+|\[[0-9A-Fa-f:.]+\]):(?P<path>[^:].*)")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")
_SCHEMES = ("https", "http", "ssh", "file")

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)


def parse_duration(text: str) -> float:
    """Return the seconds of a duration as Go writes it: "90s", "1h30m", "1.5h", "500ms"."""
    if not _DURATION.fullmatch(text):
        raise SettingsError(
            "PLB105",
            "not a duration",
            why="a duration is numbers with the units h, m, s and ms",
            hint='write for example "90s", "3m" or "1h30m"',
        )
    return sum(float(number) * _UNIT_S[unit] for number, unit in _DURATION_PART.findall(text))


def parse_ref(text: str) -> GitRef:
    """Read what a person types: a name, a commit, "semver:RANGE", "refs/heads/x" or nothing."""
    if not text:
        return GitRef()
    if text.startswith("semver:"):
        return GitRef("semver", version_range(text.removeprefix("semver:")))
    if _COMMIT.fullmatch(text):
        return GitRef("commit", text.lower())
    if text.startswith("refs/heads/"):
        return GitRef("branch", ref_name(text.removeprefix("refs/heads/")))
    if text.startswith("refs/tags/"):
        return GitRef("tag", ref_name(text.removeprefix("refs/tags/")))
    return GitRef("name", ref_name(text))


def ref_name(text: str) -> str:
    """Return a branch or tag name that Git would accept."""
    if not text or _REF_FORBIDDEN.search(text) or text[0] in "-/" or text[-1] in "/.":
        raise SettingsError("PLB106", "not a name that Git allows for a branch or tag")
    if text.startswith("refs/"):
        raise SettingsError(
            "PLB106", "only branches and tags can be followed",
            hint="write the bare name, or refs/heads/NAME or refs/tags/NAME with --ref",
        )  # fmt: skip
    return text


def commit_id(text: str) -> str:
    """Return a full commit id in lower case; an abbreviation may name another commit tomorrow."""
    if not _COMMIT.fullmatch(text):
        raise SettingsError(
            "PLB106", "not a full commit id", why="a commit id has 40 (or 64) hexadecimal digits",
            hint="git rev-parse prints the full id; quote it if it is all digits",
        )  # fmt: skip
    return text.lower()


def version_range(text: str) -> str:
    """Return a semver range that is not empty; what it means is decided where the tags are."""
    if not text.strip():
        raise SettingsError("PLB106", "the semver range is empty", hint='for example ">=1.2 <2"')
    return text.strip()


def repository_url(text: str, *, folder: str) -> str:
    """URL of a repository in one of the forms Plumb fetches, checked, without credentials.

    A path without a scheme is local and relative to ``folder``; it comes back absolute.
    """
    if not text or _UNPRINTABLE.search(text.strip(" ")) or text != text.strip(" "):
        raise _bad_url("it is empty, or has spaces or control characters")
    if _SCHEME.match(text):
        return _checked(text)
    scp = _SCP.fullmatch(text)
    if scp is not None:
        if scp["host"].startswith("-") or (scp["user"] or "").startswith("-"):
            raise _bad_url("host and user must not begin with a dash")
        return text
    if "::" in text.partition("/")[0]:
        raise _bad_url("remote helpers (transport::address) are programs, and Plumb starts none")
    return posixpath.normpath(Path(folder, text).absolute())


def remote_url(text: str) -> str:
    """URL of a repository on a server: whoever reads it must not look at its own disk."""
    url = repository_url(text, folder="/")
    if url.startswith(("/", "file:")):
        raise _bad_url("in a cluster it is on a server: https, http, ssh or git@host:path")
    return url


def folder_path(text: str) -> str:
    """Path below the root of a repository, normalised; "" is the root."""
    if text.startswith("/") or "\\" in text or any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise _bad_path("it is relative to the root of the repository, with forward slashes")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise _bad_path("it may leave the repository: .. is not allowed")
    return "/".join(parts)


def label(text: str) -> str:
    """Return a DNS label: the name of a namespace."""
    if not _LABEL.fullmatch(text):
        raise _bad_name("lower-case letters, digits and dashes, at most 63", example="shop-1")
    return text


def subdomain(text: str) -> str:
    """Return a DNS subdomain: the name of most other objects."""
    if len(text) > 253 or not all(_LABEL.fullmatch(part) for part in text.split(".")):
        raise _bad_name("lower-case letters, digits, dashes and dots, at most 253", example="shop")
    return text


def pointer(text: str) -> str:
    """Return an RFC 6901 pointer whose segments may also be ``[key=value]``."""
    if not text.startswith("/") or re.search(r"~(?![01])", text):
        raise SettingsError(
            "PLB104", "not a JSON pointer",
            why="it begins with a slash, and writes ~ as ~0 and / as ~1",
            hint="for example /spec/replicas, or /spec/template/spec/containers/[name=web]/image",
        )  # fmt: skip
    return text


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise _bad_url("host or port cannot be read") from None
    if parts.scheme not in _SCHEMES:
        raise _bad_url(f"the schemes are {', '.join(_SCHEMES)}, git@host:path and a local path")
    if parts.scheme == "file":
        return _file(parts)
    # A bare user name is how ssh says whom to be; over HTTP it is half of a password, or all of it.
    if parts.password is not None or (parts.username is not None and parts.scheme != "ssh"):
        raise SettingsError(
            "PLB108", "the URL holds credentials",
            why="it would end up in logs, in reports and in Git",
            hint="put them into a Secret named in secretRef, or use --git-username and "
            "--git-password-file",
        )  # fmt: skip
    if not parts.hostname or parts.hostname.startswith("-"):
        raise _bad_url("it names no host")
    if parts.query or parts.fragment:
        raise _bad_url("it has a query or a fragment")
    if not parts.path.strip("/"):
        raise _bad_url("it names no repository")
    return url


def _file(parts: SplitResult) -> str:
    if parts.netloc not in ("", "localhost"):
        raise _bad_url("file:// names no host", hint="write file:///absolute/path")
    if not unquote(parts.path).startswith("/"):
        raise _bad_url("the path of file:// is absolute", hint="write file:///absolute/path")
    return f"file://{parts.path}"


def _bad_url(why: str, *, hint: str = "") -> SettingsError:
    hint = hint or "for example https://git.example/config.git or git@git.example:team/config.git"
    return SettingsError("PLB107", "not the URL of a repository", why=why, hint=hint)


def _bad_path(why: str) -> SettingsError:
    return SettingsError("PLB109", "not a folder of the repository", why=why,
                         hint="for example apps/shop, or leave it out for the root")  # fmt: skip


def _bad_name(why: str, *, example: str) -> SettingsError:
    return SettingsError("PLB104", "not a name", why=why, hint=f"for example {example}")
