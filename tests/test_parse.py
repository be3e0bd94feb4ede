"""YAML and JSON are read as kubectl reads them, and every mistake is named with its place."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ManifestError
from engine.parse import Document, Limits, digest, documents, locate
from engine.parse.digest import canonical
from tests.strategies import json_values, objects

if TYPE_CHECKING:
    from engine.model import JSON

GOLDEN = Path(__file__).parent / "golden" / "yaml"

# kubectl's strict reading refuses these too; a merge key may be overridden here (ARCHITECTURE.md).
OVERRIDES_OF_MERGES = [
    text
    for case in json.loads((GOLDEN / "merges.json").read_text())
    if "strict" in case and (text := case["text"]) not in {
        "a: {<<: {x: 1, x: 2}}", "a: &a {x: 1}\nb: {<<: *a, x: 2, x: 3}",
        "a: &a {x: 1}\nb: {x: 2, <<: *a, x: 3}",
    }
]  # fmt: skip


def read(text: str | bytes, limits: Limits | None = None) -> list[JSON]:
    data = text.encode() if isinstance(text, str) else text
    return [document.body for document in documents(data, path="f.yaml", limits=limits)]


def error_of(
    text: str | bytes, limits: Limits | None = None, path: str = "f.yaml"
) -> ManifestError:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(ManifestError) as caught:
        list(documents(data, path=path, limits=limits))
    return caught.value


def same(ours: JSON, theirs: JSON) -> bool:
    """Equal with types: 1 and 1.0 are the same number, 1 and true are not the same."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    numbers = [isinstance(v, int | float) and not isinstance(v, bool) for v in (ours, theirs)]
    if all(numbers):
        return float(ours) == float(theirs)
    return type(ours) is type(theirs) and bool(ours == theirs)


# --- the oracle


@pytest.mark.parametrize("group", sorted(path.stem for path in GOLDEN.glob("*.json")))
def test_every_recorded_text_means_what_kubectl_makes_of_it(group: str) -> None:
    wrong = []
    for case in json.loads((GOLDEN / f"{group}.json").read_text()):
        text = case["text"]
        refused = "error" in case or ("strict" in case and text not in OVERRIDES_OF_MERGES)
        try:
            bodies = read(text)
        except ManifestError as error:
            ok = refused and error.code.startswith("PLB30") and error.where.count(":") == 2
        else:
            ok = not refused and same(bodies, case["documents"])
        if not ok:
            wrong.append(text)
    assert wrong == []


def test_hundreds_of_texts_are_recorded() -> None:
    counts = [len(json.loads(path.read_text())) for path in GOLDEN.glob("*.json")]
    assert sum(counts) > 1400
    assert len(OVERRIDES_OF_MERGES) > 5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1: a\n'1': b", "the same key as JSON; Go keeps either of them by chance"),
        ("true: a\n'true': b", "the same"),
        ("1: a\n1.0: b", "the same"),
        ("[] : x", "kubectl reads an empty list and drops the rest; a list is no object"),
        ("k: [a :b]", "libyaml; a colon behind a space in a flow list is nearly always a mistake"),
        ("a: " + "[" * 201 + "]" * 201, "deeper than any object; kubectl allows 10,000"),
        ("a: '\ud800'".encode("utf-8", "surrogatepass"), "no UTF-8; kubectl puts U+FFFD there"),
        ("a: 1".encode("utf-16"), "kubectl -f reads UTF-16 files"),
    ],
)
def test_deliberately_stricter_than_kubectl(text: str | bytes, reason: str) -> None:
    assert error_of(text).code.startswith("PLB30"), reason


# --- errors


