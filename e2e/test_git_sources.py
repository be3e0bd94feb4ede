"""A repository is read the same whatever the way to it: paths, HTTP, SSH, old and new protocol."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from dulwich.objects import ObjectID, Tree

from e2e.gitfixtures import FILES, NAME, WAYS, Origin, origin
from e2e.servers.gitrepo import (
    FILE_MODE,
    FOLDER_MODE,
    SUBMODULE_MODE,
    SYMLINK_MODE,
    TestRepository,
)
from engine.errors import ExitCode, GitError, PathNotFoundError, SettingsError
from engine.git import GitContentError, Limits, Repository
from engine.git.objects import Kind, Objects
from engine.model import GitRef, Revision, TreeEntry
from engine.render import Rendered, render_again

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=WAYS)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Origin]:
    with origin(tmp_path, request.param) as opened:
        yield opened


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Origin]:
    with origin(tmp_path, "path") as opened:
        yield opened


def test_a_revision_and_its_files_are_read(source: Origin) -> None:
    with source.open() as repository:
        revision = repository.fetch(GitRef())
        tree = repository.tree(revision)
        files = {path: tree.read(path).decode() for path in FILES}
        folder = [(entry.name, entry.kind) for entry in tree.entries("apps/shop")]
    assert revision == Revision(
        source.repository.head(), revision.tree, "main", "Ada <ada@example.org>", "Start",
        committed_at=1_700_000_060,
    )  # fmt: skip
    assert files == FILES
    assert folder == [("db.yaml", "file"), ("web.yaml", "file")]


def test_every_kind_of_ref_is_found(source: Origin) -> None:
    made = source.repository
    first = made.head()
    made.tag("v1.0.0", first)
    second = made.commit({"a": "2"}, branch="next")
    made.tag("v1.2.0", second, message="The second")
    third = made.commit({"a": "3"})
    found = {}
    with source.open() as repository:
        for ref in (
            GitRef(),
            GitRef("branch", "next"),
            GitRef("tag", "v1.0.0"),
            GitRef("tag", "v1.2.0"),
            GitRef("semver", "^1"),
            GitRef("semver", "~1.0"),
            GitRef("name", "next"),
            GitRef("name", "v1.0.0"),
            GitRef("commit", third),
            GitRef("name", second),
        ):
            revision = repository.fetch(ref)
            found[str(ref)] = (revision.commit, revision.ref)
    assert found == {
        "head": (third, "main"),
        "branch next": (second, "next"),
        "tag v1.0.0": (first, "v1.0.0"),
        "tag v1.2.0": (second, "v1.2.0"),
        "semver ^1": (second, "v1.2.0"),
        "semver ~1.0": (first, "v1.0.0"),
        "name next": (second, "next"),
        "name v1.0.0": (first, "v1.0.0"),
        f"commit {third}": (third, third),
        f"name {second}": (second, second),
    }


def test_a_commit_that_no_ref_points_to_is_found_by_its_id(source: Origin) -> None:
    old = source.repository.head()
    for number in range(3):
        source.repository.commit({"n": str(number)})
    with source.open() as repository:
        revision = repository.fetch(GitRef("commit", old))
        assert revision.commit == old
        assert repository.tree(revision).read("README.md") == b"# Config\n"


def test_a_commit_that_is_nowhere_is_an_error(source: Origin) -> None:
    with source.open() as repository, pytest.raises(GitError) as caught:
        repository.fetch(GitRef("commit", "1" * 40))
    assert caught.value.code == "PLB221"
    assert caught.value.exit_code is ExitCode.GIT_UNREACHABLE


def test_a_branch_that_is_gone_is_an_error_with_the_name_that_comes_close(source: Origin) -> None:
    source.repository.branch("release", source.repository.head())
    with source.open() as repository:
        repository.fetch(GitRef("branch", "release"))
        source.repository.delete_branch("release")
        source.repository.branch("releases", source.repository.head())
        with pytest.raises(GitError, match="did you mean releases") as caught:
            repository.fetch(GitRef("branch", "release"))
    assert caught.value.code == "PLB218"


def test_an_empty_repository_is_called_empty(source: Origin, tmp_path: Path) -> None:
    TestRepository(tmp_path / "git" / "empty.git").close()
    url = source.url.replace(NAME, "empty.git")
    with Repository(url, cache_dir=tmp_path / "c", credentials=source.credentials) as repository:
        for ref in (GitRef(), GitRef("branch", "main"), GitRef("semver", "*")):
            with pytest.raises(GitError) as caught:
                repository.fetch(ref)
            assert caught.value.code == "PLB217"


def test_a_repository_that_is_not_there_is_an_error(source: Origin, tmp_path: Path) -> None:
    url = source.url.replace(NAME, "other.git")
    with (
        Repository(url, cache_dir=tmp_path / "c", credentials=source.credentials) as repository,
        pytest.raises(GitError) as caught,
    ):
        repository.fetch(GitRef())
    assert caught.value.code == "PLB202"
    assert caught.value.where == url


def test_a_head_that_names_no_branch_says_which_there_are(source: Origin) -> None:
    source.repository.default("gone")
    with source.open() as repository, pytest.raises(GitError, match="main") as caught:
        repository.fetch(GitRef())
    assert caught.value.code == "PLB218"


def test_a_force_push_is_followed(source: Origin) -> None:
    made = source.repository
    first = made.head()
    second = made.commit({"a": "2"})
    with source.open() as repository:
        assert repository.fetch(GitRef()).commit == second
        made.branch("main", first)
        third = made.commit({"a": "3"})
        revision = repository.fetch(GitRef())
        assert revision.commit == third
        assert repository.tree(revision).read("a") == b"3"


@pytest.mark.parametrize("kind", ["blob", "tree", "tag of a blob"])
def test_a_ref_that_is_no_commit_is_an_error(source: Origin, kind: str) -> None:
    made = source.repository
    target = made.blob(b"data").decode()
    if kind == "tree":
        target = made.add(Tree()).decode()
    made.tag("odd", target, message="odd" if kind == "tag of a blob" else "")
    with source.open() as repository, pytest.raises(GitError) as caught:
        repository.fetch(GitRef("tag", "odd"))
    assert caught.value.code == "PLB222"


def test_a_tag_of_a_tag_is_followed(source: Origin) -> None:
    made = source.repository
    inner = made.tag("inner", made.head(), message="inner")
    made.tag("outer", inner, message="outer")
    with source.open() as repository:
        assert repository.fetch(GitRef("tag", "outer")).commit == made.head()


def test_symlinks_and_submodules_are_named_and_not_followed(source: Origin) -> None:
    made = source.repository
    tree = Tree()
    tree.add(b"file", FILE_MODE, made.blob(b"data"))
    tree.add(b"link", SYMLINK_MODE, made.blob(b"/etc/passwd"))
    tree.add(b"module", SUBMODULE_MODE, ObjectID(b"1" * 40))
    made.branch("main", made.commit_tree(tree))
    with source.open() as repository:
        files = repository.tree(repository.fetch(GitRef()))
        assert [entry.kind for entry in files.entries("")] == ["file", "symlink", "submodule"]
        for path in ("link", "module"):
            with pytest.raises(PathNotFoundError, match="not followed"):
                files.read(path)
            with pytest.raises(PathNotFoundError, match="not followed"):
                files.entries(path)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("apps/shpo", "the nearest folder, apps, holds shop\\); did you mean apps/shop"),
        (
            "nope/deeper/still",
            "path nope does not exist .*nearest folder, /, holds README.md, apps",
        ),
        ("README.md", "is a file, not a folder"),
        ("README.md/x", "is a file, not a folder"),
        ("/apps", "does not exist"),
        ("../apps", "does not exist"),
    ],
)
def test_a_path_that_is_not_there_names_the_nearest(local: Origin, path: str, words: str) -> None:
    with local.open() as repository:
        files = repository.tree(repository.fetch(GitRef()))
        with pytest.raises(PathNotFoundError, match=words) as caught:
            files.entries(path)
    assert caught.value.exit_code is ExitCode.FAILURE


@pytest.mark.parametrize(
    "name", [b"..", b".", b".git", b".GIT", b"a/b", b"\xff\xfe", b""], ids=repr
)
def test_a_folder_with_a_hostile_name_is_refused(local: Origin, name: bytes) -> None:
    made = local.repository
    blob = made.blob(b"data")
    tree = Tree.from_string(b"100644 " + name + b"\0" + bytes.fromhex(blob.decode()))
    root = Tree()
    root.add(b"bad", FOLDER_MODE, made.add(tree))
    root.add(b"good", FOLDER_MODE, made.add(Tree()))
    made.branch("main", made.commit_tree(root))
    with local.open() as repository:
        files = repository.tree(repository.fetch(GitRef()))
        assert files.entries("good") == []
        with pytest.raises(GitContentError) as caught:
            files.entries("bad")
    assert caught.value.code == "PLB225"
    assert caught.value.exit_code is ExitCode.FAILURE


def test_a_name_that_is_there_twice_is_refused(local: Origin) -> None:
    made = local.repository
    raw = bytes.fromhex(made.blob(b"data").decode())
    tree = Tree.from_string(b"100644 a\0" + raw + b"100755 a\0" + raw)
    made.branch("main", made.commit_tree(tree))
    with local.open() as repository, pytest.raises(GitContentError, match="there twice"):
        repository.tree(repository.fetch(GitRef())).entries("")


def test_a_file_above_the_cap_is_an_error_only_when_it_is_read(source: Origin) -> None:
    source.repository.commit({"large": b"x" * 2000})
    with source.open(limits=Limits(timeout_s=20, blob_bytes=1000)) as repository:
        files = repository.tree(repository.fetch(GitRef()))
        assert files.read("README.md") == b"# Config\n"
        with pytest.raises(GitContentError, match="2000 bytes, the cap is 1000"):
            files.read("large")


def test_a_tree_that_multiplies_itself_is_stopped(local: Origin) -> None:
    """Ten folders of the same ten folders, and so on: 10 objects, 10 billion paths."""
    made = local.repository
    below = made.blob(b"data")
    mode = FILE_MODE
    for _ in range(10):
        tree = Tree()
        for name in range(10):
            tree.add(str(name).encode(), mode, below)
        below, mode = made.add(tree), FOLDER_MODE
    made.branch("main", made.commit_tree(tree))

    def walk(path: str) -> int:
        entries: list[TreeEntry] = list(files.entries(path))
        below = [entry for entry in entries if entry.kind == "folder"]
        return len(entries) + sum(walk(f"{path}/{entry.name}".lstrip("/")) for entry in below)

    with local.open(limits=Limits(tree_entries=5000)) as repository:
        files = repository.tree(repository.fetch(GitRef()))
        with pytest.raises(GitContentError, match="too many files"):
            walk("")


def test_whatever_is_at_a_path_is_found(local: Origin) -> None:
    made = local.repository
    folder = Tree()
    folder.add(b"a.yaml", FILE_MODE, made.blob(b"kind: ConfigMap\n"))
    root = Tree()
    root.add(b"apps", FOLDER_MODE, made.add(folder))
    root.add(b"link", SYMLINK_MODE, made.blob(b"apps"))
    root.add(b"sub", SUBMODULE_MODE, ObjectID(b"1" * 40))
    made.branch("main", made.commit_tree(root))
    with local.open() as repository:
        revision = repository.fetch(GitRef())
        files = repository.tree(revision)
        kinds = {path: (found := files.find(path)) and found.kind for path in (
            "", "apps", "apps/a.yaml", "link", "sub", "gone", "apps/gone", "gone/gone",
            "apps/a.yaml/x", "link/a.yaml")}  # fmt: skip
        assert kinds == {
            "": "folder", "apps": "folder", "apps/a.yaml": "file", "link": "symlink",
            "sub": "submodule", "gone": None, "apps/gone": None, "gone/gone": None,
            "apps/a.yaml/x": None, "link/a.yaml": None,
        }  # fmt: skip
        whole = files.find("")
        assert whole is not None
        assert whole.id == revision.tree


def test_a_commit_elsewhere_is_known_by_the_folders_on_the_way(
    local: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file is opened, and below the path nothing."""
    made = local.repository
    manifest = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"
    made.commit({f"apps/{n}/deep/a.yaml": manifest for n in range(20)})
    memos: dict[int, Rendered | None] = dict.fromkeys(range(20))
    opened: list[str] = []
    read = Objects.read

    def counted(self: Objects, name: str, kind: Kind) -> bytes:
        opened.append(kind)
        return read(self, name, kind)

    def render_all(repository: Repository) -> list[int]:
        tree = repository.tree(repository.fetch(GitRef()))
        fresh = []
        opened.clear()
        for number, memo in memos.items():
            rendering, memos[number] = render_again(tree, f"apps/{number}", memo)
            assert [m.ref.name for m in rendering.manifests] == ["a"]
            fresh += [number] if memos[number] is not memo else []
        return fresh

    monkeypatch.setattr(Objects, "read", counted)
    with local.open() as repository:
        assert render_all(repository) == list(range(20))
        made.commit({"README.md": "later", "docs/x": "y"})
        assert render_all(repository) == []
        assert opened == ["tree", "tree"]
        made.commit({"apps/7/deep/a.yaml": f"# changed\n{manifest}"})
        assert render_all(repository) == [7]
        assert sorted(opened) == ["blob", "tree", "tree", "tree", "tree"]


