"""What the tests of promotion share: a configuration repository, and plumb as a user runs it."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest.mock import patch

from dulwich.objects import Blob, Commit, ObjectID, Tree

from engine.cli import main
from engine.git.commits import find, read_commit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from e2e.servers.gitrepo import TestRepository
    from engine.git.commits import Commit as Read

IMAGE = "registry.example/web"
SHOP = "apps/shop"
FILE = f"{SHOP}/web.yaml"
TO_2 = ("--path", SHOP, "--image", f"{IMAGE}={IMAGE}:2.0.0")
DEPLOYMENT = """\
# The shop. Keep it running.
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 2   # two is enough
  template:
    spec:
      containers:
        - image: "{image}:1.0.0"
          name: web
"""


def deployment(name: str = "web", image: str = IMAGE) -> str:
    """Return a manifest as people write them, with comments and quotes."""
    return DEPLOYMENT.format(name=name, image=image)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return an environment that says nothing of a CI system and nothing of this machine's user."""
    words = ("PLUMB_", "GITHUB_", "GITLAB_", "CI_", "GIT_", "BUILD_", "CHANGE_", "SSH_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(words)}
    own = {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    return kept | own | {"KUBECONFIG": str(folder / "no-kubeconfig")} | more


def run_plumb(
    *arguments: str, folder: Path, expect: int = 0, environ: Mapping[str, str] | None = None
) -> Ran:
    """Run the plumb command in a folder, in this process, and check its exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    argv, code = sys.argv, 0
    with (
        patch.dict(os.environ, environment(folder, **(environ or {})), clear=True),
        contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err),
    ):  # fmt: skip
        sys.argv = ["plumb", *arguments]
        try:
            main()
        except SystemExit as done:
            code = int(done.code or 0)
        finally:
            sys.argv = argv
    said, told = (stream.buffer.getvalue().decode() for stream in (out, err))
    assert code == expect, f"plumb {' '.join(arguments)} ended with {code}\n{said}{told}"
    return Ran(code, said, told)


def commit_of(repository: TestRepository, name: str) -> Read:
    """Return a commit as Plumb reads it."""
    found = repository.repo.object_store[ObjectID(name.encode())]
    assert isinstance(found, Commit)
    commit = read_commit(name, found.as_raw_string())
    assert commit is not None
    return commit


def commits(repository: TestRepository, branch: str = "") -> list[Read]:
    """Return all commits of a branch along first parents, newest first."""
    found = [commit_of(repository, repository.head(branch))]
    while found[-1].parents:
        found.append(commit_of(repository, found[-1].parents[0]))
    return found


def content(repository: TestRepository, path: str, branch: str = "") -> str:
    """Return a file at the tip of a branch."""
    entry = find(reader(repository), commit_of(repository, repository.head(branch)).tree, path)
    assert entry is not None, path
    blob = repository.repo.object_store[ObjectID(entry.id.encode())]
    assert isinstance(blob, Blob)
    return blob.data.decode()


def reader(repository: TestRepository) -> Callable[[str], bytes]:
    """Return the function that reads a repository's trees by id."""

    def read(name: str) -> bytes:
        found = repository.repo.object_store[ObjectID(name.encode())]
        assert isinstance(found, Tree)
        return found.as_raw_string()

    return read
