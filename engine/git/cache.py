"""The cache of one repository on disk: packs of a generation, and what it can offer as known.

Safe to delete at any time, and shared by processes without harm: every file appears by rename, and
a cache that is damaged or holds too many packs is not repaired but begun anew in a new generation.
No name in it tells an address or a credential.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import shutil
import tempfile
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

from dulwich.object_store import DiskObjectStore

from engine.errors import GitError
from engine.git.objects import DamageError
from engine.git.refs import is_commit_id

try:
    import fcntl
except ImportError:  # Windows: two processes may fetch the same thing twice, which harms nothing
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.git.deadline import Deadline
    from engine.model import Credentials

_LOCK_PAUSE_S = 0.05
_MAX_HEADS = 8  # refs whose last commit is offered to the server as known


class Generation:
    """One folder of packs. Its ``store`` is opened once and belongs to one thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packs_folder = folder / "pack"
        self.store = DiskObjectStore(str(folder))

    @property
    def name(self) -> str:
        return self.folder.name

    def close(self) -> None:
        self.store.close()

    def remove(self) -> None:
        """Close it and delete it from disk."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pack_count(self) -> int:
        try:
            return sum(1 for path in self.packs_folder.iterdir() if path.suffix == ".idx")
        except OSError:
            return 0

    def heads(self) -> dict[str, str]:
        """Return the commit last fetched for each ref; empty when that is not known."""
        try:
            heads = json.loads((self.folder / "heads.json").read_bytes())
        except (OSError, ValueError):
            return {}
        pairs = heads.items() if isinstance(heads, dict) else ()
        return {key: value for key, value in pairs if is_commit_id(str(value))}

    def remember(self, name: str, commit: str) -> None:
        """Note that this commit is complete here; it stands for its ref in place of the last."""
        heads = {key: value for key, value in self.heads().items() if key != name}
        heads[name] = commit
        kept = dict(list(heads.items())[-_MAX_HEADS:])
        write_atomically(self.folder / "heads.json", json.dumps(kept).encode())


class Cache:
    """The folder of one repository and one set of credentials below ``cache_dir``."""

    def __init__(
        self, cache_dir: Path, *, url: str, credentials: Credentials | None, where: str
    ) -> None:
        self._root = cache_dir
        self._where = where
        self._identity = json.dumps(
            [url, [_text(value) for value in astuple(credentials)] if credentials else None]
        )

    @property
    def folder(self) -> Path:
        # Keyed with a salt of this cache folder: the plain hash of an address and a weak password
        # can be guessed by whoever may list the folder.
        key = hmac.new(self._salt(), self._identity.encode(), hashlib.sha256).hexdigest()[:32]
        return self._root / "git" / key

    def current(self) -> Generation | None:
        """Open the generation in use; None when there is none."""
        try:
            name = (self.folder / "current").read_text("ascii").strip()
        except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
            return None
        folder = self.folder / name
        if not name.isalnum() or not folder.is_dir():
            return None
        return Generation(folder)

    def fresh(self) -> Generation:
        """Make an empty generation that nobody uses yet."""
        folder = self.folder / secrets.token_hex(8)
        (folder / "pack").mkdir(parents=True, mode=0o700)
        return Generation(folder)

    def publish(self, generation: Generation) -> None:
        """Make this the generation in use. The one before stays for those who still read it."""
        before = self.current_name()
        name = generation.folder.name
        if before == name:
            return
        write_atomically(self.folder / "current", name.encode())
        for path in self.folder.iterdir():
            if path.is_dir() and path.name not in {name, before}:
                shutil.rmtree(path, ignore_errors=True)

    def current_name(self) -> str:
        """Return the name of the generation in use, "" when there is none."""
        try:
            return (self.folder / "current").read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    @contextlib.contextmanager
    def lock(self, deadline: Deadline) -> Iterator[None]:
        """Let one process at a time fetch, so that the others find what it fetched.

        Nothing is wrong without it, so file systems that know no locks are no obstacle.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "lock").open("ab") as file:
            while fcntl is not None:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    deadline.wait(_LOCK_PAUSE_S)
                except OSError:
                    break
            yield

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Say in the block's place that the cache is gone (DamageError) or cannot be written."""
        try:
            yield
        except FileNotFoundError as error:
            raise DamageError(
                "PLB226", "the cache was deleted while it was in use", where=self._where
            ) from error
        except OSError as error:
            raise GitError(
                "PLB227", f"the cache folder {self._root} cannot be used", where=self._where,
                why=error.strerror or type(error).__name__,
                hint="free some space or name another folder with --cache-dir",
            ) from error  # fmt: skip

    def _salt(self) -> bytes:
        path = self._root / "git" / "salt"
        with contextlib.suppress(FileNotFoundError):
            salt = path.read_bytes()
            if len(salt) == 32:
                return salt
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError):
            # link() and not rename: of two processes at once the first must win, for both.
            handle, made = tempfile.mkstemp(dir=path.parent, prefix="salt-")
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
            try:
                Path(path).hardlink_to(made)
            finally:
                Path(made).unlink()
        return path.read_bytes()


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file so that a reader sees either the old or the new content."""
    handle, made = tempfile.mkstemp(dir=path.parent, prefix="new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(made).replace(path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.hex()
