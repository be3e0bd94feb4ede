"""Which applications there are: those of the cluster and those of files, both at once.

One that cannot be read is an entry with its error and stops no other. Belongs here: telling that
one came, changed or went. Not here: what is done about it (look.py).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.errors import PlumbError, SettingsError
from engine.kube.resources import parse
from engine.settings import readable_applications

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.model import JSON, Application

_SUFFIXES: Final = {".yaml", ".yml", ".json"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One application. With an ``error`` only its name and where it comes from are known.

    ``status`` is what a resource said when it was first met: what an earlier daemon left there.
    """

    application: Application
    error: PlumbError | None = None
    status: JSON = None

    @property
    def key(self) -> str:
        return str(self.application)


class Book:
    """Every application by "namespace/name". Threads share it.

    ``on_change`` hears the key and "new", "spec", "requested" or "gone". A resource wins over a
    file of the same name: it is the one that people see.
    """

    def __init__(self, on_change: Callable[[str, str], None], *, namespace: str) -> None:
        self._on_change = on_change
        self._namespace = namespace
        self._lock = threading.Lock()
        self._resources: dict[str, Entry] = {}
        self._files: dict[str, Entry] = {}

    def __len__(self) -> int:
        with self._lock:
            return len(self._resources.keys() | self._files.keys())

    def get(self, key: str) -> Entry | None:
        with self._lock:
            return self._resources.get(key) or self._files.get(key)

    def entries(self) -> list[Entry]:
        with self._lock:
            return list({**self._files, **self._resources}.values())

    # --- resources ---------------------------------------------------------------------------

    def take(self, body: JSON) -> None:
        """Take up an Application resource as it is now."""
        found = parse(body)
        with self._lock:
            old = self._resources.get(found.key)
            entry = Entry(found.application, found.error, None if old else found.status or None)
            self._resources[entry.key] = entry
        change = _change(old, entry)
        if change:
            self._on_change(entry.key, change)

    def drop(self, key: str) -> None:
        """Forget a resource that was deleted."""
        with self._lock:
            known = self._resources.pop(key, None)
        if known is not None:
            self._on_change(key, "gone")

    # --- files -------------------------------------------------------------------------------

    def read(self, paths: Iterable[str]) -> list[PlumbError]:
        """Take up what these files and folders hold now; return what could not be read.

        A file that cannot be read at all keeps its applications as they were.
        """
        found: dict[str, Entry] = {}
        errors: list[PlumbError] = []
        for file in _files(paths):
            try:
                read, wrong = readable_applications(
                    file.read_bytes(), path=str(file), namespace=self._namespace
                )
            except (OSError, PlumbError) as error:
                errors.append(_unreadable(file, error))
                with self._lock:
                    found |= {k: e for k, e in self._files.items() if k not in found}
                continue
            errors += wrong
            found |= {str(application): Entry(application) for application in read}
        with self._lock:
            before, self._files = self._files, found
            hidden = set(self._resources)
        for key in before.keys() - found.keys() - hidden:
            self._on_change(key, "gone")
        for key, entry in found.items():
            change = _change(before.get(key), entry)
            if change and key not in hidden:
                self._on_change(key, change)
        return errors


def _change(old: Entry | None, new: Entry) -> str:
    """Return what a person did, "" where it was only ourselves who wrote the status."""
    if old is None:
        return "new"
    if old.application.requested_at != new.application.requested_at:
        return "requested"
    before, after = (replace(e.application, status_id="") for e in (old, new))
    return "" if before == after and str(old.error) == str(new.error) else "spec"


def _files(paths: Iterable[str]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            # A mounted ConfigMap holds its files a second time below ..data.
            inside = (p for p in path.iterdir() if not p.name.startswith("."))
            found += sorted(p for p in inside if p.suffix in _SUFFIXES and p.is_file())
        else:
            found.append(path)
    return found


def _unreadable(file: Path, error: OSError | PlumbError) -> PlumbError:
    if isinstance(error, PlumbError):
        return error
    return SettingsError(
        "PLB134", "the file cannot be read", where=str(file), why=error.strerror or ""
    )
