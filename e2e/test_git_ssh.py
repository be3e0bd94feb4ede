"""Git over SSH: keys that open the door, host keys that are known, and nothing run by a shell."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from e2e.gitfixtures import NAME
from e2e.servers.gitrepo import TestRepository
from e2e.servers.gitssh import GitSshServer, loaded, new_key
from engine.errors import ExitCode, GitError
from engine.git import Limits, Repository
from engine.model import Credentials, GitRef

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "correct horse/battery:staple"  # noqa: S105 - made up


@pytest.fixture
def made(tmp_path: Path) -> Iterator[TestRepository]:
    with TestRepository(tmp_path / "git" / NAME) as repository:
        repository.commit({"README.md": "# Config\n"})
        yield repository


def fetched(url: str, tmp_path: Path, credentials: Credentials) -> str:
    cache = tmp_path / "cache"
    limits = Limits(timeout_s=15)
    with Repository(url, cache_dir=cache, credentials=credentials, limits=limits) as repository:
        return repository.fetch(GitRef()).commit


def failure(url: str, tmp_path: Path, credentials: Credentials) -> GitError:
    """Return the error that a fetch must end in."""
    with pytest.raises(GitError) as caught:
        fetched(url, tmp_path, credentials)
    assert PASSWORD not in str(caught.value) + repr(caught.value)
    return caught.value


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("passphrase", ["", "open sesame"])
def test_a_private_key_opens_the_door(
    made: TestRepository, tmp_path: Path, kind: Any, passphrase: str
) -> None:
    key = new_key(kind, passphrase)
    plain = loaded(key, passphrase)
    with GitSshServer(made.path.parent, host_key=new_key(kind)) as server:
        server.key = plain
        both = new_key() + key  # the first one is not known to the server
        for text in (key, both if not passphrase else key, key.replace(b"\n", b"\r\n")):
            credentials = Credentials(
                ssh_key=text, ssh_passphrase=passphrase, known_hosts=server.known_hosts
            )
            assert fetched(server.url(NAME), tmp_path, credentials) == made.head()
        assert server.log[0] == f"git-upload-pack '/{NAME}'"


def test_a_password_opens_the_door_over_ssh(made: TestRepository, tmp_path: Path) -> None:
    with GitSshServer(made.path.parent, password=PASSWORD) as server:
        right = Credentials(password=PASSWORD, known_hosts=server.known_hosts)
        assert fetched(server.url(NAME), tmp_path, right) == made.head()
        wrong = Credentials(password=PASSWORD[::-1], known_hosts=server.known_hosts)
        assert failure(server.url(NAME), tmp_path, wrong).code == "PLB204"


def test_keys_that_do_not_open_it_say_so(made: TestRepository, tmp_path: Path) -> None:
    key = new_key()
    sealed = new_key("ed25519", "open sesame")
    with GitSshServer(made.path.parent, key=key) as server:
        cases = {
            "PLB203": Credentials(known_hosts=server.known_hosts),
            "PLB204": Credentials(ssh_key=new_key(), known_hosts=server.known_hosts),
            "PLB208": Credentials(ssh_key=b"rubbish", known_hosts=server.known_hosts),
        }
        for code, credentials in cases.items():
            error = failure(server.url(NAME), tmp_path, credentials)
            assert (error.code, error.exit_code) == (code, ExitCode.NOT_PERMITTED)
        for passphrase, words in (
            ("", "no passphrase was given"),
            ("wrong", "passphrase is wrong"),
        ):
            credentials = Credentials(
                ssh_key=sealed, ssh_passphrase=passphrase, known_hosts=server.known_hosts
            )
            assert words in failure(server.url(NAME), tmp_path, credentials).why


def test_an_unknown_host_key_shows_what_to_add(made: TestRepository, tmp_path: Path) -> None:
    key = new_key()
    with GitSshServer(made.path.parent, key=key) as server:
        error = failure(server.url(NAME), tmp_path, Credentials(ssh_key=key))
        assert error.code == "PLB206"
        assert "ssh-ed25519 SHA256:" in error.why
        line = error.hint.partition("known_hosts: ")[2]
        assert (line + "\n").encode() == server.known_hosts
        assert server.log == []
        trusted = Credentials(ssh_key=key, known_hosts=line.encode())
        assert fetched(server.url(NAME), tmp_path, trusted) == made.head()


def test_a_changed_or_revoked_host_key_is_refused(made: TestRepository, tmp_path: Path) -> None:
    key = new_key()
    with GitSshServer(made.path.parent, key=key) as server:
        changed = server.known_hosts.split()[0] + b" ssh-ed25519 " + base64.b64encode(
            loaded(new_key()).asbytes()
        )  # fmt: skip
        for known in (changed, b"@revoked " + server.known_hosts):
            credentials = Credentials(ssh_key=key, known_hosts=known)
            assert failure(server.url(NAME), tmp_path, credentials).code == "PLB207"
        assert server.log == []


def test_a_host_key_of_the_pinned_kind_is_asked_for(made: TestRepository, tmp_path: Path) -> None:
    """Servers have several host keys; known_hosts often holds one of them."""
    key = new_key()
    with GitSshServer(made.path.parent, key=key, host_key=new_key("rsa")) as server:
        credentials = Credentials(ssh_key=key, known_hosts=server.known_hosts)
        assert fetched(server.url(NAME), tmp_path, credentials) == made.head()


def test_a_path_with_a_quote_reaches_the_server_as_one_word(tmp_path: Path) -> None:
    name = "it's; touch x.git"
    key = new_key()
    with (
        TestRepository(tmp_path / "git" / name) as made,
        GitSshServer(tmp_path / "git", key=key) as server,
    ):
        made.commit({"a": "1"})
        credentials = Credentials(ssh_key=key, known_hosts=server.known_hosts)
        url = server.url(name.replace(" ", "%20"))
        assert fetched(url, tmp_path, credentials) == made.head()
        assert server.log == ["git-upload-pack '/it'\\''s; touch x.git'"]
