"""Which objects may be deleted: every rule of invariant 3 has a row here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import ClusterError
from engine.inventory import token
from engine.model import PRUNE_ANNOTATION, Keep, MaxPrune
from engine.prune import prune
from engine.situation import Observation, Options
from tests.situations import ME, OTHER, SHOP, body, config_map, entry, live, ref_of, situation

if TYPE_CHECKING:
    from engine.model import Change

KEPT = config_map("kept", a="1")
OLD = config_map("old", a="1")


def fates(**fields: Any) -> dict[str, str]:
    """Each pruned object's name with what becomes of it: "delete", "release" or the hold."""
    pruning = prune(situation(**fields), failed=False)
    return {change.ref.name: _word(change) for change in pruning.changes}


def _word(change: Change) -> str:
    return change.hold if isinstance(change, Keep) else type(change).__name__.lower()


def test_what_git_no_longer_has_is_deleted() -> None:
    assert fates(desired=[KEPT], record=[entry(KEPT), entry(OLD)], there=[live(OLD)]) == {
        "old": "delete"
    }


def test_nothing_is_deleted_without_a_record() -> None:
    pruning = prune(situation(desired=[KEPT], there=[live(OLD)], inventory=None), failed=False)

    assert pruning.changes == ()


@pytest.mark.parametrize(
    ("there", "fate"),
    [
        pytest.param(live(OLD, owner=OTHER), None, id="another owner's mark: forgotten"),
        pytest.param(live(OLD, owner=""), None, id="our mark was removed: forgotten"),
        pytest.param(
            live(OLD, uid="made-again"), "Stray", id="another uid with our mark (a restore): kept"
        ),
        pytest.param(
            live(OLD, deletionTimestamp="2026-11-23T00:00:00Z"), "Terminating", id="on its way out"
        ),
        pytest.param(
            live(OLD, ownerReferences=[{"kind": "Thing", "name": "x", "controller": True}]),
            "Protected",
            id="a controller owns it",
        ),
        pytest.param(
            live(config_map("old", a="edited by hand")), "delete", id="edited by hand: still ours"
        ),
    ],
)
def test_the_live_object_has_a_say(there: Any, fate: str | None) -> None:
    found = fates(desired=[KEPT], record=[entry(OLD)], there=[there])

    assert found.get("old") == fate


def test_a_copied_mark_names_another_object_and_counts_for_nothing() -> None:
    original = live(OLD)
    copy = live(config_map("copy"), owner="")
    metadata = {
        **copy.body["metadata"],
        "labels": original.body["metadata"]["labels"],
        "annotations": original.body["metadata"]["annotations"],
    }
    copied = replace(copy, body={**copy.body, "metadata": metadata})

    found = fates(desired=[KEPT], record=[entry(config_map("copy"))], there=[copied])

    assert found == {}


def test_what_is_gone_is_forgotten_and_not_deleted() -> None:
    pruning = prune(situation(desired=[KEPT], record=[entry(OLD)]), failed=False)

    assert pruning.forget == (ref_of(OLD),)
    assert pruning.changes == ()


def test_what_could_not_be_read_is_kept_in_the_record() -> None:
    unknown = Observation(unknown={ref_of(OLD): ClusterError("PLB440", "no answer")})
    pruning = prune(
        situation(desired=[KEPT], record=[entry(OLD)], observation=unknown), failed=False
    )

    assert [_word(change) for change in pruning.changes] == ["Unknown"]
    assert pruning.forget == ()


@pytest.mark.parametrize("where", ["live", "record"])
@pytest.mark.parametrize(
    ("wish", "fate"), [("disabled", "Disabled"), ("orphan", "release"), ("confirm", "Confirm")]
)
def test_the_prune_annotation_counts_on_the_object_and_in_the_record(
    where: str, wish: str, fate: str
) -> None:
    noted = body("ConfigMap", "old", metadata={"annotations": {PRUNE_ANNOTATION: wish}})
    there = noted if where == "live" else OLD
    known = noted if where == "record" else OLD

    assert fates(desired=[KEPT], record=[entry(known)], there=[live(there)])["old"] == fate


