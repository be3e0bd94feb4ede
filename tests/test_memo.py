"""What a plan remembers: the plan stays the same, and what is in place is not compared again."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import merge
from engine import plan as planning
from engine.kinds import Kinds
from engine.memo import Memo
from engine.model import JSON, IgnoreRule, Live, Manifest, ObjectRef, Plan, Skip
from engine.parse import digest
from engine.plan import make_plan, planned
from engine.schema import Schemas, bundled
from engine.tables import schemas as tables
from tests.situations import (
    OTHER,
    SHOP,
    body,
    config_map,
    deployment,
    entry,
    live,
    ref_of,
    situation,
)
from tests.test_plan_laws import Draw, situations

if TYPE_CHECKING:
    from engine.inventory import Entry
    from engine.situation import Situation


def versioned(made: Situation) -> Situation:
    """The situation with a resourceVersion for each state of an object, as a server gives them."""
    there = {ref: at_version(found) for ref, found in made.observation.live.items()}
    return replace(made, observation=replace(made.observation, live=there))


def at_version(found: Live) -> Live:
    bare = {k: v for k, v in found.body["metadata"].items() if k != "resourceVersion"}
    version = digest({**found.body, "metadata": bare})
    return Live(found.ref, {**found.body, "metadata": {**bare, "resourceVersion": version}})


def shown(plan: Plan) -> JSON:
    """The plan with errors as text: two exceptions that say the same are not equal."""
    waves = [
        (wave.number, wave.members, [
            (c.ref, c.reason, str(c.error)) if isinstance(c, Skip) else c for c in wave.changes
        ])
        for wave in plan.waves
    ]  # fmt: skip
    return waves, replace(plan, waves=())


# Each is another situation, in one respect.
def _other_owner(made: Situation) -> Situation:
    return replace(made, owner=OTHER)


def _no_record(made: Situation) -> Situation:
    return replace(made, inventory=None)


@cache
def _poorer() -> Schemas:
    """Data of ConfigMaps is atomic, and nothing is known of what a Deployment specifies."""
    definitions = dict(tables.DEFINITIONS)
    definitions["io.k8s.api.core.v1.ConfigMap"] = (
        '{"type":"object","properties":{"data":{"type":"object","x-kubernetes-map-type":"atomic",'
        '"additionalProperties":{"type":"string"}}}}'
    )
    definitions["io.k8s.api.apps.v1.DeploymentSpec"] = '{"type":"object"}'
    return Schemas(tables.KINDS, definitions)


@cache
def _nothing_served() -> Kinds:
    kinds = Kinds.bundled()
    exact = {key: replace(r, pending=True) for key, r in kinds._exact.items()}  # noqa: SLF001
    return replace(kinds, _exact=exact)


def _other_schema(made: Situation) -> Situation:
    return replace(made, schemas=_poorer())


def _ignored(made: Situation) -> Situation:
    rules = (IgnoreRule(kind="ConfigMap", paths=("/data/k",)), IgnoreRule(paths=("/metadata",)))
    return replace(made, application=replace(SHOP, ignore=rules))


def _autoscaled(made: Situation) -> Situation:
    targets = frozenset(m.ref for m in made.placement.manifests)
    return replace(made, observation=replace(made.observation, autoscaled=targets))


def _pending_kinds(made: Situation) -> Situation:
    return replace(made, kinds=_nothing_served())


def _entries(made: Situation, **fields: Any) -> Situation:
    if made.inventory is None:
        return made
    entries = {ref: replace(known, **fields) for ref, known in made.inventory.entries.items()}
    return replace(made, inventory=replace(made.inventory, entries=entries))


def _nothing_applied(made: Situation) -> Situation:
    return _entries(made, applied=None)


def _a_write_in_flight(made: Situation) -> Situation:
    return _entries(made, pending={"metadata": {"labels": {"gone": "x"}}, "data": {"k": "eA=="}})


def _answered(made: Situation) -> Situation:
    return _entries(made, answers={"/data/k": digest("eQ==")[:16]})


def _of_another_uid(made: Situation) -> Situation:
    return _entries(made, uid="another one")


def _of_another_version(made: Situation) -> Situation:
    return _entries(made, version="v0")


def _bodies(made: Situation, field: str, value: JSON) -> Situation:
    """Git asks for something else."""
    manifests = tuple(
        Manifest(m.ref, changed, m.origin, digest(changed))
        for m in made.placement.manifests
        for changed in [{**m.body, field: value}]
    )
    return replace(made, placement=replace(made.placement, manifests=manifests))


def _other_data(made: Situation) -> Situation:
    return _bodies(made, "data", {"k": "eQ=="})


def _drifted(made: Situation) -> Situation:
    there = {
        ref: Live(ref, {**found.body, "data": {"k": "ZHJpZnQ="}})
        for ref, found in made.observation.live.items()
    }
    return replace(made, observation=replace(made.observation, live=there))


def _the_same(made: Situation) -> Situation:
    return made


CHANGES = [
    _the_same, _other_owner, _no_record, _other_schema, _ignored, _autoscaled, _pending_kinds,
    _nothing_applied, _a_write_in_flight, _answered, _of_another_uid, _of_another_version,
    _other_data, _drifted,
]  # fmt: skip


@st.composite
def in_place(draw: Draw) -> Any:
    """A situation in which most objects are as Git wants them, so that there is much to know."""
    made = draw(situations())
    there = {m.ref: live(m.body) for m in made.placement.manifests if draw(st.integers(0, 3))}
    known: dict[ObjectRef, Entry] = {
        m.ref: entry(m.body) for m in made.placement.manifests if draw(st.integers(0, 3))
    }
    assert made.inventory is not None
    return replace(
        made,
        observation=replace(made.observation, live={**made.observation.live, **there}),
        inventory=replace(made.inventory, entries={**made.inventory.entries, **known}),
    )


@settings(max_examples=60)
@given(in_place(), st.lists(st.sampled_from(CHANGES), max_size=2))
def test_a_plan_with_any_memo_equals_the_plan_without(made: Situation, changes: Any) -> None:
    memo = Memo()
    for change in (_the_same, *changes, _the_same):
        now = versioned(change(made))
        before = dict(memo.verdicts)
        plan, later = planned(now, memo)

        assert shown(plan) == shown(make_plan(now))
        assert memo.verdicts == before
        memo = later


@pytest.mark.parametrize("change", CHANGES[1:])
def test_each_thing_that_decides_is_looked_at(change: Any) -> None:
    """The law above could hold by luck: here every respect makes another plan, or another key."""
    found = [config_map("a", k="eA=="), deployment("web", replicas=2)]
    made = versioned(situation(desired=found, there=map(live, found), record=map(entry, found)))
    first, memo = planned(made, Memo())
    assert len(memo) == len(first.unchanged) == 2
    changed = versioned(change(made))
    plan, later = planned(changed, memo)

    assert shown(plan) == shown(make_plan(changed))
    assert later.verdicts.keys() != memo.verdicts.keys()


# --- what does not run -----------------------------------------------------------------------


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each object was compared, by name."""
    count: Counter[str] = Counter()
    compare = merge.compare

    def counted(sides: Any, **options: Any) -> Any:
        count[sides.desired["metadata"]["name"]] += 1
        return compare(sides, **options)

    monkeypatch.setattr(planning, "compare", counted)
    return count


