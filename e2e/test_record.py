"""The record: a fence between syncs, and nothing is lost when one dies in the middle."""

from __future__ import annotations

import base64
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from e2e.team import Team

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{0:03}}}\ndata: {{k: '{1}'}}\n"
PLUMB = str(Path(sys.executable).with_name("plumb"))


def many(count: int, value: str = "v") -> dict[str, str | None]:
    """One file of that many ConfigMaps."""
    return {"all.yaml": "---\n".join(CONFIG.format(n, value) for n in range(count))}


def start(team: Team, tmp_path: Path) -> subprocess.Popen[str]:
    """Start a sync and do not wait for it."""
    environ = {**os.environ, "KUBECONFIG": str(team.kubeconfig), "XDG_CACHE_HOME": str(tmp_path)}
    source = [f"--url={team.repository.path}", "--ref=main", "--path=apps", "--name=shop"]
    return subprocess.Popen(
        [PLUMB, "sync", f"--namespace={team.namespace}", *source],
        env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def head(team: Team) -> Any:
    """What the head of the record says."""
    return json.loads(gzip.decompress(base64.b64decode(team.record()["binaryData"]["record"])))


def rewrite(team: Team, packed: bytes) -> None:
    """Put other bytes into the head of the record, as somebody with rights there might."""
    name = f"plumb.{team.namespace}.shop"
    team.plane.merge(
        f"/api/v1/namespaces/plumb-system/configmaps/{name}",
        {"binaryData": {"record": base64.b64encode(packed).decode()}},
    )


def wait_for_holder(team: Team, process: subprocess.Popen[str]) -> None:
    """Wait until this sync has taken the record, or is over already."""
    before = (team.record() or {"metadata": {}})["metadata"].get("annotations", {})
    while process.poll() is None:
        found = (team.record() or {"metadata": {}})["metadata"].get("annotations", {})
        if found.get("plumb.dev/holder", "") not in ("", before.get("plumb.dev/holder")):
            return


def test_two_syncs_at_once_end_in_one_result(team: Team, tmp_path: Path) -> None:
    team.commit(many(60))

    both = [start(team, tmp_path / str(n)) for n in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    codes = sorted(process.returncode for process in both)

    assert codes in ([0, 0], [0, 8]), said
    for process, (_, stderr) in zip(both, said, strict=True):
        if process.returncode == 8:
            assert "another sync" in stderr
            assert "Traceback" not in stderr
    assert len(team.names("configmaps")) == 60
    assert team.sync()["outcomes"] == []


@pytest.mark.parametrize("seed", range(3))
def test_a_sync_that_is_killed_loses_track_of_nothing(
    team: Team, tmp_path: Path, seed: int
) -> None:
    delays = random.Random(seed)  # noqa: S311 - a schedule, not a secret
    team.commit(many(120))
    for _ in range(2):
        process = start(team, tmp_path)
        wait_for_holder(team, process)
        time.sleep(delays.uniform(0, 0.3))  # noqa: TID251 - a test has no stop event
        process.send_signal(signal.SIGKILL)
        process.communicate()
        made = set(team.names("configmaps"))
        entries = {entry["ref"][3] for entry in head(team)["entries"]}
        assert made <= entries, "an object is there that the record does not name"

    team.sync()
    assert len(team.names("configmaps")) == 120
    team.commit(many(100))
    team.sync()
    assert len(team.names("configmaps")) == 100
    assert team.sync()["outcomes"] == []


def test_a_field_whose_write_was_never_noted_is_removed_when_git_drops_it(
    team: Team, tmp_path: Path
) -> None:
    team.commit(many(150))
    team.sync()
    added = {
        "all.yaml": "---\n".join(
            CONFIG.format(n, "v")
            .replace("}\n", ", extra: '1'}\n", 2)
            .replace(f"c{n:03}, extra: '1'", f"c{n:03}")
            for n in range(150)
        )
    }
    team.commit(added)
    process = start(team, tmp_path)
    wait_for_holder(team, process)
    time.sleep(0.3)  # noqa: TID251 - a test has no stop event
    process.send_signal(signal.SIGKILL)
    process.communicate()
    team.commit(many(150))

    team.sync()

    items = team.plane.get(team.path("configmaps"))["items"]
    left = [i for i in items if "extra" in (i.get("data") or {})]
    assert left == []


def test_a_frozen_sync_writes_nothing_after_another_has_gone_on(team: Team, tmp_path: Path) -> None:
    team.commit(many(300))
    frozen = start(team, tmp_path)
    wait_for_holder(team, frozen)
    time.sleep(0.2)  # noqa: TID251 - a test has no stop event
    frozen.send_signal(signal.SIGSTOP)
    try:
        team.commit(many(20, "later"))
        team.sync("--no-prune")
        planned = json.loads(team.plumb("diff", "-o", "json").stdout)
        team.sync("--confirm", planned["plan"]["token"] or "none")
        assert len(team.names("configmaps")) == 20
    finally:
        frozen.send_signal(signal.SIGCONT)
    _, stderr = frozen.communicate(timeout=60)

    assert frozen.returncode == 8, stderr
    names = team.names("configmaps")
    # At most the requests that were on their way when it froze, one per connection.
    assert len(names) <= 20 + 8
    values = {team.get("configmaps", f"c{n:03}")["data"]["k"] for n in range(20)}
    assert values == {"later"}


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"nonsense", id="no gzip"),
        pytest.param(gzip.compress(b"{}"), id="no record"),
        pytest.param(gzip.compress(b'{"version":1,"id":"x"}'), id="half a head"),
        pytest.param(gzip.compress(b"x" * 200)[:-9], id="cut short"),
        pytest.param(gzip.compress(b" " * (80 << 20)), id="a decompression bomb"),
    ],
)
def test_a_record_that_makes_no_sense_deletes_nothing_and_is_rebuilt(
    team: Team, packed: bytes
) -> None:
    team.commit(many(8))
    team.sync()
    rewrite(team, packed)
    team.commit(many(2))

    done = team.plumb("sync")

    assert "cannot be trusted" in done.stdout
    assert len(team.names("configmaps")) == 8
    assert {entry["ref"][3] for entry in head(team)["entries"]} == {"c000", "c001"}
    report = team.sync()
    assert report["outcomes"] == []
    strays = [c for c in report["plan"]["changes"] if c.get("hold") == "Stray"]
    assert len(strays) == 6
    team.sync("--confirm", report["plan"]["token"])
    assert len(team.names("configmaps")) == 2


