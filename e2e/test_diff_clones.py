"""Git against Git in clones as CI makes them: shallow, partial, detached, with work lying about.

The git program makes the clones and is the oracle; Plumb itself never runs it.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from engine.cli import plumb as command_line
from engine.cli.output import print_error
from engine.errors import GitError, PlumbError
from engine.git.clone import Clone

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

APP = """
apiVersion: plumb.dev/v1alpha1
kind: Application
metadata: {{name: shop, namespace: plumb-system}}
spec: {{source: {{url: "{url}", path: apps/shop}}}}
"""
ENV = """apiVersion: v1
kind: ConfigMap
metadata: {{name: env}}
data: {{value: "{0}"}}
"""
_WHO = {
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
}  # fmt: skip


def git(folder: Path, *arguments: str, **environment: str) -> str:
    """Run git; its output."""
    command = ["git", "-c", "init.defaultBranch=main", *arguments]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **_WHO, **environment}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stderr}"
    return done.stdout.strip()


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def commit(folder: Path, files: dict[str, str], message: str = "Change") -> str:
    write(folder, files)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def plumb(folder: Path, *arguments: str, expect: int = 0, **environment: str) -> Result:
    """Run plumb in a folder, in this process, without any way to a cluster or a server."""
    nowhere = {"KUBECONFIG": str(folder / "no-kubeconfig"), "HOME": str(folder / "no-home"),
               "PATH": "/nonexistent", "HTTPS_PROXY": "http://127.0.0.1:1"}  # fmt: skip
    with contextlib.chdir(folder):
        result = CliRunner().invoke(told, arguments, env={**nowhere, **environment})
    said = f"{shlex.join(arguments)} ended with {result.exit_code}:\n{result.output}"
    assert result.exit_code == expect, f"{said}{result.exception!r}"
    return result


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def told(arguments: tuple[str, ...]) -> None:
    """What the entry point does with a command line, without ending the process."""
    try:
        code = command_line.main(list(arguments), standalone_mode=False)
    except PlumbError as error:
        print_error(error)
        code = error.exit_code
    click.get_current_context().exit(int(code or 0))


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with main and, five commits on either side of the fork, feature."""
    folder = tmp_path / "config.git"
    folder.mkdir()
    git(folder, "init", "-q")
    for name in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        git(folder, "config", name, "true")
    commit(
        folder, {"app.yaml": APP.format(url=folder.as_uri()), "apps/shop/env.yaml": ENV.format(0)}
    )
    for number in range(1, 6):
        commit(folder, {"apps/shop/env.yaml": ENV.format(number)})
    git(folder, "checkout", "-q", "-b", "feature")
    for number in range(6, 11):
        commit(folder, {"apps/shop/new.yaml": ENV.format(number).replace("env", "new")})
    git(folder, "checkout", "-q", "main")
    for number in range(11, 16):
        commit(folder, {"README.md": str(number)})
    return folder


@pytest.fixture
def clone(tmp_path: Path, origin: Path) -> Callable[..., Path]:
    """Clone the origin with these options."""

    def make(*options: str, branch: str = "feature") -> Path:
        folder = tmp_path / "clone"
        git(tmp_path, "clone", "-q", *options, "--branch", branch, origin.as_uri(), str(folder))
        return folder

    return make


def actions(folder: Path, *arguments: str) -> dict[str, str]:
    """What a comparison says of each object."""
    report = json.loads(plumb(folder, "diff", "-o", "json", *arguments).stdout)
    return {
        change["object"]["name"]: change["action"]
        for application in report["applications"]
        for change in application["plan"]["changes"]
    }


def fetch_as_told(folder: Path, *arguments: str) -> None:
    """Run the command that the error prints, as it is printed."""
    said = plumb(folder, "diff", *arguments, expect=5).stderr
    found = re.search(r"(git fetch .+)$", said, re.MULTILINE)
    assert found, said
    _, *rest = shlex.split(found[1])
    git(folder, *rest)


def test_a_whole_clone_is_compared_without_cluster_network_or_credentials(
    clone: Callable[..., Path],
) -> None:
    folder = clone()

    assert actions(folder, "--merge-base", "main") == {"new": "create"}
    assert actions(folder, "--base", "origin/main") == {"new": "create"}
    assert actions(folder, "--base", "HEAD~5", "--head", "HEAD~3") == {"new": "create"}
    assert actions(folder, "--base", "HEAD^^") == {"new": "update"}
    assert actions(folder, "--base", "HEAD", "--head", "HEAD~5") == {"new": "delete"}
    short = git(folder, "rev-parse", "--short=8", "HEAD~5")
    assert actions(folder, "--base", short) == {"new": "create"}


@pytest.mark.parametrize("arguments", [
    pytest.param(("--base", "origin/main"), id="the other branch"),
    pytest.param(("--base", "main"), id="without the name of the remote"),
    pytest.param(("--base", "HEAD~3"), id="further back"),
])  # fmt: skip
def test_a_shallow_clone_says_the_fetch_that_is_missing(
    clone: Callable[..., Path], arguments: tuple[str, ...]
) -> None:
    folder = clone("--depth=1")

    fetch_as_told(folder, *arguments)

    assert set(actions(folder, *arguments)) == {"new"}


