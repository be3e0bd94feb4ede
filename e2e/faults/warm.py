"""A process that has imported all of Plumb and forks for each command; see driver.py.

Reads a line of JSON for each command from standard input. Single-threaded, so forking is safe.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import itertools
import json
import os
import pkgutil
import resource
import select
import sys
import time
from typing import Any

import engine


def main() -> None:
    """Fork for each line, and tell how the child ended."""
    import dulwich.client
    import dulwich.repo

    assert dulwich.client
    assert dulwich.repo
    for module in pkgutil.walk_packages(engine.__path__, "engine."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        job = json.loads(line)
        go, ready = os.pipe()
        # Pipes and not files: a story may take the right to write files away.
        (output, to_output), (errors, to_errors) = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ready)
            os.read(go, 1)  # until the parent knows whom to kill
            _child(job, to_output, to_errors)
        for end in (go, to_output, to_errors):
            os.close(end)
        _say({"pid": pid})
        sys.stdin.readline()
        os.close(ready)
        texts = _drained(output, errors)
        _, status, usage = os.wait4(pid, 0)
        _say({
            "code": os.waitstatus_to_exitcode(status), "peak_kib": usage.ru_maxrss,
            "output": texts[output], "errors": texts[errors],
        })  # fmt: skip


def _drained(*ends: int) -> dict[int, str]:
    """Read these pipes until nobody can write to them any more."""
    parts: dict[int, list[bytes]] = {end: [] for end in ends}
    left = set(ends)
    while left:
        for end in select.select(list(left), [], [])[0]:
            data = os.read(end, 1 << 16)
            parts[end].append(data)
            if not data:
                os.close(end)
                left.discard(end)
    return {end: b"".join(read).decode("utf-8", "replace") for end, read in parts.items()}


def _child(job: Any, output: int, errors: int) -> None:
    """Become `plumb` with these arguments; never returns."""
    code: Any = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(errors, 2)
        if job.get("folder"):
            os.chdir(job["folder"])
            os.environ.clear()
        os.environ.update(job["environment"])
        if limit := os.environ.get("FAULTS_FILE_BYTES"):  # what a full disk does, file by file
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
        if jumps := os.environ.get("FAULTS_CLOCK_S"):
            _let_jump([float(jump) for jump in jumps.split(",")])
        if silence := os.environ.get("FAULTS_SILENCE_S"):  # a minute and a half is long for a test
            import engine.kube.watch

            engine.kube.watch.SILENCE_S = float(silence)  # type: ignore[misc]
        sys.argv = ["plumb", *job["arguments"]]
        entry = importlib.import_module(job.get("entry") or "engine.cli")
        try:
            entry.main()
        except SystemExit as done:
            code = done.code
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(int(code or 0))


def _let_jump(jumps: list[float]) -> None:
    """Let the clock of the wall be off by another one of these each time that it is asked."""
    real, offsets = time.time, itertools.cycle(jumps)
    time.time = lambda: real() + next(offsets)


def _say(message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
