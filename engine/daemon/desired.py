"""What Git wants for each application, rendered only where a commit touched it.

Belongs here: keeping renderings, and who else wants something at the same head. Not here: when Git
is asked (sources.py), how a folder becomes manifests (engine.render).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, overload

from engine.daemon import history
from engine.errors import PlumbError
from engine.kube.gcguard import collector_off
from engine.parse.digest import digest
from engine.render import Rendered, render_again
from engine.run import Desired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.daemon.sources import Sources
    from engine.model import JSON, Application, Revision, Source


@dataclass(frozen=True, slots=True)
class Rendition:
    """A rendering with the commit that last changed it; kept from one pass to the next.

    ``head`` is the last commit that reads the same. ``rendered`` is None where nothing can be kept,
    as for a path that is missing.
    """

    source: Source
    revision: Revision
    head: Revision
    rendered: Rendered | None

    @property
    def inputs(self) -> str:
        """A digest of all that was read, and from where; "" where nothing is kept.

        While it is the same, so is the last commit that changed any of it: also for a daemon that
        has just started, to which the head is all there is.
        """
        if self.rendered is None:
            return ""
        source, read = self.source, sorted(self.rendered.inputs.items())
        return digest([source.url, str(source.ref), source.path, read])[:32]


def desired(
    application: Application, head: Revision, kept: Rendition | None, sources: Sources,
    *, status: JSON = None,
) -> tuple[Desired, Rendition, bool]:  # fmt: skip
    """Return what Git wants at ``head``, what to keep, and whether anything had to be rendered.

    Where no input changed, revision and rendering are those from before; where nothing was kept,
    ``status`` may know the revision. Raises ManifestError, SettingsError or GitError, and then what
    was kept still holds.
    """
    source = application.source
    old = kept if kept is not None and kept.source == source else None
    tree = sources.tree(application, head)
    with collector_off():
        rendering, rendered = render_again(tree, source.path, old.rendered if old else None)
    if old is not None and rendered is not None and rendered is old.rendered:
        wanted = Desired(application, old.revision, tree, rendering)
        return wanted, replace(old, head=head), False
    rendition = Rendition(source, head, head, rendered)
    if kept is None and status and rendition.inputs and rendition.inputs == status.get("inputs"):
        earlier = history.revision_of(status, ref=head.ref)
        rendition = replace(rendition, revision=earlier or head)
    return Desired(application, rendition.revision, tree, rendering), rendition, True


class Others(Sequence[Desired]):
    """The other applications of the same source and ref, rendered at the head when asked for.

    Asked for only where something is given up: an object that moves from one to another is handed
    over; ``names``, too, is asked only then. ``unread`` names those whose wishes cannot be had.
    """

    def __init__(self, names: Callable[[], Iterable[str]], look: Callable[[str], Desired]) -> None:
        self._names = names
        self._look = look
        self._found: list[Desired] | None = None
        self._unread: list[str] = []

    @property
    def unread(self) -> Sequence[str]:
        """Names of those that could not be read; evaluated when it is looked at."""
        return _Lazy(self)

    def _all(self) -> list[Desired]:
        if self._found is None:
            self._found = []
            for name in self._names():
                try:
                    self._found.append(self._look(name))
                except PlumbError:
                    self._unread.append(name)
        return self._found

    def _missing(self) -> list[str]:
        self._all()
        return self._unread

    @overload
    def __getitem__(self, index: int) -> Desired: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Desired]: ...
    def __getitem__(self, index: int | slice) -> Desired | Sequence[Desired]:
        return self._all()[index]

    def __len__(self) -> int:
        return len(self._all())


class _Lazy(Sequence[str]):
    """The names that :class:`Others` could not read, found out when somebody asks."""

    def __init__(self, others: Others) -> None:
        self._others = others

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._others._missing()[index]  # noqa: SLF001 - its other face

    def __len__(self) -> int:
        return len(self._others._missing())  # noqa: SLF001 - as above
