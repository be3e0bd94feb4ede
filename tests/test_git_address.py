"""Repository addresses: taken apart, cleaned of credentials, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SettingsError
from engine.git.address import Address, parse, split_credentials
from engine.model import Credentials

SECRET = "s3cret/with@odd:signs"  # noqa: S105 - made up
QUOTED = "s3cret%2Fwith%40odd%3Asigns"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://git.example/a.git", ("http", "/a.git", "git.example", None, "")),
        ("http://git.example:8080/a", ("http", "/a", "git.example", 8080, "")),
        ("https://[::1]:8443/a", ("http", "/a", "::1", 8443, "")),
        ("ssh://git.example/a.git", ("ssh", "/a.git", "git.example", None, "git")),
        ("ssh://me@git.example:2222/a%20b", ("ssh", "/a b", "git.example", 2222, "me")),
        ("git@git.example:team/a.git", ("ssh", "team/a.git", "git.example", None, "git")),
        ("git.example:a.git", ("ssh", "a.git", "git.example", None, "git")),
        ("git@[::1]:a.git", ("ssh", "a.git", "::1", None, "git")),
        ("./a", ("local", "./a", "", None, "")),
        ("folder/with:colon", ("local", "folder/with:colon", "", None, "")),
        ("file:///srv/a%20b.git", ("local", "/srv/a b.git", "", None, "")),
    ],
)
def test_an_address_is_taken_apart(
    url: str, address: tuple[str, str, str, int | None, str]
) -> None:
    found = parse(url)
    assert (found.kind, found.path, found.host, found.port, found.user) == address
    assert found.text == url


@pytest.mark.parametrize(
    "url",
    ["", " ", "git://git.example/a", "ext::sh -c whoami", "ftp://git.example/a", "https:///a",
     "https://git.example/a?token=1", "https://git.example/a#b", "https://git.example:http/a",
     "ssh://-oProxyCommand=x/a", "git@-oProxyCommand:a", "file://elsewhere/a", "https://a\n.b/c",
     "https://[::1/a", "https:/me:secret@git.example/a", "me:secret@git.example:a"],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(url)
    assert caught.value.code == "PLB201"


@pytest.mark.parametrize(
    ("url", "clean", "credentials"),
    [
        (f"https://me:{QUOTED}@git.example/a", "https://git.example/a",
         Credentials(username="me", password=SECRET)),
        (f"https://{QUOTED}@git.example/a", "https://git.example/a", Credentials(username=SECRET)),
        (f"ssh://git:{QUOTED}@git.example/a", "ssh://git@git.example/a",
         Credentials(password=SECRET)),
        ("ssh://git@git.example/a", "ssh://git@git.example/a", None),
        ("git@git.example:a", "git@git.example:a", None),
        ("https://git.example:8443/a", "https://git.example:8443/a", None),
        ("./a", "./a", None),
    ],
)  # fmt: skip
def test_credentials_leave_the_address(
    url: str, clean: str, credentials: Credentials | None
) -> None:
    assert split_credentials(url) == (clean, credentials)


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
def test_no_error_about_an_address_quotes_its_userinfo(rest: str) -> None:
    url = f"https://me:{QUOTED}@{rest}"
    try:
        clean, _ = split_credentials(url)
        text = repr(parse(clean))
    except SettingsError as error:
        text = str(error)
    assert "s3cret" not in text


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        clean, _ = split_credentials(text)
        assert isinstance(parse(clean), Address)
    except SettingsError:
        pass
