"""known_hosts as OpenSSH writes it: plain, with ports, hashed, with patterns, revoked."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from engine.git import knownhosts

BLOB = base64.b64encode(b"key").decode()
SALT = base64.b64encode(b"0123456789abcdefghij").decode()


def hashed(name: str) -> str:
    digest = hmac.new(base64.b64decode(SALT), name.encode(), hashlib.sha1).digest()
    return f"|1|{SALT}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    ("hosts", "host", "port", "is_known"),
    [
        ("git.example", "git.example", 22, True),
        ("git.example", "GIT.example", 22, True),
        ("git.example", "git.example", 2222, False),
        ("[git.example]:2222", "git.example", 2222, True),
        ("[git.example]:2222", "git.example", 22, False),
        ("other,git.example,192.0.2.1", "git.example", 22, True),
        ("*.example", "git.example", 22, True),
        ("*.example,!git.example", "git.example", 22, False),
        ("[*.example]:2222", "git.example", 2222, True),
        ("git.exampl?", "git.example", 22, True),
        (hashed("git.example"), "git.example", 22, True),
        (hashed("git.example"), "evil.example", 22, False),
        (hashed("[git.example]:2222"), "git.example", 2222, True),
        ("|1|broken", "git.example", 22, False),
        ("@cert-authority *.example", "git.example", 22, False),
        ("# git.example", "git.example", 22, False),
    ],
)
def test_a_line_is_about_the_hosts_it_names(
    hosts: str, host: str, port: int, *, is_known: bool
) -> None:
    text = f"{hosts} ssh-ed25519 {BLOB} a comment\n".encode()
    assert bool(knownhosts.matching(text, host, port)) is is_known


def test_a_revoked_key_is_marked() -> None:
    (key,) = knownhosts.matching(f"@revoked * ssh-ed25519 {BLOB}".encode(), "git.example", 22)
    assert key.is_revoked


def test_malformed_lines_are_passed_over() -> None:
    text = b"git.example ssh-ed25519\n\xff\xfe\ngit.example ssh-ed25519 !!!\n\n"
    assert knownhosts.matching(text, "git.example", 22) == []


def test_the_fingerprint_is_the_one_that_openssh_prints() -> None:
    # `ssh-keygen -lf` of this public key, recorded.
    blob = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    key = knownhosts.HostKey("ssh-ed25519", base64.b64decode(blob))
    assert key.fingerprint == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
