"""Every way to a repository, from the command line and from a Secret of the cluster."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from e2e.servers.githttp import GitHttpServer
from e2e.servers.gitssh import GitSshServer, new_key

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from e2e.team import Team

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: here}\ndata: {k: v}\n"
PASSWORD = "pass-4711-word"  # noqa: S105 - made up
TOKEN = "token-0815"  # noqa: S105 - made up


def sync(team: Team, url: str, *more: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """Sync from this URL; nothing that was said may hold a credential."""
    flags = [f"--url={url}", "--name=shop", "--ref=main", "--path=apps", "-n", team.namespace]
    done = team.run("sync", *flags, *more, expect=expect)
    said = done.stdout + done.stderr
    assert PASSWORD not in said
    assert TOKEN not in said
    return done


def test_ssh_with_a_key_and_a_pinned_host(team: Team, tmp_path: Path) -> None:
    team.commit({"a.yaml": CONFIG})
    key, hosts = tmp_path / "key", tmp_path / "known_hosts"
    private = new_key()
    key.write_bytes(private)
    with GitSshServer(team.repository.path.parent, key=private) as server:
        hosts.write_bytes(server.known_hosts)
        url = server.url("config.git")
        sync(team, url, f"--ssh-key={key}", f"--known-hosts={hosts}")
        assert team.names("configmaps") == ["here"]

        hosts.write_bytes(b"")
        unknown = sync(team, url, f"--ssh-key={key}", f"--known-hosts={hosts}", expect=5)
        assert "SHA256:" in unknown.stderr

        other = tmp_path / "other"
        other.write_bytes(new_key())
        hosts.write_bytes(server.known_hosts)
        sync(team, url, f"--ssh-key={other}", f"--known-hosts={hosts}", expect=4)


def test_https_with_a_password_and_an_authority_of_its_own(team: Team, tmp_path: Path) -> None:
    team.commit({"a.yaml": CONFIG})
    word, authority = tmp_path / "password", tmp_path / "ca.crt"
    word.write_text(PASSWORD + "\n")
    with GitHttpServer(team.repository.path.parent, users={"ada": PASSWORD}, tls=True) as server:
        authority.write_bytes(server.ca)
        trusted = f"--git-ca-file={authority}"
        named = ["--git-username=ada", f"--git-password-file={word}"]

        sync(team, server.url("config.git"), trusted, *named)
        sync(team, server.url("config.git"), trusted, expect=4)
        sync(team, server.url("config.git"), *named, expect=5)


def test_a_bearer_token(team: Team, tmp_path: Path) -> None:
    team.commit({"a.yaml": CONFIG})
    file = tmp_path / "token"
    file.write_text(TOKEN)
    with GitHttpServer(team.repository.path.parent, tokens=(TOKEN,)) as server:
        sync(team, server.url("config.git"), f"--git-token-file={file}")
        file.write_text("another")
        sync(team, server.url("config.git"), f"--git-token-file={file}", expect=4)


# --- from a Secret ----------------------------------------------------------------------------


def application(team: Team, url: str, tmp_path: Path) -> str:
    """Write an Application whose credentials are in Secret git-auth; the flag that names it."""
    document = {
        "apiVersion": "plumb.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": team.namespace},
        "spec": {
            "source": {
                "url": url,
                "ref": {"branch": "main"},
                "path": "apps",
                "secretRef": {"name": "git-auth"},
            }
        },
    }
    file = tmp_path / "app.yaml"
    file.write_text(json.dumps(document))
    return f"--file={file}"


def secret(team: Team, **data: bytes | str) -> None:
    """Make Secret git-auth."""
    raw = {k: v.encode() if isinstance(v, str) else v for k, v in data.items()}
    encoded = {k.replace("_crt", ".crt"): base64.b64encode(v).decode() for k, v in raw.items()}
    team.plane.create(team.path("secrets"), {"metadata": {"name": "git-auth"}, "data": encoded})


def test_a_secret_with_a_password_and_an_authority(team: Team, tmp_path: Path) -> None:
    team.commit({"a.yaml": CONFIG})
    with GitHttpServer(team.repository.path.parent, users={"ada": PASSWORD}, tls=True) as server:
        app = application(team, server.url("config.git"), tmp_path)
        missing = team.run("sync", app, expect=1)
        assert "git-auth" in missing.stderr

        secret(team, username="ada", password=PASSWORD, ca_crt=server.ca)
        done = team.run("sync", app)

    assert PASSWORD not in done.stdout + done.stderr
    assert team.names("configmaps") == ["here"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param({"username": "ada"}, "password", id="half of a pair"),
        pytest.param({"identity": "no key"}, "known_hosts", id="a key without known hosts"),
    ],
)
def test_a_secret_that_lacks_something_names_the_key(
    team: Team, tmp_path: Path, data: dict[str, Any], said: str
) -> None:
    team.commit({"a.yaml": CONFIG})
    secret(team, **data)
    with GitHttpServer(team.repository.path.parent, users={"ada": PASSWORD}) as server:
        done = team.run("sync", application(team, server.url("config.git"), tmp_path), expect=3)

    assert "git-auth" in done.stderr
    assert said in done.stderr
