"""Every code that is raised is explained, and every explanation is of a code that is raised."""

from __future__ import annotations

import re
from pathlib import Path

from engine.codes import CODES

_ENGINE = Path(__file__).parent.parent / "engine"
_RAISED = {
    code
    for path in _ENGINE.rglob("*.py")
    if path.parent.name != "codes"
    for code in re.findall(r'"(PLB\d{3})"', path.read_text())
}


def test_every_code_that_is_raised_is_explained() -> None:
    assert _RAISED - CODES.keys() == set()


def test_every_explained_code_is_raised() -> None:
    assert CODES.keys() - _RAISED == set()


def test_explanations_are_whole_sentences() -> None:
    for code, explanation in CODES.items():
        assert re.fullmatch(r"PLB[1-8]\d\d", code)
        assert explanation.title
        assert not explanation.title.endswith(".")
        assert explanation.meaning.endswith(".")
        assert explanation.remedy.endswith(".")