def test_a_commit_that_was_not_fetched_is_asked_for_by_its_id(
    origin: Path, clone: Callable[..., Path]
) -> None:
    folder = clone("--depth=1")
    main = git(origin, "rev-parse", "main")

    fetch_as_told(folder, "--base", main)

    assert actions(folder, "--base", main) == {"new": "create"}


@pytest.mark.parametrize("depth", [1, 3, 5])
def test_a_merge_base_behind_the_edge_is_an_error_and_never_another_commit(
    clone: Callable[..., Path], depth: int
) -> None:
    folder = clone(f"--depth={depth}", "--no-single-branch")

    fetch_as_told(folder, "--merge-base", "main")

    assert actions(folder, "--merge-base", "main") == {"new": "create"}


def test_a_merge_base_inside_of_the_edge_needs_no_fetch(clone: Callable[..., Path]) -> None:
    folder = clone("--depth=8", "--no-single-branch")

    assert actions(folder, "--merge-base", "main") == {"new": "create"}


def test_a_clone_without_its_files_says_how_to_get_them(clone: Callable[..., Path]) -> None:
    folder = clone("--filter=blob:none", "--no-checkout")

    fetch_as_told(folder, "--merge-base", "origin/main")

    assert actions(folder, "--merge-base", "origin/main") == {"new": "create"}


def test_a_detached_head_and_fetch_head_are_revisions(clone: Callable[..., Path]) -> None:
    folder = clone("--depth=1")
    git(folder, "checkout", "-q", "--detach")
    git(folder, "branch", "-q", "-D", "feature")
    git(folder, "fetch", "-q", "--depth=1", "origin", "main")

    assert actions(folder, "--base", "FETCH_HEAD") == {"new": "create"}


def test_a_branch_that_is_a_tag_too_is_refused(clone: Callable[..., Path]) -> None:
    folder = clone()
    git(folder, "tag", "both", "HEAD~1")
    git(folder, "branch", "both", "HEAD~2")

    assert "both" in plumb(folder, "diff", "--base", "both", expect=5).stderr
    assert set(actions(folder, "--base", "refs/tags/both")) == {"new"}


# --- what differs and how it ends ------------------------------------------------------------


def test_the_exit_code_is_the_contract(clone: Callable[..., Path]) -> None:
    folder = clone()

    plumb(folder, "diff", "--merge-base", "main", expect=0)
    plumb(folder, "diff", "--merge-base", "main", "--exit-code", expect=2)
    plumb(folder, "diff", "--base", "HEAD", "--exit-code", expect=0)
    plumb(folder, "diff", "--base", "main", "--merge-base", "main", expect=3)
    plumb(folder, "diff", "--base", "nowhere", "--exit-code", expect=5)
    plumb(folder, "diff", "--base", "main", "-f", "/etc/hostname", expect=3)


@pytest.mark.parametrize("side", ["--base", "--head"])
def test_a_side_that_cannot_be_rendered_never_ends_in_0_or_2(
    clone: Callable[..., Path], side: str
) -> None:
    folder = clone()
    whole = git(folder, "rev-parse", "HEAD")
    broken = commit(folder, {"apps/shop/env.yaml": "kind: [\n"}, "Break")
    other = "--head" if side == "--base" else "--base"

    done = plumb(folder, "diff", side, broken, other, whole, "--exit-code", "-o", "json", expect=1)

    (application,) = json.loads(done.stdout)["applications"]
    assert application["plan"] is None
    assert application["errors"][0]["code"] == "PLB301"


def test_the_same_revisions_give_the_same_bytes(clone: Callable[..., Path], tmp_path: Path) -> None:
    folder = clone()
    forms = ("json", "markdown", "html", "junit", "gitlab", "text")

    for number in "12":
        outputs = [f"-o{form}={tmp_path}/{form}{number}" for form in forms]
        program = str(Path(sys.executable).with_name("plumb"))
        command = [program, "diff", "--merge-base", "main", *outputs, "-o", "github"]
        seeded = {**os.environ, "PYTHONHASHSEED": number}
        subprocess.run(command, cwd=folder, env=seeded, capture_output=True, check=True)

    for form in forms:
        first, second = ((tmp_path / f"{form}{number}").read_bytes() for number in "12")
        assert first == second, form
        assert first


def test_a_job_summary_is_written_where_github_wants_it(
    clone: Callable[..., Path], tmp_path: Path
) -> None:
    folder, summary = clone(), tmp_path / "summary.md"
    summary.write_text("before\n")

    done = plumb(folder, "diff", "--merge-base", "main", "-o", "github",
                 GITHUB_STEP_SUMMARY=str(summary))  # fmt: skip

    assert done.stdout.startswith("::notice file=apps/shop/new.yaml,line=1")
    assert summary.read_text().startswith("before\n<!-- plumb:report -->")


