"""The stage of the demo: headlines, commands with their real output, and claims that are checked.

Belongs here: how it looks. What is told is story.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BOLD, DIM, GREEN, RED, CYAN = "1", "2", "32", "31", "36"
_WIDTH = 96


class ClaimError(Exception):
    """Something that the story says does not hold."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, both streams as they came, without colours."""

    code: int
    text: str


@dataclass(slots=True)
class Stage:
    """Where the story is told: ``folder`` is the working directory, ``environ`` of the commands."""

    folder: Path
    program: Path
    environ: Mapping[str, str]
    claims: int = 0
    _chapter: int = 0
    _started: float = field(default_factory=time.monotonic)
    _is_colored: bool = field(
        default_factory=lambda: sys.stdout.isatty() and "NO_COLOR" not in os.environ
    )

    def paint(self, code: str, text: str) -> str:
        """Colour a text where a person looks, and nowhere else."""
        return f"\033[{code}m{text}\033[0m" if self._is_colored else text

    def say(self, text: str = "") -> None:
        """Print a line of the narration."""
        print(text, flush=True)

    def chapter(self, title: str, *story: str) -> None:
        """Begin a chapter: its number, its title, and what is about to happen."""
        self._chapter += 1
        line = f"━━ {self._chapter} · {title} "
        self.say(f"\n{self.paint(f'{BOLD};{CYAN}', line + '━' * (_WIDTH - len(line)))}")
        for sentence in story:
            self.say(f"   {sentence}")
        self.say()

    def event(self, text: str) -> None:
        """Tell what somebody did meanwhile."""
        self.say(f"   {self.paint(DIM, '•')} {text}")

    def show(self, title: str, text: str) -> None:
        """Print a file."""
        self.say(f"   {self.paint(BOLD, title)}")
        self._quote(text)
        self.say()

    def plumb(self, *arguments: str, expect: int) -> Said:
        """Run plumb as a user would, show what it says, and check its exit code."""
        self.say(f"   {self.paint(BOLD, '$ plumb ' + ' '.join(arguments))}")
        environ = {**self.environ, "PLUMB_COLOR": "always" if self._is_colored else "never"}
        # One pipe for both streams: on a terminal they come in this order too.
        done = subprocess.run(
            [self.program, *arguments], cwd=self.folder, env=environ, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        self._quote(done.stdout)
        if expect or done.returncode:
            is_so, instead = done.returncode == expect, f"exit code {done.returncode}"
            self.check(f"it ended with exit code {expect}", is_so=is_so, instead=instead)
        return Said(done.returncode, done.stdout)

    def check(self, claim: str, *, is_so: bool, instead: str = "") -> None:
        """Print a claim that holds; one that does not ends the story."""
        if not is_so:
            self.say(f"   {self.paint(f'{BOLD};{RED}', '✗')} {claim}")
            raise ClaimError(f"{claim}{f'; instead: {instead}' if instead else ''}")
        self.claims += 1
        self.say(f"   {self.paint(f'{BOLD};{GREEN}', '✓')} {claim}")

    @property
    def elapsed_s(self) -> float:
        """Return how long the story takes so far."""
        return time.monotonic() - self._started

    def _quote(self, text: str) -> None:
        bar = self.paint(DIM, "│")
        for line in text.rstrip().splitlines():
            self.say(f"   {bar} {line}".rstrip())
