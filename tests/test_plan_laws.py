"""Laws of every plan, whatever Git, the record and the cluster say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import jsonpatch
from engine.errors import ClusterError
from engine.inventory import Entry, Inventory, mark, owner_of
from engine.journal import after_wave, intents, settled
from engine.model import (
    JSON,
    MARK_ANNOTATION,
    PRUNE_ANNOTATION,
    REPLACE_ANNOTATION,
    WAVE_ANNOTATION,
    Adopt,
    Change,
    Create,
    Delete,
    Live,
    ObjectRef,
    Outcome,
    Plan,
    Release,
    Replace,
    Skip,
    Update,
)
from engine.namespaces import Refused
from engine.plan import make_plan
from engine.prune import Pruning, prune
from engine.schema import bundled
from engine.situation import Claim, Options, Situation
from tests.situations import (
    ME,
    OTHER,
    SHOP,
    body,
    deployment,
    entry,
    live,
    manifest,
    ref_of,
    situation,
)

# What hypothesis draws with; it exports no name for it.
Draw = Any

NAMES = ("a", "b", "c", "d", "e")
SKIPPED = ClusterError("PLB440", "no answer")


def bodies(draw: Draw, kind: str, name: str) -> JSON:
    """One of a few bodies of this object."""
    keys = st.sampled_from((WAVE_ANNOTATION, REPLACE_ANNOTATION, "note"))
    values = {WAVE_ANNOTATION: ("-1", "2"), REPLACE_ANNOTATION: ("enabled",), "note": ("x", "y")}
    annotations = {key: draw(st.sampled_from(values[key])) for key in draw(st.sets(keys))}
    wish = draw(st.sampled_from((None, None, None, "disabled", "orphan", "confirm")))
    if wish:
        annotations[PRUNE_ANNOTATION] = wish
    metadata = {"annotations": annotations} if annotations else {}
    data = draw(st.dictionaries(st.sampled_from("kl"), st.sampled_from(("eA==", "eQ=="))))
    match kind:
        case "Namespace":
            return body(kind, name, namespace="", metadata=metadata)
        case "Deployment":
            made = deployment(name, replicas=draw(st.integers(0, 1)))
            made["metadata"].update(metadata)
            if draw(st.booleans()):
                made["spec"]["selector"]["matchLabels"]["app"] = "other"
            return made
        case _:
            return body(kind, name, metadata=metadata, data=data)


def objects_there(draw: Draw, found: JSON) -> Live:
    """The object as somebody, perhaps Plumb, made it."""
    metadata: dict[str, Any] = {}
    if draw(st.integers(0, 5)) == 0:
        metadata["deletionTimestamp"] = "2026-11-23T00:00:00Z"
    if draw(st.integers(0, 5)) == 0:
        metadata["ownerReferences"] = [{"kind": "Thing", "name": "x", "controller": True}]
    owner = draw(st.sampled_from((ME, ME, ME, OTHER, "")))
    uid = draw(st.sampled_from(("", "", "another", "shared")))
    there = live(found, owner=owner, uid=uid, **metadata)
    if draw(st.integers(0, 5)) == 0:  # a mark that was copied from elsewhere
        annotations = {MARK_ANNOTATION: mark(ME, ObjectRef("", "ConfigMap", "shop", "original"))}
        there = live(found, owner="", uid=uid, annotations=annotations, **metadata)
    return there


def entries(draw: Draw, found: JSON, pending: JSON) -> Entry:
    """What the record may say of an object, a write in flight included."""
    known = entry(found)
    if draw(st.integers(0, 3)) == 0:
        known = replace(known, pending=entry(pending).applied)
    if draw(st.integers(0, 5)) == 0:
        known = replace(known, uid="", applied=None)
    return known


@st.composite
def situations(draw: Draw) -> Situation:
    """Five names of any kind: in Git, in the record, in the cluster, each or not, each its way."""
    desired, there, record, unknown, strays, refused = [], [], [], {}, {}, []
    for name in NAMES:
        kind = draw(
            st.sampled_from(("ConfigMap", "ConfigMap", "Secret", "Namespace", "Deployment"))
        )
        found, noted, seen = (bodies(draw, kind, name) for _ in range(3))
        is_desired = draw(st.booleans())
        if is_desired and draw(st.integers(0, 9)) == 0:
            refused.append(Refused(manifest(found), ClusterError("PLB512", "not there")))
            continue
        if is_desired:
            desired.append(found)
        is_known = draw(st.booleans())
        if is_known:
            record.append(entries(draw, noted, found))
        if draw(st.integers(0, 9)) == 0:
            unknown[ref_of(found)] = SKIPPED
        elif draw(st.booleans()):
            one = objects_there(draw, seen)
            if is_desired or is_known:
                there.append(one)
            elif owner_of(one) == ME:
                strays[one.ref] = one
    made = situation(desired=desired, there=there, record=record)
    seen_now = replace(
        made.observation, absent=made.observation.absent - set(unknown),
        unknown=unknown, strays=strays,
    )  # fmt: skip
    owns = draw(
        st.sampled_from((None, frozenset(), frozenset(m.ref for m in made.placement.manifests)))
    )
    return replace(
        made,
        observation=seen_now,
        placement=replace(made.placement, refused=tuple(refused)),
        claims={OTHER: Claim("shop/other", "url", owns)} if draw(st.booleans()) else {},
        elsewhere={ref_of(body("ConfigMap", "a")): "shop/x"} if draw(st.booleans()) else {},
        named={known.ref: "another record" for known in record if draw(st.integers(0, 5)) == 0},
        unread=draw(st.sampled_from(((), (), ("shop/broken",)))),
        path_found=draw(st.integers(0, 5)) > 0,
        application=replace(SHOP, prune=draw(st.integers(0, 5)) > 0),
        options=Options(prune=draw(st.integers(0, 5)) > 0, replace=draw(st.booleans())),
    )


def confirmed(made: Situation, token: str) -> Situation:
    return replace(made, options=replace(made.options, confirm=token))


def deletions(plan: Plan) -> list[Delete]:
    return [change for change in plan.prune if isinstance(change, Delete)]


# --- what is planned -------------------------------------------------------------------------


@given(situations())
def test_every_desired_object_is_decided_exactly_once(made: Situation) -> None:
    plan = make_plan(made)
    decided = Counter([c.ref for wave in plan.waves for c in wave.changes] + list(plan.unchanged))
    placement = made.placement

    wanted = [m.ref for m in (*placement.manifests, *(r.manifest for r in placement.refused))]
    assert decided == Counter(wanted)
    assert Counter(ref for wave in plan.waves for ref in wave.members) == Counter(wanted)


@given(situations())
def test_every_object_that_git_dropped_is_decided_exactly_once(made: Situation) -> None:
    plan = make_plan(made)
    assert made.inventory is not None
    desired = {m.ref for m in made.placement.manifests}
    dropped = made.inventory.entries.keys() - desired
    decided = [change.ref for change in plan.prune] + list(plan.forget)

    assert Counter(decided) == Counter({*dropped, *(made.observation.strays.keys() & decided)})


@given(situations())
def test_nothing_outside_git_and_the_record_is_written(made: Situation) -> None:
    assert made.inventory is not None
    known = made.inventory.entries.keys() | {m.ref for m in made.placement.manifests}

    assert {change.ref for change in make_plan(made).writes} <= known


@given(situations())
def test_nothing_is_deleted_for_an_empty_partial_or_refused_render(made: Situation) -> None:
    plan = make_plan(made)
    agreed = make_plan(confirmed(made, plan.token or "none"))
    is_off = not (made.options.prune and made.application.prune)
    has_skipped = any(isinstance(c, Skip) for wave in plan.waves for c in wave.changes)

    if has_skipped or is_off:
        assert not deletions(plan)
        assert not deletions(agreed)
    if not made.path_found or not made.placement.manifests or made.unread:
        assert not deletions(plan)


@given(situations())
def test_what_is_deleted_carries_our_mark_and_the_recorded_uid(made: Situation) -> None:
    assert made.inventory is not None
    for plan in (make_plan(made), make_plan(confirmed(made, make_plan(made).token or "none"))):
        for delete in deletions(plan):
            known = made.inventory.entries.get(delete.ref)
            stray = made.observation.strays.get(delete.ref)
            metadata = delete.live.body["metadata"]

            assert owner_of(delete.live) == ME
            assert (known is None) == (stray is not None)
            assert known is None or known.uid in ("", delete.live.uid)
            assert delete.ref not in {*made.elsewhere, *made.named}
            assert not {"deletionTimestamp", "ownerReferences"} & metadata.keys()
            desired = [made.observation.live.get(m.ref) for m in made.placement.manifests]
            assert delete.live.uid not in {there.uid for there in desired if there}


@st.composite
def alike(draw: Draw) -> tuple[Situation, Situation]:
    """Two situations: the second is another moment of the first, or one object was made anew."""
    made = draw(situations())
    seen = made.observation
    name = draw(st.sampled_from(NAMES))

    def anew(found: Live) -> Live:
        metadata = {**found.body["metadata"], "uid": "made anew"}
        return replace(found, body={**found.body, "metadata": metadata})

    record = {
        ref: replace(known, uid="made anew") if ref.name == name and known.uid else known
        for ref, known in made.inventory.entries.items()
    }
    live_now, strays = (
        {ref: anew(found) if ref.name == name else found for ref, found in there.items()}
        for there in (seen.live, seen.strays)
    )
    return made, replace(
        made,
        inventory=replace(made.inventory, entries=record),
        observation=replace(seen, live=live_now, strays=strays),
    )


@given(alike())
def test_a_token_confirms_its_own_list_and_no_other(both: tuple[Situation, Situation]) -> None:
    made, other = both
    first, second = prune(made, failed=False), prune(other, failed=False)
    again = prune(confirmed(other, first.token or "none"), failed=False)
    held = _deleted(prune(confirmed(made, first.token or "none"), failed=False))

    if held - _deleted(first) == _deleted(again) - _deleted(second):
        return
    assert again == second


def _deleted(pruning: Pruning) -> set[tuple[ObjectRef, str]]:
    return {(c.ref, c.live.uid) for c in pruning.changes if isinstance(c, Delete)}


# --- and carried out -------------------------------------------------------------------------


def carried_out(made: Situation, plan: Plan) -> Situation:
    """The situation after everything in the plan went well, with the record beside it."""
    assert made.inventory is not None
    there, known = dict(made.observation.live), made.inventory
    steps = [wave.changes for wave in plan.waves]
    has_skipped = any(isinstance(change, Skip) for changes in steps for change in changes)
    for changes in (*steps, *(() if has_skipped else (plan.prune,))):
        begun = known.with_entries(intents(changes, known))
        outcomes = [o for change in changes if (o := _written(change, there)) is not None]
        known, _ = after_wave(changes, outcomes, known, begun, schemas=bundled())
    known, _ = settled(plan.settle, there, known, gone=plan.forget)
    return looked_at_again(made, there, known)


def looked_at_again(made: Situation, there: dict[ObjectRef, Live], known: Inventory) -> Situation:
    asked = {m.ref for m in made.placement.manifests} | known.entries.keys()
    unknown = made.observation.unknown
    seen = replace(
        made.observation, live={ref: found for ref, found in there.items() if ref in asked},
        absent=frozenset(asked - there.keys() - unknown.keys()),
    )  # fmt: skip
    return replace(made, observation=seen, inventory=known)


def _written(change: Change, there: dict[ObjectRef, Live]) -> Outcome | None:
    """Do what the API server would do."""
    match change:
        case Create(_, sent) | Replace(body=sent):
            metadata = {**sent["metadata"], "uid": f"new-{change.ref.name}", "resourceVersion": "1"}
            there[change.ref] = Live(change.ref, {**sent, "metadata": metadata})
            action: Any = "created"
        case Adopt(_, found, patch) | Update(_, found, patch):
            changed = jsonpatch.apply(list(patch.operations), found.body)
            there[change.ref] = Live(change.ref, changed)
            action = "adopted" if isinstance(change, Adopt) else "updated"
        case Delete():
            del there[change.ref]
            return Outcome(change.ref, "deleted")
        case Release(live=found, patch=unmarked):
            if found is not None and unmarked is not None:
                changed = jsonpatch.apply(list(unmarked.operations), found.body)
                there[change.ref] = Live(change.ref, changed)
            return Outcome(change.ref, "released")
        case _:
            return None
    return Outcome(change.ref, action, live=there[change.ref], change=change)


@settings(max_examples=200)
@given(situations())
def test_after_a_plan_is_carried_out_nothing_is_left_to_write(made: Situation) -> None:
    """Invariant 2; what had to be skipped is skipped again and nothing else happens."""
    plan = make_plan(made)
    later = carried_out(made, plan)
    again = make_plan(later)

    assert again.writes == ()
    assert again.settle == ()
    skipped = [c.ref for c in plan.changes if isinstance(c, Skip)]
    assert [c.ref for c in again.changes if isinstance(c, Skip)] == skipped


@given(situations())
def test_a_crash_after_the_intents_loses_track_of_nothing(made: Situation) -> None:
    """Invariant 4: the next plan sees every object, and what was to be removed still goes."""
    assert made.inventory is not None
    plan = make_plan(made)
    there, known = dict(made.observation.live), made.inventory
    for wave in plan.waves:
        known = known.with_entries(intents(wave.changes, known))
        for change in wave.changes:
            _written(change, there)
    ours = {ref for ref, found in there.items() if owner_of(found) == ME}
    later = looked_at_again(made, there, known)
    again = make_plan(later)

    assert {c.ref for c in plan.writes} - {c.ref for c in plan.prune} <= known.entries.keys()
    assert not [c for wave in again.waves for c in wave.changes if not isinstance(c, Skip)]
    assert ours & {m.ref for m in made.placement.manifests} <= (
        set(again.unchanged) | {c.ref for c in again.changes}
    )


@pytest.mark.parametrize("kind", ["ConfigMap", "Namespace", "Deployment"])
def test_a_plan_is_the_same_each_time(kind: str) -> None:
    found = deployment() if kind == "Deployment" else body(kind, "a")
    made = situation(desired=[found])

    assert make_plan(made) == make_plan(made)
