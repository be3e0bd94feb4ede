"""Promotion by pull request, against the REST interfaces of three forges on loopback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from e2e.promotions import FILE, IMAGE, SHOP, TO_2, commits, content, deployment, run_plumb
from e2e.servers.forge import ForgeServer, Kind
from e2e.servers.gitrepo import TestRepository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.servers.githttp import GitHttpServer

NAME = "org/config.git"
WORD = "t0k3n-of-the-forge"


@pytest.fixture
def config(git_server: GitHttpServer) -> Iterator[TestRepository]:
    with TestRepository(git_server.root / NAME) as made:
        made.commit({FILE: deployment()}, message="Start")
        yield made


@pytest.fixture(params=["github", "gitlab", "gitea"])
def forge(request: pytest.FixtureRequest) -> Iterator[ForgeServer]:
    with ForgeServer(cast("Kind", request.param), "org/config", token=WORD) as running:
        yield running


def _flags(git_server: GitHttpServer, forge: ForgeServer) -> tuple[str, ...]:
    return ("--url", git_server.url(NAME), "--pull-request", "--forge", forge.kind,
            "--forge-url", forge.api)  # fmt: skip


def test_a_pull_request_is_opened_once_for_a_change(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository, forge: ForgeServer
) -> None:
    start, environ = config.head(), {"PLUMB_FORGE_TOKEN": WORD}
    flags = _flags(git_server, forge)
    ran = run_plumb("promote", *flags, *TO_2, folder=tmp_path / "w", environ=environ)
    (opened,) = forge.opened
    assert opened["title"] == f"Promote web to 2.0.0 in {SHOP}"
    assert opened["base"] == "main"
    assert f"Plumb-Image: {IMAGE}={IMAGE}:2.0.0" in opened["body"]
    assert ran.out.endswith("pull request opened: https://forge.example/org/config/1\n")
    assert config.head() == start
    branch = opened["branch"]
    assert branch.startswith("plumb/apps-shop-")
    assert content(config, FILE, branch) == deployment().replace("1.0.0", "2.0.0")
    tip = config.head(branch)
    # The job runs again, from another build: same branch, no second commit, no second request.
    again = run_plumb("promote", *flags, *TO_2, "--actor", "grace", "-o", "json",
                      folder=tmp_path / "w", environ=environ)  # fmt: skip
    body = json.loads(again.out)
    assert (body["changed"], body["pullRequest"]["opened"]) == (False, False)
    assert body["pullRequest"]["url"] == "https://forge.example/org/config/1"
    assert (config.head(branch), len(forge.opened)) == (tip, 1)
    # Another change gets its own.
    other = ("--path", SHOP, "--image", f"{IMAGE}:2.1.0")
    run_plumb("promote", *flags, *other, folder=tmp_path / "w", environ=environ)
    assert len({each["branch"] for each in forge.opened}) == 2
    # Once merged there is nothing to ask for.
    config.branch("main", tip)
    merged = run_plumb("promote", *flags, *TO_2, folder=tmp_path / "w", environ=environ)
    assert merged.out.startswith("unchanged: main has it at")
    assert len(forge.opened) == 2


def test_one_that_somebody_else_opens_meanwhile_is_success(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository, forge: ForgeServer
) -> None:
    forge.before_create = lambda: forge.opened or forge.open("next", "main")
    flags = (*_flags(git_server, forge), "--branch", "next")
    ran = run_plumb("promote", *flags, *TO_2, folder=tmp_path / "w",
                    environ={"PLUMB_FORGE_TOKEN": WORD})  # fmt: skip
    assert ran.out.endswith("pull request open: https://forge.example/org/config/1\n")
    assert content(config, FILE, "next") == deployment().replace("1.0.0", "2.0.0")


def test_a_rollback_may_be_asked_for_by_pull_request_too(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    with ForgeServer("gitea", "org/config", token=WORD) as forge:
        url = git_server.url(NAME)
        run_plumb("promote", "--url", url, *TO_2, folder=tmp_path / "w")
        promoted = config.head()
        run_plumb("rollback", *_flags(git_server, forge), "--path", SHOP, folder=tmp_path / "w",
                  environ={"PLUMB_FORGE_TOKEN": WORD})  # fmt: skip
        (opened,) = forge.opened
        assert config.head() == promoted
        assert content(config, FILE, opened["branch"]) == deployment()


def test_without_a_token_nothing_is_pushed(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    with ForgeServer("gitlab", "org/config", token=WORD) as forge:
        flags = (*_flags(git_server, forge), "--branch", "next")
        ran = run_plumb("promote", *flags, *TO_2, folder=tmp_path / "w", expect=3)
        assert "PLB864" in ran.err
        assert len(config.repo.refs.as_dict()) == 2  # HEAD and main
        wrong = {"PLUMB_FORGE_TOKEN": "wr0ng-t0k3n"}
        ran = run_plumb("promote", *flags, *TO_2, folder=tmp_path / "w", environ=wrong, expect=4)
        assert "PLB861" in ran.err
        assert "wr0ng" not in ran.out + ran.err
        assert len(commits(config, "next")) == 2


def test_a_forge_that_is_not_there_is_told(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    flags = ("--url", git_server.url(NAME), "--pull-request", "--forge", "gitea",
             "--forge-url", "http://127.0.0.1:9/api/v1", "--branch", "next")  # fmt: skip
    ran = run_plumb("promote", *flags, *TO_2, folder=tmp_path / "w", expect=5,
                    environ={"PLUMB_FORGE_TOKEN": WORD})  # fmt: skip
    assert "PLB863" in ran.err
    assert config.head("next") != config.head()
