"""Linters for the pipelines of docs/pipelines, from the package registries; for tests only.

actionlint is built once per machine from its Go module. The Groovy linter needs Node and Java, and
is used where both are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from e2e.servers import binaries

if TYPE_CHECKING:
    from pathlib import Path

_ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
_GROOVY = "npm-groovy-lint@15"


def actionlint() -> Path | None:
    """Return the program, None where there is no Go to build it with."""
    found = shutil.which("actionlint")
    folder = binaries.cache() / "linters"
    if found:
        from pathlib import Path

        return Path(found)
    if (folder / "actionlint").is_file():
        return folder / "actionlint"
    try:
        go = binaries.go_program(say=lambda _: None)
    except binaries.BuildError:
        return None
    own = {"GOBIN": str(folder), "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    done = subprocess.run([go, "install", _ACTIONLINT], env=os.environ | own, check=False)
    return folder / "actionlint" if done.returncode == 0 else None


def groovy() -> Path | None:
    """Return npm-groovy-lint, None where Node or Java is missing."""
    if not (shutil.which("npm") and shutil.which("java")):
        return None
    folder = binaries.cache() / "linters" / "groovy"
    program = folder / "node_modules" / ".bin" / "npm-groovy-lint"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), _GROOVY]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
    return program if program.exists() else None
