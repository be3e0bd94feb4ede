"""New trees from old ones, and what differs between two: laws over random folders."""

from __future__ import annotations

from typing import Any

from dulwich.objects import Blob, ObjectID, Tree
from hypothesis import given
from hypothesis import strategies as st

from engine.git.commits import FILE_MODE, Entry, NewObject, change, find
from engine.promote.difference import FileChange, files, values

_NAMES = st.sampled_from(["a", "b", "c", "a.b", "ä"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_FILES = st.dictionaries(_PATHS, st.sampled_from(["1", "2", "3"]), max_size=8)


class Store:
    """Trees by id, made from paths."""

    def __init__(self) -> None:
        self.trees: dict[str, bytes] = {}

    def read(self, name: str) -> bytes:
        return self.trees[name]

    def keep(self, made: list[NewObject]) -> None:
        self.trees |= {item.id: item.data for item in made}

    def tree(self, contents: dict[str, str]) -> str:
        root: dict[str, Any] = {}
        for path, text in contents.items():
            at = root
            *folders, last = path.split("/")
            for name in folders:
                at = at.setdefault(name, {})
            at[last] = text
        return self._write(root)

    def _write(self, folder: object) -> str:
        tree = Tree()
        assert isinstance(folder, dict)
        for name, inner in folder.items():
            if isinstance(inner, dict):
                tree.add(name.encode(), 0o040000, ObjectID(self._write(inner).encode()))
            else:
                tree.add(name.encode(), FILE_MODE, ObjectID(blob(inner).encode()))
        self.trees[bytes(tree.id).decode()] = tree.as_raw_string()
        return bytes(tree.id).decode()


def blob(text: str) -> str:
    return bytes(Blob.from_string(text.encode()).id).decode()


def _is_possible(contents: dict[str, str]) -> bool:
    """Whether no file is a folder of another."""
    return not any(f"{path}/" in f"{other}/" and path != other and other.startswith(f"{path}/")
                   for path in contents for other in contents)  # fmt: skip


@given(before=_FILES.filter(_is_possible), after=_FILES.filter(_is_possible))
def test_changing_what_differs_gives_the_other_tree(
    before: dict[str, str], after: dict[str, str]
) -> None:
    store = Store()
    old, new = store.tree(before), store.tree(after)
    folder = 0o040000
    changed = files(store.read, Entry(folder, old), Entry(folder, new), "")
    assert {each.path for each in changed} == {
        path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    }
    gone = {each.path: None for each in changed if not each.after}
    there = {each.path: Entry(FILE_MODE, each.after) for each in changed if each.after}
    made, objects = change(store.read, old, gone)
    store.keep(objects)
    made, objects = change(store.read, made, there)
    assert made == new


@given(contents=_FILES.filter(_is_possible).filter(bool), data=st.data())
def test_a_file_that_is_set_is_found_and_all_others_stay(
    contents: dict[str, str], data: st.DataObject
) -> None:
    store = Store()
    path = data.draw(st.sampled_from(sorted(contents)))
    old = store.tree(contents)
    entry = Entry(0o100755, blob("new"))
    new, objects = change(store.read, old, {path: entry})
    store.keep(objects)
    assert find(store.read, new, path) == entry
    for other in contents.keys() - {path}:
        assert find(store.read, new, other) == find(store.read, old, other)
    assert len(objects) == path.count("/") + 1


def test_a_path_that_is_not_there_is_none() -> None:
    store = Store()
    root = store.tree({"a/b": "1"})
    assert find(store.read, root, "a/c") is None
    assert find(store.read, root, "a/b/c") is None
    assert find(store.read, root, "x/y") is None
    assert find(store.read, root, "") == Entry(0o040000, root)


def test_a_file_that_becomes_a_folder_is_told_as_both() -> None:
    store = Store()
    old, new = (Entry(0o040000, store.tree(each)) for each in ({"a": "1"}, {"a/b": "2"}))
    assert files(store.read, old, new, "") == [
        FileChange("a", blob("1"), ""), FileChange("a/b", "", blob("2")),
    ]  # fmt: skip


def _told(before: str, after: str) -> list[str]:
    return [f"{e.pointer}: {e.before} -> {e.after}" if e.pointer else e.before
            for e in values(before.encode() or None, after.encode() or None, "a.yaml")]  # fmt: skip


def test_values_are_told_by_their_path_and_secrets_are_not() -> None:
    assert _told("a: {b: 1, c: x}\n", "a: {b: true, d: x}\n") == [
        "a.b: 1 -> true", "a.c: x -> ", "a.d:  -> x",
    ]  # fmt: skip
    assert _told("l: [{name: w, i: 1}, 5]\n", "l: [{name: w, i: 2}, 6]\n") == [
        "l[name=w].i: 1 -> 2", "l[1]: 5 -> 6",
    ]  # fmt: skip
    text = "kind: Secret\nstringData: {a: %s}\nmetadata: {name: %s}\n"
    told = _told(text % ("hunter2", "x"), text % ("hunter3", "z"))
    assert told == ["stringData.a: *** -> ***", "metadata.name: x -> z"]


def test_what_cannot_be_compared_is_told_as_a_whole() -> None:
    assert _told("a: 1\n", "") == ["removed"]
    assert _told("", "a: 1\n") == ["added"]
    assert _told("a: 1\n", "{{ x }}\n") == ["changed"]
    assert _told("a: 1\n", "a: 1\n---\nb: 2\n") == ["changed"]
    many = "".join(f"k{n}: {{}}\n".format("{0}") for n in range(30))
    assert _told(many.format(1), many.format(2)) == ["changed"]
    assert _told("a: 1 # x\n", "a: 1 # y\n") == ["changed"]
    assert _told("a: [1]\n", "a: {b: 1}\n") == ["a: [...] -> {...}"]
    assert _told("a: x\n", f"a: {'y' * 200}\n") == [f"a: x -> {'y' * 97}..."]
