"""Kubeconfigs as people have them become a Connection, or an error that says what to correct."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import SettingsError
from engine.kube import config, kubeconfig

if TYPE_CHECKING:
    from pathlib import Path

    from engine.model import JSON

SECRET = "hunter2-canary"  # noqa: S105 - a canary
PEM = "-----BEGIN CERTIFICATE-----\nnot really\n-----END CERTIFICATE-----\n"

WHOLE = """\
apiVersion: v1
kind: Config
current-context: shop
clusters:
- name: prod
  cluster:
    server: https://prod.example:6443/
users:
- name: dev
  user:
    token: hunter2-canary
contexts:
- name: shop
  context:
    cluster: prod
    user: dev
    namespace: shop
- name: admin
  context:
    cluster: prod
    user: root
- name: lost
  context:
    cluster: staging
    user: dev
"""


@pytest.fixture(autouse=True)
def _nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "https_proxy",
                 "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def written(path: Path, text: str = WHOLE) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def refused(path: str, context: str | None = None) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        config.load(kubeconfig=path, context=context)
    error = caught.value
    assert SECRET not in str(error)
    assert error.hint
    return error


def of_user(user: JSON, cluster: JSON = None, *, allow_exec: bool = True) -> config.Connection:
    """Load a context with this user, without a file around it."""
    whole = {"server": "https://prod.example:6443", **(cluster or {})}
    found = kubeconfig.Found(("cfg",), (), "c", {"k": whole}, {"u": user},
                             {"c": {"cluster": "k", "user": "u"}})  # fmt: skip
    return config.from_document(found, allow_exec=allow_exec)


# --- finding and merging ---------------------------------------------------------------------


def test_the_current_context_is_taken(tmp_path: Path) -> None:
    connection = config.load(kubeconfig=written(tmp_path / "k"))
    assert (connection.name, connection.server, connection.namespace, connection.user) == (
        "shop", "https://prod.example:6443", "shop", "dev",
    )  # fmt: skip
    assert connection.credentials.authorization() == f"Bearer {SECRET}"


def test_a_connection_does_not_print_what_it_holds(tmp_path: Path) -> None:
    assert SECRET not in repr(config.load(kubeconfig=written(tmp_path / "k")))


def test_the_default_file_is_in_the_home_folder(tmp_path: Path) -> None:
    written(tmp_path / "home" / ".kube" / "config")
    assert config.load().name == "shop"


def test_the_first_file_of_a_list_wins_entry_by_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = written(tmp_path / "a", """\
clusters: [{name: prod, cluster: {server: "https://first.example"}}]
users: [{name: dev, user: {username: u, password: p}}]
""")  # fmt: skip
    second = written(tmp_path / "b")
    listed = f"{first}:{tmp_path / 'gone'}::{second}:{first}"
    monkeypatch.setenv("KUBECONFIG", listed)
    connection = config.load()
    assert connection.server == "https://first.example"
    assert connection.credentials.authorization() == "Basic dTpw"
    assert kubeconfig.read(None).missing == (str(tmp_path / "gone"),)


def test_paths_are_relative_to_the_file_they_stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "pki" / "ca.crt", PEM)
    written(tmp_path / "pki" / "k", """\
clusters: [{name: k, cluster: {server: "https://x", certificate-authority: ca.crt}}]
users: [{name: u, user: {tokenFile: t, exec: {command: ./bin/login}}},
        {name: w, user: {exec: {command: login}}}]
