"""How long API versions of the built-in kinds live, by releases of Kubernetes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from engine.errors import SettingsError
from engine.tables.lifecycles import LIFECYCLES
from engine.tables.pointers import SERVER

if TYPE_CHECKING:
    from engine.model import Manifest

Version: TypeAlias = tuple[int, int]
_VERSION = re.compile(r"v?(\d{1,3})\.(\d{1,3})(?:\.\d+)?(?:[-+].*)?")


class Lifecycle(NamedTuple):
    """What becomes of an API version: whether it is gone already, since when, what to use."""

    state: Literal["deprecated", "removed"]
    since: str
    removed: str
    replacement: str


def parse_version(text: str) -> Version:
    """Return the release that "1.31" or "v1.31.4" names; SettingsError for anything else."""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise SettingsError(
            "PLB159", f"{text!r} is no version of Kubernetes", where="--kubernetes-version",
            hint="write for example 1.31",
        )  # fmt: skip
    return int(match[1]), int(match[2])


NEWEST = parse_version(SERVER)


def lifecycle(manifest: Manifest, version: Version) -> Lifecycle | None:
    """Return what there is to say about the API version of a manifest; None when it is fine."""
    found = LIFECYCLES.get((manifest.api_version, manifest.ref.kind))
    if found is None:
        return None
    deprecated, removed, replacement = found
    if removed and version >= parse_version(removed):
        return Lifecycle("removed", removed, removed, replacement)
    if deprecated and version >= parse_version(deprecated):
        return Lifecycle("deprecated", deprecated, removed, replacement)
    return None
