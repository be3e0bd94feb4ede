"""Plain manifests become objects, and every bad place of a commit is named at once."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ManifestError, SettingsError
from engine.model import ObjectRef, Origin
from engine.parse import Limits, digest, dump
from engine.render import render
from tests.strategies import manifests
from tests.trees import MemoryTree

if TYPE_CHECKING:
    from engine.model import JSON

Files: TypeAlias = dict[str, bytes | str]


def config_map(name: str, **fields: JSON) -> str:
    return dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **fields})


def names(files: Files, path: str = "", **more: Any) -> list[str]:
    rendering = render(MemoryTree(files, **more), path)
    return [manifest.ref.name for manifest in rendering.manifests]


def errors_of(files: Files, path: str = "", **more: Any) -> list[tuple[str, str]]:
    """Codes and places of everything that is wrong."""
    with pytest.raises(ManifestError) as caught:
        render(MemoryTree(files, **more), path)
    return [(error.code, error.where) for error in (caught.value, *caught.value.others)]


# --- which files


def test_manifests_come_in_the_order_of_their_paths() -> None:
    files: Files = {
        "b.yaml": config_map("b"), "a/z.yml": config_map("az"), "a.yaml": config_map("a1"),
        "c.json": '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}',
        "a/b/c.yaml": f"{config_map('abc2')}---\n{config_map('abc1')}",
    }  # fmt: skip
    rendering = render(MemoryTree(files), "")
    assert [m.ref.name for m in rendering.manifests] == ["a1", "abc2", "abc1", "az", "b", "c"]
    assert rendering.files == ("a.yaml", "a/b/c.yaml", "a/z.yml", "b.yaml", "c.json")
    assert rendering.found


def test_other_files_and_names_that_begin_with_a_dot_are_not_read() -> None:
    files: Files = {
        "README.md": "[", "values.yaml.gotmpl": "[", "x.YAML": "[", ".hidden.yaml": "[",
        ".github/x.yaml": "[", "yaml": "[", "a.yaml": config_map("a"),
    }  # fmt: skip
    tree = MemoryTree(files)
    render(tree, "")
    assert tree.reads == ["/", "/", "a.yaml"]


def test_only_the_path_is_listed_and_read() -> None:
    tree = MemoryTree({"apps/shop/a.yaml": config_map("a"), "apps/b.yaml": "[", "c.yaml": "["})
    render(tree, "apps/shop")
    assert {read for read in tree.reads if read.endswith("/")} == {"apps/shop/"}


@pytest.mark.parametrize("path", ["apps/shop", "./apps/shop/", "apps//shop/./", "", ".", "./"])
def test_a_path_may_be_spelt_in_many_ways(path: str) -> None:
    assert names({"apps/shop/a.yaml": config_map("a")}, path) == ["a"]


@pytest.mark.parametrize("path", ["a.yaml", "x/a.json"])
def test_a_path_may_be_a_file(path: str) -> None:
    rendering = render(MemoryTree({path: config_map("a"), "x/b.yaml": "["}), path)
    assert [m.ref.name for m in rendering.manifests] == ["a"]
    assert rendering.files == (path,)


@pytest.mark.parametrize("path", ["nope", "a/nope", "a/b.yaml/c", "a/b.yaml/c/d", "nope/x/y"])
def test_a_path_that_is_not_there_is_not_found(path: str) -> None:
    rendering = render(MemoryTree({"a/b.yaml": config_map("b")}), path)
    assert (rendering.found, rendering.manifests) == (False, ())
    assert path in rendering.missing


def test_an_empty_folder_is_found() -> None:
    rendering = render(MemoryTree({"a/README": "x"}, folders=("b",)), "a")
    assert (rendering.found, rendering.manifests) == (True, ())


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/apps", "relative to the root"), ("../x", ".."), ("a/../../x", ".."), ("..", ".."),
        ("a\\b", "with /"), ("a\0b", "control characters"), ("a\nb", "control characters"),
    ],
)  # fmt: skip
def test_a_path_that_leads_astray_is_refused(path: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        render(MemoryTree({"a.yaml": "x"}), path)
    assert caught.value.code == "PLB344"
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


# --- what is refused by its name or kind


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("kustomization.yaml", "kustomize build"), ("kustomization.yml", "kustomize build"),
        ("Kustomization", "kustomize build"), ("Chart.yaml", "helm template"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("folder", ["", "apps/", "apps/deep/er/"])
def test_a_folder_of_another_tool_is_refused_by_name(name: str, tool: str, folder: str) -> None:
    tree = MemoryTree({f"{folder}{name}": "x", f"{folder}a.yaml": config_map("a")})
    with pytest.raises(ManifestError) as caught:
        render(tree, "")
    assert (caught.value.code, caught.value.where) == ("PLB340", folder + name)
    assert tool in caught.value.hint


def test_a_file_of_another_tool_is_refused_as_a_path() -> None:
    assert errors_of({"a/Chart.yaml": "x"}, "a/Chart.yaml") == [("PLB340", "a/Chart.yaml")]


def test_a_file_that_is_no_manifest_is_refused_as_a_path() -> None:
    assert errors_of({"a/README.md": "x"}, "a/README.md") == [("PLB343", "a/README.md")]


def test_links_and_submodules_are_errors_and_not_followed() -> None:
    files: Files = {"a/x.yaml": config_map("x"), "b/y.yaml": config_map("y")}
    links = {"a/l.yaml": "../b/y.yaml", "a/.dot": "x", "link": "a"}
    modules = ("a/m",)
    expected = [("PLB341", "a/l.yaml"), ("PLB341", "a/m")]
    assert errors_of(files, "a", links=links, modules=modules) == expected
    assert errors_of(files, "link", links=links) == [("PLB341", "link")]
    assert errors_of(files, "link/x.yaml", links=links) == [("PLB341", "link")]
    assert errors_of(files, "a/l.yaml", links=links) == [("PLB341", "a/l.yaml")]
    assert errors_of(files, "a/m", modules=modules) == [("PLB341", "a/m")]


# --- .plumbignore


@pytest.mark.parametrize(
    ("ignores", "left"),
    [
        ({".plumbignore": "a.yaml"}, ["b", "sb"]),
        ({".plumbignore": "/a.yaml"}, ["b", "sa", "sb"]),
        ({".plumbignore": "s/"}, ["a", "b"]),
        ({".plumbignore": "s/*\n!s/b.yaml"}, ["a", "b", "sb"]),
        ({".plumbignore": "# c\n\n*.yaml\n!b.yaml\r\n"}, ["b", "sb"]),
        ({".plumbignore": "**/b.yaml"}, ["a", "sa"]),
        ({"s/.plumbignore": "a.yaml"}, ["a", "b", "sb"]),
        ({"s/.plumbignore": "/b.yaml"}, ["a", "b", "sa"]),
        ({".plumbignore": "*.yaml", "s/.plumbignore": "!a.yaml"}, ["sa"]),
        ({".plumbignore": "\ufeffa.yaml"}, ["b", "sb"]),
        ({".plumbignore": ""}, ["a", "b", "sa", "sb"]),
    ],
)
def test_what_plumbignore_names_is_left_out(ignores: dict[str, str], left: list[str]) -> None:
    files: Files = {
        "a.yaml": config_map("a"), "b.yaml": config_map("b"),
        "s/a.yaml": config_map("sa"), "s/b.yaml": config_map("sb"), **ignores,
    }  # fmt: skip
    assert names(files) == left


def test_plumbignore_above_the_path_counts() -> None:
    files: Files = {
        ".plumbignore": "skip.yaml", "apps/.plumbignore": "/shop/b.yaml",
        "apps/shop/a.yaml": config_map("a"), "apps/shop/b.yaml": "[", "apps/shop/skip.yaml": "[",
    }  # fmt: skip
    assert names(files, "apps/shop") == ["a"]


def test_plumbignore_covers_links_charts_and_broken_files() -> None:
    files: Files = {
        "a.yaml": config_map("a"), "chart/Chart.yaml": "x", "bad.yaml": "[",
        "kustomization.yaml": "x",
        ".plumbignore": "/chart\nlink\nmodule\nbad.yaml\nkustomization.yaml\n",
    }  # fmt: skip
    assert names(files, links={"link": "x"}, modules=("module",)) == ["a"]


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"a\n\xff", ".plumbignore"), ("ok\n!\n", ".plumbignore:2:1"),
        ("*a*a*a*a*a*a*a*a*a*b", ".plumbignore:1:1"),
    ],
)  # fmt: skip
def test_a_plumbignore_that_cannot_be_read_is_an_error(content: bytes | str, where: str) -> None:
    files: Files = {".plumbignore": content, "a.yaml": config_map("a")}
    assert errors_of(files) == [("PLB342", where)]


def test_a_plumbignore_must_be_a_file() -> None:
    assert errors_of({"a.yaml": "x"}, links={".plumbignore": "x"}) == [("PLB342", ".plumbignore")]


# --- objects


def test_a_manifest_knows_what_it_is_and_where_it_stands() -> None:
    text = (
        "# c\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n"
    )
    (manifest,) = render(MemoryTree({"a.yaml": text}), "").manifests
    assert manifest.ref == ObjectRef("apps", "Deployment", "shop", "web")
    assert manifest.origin == Origin("a.yaml", 3, 0)
    assert manifest.digest == digest(manifest.body)
    assert manifest.api_version == "apps/v1"


def test_lists_are_unfolded_with_the_place_of_each_item() -> None:
    text = """\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