""")  # fmt: skip
    monkeypatch.chdir(tmp_path)
    found = kubeconfig.read("pki/k")
    folder = tmp_path / "pki"
    assert found.clusters["k"]["certificate-authority"] == str(folder / "ca.crt")
    assert found.users["u"]["tokenFile"] == str(folder / "t")
    assert found.users["u"]["exec"]["command"] == str(folder / "bin/login")
    assert found.users["w"]["exec"]["command"] == "login"


def test_no_kubeconfig_anywhere_names_where_one_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"\.kube/config.*--kubeconfig") as caught:
        config.load()
    assert caught.value.code == "PLB450"
    assert str(tmp_path) in caught.value.where


def test_a_kubeconfig_that_is_named_has_to_exist(tmp_path: Path) -> None:
    assert refused(str(tmp_path / "gone")).code == "PLB450"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("users:\n\t- a\n", "k:2:1", id="no YAML"),
        pytest.param("- a\n", "k:1:1", id="a list"),
        pytest.param("clusters: 5\n", "k:1:11", id="no list of clusters"),
        pytest.param("clusters:\n- name: a\n- b\n", "k:3:3", id="an entry that is a word"),
        pytest.param("contexts:\n- name: 5\n", "k:2:9", id="a name that is a number"),
        pytest.param("users:\n- {name: a}\n- {name: a}\n", "k:3:10", id="a name given twice"),
        pytest.param("users:\n- name: a\n  user: hunter2-canary\n", "k:3:9", id="a user as text"),
        pytest.param(
            "users:\n- name: a\n  user:\n    exec: {command: x, args: hunter2-canary}\n",
            "k:4:30", id="arguments as text",
        ),
        pytest.param(
            "users:\n- name: a\n  user:\n    exec: {command: x, env: [hunter2-canary]}\n",
            "k:4:29", id="an environment without names",
        ),
    ],
)  # fmt: skip
def test_a_broken_kubeconfig_is_refused_with_its_place(
    tmp_path: Path, text: str, place: str
) -> None:
    error = refused(written(tmp_path / "k", text))
    assert error.code == "PLB451"
    assert error.where == f"{tmp_path}/{place}"


def test_a_folder_is_no_kubeconfig(tmp_path: Path) -> None:
    assert refused(str(tmp_path)).code == "PLB450"


# --- contexts --------------------------------------------------------------------------------


def test_an_empty_kubeconfig_has_no_context(tmp_path: Path) -> None:
    error = refused(written(tmp_path / "k", ""))
    assert (error.code, error.what) == ("PLB452", "no context is chosen")


def test_an_unknown_context_is_told_what_was_meant_and_what_is_there(tmp_path: Path) -> None:
    error = refused(written(tmp_path / "k"), "shpo")
    assert error.code == "PLB452"
    assert "did you mean 'shop'" in error.hint
    assert "admin, lost, shop" in error.hint


def test_an_unknown_user_is_named(tmp_path: Path) -> None:
    error = refused(written(tmp_path / "k"), "admin")
    assert (error.code, error.what) == (
        "PLB453", "context 'admin' names the user 'root', which is not there",
    )  # fmt: skip


def test_an_unknown_cluster_is_named(tmp_path: Path) -> None:
    assert "names the cluster 'staging'" in refused(written(tmp_path / "k"), "lost").what


@pytest.mark.parametrize(
    "server",
    ["", "prod.example:6443", "ftp://prod.example", "https://", "https://a:99999", "https://[::1"],
)
def test_a_cluster_without_a_url_is_refused(server: str) -> None:
    with pytest.raises(SettingsError, match="no usable `server`"):
        of_user({}, {"server": server})


# --- servers and proxies ---------------------------------------------------------------------


def test_the_clusters_tls_settings_are_kept() -> None:
    connection = of_user(
        {},
        {"insecure-skip-tls-verify": True, "tls-server-name": "api", "disable-compression": True},
    )
    assert (connection.verify, connection.tls_server_name, connection.compress) == (
        False, "api", False,
    )  # fmt: skip
    assert connection.ca is None


@pytest.mark.parametrize(
    ("server", "environment", "proxy"),
    [
        pytest.param("https://prod.example", {}, "", id="none"),
        pytest.param("https://prod.example", {"HTTPS_PROXY": "http://p:3128"}, "http://p:3128",
                     id="the environment's"),
        pytest.param("https://prod.example", {"HTTP_PROXY": "http://p:3128"}, "",
                     id="the one for http does not count"),
        pytest.param("https://prod.example",
                     {"HTTPS_PROXY": "http://p:3128", "NO_PROXY": ".example"}, "", id="NO_PROXY"),
        pytest.param("https://10.1.2.3", {"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "10.0.0.0/8"},
                     "", id="NO_PROXY as a network"),
        pytest.param("https://127.0.0.1:6443", {"HTTPS_PROXY": "http://p:3128"}, "",
                     id="this machine"),
        pytest.param("https://localhost", {"HTTPS_PROXY": "http://p:3128"}, "", id="localhost"),
    ],
)  # fmt: skip
def test_the_environments_proxy_is_used_as_go_does(
    monkeypatch: pytest.MonkeyPatch, server: str, environment: dict[str, str], proxy: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert of_user({}, {"server": server}).proxy == proxy


def test_the_clusters_proxy_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://other:1")
    cluster = {"server": "https://localhost", "proxy-url": "https://me:hunter2-canary@p:3128"}
    connection = of_user({}, cluster)
    assert connection.proxy == "https://me:hunter2-canary@p:3128"
    assert SECRET not in repr(connection)


@pytest.mark.parametrize("url", ["ftp://me:hunter2-canary@p", "p:3128", "http://"])
def test_a_proxy_of_another_kind_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="proxy") as caught:
        of_user({}, {"proxy-url": url})
    assert SECRET not in str(caught.value)