@pytest.mark.parametrize(
    ("text", "code", "where", "says"),
    [
        ("a: b: c", "PLB301", "1:5", "not YAML"),
        ("a:\n\tb: 1", "PLB301", "2:1", "spaces"),
        ("a: {{ .Values.x }}", "PLB305", "1:5", "template"),
        ("a: {[b]: c}", "PLB305", "1:5", "quote the braces"),
        ("{{- if x }}\na: 1\n", "PLB305", "1:2", "template"),
        ("a: x {{ y: z }}", "PLB301", "1:10", "template"),
        ('a: "b\\/c"', "PLB301", "1:6", "without the backslash"),
        ('a: "\\\\/"\nb: "x\\/"', "PLB301", "2:6", "escape"),
        (b"a: 1\nb: \xff", "PLB302", "2:4", "UTF-8"),
        (b'{"a": "\xff"}', "PLB302", "1:8", "UTF-8"),
        (b"a: 1\nb: \0", "PLB302", "2:4", "control characters"),
        ("é: 1\nb: \0", "PLB302", "2:4", "control characters"),
        ("a: 1".encode("utf-16"), "PLB302", "1:1", "UTF-16"),
        ("a: 1".encode("utf-16-be"), "PLB302", "1:1", "control characters"),
        ("a: 1\nb: 2\na: 3", "PLB303", "3:1", "already there in line 1, column 1"),
        ("x:\n  y: 1\n  yes: 2", "PLB303", "3:3", "already there in line 2, column 3"),
        ("- k\n- {a: 1, b: {a: 2}, 'a': 3}", "PLB303", "2:21", "line 2, column 4"),
        ('{"a": 1,\n "b": {"c": 1, "c": 2}}', "PLB303", "2:16", "line 2, column 8"),
        ("---\nz: 0\n---\n\na: 1\n---\nb: 1\nb: 2", "PLB303", "8:1", "line 7"),
        ("? &x a\n: 1\n*x : 2", "PLB303", "3:1", "line 1, column 3"),
        ("a: &x k\n*x : 1\nk: 2", "PLB303", "3:1", "there twice"),
        ("[" * 100_000, "PLB304", "1:201", "200 levels"),
        ('{"a":' * 100_000, "PLB304", "1:1001", "200 levels"),
        ('{"a":' * 10_000, "PLB304", "1:1", "200 levels"),
        ("- " * 100_000, "PLB304", "1:401", "200 levels"),
        ("a: .inf", "PLB305", "1:4", "infinity"),
        ("a: !!int x", "PLB305", "1:4", "!!int"),
        ("a: &x .nan\nb: 1", "PLB305", "1:4", "NaN"),
        ("~: 1", "PLB305", "1:1", "null"),
        ("9223372036854775808: 1", "PLB305", "1:1", "64 bits"),
        ("? {a: 1}\n: b", "PLB305", "1:3", "map or a list"),
        ("a: &x {b: 1}\n*x : 1", "PLB305", "2:1", "map or a list"),
        ('{"a": "\\ud83d\\ude00", "a": 1}', "PLB303", "1:1", "there twice"),
        ('{"a": 1e400}', "PLB305", "1:1", "64-bit"),
        ("a: *x", "PLB306", "1:4", "no anchor &x"),
        ("a: &x 1\n---\nb: *x", "PLB306", "3:4", "anchors end"),
        ("a: &x [*x]", "PLB306", "1:8", "contains itself"),
        ("a: {<<: 1}", "PLB306", "1:9", "not a map"),
        ("a: 1\n--- b", "PLB307", "2:4", "comment"),
        ("--- b", "PLB307", "1:4", "next line"),
        ('{"a": 1}{"b": 2}\nc: 3', "PLB308", "2:1", "not JSON"),
        ('{"a": 1} b', "PLB308", "1:10", "not JSON"),
    ],
)
def test_an_error_names_the_place_and_the_reason(
    text: str | bytes, code: str, where: str, says: str
) -> None:
    error = error_of(text)
    assert (error.code, error.where) == (code, f"f.yaml:{where}")
    assert says in str(error)


def test_json_that_ends_too_soon_is_no_json() -> None:
    text = '{"a": [1, ' + '"x", ' * 9
    assert error_of(text, Limits(nodes=20), path="f.json").code == "PLB308"


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": 01}', '{"a": }', '{"a": 1'])
def test_a_json_file_gets_the_error_of_json(text: str) -> None:
    assert error_of(text, path="f.json").code == "PLB308"


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r", "\u2028", "\x85"])
def test_only_line_feeds_count_as_lines(break_: str) -> None:
    lines = 2 if "\n" in break_ else 1
    assert error_of(f"a: 1{break_}b: .inf").where.startswith(f"f.yaml:{lines}:")


def test_a_byte_order_mark_moves_no_column() -> None:
    assert error_of("\ufeffa: .inf").where == "f.yaml:1:4"
    assert error_of("a: 1\n---\n\ufeffb: .inf").where == "f.yaml:3:4"


def test_errors_quote_no_values() -> None:
    secrets = ["a: !!int s3cr3t", "a: !!binary s3cr3t!", "a: &s 1\nb: [s3cr3t", '{"a": "s3cr3t" x}']
    assert not any("s3cr3t" in str(error_of(text)) for text in secrets)