@pytest.mark.parametrize(
    "special",
    [
        body("Namespace", "old", namespace=""),
        body("PersistentVolumeClaim", "old"),
        body("PersistentVolume", "old", namespace=""),
        body("CustomResourceDefinition", "old", namespace="", api="apiextensions.k8s.io/v1"),
        body("Application", "old", api="plumb.dev/v1alpha1"),
    ],
    ids=lambda special: special["kind"],
)
def test_what_holds_other_peoples_objects_waits_for_a_confirmation(special: Any) -> None:
    other = config_map("plain")
    known = [entry(special), entry(other), entry(KEPT)]

    found = fates(desired=[KEPT], record=known, there=[live(special), live(other)])

    assert found == {"old": "Confirm", "plain": "delete"}


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_a_system_namespace_is_never_deleted(name: str) -> None:
    namespace = body("Namespace", name, namespace="")
    fields: dict[str, Any] = {
        "desired": [KEPT], "record": [entry(namespace)], "there": [live(namespace)]
    }  # fmt: skip
    wanted = token(ME, [(ref_of(namespace), f"uid-{name}")])

    assert fates(**fields) == {name: "Protected"}
    assert fates(**fields, options=Options(confirm=wanted)) == {name: "Protected"}


def test_an_api_group_that_moved_is_the_same_object_and_not_deleted() -> None:
    old = body("Ingress", "web", api="extensions/v1beta1")
    new = body("Ingress", "web", api="networking.k8s.io/v1")
    there = [live(old, uid="same"), live(new, uid="same")]

    found = fates(desired=[new], record=[entry(old, uid="same")], there=there)

    assert found == {}


def test_what_another_application_wants_at_this_commit_is_handed_over() -> None:
    found = fates(
        desired=[KEPT], record=[entry(OLD)], there=[live(OLD)], elsewhere={ref_of(OLD): "a/b"}
    )

    assert found == {"old": "Waiting"}


def test_what_another_living_record_names_is_kept_and_no_token_is_offered() -> None:
    why = "the record of Application a/b names it too"
    found = prune(
        situation(
            desired=[KEPT], record=[entry(OLD)], there=[live(OLD), live(KEPT)],
            named={ref_of(OLD): why},
        ),
        failed=False,
    )  # fmt: skip

    assert [(c.hold, c.reason) for c in found.changes if isinstance(c, Keep)] == [
        ("Protected", why)
    ]
    assert not found.token


# --- the brakes ------------------------------------------------------------------------------


def many(count: int) -> dict[str, Any]:
    """``count`` objects that Git no longer has, and one that it has."""
    old = [config_map(f"old-{n}") for n in range(count)]
    known = [entry(found) for found in (*old, KEPT)]
    return {"desired": [KEPT], "record": known, "there": [live(found) for found in (*old, KEPT)]}


@pytest.mark.parametrize(
    ("count", "limit", "is_held"),
    [
        pytest.param(5, MaxPrune(5, 30), False, id="5 of 6: not more than 5"),
        pytest.param(6, MaxPrune(5, 30), True, id="6 of 7: more than 5 and more than 30 %"),
        pytest.param(6, MaxPrune(5, 90), False, id="6 of 7 is less than 90 %"),
        pytest.param(1, MaxPrune(0, 0), True, id="none allowed"),
        pytest.param(9, MaxPrune(5, 90), False, id="9 of 10 is exactly 90 %"),
    ],
)
def test_too_many_deletions_are_held_by_both_limits(
    count: int, limit: MaxPrune, *, is_held: bool
) -> None:
    application = replace(SHOP, max_prune=limit)
    found = set(fates(**many(count), application=application).values())

    assert found == ({"TooMany"} if is_held else {"delete"})


