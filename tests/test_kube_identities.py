"""Who we are to an API server: users of a kubeconfig, and the service account of a Pod."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from engine.errors import SettingsError
from engine.kube import config, kubeconfig
from engine.kube.client import Client
from engine.kube.credentials import PluginCredentials, TokenFile

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


def of_user(user: JSON, cluster: JSON = None, *, allow_exec: bool = True) -> config.Connection:
    """Load a context with this user, without a file around it."""
    whole = {"server": "https://prod.example:6443", **(cluster or {})}
    found = kubeconfig.Found(("cfg",), (), "c", {"k": whole}, {"u": user},
                             {"c": {"cluster": "k", "user": "u"}})  # fmt: skip
    return config.from_document(found, allow_exec=allow_exec)


# --- identities ------------------------------------------------------------------------------


def test_a_context_without_user_is_anonymous(tmp_path: Path) -> None:
    path = written(tmp_path / "k", WHOLE.replace("    user: dev\n    namespace", "    namespace"))
    connection = config.load(kubeconfig=path)
    assert connection.credentials.authorization() == ""
    assert connection.credentials.certificate() is None


def test_a_token_file_is_preferred_to_the_token(tmp_path: Path) -> None:
    path = written(tmp_path / "token", "fresh\n")
    connection = of_user({"tokenFile": path, "token": "stale"})
    assert isinstance(connection.credentials, TokenFile)
    assert connection.credentials.authorization() == "Bearer fresh"


def test_a_token_file_that_is_gone_falls_back_to_the_token(tmp_path: Path) -> None:
    connection = of_user({"tokenFile": str(tmp_path / "gone"), "token": "stale"})
    assert connection.credentials.authorization() == "Bearer stale"


def test_a_token_file_that_is_gone_is_an_error_without_a_token(tmp_path: Path) -> None:
    connection = of_user({"tokenFile": str(tmp_path / "gone")})
    with pytest.raises(SettingsError, match="token file cannot be read"):
        connection.credentials.authorization()


def test_a_token_file_is_read_again_when_the_server_refuses(tmp_path: Path) -> None:
    path = tmp_path / "token"
    credentials = TokenFile(path, fallback="")
    path.write_text("one")
    first = credentials.authorization()
    path.write_text("two")
    assert credentials.authorization() == first
    assert credentials.renew(first)
    assert credentials.authorization() == "Bearer two"
    assert not credentials.renew("Bearer two")


def test_a_token_file_is_read_again_when_it_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "token"
    path.write_text("one")
    credentials = TokenFile(path)
    assert credentials.authorization() == "Bearer one"
    monkeypatch.setattr("engine.kube.credentials.REREAD_S", 0.0)
    path.write_text("two\n")
    assert credentials.authorization() == "Bearer two"
    path.write_text("")
    assert credentials.authorization() == "Bearer two"
    path.unlink()
    assert credentials.authorization() == "Bearer two"


@pytest.mark.parametrize("token", ["a\nX-Evil: hunter2-canary", "hunter2-canary é", "a b"])
def test_a_token_that_cannot_be_a_header_is_refused_without_quoting_it(token: str) -> None:
    with pytest.raises(SettingsError, match="token cannot be sent") as caught:
        of_user({"token": token})
    assert SECRET not in str(caught.value)


def test_a_client_does_not_impersonate_through_a_header() -> None:
    connection = of_user({"as": "jane\r\nImpersonate-Group: system:masters"})
    with pytest.raises(SettingsError, match="Impersonate-User cannot be sent"):
        Client(connection)


def test_certificates_come_from_data(tmp_path: Path) -> None:
    data = base64.b64encode(PEM.encode()).decode()
    written(tmp_path / "ca", PEM)
    connection = of_user(
        {"client-certificate-data": data, "client-key-data": data},
        {"certificate-authority": str(tmp_path / "ca")},
    )
    certificate = connection.credentials.certificate()
    assert certificate is not None
    assert (certificate.certificate, certificate.key) == (PEM.encode(), PEM.encode())
    assert connection.ca == PEM.encode()
    assert "really" not in repr(certificate)


@pytest.mark.parametrize(
    ("user", "words"),
    [
        pytest.param({"client-certificate-data": "QQ=="},
                     "has client-certificate and no client-key", id="no key"),
        pytest.param({"client-certificate-data": "!", "client-key-data": "QQ=="},
                     "client-certificate cannot be read", id="no base64"),
        pytest.param({"client-certificate-data": "QQ==", "client-key-data": "QQ=="},
                     "not PEM", id="no PEM"),
        pytest.param({"client-certificate": "/gone", "client-key": "/gone"},
                     "certificate or key .* cannot be read .*'/gone'", id="no file"),
        pytest.param({"auth-provider": {"name": "gcp"}}, "auth-provider 'gcp'", id="old provider"),
        pytest.param({"exec": {"apiVersion": "client.authentication.k8s.io/v1alpha1"}},
                     "v1alpha1' are not supported", id="old plugin"),
        pytest.param({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "x"}},
                     "interactiveMode", id="v1 wants the mode"),
        pytest.param({"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1"}},
                     "no valid command", id="no command"),
    ],
)  # fmt: skip
def test_an_identity_that_cannot_be_used_is_refused(user: JSON, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        of_user(user)
    assert caught.value.hint


def test_only_the_chosen_contexts_files_are_opened(tmp_path: Path) -> None:
    more = "- name: broken\n  user:\n    client-certificate: /gone\n    client-key: /gone\n"
    path = written(tmp_path / "k", WHOLE.replace("contexts:\n", more + "contexts:\n", 1))
    assert config.load(kubeconfig=path).user == "dev"


def test_a_plugin_is_refused_where_nothing_may_be_run() -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "login"}
    assert isinstance(of_user({"exec": plugin}).credentials, PluginCredentials)
    with pytest.raises(SettingsError, match="refused here"):
        of_user({"exec": plugin}, allow_exec=False)


def test_impersonation_of_the_kubeconfig_is_kept() -> None:
    user = {"as": "jane", "as-uid": "7", "as-groups": ["a", "b"], "as-user-extra": {"x": ["y"]}}
    assert of_user(user).impersonate == {
        "Impersonate-User": ("jane",),
        "Impersonate-Uid": ("7",),
        "Impersonate-Group": ("a", "b"),
        "Impersonate-Extra-x": ("y",),
    }


# --- in a Pod --------------------------------------------------------------------------------


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "serviceaccount"
    for name, content in (("token", "abc"), ("namespace", "plumb-system"), ("ca.crt", PEM)):
        written(folder / name, content)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return folder


def test_a_pod_uses_its_service_account(mounted: Path) -> None:
    assert config.is_in_cluster(mounted)
    connection = config.in_cluster(mounted)
    assert (connection.server, connection.namespace) == ("https://[fd00::1]:443", "plumb-system")
    assert connection.credentials.authorization() == "Bearer abc"
    assert connection.ca == PEM.encode()


def test_a_pod_whose_token_changes_goes_on_with_the_new_one(mounted: Path) -> None:
    credentials = config.in_cluster(mounted).credentials
    old = credentials.authorization()
    (mounted / "token").write_text("def")
    assert credentials.renew(old)
    assert credentials.authorization() == "Bearer def"


def test_without_a_mounted_token_it_is_no_pod(mounted: Path) -> None:
    (mounted / "token").unlink()
    assert not config.is_in_cluster(mounted)


def test_a_service_account_without_authority_is_refused(mounted: Path) -> None:
    (mounted / "ca.crt").unlink()
    with pytest.raises(SettingsError, match="service account cannot be read"):
        config.in_cluster(mounted)
