"""Which promotion is the newer one, told by what commits say."""

from __future__ import annotations

import pytest

from engine.errors import SettingsError
from engine.git.commits import Commit, NewObject, read_commit
from engine.promote.edit import Edit
from engine.promote.image import parse_wish
from engine.promote.message import Words, check_template, compose
from engine.promote.order import newer
from engine.promote.target import parse_set

WEB = "r.example/web"


def _commit(number: int, *trailers: tuple[str, str]) -> Commit:
    return Commit(
        id=f"{number:040x}", tree="t", parents=(), author="A <a@b>", authored_at=number,
        committed_at=number, subject=f"Commit {number}", trailers=trailers,
    )  # fmt: skip


def _promoted(number: int, tag: str, *, path: str = "apps/shop", at: str = "") -> Commit:
    trailers = [("Plumb-Path", path), ("Plumb-Image", f"{WEB}={WEB}:{tag}")]
    return _commit(number, *trailers, *([("Plumb-Source-Time", at)] if at else []))


def _rolled_back(number: int) -> Commit:
    return _commit(number, ("Plumb-Path", "apps/shop"), ("Plumb-Rollback", "0" * 40))


T1, T2 = "2026-11-25T11:00:00Z", "2026-11-25T12:00:00Z"


@pytest.mark.parametrize(
    ("past", "tag", "at", "expected"),
    [
        pytest.param([], "2", "", None, id="nothing was promoted"),
        pytest.param([_commit(2), _promoted(1, "1")], "2", "", None, id="the next one"),
        pytest.param([_promoted(1, "2")], "2", "", None, id="the same one"),
        pytest.param([_promoted(2, "2"), _promoted(1, "1")], "1", "", 2, id="was replaced"),
        pytest.param([_promoted(2, "2", at=T1), _promoted(1, "1", at=T2)], "1", T2, 2,
                     id="was replaced, whatever the time"),
        pytest.param([_promoted(1, "b", at=T2)], "a", T1, 1, id="an older source"),
        pytest.param([_promoted(1, "a", at=T1)], "b", T2, None, id="a newer source"),
        pytest.param([_promoted(1, "a", at=T1)], "b", T1, None, id="a source of the same second"),
        pytest.param([_promoted(1, "1.10.0")], "1.9.0", "", 1, id="a lower version"),
        pytest.param([_promoted(1, "1.9.0")], "1.10.0", "", None, id="a higher version"),
        pytest.param([_promoted(1, "1.10.0", at=T1)], "1.9.1", T2, None,
                     id="a newer source of a lower version"),
        pytest.param([_promoted(1, "1.10.0", at=T1)], "1.9.1", "", 1, id="one time is not known"),
        pytest.param([_promoted(1, "abc1")], "abc2", "", None, id="versions that say nothing"),
        pytest.param([_promoted(2, "2", path="apps/other"), _promoted(1, "1")], "1", "", None,
                     id="another path does not count"),
        pytest.param([_rolled_back(2), _promoted(1, "2")], "2", "", 2, id="was rolled back"),
        pytest.param([_rolled_back(2), _promoted(1, "2")], "3", "", None, id="after a rollback"),
        pytest.param([_commit(2, ("Plumb-Path", "apps/shop"), ("Plumb-Image", "rubbish")),
                      _promoted(1, "1")], "2", "", None, id="a trailer that is none"),
    ],
)  # fmt: skip
def test_what_is_newer_is_told(past: list[Commit], tag: str, at: str, expected: int | None) -> None:
    found = newer(past, parse_wish(f"{WEB}:{tag}"), paths=["apps/shop"], source_time=at)
    assert (found and int(found.commit.id, 16)) == expected
    if found is not None:
        assert found.why


def _read(message: str) -> Commit:
    text = f"tree {'a' * 40}\nauthor A <a@b> 5 +0000\ncommitter A <a@b> 6 +0000\n\n{message}"
    made = NewObject("commit", text.encode())
    commit = read_commit(made.id, made.data)
    assert commit is not None
    return commit


