"""From what a server lists and what was asked for to one ref. Pure: names in, names out."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import GitError, SettingsError
from engine.git import semver

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.model import GitRef

HEADS = "refs/heads/"
TAGS = "refs/tags/"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Target:
    """The object that a ref names: a commit, or an annotated tag. ``name`` is the short name."""

    id: str
    name: str


def is_commit_id(text: str) -> bool:
    """Whether this is a full commit id."""
    return _COMMIT.fullmatch(text) is not None


def check(ref: GitRef, *, where: str) -> None:
    """Raise SettingsError when a ref cannot be meant, before anything is asked of a server."""
    if ref.kind == "commit" and not is_commit_id(ref.name):
        raise SettingsError(
            "PLB220", f"{ref.name!r} is no full commit id", where=where,
            why="only 40 lower-case hex digits name one commit for ever",
            hint="write the commit id out, as `git rev-parse` prints it",
        )  # fmt: skip
    if ref.kind == "semver":
        try:
            semver.parse(ref.name)
        except semver.RangeError as error:
            raise SettingsError(
                "PLB220", f"{ref.name!r} is no version range", where=where,
                why=f"{error} is not understood", hint="write for example ^1.2, ~1.4 or >=1.0 <2",
            ) from None  # fmt: skip
    if ref.kind in {"branch", "tag", "name"} and not ref.name:
        raise SettingsError("PLB220", f"the {ref.kind} has no name", where=where)


def prefixes(ref: GitRef) -> list[str]:
    """List what to ask the server for; its answer may hold more."""
    match ref.kind:
        case "head":
            return ["HEAD"]
        case "branch":
            return [HEADS + ref.name]
        case "tag":
            return [TAGS + ref.name]
        case "semver":
            return [TAGS]
        case "commit":
            # Nothing is looked up, but protocol 2 lists everything when no prefix is given.
            return ["HEAD"]
        case "name":
            return _candidates(ref.name)


def find(
    ref: GitRef, refs: Mapping[str, str], symrefs: Mapping[str, str], *, where: str
) -> Target | None:
    """Pick the ref that is meant; None when it is not there, GitError when two are meant."""
    match ref.kind:
        case "head":
            found = _named(refs, "HEAD")
            return found and Target(found.id, short(symrefs.get("HEAD", "HEAD")))
        case "branch":
            found = _named(refs, HEADS + ref.name)
        case "tag":
            found = _named(refs, TAGS + ref.name)
        case "semver":
            found = _named(refs, TAGS + (semver.newest(ref.name, tags(refs)) or ""))
        case "commit":
            found = Target(ref.name, ref.name)
        case "name":
            found = _by_word(ref.name, refs, where=where)
    return found


def missing(ref: GitRef, refs: Iterable[str], *, where: str) -> GitError:
    """Build the error for a ref that is not there, with the names that come close."""
    branches = sorted(name.removeprefix(HEADS) for name in refs if name.startswith(HEADS))
    known_tags = sorted(tags(refs))
    if not branches and not known_tags:
        return GitError(
            "PLB217", "the repository is empty", where=where, why="it has no branch and no tag",
            hint="push a first commit",
        )  # fmt: skip
    match ref.kind:
        case "head":
            return GitError(
                "PLB218", "the default branch does not exist", where=where,
                why=_list("branches", branches), hint="name a branch",
            )  # fmt: skip
        case "semver":
            versions = [tag for tag in known_tags if semver.version(tag)]
            return GitError(
                "PLB220", f"no tag is in the range {ref.name}", where=where,
                why=_list("versions", versions[-_SHOWN:]) if versions else "no tag is a version",
                hint="push a tag such as v1.0.0, or widen the range",
            )  # fmt: skip
        case "tag":
            names, what = known_tags, f"tag {ref.name} does not exist"
        case "branch":
            names, what = branches, f"branch {ref.name} does not exist"
        case _:
            names = branches + known_tags
            what = f"{ref.name} is neither a branch nor a tag"
    return GitError("PLB218", what, where=where, why=_list("there", names), hint=_hint(ref, names))


def nowhere(commit: str, *, where: str) -> GitError:
    """Build the error for a commit id that the repository does not hold."""
    return GitError(
        "PLB221", f"commit {commit} is not in the repository", where=where,
        why="no branch and no tag leads to it",
        hint="push a branch or tag that holds it, or correct the id",
    )  # fmt: skip


def short(name: str) -> str:
    """Return "main" for "refs/heads/main"."""
    return name.removeprefix(HEADS).removeprefix(TAGS)


def tags(refs: Iterable[str]) -> list[str]:
    """List the names of the tags."""
    return [name.removeprefix(TAGS) for name in refs if name.startswith(TAGS)]


def _candidates(word: str) -> list[str]:
    return [word] if word.startswith("refs/") or word == "HEAD" else [HEADS + word, TAGS + word]


def _named(refs: Mapping[str, str], name: str) -> Target | None:
    return Target(refs[name], short(name)) if name in refs else None


def _by_word(word: str, refs: Mapping[str, str], *, where: str) -> Target | None:
    found = [target for name in _candidates(word) if (target := _named(refs, name))]
    if len(found) == 2 and found[0].id != found[1].id:
        raise GitError(
            "PLB219", f"{word} is a branch and a tag", where=where,
            why=f"branch {found[0].id[:10]}, tag {found[1].id[:10]}",
            hint="say which: ref.branch or ref.tag in the Application,"
            f" {HEADS}{word} or {TAGS}{word} on the command line",
        )  # fmt: skip
    if found:
        return found[0]
    return Target(word, word) if is_commit_id(word) else None


def _list(title: str, names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN]) or "none"
    return f"{title}: {shown}{', ...' if len(names) > _SHOWN else ''}"


def _hint(ref: GitRef, names: list[str]) -> str:
    close = difflib.get_close_matches(ref.name, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else "push it, or name one that is there"
