"""Going back, never by accident, and the history that tells of it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from e2e.gitfixtures import NAME
from e2e.promotions import (
    FILE,
    IMAGE,
    SHOP,
    TO_2,
    commit_of,
    content,
    deployment,
    run_plumb,
)
from e2e.servers.gitrepo import TestRepository

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.servers.githttp import GitHttpServer


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        pytest.param(("2.0.0", "2026-11-25T12:00:00Z"), ("1.9.9", ""), "higher version",
                     id="lower version"),
        pytest.param(("build-8", "2026-11-25T12:00:00Z"), ("build-7", "2026-11-25T11:00:00Z"),
                     "its source commit is of 2026-11-25T12:00:00Z", id="older source"),
    ],
)  # fmt: skip
def test_a_build_that_comes_late_does_not_take_a_newer_one_back(  # noqa: PLR0917 - a table's row
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository,
    first: tuple[str, str], second: tuple[str, str], why: str,
) -> None:  # fmt: skip
    def promote(tag: str, at: str, *more: str, expect: int = 0) -> str:
        times = ("--source-commit", "c" * 40, "--source-time", at) if at else ()
        ran = run_plumb(
            "promote", "--url", git_server.url(NAME), "--path", SHOP, "--image", f"{IMAGE}:{tag}",
            *times, *more, folder=tmp_path / "w", expect=expect,
        )  # fmt: skip
        return ran.err

    promote(*first)
    newest = config.head()
    said = promote(*second, expect=8)
    assert "PLB840" in said
    assert why in said
    assert config.head() == newest
    promote(*second, "--allow-downgrade")
    assert f":{second[0]}" in content(config, FILE)


def test_a_job_that_runs_again_does_not_undo_a_rollback(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    url, folder = git_server.url(NAME), tmp_path / "w"
    before = commit_of(config, config.head()).tree
    run_plumb("promote", "--url", url, *TO_2, folder=folder)
    ran = run_plumb("rollback", "--url", url, "--path", SHOP, "--reason", "it crashed",
                    folder=folder)  # fmt: skip
    assert f"Roll back {SHOP} to" in ran.out
    assert commit_of(config, config.head()).tree == before
    rolled_back = config.head()
    assert "PLB840" in run_plumb("promote", "--url", url, *TO_2, folder=folder, expect=8).err
    assert (
        "PLB844" in run_plumb("rollback", "--url", url, "--path", SHOP, folder=folder, expect=1).err
    )
    assert config.head() == rolled_back
    run_plumb("promote", "--url", url, "--path", SHOP, "--image", f"{IMAGE}:2.0.1", folder=folder)
    assert f"{IMAGE}:2.0.1" in content(config, FILE)


def test_a_rollback_goes_to_any_commit_and_leaves_others_alone(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    url, folder = git_server.url(NAME), tmp_path / "w"
    start = config.head()
    for tag in ("1.1.0", "1.2.0"):
        run_plumb(
            "promote", "--url", url, "--path", SHOP, "--image", f"{IMAGE}:{tag}", folder=folder
        )
    config.commit({"apps/other/web.yaml": deployment("other", "x/new")}, message="Move the other")
    run_plumb("rollback", "--url", url, "--path", SHOP, "--to", start[:12], folder=folder)
    assert content(config, FILE) == deployment()
    assert content(config, "apps/other/web.yaml") == deployment("other", "x/new")
    assert commit_of(config, config.head()).values("Plumb-Rollback") == [start]
    again = run_plumb("rollback", "--url", url, "--path", SHOP, "--to", start, folder=folder)
    assert again.out.startswith("unchanged")


def test_a_rollback_does_not_undo_what_nobody_has_seen(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    url, folder = git_server.url(NAME), tmp_path / "w"
    run_plumb("promote", "--url", url, *TO_2, folder=folder)
    newer = deployment().replace("1.0.0", "3.0.0")

    def push() -> None:
        git_server.rules.before = None
        with TestRepository(config.path) as other:
            other.commit({FILE: newer}, message="Promote 3")

    git_server.rules.before = push
    ran = run_plumb("rollback", "--url", url, "--path", SHOP, folder=folder, expect=8)
    assert "PLB841" in ran.err
    assert content(config, FILE) == newer


def test_history_tells_who_changed_what_and_when(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    url, folder = git_server.url(NAME), tmp_path / "w"
    run_plumb("promote", "--url", url, *TO_2, "--actor", "grace", folder=folder)
    config.commit({"README.md": "# Elsewhere\n"}, message="Write about it")
    config.commit({f"{SHOP}/key.yaml": "kind: Secret\nstringData: {a: hunter2}\n"}, message="Key")
    config.commit(
        {f"{SHOP}/key.yaml": "kind: Secret\nstringData: {a: hunter3}\n"}, message="Rotate"
    )
    text = run_plumb("history", "--url", url, "--path", SHOP, folder=folder).out
    subjects = [line.strip() for line in text.splitlines() if re.match(r"  \S", line)]
    assert subjects == ["Rotate", "Key", f"Promote web to 2.0.0 in {SHOP}", "Start"]
    assert (
        f"{FILE} spec.template.spec.containers[name=web].image: {IMAGE}:1.0.0 -> {IMAGE}:2.0.0"
        in text
    )
    assert "stringData.a: *** -> ***" in text
    assert "hunter" not in text
    body = json.loads(run_plumb("history", "--url", url, "--path", SHOP, "-o", "json",
                                "--limit", "3", folder=folder).out)  # fmt: skip
    assert [event["subject"] for event in body["events"]] == subjects[:3]
    assert {"key": "Plumb-Actor", "value": "grace"} in body["events"][2]["trailers"]
