"""Broken input: a clear error with its place and its code, no traceback, and nothing is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.servers.githttp import Fault, GitHttpServer
from e2e.servers.gitrepo import TestRepository

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2e.servers.controlplane import ControlPlane

PLUMB = str(Path(sys.executable).with_name("plumb"))
SPACE = "broken-input"
GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\ndata: {k: v}\n"
HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n"


class Shop:
    """One synced application that every test breaks in its own way, and finds as it was."""

    def __init__(self, plane: ControlPlane, server: GitHttpServer, folder: Path) -> None:
        self.plane = plane
        self.server = server
        self.folder = folder
        self.repository = TestRepository(server.root / "config.git")

    def run(
        self, *arguments: str, expect: int, environ: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run plumb; its exit code has to be this one and its words may hold no traceback."""
        own = {"KUBECONFIG": str(self.plane.kubeconfig), "XDG_CACHE_HOME": str(self.folder)}
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PLUMB_")}
        done = subprocess.run(
            [PLUMB, *arguments], env=kept | own | (environ or {}),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        assert "a bug in Plumb" not in said, said
        assert done.returncode == expect, said
        return done

    def sync(self, *more: str, expect: int, **fields: str) -> str:
        """Sync, with parts of the source replaced; what it said on standard error and output."""
        source = {"url": self.server.url("config.git"), "ref": "main", "path": "apps"} | fields
        flags = [f"--{key}={value}" for key, value in source.items()]
        done = self.run("sync", "--name=shop", f"-n={SPACE}", *flags, *more, expect=expect)
        return done.stdout + done.stderr

    def state(self) -> Sequence[str]:
        """Every object of the namespace with its version, and the record's."""
        found = []
        for plural in ("configmaps", "services", "secrets"):
            items = self.plane.get(f"/api/v1/namespaces/{SPACE}/{plural}")["items"]
            found += [f"{i['metadata']['name']} {i['metadata']['resourceVersion']}" for i in items]
        record = self.plane.get(f"/api/v1/namespaces/plumb-system/configmaps/plumb.{SPACE}.shop")
        return [*sorted(found), record["metadata"]["resourceVersion"]]


@pytest.fixture(scope="module")
def shop(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A namespace with one object that is in sync."""
    folder = tmp_path_factory.mktemp("shop")
    control_plane.create("/api/v1/namespaces", {"metadata": {"name": SPACE}})
    with GitHttpServer(folder / "git") as server:
        made = Shop(control_plane, server, folder)
        made.repository.commit({"apps/good.yaml": GOOD})
        made.sync(expect=0)
        yield made
        made.repository.close()
    control_plane.delete(f"/api/v1/namespaces/{SPACE}")


BROKEN = [
    ("bad flow", b"a: {b: 1\n", "apps/bad.yaml:2:1", 1),
    ("tab as indentation", b"a:\n\tb: 1\n", "apps/bad.yaml:2:1", 1),
    ("duplicate key", HEAD.encode() + b"kind: ConfigMap\n", "apps/bad.yaml:5:1", 1),
    ("alias bomb", b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % ((n + 1, n + 1) + (n,) * 9)
        for n in range(ord("a"), ord("j"))), "apps/bad.yaml:", 1),
    ("nested brackets", b"[" * 100_000, "apps/bad.yaml:1:", 1),
    ("NUL", HEAD.encode() + b'data: {a: "\x00"}\n', "apps/bad.yaml:", 1),
    ("UTF-16", HEAD.encode("utf-16"), "UTF-16", 1),
    ("not UTF-8", HEAD.encode() + b"data: {a: \xff\xfe}\n", "apps/bad.yaml:", 1),
    ("no kind", b"apiVersion: v1\nmetadata: {name: x}\n", "kind", 1),
    ("no apiVersion", b"kind: ConfigMap\nmetadata: {name: x}\n", "apiVersion", 1),
    ("no name", b"apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", "name", 1),
    ("generateName", HEAD.replace("name:", "generateName:").encode(), "generateName", 1),
    ("a list", b"- 1\n", "apps/bad.yaml:1", 1),
    ("name with a slash", HEAD.replace("x", "a/b").encode(), "a/b", 1),
    ("upper-case name", HEAD.replace("x", "Shop").encode(), "Shop", 1),
    ("bad namespace", HEAD.encode() + b"  namespace: A_B\n", "A_B", 1),
    ("numeric label", HEAD.encode() + b"  labels: {a: 1}\n", "apps/bad.yaml:5", 1),
    ("same object twice", GOOD.encode(), "apps/bad.yaml:1", 1),
    ("a patch directive", HEAD.encode() + b"data: {$patch: delete}\n", "$patch", 1),
    ("unknown kind", HEAD.replace("ConfigMap", "ConfigMop").encode(), "ConfigMap", 1),
    ("unknown apiVersion", HEAD.replace("v1", "v7").encode(), "v7", 1),
    ("unknown field", HEAD.encode() + b"dta: {a: b}\n", "apps/bad.yaml:5", 1),
    ("wrong type", HEAD.encode() + b"data: [a]\n", "apps/bad.yaml:5", 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said", "code"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN]
)
def test_a_broken_manifest_is_refused_with_its_place(
    shop: Shop, text: bytes, said: str, code: int
) -> None:
    before = shop.state()
    shop.repository.commit({"apps/bad.yaml": text, "apps/good.yaml": GOOD})
    try:
        assert said in shop.sync(expect=code)
        assert shop.state() == before
    finally:
        shop.repository.commit({"apps/bad.yaml": None})


def test_a_file_of_50_megabytes_is_refused(shop: Shop) -> None:
    before = shop.state()
    shop.repository.commit({"apps/bad.yaml": b"# " + b"x" * 50_000_000})
    try:
        assert "apps/bad.yaml" in shop.sync(expect=1)
        assert shop.state() == before
    finally:
        shop.repository.commit({"apps/bad.yaml": None})


@pytest.mark.parametrize("file", ["kustomization.yaml", "Chart.yaml"])
def test_a_folder_of_another_tool_is_refused_by_name(shop: Shop, file: str) -> None:
    shop.repository.commit({f"apps/{file}": "resources: []\n"})
    try:
        assert f"apps/{file}" in shop.sync(expect=1)
    finally:
        shop.repository.commit({f"apps/{file}": None})


# --- the repository --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "said", "code"),
    [
        pytest.param({"ref": "gone"}, "gone", 5, id="a branch that is gone"),
        pytest.param({"ref": "mian"}, "main", 5, id="a typo gets a suggestion"),
        pytest.param({"ref": "semver:>=9"}, ">=9", 5, id="no tag in the range"),
        pytest.param({"ref": "0" * 40}, "0000", 5, id="no such commit"),
        pytest.param({"path": "../x"}, "--path", 3, id="a path out of the repository"),
        pytest.param({"url": "/nowhere/x.git"}, "/nowhere/x.git", 5, id="no such folder"),
        pytest.param({"url": "http://127.0.0.1:9/x.git"}, "127.0.0.1:9", 5, id="nobody listens"),
        pytest.param({"url": "gopher://x/y"}, "schemes", 3, id="no such scheme"),
    ],
)
def test_a_source_that_is_not_there_is_said_and_nothing_is_deleted(
    shop: Shop, fields: dict[str, str], said: str, code: int
) -> None:
    before = shop.state()

    assert said in shop.sync(expect=code, **fields)
    assert shop.state() == before


@pytest.mark.parametrize("path", ["nowhere", "empty"])
def test_a_path_that_is_not_there_or_empty_holds_every_deletion(shop: Shop, path: str) -> None:
    shop.repository.commit({"empty/.keep": ""})
    before = shop.state()

    said = shop.sync(expect=8, path=path)

    assert "--confirm" in said
    assert shop.state() == before


def test_a_repository_that_needs_a_password_says_so(shop: Shop) -> None:
    with GitHttpServer(shop.server.root, users={"ada": "s3cret"}) as server:
        url = server.url("config.git")
        assert "PLB" in shop.sync(expect=4, url=url)
        wrong = shop.run(
            "sync", "--name=shop", f"-n={SPACE}", f"--url={url}", "--ref=main", "--path=apps",
            "--git-username=ada", environ={"PLUMB_GIT_PASSWORD": "hunter2"}, expect=4,
        )  # fmt: skip
        assert "hunter2" not in wrong.stdout + wrong.stderr
        right = shop.run(
            "sync", "--name=shop", f"-n={SPACE}", f"--url={url}", "--ref=main", "--path=apps",
            "--git-username=ada", environ={"PLUMB_GIT_PASSWORD": "s3cret"}, expect=0,
        )  # fmt: skip
        assert "s3cret" not in right.stdout + right.stderr


def test_a_certificate_that_nobody_trusts_is_refused(shop: Shop) -> None:
    with GitHttpServer(shop.server.root, tls=True) as server:
        assert "certificate" in shop.sync(expect=5, url=server.url("config.git"))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("drip"), id="a byte now and then"),
        pytest.param(Fault("hang"), id="no answer"),
        pytest.param(Fault("truncate"), id="cut short"),
        pytest.param(Fault("corrupt", on=frozenset({"pack"})), id="a corrupt pack"),
        pytest.param(Fault("html"), id="a login page"),
        pytest.param(Fault("status", status=500), id="a server error"),
    ],
)
def test_a_git_server_that_fails_costs_seconds_and_nothing_else(shop: Shop, fault: Fault) -> None:
    before = shop.state()
    shop.repository.commit({"README.md": f"{fault}"})  # so that there is something to fetch
    with shop.server.failing(fault):
        said = shop.sync("--git-timeout=3s", expect=5)

    assert "PLB2" in said
    assert shop.state() == before
    shop.sync(expect=0)


# --- the cluster -----------------------------------------------------------------------------


def test_a_kubeconfig_that_is_missing_or_names_no_context_is_said(shop: Shop) -> None:
    assert "/nowhere" in shop.sync("--kubeconfig=/nowhere", expect=3)
    assert "nobody" in shop.sync("--context=nobody", expect=3)


def test_a_server_that_is_down_is_said_with_its_address(shop: Shop) -> None:
    text = shop.plane.kubeconfig.read_text().replace(shop.plane.url, "https://127.0.0.1:9")
    down = shop.folder / "down.kubeconfig"
    down.write_text(text)

    assert "127.0.0.1:9" in shop.sync(f"--kubeconfig={down}", expect=6)


# --- the application and the command line ----------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: Application\n", "app.yaml:1"),
        (
            "apiVersion: plumb.dev/v1alpha1\nkind: Application\nmetadata: {name: a}\nspc: {}\n",
            "spec",
        ),
        ("{", "app.yaml:"),
        ("", "app.yaml"),
    ],
)
def test_an_application_that_cannot_be_used_is_refused(shop: Shop, text: str, said: str) -> None:
    file = shop.folder / "app.yaml"
    file.write_text(text)

    done = shop.run("sync", "-f", str(file), expect=3)

    assert said in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["snyc"],
        ["sync"],
        ["sync", "--no-such-flag"],
        ["sync", "--timeout=soon", "--url=x"],
        ["sync", "-f", "/nowhere.yaml"],
        ["explain", "PLB000"],
        ["delete"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_makes_no_sense_ends_in_three(shop: Shop, arguments: list[str]) -> None:
    done = shop.run(*arguments, expect=3)

    assert done.stdout == ""
    assert done.stderr


def test_one_broken_application_does_not_hold_up_the_others(shop: Shop) -> None:
    document = """
apiVersion: plumb.dev/v1alpha1
kind: Application
metadata: {{name: {0}, namespace: {1}}}
spec: {{source: {{url: "{2}", path: {3}, ref: {{branch: {4}}}}}}}
"""
    url = shop.server.url("config.git")
    shop.repository.commit({"two/two.yaml": GOOD.replace("good", "two")})
    apps = [("broken", SPACE, url, "apps", "gone"), ("two", SPACE, url, "two", "main")]
    file = shop.folder / "apps.yaml"
    file.write_text("---".join(document.format(*app) for app in apps))

    shop.run("sync", "-f", str(file), expect=5)

    assert shop.plane.get(f"/api/v1/namespaces/{SPACE}/configmaps/two") is not None


def test_a_path_that_never_was_is_an_error_and_not_nothing_to_do(shop: Shop) -> None:
    said = shop.run(
        "sync", "--name=stranger", f"-n={SPACE}", f"--url={shop.server.url('config.git')}",
        "--ref=main", "--path=nowhere", expect=1,
    ).stderr  # fmt: skip

    assert "PLB223" in said
    assert "nowhere" in said
