"""What became of a promotion or rollback, and a history, in words and as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.promote import order
from engine.promote.rollback import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.forge import PullRequest
    from engine.inventory import Run
    from engine.model import JSON
    from engine.promote.edit import Edit
    from engine.promote.landing import Landed
    from engine.promote.past import Event


def landed_text(landed: Landed, request: PullRequest | None, *, dry_run: bool) -> str:
    """Return what happened, the commit first, for a log that somebody reads later."""
    if not landed.made:
        head = f"unchanged: {landed.branch} has it at {landed.commit[:10]}"
    elif dry_run:
        head = f"would push to {landed.branch}: {landed.subject}"
    else:
        head = f"{landed.commit} {landed.branch}: {landed.subject}"
    lines = [head, *(f"  {_edit(edit)}" for edit in landed.edits)]
    if landed.losses:
        lines.append(f"  after {landed.losses} others were faster")
    if request is not None:
        lines.append(f"pull request {'opened' if request.is_new else 'open'}: {request.url}")
    return "\n".join(lines) + "\n"


def landed_json(landed: Landed, request: PullRequest | None, *, url: str, dry_run: bool) -> JSON:
    """Return the same for programs; changes by addition only."""
    return {
        "apiVersion": "plumb.dev/promotion/v1",
        "kind": "Promotion",
        "url": url,
        "branch": landed.branch,
        "commit": landed.commit,
        "changed": landed.made,
        "dryRun": dry_run,
        "subject": landed.subject,
        "losses": landed.losses,
        "edits": [
            {"path": e.path, "line": e.line, "pointer": e.pointer,
             "before": e.before, "after": e.after}
            for e in landed.edits
        ],
        "pullRequest": None if request is None else
        {"url": request.url, "number": request.number, "opened": request.is_new},
    }  # fmt: skip


def history_text(events: Sequence[Event]) -> str:
    """Return the history of a path: one paragraph a commit, newest first."""
    parts = []
    for event in events:
        commit = event.commit
        lines = [
            f"{commit.short}  {_time(commit.committed_at)}  {commit.author}",
            f"  {commit.subject}",
        ]
        lines += [f"    {sentence(edit)}" for edit in event.edits]
        for key, name in (
            (order.SOURCE, "source"), (order.BUILD, "build"), (order.ACTOR, "by"),
        ):  # fmt: skip
            lines += [f"    {name} {value}" for value in commit.values(key)]
        if event.run is not None:
            lines.append(f"  in the cluster: {_run(event.run)}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n" if parts else ""


def history_json(events: Sequence[Event], *, url: str, branch: str, path: str) -> JSON:
    """Return the same for programs; changes by addition only."""
    return {
        "apiVersion": "plumb.dev/history/v1",
        "kind": "History",
        "url": url,
        "branch": branch,
        "path": path,
        "events": [
            {
                "commit": event.commit.id,
                "time": _time(event.commit.committed_at),
                "author": event.commit.author,
                "subject": event.commit.subject,
                "trailers": [{"key": k, "value": v} for k, v in event.commit.trailers],
                "edits": [
                    {"path": e.path, "pointer": e.pointer, "before": e.before, "after": e.after}
                    for e in event.edits
                ],
                "rollout": None if event.run is None else
                {"revision": event.run.revision, "time": _time(event.run.at),
                 "result": event.run.result, "counts": dict(event.run.counts)},
            }
            for event in events
        ],
    }  # fmt: skip


def _edit(edit: Edit) -> str:
    if not edit.line:
        return sentence(edit)
    return f"{edit}: {edit.before or '(nothing)'} -> {edit.after}"


def _run(run: Run) -> str:
    counts = ", ".join(f"{number} {what}" for what, number in sorted(run.counts.items()))
    return f"{run.result} {_time(run.at)} at {run.revision[:10]}" + (
        f" ({counts})" if counts else ""
    )


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