- apiVersion: v1
  kind: ConfigMapList
  items:
  - metadata: {name: b}
  - {apiVersion: v1, kind: Secret, metadata: {name: c}}
- {apiVersion: v1, kind: List}
---
{"apiVersion": "v1", "kind": "List", "items": []}
---
apiVersion: v1
kind: SecretList
items:
- metadata: {name: d}
"""
    rendering = render(MemoryTree({"a.yaml": text}), "")
    assert [(str(m.ref), m.origin.line, m.origin.pointer) for m in rendering.manifests] == [
        ("ConfigMap/a", 4, "/items/0"),
        ("ConfigMap/b", 5, "/items/1/items/0"),
        ("Secret/c", 5, "/items/1/items/1"),
        ("Secret/d", 17, "/items/0"),
    ]
    assert rendering.manifests[1].body == {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"},
    }  # fmt: skip


def test_a_custom_resource_that_is_called_a_list_is_an_object() -> None:
    text = "apiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: a}\nitems: [{x: 1}]\n"
    assert names({"a.yaml": text}) == ["a"]


HEAD = "apiVersion: v1\nkind: ConfigMap\n"


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("- a", "PLB310", "1:1"), ("text", "PLB310", "1:1"), ("true", "PLB310", "1:1"),
        ("kind: A\nmetadata: {name: a}\n", "PLB311", "1:1"),
        ("apiVersion: ''\nkind: A\nmetadata: {name: a}\n", "PLB311", "1:1"),
        ("apiVersion: v1\nmetadata: {name: a}\n", "PLB311", "1:1"),
        ("apiVersion: 1\nkind: A\nmetadata: {name: a}\n", "PLB311", "1:13"),
        ("apiVersion: a/b/c\nkind: A\nmetadata: {name: a}\n", "PLB311", "1:13"),
        ("apiVersion: apps/\nkind: A\nmetadata: {name: a}\n", "PLB311", "1:13"),
        ("apiVersion: v1\nkind: [A]\nmetadata: {name: a}\n", "PLB311", "2:7"),
        (HEAD, "PLB312", "1:1"), (HEAD + "metadata:\n", "PLB312", "3:10"),
        (HEAD + "metadata: {}", "PLB312", "3:11"),
        (HEAD + "metadata: {name: ''}", "PLB312", "3:11"),
        (HEAD + "metadata: {name: }", "PLB312", "3:11"),
        (HEAD + "metadata: {generateName: a-}", "PLB313", "3:26"),
        (HEAD + "metadata: {name: 12}", "PLB314", "3:18"),
        (HEAD + "metadata: {name: {a: b}}", "PLB314", "3:18"),
        (HEAD + "metadata: {name: a, namespace: 1}", "PLB314", "3:32"),
        (HEAD + "metadata: {name: a, namespace: A}", "PLB314", "3:32"),
        *((HEAD + f"metadata: {{name: {name}}}", "PLB314", "3:18")
          for name in ("A", "a_b", "a..b", "-a", "a-.b")),
        (HEAD + f"metadata: {{name: {'a' * 254}}}", "PLB314", "3:18"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: a.b}", "PLB314", "3:18"),
        (f"apiVersion: v1\nkind: Service\nmetadata: {{name: {'a' * 64}}}", "PLB314", "3:18"),
        ("apiVersion: x.y/v1\nkind: X\nmetadata: {name: ..}", "PLB314", "3:18"),
        ("apiVersion: x.y/v1\nkind: X\nmetadata: {name: a/b}", "PLB314", "3:18"),
        ("apiVersion: x.y/v1\nkind: X\nmetadata: {name: a%b}", "PLB314", "3:18"),
        (HEAD + "metadata: [a]", "PLB315", "3:11"), (HEAD + "metadata: a", "PLB315", "3:11"),
        (HEAD + "metadata: {name: a, labels: x}", "PLB315", "3:29"),
        (HEAD + "metadata:\n  name: a\n  labels:\n    a: b\n    v: 1", "PLB315", "7:8"),
        (HEAD + "metadata: {name: a, annotations: {x/y: true}}", "PLB315", "3:40"),
        (HEAD + "metadata: {name: a, annotations: {k: {}}}", "PLB315", "3:38"),
        (HEAD + "metadata: {name: a}\ndata:\n  $patch: delete", "PLB316", "5:11"),
        (HEAD + "metadata: {name: a}\nx: [{$retainKeys: []}]", "PLB316", "4:19"),
        (HEAD + "metadata: {name: a}\n$setElementOrder/x: [a]", "PLB316", "4:21"),
        (HEAD + 'metadata: {name: a}\n"\\x24patch": x', "PLB316", "4:14"),
        ("a: [", "PLB301", "2:1"), ("apiVersion: v1\nkind: List\nitems: [1]", "PLB310", "3:9"),
        ("apiVersion: v1\nkind: List\nitems: [~]", "PLB310", "3:9"),
        ("apiVersion: v1\nkind: List\nitems: {}", "PLB312", "1:1"),
    ],
)  # fmt: skip
def test_what_is_no_object_is_refused_with_its_place(text: str, code: str, place: str) -> None:
    assert errors_of({"a.yaml": text}) == [(code, f"a.yaml:{place}")]


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: 'system:x'}",
        "apiVersion: user.example/v1\nkind: User\nmetadata: {name: 'A B@c'}",
        "apiVersion: networking.k8s.io/v1\nkind: IPAddress\nmetadata: {name: '2001:db8::1'}",
        HEAD + f"metadata: {{name: {'a' * 253}}}", HEAD + "metadata: {name: a.b-c.1}",
        HEAD + "metadata: {name: a, namespace: , labels: , annotations: {x: }}",
        HEAD + "metadata: {name: a, uid: x, resourceVersion: '1', managedFields: []}\nstatus: {}",
        HEAD + "metadata: {name: a}\ndata: {cost: $5, patch: $patch}",
        HEAD + "metadata: {name: a, generateName: a-}",
    ],
)  # fmt: skip
def test_what_the_server_accepts_is_accepted(text: str) -> None:
    assert len(names({"a.yaml": text})) == 1


def test_the_same_object_twice_names_both_places() -> None:
    files: Files = {
        "a.yaml": config_map("x"),
        "b.yaml": f"{config_map('y')}---\n{config_map('x')}",
    }
    with pytest.raises(ManifestError) as caught:
        render(MemoryTree(files), "")
    assert caught.value.code == "PLB317"
    assert str(caught.value).startswith("b.yaml:6:1: ConfigMap/x is also defined in a.yaml:1")


def test_two_versions_of_one_object_are_the_same_object() -> None:
    one, other = ("apiVersion: autoscaling/v1", "apiVersion: autoscaling/v2")
    rest = "\nkind: HorizontalPodAutoscaler\nmetadata: {name: a, namespace: b}\n"
    assert errors_of({"a.yaml": f"{one}{rest}---\n{other}{rest}"}) == [("PLB317", "a.yaml:5:1")]


def test_all_bad_places_are_named_in_the_order_of_their_paths() -> None:
    files: Files = {
        "b.yaml": "a: [", "c/Chart.yaml": "x",
        "a.yaml": "- 1\n---\n- 2\n---\nb: {", "d.yaml": "kind: A",
        "ok.yaml": config_map("a"),
    }  # fmt: skip
    assert errors_of(files, links={"bb": "x"}) == [
        ("PLB310", "a.yaml:1:1"), ("PLB310", "a.yaml:3:1"), ("PLB301", "a.yaml:6:1"),
        ("PLB301", "b.yaml:2:1"), ("PLB341", "bb"), ("PLB340", "c/Chart.yaml"),
        ("PLB311", "d.yaml:1:1"), ("PLB312", "d.yaml:1:1"),
    ]  # fmt: skip


def test_one_file_names_its_first_twenty_mistakes() -> None:
    assert len(errors_of({"a.yaml": "- a\n---\n" * 50})) == 20


def test_limits_hold_for_each_file() -> None:
    files: Files = {"a.yaml": config_map("a"), "b.yaml": config_map("b")}
    assert render(MemoryTree(files), "", limits=Limits(documents=1)).found
    with pytest.raises(ManifestError, match="larger than 10 bytes"):
        render(MemoryTree(files), "", limits=Limits(size_bytes=10))


# --- laws


@given(st.lists(manifests(), max_size=5, unique_by=lambda m: (m["kind"], str(m["metadata"]))))
def test_what_is_dumped_is_rendered_as_the_same(bodies: list[JSON]) -> None:
    files: Files = {f"{n}.yaml": dump(body) for n, body in enumerate(bodies)}
    try:
        rendered = [m.body for m in render(MemoryTree(files), "").manifests]
    except ManifestError as error:
        # The same identity with other labels, or a key that hypothesis took from the source.
        assert error.code in {"PLB316", "PLB317"}  # noqa: PT017
    else:
        assert rendered == bodies


@given(st.permutations(["a.yaml", "b/a.yaml", "b.yaml", "b/c/d.json", "z.yml"]))
def test_the_order_of_the_tree_is_irrelevant(paths: list[str]) -> None:
    files: Files = {path: config_map(path.replace("/", "-")) for path in paths}
    assert names(files) == ["a.yaml", "b.yaml", "b-a.yaml", "b-c-d.json", "z.yml"]


def test_a_thousand_objects_take_little_memory() -> None:
    data = {f"k{n}": "v" * 40 for n in range(10)}
    files: Files = {f"{n}.yaml": config_map(f"c{n}", data=data) for n in range(1000)}
    tree = MemoryTree(files)
    tracemalloc.start()
    try:
        rendering = render(tree, "")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(rendering.manifests) == 1000
    assert peak < 10 * 1024 * 1024
