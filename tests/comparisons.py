"""Two revisions from plain text, for the tests of Git against Git."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.compare import Request, Side, Sources, compare
from engine.compare.sources import spelled
from engine.model import Revision
from tests.trees import MemoryTree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.model import Comparison, GitRef, Plan, Report

URL = "https://git.example/team/config.git"
BASE, HEAD = "b" * 40, "e" * 40


class Clone:
    """Revisions by the name of a ref."""

    def __init__(self, **revisions: Mapping[str, str]) -> None:
        self.trees = {name: MemoryTree(files) for name, files in revisions.items()}
        self.asked: list[str] = []

    def resolve(self, ref: GitRef) -> Revision:
        """Find a revision by its name."""
        self.asked.append(ref.name)
        return Revision(ref.name * 2, f"tree of {ref.name}", ref.name)

    def tree(self, revision: Revision) -> MemoryTree:
        """Return its files."""
        return self.trees[revision.ref]


def application(name: str = "shop", *, url: str = URL, spec: str = "", ref: str = "") -> str:
    """An Application document; ``spec`` are further fields in flow style, ``ref`` likewise."""
    return f"""
apiVersion: plumb.dev/v1alpha1
kind: Application
metadata: {{name: {name}, namespace: plumb-system}}
spec: {{source: {{url: "{url}", path: apps/{name}{ref}}}{spec}}}
"""


def config_map(name: str, *, data: str = "{a: b}", meta: str = "") -> str:
    """A ConfigMap in flow style."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}{meta}}}\ndata: {data}\n---\n"


def deployment(name: str = "web", *, image: str = "web:1", selector: str = "web") -> str:
    """A Deployment in flow style."""
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  selector: {{matchLabels: {{app: {selector}}}}}
  template:
    metadata: {{labels: {{app: {selector}}}}}
    spec: {{containers: [{{name: web, image: "{image}"}}]}}
---
"""


def sides(base: Mapping[str, str], head: Mapping[str, str]) -> tuple[Side, Side]:
    """Both revisions."""
    trees = MemoryTree(base), MemoryTree(head)
    return (
        Side(trees[0], Revision(BASE, "base", "main", subject="Before")),
        Side(trees[1], Revision(HEAD, "head", "feature", subject="After")),
    )


def report(
    base: Mapping[str, str], head: Mapping[str, str], *, sources: Sources | None = None,
    **fields: Any,
) -> Report:  # fmt: skip
    """Compare two revisions whose Applications stand in app.yaml unless others are given."""
    apps = {"app.yaml": application()}
    before, after = sides({**apps, **base}, {**apps, **head})
    known = sources or Sources(Clone(), frozenset({spelled(URL)}))
    return compare(Request(before, after, known, **fields))


def only(found: Report) -> Comparison:
    """The one application that differs; there must be no error outside of it."""
    assert not found.errors
    (change,) = found.changes
    return change


def plan_of(change: Comparison) -> Plan:
    """The plan of an application that could be read."""
    assert not change.errors, [str(error) for error in change.errors]
    assert change.plan is not None
    return change.plan


def told(change: Comparison) -> dict[str, str]:
    """What happens to each object: kind/name to the name of the change."""
    return {
        f"{c.ref.kind}/{c.ref.name}": type(c).__name__ for c in plan_of(change).changes
    }  # fmt: skip