@pytest.mark.parametrize(
    ("fields", "failed", "hold"),
    [
        pytest.param({}, True, "Failed", id="something was not applied"),
        pytest.param({"options": Options(prune=False)}, False, "NoPrune", id="--no-prune"),
        pytest.param(
            {"application": replace(SHOP, prune=False)}, False, "NoPrune", id="prune: false"
        ),
        pytest.param({"path_found": False}, False, "Empty", id="the path is not in the commit"),
    ],
)
def test_a_brake_holds_every_deletion(fields: Any, hold: str, *, failed: bool) -> None:
    pruning = prune(situation(**many(2), **fields), failed=failed)

    assert [_word(change) for change in pruning.changes] == [hold, hold]


def test_an_empty_render_is_held_whatever_the_limits() -> None:
    application = replace(SHOP, max_prune=MaxPrune(1000, 100))

    found = fates(record=[entry(OLD)], there=[live(OLD)], application=application)

    assert found == {"old": "Empty"}


def test_the_token_confirms_exactly_the_list_that_was_shown() -> None:
    shown = prune(situation(**many(8)), failed=False)
    confirmed = Options(confirm=shown.token)

    same = prune(situation(**many(8), options=confirmed), failed=False)
    longer = prune(situation(**many(9), options=confirmed), failed=False)

    assert {_word(change) for change in same.changes} == {"delete"}
    assert {_word(change) for change in longer.changes} == {"TooMany"}


def test_the_token_is_for_one_application_and_one_set_of_uids() -> None:
    ref = ref_of(OLD)

    assert token(ME, [(ref, "1")]) != token(OTHER, [(ref, "1")])
    assert token(ME, [(ref, "1")]) != token(ME, [(ref, "2")])
    assert len(token(ME, [(ref, "1")])) == 16


def test_no_token_confirms_a_deletion_after_a_failure() -> None:
    wanted = token(ME, [(ref_of(OLD), "uid-old")])
    made = situation(
        desired=[KEPT], record=[entry(OLD)], there=[live(OLD)], options=Options(confirm=wanted)
    )

    assert [_word(change) for change in prune(made, failed=True).changes] == ["Failed"]


def test_an_object_with_our_mark_and_no_entry_is_a_stray_and_needs_a_token() -> None:
    stray = live(config_map("stray"))
    observed = Observation(strays={stray.ref: stray}, live={}, absent=frozenset({ref_of(KEPT)}))
    shown = prune(situation(desired=[KEPT], observation=observed), failed=False)
    confirmed = Options(confirm=shown.token)

    assert [_word(change) for change in shown.changes] == ["Stray"]
    again = prune(situation(desired=[KEPT], observation=observed, options=confirmed), failed=False)
    assert [_word(change) for change in again.changes] == ["delete"]


def stray(found: Any, **metadata: Any) -> Any:
    """A situation in which this object carries our mark and no entry names it."""
    there = live(found, **metadata)
    absent = frozenset({ref_of(KEPT)})
    observed = Observation(strays={there.ref: there}, absent=absent)
    return {"desired": [KEPT], "observation": observed}


@pytest.mark.parametrize(
    ("found", "metadata", "why"),
    [
        pytest.param(body("Namespace", "default", namespace=""), {}, "system", id="a system one"),
        pytest.param(OLD, {"deletionTimestamp": "x"}, "being deleted", id="on its way out"),
        pytest.param(
            OLD,
            {"ownerReferences": [{"kind": "T", "name": "x", "controller": True}]},
            "T/x",
            id="a controller's",
        ),
        *(
            pytest.param(
                body("ConfigMap", "old", metadata={"annotations": {PRUNE_ANNOTATION: wish}}),
                {},
                wish,
                id=wish,
            )
            for wish in ("disabled", "orphan")
        ),
    ],
)
def test_a_stray_is_under_every_rule_that_protects_what_the_record_names(
    found: Any, metadata: Any, why: str
) -> None:
    fields = stray(found, **metadata)
    wanted = token(ME, [(ref_of(found), f"uid-{ref_of(found).name}")])
    pruning = prune(situation(**fields, options=Options(confirm=wanted)), failed=False)
    (change,) = pruning.changes

    assert isinstance(change, Keep)
    assert (change.hold, pruning.token) == ("Stray", "")
    assert why in change.reason


