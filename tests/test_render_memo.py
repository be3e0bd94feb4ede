"""A rendering that is remembered: never a stale one, and nothing is read that need not be."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import PlumbError
from engine.parse import Limits
from engine.render import Rendered, Rendering, render, render_again
from engine.render.memo import Recording
from tests.trees import MemoryTree

PATHS = ("", "apps", "apps/shop", "apps/shop/web.yaml", "apps/cart", "gone", "apps//shop/", "link")
FILES = (
    "apps/shop/web.yaml", "apps/shop/db/main.yaml", "apps/shop/README", "apps/cart/web.yaml",
    "apps/shop", "apps", "root.yaml", ".plumbignore", "apps/.plumbignore", "apps/shop/.plumbignore",
)  # fmt: skip
TEXTS = {
    ".plumbignore": ("db/", "*.yaml\n!web.yaml", "README", "\udcff"),
    "": (
        "{kind: ConfigMap, apiVersion: v1, metadata: {name: a}}",
        "{kind: ConfigMap, apiVersion: v1, metadata: {name: b}, data: {k: v}}",
        "\n---\n".join(f"{{kind: A, apiVersion: v1, metadata: {{name: {n}}}}}" for n in "cd"),
        "[",
        "",
    ),
}


@st.composite
def files(draw: Any) -> dict[str, bytes]:
    """Files of a commit; none is both a file and a folder."""
    made: dict[str, bytes] = {}
    for path in draw(st.lists(st.sampled_from(FILES), unique=True)):
        texts = TEXTS[".plumbignore" if path.endswith("ignore") else ""]
        text = draw(st.sampled_from(texts)).encode("utf-8", "surrogateescape")
        if not any(p.startswith(f"{path}/") or path.startswith(f"{p}/") for p in made):
            made[path] = text
    return made


def tree_of(made: dict[str, bytes]) -> MemoryTree:
    return MemoryTree(made, links={"link": "apps/shop"})


def outcome(tree: MemoryTree, path: str) -> Rendering | str:
    try:
        return render(tree, path)
    except PlumbError as error:
        return str(error)


@given(st.lists(files(), min_size=1, max_size=4), st.sampled_from(PATHS))
def test_a_remembered_rendering_is_the_one_of_this_tree(
    commits: list[dict[str, bytes]], path: str
) -> None:
    memo: Rendered | None = None
    # Each commit, then one that has everything of it and what the one before had besides.
    for made in [step for files in commits for step in (files, {**commits[0], **files})]:
        if any(a.startswith(f"{b}/") for a in made for b in made):
            continue
        held = memo is not None and memo.holds(tree_of(made))
        known = memo
        rendering: Rendering | str
        try:
            rendering, memo = render_again(tree_of(made), path, known)
        except PlumbError as error:
            rendering = str(error)
        assert rendering == outcome(tree_of(made), path)
        assert not held or memo is known


# --- what does not run -----------------------------------------------------------------------

SHOP = {
    "apps/shop/web.yaml": TEXTS[""][0],
    "apps/shop/db/main.yaml": TEXTS[""][1],
    "apps/cart/web.yaml": "{kind: Secret, apiVersion: v1, metadata: {name: cart}}",
    "README": "x",
}


def remembered(path: str, made: dict[str, str]) -> Rendered:
    _, memo = render_again(MemoryTree(made), path, None)
    assert memo is not None
    return memo


@pytest.mark.parametrize("path", ["apps/shop", "apps/shop/web.yaml"])
def test_a_commit_elsewhere_renders_nothing_and_reads_no_file(path: str) -> None:
    memo = remembered(path, SHOP)
    later = MemoryTree({**SHOP, "README": "y", "apps/cart/web.yaml": TEXTS[""][2], "new": "z"})
    rendering, again = render_again(later, path, memo)

    assert again is memo
    assert rendering == render(MemoryTree(SHOP), path)
    assert later.reads
    assert all(read.endswith("?") for read in later.reads)


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("apps/shop", {"apps/shop/web.yaml": TEXTS[""][2]}),
        ("apps/shop", {"apps/shop/new.yaml": TEXTS[""][2]}),
        ("apps/shop", {"apps/shop/db/main.yaml": None}),
        ("apps/shop", {"apps/shop/db/.plumbignore": "main.yaml"}),
        ("apps/shop", {".plumbignore": "db/"}),
        ("apps/shop", {"apps/.plumbignore": "db/"}),
        ("apps/shop/web.yaml", {"apps/shop/web.yaml": TEXTS[""][2]}),
        ("", {"apps/cart/web.yaml": None}),
        ("apps", {"apps/shop/web.yaml": None, "apps/shop/db/main.yaml": None}),
    ],
)
def test_a_commit_that_touches_what_was_read_is_rendered(
    path: str, change: dict[str, str | None]
) -> None:
    memo = remembered(path, SHOP)
    made = {p: text for p, text in {**SHOP, **change}.items() if text is not None}
    rendering, again = render_again(MemoryTree(made), path, memo)

    assert again is not memo
    assert rendering == render(MemoryTree(made), path)
    assert rendering != memo.rendering


def test_a_path_that_is_gone_or_comes_back_is_noticed() -> None:
    memo = remembered("apps/shop", SHOP)
    without = {path: text for path, text in SHOP.items() if not path.startswith("apps/shop")}
    rendering, gone = render_again(MemoryTree(without), "apps/shop", memo)
    assert not rendering.found
    assert gone is None

    rendering, back = render_again(MemoryTree(SHOP), "apps/shop", gone)
    assert rendering.found
    assert back is not None


def test_a_memo_of_another_path_or_other_limits_counts_for_nothing() -> None:
    memo = remembered("apps/shop", SHOP)
    rendering, _ = render_again(MemoryTree(SHOP), "apps/cart", memo)
    assert rendering == render(MemoryTree(SHOP), "apps/cart")
    with pytest.raises(PlumbError):
        render_again(MemoryTree(SHOP), "apps/shop", memo, limits=Limits(size_bytes=3))


# --- what is kept ----------------------------------------------------------------------------


def test_few_inputs_stand_for_all_that_was_read() -> None:
    memo = remembered("apps/shop", SHOP)
    assert sorted(memo.inputs) == [".plumbignore", "apps/.plumbignore", "apps/shop"]
    assert memo.inputs[".plumbignore"] == memo.inputs["apps/.plumbignore"] == ""

    memo = remembered("apps/shop/web.yaml", SHOP)
    assert sorted(memo.inputs) == ["apps", "apps/shop", "apps/shop/web.yaml"]
    assert memo.inputs["apps"] == memo.inputs["apps/shop"] == "folder"


def test_what_was_only_looked_for_counts_as_little_as_it_can() -> None:
    tree = MemoryTree(SHOP, links={"link": "apps"}, modules=("sub",))
    recording = Recording(tree)
    for path in ("apps", "nothing", "README", "link", "sub", "nothing/below"):
        assert recording.find(path) == tree.find(path)
    assert recording.inputs["apps"] == "folder"
    assert recording.inputs["nothing"] == recording.inputs["nothing/below"] == ""
    assert [recording.inputs[p].split()[0] for p in ("README", "link", "sub")] == [
        "file", "symlink", "submodule",
    ]  # fmt: skip

    recording.entries("apps")
    recording.find("apps")
    assert recording.inputs["apps"].startswith("folder ")


def test_a_memo_is_small_and_can_be_kept_anywhere() -> None:
    made = {
        f"apps/shop/{n}.yaml": f"{{kind: ConfigMap, apiVersion: v1, metadata: {{name: c{n}, "
        f"labels: {{app: shop, part: p{n % 7}}}}}, data: {{k: value {n}, url: 'https://{n}'}}}}"
        for n in range(500)
    }
    memo = remembered("apps/shop", made)
    copy: Rendered = pickle.loads(pickle.dumps(memo))  # noqa: S301 - its own bytes
    assert copy == memo
    assert copy.rendering == render(MemoryTree(made), "apps/shop")
    assert len(pickle.dumps(memo)) / 500 < 400