def _shop(count: int, *, changed: frozenset[int] = frozenset()) -> Situation:
    desired = [config_map(f"c{n}", key="new" if n in changed else "old") for n in range(count)]
    was = [config_map(f"c{n}", key="old") for n in range(count)]
    return versioned(situation(desired=desired, there=map(live, was), record=map(entry, was)))


def test_what_is_known_to_be_in_place_is_not_compared_again(compared: Counter[str]) -> None:
    plan, memo = planned(_shop(20), Memo())
    assert len(plan.unchanged) == 20
    assert compared.total() == 20
    compared.clear()

    again, later = planned(_shop(20), memo)
    assert again == plan
    assert later == memo
    assert not compared

    one, _ = planned(_shop(20, changed=frozenset({7})), memo)
    assert [change.ref.name for change in one.writes] == ["c7"]
    assert compared == {"c7": 1}


def test_notes_and_a_record_that_lags_behind_are_remembered(compared: Counter[str]) -> None:
    found = deployment("web", replicas=2)
    made = versioned(situation(desired=[found], there=[live(found)]))
    target = frozenset({ref_of(found)})
    made = replace(made, observation=replace(made.observation, autoscaled=target))
    first, memo = planned(made, Memo())
    again, _ = planned(made, memo)

    assert compared == {"web": 1}
    assert again == first
    assert [m.ref for m in again.settle] == [ref_of(found)]
    assert "HorizontalPodAutoscaler" in again.notes[0]