@pytest.mark.parametrize(
    ("message", "trailers"),
    [
        ("Subject", ()),
        ("Plumb-Path: x", ()),  # a subject is no trailer
        (
            "S\n\nPlumb-Path: x\nPlumb-Image: a=b:1\n",
            (("Plumb-Path", "x"), ("Plumb-Image", "a=b:1")),
        ),
        ("S\n\nPlumb-Path: x\n\nBody", ()),  # only at the end
        ("S\n\nbody\nPlumb-Path: x\n", ()),  # only alone
        ("S\r\n\n\nA: b\r\n", (("A", "b"),)),
        ("S\n\nA: \x1b[31mb\n", (("A", "?[31mb"),)),
    ],
)
def test_trailers_are_the_last_paragraph(
    message: str, trailers: tuple[tuple[str, str], ...]
) -> None:
    commit = _read(message)
    assert commit.trailers == trailers
    assert (commit.authored_at, commit.committed_at) == (5, 6)


def test_what_is_composed_is_read_back() -> None:
    words = Words(
        "main", source="a" * 40, source_time=T1, build="https://ci.example/1", actor="grace\nx",
        extra=(("Ticket", "A-1"),),
    )  # fmt: skip
    wishes = (parse_wish(f"{WEB}:2"), parse_set("a.b=c: d"))
    edits = [Edit("a.yaml", n, "/x", "", f"{n}") for n in range(1, 61)]
    text = compose(words, wishes, ["apps/shop", ""], edits)
    commit = _read(text)
    assert commit.subject == "Promote web to 2 in apps/shop, /"
    assert commit.trailers == (
        ("Plumb-Path", "apps/shop"), ("Plumb-Path", "/"), ("Plumb-Image", f"{WEB}={WEB}:2"),
        ("Plumb-Set", "a.b=c: d"), ("Plumb-Source-Commit", "a" * 40), ("Plumb-Source-Time", T1),
        ("Plumb-Build-Url", "https://ci.example/1"), ("Plumb-Actor", "grace x"), ("Ticket", "A-1"),
    )  # fmt: skip
    assert "a.yaml:50: (nothing) -> 50\nand 10 more" in text


@pytest.mark.parametrize(
    ("wishes", "subject"),
    [
        ([f"{WEB}:2"], "Promote web to 2 in apps/shop"),
        ([f"{WEB}:2", "r.example/db:3"], "Promote 2 images in apps/shop"),
        ([f"{WEB}@sha256:{'a' * 64}"], "Promote web to sha256:aaaaaaaaaaaa in apps/shop"),
        (["a.b=c"], "Set a.b to c in apps/shop"),
        (["a=b", "c=d"], "Set 2 values in apps/shop"),
        ([f"a={'x' * 100}"], f"Set a to {'x' * 60}..."),
    ],
)
def test_a_subject_fits_on_a_line(wishes: list[str], subject: str) -> None:
    read = [parse_set(w) if "=" in w else parse_wish(w) for w in wishes]
    text = compose(Words("main"), read, ["apps/shop"], [])
    assert text.partition("\n")[0] == subject
    assert len(subject) <= 72


def test_a_template_says_what_it_is_told_and_keeps_the_trailers() -> None:
    words = Words("main", "[{name}] {version} ({actor})\n\n{edits}\n{unknown!}", actor="grace")
    text = compose(words, [parse_wish(f"{WEB}:2")], ["a"], [Edit("a.yaml", 1, "/x", "1", "2")])
    assert text.startswith(
        f"[{WEB}] 2 (grace)\n\na.yaml:1: 1 -> 2\n{{unknown!}}\n\nPlumb-Path: a\n"
    )


def test_a_placeholder_that_does_not_exist_is_refused() -> None:
    check_template("{image} {edits}")
    with pytest.raises(SettingsError) as refused:
        check_template("{imgae}")
    assert refused.value.code == "PLB803"
