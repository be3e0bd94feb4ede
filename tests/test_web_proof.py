"""Who knows a secret is heard, and nobody else, whatever else the request holds."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.web.payload import PROVIDERS, Provider
from engine.web.proof import is_proven
from engine.web.rate import Rate
from engine.web.secrets import Secrets

if TYPE_CHECKING:
    from pathlib import Path

_SECRET = b"a secret of some length"
_BODY = b'{"ref": "refs/heads/main"}'


def _mac(secret: bytes = _SECRET, body: bytes = _BODY, how: str = "sha256") -> str:
    return hmac.new(secret, body, how).hexdigest()


def _judge(
    provider: Provider, headers: dict[str, str], *secrets: bytes, body: bytes = _BODY
) -> bool:
    known = {name.lower(): value for name, value in headers.items()}
    return is_proven(provider, lambda name: known.get(name.lower(), ""), body, secrets=secrets)


_GOOD: list[tuple[Provider, dict[str, str]]] = [
    ("github", {"X-Hub-Signature-256": f"sha256={_mac()}"}),
    ("gitlab", {"X-Gitlab-Token": _SECRET.decode()}),
    ("gitea", {"X-Gitea-Signature": _mac()}),
    ("gitea", {"X-Forgejo-Signature": _mac()}),
    ("gitea", {"X-Hub-Signature-256": f"sha256={_mac()}"}),
    ("bitbucket", {"X-Hub-Signature": f"sha256={_mac()}"}),
    ("generic", {"X-Signature": f"sha256={_mac()}"}),
    ("generic", {"X-Signature": f"sha256={_mac().upper()}"}),
    ("generic", {"Authorization": f"Bearer {_SECRET.decode()}"}),
]


@pytest.mark.parametrize(("provider", "headers"), _GOOD)
def test_a_secret_proves_the_sender(provider: Provider, headers: dict[str, str]) -> None:
    assert _judge(provider, headers, _SECRET)
    assert _judge(provider, headers, b"the next one", _SECRET)
    assert _judge(provider, headers, _SECRET, b"the one before")
    assert not _judge(provider, headers, b"the next one")
    assert not _judge(provider, headers)


@pytest.mark.parametrize(("provider", "headers"), _GOOD)
def test_a_signature_is_of_this_body(provider: Provider, headers: dict[str, str]) -> None:
    is_token = provider == "gitlab" or "Authorization" in headers
    assert _judge(provider, headers, _SECRET, body=_BODY + b" ") is is_token


@pytest.mark.parametrize(
    ("provider", "headers"),
    [
        ("github", {}),
        ("github", {"X-Hub-Signature": f"sha1={_mac(how='sha1')}"}),
        ("github", {"X-Hub-Signature-256": f"sha1={_mac(how='sha1')}"}),
        ("github", {"X-Hub-Signature-256": _mac()}),
        ("github", {"X-Hub-Signature-256": "sha256="}),
        ("github", {"X-Hub-Signature-256": f"sha256={_mac()[:-1]}"}),
        ("github", {"X-Hub-Signature-256": f"sha256={_mac(b'')}"}),
        ("github", {"X-Hub-Signature-256": "sha256=\u00fc\ud800"}),
        ("github", {"X-Gitlab-Token": _SECRET.decode()}),
        ("github", {"Authorization": f"Bearer {_SECRET.decode()}"}),
        ("gitlab", {"X-Gitlab-Token": ""}),
        ("gitlab", {"X-Gitlab-Token": _SECRET.decode()[:-1]}),
        ("gitlab", {"X-Hub-Signature-256": f"sha256={_mac()}"}),
        ("gitea", {"X-Gitea-Signature": "", "X-Hub-Signature": f"sha1={_mac(how='sha1')}"}),
        ("bitbucket", {"X-Hub-Signature": f"sha1={_mac(how='sha1')}"}),
        ("generic", {"Authorization": f"Basic {_SECRET.decode()}"}),
        ("generic", {"Authorization": "Bearer "}),
        ("generic", {"X-Signature": f"sha512={hashlib.sha512(_BODY).hexdigest()}"}),
    ],
)
def test_anything_else_proves_nothing(provider: Provider, headers: dict[str, str]) -> None:
    assert not _judge(provider, headers, _SECRET)


@given(
    st.sampled_from(PROVIDERS), st.binary(),
    st.dictionaries(st.sampled_from(["x-hub-signature-256", "x-gitlab-token", "authorization",
                                     "x-signature", "x-hub-signature", "x-gitea-signature"]),
                    st.text() | st.sampled_from(["sha256=", "Bearer ", "sha256=" + "0" * 64])),
)  # fmt: skip
def test_nobody_guesses(provider: Provider, body: bytes, headers: dict[str, str]) -> None:
    assert not _judge(provider, headers, _SECRET, body=body)


# --- where secrets come from -----------------------------------------------------------------


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_files_are_for_the_forge_that_they_are_named_after(tmp_path: Path) -> None:
    for name, content in {
        "github": "one\n", "github.next": "two", "gitlab": "three", "gitea": "\n",
        "githubx": "no", "README": "no", "generic": "x" * 5000, "bitbucket.old": " four ",
    }.items():  # fmt: skip
        (tmp_path / name).write_text(content)
    secrets = Secrets(tmp_path)
    found = {provider: secrets.of(provider) for provider in PROVIDERS}
    assert found == {
        "github": (b"one", b"two"), "gitlab": (b"three",), "gitea": (), "generic": (),
        "bitbucket": (b"four",),
    }  # fmt: skip


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    assert Secrets(None).of("github") == ()
    assert Secrets(tmp_path / "missing").of("github") == ()


def test_a_mounted_secret_is_read_again_when_the_kubelet_replaces_it(tmp_path: Path) -> None:
    """As the kubelet does it: names that link through ..data, which is put in another's place."""
    clock = Clock()
    for version, content in (("..1", "old"), ("..2", "new")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "github").write_text(content)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "github").symlink_to("..data/github")
    secrets = Secrets(tmp_path, clock=clock)
    assert secrets.of("github") == (b"old",)
    (tmp_path / "..tmp").symlink_to("..2")
    (tmp_path / "..tmp").replace(tmp_path / "..data")
    assert secrets.of("github") == (b"old",)  # looked at once a second
    clock.now += 1.0
    assert secrets.of("github") == (b"new",)
    (tmp_path / "github").unlink()
    clock.now += 1.0
    assert secrets.of("github") == ()


def test_a_file_that_cannot_be_read_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "github").mkdir()
    (tmp_path / "gitlab").symlink_to("nowhere")
    os.mkfifo(tmp_path / "gitea.old")
    (tmp_path / "gitea").write_text("good")
    secrets = Secrets(tmp_path)
    assert secrets.of("github") == secrets.of("gitlab") == ()
    assert secrets.of("gitea") == (b"good",)


# --- how often -------------------------------------------------------------------------------


def test_a_burst_passes_and_then_the_pace_counts() -> None:
    clock = Clock()
    rate = Rate(per_s=2.0, burst=3.0, names=10, clock=clock)
    assert [rate.wait_s("a") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert rate.wait_s("a") == pytest.approx(0.5)
    assert rate.wait_s("b") == 0.0
    clock.now += 0.5
    assert rate.wait_s("a") == 0.0
    assert rate.wait_s("a") > 0.0
    clock.now += 1000.0
    assert [rate.wait_s("a") > 0.0 for _ in range(4)] == [False, False, False, True]


def test_many_names_take_no_more_room_than_a_few() -> None:
    rate = Rate(per_s=1.0, burst=1.0, names=5, clock=Clock())
    for number in range(1000):
        rate.wait_s(str(number))
    assert len(rate) == 5
