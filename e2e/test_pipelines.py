"""The pipelines of docs/pipelines: every shell step is run against Git servers on loopback."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import pipelinefiles
from e2e.gitfixtures import NAME
from e2e.pipelinefiles import PIPELINES, Step
from e2e.promotions import FILE, commit_of, content, deployment, environment
from e2e.servers import linters
from e2e.servers.githttp import GitHttpServer
from e2e.servers.gitrepo import TestRepository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

COMMIT = "a" * 40
NEWER = "b" * 40
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


@systems
def test_a_push_builds_an_image_and_promotes_it(agent: Agent, system: System) -> None:
    before = deployment(image=system.image)
    start = agent.config.commit({FILE: before}, message="Add the shop")
    agent.run(system.steps("push", COMMIT))
    registry = system.image.partition("/")[0]
    image = f"{system.image}:{COMMIT}"
    log = agent.log()
    assert log[0] == f"docker build --tag {image} ."
    assert log[1].startswith(f"docker login {registry} --username")
    assert log[2:] == [f"docker push {image}"]
    assert content(agent.config, FILE) == before.replace(f"{system.image}:1.0.0", image)
    new = commit_of(agent.config, agent.config.head())
    assert new.parents == (start,)
    trailers = dict(new.trailers)
    assert trailers["Plumb-Image"] == f"{system.image}={image}"
    assert trailers["Plumb-Source-Commit"] == COMMIT
    assert trailers["Plumb-Build-Url"] == system.build
    assert trailers["Plumb-Actor"] == "grace"
    # The job runs again: the image is there, and nothing is committed.
    agent.run(system.steps("push", COMMIT))
    assert agent.config.head() == new.id


@systems
def test_a_build_that_was_overtaken_is_no_failure_and_changes_nothing(
    agent: Agent, system: System
) -> None:
    agent.config.commit({FILE: deployment(image=system.image)}, message="Add the shop")
    agent.run(system.steps("push", COMMIT))
    agent.run(system.steps("push", NEWER))
    newest = agent.config.head()
    said = agent.run(system.steps("push", COMMIT))
    assert "PLB840" in said
    assert agent.config.head() == newest


@systems
def test_a_pull_request_shows_the_edit_and_pushes_nothing(agent: Agent, system: System) -> None:
    start = agent.config.commit({FILE: deployment(image=system.image)}, message="Add the shop")
    said = agent.run(system.steps("request", COMMIT))
    assert f"{system.image}:{COMMIT}" in said
    assert agent.config.head() == start
    assert not [line for line in agent.log() if "push" in line or "login" in line]
    assert WORD not in said


@systems
def test_no_token_is_in_any_command_line(agent: Agent, system: System) -> None:
    agent.config.commit({FILE: deployment(image=system.image)}, message="Add the shop")
    agent.run(system.steps("push", COMMIT))
    assert all(WORD not in line for line in [*agent.log(), *agent.ran])


APPLICATION = """\
apiVersion: plumb.dev/v1alpha1
kind: Application
metadata: {name: shop, namespace: default}
spec:
  source: {url: URL, ref: {branch: main}, path: apps/shop}
