"""A promotion as a change of a branch: which files, what in them, and what the commit says."""

from __future__ import annotations

import contextlib
import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.errors import GitError, ManifestError, PlumbError, RefusedError
from engine.git.commits import Entry, NewObject, find
from engine.promote import order
from engine.promote.edit import edit, may_hold
from engine.promote.image import ImageWish
from engine.promote.landing import Proposal
from engine.promote.message import Words, compose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.git import Branches, GitTree
    from engine.git.commits import Commit
    from engine.git.deadline import Deadline
    from engine.promote.edit import Edit, Edited, Wish

PAST: Final = 500  # commits looked through for newer promotions
_ENDINGS: Final = (".yaml", ".yml", ".json")
_NAMES_SHOWN: Final = 8


class PromotionError(PlumbError):
    """The promotion has no place to go."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """What to promote and where. ``words`` go into the commit."""

    wishes: tuple[Wish, ...]
    paths: tuple[str, ...]
    words: Words
    allow_downgrade: bool = False

    def propose(self, branches: Branches, tip: Commit, deadline: Deadline) -> Proposal | None:
        """Return the edits on this commit, None when all of it is there already."""
        tree = branches.folders(tip)
        listed = {path: name for start in self.paths for path, name in files(tree, start)}
        branches.need(listed.values(), deadline)
        changed: dict[str, Entry | None] = {}
        blobs: list[NewObject] = []
        told: list[Edit] = []
        found: set[Wish] = set()
        for path, name in sorted(listed.items()):
            data = branches.file(name)
            made = self._edited(data, path)
            if made is None:
                continue
            found |= set(made.found)
            if made.edits:
                blob = NewObject("blob", made.data)
                entry = find(branches.tree, tip.tree, path)
                changed[path] = Entry(entry.mode if entry else 0, blob.id)
                blobs.append(blob)
                told += made.edits
        self._check_found(found, listed, branches)
        if not told:
            return None
        self._check_order(branches, deadline)
        message = compose(self.words, self.wishes, self.paths, told)
        return Proposal(changed, tuple(blobs), message, tuple(told))

    def _edited(self, data: bytes, path: str) -> Edited | None:
        wishes = [wish for wish in self.wishes if may_hold(data, wish, path=path)]
        if not wishes:
            return None
        try:
            return edit(data, wishes, path=path)
        except ManifestError:
            is_named = any(
                w.name.encode() in data if isinstance(w, ImageWish) else w.file for w in wishes
            )
            if is_named:
                raise
            # It cannot be read and does not name the image: a template of something else.
            return None

    def _check_found(self, found: set[Wish], listed: Mapping[str, str], branches: Branches) -> None:
        for wish in self.wishes:
            if wish in found:
                continue
            why, hint = "", "correct the path; promotion changes values and adds none"
            if isinstance(wish, ImageWish):
                names = sorted(_images(listed, branches))
                more = ", ..." if len(names) > _NAMES_SHOWN else ""
                shown = ", ".join(names[:_NAMES_SHOWN]) + more
                why = f"the images there are {shown}" if names else "it names no image at all"
                close = difflib.get_close_matches(wish.name, names, n=1)
                hint = "correct NAME or --path, or mark the line with # plumb-set: NAME"
                hint = f"did you mean {close[0]}?" if close else hint
            what = wish.name if isinstance(wish, ImageWish) else wish.path
            where = ", ".join(path or "/" for path in self.paths)
            raise PromotionError(
                "PLB820", f"{what} has no place in {where}", where=branches.url, why=why, hint=hint
            )

    def _check_order(self, branches: Branches, deadline: Deadline) -> None:
        if self.allow_downgrade:
            return
        images = [wish for wish in self.wishes if isinstance(wish, ImageWish)]
        if not images:
            return
        past = branches.past(self.words.base, PAST, deadline)
        for wish in images:
            newer = order.newer(
                past, wish, paths=[path or "/" for path in self.paths],
                source_time=self.words.source_time,
            )  # fmt: skip
            if newer is not None:
                raise RefusedError(
                    "PLB840", f"a newer promotion of {wish.name} is there", where=(
                        f"{branches.url}@{newer.commit.short}"
                    ),
                    why=newer.why, hint="give --allow-downgrade if going back is what you want",
                )  # fmt: skip


def _images(listed: Mapping[str, str], branches: Branches) -> set[str]:
    """Return every image that the files name, as far as they can be read."""
    names: set[str] = set()
    for path, name in listed.items():
        with contextlib.suppress(PlumbError):
            names |= set(edit(branches.file(name), [], path=path).images)
    return names


def files(tree: GitTree, start: str) -> Iterator[tuple[str, str]]:
    """Yield the files below a path that may hold a place; a path may also name one file."""
    try:
        tree.entries(start)
    except GitError as error:
        if error.code != "PLB224" or not start:
            raise
        parent, _, name = start.rpartition("/")
        for entry in tree.entries(parent):
            if entry.name == name and entry.kind == "file":
                yield start, entry.id
                return
        raise
    yield from _walk(tree, start)


def _walk(tree: GitTree, folder: str) -> Iterator[tuple[str, str]]:
    entries = tree.entries(folder)
    is_chart = any(entry.name == "Chart.yaml" for entry in entries)
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.kind == "folder":
            # Templates of a chart are no YAML, and what they name comes from its values.
            if not (is_chart and entry.name in {"templates", "charts"}):
                yield from _walk(tree, path)
        elif entry.kind == "file" and (
            entry.name.endswith(_ENDINGS) or entry.name == "Kustomization"
        ):
            yield path, entry.id
