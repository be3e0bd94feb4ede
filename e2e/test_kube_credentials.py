"""Every way to log in, against a real API server: plugins, tokens, certificates."""

from __future__ import annotations

import base64
import json
import os
import stat
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from engine.errors import DeniedError, SettingsError
from engine.kube import config
from engine.kube.client import Client

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.servers.controlplane import ControlPlane
    from engine.model import JSON

V1 = "client.authentication.k8s.io/v1"
V1BETA1 = "client.authentication.k8s.io/v1beta1"
CANARY = "sWordfish-canary-78"


def user_name(client: Client) -> str:
    """Who the server says we are."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = client.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    return str(answer.body["status"]["userInfo"]["username"])


class Login:
    """A kubeconfig of the real server with a user of the test's own."""

    def __init__(self, api_server: ControlPlane, folder: Path) -> None:
        self.document = YAML(typ="safe", pure=True).load(api_server.kubeconfig.read_text())
        self.folder = folder
        self.path = folder / "kubeconfig"

    def as_user(self, **user: JSON) -> config.Connection:
        self.document["users"][0]["user"] = user
        self.path.write_text(json.dumps(self.document))
        return config.load(kubeconfig=str(self.path))

    def with_plugin(self, answer: JSON, *, code: int = 0, **more: JSON) -> config.Connection:
        """Use a plugin that counts its runs and prints this."""
        text = answer if isinstance(answer, str) else json.dumps(answer)
        script = self.folder / "plugin"
        script.write_text(f"""#!{sys.executable}
import os, sys
with open({str(self.folder / "runs")!r}, "a") as runs:
    runs.write(os.environ["KUBERNETES_EXEC_INFO"] + "\\n")
with open({str(self.folder / "env")!r}, "w") as env:
    env.write(" ".join(sys.argv[1:]) + " " + os.environ.get("FROM_CONFIG", ""))
print({text!r})
sys.exit({code})
""")
        script.chmod(stat.S_IRWXU)
        plugin = {"apiVersion": V1, "command": "./plugin", "interactiveMode": "Never", **more}
        return self.as_user(exec=plugin)

    @property
    def runs(self) -> list[Any]:
        file = self.folder / "runs"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def login(api_server: ControlPlane, tmp_path: Path) -> Login:
    return Login(api_server, tmp_path)


@pytest.fixture
def token(api_server: ControlPlane, namespace: str) -> str:
    """Return a token of the namespace's service account."""
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
    return str(api_server.create(path, request)["status"]["token"])


def credential(version: str = V1, **status: JSON) -> JSON:
    return {"apiVersion": version, "kind": "ExecCredential", "status": status}


def in_seconds(seconds: float) -> str:
    moment = datetime.now(tz=UTC) + timedelta(seconds=seconds)  # noqa: TID251 - a test's clock
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# --- plugins ---------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [V1, V1BETA1])
def test_a_plugins_token_logs_in_and_is_kept(
    login: Login, token: str, namespace: str, version: str
) -> None:
    answer = credential(version, token=token, expirationTimestamp=in_seconds(600))
    with Client(login.with_plugin(answer, apiVersion=version)) as client:
        for _ in range(3):
            assert user_name(client) == f"system:serviceaccount:{namespace}:default"
    assert len(login.runs) == 1
    assert login.runs[0] == {
        "apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False},
    }  # fmt: skip


def test_a_plugins_certificate_logs_in(login: Login, api_server: ControlPlane) -> None:
    pair = api_server.authority.client("from-plugin")
    answer = credential(
        clientCertificateData=pair.certificate.decode(), clientKeyData=pair.key.decode()
    )
    with Client(login.with_plugin(answer)) as client:
        assert user_name(client) == "from-plugin"
        assert user_name(client) == "from-plugin"
    assert len(login.runs) == 1


def test_a_plugin_is_run_again_when_its_answer_has_expired(login: Login, token: str) -> None:
    with Client(
        login.with_plugin(credential(token=token, expirationTimestamp=in_seconds(-5)))
    ) as c:
        user_name(c)
        user_name(c)
    assert len(login.runs) >= 2


def test_a_plugin_whose_token_is_refused_is_asked_once_more(login: Login) -> None:
    with Client(login.with_plugin(credential(token="no-such-token"))) as client:  # noqa: S106
        with pytest.raises(DeniedError) as caught:
            client.get("/version")
        assert "no-such-token" not in str(caught.value)
    assert len(login.runs) == 2


