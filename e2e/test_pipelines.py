"""The pipelines of docs/pipelines: every shell step is run against Git servers on loopback."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from e2e import pipelinefiles
from e2e.buildagent import SYSTEMS, WORD, Agent, System, systems
from e2e.pipelinefiles import PIPELINES, Step
from e2e.promotions import FILE, commit_of, content, deployment
from e2e.servers import linters

COMMIT = "a" * 40
NEWER = "b" * 40


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


def _checked_out(agent: Agent, branch: str) -> tuple[Agent, dict[str, str]]:
    """Clone the configuration as a build does; the agent in there, and what the system tells it."""
    clone = agent.folder / "clone"
    subprocess.run(["git", "clone", "-q", agent.url, str(clone)], check=True, env=agent.environ)
    subprocess.run(["git", "checkout", "-q", branch], cwd=clone, check=True, env=agent.environ)
    event = {"GITHUB_BASE_REF": "main", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
             "CHANGE_TARGET": "main", "CI_PROJECT_DIR": str(clone)}  # fmt: skip
    return replace(agent, folder=clone), event


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
    builder, event = _checked_out(agent, "next")
    clone = builder.folder
    said = builder.run(dict(_reports(event))[name])
    if name == "github":
        summary = Path(agent.environ["GITHUB_STEP_SUMMARY"]).read_text()
        assert "2.0.0" in summary
        assert (Path(agent.environ["RUNNER_TEMP"]) / "report.html").read_text().count("2.0.0")
        assert [line for line in agent.log() if line.startswith("gh pr comment 7 --edit-last")]
    else:
        assert "2.0.0" in said
        assert "2.0.0" in (clone / "plumb-report.html").read_text()
        assert "<testsuite" in (clone / "plumb-report.xml").read_text()


@pytest.mark.parametrize("name", ["github", "gitlab", "jenkins"])
@pytest.mark.skipif(shutil.which("git") is None, reason="no git to clone with")
def test_a_manifest_that_the_server_would_refuse_fails_the_build(agent: Agent, name: str) -> None:
    agent.server.users.clear()
    agent.config.commit(
        {FILE: deployment(), "shop.yaml": APPLICATION.replace("URL", agent.url)},
        message="Add the shop",
    )
    broken = deployment().replace("containers:", "containerz:")
    assert broken != deployment()
    agent.config.commit({FILE: broken}, branch="next", message="Mistype")
    builder, event = _checked_out(agent, "next")
    steps = dict(_reports(event))[name]
    with pytest.raises(AssertionError, match="containerz") as failed:
        builder.run(steps)
    assert FILE in str(failed.value)
    assert "containers" in str(failed.value), "it says what was meant"


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
