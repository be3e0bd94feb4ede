"""From two revisions to a report on every application that either of them contains.

Read :func:`compare` first. An application is rendered only where its document or the objects below
its path differ; who else wants an object that appears or goes is looked up in the others by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from engine.compare.applications import (
    Blobs,
    Catalog,
    Found,
    Side,
    definitions,
    discovered,
    given,
)
from engine.compare.half import Half, read_half
from engine.compare.neighbours import neighbours
from engine.compare.settings import changed_settings
from engine.compare.step import World, comparison
from engine.errors import PlumbError, SettingsError
from engine.kinds import Kinds, Resource
from engine.model import Comparison, Report
from engine.render import normal_path
from engine.render.files import IGNORE_FILE
from engine.schema import bundled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from engine.compare.sources import Sources
    from engine.model import JSON, Application, Manifest, ObjectRef

State: TypeAlias = Literal["added", "changed", "removed"]
_CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")


@dataclass(frozen=True, slots=True)
class Request:
    """What is compared.

    ``files`` are -f, below the root of the clone; else every blob is looked at. ``names`` choose
    among the applications. ``namespace`` is for documents that name none, ``root`` the folder that
    local repository addresses are relative to. ``replace`` shows what --replace would do.
    """

    base: Side
    head: Side
    sources: Sources
    files: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    namespace: str = "default"
    root: str = ""
    replace: bool = False


@dataclass(slots=True)
class Work:
    """One application on its way to a Comparison."""

    name: str
    before: Found | None
    after: Found | None
    base: Half | None = None
    head: Half | None = None
    errors: list[PlumbError] = field(default_factory=list)


def compare(request: Request) -> Report:
    """Return what the way from base to head means; what cannot be read is an error in it."""
    blobs = Blobs()
    base, head = (_catalog(side, request, blobs) for side in (request.base, request.head))
    pairs, notes = _pairs(base, head, request)
    same, works = [], []
    for name, before, after in pairs:
        work = Work(name, before, after)
        if _is_untouched(work, request):
            same.append(work)
        else:
            works.append(work)
    for work in works:
        _read(work, request)
    world = _world(works, request, blobs)
    for work in works:
        _place(work, world)
    world = replace(world, others=_others(same, works, world, request, blobs=blobs))
    changes = [_comparison(work, works, world, request) for work in works]
    return Report(
        base=request.base.revision,
        head=request.head.revision,
        changes=tuple(change for change in changes if change is not None),
        unchanged=tuple(
            sorted([w.name for w in same] + [w.name for w, c in zip(works, changes, strict=True)
                                             if c is None])
        ),
        errors=(*(_at(error, request.base) for error in base.errors), *head.errors),
        notes=tuple(notes),
    )  # fmt: skip


def read_base(
    request: Request, names: Sequence[str]
) -> list[tuple[Application, Half | PlumbError]]:
    """Return what these applications want at the base; those that are new there are left out."""
    found = _catalog(request.base, request, Blobs()).applications
    read: list[tuple[Application, Half | PlumbError]] = []
    for application in (found[name].application for name in names if name in found):
        try:
            side = request.sources.side(application, request.base)
            read.append((application, read_half(application, side)))
        except PlumbError as error:
            read.append((application, error))
    return read


# --- which applications ----------------------------------------------------------------------


def _catalog(side: Side, request: Request, blobs: Blobs) -> Catalog:
    namespace, root = request.namespace, request.root
    if request.files:
        return given(side, request.files, blobs, namespace=namespace, root=root)
    return discovered(side, blobs, namespace=namespace, root=root)


def _pairs(
    base: Catalog, head: Catalog, request: Request
) -> tuple[list[tuple[str, Found | None, Found | None]], list[str]]:
    """Return each application with its documents on both sides, and what there is to say."""
    names = sorted({*base.applications, *head.applications})
    if not names and not (base.errors or head.errors):
        raise SettingsError(
            "PLB155", "neither revision describes an Application", where=str(request.root),
            why="no file holds a document of plumb.dev/v1alpha1"
            if not request.files else f"nothing is in {', '.join(request.files)}",
            hint="name the files with -f, as they are called in the repository",
        )  # fmt: skip
    names = _chosen(names, request.names)
    found = [(n, base.applications.get(n), head.applications.get(n)) for n in names]
    # Where a document cannot be read nobody knows whether an application is new or gone.
    sure = [
        pair for pair in found
        if not (pair[1] is None and base.errors) and not (pair[2] is None and head.errors)
    ]  # fmt: skip
    notes = [
        f"Application {name} is in one revision only, and not everything of the other can be read"
        for name, *_ in (pair for pair in found if pair not in sure)
    ]
    known = [pair for pair in sure if any(_is_known(found, request) for found in pair[1:])]
    if sure and not known:
        urls = sorted({f.application.source.url for pair in sure for f in pair[1:] if f})
        raise SettingsError(
            "PLB156", "no application has this clone as its repository",
            where=request.root, why=f"they read {', '.join(urls[:4])}",
            hint="say which address this is with --map URL=.",
        )  # fmt: skip
    return sure, notes + _left_out(sure, request)


def _is_known(found: Found | None, request: Request) -> bool:
    return found is not None and request.sources.is_known(found.application)


def _left_out(pairs: Sequence[tuple[str, Found | None, Found | None]], request: Request) -> (
    list[str]
):  # fmt: skip
    return [
        f"Application {name}: {why}, which this change does not reach"
        for name, before, after in pairs
        if before and after and before.application == after.application
        and (why := request.sources.why_not(after.application))
    ]  # fmt: skip


def _chosen(names: list[str], wanted: Sequence[str]) -> list[str]:
    short = {name.partition("/")[2] for name in names} | set(names)
    for name in wanted:
        if name not in short:
            raise SettingsError(
                "PLB133", f"there is no application {name}", where="command line",
                hint=f"there are {', '.join(names)}",
            )  # fmt: skip
    return [n for n in names if not wanted or n in wanted or n.partition("/")[2] in wanted]


def _is_untouched(work: Work, request: Request) -> bool:
    """Say whether neither the document differs nor anything that rendering reads."""
    before, after = work.before, work.after
    if before is None or after is None or before.application != after.application:
        return False
    application = after.application
    if not request.sources.follows(application):
        return True
    return _is_same(request.base, request.head, application.source.path)


def _is_same(one: Side, other: Side, path: str) -> bool:
    if one.revision.tree and one.revision.tree == other.revision.tree:
        return True
    try:
        at = normal_path(path)
    except SettingsError:
        return False  # rendering tells it
    parts = at.split("/") if at else []
    above = ["/".join((*parts[:depth], IGNORE_FILE)) for depth in range(len(parts))]
    return bool(at) and all(
        _identity(one, place) == _identity(other, place) for place in above
    ) and (found := _identity(one, at)) is not None and found == _identity(other, at)  # fmt: skip


def _identity(side: Side, path: str) -> tuple[str, str] | None:
    entry = side.tree.find(path)
    return (entry.kind, entry.id) if entry is not None and entry.id else None


# --- reading ---------------------------------------------------------------------------------


def _read(work: Work, request: Request) -> None:
    """Render both sides; a side that cannot be read leaves its error."""
    for found, side, is_base in (
        (work.before, request.base, True), (work.after, request.head, False)
    ):  # fmt: skip
        if found is None:
            continue
        try:
            half = read_half(found.application, request.sources.side(found.application, side))
        except PlumbError as error:
            work.errors.append(_at(error, request.base) if is_base else error)
            continue
        if is_base:
            work.base = half
        else:
            work.head = half


def _at(error: PlumbError, base: Side) -> PlumbError:
    """Return the error with the base in front of its place: the head needs no such word."""
    for one in (error, *error.others):
        one.where = f"{base.revision.short or 'base'}:{one.where}"
    return error


def _halves(works: Iterable[Work]) -> Iterator[Half]:
    for work in works:
        yield from (half for half in (work.base, work.head) if half is not None)


def _world(works: Sequence[Work], request: Request, blobs: Blobs) -> World:
    """Return the kinds and schemas: built in, defined in what was rendered, or elsewhere in Git."""
    own = [m.body for h in _halves(works) for m in h.rendering.manifests if _is_definition(m)]
    kinds = Kinds.bundled().with_definitions(own, pending=False)
    if _unknown(works, kinds):
        sides = (request.base, request.head)
        own = [body for side in sides for body in definitions(side, blobs)] + own
        kinds = Kinds.bundled().with_definitions(reversed(own), pending=False)
    guessed = _guesses(works, kinds)
    return World(
        kinds=kinds.with_resources(guessed.values()),
        schemas=bundled().with_definitions(own),
        guessed=frozenset(guessed),
    )


def _is_definition(manifest: Manifest) -> bool:
    return (manifest.ref.group, manifest.ref.kind) == _CRD


def _unknown(works: Sequence[Work], kinds: Kinds) -> dict[tuple[str, str], list[tuple[Half, JSON]]]:
    found: dict[tuple[str, str], list[tuple[Half, JSON]]] = {}
    for half in _halves(works):
        for manifest in half.rendering.manifests:
            key = (manifest.api_version, manifest.ref.kind)
            if kinds.resource(*key) is None:
                found.setdefault(key, []).append((half, manifest.body))
    return found


def _guesses(works: Sequence[Work], kinds: Kinds) -> Mapping[tuple[str, str], Resource]:
    """Return kinds that nothing defines; namespaced where any object or application says so."""
    found = {}
    for (version, kind), uses in _unknown(works, kinds).items():
        group, _, name = version.rpartition("/")
        namespaced = any(
            body["metadata"].get("namespace") or half.application.target_namespace
            for half, body in uses
        )
        found[version, kind] = Resource(group, name, kind, kind.lower(), namespaced)
    return found


def _place(work: Work, world: World) -> None:
    for half in (work.base, work.head):
        try:
            if half is not None:
                half.place(world.kinds)
        except PlumbError as error:
            work.errors.append(error)


# --- comparing -------------------------------------------------------------------------------


def _others(
    same: Sequence[Work], works: Sequence[Work], world: World, request: Request, *, blobs: Blobs
) -> Mapping[ObjectRef, tuple[str, Manifest]]:
    """Return which untouched application has an object that appears or goes in another one."""
    before = {ref for w in works if w.base and not w.errors for ref in w.base.manifests}
    after = {ref for w in works if w.head and not w.errors for ref in w.head.manifests}
    follow = [
        w.after.application for w in same
        if w.after is not None and request.sources.follows(w.after.application)
    ]  # fmt: skip
    return neighbours(before ^ after, follow, request.head, world.kinds, blobs=blobs)


def _comparison(
    work: Work, works: Sequence[Work], world: World, request: Request
) -> Comparison | None:
    """Return what changes for one application, None when it turns out that nothing does."""
    state: State = "changed"
    if work.before is None or work.after is None:
        state = "added" if work.before is None else "removed"
    made = Comparison(
        application=work.name,
        state=state,
        base=work.base.side.revision if work.base else None,
        head=work.head.side.revision if work.head else None,
        settings=changed_settings(work.before, work.after) if state == "changed" else (),
        errors=tuple(work.errors),
    )
    if not work.errors:
        read = [(w.name, w.base, w.head) for w in works if not w.errors]
        unread = tuple(w.name for w in works if w.errors and w is not work)
        made = comparison(made, read, unread, world, replace_too=request.replace)
    plan = made.plan
    is_empty = plan is not None and not (plan.changes or made.moved or made.settings)
    return None if is_empty and state == "changed" and not made.errors else made
