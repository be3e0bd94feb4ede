"""Where each application's manifests come from: this clone, another one, or a pinned revision."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from engine.compare.applications import Side
from engine.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.model import Application, GitRef, Revision, Tree

_PORTS = {"ssh": 22, "https": 443, "http": 80}


class Repository(Protocol):
    """A clone, as far as it is needed here."""

    def resolve(self, ref: GitRef) -> Revision:
        """Return what a ref names in this clone."""
        ...

    def tree(self, revision: Revision) -> Tree:
        """Return the files of a revision."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Which addresses are which clones.

    ``here`` are the spellings (:func:`spelled`) of the clone that is compared, ``others`` those of
    --map. ``branch`` is the one the base belongs to, where that is known: an application that
    follows another one is not reached by the change.
    """

    clone: Repository
    here: frozenset[str]
    others: Mapping[str, Repository] = field(default_factory=dict)
    branch: str = ""

    def is_here(self, application: Application) -> bool:
        """Say whether the application's repository is the one that is compared."""
        return spelled(application.source.url) in self.here

    def follows(self, application: Application) -> bool:
        """Say whether the change reaches the application once it is on its branch."""
        ref = application.source.ref
        if not self.is_here(application) or ref.kind not in {"head", "branch", "name"}:
            return False
        return not (self.branch and ref.name) or ref.name == self.branch

    def is_known(self, application: Application) -> bool:
        """Say whether the application's repository is at hand."""
        return self.is_here(application) or spelled(application.source.url) in self.others

    def side(self, application: Application, side: Side) -> Side:
        """Return what the application reads when the repository is at this side.

        Raises GitError for a revision that is not in its clone, SettingsError for a repository
        that is not at hand.
        """
        if self.follows(application):
            return side
        source = application.source
        clone = self.clone if self.is_here(application) else self.others.get(spelled(source.url))
        if clone is None:
            raise SettingsError(
                "PLB154", f"the repository of Application {application} is not here",
                where=source.url, why="it is no remote of this clone, and the document changed",
                hint=f"clone it and give --map {source.url}=PATH",
            )  # fmt: skip
        revision = clone.resolve(source.ref)
        return Side(clone.tree(revision), revision)

    def why_not(self, application: Application) -> str:
        """Say why a change does not reach an application, for a note; "" when it does."""
        source = application.source
        if self.follows(application):
            return ""
        if not self.is_here(application):
            return f"it reads {source.url}"
        return f"it follows {source.ref}"


def spelled(url: str) -> str:
    """Return one spelling for all that name the same repository.

    As in "github.com/org/config" for https://github.com/org/config.git and
    git@github.com:org/config. A local path stays as it is.
    """
    text = url.rstrip("/")
    if "://" in text:
        split = urlsplit(text)
        if split.scheme == "file":
            return split.path.removesuffix(".git").rstrip("/")
        port = split.port if split.port != _PORTS.get(split.scheme.removeprefix("git+")) else None
        host = f"{split.hostname or ''}:{port}" if port else split.hostname or ""
        path = split.path
    elif ":" in text and "/" not in text.partition(":")[0]:
        host, _, path = text.partition(":")
        host = host.rpartition("@")[2].lower()
    else:
        return text.removesuffix("/.git")
    return f"{host}/{path.strip('/').removesuffix('.git')}".casefold()