def test_the_repository_may_be_mapped_by_hand(clone: Callable[..., Path]) -> None:
    folder = clone()
    git(folder, "remote", "set-url", "origin", "https://mirror.example/config.git")

    refused = plumb(folder, "diff", "--base", "main", expect=3)
    url = re.search(r"they read (\S+)", refused.stderr)
    assert url

    assert actions(folder, "--base", "main", "--map", f"{url[1]}=.") == {"new": "create"}


# --- the folder as it lies there -------------------------------------------------------------


def test_the_folder_is_compared_before_the_commit(clone: Callable[..., Path]) -> None:
    folder = clone()
    write(folder, {"apps/shop/env.yaml": ENV.format("edited"),
                   "apps/shop/draft.yaml": ENV.format(1).replace("env", "draft"),
                   "apps/shop/local.yaml": ENV.format(1).replace("env", "local"),
                   ".gitignore": "local.yaml\n"})  # fmt: skip
    (folder / "apps/shop/new.yaml").unlink()

    found = actions(folder, "--base", "HEAD", "--worktree")

    assert found == {"env": "update", "draft": "create", "new": "delete"}


def test_a_clean_folder_is_no_change(clone: Callable[..., Path]) -> None:
    folder = clone()

    assert actions(folder, "--base", "HEAD", "--worktree") == {}
    plumb(folder, "diff", "--base", "HEAD", "--worktree", "--exit-code", expect=0)


def test_render_takes_the_folder_as_it_lies_there(clone: Callable[..., Path]) -> None:
    folder = clone()
    write(folder, {"apps/shop/env.yaml": ENV.format("edited")})

    assert "edited" in plumb(folder, "render", "--worktree", "-f", "app.yaml").stdout
    assert "edited" not in plumb(folder, "render", "-f", "app.yaml").stdout


def test_a_link_in_the_folder_is_not_followed(clone: Callable[..., Path], tmp_path: Path) -> None:
    folder = clone()
    (tmp_path / "outside.yaml").write_text(ENV.format("outside"))
    (folder / "apps/shop/link.yaml").symlink_to(tmp_path / "outside.yaml")

    done = plumb(folder, "diff", "--base", "HEAD", "--worktree", expect=1)

    assert "PLB341" in done.stdout
    assert "outside" not in done.stdout.replace("outside.yaml", "")


@pytest.mark.parametrize("seed", range(3))
def test_the_id_of_a_folder_is_the_one_that_git_would_give_it(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - test data
    git(tmp_path, "init", "-q")
    names = ["a", "a.b", "a-b", "b", "\u00e4", "z.yaml", "x y"]
    for _ in range(30):
        path = tmp_path.joinpath(*(draw.choice(names) + "d" for _ in range(draw.randrange(3))))
        path.mkdir(parents=True, exist_ok=True)
        (path / draw.choice(names)).write_text(str(draw.random()))
    (tmp_path / "run").write_text("#!/bin/sh\n")
    (tmp_path / "run").chmod(0o755)
    (tmp_path / "link").symlink_to("run")
    (tmp_path / "empty").mkdir()
    git(tmp_path, "add", "-A")

    with Clone(tmp_path) as clone:
        assert clone.folder(with_ids=True).id == git(tmp_path, "write-tree")


# --- history ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_merge_bases_are_those_of_git(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - test data
    git(tmp_path, "init", "-q")
    tree = git(tmp_path, "write-tree")
    commits: list[str] = []
    for number in range(40):
        count = min(len(commits), draw.choice([0, 1, 1, 1, 1, 2, 2] if number > 5 else [1]))
        parents = draw.sample(commits[-12:], min(count, len(commits[-12:])))
        when = f"{1_700_000_000 + number * 100 + draw.randrange(50)} +0000"
        flags = [part for parent in parents for part in ("-p", parent)]
        commits.append(git(tmp_path, "commit-tree", tree, "-m", str(number), *flags,
                           GIT_COMMITTER_DATE=when, GIT_AUTHOR_DATE=when))  # fmt: skip
    with Clone(tmp_path) as clone:
        for _ in range(25):
            one, other = draw.sample(commits, 2)
            found = clone.history.merge_base(one, other)
            done = subprocess.run(["git", "merge-base", "--all", one, other], cwd=tmp_path,
                                  capture_output=True, text=True, check=False)  # fmt: skip
            assert (found or "") in (done.stdout.split() or [""])


def test_histories_that_never_met_have_no_merge_base(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    commit(tmp_path, {"a": "1"})
    git(tmp_path, "checkout", "-q", "--orphan", "other")
    commit(tmp_path, {"b": "1"})

    with Clone(tmp_path) as clone, pytest.raises(GitError) as caught:
        clone.merge_base("main", clone.revision("HEAD"))

    assert caught.value.code == "PLB243"


def test_outside_of_a_repository_says_so(tmp_path: Path) -> None:
    done = plumb(tmp_path, "diff", "--base", "main", expect=5)

    assert "PLB240" in done.stderr
