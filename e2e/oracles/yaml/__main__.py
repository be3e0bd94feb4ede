"""Record the oracle's answers: ``python -m e2e.oracles.yaml`` writes tests/golden/yaml."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from e2e.oracles.yaml.oracle import ask, build
from e2e.oracles.yaml.texts import GROUPS

GOLDEN = Path(__file__).parents[3] / "tests" / "golden" / "yaml"


def main() -> None:
    """Ask for all groups and write one file each, a case a line."""
    go = shutil.which("go")
    if go is None:
        sys.exit("the go command is not on PATH")
    with tempfile.TemporaryDirectory() as folder:
        program = build(go, Path(folder) / "oracle")
        for name, texts in GROUPS.items():
            unique = list(dict.fromkeys(texts))
            cases = [
                json.dumps({"text": text, **answer})
                for text, answer in zip(unique, ask(program, unique), strict=True)
            ]
            (GOLDEN / f"{name}.json").write_text("[\n" + ",\n".join(cases) + "\n]\n")


if __name__ == "__main__":
    main()
