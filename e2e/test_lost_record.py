"""A record that is lost, edited or cut short: said loudly, rebuilt from marks, nothing deleted."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from e2e.daemon import Daemon
    from e2e.team import Team

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {0}}}\ndata: {{k: v}}\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"
RANGE = (
    "apiVersion: v1\nkind: LimitRange\nmetadata: {{name: left, namespace: {0}}}\n"
    "spec: {{limits: []}}\n"
)
RECORDS = "/api/v1/namespaces/plumb-system/configmaps"


def lose(team: Team) -> None:
    """Delete the head of the record, as somebody who cleans up might."""
    team.plane.delete(f"{RECORDS}/plumb.{team.namespace}.shop")
    assert team.record() is None


def head(team: Team) -> Any:
    """What the head of the record says."""
    return json.loads(gzip.decompress(base64.b64decode(team.record()["binaryData"]["record"])))


def held(report: Any, hold: str) -> set[str]:
    """The names of what is held for this reason."""
    changes = report["plan"]["changes"]
    return {c["object"]["name"] for c in changes if c.get("hold") == hold}


def test_a_lost_record_keeps_its_id_and_what_git_dropped_meanwhile_needs_a_token(
    team: Team,
) -> None:
    other = f"{team.namespace}-x"
    team.plane.create("/api/v1/namespaces", {"metadata": {"name": other}})
    left = {"left.yaml": RANGE.format(other), "web.yaml": SERVICE}
    team.commit({"a.yaml": CONFIG.format("a"), "b.yaml": CONFIG.format("b"), **left})
    team.sync()
    owner = head(team)["id"]
    uid = team.get("configmaps", "a")["metadata"]["uid"]
    lose(team)
    # Of two of the kinds nothing is in Git any more, and of one of the namespaces.
    team.commit({"b.yaml": None, "left.yaml": None, "web.yaml": None})
    before = team.writes()

    told = team.plumb("sync").stdout

    assert "cannot be trusted" in told
    assert "it is missing" in told
    for name in ("ConfigMap/", "Service/", "LimitRange/"):
        assert f"= hold {name}" in " ".join(told.split())
    written = [name for _, _, name in team.writes()[len(before) :]]
    assert written == [f"plumb.{team.namespace}.shop"], "nothing but the record was written"
    assert head(team)["id"] == owner
    assert team.get("configmaps", "a")["metadata"]["uid"] == uid

    # The record is whole again, and where strays are is not forgotten.
    report = team.sync()
    assert held(report, "Stray") == {"b", "left", "web"}
    assert report["outcomes"] == []
    team.sync("--confirm", report["plan"]["token"])
    assert team.names("configmaps") == ["a"]
    assert team.get("services", "web") is None
    assert team.plane.get(f"/api/v1/namespaces/{other}/limitranges/left") is None
    assert held(team.sync(), "Stray") == set()
    team.plane.delete(f"/api/v1/namespaces/{other}")


def test_a_newcomer_takes_over_no_id_of_an_application_that_is_there(team: Team) -> None:
    team.commit({"a.yaml": CONFIG.format("a"), "b.yaml": CONFIG.format("b")})
    team.repository.commit({"other/a.yaml": CONFIG.format("a"), "other/b.yaml": CONFIG.format("b")})
    team.sync()

    team.plumb("sync", name="other", path="other", expect=8)

    records = team.plane.get(f"{RECORDS}?labelSelector=plumb.dev/record={head(team)['id']}")
    assert [r["metadata"]["name"] for r in records["items"]] == [f"plumb.{team.namespace}.shop"]


def test_a_diff_after_a_loss_says_so_and_reads_only(team: Team) -> None:
    team.commit({"a.yaml": CONFIG.format("a"), "b.yaml": CONFIG.format("b")})
    team.sync()
    lose(team)
    team.commit({"b.yaml": None})
    before = team.writes()

    report = json.loads(team.plumb("diff", "-o", "json").stdout)

    assert any("it is missing" in note for note in report["plan"]["notes"])
    assert held(report, "Stray") == {"b"}
    assert team.writes() == before
    assert team.record() is None


@pytest.mark.parametrize("policy", ["orphan", "delete"])
def test_an_application_with_strays_is_deleted_without_forgetting_them(
    team: Team, policy: str
) -> None:
    team.commit({"a.yaml": CONFIG.format("a"), "web.yaml": SERVICE})
    team.sync()
    lose(team)
    team.commit({"web.yaml": None})
    team.sync()

    said = team.delete(f"--deletion-policy={policy}").stdout

    assert "Service/" in said
    # Without the token it stays, and carries no mark that nobody knows any more.
    assert "annotations" not in team.get("services", "web")["metadata"]
    assert team.names("configmaps") == (["a"] if policy == "orphan" else [])
    assert team.record() is None


def test_a_shard_of_another_record_is_noticed(team: Team) -> None:
    filler = "x" * 3000
    many = "---\n".join(
        CONFIG.format(f"c{n:03}").replace("k: v", f"k: '{filler}'") for n in range(450)
    )
    team.commit({"all.yaml": many})
    team.sync("--timeout", "2m")
    own = head(team)
    assert own["shards"] > 1
    path = f"{RECORDS}/plumb-1.{team.namespace}.shop"
    forged = {"version": 1, "id": "f" * 32, "shard": 1, "entries": [
        {"ref": ["", "ConfigMap", team.namespace, "victim"], "uid": "x"}]}  # fmt: skip
    packed = base64.b64encode(gzip.compress(json.dumps(forged).encode())).decode()
    team.plane.merge(path, {"binaryData": {"record": packed}})
    team.plane.create(team.path("configmaps"), {"metadata": {"name": "victim"}})
    before = team.writes()

    told = team.plumb("diff").stdout

    assert "shard 1 is of another record" in told
    assert team.writes() == before
    team.sync("--timeout", "2m")
    assert "victim" in team.names("configmaps")
    assert len(team.names("configmaps")) == 451
    assert head(team)["id"] == own["id"]


def test_the_status_remembers_the_id_of_a_record_that_is_lost(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": CONFIG.format("a"), "web.yaml": SERVICE})
    daemon.start()
    daemon.apply()
    daemon.until_ready()
    owner = daemon.status()["id"]
    daemon.stop()
    daemon.delete("configmaps", f"plumb.{daemon.namespace}.shop")
    # Nothing that Git names now carries a mark.
    commit = daemon.commit({"a.yaml": None, "web.yaml": None, "c.yaml": CONFIG.format("c")})
    daemon.start()

    def held() -> set[str]:
        objects = (daemon.status().get("held") or {}).get("objects", ())
        return {name.rpartition("/")[2] for name in objects}

    daemon.until("what Git dropped is held", lambda: held() == {"a", "web"})
    assert daemon.status()["id"] == owner
    assert daemon.status()["revision"] == commit
    assert daemon.get("configmaps", "c")["metadata"]["labels"]["plumb.dev/owner"] == owner
    assert daemon.get("configmaps", "a") is not None
    assert daemon.get("services", "web") is not None


def test_an_id_in_the_status_that_is_anothers_is_nobodys_key(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": CONFIG.format("a")})
    daemon.start()
    daemon.apply()
    daemon.until_ready()
    theirs = daemon.status()["id"]
    before = daemon.get("configmaps", "a")
    daemon.commit({"b.yaml": CONFIG.format("b")}, below="thief")
    daemon.stop()
    daemon.apply("thief", path="thief")
    daemon.plane.merge(f"{daemon.applications.path('thief')}/status", {"status": {"id": theirs}})
    daemon.start()
    daemon.until_ready("thief")
    daemon.settle()
    assert daemon.status("thief")["id"] != theirs
    assert not daemon.status("thief").get("held")
    assert daemon.get("configmaps", "a") == before


def test_who_never_wrote_anything_has_no_id_and_no_record_to_miss(daemon: Daemon) -> None:
    daemon.commit({"a.yaml": CONFIG.format("a").replace("v1", "v9")})
    daemon.start()
    daemon.apply()
    for _ in range(2):
        daemon.until("it is refused", lambda: "v9" in str(daemon.status()))
        daemon.settle()
        assert "id" not in daemon.status()
        assert "cannot be trusted" not in str(daemon.status())
        daemon.stop()
        daemon.start()


@pytest.mark.parametrize(
    "id_", ["0" * 32, "z" * 63, "../../etc", "a,b) or (c", "\u00e9\n\u202e", "-"]
)
def test_an_id_in_the_status_may_be_anything_and_reaches_nothing(daemon: Daemon, id_: str) -> None:
    daemon.commit({"a.yaml": CONFIG.format("a")})
    daemon.apply()
    daemon.plane.merge(f"{daemon.applications.path('shop')}/status", {"status": {"id": id_}})
    daemon.start()
    daemon.until_ready()
    daemon.settle()
    status = daemon.status()
    assert re.fullmatch("[0-9a-f]{32}", status["id"])
    assert not status.get("held")
    assert daemon.get("configmaps", "a")["metadata"]["labels"]["plumb.dev/owner"] == status["id"]
    assert "Traceback" not in daemon.log.read_text()
