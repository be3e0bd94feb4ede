"""Ways to run Plumb once: what the campaign needs of any of them, and the one-shot.

The one-shot runs the real command in a real process that can be killed. It is forked from a
process that has imported everything already (warm.py), which is thirty times cheaper than a cold
start. The daemon is another Driver: a run is then a life of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from e2e.faults.lane import Lane

_ROOT = Path(__file__).resolve().parents[2]
KILLED = -9


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: its exit code (-9: killed), and what it cost."""

    code: int
    seconds: float
    peak_mib: float
    output: str = field(default="", repr=False)
    errors: str = field(default="", repr=False)

    @property
    def was_killed(self) -> bool:
        return self.code == KILLED

    def report(self) -> Any:
        """Return what ``-o json`` printed."""
        return json.loads(self.output)


class Driver(Protocol):
    """Runs Plumb on one application, once."""

    def run(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        started: Callable[[int], None],
    ) -> Ended:
        """Run until it ends or is killed; ``started`` gets the process id before anything else."""
        ...


class OneShot:
    """``plumb sync`` and the like. One run at a time; threads have one each."""

    def __init__(self) -> None:
        self._warm: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        warm, self._warm = self._warm, None
        if warm is None:
            return
        with warm, contextlib.suppress(OSError):
            warm.kill()

    def run(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        started: Callable[[int], None],
    ) -> Ended:
        """Run the command; see Driver."""
        return self._carry_out(
            {"arguments": list(arguments), "environment": dict(environment)}, started
        )

    def command(
        self, arguments: Sequence[str], environment: Mapping[str, str], *, entry: str = "",
        started: Callable[[int], None] = lambda _: None,
    ) -> Ended:  # fmt: skip
        """Run the command from where this process is, in this environment and no other.

        ``entry`` is the module whose ``main`` is called in place of the command line's.
        """
        job = {
            "arguments": list(arguments), "environment": dict(environment), "entry": entry,
            "folder": str(Path.cwd()),
        }  # fmt: skip
        return self._carry_out(job, started)

    def _carry_out(self, job: Any, started: Callable[[int], None]) -> Ended:
        self._say(job)
        pid = self._hear()["pid"]
        started(pid)
        began = time.monotonic()
        try:
            self._say({})
            done = self._hear()
        except BaseException:
            # Interrupted: neither the command nor what it would say belongs to the next run.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self.__exit__()
            raise
        return Ended(
            done["code"], time.monotonic() - began, done["peak_kib"] / 1024,
            done["output"], done["errors"],
        )  # fmt: skip

    def _process(self) -> subprocess.Popen[str]:
        if self._warm is None:
            command = [sys.executable, "-m", "e2e.faults.warm"]
            self._warm = subprocess.Popen(
                command, cwd=_ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        return self._warm

    def _say(self, message: Any) -> None:
        pipe = self._process().stdin
        assert pipe is not None
        pipe.write(json.dumps(message) + "\n")
        pipe.flush()

    def _hear(self) -> Any:
        pipe = self._process().stdout
        assert pipe is not None
        line = pipe.readline()
        if not line:
            raise RuntimeError(f"the warm process is gone, with {self._process().wait(5)}")
        return json.loads(line)


class OneShots:
    """As many as are needed at a time, for whoever runs commands from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: list[OneShot] = []
        self._idle: list[OneShot] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._all:
            one.__exit__()

    def command(
        self, arguments: Sequence[str], environment: Mapping[str, str], *, entry: str = "",
        started: Callable[[int], None] = lambda _: None,
    ) -> Ended:  # fmt: skip
        """Run the command; see OneShot."""
        with self._lock:
            if not self._idle:
                self._all.append(OneShot())
                self._idle.append(self._all[-1])
            one = self._idle.pop()
        try:
            return one.command(arguments, environment, entry=entry, started=started)
        finally:
            with self._lock:
                self._idle.append(one)


def calm(lane: Lane, *, for_s: float = 0.7) -> Callable[[], bool]:
    """Say of a lane's run whether the API server was asked nothing for a moment, but watched."""

    def is_calm() -> bool:
        asked = [e.at for e in lane.of_run(lane.run) if e.side == "api" and not e.request.is_watch]
        return bool(asked) and time.monotonic() - asked[-1] > for_s

    return is_calm


class Daemon:
    """``plumb run``: a run is a life of the daemon, from its start until it is calm, or killed.

    ``is_calm`` says when it has nothing more to do; then, or after ``within_s``, it gets SIGTERM.
    """

    def __init__(
        self, one_shot: OneShot, is_calm: Callable[[], bool], *, within_s: float = 15.0
    ) -> None:
        self._one_shot = one_shot
        self.is_calm = is_calm
        self.within_s = within_s

    def run(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        started: Callable[[int], None],
    ) -> Ended:
        """Run with the files and limits of ``plumb sync``; see Driver."""
        wanted = ("-f=", "--git-timeout=", "--request-timeout=")
        own = [argument for argument in arguments if argument.startswith(wanted)]
        ended = threading.Event()

        def born(pid: int) -> None:
            started(pid)
            threading.Thread(target=self._end, args=(pid, ended), daemon=True).start()

        try:
            command = ["run", "--no-resources", "--workers=2", "--listen=", *own]
            return self._one_shot.run(command, environment, born)
        finally:
            ended.set()

    def _end(self, pid: int, ended: threading.Event) -> None:
        latest = time.monotonic() + self.within_s
        while not ended.wait(0.05):
            if self.is_calm() or time.monotonic() > latest:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
                return
