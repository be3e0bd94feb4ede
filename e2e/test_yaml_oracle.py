"""The recorded meaning of YAML is still what Kubernetes's own reader says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.oracles.yaml.oracle import Answer, ask, build
from e2e.oracles.yaml.texts import GROUPS

if TYPE_CHECKING:
    from engine.model import JSON

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "yaml"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    go = shutil.which("go")
    if go is None:
        pytest.skip("the go command is not on PATH, and the oracle of YAML is a Go program")
    return build(go, tmp_path_factory.mktemp("oracle") / "oracle")


def meaning(answer: Answer) -> tuple[JSON, bool, bool]:
    """Return what a case is about; the wording of errors may change with a release."""
    documents = None if "error" in answer else answer["documents"]
    return documents, "error" in answer, "strict" in answer


@pytest.mark.timeout(300)
@pytest.mark.parametrize("group", sorted(GROUPS))
def test_kubectl_reads_every_text_as_recorded(program: Path, group: str) -> None:
    recorded = json.loads((GOLDEN / f"{group}.json").read_text())
    texts = list(dict.fromkeys(GROUPS[group]))
    assert [case["text"] for case in recorded] == texts, "run python -m e2e.oracles.yaml"
    changed = [
        text
        for text, case, answer in zip(texts, recorded, ask(program, texts), strict=True)
        if meaning(case) != meaning(answer)
    ]
    assert changed == []