def test_threads_wait_for_one_run_of_the_plugin(login: Login, token: str) -> None:
    with Client(login.with_plugin(credential(token=token))) as client:
        threads = [threading.Thread(target=user_name, args=(client,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(login.runs) == 1


def test_a_plugin_gets_its_arguments_environment_and_cluster(login: Login, token: str) -> None:
    cluster = login.document["clusters"][0]["cluster"]
    cluster["extensions"] = [
        {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
    ]
    connection = login.with_plugin(
        credential(token=token), args=["get-token", "--cluster=c"], provideClusterInfo=True,
        env=[{"name": "FROM_CONFIG", "value": "yes"}],
    )  # fmt: skip
    with Client(connection) as client:
        user_name(client)
    assert (login.folder / "env").read_text() == "get-token --cluster=c yes"
    told = login.runs[0]["spec"]["cluster"]
    assert told["server"] == cluster["server"]
    assert told["config"] == {"audience": "x"}
    pem = base64.b64decode(told["certificate-authority-data"])
    assert pem.startswith(b"-----BEGIN CERTIFICATE")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(CANARY, "not JSON", id="text"),
        pytest.param({"kind": "Secret", "data": CANARY}, "no ExecCredential", id="another kind"),
        pytest.param(credential(V1BETA1, token=CANARY), "another version", id="another version"),
        pytest.param({"apiVersion": V1, "kind": "ExecCredential"}, "no status", id="no status"),
        pytest.param(credential(), "neither a token nor", id="nothing"),
        pytest.param(credential(clientKeyData=CANARY), "or a key alone", id="half a pair"),
        pytest.param(credential(token=CANARY, expirationTimestamp="soon"), "RFC 3339", id="soon"),
    ],
)
def test_a_plugin_that_answers_oddly_is_explained_without_its_answer(
    login: Login, answer: JSON, why: str
) -> None:
    with Client(login.with_plugin(answer)) as client:
        with pytest.raises(SettingsError) as caught:
            client.get("/version")
        assert caught.value.code == "PLB455"
        assert why in caught.value.why
        assert CANARY not in str(caught.value)


def test_a_plugin_that_fails_is_told_with_its_exit_code(login: Login) -> None:
    with (
        Client(login.with_plugin(CANARY, code=3)) as client,
        pytest.raises(SettingsError, match="exit code 3") as caught,
    ):
        client.get("/version")
    assert CANARY not in str(caught.value)


def test_a_plugin_that_is_not_installed_is_told_with_its_hint(login: Login) -> None:
    plugin = {"apiVersion": V1, "command": "no-such-plugin", "interactiveMode": "IfAvailable",
              "installHint": "get it from your administrator\n"}  # fmt: skip
    with (
        Client(login.as_user(exec=plugin)) as client,
        pytest.raises(SettingsError, match=r"no such command.*get it from your administrator"),
    ):
        client.get("/version")


def test_a_plugin_that_may_not_be_run_is_told(login: Login) -> None:
    (login.folder / "plugin").touch(mode=0o644)
    plugin = {"apiVersion": V1, "command": "./plugin", "interactiveMode": "Never"}
    with (
        Client(login.as_user(exec=plugin)) as client,
        pytest.raises(SettingsError, match="Permission denied"),
    ):
        client.get("/version")


def test_a_plugin_that_never_answers_is_given_up(
    login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.kube.credentials.PLUGIN_TIMEOUT_S", 0.5)
    plugin = {"apiVersion": V1, "command": "sleep", "args": ["60"], "interactiveMode": "Never"}
    with (
        Client(login.as_user(exec=plugin)) as client,
        pytest.raises(SettingsError, match="no answer within"),
    ):
        client.get("/version")


def test_a_plugin_that_needs_a_terminal_is_not_run_without_one(
    login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(os.devnull) as nothing:  # noqa: PTH123 - standard input is a stream
        monkeypatch.setattr(sys, "stdin", nothing)
        connection = login.with_plugin(credential(token="x"), interactiveMode="Always")  # noqa: S106
        with Client(connection) as client, pytest.raises(SettingsError, match="needs a terminal"):
            client.get("/version")
    assert login.runs == []


# --- tokens and certificates -----------------------------------------------------------------


def test_a_token_logs_in(login: Login, token: str, namespace: str) -> None:
    with Client(login.as_user(token=token)) as client:
        assert user_name(client) == f"system:serviceaccount:{namespace}:default"


def test_a_token_file_that_is_rotated_logs_in_again(login: Login, token: str) -> None:
    file = login.folder / "token"
    file.write_text("expired-long-ago")
    with Client(login.as_user(tokenFile="token")) as client:
        with pytest.raises(DeniedError):
            user_name(client)
        file.write_text(token)
        assert user_name(client).startswith("system:serviceaccount:")


def test_a_certificate_in_files_logs_in(login: Login, api_server: ControlPlane) -> None:
    pair = api_server.authority.client("from-file")
    (login.folder / "c.pem").write_bytes(pair.certificate)
    (login.folder / "k.pem").write_bytes(pair.key)
    connection = login.as_user(**{"client-certificate": "c.pem", "client-key": "k.pem"})
    with Client(connection) as client:
        assert user_name(client) == "from-file"


def test_a_certificate_with_another_key_is_refused_before_any_request(
    login: Login, api_server: ControlPlane
) -> None:
    one, other = (api_server.authority.client(name) for name in ("one", "other"))
    connection = login.as_user(**{
        "client-certificate-data": base64.b64encode(one.certificate).decode(),
        "client-key-data": base64.b64encode(other.key).decode(),
    })  # fmt: skip
    with Client(connection) as client, pytest.raises(SettingsError, match="cannot be used"):
        client.get("/version")


def test_the_kubeconfigs_impersonation_is_sent(login: Login) -> None:
    admin = login.document["users"][0]["user"]
    connection = login.as_user(**{**admin, "as": "jane", "as-groups": ["a", "b"]})
    path = "/api/v1/namespaces/default/configmaps/x"
    with Client(connection) as client, pytest.raises(DeniedError, match="user 'jane'"):
        client.get(path)
    other = Client(connection, impersonate="joe")
    with other as client, pytest.raises(DeniedError, match="user 'joe'"):
        client.get(path)


def test_nobody_is_told_that_nobody_was_let_in(login: Login) -> None:
    with Client(login.as_user()) as client:
        with pytest.raises(DeniedError) as caught:
            client.list("/api/v1/namespaces")
        assert caught.value.exit_code == 4
