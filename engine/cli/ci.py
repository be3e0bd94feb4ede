"""What a build tells about itself: source commit, address, who started it.

GitHub Actions, GitLab CI and Jenkins say it in their environment; options win over all of it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import PlumbError


@dataclass(frozen=True, slots=True)
class Build:
    """The build that runs this; "" where nothing is known. ``source_time`` in UTC with a Z."""

    source: str = ""
    source_time: str = ""
    url: str = ""
    actor: str = ""


def build() -> Build:
    """Read the environment; the time of the source commit comes from its repository, too."""
    env = os.environ.get
    if env("GITHUB_ACTIONS"):
        home = f"{env('GITHUB_SERVER_URL')}/{env('GITHUB_REPOSITORY')}"
        run = f"{home}/actions/runs/{env('GITHUB_RUN_ID')}"
        found = Build(env("GITHUB_SHA", ""), "", run, env("GITHUB_ACTOR", ""))
    elif env("GITLAB_CI"):
        found = Build(
            env("CI_COMMIT_SHA", ""), utc(env("CI_COMMIT_TIMESTAMP", "")),
            env("CI_JOB_URL", ""), env("GITLAB_USER_LOGIN", ""),
        )  # fmt: skip
    else:
        found = Build(
            env("GIT_COMMIT", ""), "", env("BUILD_URL", ""),
            env("BUILD_USER_ID", "") or env("CHANGE_AUTHOR", ""),
        )  # fmt: skip
    return found


def commit_time(commit: str) -> str:
    """Return when a commit of the repository around the current folder was made; "" if unknown."""
    from engine.git.local import open_repo
    from engine.git.objects import Objects

    here = Path.cwd()
    root = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), None)
    if root is None or len(commit) != 40:
        return ""
    try:
        repo = open_repo(str(root), str(root))
        with repo:
            objects = Objects(repo.object_store, where=str(root))
            at = objects.commit(commit.lower()).committed_at
    except PlumbError:
        return ""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc(text: str) -> str:
    """Return a time as trailers have it; "" when it is none, or has no zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    if moment.tzinfo is None:
        return ""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
