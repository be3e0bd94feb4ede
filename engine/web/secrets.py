"""The secrets that hooks are proven with: files of a folder, as a mounted Secret makes them.

Belongs here: which file is for whom, and reading it again when it changed.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from engine.web.payload import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from engine.web.payload import Provider

_LOOKED_AT_EVERY_S: Final = 1.0
_LARGEST_BYTES: Final = 4096


class Secrets:
    """``github`` and ``github.ANYTHING`` in the folder are GitHub's, and so on: all are valid.

    So a secret is changed without a gap: add the new one, tell the forge, take out the old one.
    Without a folder there are none. A file that cannot be read, is empty or larger than 4 KiB is
    none. Threads share it.
    """

    def __init__(self, folder: Path | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_at = -_LOOKED_AT_EVERY_S
        self._seen: tuple[tuple[str, int, int, int], ...] = ()
        self._secrets: Mapping[Provider, tuple[bytes, ...]] = {}

    def of(self, provider: Provider) -> tuple[bytes, ...]:
        """Return what is valid for this forge now, give or take a second."""
        with self._lock:
            now = self._clock()
            if self._folder is not None and now - self._looked_at >= _LOOKED_AT_EVERY_S:
                self._looked_at = now
                self._look(self._folder)
            return self._secrets.get(provider, ())

    def _look(self, folder: Path) -> None:
        files = _files(folder)
        seen = []
        for file in files:
            try:
                # Through the symbolic link: the kubelet replaces all files of a Secret by one.
                known = file.stat()
            except OSError:
                continue
            seen.append((file.name, known.st_ino, known.st_mtime_ns, known.st_size))
        if tuple(seen) == self._seen:
            return
        self._seen = tuple(seen)
        found: dict[Provider, tuple[bytes, ...]] = {}
        for file in files:
            provider = _provider(file.name)
            secret = _read(file)
            if provider is not None and secret:
                found[provider] = (*found.get(provider, ()), secret)
        self._secrets = found


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(file for file in folder.iterdir() if _provider(file.name) is not None)
    except OSError:
        return []


def _provider(name: str) -> Provider | None:
    stem = name.partition(".")[0]
    return next((provider for provider in PROVIDERS if provider == stem), None)


def _read(file: Path) -> bytes:
    try:
        if not file.is_file():  # a pipe would make us wait for its other end
            return b""
        with file.open("rb") as opened:
            content = opened.read(_LARGEST_BYTES + 1)
    except OSError:
        return b""
    # An editor, or `echo`, ends a file with a line end that is not part of the secret.
    return content.strip(b"\r\n\t ") if len(content) <= _LARGEST_BYTES else b""
