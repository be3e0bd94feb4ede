"""What is counted is told, and nothing is told of what is gone."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from engine.metrics import Metrics, Source


def samples(metrics: Metrics) -> dict[str, float]:
    """Every sample of a scrape, as in `plumb_syncs_total{application="a/b"}`."""
    found = {}
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def test_what_happens_to_an_application_is_told() -> None:
    metrics = Metrics()
    metrics.synced("team/shop", "synced", 0.2)
    metrics.synced("team/shop", "synced", 3.0)
    metrics.synced("team/shop", "failed", 0.1)
    metrics.drift_repaired("team/shop", 2)
    metrics.found(
        "team/shop", sync="OutOfSync", health="Degraded", is_ready=False, held=3,
        states={("Synced", "Healthy"): 4, ("OutOfSync", "Degraded"): 1},
    )  # fmt: skip
    told = samples(metrics)
    assert told['plumb_syncs_total{application="team/shop",result="synced"}'] == 2
    assert told['plumb_syncs_total{application="team/shop",result="failed"}'] == 1
    assert told['plumb_drift_repairs_total{application="team/shop"}'] == 2
    assert told['plumb_prunes_held{application="team/shop"}'] == 3
    assert told['plumb_application_objects{application="team/shop"}'] == 5
    assert told[
        'plumb_application_info{application="team/shop",health="Degraded",ready="false",'
        'sync="OutOfSync"}'
    ] == 1  # fmt: skip
    assert told['plumb_sync_duration_seconds_count{phase="total"}'] == 3
    assert told['plumb_sync_duration_seconds_bucket{le="1.0",phase="total"}'] == 2


def test_objects_by_state_are_the_sum_over_all_applications() -> None:
    metrics = Metrics()
    for name in ("a/x", "a/y"):
        metrics.found(
            name, sync="Synced", health="Healthy", is_ready=True, held=0,
            states={("Synced", "Healthy"): 3},
        )  # fmt: skip
    assert samples(metrics)['plumb_objects{health="Healthy",sync="Synced"}'] == 6
    metrics.forget("a/x")
    assert samples(metrics)['plumb_objects{health="Healthy",sync="Synced"}'] == 3


def test_a_new_state_replaces_the_old_one() -> None:
    metrics = Metrics()
    for health in ("Progressing", "Healthy"):
        metrics.found(
            "a/x", sync="Synced", health=health, is_ready=health == "Healthy", held=0,
            states={("Synced", health): 1},
        )  # fmt: skip
    told = [key for key in samples(metrics) if "Progressing" in key]
    assert told == []


def test_an_application_that_is_gone_leaves_no_series() -> None:
    metrics = Metrics()
    before = set(samples(metrics))
    metrics.synced("a/x", "synced", 0.1)
    metrics.drift_repaired("a/x")
    metrics.found("a/x", sync="Synced", health="Healthy", is_ready=True, states={}, held=0)
    metrics.forget("a/x")
    metrics.forget("never/there")
    assert not [key for key in samples(metrics) if "a/x" in key]
    left = {key for key in set(samples(metrics)) - before if "phase" not in key}
    assert left == set()


def test_a_thousand_applications_have_a_fixed_number_of_series_each() -> None:
    metrics = Metrics()
    sizes = []
    for number in range(20):
        metrics.synced(f"a/{number}", "synced", 0.1)
        states = {(s, h): 1 for s in ("Synced", "OutOfSync") for h in ("Healthy", "Degraded")}
        metrics.found(
            f"a/{number}", sync="Synced", health="Healthy", is_ready=True, states=states, held=0
        )
        sizes.append(len(samples(metrics)))
    growth = {b - a for a, b in itertools.pairwise(sizes[1:])}
    assert growth == {5}


def test_repositories_are_told_while_they_are_followed() -> None:
    metrics = Metrics()
    url = "https://git.example/a"
    followed = [Source(url, "team/git", 12.5, {"branch main": "c" * 40}), Source("ssh://g/b")]
    metrics.read_sources(lambda: followed)
    metrics.polled(url, "team/git", is_good=True, duration_s=0.1)
    metrics.polled(url, "team/git", is_good=False, duration_s=0.1)
    told = samples(metrics)
    at = f'repository="{url}"'
    assert told[f'plumb_git_age_seconds{{{at},secret="team/git"}}'] == 12.5
    assert told[f'plumb_git_polls_total{{{at},result="failed",secret="team/git"}}'] == 1
    commit = "c" * 40
    assert told[
        f'plumb_git_head_info{{ref="branch main",{at},revision="{commit}",secret="team/git"}}'
    ] == 1  # fmt: skip
    # One that has never answered has no age: 0 would look like the best of all.
    assert not [key for key in told if "plumb_git_age" in key and "ssh://g/b" in key]
    followed.clear()
    assert not [key for key in samples(metrics) if url in key]
    followed.append(Source(url, "team/git", 1.0))
    assert not [key for key in samples(metrics) if "plumb_git_polls_total" in key]


def test_the_rest_is_told() -> None:
    metrics = Metrics()
    metrics.read_queue(lambda: (7, 1.5))
    metrics.requested("PATCH", 200, 0.02)
    metrics.requested("PATCH", 0, 30.0)
    metrics.rendered(skipped=True)
    metrics.rendered(skipped=False)
    metrics.watch_restarted("deployments.apps")
    metrics.hooked("github", "accepted")
    metrics.phase("plan", 0.01)
    metrics.leads(is_leader=True)
    told = samples(metrics)
    assert told["plumb_queue_depth{}"] == 7
    assert told["plumb_queue_age_seconds{}"] == 1.5
    assert told['plumb_api_requests_total{code="200",verb="PATCH"}'] == 1
    assert told['plumb_api_requests_total{code="0",verb="PATCH"}'] == 1
    assert told['plumb_api_request_duration_seconds_count{verb="PATCH"}'] == 2
    assert told['plumb_renders_total{result="skipped"}'] == 1
    assert told['plumb_watch_restarts_total{resource="deployments.apps"}'] == 1
    assert told['plumb_webhooks_total{provider="github",result="accepted"}'] == 1
    assert told["plumb_leader{}"] == 1
    metrics.leads(is_leader=False)
    assert samples(metrics)["plumb_leader{}"] == 0


def test_every_metric_is_named_and_described_in_the_documents() -> None:
    page = (Path(__file__).parent.parent / "docs" / "metrics.md").read_text()
    metrics = Metrics()
    metrics.read_sources(lambda: [Source("u", "s", 1.0)])
    families = {family.name: family for family in metrics.registry.collect()}
    ours = {name for name in families if name.startswith("plumb_")}
    documented = {name.removesuffix("_total") for name in re.findall(r"`(plumb_\w+)`", page)}
    assert ours == documented
    assert all(families[name].documentation.endswith(".") for name in ours)
