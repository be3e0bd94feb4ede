"""The checker must catch what it is there for: a client that does each wrong thing once."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from e2e.faultfixtures import one_shot, peaceful, stage, story
from e2e.faults.objects import Ref, manifest
from e2e.faults.wire import Request, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from e2e.faults.driver import Driver, Ended
    from e2e.faults.story import Story

__all__ = ["one_shot", "stage", "story"]
pytestmark = pytest.mark.usefixtures("control_plane")

A, B, C = (Ref("ConfigMap", name) for name in "abc")
MERGE = "application/merge-patch+json"


@dataclass
class Rogue:
    """Runs Plumb, and afterwards does something that Plumb never should."""

    driver: Driver
    mischief: Callable[[], object]

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str],
        started: Callable[[int], None],
    ) -> Ended:  # fmt: skip
        done = self.driver.run(arguments, environment, started)
        self.mischief()
        return done


class Hand:
    """Sends requests where Plumb sends its own: through the proxy."""

    def __init__(self, story: Story) -> None:
        self.story = story
        server = json.loads(story.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        self._host, _, self._prefix = server.removeprefix("http://").partition("/")

    def send(self, method: str, path: str, body: Any = None, *, kind: str = MERGE) -> int:
        import http.client

        headers = {"content-type": kind if method == "PATCH" else "application/json"}
        data = json.dumps(body).encode() if body is not None else b""
        upstream = Upstream(lambda: http.client.HTTPConnection(self._host))
        try:
            return upstream.send(Request(method, f"/{self._prefix}{path}", headers, data)).status
        finally:
            upstream.close()

    def delete(self, ref: Ref, *, careful: bool = True) -> int:
        path, live = ref.path(self.story.namespace), self.story.people.look(ref)
        named = {key: live["metadata"][key] for key in ("uid", "resourceVersion")}
        careless = {"propagationPolicy": "Background"}
        return self.send(
            "DELETE", path, {**careless, "preconditions": named} if careful else careless
        )

    def patch(self, ref: Ref, change: Any) -> int:
        return self.send("PATCH", ref.path(self.story.namespace), change)

    def record(self) -> str:
        return f"/api/v1/namespaces/plumb-system/configmaps/plumb.{self.story.namespace}.shop"


def objects(*refs: Ref, value: str = "1") -> dict[Ref, Any]:
    return {ref: manifest(ref, value) for ref in refs}


def caught(story: Story, mischief: Callable[[Hand], object]) -> str:
    """Let Plumb sync, then the mischief happen in the same run; what the checker says of it."""
    hand = Hand(story)
    honest = story.driver
    story.driver = Rogue(honest, lambda: mischief(hand))
    story.sync()
    story.driver = honest
    return "\n".join(story.checker.violations)


def test_an_honest_story_has_no_violations(story: Story) -> None:
    story.commit(objects(A, B))
    story.sync()
    story.people.add(A)
    story.people.edit(B)
    story.people.make("ConfigMap", like=A)
    story.commit(objects(A, C, value="2"))
    peaceful(story)
    assert ("DELETE", str(B)) in story.writes()


def test_an_object_of_a_stranger_is_deleted(story: Story) -> None:
    story.commit(objects(A))
    stranger = story.people.make("ConfigMap")
    assert "Plumb never wrote that very object" in caught(story, lambda hand: hand.delete(stranger))
    assert f"{stranger}, made by others, is gone" in story.settle().left


def test_an_object_of_a_stranger_is_changed(story: Story) -> None:
    story.commit(objects(A))
    stranger = story.people.make("ConfigMap", like=A)
    said = caught(story, lambda hand: hand.patch(stranger, {"data": {"x": "y"}}))
    assert "no whole commit of this run has that object" in said
    assert f"{stranger}, made by others, was changed" in story.settle().left


def test_what_git_wants_is_deleted(story: Story) -> None:
    story.commit(objects(A, B))
    assert "no whole commit of this run is without it" in caught(story, lambda h: h.delete(A))


def test_a_delete_goes_without_its_preconditions(story: Story) -> None:
    story.commit(objects(A, B))
    story.sync()
    story.commit(objects(A))
    story.spec["prune"] = False
    said = caught(story, lambda hand: hand.delete(B, careful=False))
    assert "a DELETE without uid and resourceVersion" in said
    assert "was deleted" not in said


def test_a_delete_comes_before_everything_is_in_place(story: Story) -> None:
    story.commit(objects(A, B))
    story.sync()
    story.commit(objects(A, C))

    def hasty(hand: Hand) -> None:
        hand.send("DELETE", C.path(story.namespace))
        hand.delete(B)

    story.spec["prune"] = False
    assert "ConfigMap/b was deleted: not everything that Git wants is in place" in caught(
        story, hasty
    )


def test_a_broken_commit_is_pruned_by(story: Story) -> None:
    story.commit(objects(A, B))
    story.sync()
    story.commit(objects(A), files={"broken.yaml": "a: ["}, is_whole=False)
    assert "no whole commit of this run is without it" in caught(story, lambda h: h.delete(B))


def test_a_protected_object_is_deleted(story: Story) -> None:
    story.commit(objects(A, B))
    story.sync()
    story.people.protect(B)
    story.commit(objects(A))
    assert "its prune annotation forbids it" in caught(story, lambda hand: hand.delete(B))


def test_an_object_made_again_by_others_is_deleted(story: Story) -> None:
    story.commit(objects(A, B))
    story.sync()
    story.people.recreate(B)
    story.commit(objects(A))
    assert "Plumb never wrote that very object" in caught(story, lambda hand: hand.delete(B))


def test_many_are_deleted_without_a_confirmation(story: Story) -> None:
    many = [Ref("ConfigMap", f"m{n}") for n in range(8)]
    story.commit(objects(A, *many))
    story.sync()
    story.commit(objects(A))
    said = caught(story, lambda hand: [hand.delete(ref) for ref in many])
    assert "6 of 9 objects were deleted without a confirmation" in said
    assert "5 of 9" not in said


def test_what_was_pruned_is_made_again(story: Story) -> None:
    story.commit(objects(A, B))
    story.sync()
    story.commit(objects(A))
    collection = Ref("ConfigMap", "").path(story.namespace)
    said = caught(story, lambda hand: hand.send("POST", collection, manifest(B, "1")))
    assert "no whole commit of this run has that object" in said
    assert "ConfigMap/b is still there" in story.settle().left


def test_something_elsewhere_is_written(story: Story) -> None:
    story.commit(objects(A))
    elsewhere = "/api/v1/namespaces/default/configmaps"
    name = f"x-{story.namespace}"
    said = caught(story, lambda hand: hand.send("POST", elsewhere, {"metadata": {"name": name}}))
    assert "neither the record nor an object of the application" in said
    story.stage.direct.delete(f"{elsewhere}/{name}")


def test_the_record_of_another_application_is_written(story: Story) -> None:
    story.commit(objects(A))
    path = "/api/v1/namespaces/plumb-system/configmaps"
    said = caught(story, lambda h: h.send("POST", path, {"metadata": {"name": "plumb.x.shop"}}))
    assert "neither the record nor an object of the application" in said


def test_a_field_of_others_is_taken_away(story: Story) -> None:
    story.commit(objects(A))
    story.sync()
    story.people.add(A)
    assert caught(story, lambda hand: hand.patch(A, {"data": {"theirs-0": None}})) == ""
    assert "theirs-0, added to ConfigMap/a by others, is not as it was" in story.settle().left


def test_a_field_of_git_is_not_put_right(story: Story) -> None:
    story.commit(objects(A))
    story.sync()
    story.people.edit(A)
    left = story.checker.at_rest(story.head)
    assert left == ["ConfigMap/a is not as Git wants it"]


def test_an_object_is_left_behind(story: Story) -> None:
    story.commit(objects(A, B))
    story.sync()
    story.commit(objects(A))
    assert story.checker.at_rest(story.head) == ["ConfigMap/b is still there"]


@pytest.mark.parametrize("has_mark", [True, False])
def test_an_object_is_forgotten_by_the_record(story: Story, *, has_mark: bool) -> None:
    story.commit(objects(A, B))
    story.sync()
    story.spec["prune"] = False
    story.commit(objects(A))
    if not has_mark:
        story.stage.direct.merge(
            B.path(story.namespace), {"metadata": {"annotations": None, "labels": None}}
        )
    old = story.checker.record
    story.checker.record = lambda: ({r: e for r, e in old()[0].items() if r != B}, old()[1])  # type: ignore[method-assign]
    why = "carries the mark" if has_mark else "was written by Plumb"
    assert f"ConfigMap/b {why} and is forgotten" in story.checker.at_rest(story.head)


def test_there_is_no_peace(story: Story) -> None:
    story.commit(objects(A))
    hand = Hand(story)
    story.driver = Rogue(story.driver, lambda: hand.patch(A, {"data": {"v": "1"}}))
    left = story.settle().left
    assert any("no rest after 8 passes, the last one wrote ['PATCH" in line for line in left)


def test_the_checker_knows_nothing_of_the_engine() -> None:
    code = (
        "import sys, e2e.faults.checker; "
        "sys.exit(any(name.partition('.')[0] == 'engine' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
