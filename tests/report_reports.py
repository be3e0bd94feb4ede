"""Whole reports as people may meet them: many applications, both questions, bad days."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.errors import GitError, ManifestError, SettingsError
from engine.model import (
    ABSENT,
    Adopt,
    Comparison,
    Edit,
    Manifest,
    Moved,
    ObjectRef,
    Origin,
    Patch,
    Plan,
    Report,
    Revision,
    SyncResult,
    SyncStatus,
    Update,
    Wave,
    Why,
)
from tests import report_cases
from tests.report_cases import PLANS, REVISION, live, manifest, ref

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.model import JSON

BASE = Revision("9" * 40, "0" * 40, ref="main", subject="Before")


def _manifests(plan: Plan) -> tuple[Mapping[ObjectRef, Manifest], Mapping[ObjectRef, Manifest]]:
    """Both sides of what a plan changes, as a comparison has them."""
    before, after = {}, {}
    for change in plan.changes:
        there = getattr(change, "live", None)
        if there is not None:
            before[change.ref] = replace(manifest(change.ref), body=there.body)
        wanted = getattr(change, "manifest", None)
        if wanted is not None:
            after[change.ref] = wanted
    return before, after


def comparison(case: str, name: str = "plumb-system/shop") -> Comparison:
    """One of the plans as a comparison of two revisions."""
    plan = replace(PLANS[case](), application=name, token="")
    before, after = _manifests(plan)
    return Comparison(name, "changed", BASE, REVISION, plan, before=before, after=after)


def _this_change() -> Report:
    env = ref("ConfigMap", "env")
    body: JSON = manifest(env).body
    web = manifest(env, 3, data={"LOG": "debug", "LEVEL": "1"})
    old = replace(manifest(env), body={**body, "data": {"LOG": "info"}})
    edits = (
        Edit("/data/LEVEL", ABSENT, "1", Why.ADDED),
        Edit("/data/LOG", "info", "debug", Why.CHANGED),
    )
    operations = (
        {"op": "test", "path": "/data/LOG", "value": "info"},
        {"op": "replace", "path": "/data/LOG", "value": "debug"},
        {"op": "add", "path": "/data/LEVEL", "value": "1"},
    )
    arrived = ref("ConfigMap", "arrived")
    plan = Plan(
        "plumb-system/db",
        REVISION,
        waves=(
            Wave(0, (
                Update(web, live(env, data={"LOG": "info"}), Patch(operations, edits)),
                Adopt(manifest(arrived), live(arrived), Patch((), ()),
                      from_owner="plumb-system/shop"),
            )),
        ),
        unchanged=(ref("ConfigMap", "same"),),
    )  # fmt: skip
    moved = Moved(ref("Service", "db"), Origin("apps/db/a.yaml", 1), Origin("apps/db/b.yaml", 9))
    settings = (Edit("/spec/prune", ABSENT, after=False, why=Why.ADDED),)
    db = Comparison(
        "plumb-system/db", "changed", BASE, REVISION, plan, moved=(moved,), settings=settings,
        before={env: old, arrived: manifest(arrived)},
        after={env: web, arrived: manifest(arrived)},
        notes=("example.com/v1 Toy is not defined in Git",),
    )  # fmt: skip
    broken = ManifestError("PLB301", "not YAML", where="apps/x/a.yaml:3:1", hint="mend it")
    broken.others = (ManifestError("PLB317", "ConfigMap/a is also defined", where="b.yaml:1:1"),)
    bad = Comparison("plumb-system/x", "changed", BASE, None, errors=(broken,))
    return Report(
        base=BASE, head=REVISION, changes=(db, comparison("everything"), bad),
        unchanged=("plumb-system/a", "plumb-system/b"),
        errors=(SettingsError("PLB101", "spec.src: unknown field", where="app.yaml:6:3"),),
        notes=("Application plumb-system/y: it reads elsewhere, not reached",),
    )  # fmt: skip


def _result(case: str, name: str = "plumb-system/shop") -> SyncResult:
    plan = replace(PLANS[case](), application=name)
    return SyncResult(name, REVISION, plan, sync=SyncStatus.OUT_OF_SYNC, dry_run=True)


def _both() -> Report:
    found = _this_change()
    return replace(found, changes=found.changes[:1], results=(_result("everything"),))


def _live() -> Report:
    unread = SyncResult(
        "plumb-system/gone", None, None, errors=(GitError("PLB218", "no such branch"),)
    )
    return Report(results=(_result("everything"), _result("in-sync", "plumb-system/calm"), unread))


def _nothing() -> Report:
    return Report(base=BASE, head=REVISION, unchanged=("plumb-system/a",))


def _synced() -> Report:
    return Report(results=(report_cases.RESULTS["synced"](),))


def _many() -> Report:
    """More than a pull request holds: one application would like all of the room."""
    lines = "".join(f"line {n}: `````` {'x' * 50}\n" for n in range(120))
    of = [ref("ConfigMap", f"big-{n}") for n in range(60)]
    edit = Edit("/data/all", ABSENT, lines, Why.ADDED)
    wanted = {one: manifest(one, data={"all": lines}) for one in of}
    changes = tuple(
        Update(wanted[one], live(one), Patch((), (edit,))) for one in of
    )  # fmt: skip
    plan = Plan("plumb-system/big", REVISION, waves=(Wave(0, changes),))
    big = Comparison(
        "plumb-system/big", "changed", BASE, REVISION, plan,
        before={one: manifest(one) for one in of}, after=wanted,
    )  # fmt: skip
    small = replace(_this_change().changes[0])
    return Report(base=BASE, head=REVISION, changes=(big, small))


REPORTS: dict[str, Callable[[], Report]] = {
    "change": _this_change,
    "both": _both,
    "live": _live,
    "nothing": _nothing,
    "synced-report": _synced,
    "hostile-change": lambda: Report(base=BASE, head=REVISION, changes=(comparison("hostile"),)),
    "secret-change": lambda: Report(base=BASE, head=REVISION, changes=(comparison("secrets"),)),
    "secret-live": lambda: Report(results=(_result("secrets"),)),
    "hostile-live": lambda: Report(results=(_result("hostile"),)),
    "many": _many,
}
