"""ARCHITECTURE.md tells of what is there: its modules and the tests that prove its invariants."""

from __future__ import annotations

import re
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_TEXT = (_ROOT / "ARCHITECTURE.md").read_text()


def test_every_test_that_it_names_exists() -> None:
    files = [*(_ROOT / "tests").glob("test_*.py"), *(_ROOT / "e2e").glob("test_*.py")]
    there = {name for file in files for name in re.findall(r"def (test_\w+)", file.read_text())}
    named = set(re.findall(r"`(test_\w+)`", _TEXT))
    assert named
    assert named <= there, sorted(named - there)


def test_every_invariant_names_a_test() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \| (.*) \|$", _TEXT, re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == list(range(1, 14))
    without = [number for number, _, tests in rows if "`test_" not in tests]
    assert without == []


def test_every_module_has_its_line() -> None:
    modules = {
        path.stem
        for path in (_ROOT / "engine").iterdir()
        if not path.name.startswith(("_", ".", "py.typed"))
    }
    table = _TEXT[_TEXT.index("## Map") : _TEXT.index("## Data flow")]
    named = {name.rstrip("/") for name in re.findall(r"`([a-z]+/?)`", table)}
    assert modules <= named, sorted(modules - named)