"""


def _reports(event: dict[str, str]) -> list[tuple[str, list[Step]]]:
    values = {
        "github.event.pull_request.head.repo.full_name == github.repository": "true",
        "github.token": "t", "github.event.pull_request.number": "7",
    }  # fmt: skip
    found = [
        ("github", list(pipelinefiles.github("github/configuration.yaml", values))),
        ("gitlab", list(pipelinefiles.gitlab(
            "gitlab/configuration.gitlab-ci.yml", event, jobs=("report",)))),
        ("jenkins", list(pipelinefiles.jenkins(
            "jenkins/Jenkinsfile.config", when={"changeRequest()": True}))),
    ]  # fmt: skip
    return [(name, [replace(s, environ={**event, **s.environ}) for s in steps])
            for name, steps in found]  # fmt: skip


@pytest.mark.parametrize("name", ["github", "gitlab", "jenkins"])
@pytest.mark.skipif(shutil.which("git") is None, reason="no git to clone with")
def test_a_pull_request_of_the_configuration_gets_a_report(agent: Agent, name: str) -> None:
    agent.server.users.clear()
    agent.config.commit(
        {FILE: deployment(), "shop.yaml": APPLICATION.replace("URL", agent.url)},
        message="Add the shop",
    )
    changed = deployment().replace("1.0.0", "2.0.0")
    agent.config.commit({FILE: changed}, branch="next", message="Promote")
    subprocess.run(["git", "clone", "-q", agent.url, "clone"], cwd=agent.folder, check=True,
                   env=agent.environ)  # fmt: skip
    clone = agent.folder / "clone"
    subprocess.run(["git", "checkout", "-q", "next"], cwd=clone, check=True, env=agent.environ)
    event = {"GITHUB_BASE_REF": "main", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
             "CHANGE_TARGET": "main", "CI_PROJECT_DIR": str(clone)}  # fmt: skip
    steps = dict(_reports(event))[name]
    builder = replace(agent, folder=clone)
    said = builder.run(steps)
    if name == "github":
        summary = Path(agent.environ["GITHUB_STEP_SUMMARY"]).read_text()
        assert "2.0.0" in summary
        assert (Path(agent.environ["RUNNER_TEMP"]) / "report.html").read_text().count("2.0.0")
        assert [line for line in agent.log() if line.startswith("gh pr comment 7 --edit-last")]
    else:
        assert "2.0.0" in said
        assert "2.0.0" in (clone / "plumb-report.html").read_text()
        assert "<testsuite" in (clone / "plumb-report.xml").read_text()


def test_every_call_of_plumb_is_in_a_step_that_is_run() -> None:
    """A line that no test above runs would be a promise."""
    written: set[str] = set()
    for file in PIPELINES.rglob("*"):
        if file.is_file() and file.name != "README.md":
            written |= pipelinefiles.calls(file.read_text())
    steps = [step for system in SYSTEMS for event in ("push", "request")
             for step in system.steps(event, COMMIT)]  # fmt: skip
    steps += [step for _, found in _reports({}) for step in found]
    run = {call for step in steps for call in pipelinefiles.calls(step.script)}
    assert len(written) >= 6
    missing = {call for call in written if not any(call in other or other in call for other in run)}
    assert missing == set()


@pytest.mark.parametrize(
    ("schema", "files", "more"),
    [
        ("vendor.github-workflows", ["github/application.yaml", "github/configuration.yaml"], ()),
        ("vendor.github-actions", ["github/plumb/action.yml"], ()),
        ("vendor.gitlab-ci", ["gitlab/application.gitlab-ci.yml", "gitlab/plumb.gitlab-ci.yml",
                              "gitlab/configuration.gitlab-ci.yml"],
         ("--data-transform", "gitlab-ci")),
    ],
)  # fmt: skip
def test_the_files_are_as_their_schema_says(
    schema: str, files: list[str], more: tuple[str, ...]
) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *more]
    paths = [str(PIPELINES / file) for file in files]
    done = subprocess.run([*command, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    program = linters.actionlint()
    if program is None:
        pytest.skip("no actionlint, and no Go to build it with")
    action = tmp_path / ".github" / "actions" / "plumb"
    action.mkdir(parents=True)
    shutil.copy(PIPELINES / "github" / "plumb" / "action.yml", action)
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir()
    for name in ("application.yaml", "configuration.yaml"):
        shutil.copy(PIPELINES / "github" / name, workflows)
    (tmp_path / ".git").mkdir()
    done = subprocess.run([program, "-no-color"], cwd=tmp_path, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    broken = (workflows / "application.yaml").read_text().replace("needs: test", "needs: tests")
    (workflows / "application.yaml").write_text(broken)
    done = subprocess.run([program, "-no-color"], cwd=tmp_path, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert "tests" in done.stdout


def test_the_jenkinsfiles_are_groovy(tmp_path: Path) -> None:
    program = linters.groovy()
    if program is None:
        pytest.skip("no npm-groovy-lint, which needs Node and Java")
    for name in ("Jenkinsfile", "Jenkinsfile.config"):
        # It looks at files of this very name only.
        (tmp_path / name.lower()).mkdir()
        text = (PIPELINES / "jenkins" / name).read_text()
        (tmp_path / name.lower() / "Jenkinsfile").write_text(text)
    done = subprocess.run(
        [program, "--failon", "error", "--noserver", "--path", str(tmp_path), "--files",
         "**/Jenkinsfile"], capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "linted files" in done.stdout


def test_the_parts_of_the_jenkinsfiles_are_balanced() -> None:
    """What can be said without Groovy: every brace closes, every stage has steps."""
    for name in ("Jenkinsfile", "Jenkinsfile.config"):
        text = (PIPELINES / "jenkins" / name).read_text()
        bare = re.sub(r"'''.*?'''|'[^'\n]*'|//[^\n]*", "", text, flags=re.DOTALL)
        assert bare.count("{") == bare.count("}")
        assert bare.count("(") == bare.count(")")
        assert len(re.findall(r"stage\(", bare)) == len(re.findall(r"steps \{", bare))
