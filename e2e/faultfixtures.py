"""What the tests with faults share: one stage a module, one story with its checker a test."""

from __future__ import annotations

import re
import secrets
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from e2e.faults.driver import OneShot
from e2e.faults.objects import Ref, manifest
from e2e.faults.story import Stage, Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.servers.controlplane import ControlPlane

A, B, C = (Ref("ConfigMap", name) for name in "abc")
GOES = Ref("Secret", "goes")


@pytest.fixture(scope="module")
def stage(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The control plane of the session and a Git server, with a fault proxy before each."""
    with Stage(control_plane, tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.fixture(scope="module")
def one_shot() -> Iterator[OneShot]:
    """A warm process that forks for each command."""
    with OneShot() as driver:
        yield driver


@pytest.fixture
def story(request: pytest.FixtureRequest, stage: Stage, one_shot: OneShot) -> Iterator[Story]:
    """Make a namespace, an empty repository and a checker; they are thrown away with the server."""
    title = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).removeprefix("test-")
    made = Story(stage, f"{title[:30].strip('-')}-{secrets.token_hex(3)}", one_shot)
    yield made
    made.close()


def peaceful(story: Story) -> None:
    """Come to rest without faults; whatever was violated on the way or is wrong now is told."""
    rest = story.settle()
    assert story.verdict(rest) == []


@pytest.fixture
def waiting(story: Story) -> Story:
    """Three objects in place; now Git changes two and drops the third."""
    story.commit(wanted(A, B, GOES))
    assert story.sync().code == 0
    story.commit(wanted(A, B, value="2"))
    return story


def wanted(*refs: Ref, value: str = "1") -> dict[Ref, Any]:
    """Return what Git has of these."""
    return {ref: manifest(ref, value) for ref in refs}


def deletes(story: Story, run: int = 0) -> list[str]:
    """Return what was deleted, in one run or in all."""
    return [ref for verb, ref in story.writes(run) if verb == "DELETE"]


def until(is_so: Callable[[], bool], *, within_s: float = 20.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.1)
