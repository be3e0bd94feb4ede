#!/usr/bin/env python3
"""Many promotions at once into one repository, and byte-exact edits: the second part of bench ci.

    python scripts/bench_promote.py             50 applications, 50 processes at once
    python scripts/bench_promote.py --count 10  fewer

Each promotion is a process of its own, as on 50 build machines, against one Git server on loopback
(the git program's where it is installed). Exit code 1 when one is lost, or comes twice.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    import environment

    environment.enter("dev")

from e2e.promotions import commits, content, deployment
from e2e.servers.githttp import GitHttpServer
from e2e.servers.githttpbackend import GitBackendServer, is_there
from e2e.servers.gitrepo import TestRepository
from engine.promote.edit import edit
from tests.promote_cases import CASES, VARIANTS, wishes

if TYPE_CHECKING:
    from collections.abc import Iterator

PLUMB = str(Path(sys.executable).with_name("plumb"))
NAME = "config.git"


@dataclass(frozen=True)
class Promoted:
    """How one process ended, and how long it took from start to end."""

    code: int
    seconds: float
    losses: int


@dataclass(frozen=True)
class Outcome:
    """All of them together."""

    runs: list[Promoted]
    lost: int
    doubled: int
    seconds: float
    server: str

    @property
    def is_met(self) -> bool:
        return not self.lost and not self.doubled and all(run.code == 0 for run in self.runs)

    def rows(self) -> list[tuple[str, str, str, bool]]:
        """Return work, figure, target and whether it is met, as `scripts/bench ci` prints them."""
        times = sorted(run.seconds for run in self.runs)
        p95 = times[math.ceil(0.95 * len(times)) - 1]
        landed = sum(run.code == 0 for run in self.runs)
        losses = [run.losses for run in self.runs]
        raced = f"median {statistics.median(losses):.0f}, most {max(losses)} ({self.server})"
        work = f"{len(self.runs)} promotions at once, one repository"
        return [
            (work, f"{landed} landed, {self.lost} lost, {self.doubled} doubled",
             "all, 0 lost, 0 doubled", self.is_met),
            (f"{work}: from start to end of a process",
             f"median {statistics.median(times):.1f} s, p95 {p95:.1f} s, all {self.seconds:.1f} s",
             "said", True),
            (f"{work}: races lost by one", raced, "said", True),
        ]  # fmt: skip


def edits() -> tuple[str, str, str, bool]:
    """Count the odd files of the corpus whose edit changes the marked bytes and no others."""
    exact = total = 0
    for case in CASES:
        for write in VARIANTS.values():
            total += 1
            made = edit(write(case.before), wishes(case.wishes), path=case.path)
            exact += made.data == write(case.after)
    return ("byte-exact edits", f"{exact} of {total} ({len(CASES)} odd files)", "all",
            exact == total)  # fmt: skip


def promotions(count: int) -> Outcome:
    """Promote ``count`` applications at once and look at what became of the repository."""
    names = [f"app{number:02}" for number in range(count)]
    with tempfile.TemporaryDirectory(prefix="plumb-bench-") as scratch:
        folder = Path(scratch)
        with TestRepository(folder / "git" / NAME) as config, _served(folder / "git") as server:
            url, title = server
            config.commit({f"apps/{name}/web.yaml": _manifest(name) for name in names})
            started = time.monotonic()
            runs: dict[str, Promoted] = {}
            threads = [
                threading.Thread(target=_promote, args=(name, url, folder, runs)) for name in names
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            seconds = time.monotonic() - started
            counts = Counter(commit.subject for commit in commits(config)[:-1])
            lost = sum(
                content(config, f"apps/{name}/web.yaml") != _manifest(name, "2.0.0")
                for name in names
            )
            expected = Counter(f"Promote {name} to 2.0.0 in apps/{name}" for name in names)
            doubled = (counts - expected).total()
            return Outcome(list(runs.values()), lost, doubled, seconds, title)


def _promote(name: str, url: str, folder: Path, runs: dict[str, Promoted]) -> None:
    started = time.monotonic()
    command = [PLUMB, "promote", "--url", url, "--path", f"apps/{name}", "--image",
               f"r.example/{name}:2.0.0", "--timeout", "10m", "-q", "-o", "json"]  # fmt: skip
    environ = {**os.environ, "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    losses = json.loads(done.stdout)["losses"] if done.returncode == 0 else 0
    if done.returncode:
        print(f"{name}: {done.stderr.strip()}", file=sys.stderr)
    runs[name] = Promoted(done.returncode, time.monotonic() - started, losses)


def _manifest(name: str, tag: str = "1.0.0") -> str:
    return deployment(name, f"r.example/{name}").replace(":1.0.0", f":{tag}")


@contextmanager
def _served(root: Path) -> Iterator[tuple[str, str]]:
    if is_there():
        with GitBackendServer(root) as git:
            git.allow(NAME)
            yield git.url(NAME), "git http-backend"
    else:
        with GitHttpServer(root) as server:
            yield server.url(NAME), "the test server"


def main() -> int:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--count", type=int, default=50, help="promotions at once; 50")
    rows = [*promotions(parser.parse_args().count).rows(), edits()]
    print("| work | figure | at least | |\n|---|---|---|---|")
    for work, figure, target, is_met in rows:
        print(f"| {work} | {figure} | {target} | {'ok' if is_met else '**missed**'} |")
    return 0 if all(is_met for *_, is_met in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