def test_what_differs_or_has_no_version_is_never_remembered() -> None:
    old, new = config_map("a", k="old"), config_map("a", k="new")
    unversioned = live(old, resourceVersion="")
    for there, desired in ((live(old), new), (unversioned, old)):
        _, memo = planned(situation(desired=[desired], there=[there], record=[entry(old)]), Memo())
        assert len(memo) == 0


def test_the_version_that_was_read_counts() -> None:
    """One object read as two versions has one uid and one resourceVersion."""
    beta = body("PodDisruptionBudget", "web", api="policy/v1beta1", spec={"maxUnavailable": 1})
    stable = {**beta, "apiVersion": "policy/v1"}
    read_as_beta = situation(desired=[stable], there=[live(beta)], record=[entry(stable)])
    _, memo = planned(read_as_beta, Memo())
    _, later = planned(situation(
        desired=[stable], there=[live(stable)], record=[entry(stable)]), memo)  # fmt: skip

    assert memo.verdicts.keys() != later.verdicts.keys()


def test_a_memo_holds_what_its_last_plan_met_and_little_of_each() -> None:
    _, memo = planned(_shop(1000), Memo())
    assert len(memo) == 1000
    held = sys.getsizeof(memo.verdicts) + sum(map(sys.getsizeof, memo.verdicts))
    verdicts = {id(v): sys.getsizeof(v) for v in memo.verdicts.values()}
    assert (held + sum(verdicts.values())) / len(memo) < 300

    _, memo = planned(_shop(10), memo)
    assert len(memo) == 10
    _, memo = planned(situation(), memo)
    assert len(memo) == 0


# --- digests ---------------------------------------------------------------------------------


def test_the_digest_of_a_schema_covers_what_it_refers_to() -> None:
    container = "io.k8s.api.core.v1.Container"
    other = {**tables.DEFINITIONS, container: '{"type":"object"}'}
    schemas, changed = bundled(), Schemas(tables.KINDS, other)

    assert schemas.digest("apps/v1", "Deployment") != changed.digest("apps/v1", "Deployment")
    assert schemas.digest("v1", "ConfigMap") == changed.digest("v1", "ConfigMap") != ""
    assert schemas.digest("acme.example/v1", "Thing") == ""


def test_the_digest_of_an_entry_covers_all_but_where_it_is_kept() -> None:
    known = entry(config_map("a", k="v"))
    others = [
        replace(known, uid="u"), replace(known, version="v2"), replace(known, applied={}),
        replace(known, pending={}), replace(known, done="d"),
        replace(known, answers={"/data/k": "0"}),
    ]  # fmt: skip
    assert len({known.digest, *(other.digest for other in others)}) == 7
    assert replace(known, shard=3, existed=True).digest == known.digest
