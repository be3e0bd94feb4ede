"""Asking the Go program beside this file what kubectl makes of texts."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.model import JSON

HERE = Path(__file__).parent


class Answer(TypedDict, total=False):
    """What kubectl's reader says: documents, or an error; ``strict``: only strict refuses."""

    documents: list[JSON]
    error: str
    strict: str


def build(go: str, program: Path) -> Path:
    """Compile the oracle with the go command at ``go``."""
    command = [go, "build", "-trimpath", "-o", str(program), "."]
    subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True)
    return program


def ask(program: Path, texts: Sequence[str]) -> list[Answer]:
    """Return one answer for each text."""
    question = json.dumps([base64.b64encode(text.encode()).decode() for text in texts])
    reply = subprocess.run(
        [str(program)], input=question, check=True, capture_output=True, text=True
    )
    answers: list[Answer] = json.loads(reply.stdout)
    return answers
