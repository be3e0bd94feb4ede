"""Plain manifests: YAML and JSON files, as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.errors import ManifestError
from engine.model import Manifest, Origin
from engine.parse import digest, documents
from engine.render.objects import Problem, directives, identify, unfold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.model import ObjectRef, Tree
    from engine.parse import Document, Limits, Outline
    from engine.render.files import Found

_MOST_ERRORS: Final = 20  # of one file; a person corrects the first ones and looks again


def read_manifests(tree: Tree, found: Found, *, limits: Limits) -> list[Manifest]:
    """Return the objects of the files in order; raises the first error with all others."""
    manifests: dict[ObjectRef, Manifest] = {}
    bad = list(found.errors)
    left_bytes = limits.total_bytes
    for path in found.files:
        data = tree.read(path)
        left_bytes -= len(data)
        if left_bytes < 0:
            raise _too_much(path, f"more than {limits.total_bytes} bytes of manifests")
        bad.extend(_File(path, data, limits).read(manifests))
        if len(manifests) > limits.objects:
            raise _too_much(path, f"more than {limits.objects} objects")
    if bad:
        bad.sort(key=lambda error: error.where.partition(":")[0])  # stable within a file
        first = bad[0]
        first.others = tuple(bad[1:])
        raise first
    return list(manifests.values())


class _File:
    """One file while it is read; ``found`` collects its objects."""

    def __init__(self, path: str, data: bytes, limits: Limits) -> None:
        self._path = path
        self._data = data
        self._limits = limits
        # Directives are rare: look for the letters before looking at every key.
        self._may_direct = b"$" in data or b"\\" in data

    def read(self, found: dict[ObjectRef, Manifest]) -> list[ManifestError]:
        """Add the objects to ``found`` and return what is wrong."""
        errors: list[ManifestError] = []
        most = len(found) + self._limits.documents
        try:
            for document in documents(self._data, path=self._path, limits=self._limits):
                for error in self._document(document, found, most=most):
                    errors.append(error)
                    if len(errors) >= _MOST_ERRORS:
                        return errors
        except ManifestError as error:
            errors.append(error)
        return errors

    def _document(
        self, document: Document, found: dict[ObjectRef, Manifest], *, most: int
    ) -> Iterator[ManifestError]:
        # Made when needed: they read the text again.
        outline: Outline | None = None
        places: Outline | None = None
        for body, pointer in unfold(document.body):
            if len(found) >= most:
                where = f"{self._path}:{document.line}:1"
                what = f"the file has more than {self._limits.documents} objects"
                raise ManifestError("PLB304", what, where=where, hint="split the file")
            identity = identify(body)
            problems = list(directives(body)) if self._may_direct else []
            if isinstance(identity, list):
                problems = identity + problems
            elif not problems:
                line = document.line
                if pointer:
                    outline = outline or document.outline(depth=2)
                    line, _ = outline.at(pointer)
                origin = Origin(self._path, line, document.index, pointer)
                manifest = Manifest(identity, body, origin, digest(body))
                first = found.setdefault(identity, manifest)
                problems = [] if first is manifest else [_twice(first)]
            if problems:
                places = places or document.outline()
                yield from (self._error(places, pointer, problem) for problem in problems)

    def _error(self, places: Outline, pointer: str, problem: Problem) -> ManifestError:
        line, column = places.at(pointer + problem.pointer)
        return ManifestError(
            problem.code, problem.what, where=f"{self._path}:{line}:{column}",
            why=problem.why, hint=problem.hint,
        )  # fmt: skip


def _too_much(path: str, what: str) -> ManifestError:
    return ManifestError(
        "PLB304", f"the application has {what}", where=path,
        hint="split it into several applications, each with a path of its own",
    )  # fmt: skip


def _twice(first: Manifest) -> Problem:
    return Problem(
        "PLB317", "", f"{first.ref} is also defined in {first.origin}", hint="remove one of the two"
    )
