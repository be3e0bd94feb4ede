"""Measure reports in CI: Git against Git beside kustomize, Git against live beside kubectl.

Belongs here: `scripts/bench ci`. Ratios, since seconds differ between machines. kustomize is the
one on PATH, else made from its Go module where Go is there, else the one inside of kubectl.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import environment

environment.enter()

from measure import Bench, objects, timed  # noqa: E402 - needs the environment

from e2e.servers import binaries  # noqa: E402
from e2e.servers.controlplane import ControlPlane  # noqa: E402
from e2e.servers.githttp import GitHttpServer  # noqa: E402
from e2e.servers.gitrepo import TestRepository  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLUMB = str(Path(sys.executable).with_name("plumb"))
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1"
APPLICATIONS = 50
APPLICATION = """apiVersion: plumb.dev/v1alpha1
kind: Application
metadata: {{name: app-{number:02}, namespace: plumb-system}}
spec: {{source: {{url: "{url}", path: apps/{number:02}}}, targetNamespace: app-{number:02}}}
---
"""
# How many times as long as kustomize and kubectl, whole process seconds, and memory.
GIT_RATIO, LIVE_RATIO = 0.2, 0.2
SECONDS = {1_000: 0.7, 10_000: 2.5}
PEAK_MIB = 200


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    work: str
    plumb: str
    beside: str
    target: str
    is_met: bool

    def __str__(self) -> str:
        verdict = "ok" if self.is_met else "**missed**"
        return f"| {self.work} | {self.plumb} | {self.beside} | {self.target} | {verdict} |"


def main(arguments: Sequence[str]) -> int:
    """Measure everything in one run and print the table; 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench ci", description=(__doc__ or ""))
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="medians of N; 5")
    parser.add_argument("--no-live", action="store_true", help="leave out what needs a cluster")
    parser.add_argument("--no-promote", action="store_true", help="leave out the promotions")
    options = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plumb-bench-")))
        rows = git_rows(folder, rounds=options.rounds)
        if not options.no_live:
            rows += live_rows(folder, stack, rounds=max(options.rounds // 2, 1))
    if not options.no_promote:
        import bench_promote  # noqa: PLC0415 - it needs what only the tests need

        environment.tell("50 promotions at once, and edits of odd files")
        told = [*bench_promote.promotions(50).rows(), bench_promote.edits()]
        rows += [Row(work, figure, "", target, met) for work, figure, target, met in told]
    print(f"Medians of {options.rounds}, {os.cpu_count()} cores, Python {sys.version.split()[0]}.")
    print("\n| work | Plumb | beside | at most | |\n|---|---|---|---|---|")
    print("\n".join(map(str, rows)))
    return 0 if all(row.is_met for row in rows) else 1


# --- Git against Git -------------------------------------------------------------------------


def git_rows(folder: Path, *, rounds: int) -> list[Row]:
    """Compare two revisions of 50 applications of which one file changed."""
    rows = []
    environ = {**os.environ, "HOME": str(folder), "KUBECONFIG": os.devnull}
    for count, most in SECONDS.items():
        environment.tell(f"Git against Git, {count:,} manifests")
        files = manifests(count)
        base = make_repository(folder / f"{count}.git", files)
        ours = (PLUMB, "diff", f"--repo={base}", "--base=main~1", "--head=main", "-o", "json")
        commands: dict[str, tuple[str, ...]] = {"plumb": ours}
        if count == min(SECONDS):
            commands["kustomize"] = beside_kustomize(folder, files)
        runs = in_turns(commands, folder, environ, rounds=rounds)
        seconds = median(runs["plumb"], "seconds")
        cpu, peak = median(runs["plumb"], "cpu"), max(run["peak"] for run in runs["plumb"]) / 1024
        title = f"{count:,} manifests in {APPLICATIONS} applications, one changed"
        told = f"{seconds:.2f} s ({cpu:.2f} s of a core)"
        rows.append(Row(title, told, "", f"{most} s", seconds <= most))
        rows.append(
            Row("the same, peak memory", f"{peak:.0f} MiB", "", f"{PEAK_MIB} MiB", peak <= PEAK_MIB)
        )
        if "kustomize" in runs:
            other = median(runs["kustomize"], "seconds")
            beside = f"{other:.2f} s `kustomize build` of both and `diff`, {seconds / other:.2f} x"
            is_met = seconds / other <= GIT_RATIO
            rows.append(Row("the same", told, beside, f"{GIT_RATIO} x", is_met))
    return rows


def in_turns(
    commands: Mapping[str, Sequence[str]], folder: Path, environ: Mapping[str, str], *, rounds: int
) -> dict[str, list[dict[str, float]]]:
    """Run each command once to warm up and then ``rounds`` times, so that all share busy times."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            measured = timed(command, folder=folder, environ=environ)
            if number:
                runs[name].append(measured)
    return runs


def median(runs: Sequence[Mapping[str, float]], what: str) -> float:
    """Return the median of one figure."""
    return statistics.median(run[what] for run in runs)


def manifests(count: int) -> dict[str, str]:
    """Return the files of every application, named as in the repository."""
    made = list(objects(count).items())
    each = count // APPLICATIONS
    return {
        f"apps/{number // each:02}/{name}": text for number, (name, text) in enumerate(made)
    }  # fmt: skip


def changed(files: dict[str, str]) -> dict[str, str]:
    """Return the file that the change is about, as it is afterwards."""
    name = next(iter(files))
    return {name: files[name].replace("value 3 of", "another value of")}


def make_repository(place: Path, files: dict[str, str]) -> Path:
    """Commit the files, then one change, and pack the objects as a clone has them."""
    documents = "".join(
        APPLICATION.format(number=number, url=place.resolve()) for number in range(APPLICATIONS)
    )
    with TestRepository(place) as repository:
        repository.commit({**files, "clusters/applications.yaml": documents})
        repository.commit(changed(files))
        repository.repo.object_store.pack_loose_objects()
    return place


def beside_kustomize(folder: Path, files: dict[str, str]) -> tuple[str, ...]:
    """Return what builds both sides, one process each, and compares them."""
    build = kustomize(folder)
    for side in ("before", "after"):
        for path, text in {**files, **(changed(files) if side == "after" else {})}.items():
            place = folder / side / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        for application in sorted((folder / side / "apps").iterdir()):
            listed = "".join(f"- {place.name}\n" for place in sorted(application.iterdir()))
            (application / "kustomization.yaml").write_text(
                f"namespace: app-{application.name}\nresources:\n{listed}"
            )
        listed = "".join(f"- apps/{number:02}\n" for number in range(APPLICATIONS))
        (folder / side / "kustomization.yaml").write_text(f"resources:\n{listed}")
    script = folder / "beside.sh"
    script.write_text(
        f"{build} before > before.yaml && {build} after > after.yaml\n"
        "diff -u before.yaml after.yaml > change.diff; test $? = 1\n"
    )  # fmt: skip
    return ("/bin/sh", str(script))


def kustomize(folder: Path) -> str:
    """Return the command that builds a folder."""
    found, go = shutil.which("kustomize"), shutil.which("go")
    if found is None and go is not None:
        environment.tell(f"building {KUSTOMIZE}")
        place = {**os.environ, "GOBIN": str(folder / "bin"), "CGO_ENABLED": "0"}
        done = subprocess.run([go, "install", KUSTOMIZE], env=place, cwd=folder, check=False)
        found = str(folder / "bin" / "kustomize") if done.returncode == 0 else None
    if found is not None:
        return f"{found} build"
    return f"{binaries.ensure(say=environment.tell)['kubectl']} kustomize"


# --- Git against live ------------------------------------------------------------------------


def live_rows(folder: Path, stack: contextlib.ExitStack, *, rounds: int) -> list[Row]:
    """Compare 1,000 objects with a cluster that has them."""
    environment.tell("Git against live, 1,000 objects")
    plane = stack.enter_context(ControlPlane.start(binaries.ensure(say=environment.tell)))
    git = stack.enter_context(GitHttpServer(folder / "git"))
    repository = stack.enter_context(TestRepository(folder / "git" / "bench.git"))
    own = {"KUBECONFIG": str(plane.kubeconfig), "HOME": str(folder / "home")}
    bench = Bench(plane, folder, {**os.environ, **own})
    files = objects(1_000)
    (folder / "files").mkdir()
    for name, text in files.items():
        (folder / "files" / name).write_text(text)
    repository.commit({f"files/{name}": text for name, text in files.items()})
    plane.create("/api/v1/namespaces", {"metadata": {"name": "bench"}})
    app = ("--name=bench", f"--url={git.url('bench.git')}", "--ref=main", "--path=files",
           "--target-namespace=bench", f"--cache-dir={folder / 'cache'}")  # fmt: skip
    timed((PLUMB, "sync", *app), folder=folder, environ=bench.environ)
    ours, theirs = (PLUMB, "diff", "--exit-code", *app), (
        str(plane.kubectl), "--namespace=bench", "diff", "--server-side", "-f", "files",
    )  # fmt: skip
    runs = in_turns({"plumb": ours, "kubectl": theirs}, folder, bench.environ, rounds=rounds)
    seconds, beside = median(runs["plumb"], "seconds"), median(runs["kubectl"], "seconds")
    ratio = seconds / beside
    told = f"{beside:.2f} s `kubectl diff --server-side`, {ratio:.2f} x"
    work = "Git against live, 1,000 objects, no differences"
    return [Row(work, f"{seconds:.2f} s", told, f"{LIVE_RATIO} x", ratio <= LIVE_RATIO)]