def test_control_characters_of_a_commit_reach_nobody(local: Origin) -> None:
    local.repository.commit({"a": "1"}, message="Red \x1b[31malert\x07\u202e")
    with local.open() as repository:
        assert repository.fetch(GitRef()).subject == "Red ?[31malert??"


def test_a_repository_with_a_work_tree_is_read(tmp_path: Path, local: Origin) -> None:
    work = tmp_path / "work"
    shutil.copytree(local.repository.path, work / ".git")
    with Repository(str(work), cache_dir=tmp_path / "cache") as repository:
        assert repository.fetch(GitRef()).commit == local.repository.head()
    (work / "apps").mkdir()
    with (
        Repository(str(work / "apps"), cache_dir=tmp_path / "cache") as repository,
        pytest.raises(GitError, match=f"name {work} as the repository and apps as the path"),
    ):
        repository.fetch(GitRef())


def test_a_local_repository_leaves_no_cache(local: Origin) -> None:
    with local.open() as repository:
        repository.tree(repository.fetch(GitRef())).read("README.md")
    assert not local.cache_dir.exists()


def test_an_abbreviated_commit_is_a_usage_error(local: Origin) -> None:
    with local.open() as repository, pytest.raises(SettingsError, match="40 lower-case hex"):
        repository.fetch(GitRef("commit", "abc123"))


