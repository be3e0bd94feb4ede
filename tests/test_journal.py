"""What the record notes before and after a wave: no object and no field is lost track of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import (
    ApiError,
    ClusterError,
    ConflictError,
    InvalidError,
    PlumbError,
    RefusedError,
    UncertainError,
)
from engine.inventory import Entry, Inventory
from engine.journal import after_wave, has_ended, intents, settled
from engine.model import (
    Adopt,
    Create,
    Delete,
    Edit,
    Keep,
    Outcome,
    Patch,
    Release,
    Replace,
    Skip,
    Update,
    Why,
)
from engine.plan import recorded
from engine.schema import bundled
from tests.situations import ME, SHOP, body, config_map, deployment, entry, live, manifest, ref_of

if TYPE_CHECKING:
    from engine.model import Change

A = config_map("a", k="v")
OLD = config_map("a", k="older")
REF = ref_of(A)
THERE = live(OLD)
PATCH = Patch((), (Edit("/data/k", "older", "v", Why.CHANGED),))
CREATE = Create(manifest(A), A)
UPDATE = Update(manifest(A), THERE, PATCH)
ADOPT = Adopt(manifest(A), THERE, PATCH)
REPLACE = Replace(manifest(A), THERE, PATCH, A, ("/data",))
DELETE = Delete(REF, THERE, "no longer in Git")
RELEASE = Release(REF, "orphan", live=THERE)
NO = InvalidError("PLB422", "no", status=422)


def inventory(*entries: Entry) -> Inventory:
    return Inventory(ME, str(SHOP), {known.ref: known for known in entries})


def around(change: Change, outcome: Outcome, *before: Entry) -> Entry | None:
    """What the record says of the object after a wave with this one change."""
    known = inventory(*before)
    begun = known.with_entries(intents([change], known))
    after, touched = after_wave([change], [outcome], known, begun, schemas=bundled())
    left = after.entries.get(REF)
    assert (REF in touched) == (left != begun.entries.get(REF))
    return left


def done(action: Any, there: Any = A, change: Change | None = None) -> Outcome:
    return Outcome(REF, action, live=live(there, uid="new"), change=change)


# --- before ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "known", "intent"),
    [
        pytest.param(CREATE, [], Entry(REF, "", "v1", pending=A), id="a create"),
        pytest.param(
            CREATE, [entry(OLD, answers={"/x": "1"})], Entry(REF, "", "v1", pending=A),
            id="a create says nothing of the object that is gone",
        ),
        pytest.param(UPDATE, [entry(OLD)], entry(OLD, pending=A), id="an update keeps both"),
        pytest.param(
            UPDATE, [entry(OLD, uid="gone", answers={"/x": "1"})],
            Entry(REF, "uid-a", "v1", pending=A), id="an update of an object made anew",
        ),
        pytest.param(UPDATE, [], Entry(REF, "uid-a", "v1", pending=A), id="an unknown one of ours"),
        pytest.param(
            ADOPT, [], Entry(REF, "uid-a", "v1", pending=A, existed=True), id="an adoption"
        ),
        pytest.param(
            REPLACE, [entry(OLD)], entry(OLD, uid="", pending=A),
            id="a replacement: the old one or the new one",
        ),
        pytest.param(DELETE, [], Entry(REF, "uid-a", "v1"), id="a stray that is deleted"),
    ],
)  # fmt: skip
def test_every_object_and_field_is_noted_before_it_is_written(
    change: Change, known: list[Entry], intent: Entry
) -> None:
    assert intents([change], inventory(*known)) == [intent]


@pytest.mark.parametrize(
    "change",
    [DELETE, RELEASE, Keep(REF, "Confirm", "x"), Skip(REF, "x"), replace(CREATE, recorded=False)],
)
def test_what_writes_no_object_of_ours_needs_no_intent(change: Change) -> None:
    assert intents([change], inventory(entry(OLD))) == []


def test_an_intent_of_a_secret_holds_no_value() -> None:
    secret = body("Secret", "a", data={"k": "Y2FuYXJ5"}, stringData={"p": "canary"})
    noted = intents([Create(manifest(secret), secret)], inventory())

    assert "canary" not in str(noted)
    assert "Y2FuYXJ5" not in str(noted)


# --- after a success -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "action"), [(CREATE, "created"), (UPDATE, "updated"), (REPLACE, "replaced")]
)
def test_a_success_is_noted_and_nothing_stays_pending(change: Change, action: Any) -> None:
    after = around(change, done(action, change=change), entry(OLD))

    assert after == Entry(REF, "new", "v1", applied=recorded(manifest(A)))


@pytest.mark.parametrize("change", [ADOPT, CREATE], ids=["planned", "after a lost race"])
def test_what_was_there_before_plumb_is_remembered_as_such(change: Change) -> None:
    after = around(change, done("adopted", change=ADOPT))

    assert after is not None
    assert after.existed


def test_an_answer_that_is_not_what_was_sent_is_remembered_where_this_write_set_it() -> None:
    web = deployment()
    reply = deployment(replicas=1)
    reply["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror/web:1"
    change = Create(manifest(web), web)
    known = inventory()
    begun = known.with_entries(intents([change], known))
    outcome = Outcome(change.ref, "created", live=live(reply), change=change)
    after, _ = after_wave([change], [outcome], known, begun, schemas=bundled())

    answers = after.entries[change.ref].answers
    assert list(answers) == ["/spec/template/spec/containers/[name=web]/image"]


def test_a_patch_forgets_the_answers_below_what_it_set_and_keeps_the_others() -> None:
    known = entry(OLD, answers={"/data/k": "1", "/data/k/x": "2", "/data/kk": "3"})
    after = around(UPDATE, done("updated", change=UPDATE), known)

    assert after is not None
    assert after.answers == {"/data/kk": "3"}


def test_what_was_found_in_place_after_a_lost_answer_teaches_no_new_answer() -> None:
    reply = config_map("a", k="by hand")
    known = entry(OLD, answers={"/data/x": "1"})
    after = around(UPDATE, done("updated", reply), known)

    assert after is not None
    assert after.answers == {"/data/x": "1"}
    assert after.pending is None


def test_what_is_answered_without_a_body_stays_pending() -> None:
    assert around(CREATE, Outcome(REF, "created")) == Entry(REF, "", "v1", pending=A)


# --- after anything else -----------------------------------------------------------------------


@pytest.mark.parametrize("change", [CREATE, UPDATE, ADOPT, REPLACE])
@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(Outcome(REF, "failed", error=NO), id="the server said no"),
        pytest.param(
            Outcome(REF, "failed", error=RefusedError("PLB531", "no")), id="a rule said no"
        ),
        pytest.param(
            Outcome(REF, "failed", error=ConflictError("PLB409", "", status=409)), id="lost races"
        ),
        pytest.param(Outcome(REF, "skipped"), id="it was not tried"),
    ],
)
def test_a_definite_no_leaves_the_record_as_it_was(change: Change, outcome: Outcome) -> None:
    assert around(change, outcome) is None
    assert around(change, outcome, entry(OLD)) == entry(OLD)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(REF, "failed", error=UncertainError("PLB463", "?", status=500), is_in_doubt=True),
        Outcome(REF, "failed", error=ClusterError("PLB460", "gone")),
        Outcome(REF, "failed", error=ApiError("PLB465", "failed", status=503)),
        Outcome(REF, "failed", error=PlumbError("PLB690", "a bug"), is_in_doubt=True),
        pytest.param(
            Outcome(REF, "failed", error=NO, is_in_doubt=True), id="a no after a lost answer"
        ),
        pytest.param(Outcome(REF, "skipped", is_in_doubt=True), id="skipped after a lost answer"),
    ],
)
def test_an_unknown_outcome_stays_pending(outcome: Outcome) -> None:
    after = around(UPDATE, outcome, entry(OLD))

    assert after == entry(OLD, pending=recorded(manifest(A)))


def test_an_object_that_was_not_reached_keeps_its_intent() -> None:
    known = inventory()
    begun = known.with_entries(intents([CREATE], known))

    assert after_wave([CREATE], [], known, begun, schemas=bundled()) == (begun, frozenset())


@pytest.mark.parametrize(
    ("change", "outcome", "stays"),
    [
        pytest.param(DELETE, Outcome(REF, "deleted"), False, id="it is gone"),
        pytest.param(DELETE, Outcome(REF, "deleted", live=THERE), True, id="a finalizer holds it"),
        pytest.param(DELETE, Outcome(REF, "kept"), True, id="kept at the last moment"),
        pytest.param(DELETE, Outcome(REF, "released"), False, id="not ours any more"),
        pytest.param(DELETE, Outcome(REF, "failed", error=NO), True, id="refused"),
        pytest.param(RELEASE, Outcome(REF, "released"), False, id="let go"),
        pytest.param(RELEASE, Outcome(REF, "failed", error=NO), True, id="not let go"),
        pytest.param(DELETE, Outcome(REF, "created", live=THERE), True, id="nonsense"),
    ],
)
def test_an_entry_leaves_only_when_its_object_is_gone_or_let_go(
    change: Change, outcome: Outcome, *, stays: bool
) -> None:
    assert (around(change, outcome, entry(OLD)) is not None) is stays


def test_a_namespace_that_is_not_recorded_stays_out_of_the_record() -> None:
    change = replace(CREATE, recorded=False)

    assert around(change, done("created", change=change)) is None


# --- what was found in place --------------------------------------------------------------------


def test_what_was_found_in_place_is_noted_and_what_is_gone_leaves() -> None:
    gone = entry(config_map("gone"))
    known = inventory(entry(OLD, pending=recorded(manifest(A)), answers={"/x": "1"}), gone)
    after, touched = settled([manifest(A)], {REF: live(A)}, known, gone=[gone.ref])

    assert dict(after.entries) == {REF: entry(A, answers={"/x": "1"})}
    assert touched == {REF, gone.ref}


def test_an_object_made_anew_inherits_no_answer_and_no_past() -> None:
    known = inventory(entry(OLD, uid="gone", answers={"/data/k": "1"}, existed=True))
    after, _ = settled([manifest(A)], {REF: live(A)}, known)

    assert after.entries[REF] == entry(A)


def test_a_job_that_is_gone_keeps_what_was_known_of_it() -> None:
    job = body("Job", "a", api="batch/v1", spec={})
    known = entry(job, done=manifest(job).digest)
    after, _ = settled([manifest(job)], {}, inventory(known))

    assert after.entries[known.ref] == known


def test_a_job_has_ended_when_it_is_complete_and_the_record_does_not_say_so() -> None:
    job = body("Job", "a", api="batch/v1", spec={})
    complete = live({**job, "status": {"conditions": [{"type": "Complete", "status": "True"}]}})
    known, made = entry(job), manifest(job)

    assert has_ended(made, complete, known)
    assert not has_ended(made, live(job), known)
    assert not has_ended(made, complete, None)
    assert not has_ended(made, complete, replace(known, uid="another"))
    assert not has_ended(made, complete, replace(known, pending=job))
    assert not has_ended(made, complete, replace(known, done=made.digest))
    after, _ = settled([made], {made.ref: complete}, inventory(known))
    assert after.entries[made.ref].done == made.digest
