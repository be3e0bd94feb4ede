"""Git against Git: what a change does to each application, and what is never said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compare import Request, Side, Sources, compare
from engine.compare.sources import spelled
from engine.errors import ExitCode, SettingsError
from engine.model import Adopt, Delete, Keep, Release, Replace, Revision, Skip, Update, Why
from tests.comparisons import (
    BASE,
    HEAD,
    URL,
    Clone,
    application,
    config_map,
    deployment,
    only,
    plan_of,
    report,
    told,
)
from tests.trees import MemoryTree

SHOP = "apps/shop/all.yaml"
DB = "apps/db/all.yaml"
TWO = {"app.yaml": application(), "db.yaml": application("db")}


def test_the_same_revision_twice_is_no_change() -> None:
    files = {SHOP: config_map("env")}

    found = report(files, files)

    assert found.changes == ()
    assert found.unchanged == ("plumb-system/shop",)


def test_each_object_is_told_with_what_happens_to_it() -> None:
    before = config_map("env") + config_map("old") + config_map("same") + deployment()
    after = config_map("env", data="{a: c}") + config_map("new") + config_map("same") + deployment(
        image="web:2"
    )  # fmt: skip

    change = only(report({SHOP: before}, {SHOP: after}))

    assert told(change) == {
        "ConfigMap/env": "Update", "ConfigMap/new": "Create", "Deployment/web": "Update",
        "ConfigMap/old": "Delete",
    }  # fmt: skip
    assert [ref.name for ref in plan_of(change).unchanged] == ["same"]
    assert plan_of(change).token == ""


def test_every_line_says_why_and_nothing_made_up_is_shown() -> None:
    before, after = deployment(), deployment(image="web:2")

    (update,) = plan_of(only(report({SHOP: before}, {SHOP: after}))).changes

    assert isinstance(update, Update)
    (edit,) = update.patch.edits
    assert (edit.path, edit.before, edit.after, edit.why) == (
        "/spec/template/spec/containers/[name=web]/image", "web:1", "web:2", Why.CHANGED,
    )  # fmt: skip
    assert "base:" not in repr(update.patch)
    assert "plumb.dev" not in repr(update.patch)


@pytest.mark.parametrize(("before", "after"), [
    pytest.param("{a: b, c: d}", "{c: d, a: b}", id="order of keys"),
    pytest.param("{a: b}", '{"a": "b"} # why', id="quotes and comments"),
])  # fmt: skip
def test_another_spelling_of_the_same_is_no_change(before: str, after: str) -> None:
    found = report({SHOP: config_map("env", data=before)}, {SHOP: config_map("env", data=after)})

    assert found.changes == ()
    assert found.unchanged == ("plumb-system/shop",)


def test_an_object_in_another_file_is_moved_and_not_deleted() -> None:
    change = only(report({SHOP: config_map("env")}, {"apps/shop/env.yaml": config_map("env")}))

    assert told(change) == {}
    (moved,) = change.moved
    assert (moved.before.path, moved.after.path) == (SHOP, "apps/shop/env.yaml")


# --- what is replaced, held, kept ------------------------------------------------------------


def test_an_immutable_field_is_a_refusal_that_names_it() -> None:
    (skip,) = plan_of(
        only(report({SHOP: deployment()}, {SHOP: deployment(selector="shop")}))
    ).changes

    assert isinstance(skip, Skip)
    assert skip.error is not None
    assert skip.error.code == "PLB531"
    assert "/spec/selector" in skip.error.what


def test_a_replacement_that_was_agreed_to_names_the_field() -> None:
    found = report({SHOP: deployment()}, {SHOP: deployment(selector="shop")}, replace=True)

    (change,) = plan_of(only(found)).changes

    assert isinstance(change, Replace)
    assert "/spec/selector" in change.fields


@pytest.mark.parametrize(("count", "left", "hold"), [
    pytest.param(20, 13, "TooMany", id="seven of twenty"),
    pytest.param(20, 14, None, id="six of twenty are no more than 30 %"),
    pytest.param(30, 24, None, id="six of thirty are few enough"),
    pytest.param(3, 0, "Empty", id="all of them"),
])  # fmt: skip
def test_prune_guards_hold_as_they_would_in_a_sync(count: int, left: int, hold: str | None) -> None:
    def files(number: int) -> dict[str, str]:
        return {SHOP: "".join(config_map(f"c{n}") for n in range(number))}

    gone = plan_of(only(report(files(count), files(left)))).prune

    assert {c.hold if isinstance(c, Keep) else None for c in gone} == {hold}
    assert len(gone) == count - left


def test_a_path_that_is_gone_deletes_nothing() -> None:
    change = only(report({SHOP: config_map("env")}, {}))

    (keep,) = plan_of(change).prune
    assert isinstance(keep, Keep)
    assert keep.hold == "Empty"
    assert "not in this commit" in keep.reason


@pytest.mark.parametrize(("annotation", "kind"), [
    ("disabled", Keep), ("confirm", Keep), ("orphan", Release),
])  # fmt: skip
def test_an_object_that_protects_itself_stays(annotation: str, kind: type) -> None:
    meta = f", annotations: {{plumb.dev/prune: {annotation}}}"
    before = config_map("env") + config_map("old", meta=meta)

    (change,) = plan_of(only(report({SHOP: before}, {SHOP: config_map("env")}))).prune

    assert type(change) is kind


def test_pruning_that_is_switched_off_keeps_everything() -> None:
    apps = {"app.yaml": application(spec=", prune: false")}
    before = {**apps, SHOP: config_map("env") + config_map("old")}

    (keep,) = plan_of(only(report(before, {**apps, SHOP: config_map("env")}))).prune

    assert isinstance(keep, Keep)
    assert keep.hold == "NoPrune"


# --- several applications --------------------------------------------------------------------


def test_only_what_differs_is_rendered() -> None:
    files = {**TWO, SHOP: config_map("env"), DB: config_map("pg")}
    changed = {**files, SHOP: config_map("env", data="{a: c}")}
    trees = MemoryTree(files), MemoryTree(changed)
    base, head = Side(trees[0], Revision(BASE, "base")), Side(trees[1], Revision(HEAD, "head"))

    found = compare(Request(base, head, Sources(Clone(), frozenset({spelled(URL)}))))

    assert [change.application for change in found.changes] == ["plumb-system/shop"]
    assert found.unchanged == ("plumb-system/db",)
    # Once in the quick look at every blob, which the two revisions share; never to render it.
    assert [*trees[0].reads, *trees[1].reads].count(DB) == 1


def test_what_moves_to_another_application_is_handed_over() -> None:
    found = report(
        {**TWO, SHOP: config_map("env", meta=", namespace: x") + config_map("own"), DB: ""},
        {**TWO, SHOP: config_map("own"), DB: config_map("env", meta=", namespace: x")},
    )

    db, shop = found.changes
    (arrived,) = plan_of(db).changes
    (kept,) = plan_of(shop).changes
    assert isinstance(arrived, Adopt)
    assert arrived.from_owner == "plumb-system/shop"
    assert isinstance(kept, Keep)
    assert "plumb-system/db takes it over" in kept.reason


def test_two_applications_that_want_one_object_clash() -> None:
    shared = config_map("env", meta=", namespace: x")

    found = report({**TWO, SHOP: "", DB: ""}, {**TWO, SHOP: shared, DB: shared})

    db, shop = found.changes
    assert told(db) == {"ConfigMap/env": "Create"}
    (skip,) = plan_of(shop).changes
    assert isinstance(skip, Skip)
    assert skip.error is not None
    assert skip.error.code == "PLB521"
    assert "plumb-system/db" in skip.error.what
    assert skip.error.exit_code is ExitCode.REFUSED


def test_a_clash_with_an_application_that_did_not_change_is_found_without_rendering_it() -> None:
    shared = config_map("env", meta=", namespace: x")
    base = {**TWO, DB: shared + config_map("pg"), SHOP: config_map("own")}

    change = only(report(base, {**base, SHOP: config_map("own") + shared}))

    (skip,) = plan_of(change).changes
    assert isinstance(skip, Skip)
    assert skip.error is not None
    assert skip.error.code == "PLB521"


def test_what_another_one_has_too_is_not_deleted() -> None:
    shared = config_map("env", meta=", namespace: x")
    base = {**TWO, DB: shared, SHOP: config_map("own") + shared}

    change = only(report(base, {**base, SHOP: config_map("own")}))

    (kept,) = plan_of(change).changes
    assert isinstance(kept, Keep)
    assert "plumb-system/db" in kept.reason


def test_a_new_application_creates_and_a_removed_one_follows_its_policy() -> None:
    base = {SHOP: config_map("env")}
    head = {**base, "db.yaml": application("db"), DB: config_map("pg")}

    added, gone = only(report(base, head)), only(report(head, base))

    assert (added.state, told(added)) == ("added", {"ConfigMap/pg": "Create"})
    assert (gone.state, told(gone)) == ("removed", {"ConfigMap/pg": "Release"})


def test_a_removed_application_that_takes_its_objects_along_says_so() -> None:
    spec = ", deletionPolicy: delete"
    head = {"db.yaml": application("db", spec=spec), DB: config_map("pg")}

    (change,) = plan_of(only(report(head, {}))).changes

    assert isinstance(change, Delete)


def test_a_changed_document_is_told_field_by_field() -> None:
    base = {SHOP: config_map("env")}

    change = only(report(base, {**base, "app.yaml": application(spec=", prune: false")}))

    (edit,) = change.settings
    assert (edit.path, edit.after, edit.why) == ("/spec/prune", False, Why.ADDED)
    assert told(change) == {}


def test_another_target_namespace_moves_every_object() -> None:
    base = {SHOP: config_map("env")}

    change = only(report(base, {**base, "app.yaml": application(spec=", targetNamespace: prod")}))

    changes = [(type(c).__name__, c.ref.namespace) for c in plan_of(change).changes]
    assert changes == [("Create", "prod"), ("Delete", "plumb-system")]


# --- errors ----------------------------------------------------------------------------------

BROKEN = "apiVersion: v1\nkind: [\n"


@pytest.mark.parametrize(("base", "head", "where"), [
    pytest.param(config_map("env"), BROKEN, f"{SHOP}:", id="head"),
    pytest.param(BROKEN, config_map("env"), f"{BASE[:10]}:{SHOP}:", id="base"),
])  # fmt: skip
def test_a_side_that_cannot_be_read_is_an_error_and_never_a_deletion(
    base: str, head: str, where: str
) -> None:
    change = only(report({SHOP: base}, {SHOP: head}))

    assert change.plan is None
    (error,) = change.errors
    assert error.where.startswith(where)
    assert error.exit_code is ExitCode.FAILURE


def test_what_a_broken_neighbour_may_want_is_not_deleted() -> None:
    found = report(
        {**TWO, SHOP: config_map("env") + config_map("own"), DB: config_map("pg")},
        {**TWO, SHOP: config_map("own"), DB: BROKEN},
    )

    shop = next(c for c in found.changes if c.application == "plumb-system/shop")
    (keep,) = plan_of(shop).changes
    assert isinstance(keep, Keep)
    assert keep.hold == "Waiting"
    assert "plumb-system/db" in keep.reason


def test_a_document_that_cannot_be_read_removes_no_application() -> None:
    base = {SHOP: config_map("env")}

    found = report(base, {**base, "app.yaml": application(spec=", prnue: true")})

    assert found.changes == ()
    (error,) = found.errors
    assert error.code == "PLB101"
    assert "one revision only" in found.notes[0]


def test_what_was_refused_before_is_a_note_and_no_error_of_the_change() -> None:
    spec = ", targetNamespace: shop"
    role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\n---\n"
    base = {"app.yaml": application(spec=spec), SHOP: role + config_map("env")}

    change = only(report(base, {**base, SHOP: role + config_map("env", data="{a: c}")}))

    assert told(change) == {"ConfigMap/env": "Update"}
    assert any("PLB511" in note for note in change.notes)


def test_two_documents_of_one_name_are_an_error_that_names_both() -> None:
    found = report({SHOP: ""}, {SHOP: "", "again.yaml": application()})

    (error,) = found.errors
    assert error.code == "PLB111"
    assert "again.yaml" in str(error)
    assert "app.yaml" in str(error)


# --- where the manifests come from -----------------------------------------------------------


@pytest.mark.parametrize("url", [
    "https://git.example/team/config", "git@git.example:team/config.git",
    "ssh://git@git.example/team/config.git", "https://GIT.example:443/team/config/",
])  # fmt: skip
def test_a_repository_is_recognized_under_every_spelling(url: str) -> None:
    assert spelled(url) == spelled(URL)


def test_other_repositories_are_not_mistaken_for_this_one() -> None:
    others = ["https://git.example/team/config2", "https://git.example:8443/team/config.git",
              "https://other.example/team/config.git", "/srv/team/config"]  # fmt: skip

    assert spelled(URL) not in {spelled(url) for url in others}


def test_nothing_of_this_repository_is_an_error_and_not_an_empty_report() -> None:
    apps = {"app.yaml": application(url="https://elsewhere.example/x.git")}

    with pytest.raises(SettingsError) as caught:
        report(apps, apps)

    assert caught.value.code == "PLB156"


def test_no_application_at_all_is_an_error() -> None:
    with pytest.raises(SettingsError) as caught:
        report({"app.yaml": "a: b"}, {"app.yaml": "a: b"})

    assert caught.value.code == "PLB155"


def test_an_application_of_another_repository_is_said_to_be_left_out() -> None:
    other = {"x.yaml": application("x", url="https://elsewhere.example/x.git")}

    found = report({**other, SHOP: config_map("a")}, {**other, SHOP: config_map("b")})

    assert [c.application for c in found.changes] == ["plumb-system/shop"]
    assert any("elsewhere.example" in note for note in found.notes)


def test_a_document_that_moves_on_in_another_repository_needs_that_one() -> None:
    def x(ref: str) -> dict[str, str]:
        url = "https://elsewhere.example/x.git"
        return {"x.yaml": application("x", url=url, ref=f", ref: {{tag: {ref}}}"),
                SHOP: config_map("own")}  # fmt: skip

    (unknown,) = report(x("v1"), x("v2")).changes
    clone = Clone(v1={"apps/x/a.yaml": config_map("a")}, v2={"apps/x/a.yaml": config_map("b")})
    known = Sources(Clone(), frozenset({spelled(URL)}), {"elsewhere.example/x": clone})
    mapped = only(report(x("v1"), x("v2"), sources=known))

    assert unknown.plan is None
    assert unknown.errors[0].code == "PLB154"
    assert told(mapped) == {"ConfigMap/b": "Create", "ConfigMap/a": "Delete"}


def test_a_pinned_application_is_read_where_it_is_pinned() -> None:
    def app(ref: str) -> str:
        return application(ref=f", ref: {{tag: {ref}}}")

    clone = Clone(v1={SHOP: config_map("a")}, v2={SHOP: config_map("a", data="{a: c}")})
    known = Sources(clone, frozenset({spelled(URL)}))
    same = report({"app.yaml": app("v1"), SHOP: config_map("a")},
                  {"app.yaml": app("v1"), SHOP: config_map("z")}, sources=known)  # fmt: skip
    assert same.changes == ()
    assert clone.asked == []
    assert "follows tag v1" in same.notes[0]

    change = only(report({"app.yaml": app("v1")}, {"app.yaml": app("v2")}, sources=known))
    assert told(change) == {"ConfigMap/a": "Update"}


def test_an_application_of_another_branch_is_not_reached() -> None:
    apps = {"app.yaml": application(ref=", ref: {branch: staging}")}
    base, head = {**apps, SHOP: config_map("a")}, {**apps, SHOP: config_map("b")}
    known = Sources(Clone(), frozenset({spelled(URL)}))

    there = report(base, head, sources=replace(known, branch="main"))
    here = report(base, head, sources=replace(known, branch="staging"))
    anywhere = report(base, head, sources=known)

    assert there.changes == ()
    assert len(here.changes) == len(anywhere.changes) == 1


def test_files_are_read_from_each_revision_and_may_be_new() -> None:
    base = {SHOP: config_map("env"), "new/app.yaml": application("db"), DB: config_map("pg")}

    found = report({SHOP: config_map("env"), DB: config_map("pg")}, base, files=("new",))

    assert [(c.application, c.state) for c in found.changes] == [("plumb-system/db", "added")]


# --- kinds -----------------------------------------------------------------------------------

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: toys.example.com}
spec:
  group: example.com
  names: {kind: Toy, plural: toys}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {
      parts: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name],
        items: {type: object, properties: {name: {type: string}, size: {type: integer}}}}}}}}}
---
"""
TOY = "apiVersion: example.com/v1\nkind: Toy\nmetadata: {{name: bear}}\nspec: {{parts: {0}}}\n"