def test_a_repository_packed_by_git_itself_is_read(local: Origin) -> None:
    """Deltas, packed refs, a multi-pack index and a commit graph, as git leaves them."""
    if shutil.which("git") is None:
        pytest.skip("the git program serves as an oracle here and is not installed")
    made = local.repository
    for number in range(20):
        made.commit({"apps/shop/web.yaml": "kind: ConfigMap\n" * 100 + str(number)})
    made.tag("v1", made.head(), message="packed")
    for command in (["gc", "--aggressive"], ["multi-pack-index", "write"], ["pack-refs", "--all"]):
        subprocess.run(["git", "-C", str(made.path), *command], check=True, capture_output=True)
    with local.open() as repository:
        revision = repository.fetch(GitRef("tag", "v1"))
        data = repository.tree(revision).read("apps/shop/web.yaml")
    assert data.endswith(b"19")


@pytest.mark.parametrize("way", ["http", "ssh"])
def test_a_thousand_files_arrive(tmp_path: Path, way: str) -> None:
    with origin(tmp_path, way) as opened:
        files = {f"apps/{n % 50}/{n}.yaml": f"kind: ConfigMap\nname: n{n}\n" for n in range(1000)}
        opened.repository.commit(files)
        with opened.open() as repository:
            tree = repository.tree(repository.fetch(GitRef()))
            assert all(tree.read(path).decode() == text for path, text in files.items())
