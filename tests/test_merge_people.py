"""What people are told of a merge, what is left alone, and what was applied or answered before."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given

from engine import jsonpatch
from engine.merge import Sides, answers_of, compare
from engine.merge.attribution import manager_of
from engine.merge.change import Place
from engine.model import ABSENT, Why
from tests.bodies import (
    JSON,
    TCP53,
    UDP53,
    as_live,
    config,
    deployment,
    env,
    meta,
    obj,
    pod,
    service,
    unknown,
    widget,
)
from tests.triples import SCHEMAS, Triple, triples


@pytest.mark.parametrize(
    ("last", "desired", "live", "why"),
    [
        pytest.param(unknown(a=1), unknown(a=2), unknown(a=1), Why.CHANGED, id="changed"),
        pytest.param(unknown(a=1), unknown(a=2), unknown(a=3), Why.CHANGED, id="changed twice"),
        pytest.param(unknown(), unknown(a=2), unknown(), Why.ADDED, id="added"),
        pytest.param(unknown(a=1), unknown(a=1), unknown(a=2), Why.DRIFTED, id="drifted"),
        pytest.param(unknown(a=1), unknown(a=1), unknown(), Why.DRIFTED, id="drifted away"),
        pytest.param(unknown(a=1), unknown(), unknown(a=1), Why.REMOVED, id="removed"),
        pytest.param(unknown(a=1), unknown(a=None), unknown(a=1), Why.CHANGED, id="set to null"),
        pytest.param(None, unknown(a=1), unknown(), Why.DIFFERS, id="nobody knows"),
        pytest.param(
            widget(one="a"), widget(one="a"), widget(one="a", other={}), Why.UNION, id="union"
        ),
        pytest.param(
            widget(one="a", other={"x": 1}), widget(one="a"), widget(one="a", other={"x": 1}),
            Why.REMOVED, id="the other member of a union, that was Git's",
        ),
        pytest.param(
            pod(env("A1", "B2")), pod(env("A1")), pod(env("A1", "B2")), Why.REMOVED,
            id="an element dropped",
        ),
        pytest.param(
            pod(env("A1")), pod({"image": "x"}), pod({"image": "x", **env("A1", "Z9")}),
            Why.REMOVED, id="a list dropped, and one of it is others'",
        ),
        pytest.param(
            pod(env("A1")), pod(env("A1", "B2")), pod(env("A1")), Why.ADDED, id="an element added",
        ),
        pytest.param(
            pod(env("A1", "B2")), pod(env("A1", "B2")), pod(env("A1")), Why.DRIFTED,
            id="an element that somebody deleted",
        ),
        pytest.param(
            pod(env("A1", "B2")), pod(env("B2", "A1")), pod(env("A1", "B2")), Why.CHANGED,
            id="another order in Git",
        ),
        pytest.param(
            pod(env("A1", "B2")), pod(env("A1", "B2")), pod(env("B2", "A1")), Why.DRIFTED,
            id="another order in live",
        ),
        pytest.param(
            pod(env("A1")), pod(env("A1")), pod({"env": [*env("A1")["env"]] * 2}), Why.DRIFTED,
            id="an element that is there twice",
        ),
        pytest.param(
            config(data={"a": None, "b": "1"}), config(data={"b": "1"}),
            config(data={"a": "", "b": "1"}), Why.REMOVED, id="what a create made of null",
        ),
        pytest.param(
            config(data={"a": None}), config(), config(data={"a": "", "z": "theirs"}), Why.REMOVED,
            id="what a create made of null, in a map that Git drops",
        ),
        pytest.param(
            obj("v1", "Secret", {"data": {"a": ""}}), obj("v1", "Secret", {"data": {"a": "YQ=="}}),
            obj("v1", "Secret", {"data": {"a": "Yg=="}}), Why.DIFFERS, id="secret",
        ),
        pytest.param(
            obj("v1", "Secret", {"data": {"a": ""}}), obj("v1", "Secret", {"data": {"a": "YQ=="}}),
            obj("v1", "Secret", {"data": {}}), Why.DRIFTED, id="secret key gone",
        ),
    ],
)  # fmt: skip
def test_each_edit_says_why(last: JSON, desired: JSON, live: JSON, why: Why) -> None:
    (edit,) = compare(Sides(last, desired, as_live(live)), schemas=SCHEMAS).edits
    assert edit.why is why
    assert edit.after is not None, "what goes is absent afterwards, not null"


def test_an_edit_names_elements_by_key_and_shows_both_values() -> None:
    patch = compare(
        Sides(pod(env("A1")), pod(env("A2", "B3")), as_live(pod(env("A1")))), schemas=SCHEMAS
    )
    base = "/spec/template/spec/containers/[name=c]/env"
    assert [(e.path, e.before, e.after) for e in patch.edits] == [
        (f"{base}/[name=A]/value", "1", "2"),
        (f"{base}/[name=B]", ABSENT, {"name": "B", "value": "3"}),
    ]


def test_a_reordered_list_is_shown_as_it_will_be() -> None:
    live = as_live(pod(env("A1", "B2", "Z9")))
    patch = compare(Sides(pod(env("A1", "B2")), pod(env("B2", "C3", "A1")), live), schemas=SCHEMAS)
    (edit,) = patch.edits
    assert edit.before == env("A1", "B2", "Z9")["env"]
    assert edit.after == env("B2", "C3", "A1", "Z9")["env"]
    after = jsonpatch.apply(patch.operations, live)
    assert after["spec"]["template"]["spec"]["containers"][0]["env"] == edit.after


def test_rules_that_a_controller_fills_in_are_named() -> None:
    role = obj("rbac.authorization.k8s.io/v1", "ClusterRole",
               {"aggregationRule": {"clusterRoleSelectors": []}, "rules": []})  # fmt: skip
    patch = compare(
        Sides(role, role, as_live({**role, "rules": [{"verbs": ["*"]}]})), schemas=SCHEMAS
    )
    assert patch.notes == ("/rules is filled in by the aggregation rule",)


@given(triples())
def test_each_edit_is_complete(triple: Triple) -> None:
    for edit in compare(Sides(*triple), schemas=SCHEMAS).edits:
        assert isinstance(edit.why, Why)
        assert (
            edit.before is not None or edit.after is not ABSENT or "null" in json.dumps(triple.live)
        )
        assert edit.after is not None or "null" in json.dumps(triple.desired)
        assert not (edit.before is ABSENT and edit.after is ABSENT)


@pytest.mark.parametrize(
    ("entries", "manager"),
    [
        ([{"manager": "old"}, {"manager": "new", "time": "2024-01-01T00:00:00Z"}], "new"),
        ([{"manager": "new", "time": "2024-01-01T00:00:00Z"}, {"manager": "old"}], "new"),
        ([{"time": "2024-01-01T00:00:00Z"}], ""),
    ],
)
def test_the_latest_entry_counts(entries: list[JSON], manager: str) -> None:
    body = as_live(deployment(replicas=2))
    fields: JSON = {"f:spec": {"f:replicas": {}}}
    body["metadata"]["managedFields"] = [{**entry, "fieldsV1": fields} for entry in entries]
    desired = deployment(replicas=1)
    (edit,) = compare(Sides(desired, desired, body), schemas=SCHEMAS).edits
    assert edit.manager == manager


def test_a_value_of_a_set_is_attributed_whatever_it_is_spelt_with() -> None:
    last, live = meta(finalizers=["é", "b"]), as_live(meta(finalizers=["é", "b"]))
    live["metadata"]["managedFields"] = [
        {"manager": "theirs", "fieldsV1": {"f:metadata": {"f:finalizers": {'v:"é"': {}}}}}
    ]
    assert (
        manager_of(live, Place(Place(Place(None, ""), "metadata") / "finalizers", "0", name="[=é]"))
        == "theirs"
    )
    (edit,) = compare(Sides(last, meta(finalizers=["b"]), live), schemas=SCHEMAS).edits
    assert edit.path == "/metadata/finalizers/[=é]"


MANAGED = [
    {"manager": "plumb", "time": "2024-01-01T00:00:00Z", "fieldsV1": {
        "f:metadata": {"f:finalizers": {'v:"a"': {}}},
        "f:spec": {"f:replicas": {}, "f:selector": {}, "f:template": {"f:spec": {"f:containers": {
            'k:{"name":"c"}': {".": {}, "f:image": {}}, "k:not json": {}}}}}}},
    {"manager": "kubectl-scale", "time": "2024-02-01T00:00:00Z",
     "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    {"manager": "odd", "fieldsV1": {"f:spec": "text"}},
    "nonsense",
]  # fmt: skip


@pytest.mark.parametrize(
    ("desired", "live", "manager"),
    [
        (deployment(replicas=1), deployment(replicas=2), "kubectl-scale"),
        (pod({"image": "a"}), pod({"image": "b"}), "plumb"),
        (pod(hostNetwork=True), pod(hostNetwork=False), ""),
        (pod(containers=[{"name": "d", "image": "x"}]),
         pod(containers=[{"name": "d", "image": "y"}]), ""),
        (deployment(selector={"matchLabels": {"a": "1"}}),
         deployment(selector={"matchLabels": {"a": "2"}}), "plumb"),
        (deployment(replicas=1), deployment(), ""),
    ],
)  # fmt: skip
def test_drift_is_attributed_to_the_latest_owner(desired: JSON, live: JSON, manager: str) -> None:
    body = as_live(live)
    body["metadata"]["managedFields"] = MANAGED
    (edit,) = compare(Sides(desired, desired, body), schemas=SCHEMAS).edits
    assert edit.manager == manager


@pytest.mark.parametrize(
    ("last", "manager", "why"),
    [
        pytest.param({"a": ""}, "plumb", Why.CHANGED, id="as Plumb wrote it, so Git changed"),
        pytest.param({"a": ""}, "kubectl-edit", Why.DRIFTED, id="somebody else wrote it since"),
        pytest.param({"a": ""}, "", Why.DIFFERS, id="nobody knows who"),
        pytest.param(None, "kubectl-edit", Why.DIFFERS, id="never applied before"),
    ],
)
def test_of_a_secret_the_last_writer_tells_whether_git_or_the_cluster_changed(
    last: JSON, manager: str, why: Why
) -> None:
    body = as_live(obj("v1", "Secret", {"data": {"a": "Yg=="}}))
    fields: JSON = {"f:data": {"f:a": {}}}
    body["metadata"]["managedFields"] = [{"manager": manager, "fieldsV1": fields}]
    applied = obj("v1", "Secret", {"data": last}) if last else None
    desired = obj("v1", "Secret", {"data": {"a": "YQ=="}})
    (edit,) = compare(Sides(applied, desired, body), schemas=SCHEMAS).edits
    assert edit.why is why


def test_who_owns_an_atomic_value_owns_all_of_it() -> None:
    body = as_live(pod(tolerations=[], dnsConfig={"searches": ["a"]}))
    fields: JSON = {"f:spec": {"f:template": {}}}
    body["metadata"]["managedFields"] = [{"manager": "whole", "fieldsV1": fields}]
    desired = pod(dnsConfig={"searches": ["b"]})
    (edit,) = compare(Sides(None, desired, body), schemas=SCHEMAS).edits
    assert edit.manager == "whole"


@pytest.mark.parametrize("value", [True, 1.5, None, {"a": 1}])
def test_odd_keys_of_elements_have_names_too(value: JSON) -> None:
    ports = [{"port": value, "note": "a"}]
    patch = compare(Sides(None, widget(ports=ports), as_live(widget(ports=[]))), schemas=SCHEMAS)
    assert patch.edits[0].path.startswith("/spec/ports")


def test_an_element_of_a_set_has_an_owner_too() -> None:
    body = as_live(meta(finalizers=["a", "a"]))
    body["metadata"]["managedFields"] = MANAGED
    desired = meta(finalizers=["a"])
    (edit,) = compare(Sides(desired, desired, body), schemas=SCHEMAS).edits
    assert (edit.path, edit.manager) == ("/metadata/finalizers/[=a]", "plumb")


# --- what is left alone ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "desired", "live"),
    [
        pytest.param("/spec/replicas", deployment(replicas=1), deployment(replicas=5), id="set"),
        pytest.param("/spec/replicas", deployment(replicas=1), deployment(), id="absent in live"),
        pytest.param("/spec/a", unknown(a={"b": 1}), unknown(a={"c": 1}), id="a whole object"),
        pytest.param(
            "/spec/template/spec/containers/[name=c]/env/[name=A]/value",
            pod(env("A1")), pod(env("A2")), id="by keys",
        ),
        pytest.param(
            "/spec/template/spec/containers/[name=c]", pod({"image": "a"}), pod(), id="an element",
        ),
        pytest.param(
            "/spec/ports/[port=53,protocol=UDP]/name", service(ports=[TCP53, {**UDP53,
             "name": "a"}]),
            service(ports=[TCP53, {**UDP53, "name": "b"}]), id="by two keys",
        ),
        pytest.param(
            "/spec/tolerations/0/key", unknown(tolerations=[{"key": "a"}]),
            unknown(tolerations=[{"key": "b"}]), id="inside an atomic list, by index",
        ),
        pytest.param(
            "/spec/flags/[on=true]/x", unknown(flags=[{"on": True, "x": 1}]),
            unknown(flags=[{"on": True, "x": 2}]), id="by a boolean",
        ),
        pytest.param("/spec/l/[=a]", unknown(l=["a", "b"]), unknown(l=["b"]), id="a value"),
        pytest.param("/spec/x~1y/b", unknown(**{"x/y": {"b": 1}}), unknown(**{"x/y": {"b": 2}}),
                     id="escaped"),
    ],
)  # fmt: skip
def test_ignored_fields_are_neither_compared_nor_written(
    path: str, desired: JSON, live: JSON
) -> None:
    for last in (desired, None):
        sides = Sides(last, desired, as_live(live))
        assert compare(sides, schemas=SCHEMAS, skip=[path]).operations == ()


@pytest.mark.parametrize(
    "path",
    ["/spec/none", "/spec/none/x", "/spec/a/0/x", "/spec/a/[name=z]/x", "/spec/a/[odd]",
     "/spec/b/[name=x]", "/spec/b/c/d", "/spec/a/x", "/spec/a/[0", "/spec/a/0]"],
)  # fmt: skip
def test_an_ignored_path_that_is_not_there_changes_nothing(path: str) -> None:
    desired, live = unknown(a=[1, {"name": {}}], b=2), as_live(unknown(a=[1], b=3))
    patch = compare(Sides(desired, desired, live), schemas=SCHEMAS, skip=[path])
    assert patch == compare(Sides(desired, desired, live), schemas=SCHEMAS)


def test_the_whole_object_can_be_ignored() -> None:
    sides = Sides(unknown(a=1), unknown(b=1), as_live(unknown(a=1)))
    assert compare(sides, schemas=SCHEMAS, skip=[""]).operations == ()


def test_an_ignored_field_is_left_out_of_what_is_written_around_it() -> None:
    desired = deployment(replicas=1, template={"spec": {"x": 1}})
    live = as_live(obj("apps/v1", "Deployment", {}))
    patch = compare(Sides(None, desired, live), schemas=SCHEMAS, skip=frozenset({"/spec/replicas"}))
    assert patch.edits[0].after == {"template": {"spec": {"x": 1}}}


def test_a_field_that_git_drops_stays_where_it_is_ignored() -> None:
    sides = Sides(deployment(replicas=1), deployment(), as_live(deployment(replicas=1)))
    assert compare(sides, schemas=SCHEMAS, skip=frozenset({"/spec/replicas"})).operations == ()


@pytest.mark.parametrize(
    ("path", "desired", "live", "expected"),
    [
        pytest.param("/spec/a/b", unknown(a={"b": 1, "c": 1}), unknown(a={"b": 2, "c": 2}),
                     unknown(a={"b": 2, "c": 1}), id="in a map"),
        pytest.param("/spec/l/[n=a]/x", unknown(l=[{"n": "a", "x": 1, "y": 1}]),
                     unknown(l=[{"n": "a", "x": 2, "y": 2}]),
                     unknown(l=[{"n": "a", "x": 2, "y": 1}]), id="in an element"),
        pytest.param("/spec/l/1/x", unknown(l=[{"x": 1}, {"x": 1, "y": 1}]),
                     unknown(l=[{"x": 2}, {"x": 2, "y": 2}]),
                     unknown(l=[{"x": 1}, {"x": 2, "y": 1}]), id="in an element by its place"),
        pytest.param("/spec/template/spec/containers/[name=c]/env/[name=A]/value",
                     pod(env("A1", "B1")), pod(env("A2", "B2")), pod(env("A2", "B1")),
                     id="in an element of an element"),
    ],
)  # fmt: skip
def test_what_stands_beside_an_ignored_field_is_still_gits(
    path: str, desired: JSON, live: JSON, expected: JSON
) -> None:
    body = as_live(live)
    for last in (desired, None):
        patch = compare(Sides(last, desired, body), schemas=SCHEMAS, skip=[path])
        assert jsonpatch.apply(patch.operations, body)["spec"] == expected["spec"]


def test_what_git_drops_beside_an_ignored_element_goes() -> None:
    elements = [{"name": "a", "x": 1}, {"name": "b", "y": 2}]
    last, live = pod(containers=elements), as_live(pod(containers=elements))
    desired = pod(containers=[{"name": "a"}])
    path = "/spec/template/spec/containers/0/x"
    patch = compare(Sides(last, desired, live), schemas=SCHEMAS, skip=[path])
    after = jsonpatch.apply(patch.operations, live)
    assert after["spec"] == pod(containers=[{"name": "a", "x": 1}])["spec"]


def test_only_what_is_ignored_inside_of_what_git_drops_stays() -> None:
    last, desired = unknown(a={"b": {"c": 1, "d": 2}}, l=[{"x": 1}]), unknown()
    live = as_live(unknown(a={"b": {"c": 1, "d": 2}}, l=[{"x": 1}]))
    patch = compare(Sides(last, desired, live), schemas=SCHEMAS, skip=["/spec/a/b/c"])
    after = jsonpatch.apply(patch.operations, live)
    assert after["spec"] == {"a": {"b": {"c": 1}}}


# --- what was applied before ---------------------------------------------------------------------


def test_another_version_owns_metadata_only_and_the_plan_says_so() -> None:
    last = obj("apps/v1beta1", "Deployment", {"spec": {"paused": True},
                                              "metadata": {"labels": {"a": "b"}}})  # fmt: skip
    live = as_live({**deployment(paused=True), "metadata": {"labels": {"a": "b"}}})
    patch = compare(Sides(last, deployment(), live), schemas=SCHEMAS)
    assert [edit.path for edit in patch.edits] == ["/metadata/labels"]
    assert "apps/v1beta1" in patch.notes[0]


@pytest.mark.parametrize(
    ("applied", "pending", "live", "expected"),
    [
        pytest.param(unknown(a=1), unknown(b=1), unknown(a=1, b=1, z=1), unknown(z=1), id="both"),
        pytest.param(unknown(a=1), unknown(a=2), unknown(a=2, z=1), unknown(z=1), id="in doubt"),
        pytest.param(None, unknown(a=1), unknown(a=1), unknown(), id="only pending"),
        pytest.param(unknown(a=1), unknown(a=1), unknown(a=1), unknown(), id="the same"),
        pytest.param(
            unknown(a={"b": 1}), unknown(a=1), unknown(a={"b": 1, "z": 1}), unknown(a={"z": 1}),
            id="an object or not",
        ),
        pytest.param(unknown(a=[1]), unknown(a=[2]), unknown(a=[2], z=1), unknown(z=1), id="lists"),
        pytest.param(
            pod(env("A1", "B1")), pod(env("B2", "C1")), pod(env("A1", "B2", "C1", "Z1")),
            pod(env("Z1")), id="keyed lists",
        ),
        pytest.param(
            pod({"env": [5]}), pod(env("B2")), pod(env("B2", "Z1"), image="x"), pod(image="x"),
            id="lists without keys",
        ),
    ],
)  # fmt: skip
def test_what_may_have_been_applied_goes_too(
    applied: JSON, pending: JSON, live: JSON, expected: JSON
) -> None:
    empty = {**expected, "spec": {}} if expected["kind"] == "Unknown" else pod({}, env=ABSENT)
    body = as_live(live)
    if expected["kind"] != "Unknown":
        empty = pod({})
    patch = compare(Sides(applied, empty, body, pending=pending), schemas=SCHEMAS)
    result = jsonpatch.apply(patch.operations, body)
    if expected["kind"] == "Unknown":
        assert result["spec"] == expected["spec"]
    else:
        (container,) = result["spec"]["template"]["spec"]["containers"]
        wanted = expected["spec"]["template"]["spec"].get("containers", [{"name": "c"}])[0]
        assert container == wanted


# --- the server's answers ------------------------------------------------------------------------


def _answered() -> tuple[JSON, JSON, dict[str, str]]:
    sent = deployment(replicas=1, template={"spec": {"containers": [
        {"name": "c", "image": "a"}, {"name": "gone"}]}})  # fmt: skip
    reply = as_live(copy.deepcopy(sent))
    reply["spec"]["replicas"] = 3
    (first, _) = reply["spec"]["template"]["spec"]["containers"]
    reply["spec"]["template"]["spec"]["containers"] = [{**first, "image": "mirror/a"}]
    return sent, reply, answers_of(sent, reply, schemas=SCHEMAS)


def test_what_the_server_made_of_a_write_is_no_difference() -> None:
    sent, reply, answers = _answered()
    assert sorted(answers) == [
        "/spec/replicas",
        "/spec/template/spec/containers/[name=c]/image",
        "/spec/template/spec/containers/[name=gone]",
    ]
    patch = compare(Sides(sent, sent, reply), schemas=SCHEMAS, answers=answers)
    assert patch.operations == ()
    assert "/spec/replicas" in patch.notes[0]


def test_an_answer_does_not_count_once_git_or_the_cluster_changed() -> None:
    sent, reply, answers = _answered()
    changed = {**sent, "spec": {**sent["spec"], "replicas": 2}}
    patch = compare(Sides(sent, changed, reply), schemas=SCHEMAS, answers=answers)
    assert [edit.path for edit in patch.edits] == ["/spec/replicas"]
    drifted = {**reply, "spec": {**reply["spec"], "replicas": 9}}
    patch = compare(Sides(sent, sent, drifted), schemas=SCHEMAS, answers=answers)
    assert [edit.why for edit in patch.edits] == [Why.DRIFTED]
    patch = compare(Sides(None, sent, reply), schemas=SCHEMAS, answers=answers)
    assert len(patch.edits) == 3


def test_only_what_a_write_set_is_answered() -> None:
    sent, reply, _ = _answered()
    paths = ["/spec/template/spec/containers/[name=c]"]
    found = answers_of(sent, reply, schemas=SCHEMAS, paths=paths)
    assert list(found) == ["/spec/template/spec/containers/[name=c]/image"]


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        pytest.param(pod(env("A1", "B2")), pod(env("B2", "A1")), id="an order of its own"),
        pytest.param(unknown(a=None), unknown(a=1), id="a default where Git says null"),
        pytest.param(widget(one="a"), widget(one="a", other={}), id="both members of a union"),
        pytest.param(service(selector={"a": "b"}), service(selector={"z": "b"}), id="atomic"),
        pytest.param(
            pod(imagePullSecrets=[{"name": "a"}]),
            pod(imagePullSecrets=[{"name": "a", "x": "mutated"}]), id="an atomic element",
        ),
    ],
)  # fmt: skip
def test_any_difference_of_an_answer_is_settled(sent: JSON, reply: JSON) -> None:
    answers = answers_of(sent, as_live(reply), schemas=SCHEMAS)
    assert answers
    sides = Sides(sent, sent, as_live(reply))
    assert compare(sides, schemas=SCHEMAS, answers=answers).operations == ()
    assert compare(sides, schemas=SCHEMAS).operations


def test_nothing_is_remembered_of_a_secret() -> None:
    sent = obj("v1", "Secret", {"data": {"a": "YQ=="}})
    assert answers_of(sent, as_live({**sent, "data": {}}), schemas=SCHEMAS) == {}


def test_of_a_dropped_parent_only_the_owned_leaf_goes_when_others_put_something_beside_it() -> None:
    last = unknown(a={"b": {"ours": 1}})
    live = unknown(a={"b": {"ours": 1, "theirs": 2}})
    patch = compare(Sides(last, unknown(), as_live(live)), schemas=SCHEMAS)
    assert [edit.path.rpartition("/")[2] for edit in patch.edits] == ["ours"]
    assert [o["path"] for o in patch.operations if o["op"] == "remove"] == [patch.edits[0].path]
