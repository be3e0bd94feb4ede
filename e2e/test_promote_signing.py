"""Commits signed with SSH keys: what git and ssh-keygen verify, and what they refuse."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from e2e.gitfixtures import NAME
from e2e.promotions import TO_2, run_plumb
from e2e.servers.gitssh import loaded, new_key
from engine.errors import SettingsError
from engine.git.sshsign import signer

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.servers.githttp import GitHttpServer
    from e2e.servers.gitrepo import TestRepository

needs_oracles = pytest.mark.skipif(
    not (shutil.which("ssh-keygen") and shutil.which("git")), reason="no git and no ssh-keygen"
)
KINDS = ["ed25519", "ecdsa", "rsa"]


def _allowed(folder: Path, key: bytes, passphrase: str = "") -> Path:
    public = loaded(key, passphrase)
    file = folder / "allowed_signers"
    file.write_text(f"ci@example.org {public.get_name()} {public.get_base64()}\n")
    return file


@needs_oracles
@pytest.mark.parametrize("kind", KINDS)
def test_git_verifies_what_plumb_signs(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository, kind: str
) -> None:
    passphrase = "correct horse" if kind == "ed25519" else ""
    key = new_key(kind, passphrase)  # type: ignore[arg-type]
    (tmp_path / "key").write_bytes(key)
    run_plumb(
        "promote", "--url", git_server.url(NAME), *TO_2, "--author", "CI <ci@example.org>",
        "--sign-key", str(tmp_path / "key"), folder=tmp_path / "w",
        environ={"PLUMB_SIGN_PASSPHRASE": passphrase},
    )  # fmt: skip
    allowed = _allowed(tmp_path, key, passphrase)
    done = _verify(config, allowed)
    assert done.returncode == 0, done.stderr
    assert 'Good "git" signature for ci@example.org' in done.stderr
    stranger = new_key()
    assert _verify(config, _allowed(tmp_path, stranger)).returncode != 0


def _verify(config: TestRepository, allowed: Path) -> subprocess.CompletedProcess[str]:
    command = ["git", "-C", str(config.path), "-c", f"gpg.ssh.allowedSignersFile={allowed}",
               "verify-commit", "-v", config.head()]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=False)


@needs_oracles
@pytest.mark.parametrize("kind", KINDS)
def test_ssh_keygen_verifies_any_bytes_and_no_others(tmp_path: Path, kind: str) -> None:
    key = new_key(kind)  # type: ignore[arg-type]
    sign = signer(key, where="test")
    allowed = _allowed(tmp_path, key)
    for data in (b"", b"a\n", bytes(range(256)) * 40):
        (tmp_path / "sig").write_text(sign(data) + "\n")
        command = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", "ci@example.org",
                   "-n", "git", "-s", str(tmp_path / "sig")]  # fmt: skip
        for sent, code in ((data, 0), (data + b"x", 255)):
            done = subprocess.run(command, input=sent, capture_output=True, check=False)
            assert done.returncode == code, done.stderr


@pytest.mark.parametrize(
    "key",
    [b"", b"no key", new_key("ed25519", "locked"), b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"],
    ids=["empty", "text", "locked", "damaged"],
)
def test_a_key_that_cannot_sign_is_refused_before_anything_is_pushed(
    tmp_path: Path, git_server: GitHttpServer, config: TestRepository, key: bytes
) -> None:
    with pytest.raises(SettingsError, match="cannot be used to sign") as refused:
        signer(key, where="key")
    assert key.decode()[30:60] not in str(refused.value) or not key[30:60]
    start = config.head()
    (tmp_path / "key").write_bytes(key)
    ran = run_plumb("promote", "--url", git_server.url(NAME), *TO_2, "--sign-key",
                    str(tmp_path / "key"), folder=tmp_path / "w", expect=3)  # fmt: skip
    assert "PLB850" in ran.err
    assert config.head() == start
