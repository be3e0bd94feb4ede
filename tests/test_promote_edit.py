"""Edits change the bytes that are meant and no others, in files as odd as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ManifestError, PlumbError, SettingsError
from engine.parse import documents, dump
from engine.promote.edit import Edited, edit, may_hold
from engine.promote.image import Reference, is_same, parse_reference, parse_wish
from engine.promote.places import PlaceError
from engine.promote.target import parse_set
from tests.promote_cases import CASES, DIGEST, USUAL, VARIANTS, Case, W, wishes
from tests.strategies import manifests


def _edit(text: str | bytes, *arguments: str, path: str = "a.yaml") -> Edited:
    data = text if isinstance(text, bytes) else text.encode()
    return edit(data, wishes(arguments or USUAL), path=path)


def test_the_corpus_has_at_least_a_hundred_files_and_no_name_twice() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 100


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_only_the_bytes_that_are_meant_change(case: Case, variant: str) -> None:
    write = VARIANTS[variant]
    made = edit(write(case.before), wishes(case.wishes), path=case.path)
    assert made.data == write(case.after)
    assert bool(made.edits) == (case.before != case.after)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_second_edit_finds_nothing_to_do(case: Case) -> None:
    once = edit(case.before.encode(), wishes(case.wishes), path=case.path)
    twice = edit(once.data, wishes(case.wishes), path=case.path)
    assert (twice.data, twice.edits) == (once.data, ())
    assert set(twice.found) == set(wishes(case.wishes))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_that_would_change_is_never_passed_over_unread(case: Case) -> None:
    if case.before != case.after:
        data = case.before.encode()
        assert any(may_hold(data, wish, path=case.path) for wish in wishes(case.wishes))


@given(body=manifests(), at=st.integers(0, 5))
def test_whatever_else_is_in_an_object_stays(body: dict[str, object], at: int) -> None:
    """Any object with a container in it: the image changes, every other byte is the same."""
    keys = list(body)
    place = {"containers": [{"name": "web", "image": f"{W}:1.0"}]}
    whole = {key: body[key] for key in keys[:at]} | {"zz-pod": place} | body
    before = dump(whole)
    made = _edit(before)
    assert made.data.decode() == before.replace(f"image: {W}:1.0", f"image: {W}:2.0")
    (after,) = [each.body for each in documents(made.data, path="a.yaml")]
    expected = {**whole, "zz-pod": {"containers": [{"name": "web", "image": f"{W}:2.0"}]}}
    assert after == expected


_WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp"]), max_size=20
).filter(str.isprintable)


@given(value=_WORDS, style=st.sampled_from(["{}", "'{}'", '"{}"']), flow=st.booleans())
def test_any_text_is_set_in_any_style_and_read_back(value: str, style: str, *, flow: bool) -> None:
    inner = style.format("old")
    before = f"a: {{b: {inner}, c: 1}} # d\n" if flow else f"a:\n  b: {inner} # d\n  c: 1\n"
    made = _edit(before, "--set", f"a.b={value}")
    assert [each.body for each in documents(made.data, path="")] == [{"a": {"b": value, "c": 1}}]
    head, _, tail = before.partition(inner)
    assert made.data.decode().startswith(head)
    assert made.data.decode().endswith(tail)


@given(data=st.binary(max_size=60), wish=st.sampled_from(["a=1", "a.b=x", "[0]=y"]))
def test_no_bytes_make_it_do_anything_but_refuse(data: bytes, wish: str) -> None:
    text = b"a: 1\n" + data
    try:
        made = _edit(text, "--set", wish)
    except PlumbError:
        return
    assert bool(made.edits) == (made.data != text)


@pytest.mark.parametrize(
    ("text", "path", "arguments", "code"),
    [
        pytest.param(f"images:\n- name: {W}\n  digest: {DIGEST}\n", "kustomization.yaml", USUAL,
                     "PLB812", id="a tag where a digest is pinned"),
        pytest.param(f"images:\n- name: {W}\n  newTag: v1\n  digest: {DIGEST}\n",
                     "kustomization.yaml", USUAL, "PLB812", id="a digest that would win"),
        pytest.param(f"images:\n- name: {W}\n", "kustomization.yaml", USUAL, "PLB812",
                     id="nothing to change"),
        pytest.param("images:\n- name: web\n  newTag: v1\n", "kustomization.yaml",
                     ("--image", f"web={W}:v2"), "PLB812", id="another name and no newName"),
        pytest.param(f"image: {{repository: {W}, tag: v1}}\n", "values.yaml",
                     ("--image", f"{W}@{DIGEST}"), "PLB812", id="a digest where only a tag is"),
        pytest.param(f"a: x # plumb-set: {W}:digest\n", "a.yaml", USUAL, "PLB813",
                     id="a setter wants what the reference lacks"),
        pytest.param("image: >-\n  registry.example/web\n  :1.0\na: >-\n  b\n  c\n", "a.yaml",
                     ("--set", "a=x"), "PLB811", id="folded over lines"),
        pytest.param("a: 1\n", "a.yaml", ("--set", "a=2", "--set", "a=3"), "PLB814",
                     id="two wishes for one place"),
        pytest.param("kind: Secret\nstringData: {a: hunter2}\n", "a.yaml",
                     ("--set", "stringData.a=hunter3"), "PLB815", id="a Secret"),
        pytest.param("kind: List\nitems: [{kind: Secret, data: {a: aGk=}}]\n", "a.yaml",
                     ("--set", "items[0].data.a=aG8="), "PLB815", id="a Secret in a List"),
        pytest.param("a: 1\na: 2\n", "a.yaml", ("--set", "a=2"), "PLB303", id="a key twice"),
        pytest.param("image: {{ .Values.image }}\n", "a.yaml", USUAL, "PLB305", id="a template"),
        pytest.param('{"a": 1}{"a": 2}', "a.json", ("--set", "a=3"), "PLB810",
                     id="JSON documents without a separator"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_exactly_is_refused(
    text: str, path: str, arguments: tuple[str, ...], code: str
) -> None:
    with pytest.raises((PlaceError, ManifestError)) as refused:
        _edit(text, *arguments, path=path)
    assert refused.value.code == code
    assert path in refused.value.where
    assert "hunter" not in str(refused.value)


def test_an_edit_tells_where_it_was_and_what_it_did() -> None:
    (made,) = _edit("# c\nspec:\n  image: 'registry.example/web:1.0'\n").edits
    assert str(made) == "a.yaml:3"
    assert (made.pointer, made.before, made.after) == (
        "/spec/image", f"'{W}:1.0'", f"'{W}:2.0'",
    )  # fmt: skip


def test_what_is_not_there_is_not_found_and_what_is_there_is_named() -> None:
    made = _edit("a: {image: 'other:1'}\nb: {repository: x/y, tag: v1}\n")
    assert (made.edits, made.found) == ((), ())
    assert made.images == ("other", "x/y")


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("nginx", Reference("nginx")),
        ("nginx:1.2", Reference("nginx", "1.2")),
        ("registry:5000/a/b", Reference("registry:5000/a/b")),
        ("registry:5000/a/b:5", Reference("registry:5000/a/b", "5")),
        (f"a/b@{DIGEST}", Reference("a/b", "", DIGEST)),
        (f"a/b:1@{DIGEST}", Reference("a/b", "1", DIGEST)),
        ("[::1]:5000/a:1", Reference("[::1]:5000/a", "1")),
        ("a b", None),
        ("", None),
        ("example/Upper", None),
        ("a:", None),
        ("{{ .Values.image }}", None),
        ("a@sha256:short", None),
    ],
)
def test_a_reference_is_taken_apart(text: str, reference: Reference | None) -> None:
    assert parse_reference(text) == reference
    if reference is not None:
        assert str(reference) == text


def test_docker_hub_has_several_names_and_others_have_one() -> None:
    assert is_same("nginx", "docker.io/library/nginx")
    assert is_same("bitnami/redis", "docker.io/bitnami/redis")
    assert is_same("index.docker.io/nginx", "nginx")
    assert not is_same("registry.example/nginx", "nginx")
    assert not is_same("localhost/nginx", "nginx")


@pytest.mark.parametrize("text", ["web", "web=web", "web:1=web:2", "=web:2", "web=", "web= web:2"])
def test_an_image_without_name_or_version_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--image") as refused:
        parse_wish(text)
    assert refused.value.code == "PLB801"


@pytest.mark.parametrize("text", ["a", "=x", "a[=x", 'a."b=x', "a=x\ny", "a..b=x", ""])
def test_a_setting_without_path_or_value_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--set") as refused:
        parse_set(text)
    assert refused.value.code == "PLB802"