@pytest.mark.parametrize("place", [SHOP, "elsewhere/crd.yaml"])
def test_a_definition_anywhere_in_the_revision_tells_keys_of_lists(place: str) -> None:
    one = TOY.format("[{name: ear, size: 1}, {name: nose, size: 1}]")
    two = TOY.format("[{name: ear, size: 1}, {name: nose, size: 2}]")
    base = {place: CRD, "apps/shop/toy.yaml": one}

    (update,) = plan_of(only(report(base, {**base, "apps/shop/toy.yaml": two}))).changes

    assert isinstance(update, Update)
    assert [edit.path for edit in update.patch.edits] == ["/spec/parts/[name=nose]/size"]


def test_a_kind_that_nothing_defines_is_compared_and_said_to_be_unknown() -> None:
    base, head = TOY.format("[1]"), TOY.format("[2]")

    change = only(report({SHOP: base}, {SHOP: head}))

    assert told(change) == {"Toy/bear": "Update"}
    assert any("not defined in Git" in note for note in change.notes)


def test_an_unknown_field_is_an_error_of_that_object_with_its_place() -> None:
    bad = deployment().replace("spec:\n  selector", "spec:\n  replcas: 2\n  selector")

    (skip,) = plan_of(only(report({SHOP: deployment()}, {SHOP: bad}))).changes

    assert isinstance(skip, Skip)
    assert skip.error is not None
    assert skip.error.where == f"{SHOP}:6:12"