def test_a_long_or_unprintable_key_is_shortened_in_errors() -> None:
    key = "x" * 500
    assert len(str(error_of(f"{key}: 1\n{key}: 2"))) < 250
    assert "\x1b" not in str(error_of('"\\e[0m": 1\n"\\e[0m": 2'))


def test_documents_before_a_mistake_are_yielded() -> None:
    stream = documents(b"a: 1\n---\nb: [\n", path="f.yaml")
    assert next(stream).body == {"a": 1}
    with pytest.raises(ManifestError):
        next(stream)


# --- limits


@pytest.mark.parametrize(
    ("text", "limits", "says"),
    [
        ("a: 1", Limits(size_bytes=3), "larger than 3 bytes"),
        ("a: [b:c, d:e]", Limits(nodes=2), "more than 2 colons"),
        ('{"a": "\\ud800\\ud800"}', Limits(nodes=1), "more than 1 escapes"),
        ("a: 1\n---\nb: 1", Limits(documents=1), "more than 1 documents"),
        ("a: [1, 2]", Limits(nodes=4), "more than 4 values"),
        ('{"a": [1, 2]}', Limits(nodes=3), "more than 3 values"),
        ('{"a": [1, 2, 3, 4, 5, 6, 7, 8]}', Limits(nodes=6), "more than 6 values"),
        ('{"a": [[1]]}', Limits(depth=2), "deeper than 2 levels"),
        ('{"a": [[11111111111]]}', Limits(depth=2, nodes=6), "deeper than 2 levels"),
        ("a: [[1]]", Limits(depth=2), "deeper than 2 levels"),
        ("a: &a [[1]]\nb: [*a]", Limits(depth=3), "deeper than 3 levels"),
        ("a: &a [1, 1, 1]\nb: [*a, *a]", Limits(nodes=14), "more than 14 values"),
        ("a: &a [1]\nb: [*a, *a]\n---\n" * 3, Limits(nodes=10), "repeat more"),
    ],
)
def test_a_limit_is_an_error_with_a_place(text: str, limits: Limits, says: str) -> None:
    error = error_of(text, limits)
    assert error.code == "PLB304"
    assert says in str(error)
    assert error.where.count(":") == 2


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("a: 1", Limits(size_bytes=4, documents=1, depth=1, nodes=3)),
        ('{"a": [[1]]}', Limits(depth=3, nodes=4)),
        ("a: {b: c:d}", Limits(size_bytes=11)),
        ('{"a": ",,,,,,,,[[[[["}', Limits(depth=1, nodes=2)),
        ("a: &a [[1]]\nb: [*a]", Limits(depth=4)),
        ("a: &a [1, 1, 1]\nb: [*a, *a]", Limits(nodes=17)),
        ("a: &a [[1]]\nb: &b [*a]\nc: {<<: {x: *b}}", Limits(depth=6)),
    ],
)
def test_what_fits_a_limit_is_read(text: str, limits: Limits) -> None:
    assert len(read(text, limits)) == 1


def test_a_bomb_of_aliases_is_refused_before_it_expands() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert "100000 values" in str(error_of("\n".join(lines)))


def test_a_chain_of_aliases_counts_as_deep_as_it_is() -> None:
    chain = ["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{x: *a{n - 1}}}" for n in range(1, 250))]
    assert "200 levels" in str(error_of("\n".join(chain)))


