"""Reading and merging kubeconfig files, as kubectl does.

Belongs here: which files, their shape, and what wins. Not here: what the entries mean (config.py).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine import parse
from engine.errors import ManifestError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.model import JSON

# Relative to the file they stand in, not to the working directory.
CLUSTER_PATHS: Final = ("certificate-authority",)
USER_PATHS: Final = ("client-certificate", "client-key", "tokenFile")


@dataclass(frozen=True, slots=True)
class Found:
    """Several kubeconfigs as one: of two entries or settings of one name, the first file's wins.

    ``missing`` are files that were looked for; only when ``files`` is empty is that a problem.
    """

    files: tuple[str, ...]
    missing: tuple[str, ...]
    current: str
    clusters: dict[str, JSON]
    users: dict[str, JSON]
    contexts: dict[str, JSON]

    @property
    def where(self) -> str:
        return ", ".join(self.files)


def read(explicit: str | None) -> Found:
    """Read the file named, else those of KUBECONFIG, else ~/.kube/config.

    A file of KUBECONFIG may be missing, the one named may not. Raises SettingsError.
    """
    if explicit:
        path = Path(explicit).expanduser()
        if not path.is_file():
            raise SettingsError(
                "PLB450", "there is no such kubeconfig", where=explicit, hint="check --kubeconfig"
            )
        return merge([(path, _parse(path))])
    listed = os.environ.get("KUBECONFIG", "")
    paths = [Path(p).expanduser() for p in listed.split(os.pathsep) if p]
    paths = list(dict.fromkeys(paths)) or [Path.home() / ".kube" / "config"]
    there = [path for path in paths if path.is_file()]
    missing = tuple(str(path) for path in paths if path not in there)
    return merge([(path, _parse(path)) for path in there], missing=missing)


def merge(documents: Iterable[tuple[Path, JSON]], *, missing: tuple[str, ...] = ()) -> Found:
    """Put kubeconfigs together; relative paths become relative to their own file's folder."""
    found = Found((), missing, "", {}, {}, {})
    read_files: list[str] = []
    current = ""
    for path, document in documents:
        read_files.append(str(path))
        if document is None:  # an empty file, as kubectl's own tests have
            continue
        _expect(isinstance(document, dict), path, "/", "a mapping")
        current = current or str(document.get("current-context") or "")
        for section, noun, entries in (
            ("clusters", "cluster", found.clusters),
            ("users", "user", found.users),
            ("contexts", "context", found.contexts),
        ):
            for name, entry in _entries(path, document, section, noun).items():
                entries.setdefault(name, _absolute(path, noun, entry))
    return Found(tuple(read_files), missing, current, found.clusters, found.users, found.contexts)


def _entries(path: Path, document: JSON, section: str, noun: str) -> dict[str, JSON]:
    listed = document.get(section) or []
    _expect(isinstance(listed, list), path, f"/{section}", "a list")
    entries: dict[str, JSON] = {}
    for index, item in enumerate(listed):
        pointer = f"/{section}/{index}"
        _expect(isinstance(item, dict), path, pointer, "a mapping")
        name = item.get("name")
        _expect(isinstance(name, str) and bool(name), path, f"{pointer}/name", "a name")
        _expect(name not in entries, path, f"{pointer}/name", f"a {noun} name used once")
        entry = item.get(noun) or {}
        _expect(isinstance(entry, dict), path, f"{pointer}/{noun}", "a mapping")
        if noun == "user":
            _check_user(path, f"{pointer}/user", entry)
        entries[name] = entry
    return entries


def _check_user(path: Path, pointer: str, user: JSON) -> None:
    for key in ("exec", "auth-provider", "as-user-extra"):
        _expect(isinstance(user.get(key) or {}, dict), path, f"{pointer}/{key}", "a mapping")
    _expect(isinstance(user.get("as-groups") or [], list), path, f"{pointer}/as-groups", "a list")
    plugin = user.get("exec") or {}
    for key in ("args", "env"):
        value = plugin.get(key) or []
        _expect(isinstance(value, list), path, f"{pointer}/exec/{key}", "a list")
    for item in plugin.get("env") or []:
        named = isinstance(item, dict) and isinstance(item.get("name"), str)
        _expect(named, path, f"{pointer}/exec/env", "a list of name and value")


def _absolute(path: Path, noun: str, entry: JSON) -> JSON:
    """Resolve the paths of one entry against its file."""
    keys = {"cluster": CLUSTER_PATHS, "user": USER_PATHS}.get(noun, ())
    folder = path.parent.absolute()
    resolved = dict(entry)
    for key in keys:
        if resolved.get(key):
            resolved[key] = str(folder / str(resolved[key]))
    command = str((resolved.get("exec") or {}).get("command") or "")
    # A bare word is looked up on PATH; anything with a separator is a path.
    if os.sep in command:
        resolved["exec"] = {**resolved["exec"], "command": str(folder / command)}
    return resolved


def _parse(path: Path) -> JSON:
    try:
        data = path.read_bytes()
        document = next(iter(parse.documents(data, path=str(path))), None)
    except OSError as error:
        raise SettingsError(
            "PLB451", "the kubeconfig cannot be read", where=str(path),
            why=error.strerror or "", hint="check its permissions",
        ) from None  # fmt: skip
    except ManifestError as error:
        raise SettingsError(
            "PLB451", error.what, where=error.where, why=error.why,
            hint=error.hint or "correct the kubeconfig",
        ) from None  # fmt: skip
    return document.body if document is not None else None


def _expect(condition: bool, path: Path, pointer: str, what: str) -> None:  # noqa: FBT001 - reads as an assertion
    if condition:
        return
    pointer = pointer.rstrip("/")
    line, column = parse.locate(path.read_bytes(), document=0, pointer=pointer)
    raise SettingsError(
        "PLB451", f"{pointer or 'the document'} has to be {what}", where=f"{path}:{line}:{column}",
        hint="correct the kubeconfig",
    )  # fmt: skip