def test_a_new_version_of_the_same_object_is_shown() -> None:
    def scaler(version: str) -> str:
        return (f"apiVersion: autoscaling/{version}\nkind: HorizontalPodAutoscaler\n"
                "metadata: {name: web}\nspec: {maxReplicas: 3, scaleTargetRef: "
                "{apiVersion: apps/v1, kind: Deployment, name: web}}\n")  # fmt: skip

    (update,) = plan_of(only(report({SHOP: scaler("v1")}, {SHOP: scaler("v2")}))).changes

    assert isinstance(update, Update)
    assert [edit.path for edit in update.patch.edits] == ["/apiVersion"]


# --- laws ------------------------------------------------------------------------------------

_NAMES = st.sampled_from(["a", "b", "c", "d"])
_SHOPS = st.dictionaries(_NAMES, st.sampled_from(["{a: b}", "{a: c}", "{x: y, a: b}"]))


def _files(objects: dict[str, str]) -> dict[str, str]:
    return {f"apps/shop/{name}.yaml": config_map(name, data=data) for name, data in objects.items()}


@settings(max_examples=60)
@given(before=_SHOPS, after=_SHOPS)
def test_every_object_of_either_side_is_told_of_exactly_once(
    before: dict[str, str], after: dict[str, str]
) -> None:
    found = report(_files(before), _files(after))

    if before == after:
        assert found.changes == ()
        return
    plan = plan_of(only(found))
    names = [change.ref.name for change in plan.changes] + [ref.name for ref in plan.unchanged]
    assert sorted(names) == sorted(before.keys() | after.keys())
    assert {ref.name for ref in plan.unchanged} == {
        name for name in before.keys() & after.keys() if before[name] == after[name]
    }


@settings(max_examples=30)
@given(before=_SHOPS, after=_SHOPS)
def test_the_same_input_gives_the_same_report(
    before: dict[str, str], after: dict[str, str]
) -> None:
    from engine.report import data

    one = data.report(report(_files(before), _files(after)))
    other = data.report(report(_files(dict(reversed(before.items()))), _files(after)))

    assert one == other
