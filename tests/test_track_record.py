"""docs/track-record.md holds what it says: every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "track-record.md").read_text().splitlines()
    if line.startswith("|") and not line.startswith(("|---", "| report"))
]
KNOWN = {
    name
    for folder in ("tests", "e2e")
    for path in (ROOT / folder).rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
}


def test_the_record_has_rows_enough() -> None:
    assert len(ROWS) >= 40
    assert all(len(row) == 3 for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_every_accident_has_a_test_that_is_there(row: list[str]) -> None:
    report, happened, ours = row
    tests = re.findall(r"`(test_\w+)`", ours)

    assert re.search(r"#\d+", report)
    assert happened
    assert tests
    assert set(tests) - KNOWN == set()