def test_a_record_of_a_newer_plumb_is_left_alone(team: Team) -> None:
    team.commit(many(2))
    team.sync()
    newer = gzip.compress(json.dumps({**head(team), "version": 99}).encode())
    rewrite(team, newer)
    team.commit(many(1))

    done = team.plumb("sync", expect=8)

    assert "newer" in done.stderr
    assert len(team.names("configmaps")) == 2
    assert base64.b64decode(team.record()["binaryData"]["record"]) == newer


def test_a_record_outside_the_engines_namespace_counts_for_nothing(team: Team) -> None:
    team.commit(many(1))
    team.sync()
    victim = {"metadata": {"name": "victim"}, "data": {"k": "v"}}
    team.plane.create(team.path("configmaps"), victim)
    forged = {**head(team), "entries": [{"ref": ["", "ConfigMap", team.namespace, "victim"]}]}
    packed = base64.b64encode(gzip.compress(json.dumps(forged).encode())).decode()
    metadata = {**team.record()["metadata"], "namespace": team.namespace}
    kept = {k: metadata[k] for k in ("name", "labels", "annotations", "namespace")}
    team.plane.create(team.path("configmaps"), {"metadata": kept, "binaryData": {"record": packed}})

    team.sync()

    assert "victim" in team.names("configmaps")


def test_a_large_application_is_spread_over_several_config_maps(team: Team) -> None:
    filler = "x" * 3000
    team.commit(many(500, filler))
    team.sync("--timeout", "2m")
    records = "/api/v1/namespaces/plumb-system/configmaps?labelSelector=plumb.dev/record="
    shards = team.plane.get(records + team.record()["metadata"]["labels"]["plumb.dev/record"])

    assert len(shards["items"]) > 1
    assert team.sync()["outcomes"] == []
    team.commit(many(500, filler + "y"))
    team.sync()
    assert team.get("configmaps", "c499")["data"]["k"] == filler + "y"
    team.delete("--deletion-policy=delete")
    assert team.plane.get(records + head_id(shards))["items"] == []


def head_id(shards: Any) -> str:
    """The id that the shards carry as their label."""
    identity: str = shards["items"][0]["metadata"]["labels"]["plumb.dev/record"]
    return identity


def test_an_object_of_nearly_a_mebibyte_needs_no_record_of_that_size(team: Team) -> None:
    big = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {k: '" + "ab" * 500_000
    team.commit({"big.yaml": big + "'}\n"})

    team.sync()

    assert len(team.record()["binaryData"]["record"]) < 5000
    assert team.sync()["outcomes"] == []
    team.commit({"big.yaml": big + "c'}\n"})
    assert [outcome["action"] for outcome in team.sync()["outcomes"]] == ["updated"]
