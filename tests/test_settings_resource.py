"""Applications as the API server has them: the same as in files, but for what is listed here."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
from typing import Any

import pytest

from engine import settings
from engine.codes import CODES
from engine.errors import SettingsError

SPEC = {
    "source": {"url": "https://git.example/config.git", "ref": {"branch": "main"},
               "path": "apps/shop", "secretRef": {"name": "git-auth"}},
    "targetNamespace": "shop", "allowedNamespaces": ["shop-jobs"], "allowClusterScoped": True,
    "createNamespace": True, "serviceAccountName": "deployer", "interval": "1m", "prune": False,
    "maxPrune": {"objects": 1, "percent": 2}, "deletionPolicy": "delete", "drift": "report",
    "wait": False, "timeout": "90s", "suspend": True, "dependsOn": [{"name": "database"}],
    "ignore": [{"kind": "Deployment", "paths": ["/spec/replicas"]}],
}  # fmt: skip


def resource(**changes: Any) -> Any:
    """An Application resource; ``spec__interval="1s"`` sets one field, a None takes it out."""
    body: Any = {
        "apiVersion": "plumb.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": "team", "uid": "u-1", "generation": 7,
                     "resourceVersion": "12", "somethingNew": {}},
        "spec": copy.deepcopy(SPEC),
    }  # fmt: skip
    for field, value in changes.items():
        *parents, last = field.split("__")
        place = body
        for name in parents:
            place = place.setdefault(name, {})
        if value is None:
            del place[last]
        else:
            place[last] = value
    return body


def problems(body: Any) -> list[str]:
    """What is wrong with it, each as "where: what"."""
    with pytest.raises(SettingsError) as caught:
        settings.application_from_resource(body)
    found = [caught.value, *caught.value.others]
    assert all(error.code in CODES for error in found)
    return [f"{error.where}: {error.what}" for error in found]


def test_the_spec_means_what_it_means_in_a_file() -> None:
    body = resource(metadata__somethingNew=None)
    (file,) = settings.applications(json.dumps(body).encode(), path="a.json", namespace="x")

    found = settings.application_from_resource(body)

    expected = dataclasses.replace(file, origin="resource", uid="u-1", generation=7, document=None)
    assert found == expected


def test_what_only_a_resource_has_is_read() -> None:
    notes = {"plumb.dev/confirm-prune": "0123456789abcdef",
             "plumb.dev/reconcile-requested-at": "2026-11-25T12:00:00Z.ab"}  # fmt: skip
    body = resource(metadata__annotations=notes, metadata__finalizers=["plumb.dev/delete", "x/y"],
                    metadata__deletionTimestamp="2026-11-25T12:00:00Z",
                    status={"id": "abc", "sync": "Synced"})  # fmt: skip

    found = settings.application_from_resource(body)

    assert found.origin == "resource"
    assert (found.uid, found.generation, found.status_id) == ("u-1", 7, "abc")
    assert found.confirm == "0123456789abcdef"
    assert found.requested_at == "2026-11-25T12:00:00Z.ab"
    assert found.finalizers == ("plumb.dev/delete", "x/y")
    assert found.is_terminating


def test_a_fresh_resource_has_nothing_of_that() -> None:
    found = settings.application_from_resource(resource())

    assert (found.status_id, found.requested_at, found.finalizers) == ("", "", ())
    assert not found.is_terminating


@pytest.mark.parametrize(
    "url", ["/etc/config.git", "./config", "config", "../x", "file:///etc/config.git", "~/x"]
)
def test_a_repository_on_the_disk_of_the_daemon_is_refused(url: str) -> None:
    assert problems(resource(spec__source__url=url)) == [
        "Application team/shop: /spec/source/url: not the URL of a repository"
    ]


@pytest.mark.parametrize(
    "url",
    ["https://git.example/c.git", "http://git.example/c.git", "ssh://git@git.example/c.git",
     "git@git.example:team/c.git"],
)  # fmt: skip
def test_a_repository_on_a_server_is_taken(url: str) -> None:
    assert settings.application_from_resource(resource(spec__source__url=url)).source.url == url


@pytest.mark.parametrize("field", ["interval", "timeout"])
@pytest.mark.parametrize(("text", "seconds"), [("10s", 10), ("9999ms", None), ("1s", None),
                                               ("1h", 3600)])  # fmt: skip
def test_durations_are_ten_seconds_or_more(field: str, text: str, seconds: float | None) -> None:
    body = resource(**{f"spec__{field}": text})
    if seconds is None:
        assert problems(body) == [f"Application team/shop: /spec/{field}: must be 10s or longer"]
    else:
        found = settings.application_from_resource(body)
        assert getattr(found, f"{field}_s") == seconds


def test_every_problem_is_named_with_its_pointer_and_no_value() -> None:
    body = resource(
        spec__interval="often", spec__prune="yes", spec__sauce={}, spec__dependsOn=[{"name": "X"}],
        spec__source__url="https://me:hunter2@git.example/c.git",
    )  # fmt: skip
    found = problems(body)

    assert found == [
        "Application team/shop: /spec/sauce: unknown field",
        "Application team/shop: /spec/source/url: the URL holds credentials",
        "Application team/shop: /spec/interval: not a duration",
        "Application team/shop: /spec/prune: must be true or false",
        "Application team/shop: /spec/dependsOn/0/name: not a name",
    ]
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    "body",
    [None, [], "text", {}, {"metadata": []}, {"metadata": {"name": 3}}, {"spec": 4},
     {"apiVersion": "plumb.dev/v1alpha1", "kind": "Application"},
     {"apiVersion": "plumb.dev/v1alpha1", "kind": "Application", "metadata": "x", "spec": [],
      "status": "y"},
     resource(metadata__annotations=[], status=[]), resource(metadata__finalizers=3),
     resource(metadata__generation="x")],
)  # fmt: skip
def test_whatever_it_is_it_is_read_or_refused(body: Any) -> None:
    with contextlib.suppress(SettingsError):
        assert settings.application_from_resource(body).name == "shop"


def test_one_that_is_going_away_is_not_held_up_by_what_deleting_it_does_not_need() -> None:
    going = {"metadata__deletionTimestamp": "2026-11-25T12:00:00Z"}
    wrong = resource(spec__source__url="/etc/x", spec__interval="1s", spec__sauce=1, **going)

    found = settings.application_from_resource(wrong)

    assert found.deletion_policy == "delete"
    assert found.service_account_name == "deployer"
    assert problems(resource(spec__deletionPolicy="maybe", **going)) == [
        "Application team/shop: /spec/deletionPolicy: not one of its words"
    ]