@pytest.mark.parametrize(
    "unit", ["[", "- ", "? ", "{a: ", "&a ", "!t ", '"', "'", "#\n", "a:\n ", "*a ", "[a:b,", "\\/"]
)
def test_a_large_hostile_text_ends_soon(unit: str) -> None:
    code = ""
    try:
        read(unit * (200_000 // len(unit)))
    except ManifestError as error:
        code = error.code
    assert code in {"", "PLB301", "PLB303", "PLB304", "PLB305", "PLB306"}


# --- documents and their places


def test_a_document_knows_its_line_and_number() -> None:
    text = b"# c\n---\n\n# d\na: 1\n---\n---\n~\n--- # e\n  b: 2\n"
    assert list(documents(text, path="f")) == [Document({"a": 1}, 5, 0), Document({"b": 2}, 10, 1)]


def test_a_json_document_knows_its_line() -> None:
    text = b'\n{"a": 1}\n\n{"b": 2}'
    assert [d.line for d in documents(text, path="f")] == [2, 4]
    places = [d.outline().at("/a") for d in documents(b'{"a": 1} {"a": 2}\n {"a": 3}', path="f")]
    assert places == [(1, 7), (1, 16), (2, 8)]
    assert [d.line for d in documents(b'{"a": 1}\n---\n\nb: 2', path="f")] == [1, 4]


def test_repeated_values_are_shared() -> None:
    body = read("a: &x {b: 1}\nc: *x")[0]
    assert body["a"] is body["c"]


def test_a_value_that_is_merged_leaves_its_source_alone() -> None:
    assert read("a: &a {x: 1}\nb: {<<: *a, x: 2, z: 3}") == [{"a": {"x": 1}, "b": {"x": 2, "z": 3}}]


@pytest.mark.parametrize(
    ("text", "document", "pointer", "place"),
    [
        ("a: 1\nb: [x,\n  {c: 2}]", 0, "/b/1/c", (3, 7)),
        ("a: 1\nb: [x,\n  {c: 2}]", 0, "/b/1/d", (3, 3)),
        ("a: 1\nb: [x,\n  {c: 2}]", 0, "/b/7/c", (2, 4)),
        ("a: 1", 0, "", (1, 1)),
        ("a: 1", 0, "/x/y", (1, 1)),
        ("a: 1", 3, "/a", (1, 1)),
        ("a: [", 1, "/a", (1, 1)),
        ("a: 1\n---\n---\n# c\nb:\n- x: 2\n", 1, "/b/0/x", (6, 6)),
        ("a/b: {c~d: 1}", 0, "/a~1b/c~0d", (1, 12)),
        ("y: {0644: 1}", 0, "/true/420", (1, 11)),
        ("'y': {'': 1}", 0, "/y/", (1, 11)),
        ("a: &x {b: 1}\nc: *x", 0, "/c/b", (2, 4)),
        ("? *x\n: 1", 0, "/c", (1, 1)),
        ("a: [b:c, {d: 1}]", 0, "/a/1/d", (1, 14)),
        ('{"a": 1}\n {"b": {"c": 2}}', 1, "/b/c", (2, 14)),
        ('{"a": "\\ud83d\\ude00", "b": 1}', 0, "/b", (1, 1)),
        ("\ufeffa: 1", 0, "/a", (1, 4)),
        ("!!int 1: x", 0, "/1", (1, 10)),
    ],
)
def test_locate_finds_a_value_or_its_nearest_parent(
    text: str, document: int, pointer: str, place: tuple[int, int]
) -> None:
    assert locate(text.encode(), document=document, pointer=pointer) == place


def test_an_outline_may_be_cut_at_a_depth() -> None:
    document = next(documents(b"a:\n- b:\n    c: 1\n", path="f"))
    assert document.outline(depth=2).at("/a/0/b") == (2, 3)
    assert document.outline().at("/a/0/b/c") == (3, 8)
    assert Document({}, 7, 0).outline().at("/a") == (7, 1)


# --- laws


@given(objects)
def test_json_is_read_as_json(body: JSON) -> None:
    assert same(read(json.dumps(body)), [body])
    assert same(read(json.dumps(body, ensure_ascii=False)), [body])


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused_with_a_place(data: bytes) -> None:
    where = "f.yaml:1:1"
    try:
        read(data)
    except ManifestError as error:
        where = error.where
    assert re.fullmatch(r"f\.yaml:\d+:\d+", where)


@given(json_values)
def test_a_digest_ignores_the_order_of_keys(value: JSON) -> None:
    def turned(each: JSON) -> JSON:
        if isinstance(each, dict):
            return {key: turned(each[key]) for key in reversed(each)}
        return [turned(inner) for inner in each] if isinstance(each, list) else each

    assert digest(value) == digest(turned(value))
    assert len(digest(value)) == 64


@given(json_values, json_values)
def test_canonical_bytes_differ_where_values_do(one: JSON, other: JSON) -> None:
    assert (json.loads(canonical(one)) == json.loads(canonical(other))) == (one == other)


def test_a_digest_takes_what_no_manifest_can_hold() -> None:
    assert digest({"a": 2**70}) != digest({"a": 2**71})
    assert digest({"a": "\ud800"}) == digest({"a": "\ud800"})


def test_an_error_keeps_the_others_when_pickled() -> None:
    first, second = error_of("a: ["), error_of("b: {")
    first.others = (second,)
    copy = pickle.loads(pickle.dumps(first))  # noqa: S301 - our own bytes
    assert (str(copy), [str(e) for e in copy.others]) == (str(first), [str(second)])
