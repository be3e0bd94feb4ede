"""Which files of a commit are manifests.

Belongs here: walking folders, .plumbignore, and what is refused by its name or its kind. Nothing
is followed: symbolic links and submodules are errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from engine.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathspec import GitIgnoreSpec

    from engine.model import Tree, TreeEntry

SUFFIXES: Final = (".yaml", ".yml", ".json")
IGNORE_FILE: Final = ".plumbignore"

_REFUSED: Final = {
    "kustomization.yaml": "Kustomize",
    "kustomization.yml": "Kustomize",
    "Kustomization": "Kustomize",
    "Chart.yaml": "Helm",
}
_HINTS: Final = {
    "Kustomize": "commit what `kustomize build` prints and point the path there",
    "Helm": "commit what `helm template` prints and point the path there",
}
# pathspec turns a pattern into a regular expression; each star multiplies its time on a bad name.
_MOST_STARS: Final = 8


class _Ignore(NamedTuple):
    """One .plumbignore: its folder ("" or with a trailing slash) and its rules."""

    base: str
    rules: GitIgnoreSpec


class Found(NamedTuple):
    """Paths of manifests in their order, and every reason to refuse what is beside them."""

    files: tuple[str, ...]
    errors: tuple[ManifestError, ...] = ()


def find_files(tree: Tree, root: str) -> Found:
    """Look for manifests in a folder and below, sorted by path."""
    files: list[str] = []
    errors: list[ManifestError] = []
    folders: list[tuple[str, tuple[_Ignore, ...]]] = [(root, _ignores_above(tree, root))]
    while folders:
        folder, ignores = folders.pop()
        entries = tree.entries(folder)
        base = f"{folder}/" if folder else ""
        try:
            ignores += _ignores_in(tree, base, entries)
            kept = [e for e in entries if not _is_left_out(base, e, ignores)]
            for entry in kept:
                if entry.kind == "file":
                    _refuse_format(folder, entry.name)
        except ManifestError as error:
            errors.append(error)
            continue
        for entry in kept:
            path = base + entry.name
            if entry.kind == "folder":
                folders.append((path, ignores))
            elif entry.kind != "file":
                errors.append(_refuse_link(path, entry.kind))
            elif entry.name.endswith(SUFFIXES):
                files.append(path)
    return Found(tuple(sorted(files)), tuple(errors))


def lone_file(tree: Tree, path: str) -> bool:
    """Tell whether the path is a file; ManifestError if it is one that cannot be rendered."""
    folder = ""
    *above, last = path.split("/")
    for name in above:
        at = f"{folder}/{name}" if folder else name
        if _kind(tree, at) != "folder":
            return False
        folder = at
    if _kind(tree, path) != "file":
        return False
    _refuse_format(folder, last)
    if not last.endswith(SUFFIXES):
        raise ManifestError(
            "PLB343", "the path is a file that is no manifest", where=path,
            why=f"manifests end in {', '.join(SUFFIXES)}", hint="name a folder or a manifest",
        )  # fmt: skip
    return True


def _kind(tree: Tree, path: str) -> str:
    """Return what is at a path, "" for nothing; ManifestError for what is not followed."""
    entry = tree.find(path)
    if entry is not None and entry.kind in {"symlink", "submodule"}:
        raise _refuse_link(path, entry.kind)
    return entry.kind if entry else ""


def _is_left_out(base: str, entry: TreeEntry, ignores: Sequence[_Ignore]) -> bool:
    if entry.name.startswith("."):
        return True
    path = base + entry.name + ("/" if entry.kind == "folder" else "")
    # The innermost .plumbignore that says anything decides, as with .gitignore.
    for ignore in reversed(ignores):
        verdict = ignore.rules.check_file(path.removeprefix(ignore.base)).include
        if verdict is not None:
            return verdict
    return False


def _refuse_format(folder: str, name: str) -> None:
    tool = _REFUSED.get(name)
    if tool:
        raise ManifestError(
            "PLB340", f"the folder {folder or '/'} is made for {tool}",
            where=f"{folder}/{name}" if folder else name,
            why="Plumb renders plain manifests only",
            hint=f"{_HINTS[tool]}, or name the file in {IGNORE_FILE}",
        )  # fmt: skip


def _refuse_link(path: str, kind: str) -> ManifestError:
    what = "a symbolic link" if kind == "symlink" else "a submodule"
    return ManifestError(
        "PLB341", f"{what} is no manifest and is not followed", where=path,
        hint=f"commit the content itself, or name it in {IGNORE_FILE}",
    )  # fmt: skip


# --- .plumbignore


def _ignores_above(tree: Tree, root: str) -> tuple[_Ignore, ...]:
    """Rules from the folders above the root, outermost first."""
    parts = root.split("/") if root else []
    ignores: tuple[_Ignore, ...] = ()
    for depth in range(len(parts)):
        base = "".join(f"{part}/" for part in parts[:depth])
        entry = tree.find(base + IGNORE_FILE)
        if entry is not None and entry.kind == "file":
            data = tree.read(base + IGNORE_FILE)
            ignores += (_Ignore(base, _rules(data, base + IGNORE_FILE)),)
    return ignores


def _ignores_in(tree: Tree, base: str, entries: Sequence[TreeEntry]) -> tuple[_Ignore, ...]:
    entry = next((e for e in entries if e.name == IGNORE_FILE), None)
    if entry is None:
        return ()
    path = base + IGNORE_FILE
    if entry.kind != "file":
        raise _bad_ignore(path, f"it is a {entry.kind}", "make it a plain file")
    return (_Ignore(base, _rules(tree.read(path), path)),)


def _rules(data: bytes, path: str) -> GitIgnoreSpec:
    # Few folders have such a file, and its library takes longer to load than a folder to read.
    from pathspec import GitIgnoreSpec  # noqa: PLC0415

    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise _bad_ignore(path, "it is not UTF-8", "save it as UTF-8") from None
    for number, line in enumerate(lines, 1):
        if line.count("*") > _MOST_STARS:
            why = f"a pattern with more than {_MOST_STARS} stars takes too long to match"
            raise _bad_ignore(f"{path}:{number}:1", why, "write a simpler pattern")
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            raise _bad_ignore(
                f"{path}:{number}:1", "this is no pattern of gitignore", "see `man gitignore`"
            ) from None
    return GitIgnoreSpec.from_lines(lines)


def _bad_ignore(where: str, why: str, hint: str) -> ManifestError:
    return ManifestError("PLB342", f"{IGNORE_FILE} cannot be read", where=where, why=why, hint=hint)
