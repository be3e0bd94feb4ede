"""The status of an Application: what each outcome is called, and when nothing has to be written."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.daemon.conditions import Look, is_ready, status_of
from engine.errors import (
    ClusterError,
    DeniedError,
    GitDeniedError,
    GitError,
    HealthTimeoutError,
    InvalidError,
    ManifestError,
    PathNotFoundError,
    PlumbError,
    RefusedError,
    SettingsError,
)
from engine.model import (
    Application,
    Drift,
    Health,
    HealthStatus,
    Keep,
    Outcome,
    Plan,
    Skip,
    Source,
    SyncResult,
    SyncStatus,
    Wave,
)
from tests.report_cases import REVISION, WEB, create, ref, update

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SHOP = Application(
    "shop", "team", Source("https://git.example/c.git"), origin="resource", uid="u", generation=3
)
ENV, CART = ref("ConfigMap", "env"), ref("Service", "cart")
CANARY = "sWordfish-canary-77"
GOOD = Health(HealthStatus.HEALTHY)
SLOW = Health(HealthStatus.PROGRESSING, "1 of 3 replicas is ready")
BAD = Health(HealthStatus.DEGRADED, "ImagePullBackOff")


def result(**fields: Any) -> SyncResult:
    """A pass over two objects that found everything in place, but for what is given."""
    plan = fields.pop("plan", Plan("team/shop", REVISION, unchanged=(WEB, ENV)))
    health = fields.pop("health", {WEB: GOOD, ENV: GOOD})
    settings: Any = {"sync": SyncStatus.SYNCED, "duration_s": 1.25} | fields
    return SyncResult("team/shop", REVISION, plan, health=health, **settings)


def failed(error: PlumbError) -> SyncResult:
    """A pass in which one object could not be written."""
    plan = Plan("team/shop", REVISION, (Wave(0, (update(WEB),)),), unchanged=(ENV,))
    outcomes = (Outcome(WEB, "failed", error=error),)
    return result(plan=plan, outcomes=outcomes, sync=SyncStatus.OUT_OF_SYNC)


TOKEN = "0123456789abcdef"  # noqa: S105 - confirms deletions, opens nothing


def held(*refs: Any, hold: Any = "TooMany", token: str = TOKEN) -> SyncResult:
    """A pass whose deletions wait for a confirmation."""
    keeps = tuple(Keep(one, hold, "more than 5 and more than 30 %") for one in refs)
    plan = Plan("team/shop", REVISION, prune=keeps, unchanged=(WEB, ENV), token=token)
    return result(plan=plan, sync=SyncStatus.OUT_OF_SYNC)


def look(application: Application = SHOP, **fields: Any) -> Look:
    settings: Any = {"id": "ab", "count": 2, "handled_at": ""}
    return Look(application, **(settings | fields))


SKIPPED = Plan("team/shop", REVISION, (Wave(0, (Skip(WEB, "it is being deleted"),)),),
               unchanged=(ENV,))  # fmt: skip
HELM = RefusedError("PLB522", "it is managed by Helm", where=str(WEB))
REFUSED = Plan("team/shop", REVISION, (Wave(0, (Skip(WEB, "", HELM),)),), unchanged=(ENV,))
DRIFTED = Plan("team/shop", REVISION, unchanged=(ENV,),
               drift=(Drift(update(WEB), "drift is only reported"),))  # fmt: skip
NEW_WAVE = Plan("team/shop", REVISION, (Wave(0, (create(WEB),)),), unchanged=(ENV,))
WAITING = {"dependency": replace(SHOP, depends_on=("database",))}
LAX = replace(SHOP, wait=False)
OUTAGE = GitError("PLB209", "the server cannot be reached", where="https://git.example/c.git")
BROKEN = ManifestError("PLB301", "no YAML", where="apps/web.yaml:3:1")

# name: (look, Ready, its reason, Reconciling, Stalled, sync, health)
CASES: dict[str, tuple[Look, str, str, bool, bool, str, str]] = {
    "in place": (look(result=result()), "True", "Synced", False, False, "Synced", "Healthy"),
    "progressing": (look(result=result(health={WEB: SLOW, ENV: GOOD})),
                    "False", "Progressing", True, False, "Synced", "Progressing"),
    "degraded": (look(result=result(health={WEB: BAD, ENV: SLOW})),
                 "False", "Degraded", True, False, "Synced", "Degraded"),
    "too late": (look(result=result(health={WEB: SLOW}), is_late=True),
                 "False", "HealthTimeout", False, True, "Synced", "Progressing"),
    "unwell, and nobody waits": (look(LAX, result=result(health={WEB: BAD})),
                                 "True", "Synced", False, False, "Synced", "Degraded"),
    "waits for a wave": (
        look(result=result(plan=NEW_WAVE, sync=SyncStatus.OUT_OF_SYNC, waiting=(ENV,),
                           waits="before the next wave", health={ENV: SLOW})),
        "False", "Progressing", True, False, "OutOfSync", "Progressing"),
    "an object is leaving": (look(result=result(plan=SKIPPED, sync=SyncStatus.OUT_OF_SYNC)),
                             "False", "Progressing", True, False, "OutOfSync", "Healthy"),
    "drift reported": (look(result=result(plan=DRIFTED, sync=SyncStatus.OUT_OF_SYNC)),
                       "True", "Drifted", False, False, "OutOfSync", "Healthy"),
    "prune held": (look(result=held(CART)), "True", "Synced", False, False, "OutOfSync", "Healthy"),
    "suspended": (look(is_suspended=True), "Unknown", "Suspended", False, False, "Unknown",
                  "Unknown"),
    "dependency": (look(WAITING["dependency"], waits_for="Application team/database",
                        is_behind=True),
                   "False", "DependencyNotReady", True, False, "Unknown", "Unknown"),
    "Git first, then a dependency": (look(WAITING["dependency"], waits_for="Git"),
                                     "False", "Waiting", True, False, "Unknown", "Unknown"),
    "first look": (look(), "False", "Waiting", True, False, "Unknown", "Unknown"),
    "invalid": (look(error=SettingsError("PLB105", "not a duration",
                                         where="Application team/shop: /spec/interval")),
                "False", "Invalid", False, True, "Unknown", "Unknown"),
    "no Git": (look(error=OUTAGE), "False", "GitFailed", True, False, "Unknown", "Unknown"),
    "Git denied": (look(error=GitDeniedError("PLB204", "refused")),
                   "False", "GitDenied", True, False, "Unknown", "Unknown"),
    "broken commit": (look(error=BROKEN), "False", "ManifestInvalid", False, True, "Unknown",
                      "Unknown"),
    "no such path": (look(error=PathNotFoundError("PLB231", "no such folder")),
                     "False", "ManifestInvalid", False, True, "Unknown", "Unknown"),
    "broken commit, the last one in force": (look(result=result(errors=(BROKEN,))),
                                             "False", "ManifestInvalid", False, True, "Synced",
                                             "Healthy"),
    "no Git, the last one in force": (look(result=result(errors=(OUTAGE,))),
                                      "True", "Synced", True, False, "Synced", "Healthy"),
    "rejected": (look(result=failed(InvalidError("PLB422", "the API server refuses it",
                                                 where=str(WEB)))),
                 "False", "SyncFailed", True, False, "OutOfSync", "Healthy"),
    "no rights": (look(result=failed(DeniedError("PLB403", "may not patch deployments"))),
                  "False", "NotPermitted", True, False, "OutOfSync", "Healthy"),
    "adoption refused": (look(result=result(plan=REFUSED, sync=SyncStatus.OUT_OF_SYNC)),
                         "False", "Refused", False, True, "OutOfSync", "Healthy"),
    "no cluster": (look(result=result(plan=None, health={}, sync=SyncStatus.UNKNOWN,
                                      errors=(ClusterError("PLB460", "unreachable"),))),
                   "False", "ClusterUnreachable", True, False, "Unknown", "Unknown"),
    "timed out": (look(result=result(errors=(HealthTimeoutError("PLB701", "not healthy"),))),
                  "False", "HealthTimeout", False, True, "Synced", "Healthy"),
}  # fmt: skip
LOOKS = {name: case[0] for name, case in CASES.items()}


def condition(status: Any, kind: str) -> Any:
    return next((c for c in status["conditions"] if c["type"] == kind), None)


@pytest.mark.parametrize("name", CASES)
def test_every_outcome_has_its_conditions(name: str) -> None:
    seen, ready, reason, reconciling, stalled, sync, health = CASES[name]

    status = status_of(seen, None, NOW)

    found = condition(status, "Ready")
    assert (found["status"], found["reason"]) == (ready, reason)
    assert (condition(status, "Reconciling") is not None) is reconciling
    assert (condition(status, "Stalled") is not None) is stalled
    assert (condition(status, "PruneHeld") is not None) is (name == "prune held")
    assert (status["sync"], status["health"]) == (sync, health)
    assert status["observedGeneration"] == 3
    assert is_ready(status, generation=3) is (ready == "True")
    assert not is_ready(status, generation=4)


@pytest.mark.parametrize("name", CASES)
def test_a_daemon_that_starts_changes_no_status_before_it_has_looked(name: str) -> None:
    """Ready stays true over a restart: nobody is woken because Git has not answered yet."""
    before = status_of(LOOKS[name], None, NOW)

    assert status_of(look(id=None, count=None, handled_at=None), before, NOW) == before


def test_another_spec_is_not_in_place_before_it_was_looked_at() -> None:
    before = status_of(LOOKS["in place"], None, NOW)
    newer = replace(SHOP, generation=SHOP.generation + 1)

    found = condition(status_of(look(newer), before, NOW), "Ready")

    assert (found["status"], found["reason"]) == ("False", "Waiting")


@pytest.mark.parametrize("name", CASES)
def test_the_same_again_is_nothing_to_write(name: str) -> None:
    first = status_of(LOOKS[name], None, NOW)
    read_back = json.loads(json.dumps(first))
    again = status_of(LOOKS[name], read_back, NOW + timedelta(minutes=5))

    assert again == first
    assert json.dumps(again) == json.dumps(status_of(LOOKS[name], read_back, NOW))


@pytest.mark.parametrize("before", CASES)
def test_whatever_came_before(before: str) -> None:
    """Times move only with a status; never two directions at once; the previous is not touched."""
    previous = status_of(LOOKS[before], None, NOW)
    kept = copy.deepcopy(previous)
    for name, seen in LOOKS.items():
        status = status_of(seen, previous, NOW + timedelta(minutes=5))
        for found in status["conditions"]:
            known = condition(previous, found["type"])
            stays = known is not None and known["status"] == found["status"]
            moment = "2026-11-25T12:00:00Z" if stays else "2026-11-25T12:05:00Z"
            assert found["lastTransitionTime"] == moment, (name, found)
        assert not (condition(status, "Stalled") and condition(status, "Reconciling"))
        assert status["conditions"][0]["type"] == "Ready"
        assert "\n" not in status["message"]
        assert 0 < len(status["message"]) <= 1024
        assert len(status.get("history", [])) <= 5
    assert previous == kept


MESSAGES = {
    "in place": "2 objects in place at 1a2b3c4d5e (main) Raise the number of web replicas",
    "progressing": "waits for health: Deployment.apps/shop/web: 1 of 3 replicas is ready",
    "degraded": "waits for health: Deployment.apps/shop/web: ImagePullBackOff; "
    "ConfigMap/shop/env: 1 of 3 replicas is ready",
    "too late": "not healthy within 300 s: Deployment.apps/shop/web: 1 of 3 replicas is ready",
    "waits for a wave": "waits for ConfigMap/shop/env before the next wave: "
    "ConfigMap/shop/env: 1 of 3 replicas is ready",
    "an object is leaving": "not everything is written yet: Deployment.apps/shop/web "
    "(it is being deleted)",
    "drift reported": "Deployment.apps/shop/web left as it is: drift is only reported",
    "prune held": "in place at 1a2b3c4d5e (main) Raise the number of web replicas; "
    "1 deletion held, Service/shop/cart: more than 5 and more than 30 %; "
    "annotation plumb.dev/confirm-prune: 0123456789abcdef confirms exactly these",
    "suspended": "suspended: nothing is compared or changed until plumb resume shop -n team",
    "dependency": "waits for Application team/database",
    "invalid": "PLB105: Application team/shop: /spec/interval: not a duration",
    "no Git, the last one in force": "2 objects in place at 1a2b3c4d5e (main) "
    "Raise the number of web replicas; PLB209: https://git.example/c.git: "
    "the server cannot be reached",
    "rejected": "PLB422: Deployment.apps/shop/web: the API server refuses it",
}


@pytest.mark.parametrize(("name", "message"), MESSAGES.items())
def test_the_sentence_says_what_where_and_what_next(name: str, message: str) -> None:
    status = status_of(LOOKS[name], None, NOW)

    assert status["message"] == message
    assert condition(status, "Ready")["message"] == message


def test_what_was_known_stays_while_nothing_is_looked_at() -> None:
    known = status_of(LOOKS["in place"], None, NOW)
    for name in ("suspended", "dependency", "no Git", "no cluster"):
        status = status_of(replace(LOOKS[name], id=None, count=None), known, NOW)
        for field in ("sync", "health", "revision", "history", "id", "inventory"):
            assert status[field] == known[field], (name, field)
    invalid = status_of(LOOKS["invalid"], known, NOW)
    assert (invalid["sync"], invalid["health"]) == ("Unknown", "Unknown")
    assert invalid["revision"] == known["revision"]


def test_held_deletions_are_told_until_they_are_decided() -> None:
    many = held(*(ref("ConfigMap", f"c{n:02}") for n in range(25)))
    status = status_of(look(result=many), None, NOW)

    assert status["held"]["token"] == TOKEN
    assert len(status["held"]["objects"]) == 21
    assert status["held"]["objects"][0] == "ConfigMap/shop/c00"
    assert status["held"]["objects"][-1] == "and 5 more"
    found = condition(status, "PruneHeld")
    assert found["reason"] == "TooMany"
    assert found["message"].startswith("25 deletions held, ConfigMap/shop/c00, ")

    # A look that found nothing out leaves it; a pass that holds nothing takes it away.
    assert condition(status_of(LOOKS["no Git"], status, NOW), "PruneHeld") == found
    after = status_of(LOOKS["in place"], status, NOW)
    assert "held" not in after
    assert condition(after, "PruneHeld") is None


@pytest.mark.parametrize("hold", ["Waiting", "Failed", "Disabled", "NoPrune", "Protected"])
def test_what_no_token_sets_free_is_not_held(hold: Any) -> None:
    status = status_of(look(result=held(CART, hold=hold, token="")), None, NOW)
    assert "held" not in status
    assert condition(status, "PruneHeld") is None


def test_a_request_is_acknowledged_and_remembered() -> None:
    asked = status_of(replace(LOOKS["in place"], handled_at="moment-1"), None, NOW)
    assert asked["lastHandledReconcileAt"] == "moment-1"
    later = status_of(replace(LOOKS["in place"], handled_at=None), asked, NOW)
    assert later == asked


def test_no_value_of_a_secret_is_told() -> None:
    secret = create(ref("Secret", "password"), stringData={"password": CANARY})
    plan = Plan("team/shop", REVISION, (Wave(0, (secret,)),), unchanged=(ENV,))
    error = InvalidError("PLB422", f"refused {CANARY}", where="Secret/shop/password")
    outcomes = (Outcome(secret.ref, "failed", error=error, change=secret),)
    seen = look(result=result(plan=plan, outcomes=outcomes, health={
        ENV: Health(HealthStatus.DEGRADED, f"cannot use {CANARY}")}))  # fmt: skip

    assert CANARY not in json.dumps(status_of(seen, None, NOW))


def test_many_errors_are_one_sentence() -> None:
    plan = Plan("team/shop", REVISION, (Wave(0, (update(WEB), update(ENV))),))
    outcomes = tuple(
        Outcome(one, "failed", error=InvalidError("PLB422", "refused " + "x" * 900, where=str(one)))
        for one in (WEB, ENV)
    )
    status = status_of(look(result=result(plan=plan, outcomes=outcomes)), None, NOW)

    assert status["message"].startswith("PLB422: Deployment.apps/shop/web: refused")
    assert "(and 1 more)" in status["message"]
    assert len(status["message"]) <= 1024


@pytest.mark.parametrize(
    "previous",
    [None, {}, [], "x", {"conditions": None, "history": None}, {"conditions": ["x", {}],
     "held": {"token": ""}}, {"sync": "Synced"},
     {"observedGeneration": 3, "conditions": [{"type": "Ready", "status": "True"}]}],
)  # fmt: skip
def test_any_previous_status_will_do(previous: Any) -> None:
    for seen in LOOKS.values():
        status = status_of(seen, previous, NOW)
        assert status["conditions"][0]["type"] == "Ready"
        assert status["sync"]
        assert status["health"]
