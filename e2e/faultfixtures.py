"""What the tests with faults share: one stage a module, one story with its checker a test."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

import pytest

from e2e.faults.driver import OneShot
from e2e.faults.story import Stage, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.servers.controlplane import ControlPlane


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
