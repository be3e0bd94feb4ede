"""What is wrong with manifests, found without a cluster: every file, every object, every problem.

Belongs here: looking at everything below a path, where rendering stops at the first bad file. What
a single object may look like is in checks, which API versions live how long in versions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import ManifestError, PlumbError, SettingsError
from engine.model import GROUP, Finding
from engine.parse import documents
from engine.render import normal_path, render
from engine.render.files import find_files, lone_file
from engine.schema import bundled
from engine.settings import applications
from engine.validate.checks import Problem, look_at
from engine.validate.versions import NEWEST, Version, parse_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from engine.model import JSON, Manifest, ObjectRef, Tree
    from engine.parse import Document, Outline
    from engine.schema import Schemas

__all__ = ["NEWEST", "Report", "Version", "parse_version", "validate"]

_CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")


@dataclass(frozen=True, slots=True)
class Report:
    """Findings in the order of their places, and how much was looked at."""

    findings: tuple[Finding, ...]
    files: int
    objects: int


@dataclass(slots=True)
class _Files:
    """The files of a tree while they are looked at, with the places of their values."""

    tree: Tree
    findings: list[Finding] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    _documents: dict[str, dict[int, Document]] = field(default_factory=dict)
    _outlines: dict[tuple[str, int], Outline] = field(default_factory=dict)

    def add(self, path: str) -> None:
        """Read one file; what is wrong with it becomes findings."""
        self.read.add(path)
        try:
            found = render(self.tree, path).manifests
        except PlumbError as error:
            self.findings += _told(error, path)
            return
        self.manifests += found
        if any(manifest.ref.group == GROUP for manifest in found):
            self._applications(path)

    def _applications(self, path: str) -> None:
        try:
            applications(self.tree.read(path), path=path, namespace="default", only=False)
        except SettingsError as error:
            self.findings += _told(error, path)

    def note(self, manifest: Manifest, problem: Problem) -> None:
        """Make a finding of a problem."""
        line, column = self._place(manifest, problem.pointer)
        self.findings.append(
            Finding(
                manifest.origin.path, line, column, problem.code,
                f"{manifest.ref}: {problem.message}", problem.severity, problem.hint, manifest.ref,
            )
        )  # fmt: skip

    def _place(self, manifest: Manifest, pointer: str) -> tuple[int, int]:
        origin = manifest.origin
        key = (origin.path, origin.document)
        outline = self._outlines.get(key)
        if outline is None:
            known = self._documents.get(origin.path)
            if known is None:
                data = self.tree.read(origin.path)
                known = {d.index: d for d in documents(data, path=origin.path)}
                self._documents = {origin.path: known}  # files come one after another
            outline = self._outlines[key] = known[origin.document].outline()
        return outline.at(origin.pointer + pointer)


def validate(
    tree: Tree,
    paths: Sequence[str],
    *,
    version: Version = NEWEST,
    more_definitions: Callable[[], Iterable[JSON]] = tuple,
) -> Report:
    """Return everything that is wrong below these folders and files.

    ``version`` is the Kubernetes whose API versions count. ``more_definitions`` is asked for the
    CustomResourceDefinitions of elsewhere where a kind is not known.
    """
    files = _Files(tree)
    for file in dict.fromkeys(file for path in paths for file in _files_below(path, files)):
        files.add(file)
    _doubled(files)
    schemas = _schemas(files.manifests, more_definitions)
    for manifest in files.manifests:
        for problem in look_at(manifest, schemas, version):
            files.note(manifest, problem)
    return Report(tuple(sorted(set(files.findings), key=_order)), len(files.read),
                  len(files.manifests))  # fmt: skip


def _order(finding: Finding) -> tuple[str, int, int, str, str]:
    return (finding.path, finding.line, finding.column, finding.code, finding.message)


def _files_below(path: str, files: _Files) -> Sequence[str]:
    """Return the manifests of a folder, or the file itself; what is refused becomes findings."""
    at = normal_path(path)
    try:
        entry = files.tree.find(at)
        if entry is not None and entry.kind == "folder":
            found = find_files(files.tree, at)
            files.findings += (f for error in found.errors for f in _told(error, at))
            return found.files
        if lone_file(files.tree, at):
            return (at,)
    except ManifestError as error:
        files.findings += _told(error, at)
        return ()
    raise SettingsError(
        "PLB158", f"there is nothing to validate at {path or '/'}", where="command line",
        hint="name a folder or a file that is there",
    )  # fmt: skip


def _told(error: PlumbError, path: str) -> list[Finding]:
    """Return an error and those beside it as findings."""
    found = []
    for one in (error, *error.others):
        place = one.where.split(":")
        numbers = [int(part) for part in place[1:] if part.isdigit()]
        line, column = ([*numbers, 1, 1])[:2]
        why = f" ({one.why})" if one.why else ""
        where = place[0] or path
        found.append(Finding(where, line, column, one.code, f"{one.what}{why}", hint=one.hint))
    return found


def _doubled(files: _Files) -> None:
    """Note objects that stand in two files; those of one file were found on reading it."""
    first: dict[ObjectRef, Manifest] = {}
    for manifest in files.manifests:
        other = first.setdefault(manifest.ref, manifest)
        if other is not manifest:
            problem = Problem(
                "PLB317", "", f"it is also defined in {other.origin}", hint="remove one of the two"
            )
            files.note(manifest, problem)


def _schemas(
    manifests: Sequence[Manifest], more_definitions: Callable[[], Iterable[JSON]]
) -> Schemas:
    own = [m.body for m in manifests if (m.ref.group, m.ref.kind) == _CRD]
    schemas = bundled().with_definitions(own)
    if any(schemas.of(m.api_version, m.ref.kind) is None for m in manifests):
        schemas = bundled().with_definitions([*more_definitions(), *own])
    return schemas
