"""References of container images, taken apart: pure text, no registry is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.errors import SettingsError

_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?"
_REFERENCE = re.compile(
    rf"(?P<repository>(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*)"
    rf"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?(?:@(?P<digest>{_DIGEST}))?"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """``repository[:tag][@digest]``; empty where a part is not written."""

    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return self.repository + tag + (f"@{self.digest}" if self.digest else "")


@dataclass(frozen=True, slots=True)
class ImageWish:
    """Wherever the image ``name`` is used, ``reference`` shall be."""

    name: str
    reference: Reference

    def __str__(self) -> str:
        return f"{self.name}={self.reference}"


def parse_reference(text: str) -> Reference | None:
    """Take a reference apart; None when it is none."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return None
    return Reference(match["repository"], match["tag"] or "", match["digest"] or "")


def is_same(one: str, other: str) -> bool:
    """Whether two repositories are one: nginx is docker.io/library/nginx."""
    return _whole(one) == _whole(other)


def _whole(repository: str) -> str:
    first, slash, rest = repository.partition("/")
    if not slash:
        return f"docker.io/library/{repository}"
    if first in {"docker.io", "index.docker.io"}:
        return f"docker.io/{rest}" if "/" in rest else f"docker.io/library/{rest}"
    has_host = "." in first or ":" in first or first == "localhost"
    return repository if has_host else f"docker.io/{repository}"


def parse_wish(text: str) -> ImageWish:
    """Read NAME=REF, or REF alone when the name stays; SettingsError for anything else."""
    name, equals, ref = text.partition("=")
    reference = parse_reference(ref if equals else text)
    known = parse_reference(name) if equals else reference
    if reference is None or known is None or (equals and (known.tag or known.digest)):
        raise SettingsError(
            "PLB801", f"{text!r} is not NAME=REF", where="--image",
            why="NAME is an image without tag, REF one with tag or digest",
            hint="write for example --image registry.example/web=registry.example/web:1.4.2",
        )  # fmt: skip
    if not reference.tag and not reference.digest:
        raise SettingsError(
            "PLB801", f"{text!r} names no version", where="--image",
            why="a reference without tag and digest means latest, whatever that is at the time",
            hint=f"write for example {reference.repository}:1.4.2 or ...@sha256:...",
        )  # fmt: skip
    return ImageWish(known.repository, reference)
