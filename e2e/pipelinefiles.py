"""The pipelines of docs/pipelines taken apart: which shell steps run, with which variables.

As far as those files use their languages: GitHub Actions with a composite action, GitLab CI with
extends and include, declarative Jenkinsfiles.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.parse import documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PIPELINES = Path(__file__).parent.parent / "docs" / "pipelines"
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


@dataclass(frozen=True, slots=True)
class Step:
    """One shell step. ``shell`` is how the CI system calls it."""

    name: str
    script: str
    environ: Mapping[str, str]
    shell: tuple[str, ...]


def load(name: str) -> Any:
    """Read one of the files as YAML."""
    (document,) = documents((PIPELINES / name).read_bytes(), path=name)
    return document.body


def github(name: str, values: Mapping[str, str]) -> Iterator[Step]:
    """Yield the steps of a workflow; ``values`` says what each expression is, and each ``if``."""
    workflow = load(name)
    for job in workflow["jobs"].values():
        if not _holds(job.get("if", ""), values):
            continue
        environ = {**workflow.get("env", {}), **job.get("env", {})}
        known = {**values, **{f"env.{key}": value for key, value in environ.items()}}
        for step in job["steps"]:
            if not _holds(step.get("if", ""), known):
                continue
            if step.get("uses") == "./.github/actions/plumb":
                yield from _composite(step["with"], environ, known)
            elif "run" in step:
                yield _github_step(step, environ, known)


def _composite(
    given: Mapping[str, str], environ: Mapping[str, str], values: Mapping[str, str]
) -> Iterator[Step]:
    action = load("github/plumb/action.yml")
    unknown = set(given) - set(action["inputs"])
    assert not unknown, unknown
    inputs = {}
    for name, rule in action["inputs"].items():
        assert name in given or not rule.get("required"), name
        text = _filled(given.get(name, rule.get("default", "")), values)
        inputs[f"inputs.{name}"] = text
    for step in action["runs"]["steps"]:
        yield _github_step(step, environ, {**values, **inputs})


def _github_step(step: Any, environ: Mapping[str, str], values: Mapping[str, str]) -> Step:
    own = {key: _filled(value, values) for key, value in {**environ, **step.get("env", {})}.items()}
    script = _filled(step["run"], values)
    shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
    return Step(step.get("name", ""), script, own, shell)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda match: values[match[1]], str(text))


def _holds(condition: str, values: Mapping[str, str]) -> bool:
    return not condition or values[condition] == "true"


def gitlab(name: str, variables: Mapping[str, str], *, jobs: tuple[str, ...]) -> Iterator[Step]:
    """Yield the named jobs, their variables filled in as GitLab does."""
    pipeline = load(name)
    for part in pipeline.get("include", []):
        pipeline = {**load(f"gitlab/{part['local']}"), **pipeline}
    for name_of_job in jobs:
        job = _extended(pipeline, name_of_job)
        environ = {**variables, **pipeline.get("variables", {}), **job.get("variables", {})}
        for _ in range(3):
            environ = {
                key: _VARIABLE.sub(lambda match: environ.get(match[1], ""), str(value))  # noqa: B023 - used at once
                for key, value in environ.items()
            }
        script = "\n".join([*job.get("before_script", []), *job["script"]])
        yield Step(name_of_job, script, environ, ("bash", "-eo", "pipefail"))


def _extended(pipeline: Any, name: str) -> Any:
    job = pipeline[name]
    if "extends" not in job:
        return job
    base = _extended(pipeline, job["extends"])
    variables = {**base.get("variables", {}), **job.get("variables", {})}
    return {**base, **job, "variables": variables}


_JENKINS = re.compile(
    r"stage\('(?P<stage>[^']+)'\)|when \{ (?P<when>.*?) \}\n"
    r"|sh '''(?P<long>.*?)'''|sh '(?P<short>[^\n]*)'\n",
    re.DOTALL,
)


def jenkins(name: str, *, when: Mapping[str, bool]) -> Iterator[Step]:
    """Yield the sh steps of a Jenkinsfile whose stages run; ``when`` says which conditions hold."""
    text = (PIPELINES / name).read_text()
    block = re.search(r"^    environment \{\n(.*?)^    \}", text, re.DOTALL | re.MULTILINE)
    environ = dict(re.findall(r"(\w+) = '([^']*)'", block[1])) if block else {}
    stage, runs = "", True
    for match in _JENKINS.finditer(text):
        if match["stage"]:
            stage, runs = match["stage"], True
        elif match["when"]:
            runs = when[match["when"]]
        elif runs:
            # Groovy: a backslash before a line end continues the line.
            script = (match["long"] or match["short"]).replace("\\\n", "").replace("\\\\", "\\")
            yield Step(stage, script, environ, ("sh", "-xe"))


def calls(text: str) -> set[str]:
    """Return each call of plumb in a text, without its line breaks and indentation."""
    flat = re.sub(r"\\\n\s*", "", text)
    return {
        re.sub(r"\s+", " ", match[0]).strip()
        for match in re.finditer(r"plumb\"? (?:promote|diff|validate)[^\n]*", flat)
        if "`" not in match[0] and "#" not in match[0]
    }