def test_what_git_wants_is_no_stray() -> None:
    fields = {**stray(KEPT), "desired": [KEPT]}

    assert fates(**fields) == {}


def test_a_stray_that_is_a_desired_object_under_another_group_is_left_alone() -> None:
    new = body("Ingress", "web", api="networking.k8s.io/v1")
    old = live(body("Ingress", "web", api="extensions/v1beta1"), uid="same")
    observed = Observation(live={ref_of(new): live(new, uid="same")}, strays={old.ref: old})

    assert prune(situation(desired=[new], observation=observed), failed=False).changes == ()


@pytest.mark.parametrize(
    ("options", "failed", "hold"),
    [(Options(prune=False), False, "NoPrune"), (Options(), True, "Failed")],
)
def test_no_token_deletes_a_stray_when_nothing_may_be_deleted(
    options: Options, hold: str, *, failed: bool
) -> None:
    wanted = token(ME, [(ref_of(OLD), "uid-old")])
    made = situation(**stray(OLD), options=replace(options, confirm=wanted))

    assert [_word(change) for change in prune(made, failed=failed).changes] == [hold]


def test_nothing_is_let_go_of_while_pruning_is_off_or_something_failed() -> None:
    orphan = body("ConfigMap", "old", metadata={"annotations": {PRUNE_ANNOTATION: "orphan"}})
    fields: dict[str, Any] = {
        "desired": [KEPT], "record": [entry(orphan)], "there": [live(orphan)]
    }  # fmt: skip

    assert fates(**fields, options=Options(prune=False)) == {"old": "NoPrune"}
    pruning = prune(situation(**fields), failed=True)
    assert [_word(change) for change in pruning.changes] == ["Failed"]


def test_what_an_unreadable_application_of_the_repository_may_want_waits_for_a_token() -> None:
    fields: dict[str, Any] = {
        "desired": [KEPT], "record": [entry(OLD), entry(KEPT)], "there": [live(OLD)],
        "unread": ("shop/other",),
    }  # fmt: skip
    shown = prune(situation(**fields), failed=False)
    agreed = Options(confirm=shown.token)

    assert [_word(change) for change in shown.changes] == ["Waiting"]
    assert fates(**fields, options=agreed) == {"old": "delete"}


def test_what_was_not_even_read_is_kept() -> None:
    assert fates(desired=[KEPT], record=[entry(OLD)], observation=Observation()) == {
        "old": "Unknown"
    }


def test_a_pending_write_that_asks_for_a_confirmation_counts_too() -> None:
    careful = body("ConfigMap", "old", metadata={"annotations": {PRUNE_ANNOTATION: "confirm"}})
    known = entry(OLD, pending=careful)

    assert fates(desired=[KEPT], record=[known, entry(KEPT)], there=[live(OLD)]) == {
        "old": "Confirm"
    }


def test_deletion_goes_in_reverse_order() -> None:
    namespaced = [config_map("a"), body("Deployment", "b", api="apps/v1"), body("Service", "c")]
    found = prune(
        situation(
            desired=[KEPT],
            record=[entry(made) for made in (*namespaced, *[KEPT] * 1)],
            there=[live(made) for made in namespaced],
        ),
        failed=False,
    )

    assert [change.ref.kind for change in found.changes] == ["Deployment", "Service", "ConfigMap"]


def test_a_wave_that_somebody_made_unreadable_does_not_stop_a_deletion() -> None:
    wave = body("ConfigMap", "old", metadata={"annotations": {"plumb.dev/wave": "soon"}})

    assert fates(desired=[KEPT], record=[entry(wave), entry(KEPT)], there=[live(wave)]) == {
        "old": "delete"
    }
