"""A build machine for the pipelines, and what three CI systems would run on it.

Docker, pip and gh are stand-ins that note how they were called; git, Python and Plumb are real.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import pipelinefiles
from e2e.gitfixtures import NAME
from e2e.promotions import FILE, environment
from e2e.servers.githttp import GitHttpServer
from e2e.servers.gitrepo import TestRepository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from e2e.pipelinefiles import Step

USER, WORD = "ci", "token-of-the-config-repository"

# What stands in for the tools that need a network or a daemon; each notes how it was called.
_STUBS = {
    "docker": 'echo "docker $*" >> "$LOG"\nif [ "$1" = login ]; then cat > /dev/null; fi\n',
    "gh": 'echo "gh $*" >> "$LOG"\n',
    "python3": (
        'if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin"\n'
        '  ln -sf "$STUBS/pip" "$3/bin/pip"; ln -sf "$PLUMB" "$3/bin/plumb"\n'
        'else exec "$PYTHON" "$@"; fi\n'
    ),
    "pip": 'echo "pip $*" >> "$LOG"\n',
}


@dataclass
class Agent:
    """A build machine: a folder with the application, stubs on PATH, a configuration repository."""

    folder: Path
    server: GitHttpServer
    config: TestRepository
    environ: dict[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.url(NAME)

    def run(self, steps: Iterable[Step], **more: str) -> str:
        """Run steps as a CI system does; all they said. A step that fails ends the test."""
        said = []
        for step in steps:
            environ = {**self.environ, **step.environ, **more}
            if "CONFIG_URL" in environ:
                environ["CONFIG_URL"] = self.url
            done = subprocess.run(
                [*step.shell, "-c", step.script], cwd=self.folder, env=environ, text=True,
                capture_output=True, check=False,
            )  # fmt: skip
            said.append(done.stdout + done.stderr)
            self.ran.append(step.script)
            assert done.returncode == 0, f"{step.name}:\n{step.script}\n{said[-1]}"
        return "".join(said)

    def log(self) -> list[str]:
        """Return what the stubs noted since the last time."""
        file = Path(self.environ["LOG"])
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [line for line in lines if not line.startswith("pip ")]


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    for name, script in _STUBS.items():
        (stubs / name).write_text(f"#!/bin/sh\n{script}")
        (stubs / name).chmod(0o755)
    folder = tmp_path / "app"
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "test_app.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n    def test_it(self): pass\n"
    )
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "runner").mkdir()
    own = {
        "PATH": f"{stubs}{os.pathsep}{os.environ['PATH']}",
        "LOG": str(tmp_path / "log"),
        "STUBS": str(stubs),
        "PYTHON": sys.executable,
        "PLUMB": str(Path(sys.executable).with_name("plumb")),
        "RUNNER_TEMP": str(tmp_path / "runner"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "CI_PROJECT_DIR": str(folder),
    }
    with (
        GitHttpServer(tmp_path / "git", users={USER: WORD, "plumb": WORD, "x-access-token": WORD})
        as server,
        TestRepository(server.root / NAME) as config,
    ):  # fmt: skip
        config.commit({FILE: "", "README.md": "# Config\n"}, message="Start")
        yield Agent(folder, server, config, environment(tmp_path, **own))


@dataclass(frozen=True, slots=True)
class System:
    """One CI system: its image, and its steps for an event ("push", "request") of a commit."""

    name: str
    image: str
    steps: Callable[[str, str], list[Step]]
    build: str


def _github(event: str, commit: str) -> list[Step]:
    is_push = event == "push"
    values = {
        "github.event_name == 'push'": str(is_push).lower(),
        "github.event_name == 'pull_request'": str(not is_push).lower(),
        "github.event_name == 'push' || github.event.pull_request.head.repo.full_name == github.repository": "true",  # noqa: E501
        "secrets.GITHUB_TOKEN": "registry-word", "secrets.CONFIG_TOKEN": WORD,
        "github.sha": commit,
    }  # fmt: skip
    environ = {
        "GITHUB_ACTIONS": "true", "GITHUB_SHA": commit, "GITHUB_ACTOR": "grace",
        "GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "example/app",
        "GITHUB_RUN_ID": "7",
    }  # fmt: skip
    steps = pipelinefiles.github("github/application.yaml", values)
    return [replace(step, environ={**environ, **step.environ}) for step in steps]


def _gitlab(event: str, commit: str) -> list[Step]:
    variables = {
        "GITLAB_CI": "true", "CI_COMMIT_SHA": commit, "CI_REGISTRY_IMAGE": "registry.example/shop",
        "CI_REGISTRY": "registry.example", "CI_REGISTRY_USER": USER, "CI_REGISTRY_PASSWORD": "word",
        "GITLAB_USER_LOGIN": "grace", "CI_JOB_URL": "https://gitlab.example/job/7",
        "PLUMB_GIT_PASSWORD": WORD, "PROMOTE_OPTIONS": "",
    }  # fmt: skip
    jobs = {
        "push": ("unit-tests", "build-image", "promote"),
        "request": ("unit-tests", "promote-dry-run"),
    }
    return list(
        pipelinefiles.gitlab("gitlab/application.gitlab-ci.yml", variables, jobs=jobs[event])
    )


def _jenkins(event: str, commit: str) -> list[Step]:
    when = {"changeRequest()": event == "request", "branch 'main'": event == "push"}
    environ = {
        "GIT_COMMIT": commit, "BUILD_URL": "https://jenkins.example/job/7",
        "CHANGE_AUTHOR": "grace", "REGISTRY_USER": USER, "REGISTRY_PASSWORD": "word",
        "PLUMB_GIT_USERNAME": USER, "PLUMB_GIT_PASSWORD": WORD,
    }  # fmt: skip
    steps = pipelinefiles.jenkins("jenkins/Jenkinsfile", when=when)
    return [replace(step, environ={**step.environ, **environ}) for step in steps]


SYSTEMS = [
    System("github", "ghcr.io/example/shop-web", _github,
           "https://github.example/example/app/actions/runs/7"),
    System("gitlab", "registry.example/shop/web", _gitlab, "https://gitlab.example/job/7"),
    System("jenkins", "registry.example/shop/web", _jenkins, "https://jenkins.example/job/7"),
]  # fmt: skip
systems = pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
