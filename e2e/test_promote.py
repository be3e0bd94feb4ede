"""Promotion against real Git servers on loopback: what lands, what is lost, what is refused."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from dulwich.objects import Tree
from dulwich.repo import Repo

from e2e.gitfixtures import NAME, WAYS, origin
from e2e.promotions import (
    FILE,
    IMAGE,
    SHOP,
    TO_2,
    commit_of,
    commits,
    content,
    deployment,
    reader,
    run_plumb,
)
from e2e.servers.githttpbackend import GitBackendServer, is_there
from e2e.servers.gitrepo import FILE_MODE, FOLDER_MODE, TestRepository
from engine.git import Branches
from engine.git.commits import Entry, NewObject, change, find
from engine.git.deadline import Deadline

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.gitfixtures import Origin
    from e2e.servers.githttp import GitHttpServer


@pytest.mark.parametrize("way", WAYS)
def test_a_promotion_changes_one_value_whatever_the_server(tmp_path: Path, way: str) -> None:
    with origin(tmp_path, way) as made:
        start = made.repository.commit({FILE: deployment()}, message="Add the shop")
        access = _access(made, tmp_path)
        ran = run_plumb("promote", "--url", made.url, *access, *TO_2, folder=tmp_path / "w")
        new = commit_of(made.repository, made.repository.head())
        assert ran.out.startswith(f"{new.id} main: Promote web to 2.0.0 in {SHOP}\n")
        assert new.parents == (start,)
        assert content(made.repository, FILE) == deployment().replace("1.0.0", "2.0.0")
        _assert_only(made.repository, start, new.id, FILE)
        again = run_plumb("promote", "--url", made.url, *access, *TO_2, folder=tmp_path / "w")
        assert again.out == f"unchanged: main has it at {new.short}\n"
        assert made.repository.head() == new.id


def _access(made: Origin, folder: Path) -> tuple[str, ...]:
    """Return the flags that say what the credentials of an origin say."""
    given = made.credentials
    if given is None:
        return ()
    flags: list[str] = []
    for flag, data in (("--ssh-key", given.ssh_key), ("--known-hosts", given.known_hosts),
                       ("--git-ca-file", given.ca)):  # fmt: skip
        if data:
            file = folder / flag.strip("-")
            file.write_bytes(data)
            flags += [flag, str(file)]
    return tuple(flags)


def _assert_only(repository: TestRepository, old: str, new: str, path: str) -> None:
    """Everything but one file is the same object with the same mode."""
    read = reader(repository)
    before, after = commit_of(repository, old).tree, commit_of(repository, new).tree
    entry = find(read, before, path)
    assert entry is not None
    restored, _ = change(read, after, {path: entry})
    assert restored == before
    changed = find(read, after, path)
    assert changed is not None
    assert changed.mode == entry.mode


def test_the_commit_says_who_what_and_from_which_build(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    run_plumb(
        "promote", "--url", git_server.url(NAME), *TO_2, "--set", "spec.replicas=3",
        "--author", "Ada <ada@example.org>", "--source-commit", "a" * 40,
        "--source-time", "2026-11-25T13:00:00+01:00", "--build-url", "https://ci.example/7",
        "--actor", "grace", "--trailer", "Ticket=SHOP-7", folder=tmp_path / "w",
    )  # fmt: skip
    new = commit_of(config, config.head())
    assert new.author == "Ada <ada@example.org>"
    assert new.trailers == (
        ("Plumb-Path", SHOP), ("Plumb-Image", f"{IMAGE}={IMAGE}:2.0.0"),
        ("Plumb-Set", "spec.replicas=3"), ("Plumb-Source-Commit", "a" * 40),
        ("Plumb-Source-Time", "2026-11-25T12:00:00Z"),
        ("Plumb-Build-Url", "https://ci.example/7"), ("Plumb-Actor", "grace"),
        ("Ticket", "SHOP-7"),
    )  # fmt: skip
    text = deployment().replace("1.0.0", "2.0.0").replace("replicas: 2 ", "replicas: 3 ")
    assert content(config, FILE) == text


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param(
            {"GITHUB_ACTIONS": "true", "GITHUB_SHA": "b" * 40, "GITHUB_ACTOR": "grace",
             "GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "a/b",
             "GITHUB_RUN_ID": "7"},
            [("Plumb-Source-Commit", "b" * 40),
             ("Plumb-Build-Url", "https://github.example/a/b/actions/runs/7"),
             ("Plumb-Actor", "grace")], id="GitHub Actions"),
        pytest.param(
            {"GITLAB_CI": "true", "CI_COMMIT_SHA": "b" * 40, "GITLAB_USER_LOGIN": "grace",
             "CI_COMMIT_TIMESTAMP": "2026-11-25T13:00:00+01:00", "CI_JOB_URL": "https://g.example/7"},
            [("Plumb-Source-Commit", "b" * 40), ("Plumb-Source-Time", "2026-11-25T12:00:00Z"),
             ("Plumb-Build-Url", "https://g.example/7"), ("Plumb-Actor", "grace")], id="GitLab CI"),
        pytest.param(
            {"BUILD_URL": "https://j.example/7", "GIT_COMMIT": "b" * 40, "CHANGE_AUTHOR": "grace"},
            [("Plumb-Source-Commit", "b" * 40), ("Plumb-Build-Url", "https://j.example/7"),
             ("Plumb-Actor", "grace")], id="Jenkins"),
    ],
)  # fmt: skip
def test_a_build_tells_about_itself(  # noqa: PLR0917 - a table's row
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository, environ: dict[str, str],
    expected: list[tuple[str, str]],
) -> None:  # fmt: skip
    run_plumb(
        "promote", "--url", git_server.url(NAME), *TO_2, folder=tmp_path / "w", environ=environ
    )
    assert list(commit_of(config, config.head()).trailers[2:]) == expected


def test_only_what_is_read_is_fetched_from_a_repository_of_ten_thousand_files(
    tmp_path: Path, git_server: GitHttpServer
) -> None:
    with TestRepository(git_server.root / NAME) as config:
        root = Tree()
        blobs = [config.blob(f"kind: ConfigMap\ndata: {{a: '{n}'}}\n".encode()) for n in range(100)]
        for number in range(100):
            folder = Tree()
            for name, blob_id in enumerate(blobs):
                folder.add(f"f{number:02}{name:02}.yaml".encode(), FILE_MODE, blob_id)
            root.add(f"a{number:02}".encode(), FOLDER_MODE, config.add(folder))
        start = config.commit_tree(root)
        config.branch("main", start)
        config.commit({FILE: deployment()})
        git_server.steps()
        run_plumb("promote", "--url", git_server.url(NAME), *TO_2, folder=tmp_path / "w")
        blob = find(reader(config), commits(config)[1].tree, FILE)
        assert blob is not None
        packs = [request.body for request in git_server.requests if request.step == "pack"]
        assert len(packs) == 3
        assert b"filter blob:none" in packs[0]
        assert b"want " + blob.id.encode() in packs[1]
        assert packs[1].count(b"want ") == 1
        assert b"filter tree:0" in packs[2]
        assert content(config, FILE) == deployment().replace("1.0.0", "2.0.0")


def test_a_dry_run_shows_the_edit_and_pushes_nothing(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    start = config.head()
    ran = run_plumb(
        "promote", "--url", git_server.url(NAME), *TO_2, "--dry-run", folder=tmp_path / "w"
    )
    assert ran.out.splitlines() == [
        f"would push to main: Promote web to 2.0.0 in {SHOP}",
        f'  {FILE}:10: "{IMAGE}:1.0.0" -> "{IMAGE}:2.0.0"',
    ]
    assert config.head() == start
    assert "push" not in git_server.steps()


def test_what_has_no_place_is_told_with_what_there_is(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    start, folder = config.head(), tmp_path / "w"
    ran = run_plumb("promote", "--url", git_server.url(NAME), "--path", "apps", "--image",
                    "registry.example/wep:2", folder=folder, expect=1)  # fmt: skip
    assert "PLB820" in ran.err
    assert f"did you mean {IMAGE}?" in ran.err
    ran = run_plumb("promote", "--url", git_server.url(NAME), "--path", "apps/shpo", "--image",
                    f"{IMAGE}:2", folder=folder, expect=1)  # fmt: skip
    assert "did you mean apps/shop?" in ran.err
    assert config.head() == start


def test_an_application_of_the_repository_names_the_path(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    url = git_server.url(NAME)
    document = (
        "apiVersion: plumb.dev/v1alpha1\nkind: Application\nmetadata: {name: shop}\n"
        f"spec:\n  source: {{url: {url}, ref: {{branch: main}}, path: {SHOP}}}\n"
    )
    config.commit({"clusters/prod/shop.yaml": document}, message="Add the application")
    image = ("--image", f"{IMAGE}:2.0.0")
    run_plumb("promote", "--url", url, "--app", "shop", *image, folder=tmp_path / "w")
    assert content(config, FILE) == deployment().replace("1.0.0", "2.0.0")
    ran = run_plumb(
        "promote", "--url", url, "--app", "shpo", *image, folder=tmp_path / "w", expect=3
    )
    assert "PLB806" in ran.err


def test_a_branch_that_is_checked_out_is_not_moved(tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    Repo.init(str(folder), mkdir=True, default_branch=b"main").close()
    with TestRepository(folder / ".git") as made:
        start = made.commit({FILE: deployment()})
        ran = run_plumb("promote", "--url", str(folder), *TO_2, folder=tmp_path / "w", expect=8)
        assert "PLB232" in ran.err
        assert made.head() == start
        run_plumb("promote", "--url", str(folder), *TO_2, "--branch", "next", folder=tmp_path / "w")
        assert content(made, FILE, "next") == deployment().replace("1.0.0", "2.0.0")


@pytest.mark.skipif(not is_there(), reason="no git program that serves HTTP")
def test_the_git_program_takes_what_is_pushed(tmp_path: Path) -> None:
    with TestRepository(tmp_path / "git" / NAME) as made, GitBackendServer(tmp_path / "git") as git:
        made.commit({FILE: deployment(), **{f"x/{n}": str(n) for n in range(200)}})
        git.allow(NAME)
        for tag in ("2.0.0", "2.0.1"):
            image = ("--path", SHOP, "--image", f"{IMAGE}:{tag}")
            run_plumb("promote", "--url", git.url(NAME), *image, folder=tmp_path / "w")
        run_plumb("rollback", "--url", git.url(NAME), "--path", SHOP, folder=tmp_path / "w")
        text = run_plumb(
            "history", "--url", git.url(NAME), "--path", SHOP, folder=tmp_path / "w"
        ).out
        assert text.count(f"{IMAGE}:2.0.0") == 3
        done = subprocess.run(
            ["git", "-C", str(made.path), "fsck", "--strict", "--full"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert content(made, FILE) == deployment().replace("1.0.0", "2.0.0")


def test_a_commit_that_is_malformed_is_refused(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository
) -> None:
    """A header with two trees is one commit to one reader and another to the next."""
    tree = commit_of(config, config.head()).tree
    text = f"tree {tree}\ntree {tree}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n"
    blob = NewObject("commit", text.encode())
    with Branches(str(config.path)) as branches, Deadline(20, where="test") as deadline:
        branches.push("odd", None, [blob], deadline)
    ran = run_plumb("promote", "--url", git_server.url(NAME), "--ref", "odd", *TO_2,
                    folder=tmp_path / "w", expect=1)  # fmt: skip
    assert "PLB225" in ran.err
    assert Entry(0, blob.id).id == config.head("odd")
