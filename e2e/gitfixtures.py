"""What the Git tests share: one repository behind every way there is to reach it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2e.servers.githttp import GitHttpServer
from e2e.servers.gitrepo import TestRepository
from e2e.servers.gitssh import GitSshServer, new_key
from engine.git import Limits, Repository
from engine.model import Credentials

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

WAYS = ("path", "file", "http", "http-v0", "https", "ssh", "ssh-v0")
FILES = {
    "README.md": "# Config\n",
    "apps/shop/web.yaml": "kind: ConfigMap\n",
    "apps/shop/db.yaml": "kind: Secret\n",
}
NAME = "config.git"


@dataclass(frozen=True, slots=True)
class Origin:
    """A repository and how to get there."""

    repository: TestRepository
    url: str
    cache_dir: Path
    credentials: Credentials | None = None

    def open(
        self, *, limits: Limits | None = None, stop: threading.Event | None = None
    ) -> Repository:
        """Open it as Plumb does."""
        return Repository(
            self.url,
            cache_dir=self.cache_dir,
            credentials=self.credentials,
            limits=limits or Limits(timeout_s=20),
            stop=stop,
        )


@contextmanager
def origin(root: Path, way: str) -> Iterator[Origin]:
    """Make a repository with one commit on main and serve it in this way."""
    with TestRepository(root / "git" / NAME) as repository:
        repository.commit(FILES, message="Start")
        cache = root / "cache"
        match way:
            case "path":
                yield Origin(repository, str(repository.path), cache)
            case "file":
                yield Origin(repository, repository.path.as_uri(), cache)
            case "http" | "http-v0":
                with GitHttpServer(root / "git", version=2 if way == "http" else 0) as http:
                    yield Origin(repository, http.url(NAME), cache)
            case "https":
                with GitHttpServer(root / "git", tls=True) as https:
                    yield Origin(repository, https.url(NAME), cache, Credentials(ca=https.ca))
            case _:
                key = new_key()
                with GitSshServer(root / "git", key=key, version=2 if way == "ssh" else 0) as ssh:
                    credentials = Credentials(ssh_key=key, known_hosts=ssh.known_hosts)
                    yield Origin(repository, ssh.url(NAME), cache, credentials)
