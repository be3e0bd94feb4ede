"""What people and programs read, as whole files in tests/golden/report/<case>/.

``PLUMB_GOLDEN=write pytest tests/test_report_golden.py`` writes them anew; review them as prose.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator, ValidationError

from engine.report import data, text
from tests import report_cases
from tests.report_cases import PLANS, RESULTS
from tests.report_reports import REPORTS

if TYPE_CHECKING:
    from engine.model import JSON

_GOLDEN = Path(__file__).parent / "golden" / "report"
_SCHEMA = Path(__file__).parent.parent / "docs" / "report.schema.json"
PUBLISHED: JSON = json.loads(_SCHEMA.read_text())
_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def check(name: str, found: str) -> None:
    path = _GOLDEN / name
    if os.environ.get("PLUMB_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found)
    assert found == path.read_text()


def _json(document: JSON) -> str:
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


@pytest.mark.parametrize("case", PLANS)
def test_a_plan_reads_as_its_file(case: str) -> None:
    check(f"{case}/plan.txt", text.render_plan(PLANS[case](), now=_NOW))


@pytest.mark.parametrize("case", PLANS)
def test_a_plan_as_json_reads_as_its_file(case: str) -> None:
    check(f"{case}/plan.json", _json(data.plan(PLANS[case]())))


@pytest.mark.parametrize("case", RESULTS)
def test_a_result_reads_as_its_file(case: str) -> None:
    check(
        f"{case}/result.txt", text.render_result(RESULTS[case](), command="plumb sync -f app.yaml")
    )


@pytest.mark.parametrize("case", RESULTS)
def test_a_result_as_json_reads_as_its_file(case: str) -> None:
    check(f"{case}/result.json", _json(data.result(RESULTS[case]())))


@pytest.mark.parametrize("case", RESULTS)
def test_a_status_reads_as_its_file(case: str) -> None:
    check(f"{case}/status.txt", text.render_status(RESULTS[case](), now=_NOW))


def test_records_read_as_their_file() -> None:
    check("records/records.txt", text.render_records(report_cases.inventories(), now=_NOW))
    check("records/records.json", _json(data.records(report_cases.inventories())))


def test_errors_read_as_their_file() -> None:
    check("errors/errors.txt", "\n".join(map(text.render_error, report_cases.errors())))


# --- properties of the same cases ------------------------------------------------------------


@pytest.mark.parametrize("case", PLANS)
def test_colour_adds_nothing_but_colour(case: str) -> None:
    plain, painted = (text.render_plan(PLANS[case](), color=color) for color in (False, True))
    assert "\x1b" not in plain
    for code in ("0", "1", "2", "31", "32", "33", "35"):
        painted = painted.replace(f"\x1b[{code}m", "")
    assert painted == plain


@pytest.mark.parametrize("case", PLANS)
def test_every_line_is_printable(case: str) -> None:
    found = text.render_plan(PLANS[case]()) + text.render_plan(PLANS[case](), full=True)
    assert all(line.isprintable() for line in found.split("\n"))


def test_full_shows_what_was_left_out() -> None:
    short, full = text.render_plan(PLANS["long"]()), text.render_plan(PLANS["long"](), full=True)
    assert "more lines; " in short
    assert "more lines; " not in full
    assert "line 999" in full


def test_without_bodies_a_new_object_is_one_line() -> None:
    found = text.render_plan(PLANS["everything"](), bodies=False)
    assert "+ create    ConfigMap/shop/env" in found
    assert "LOG" not in found


def _closed(schema: JSON) -> JSON:
    """Refuse every property that the published schema does not name: it must name them all."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if "properties" in closed and "additionalProperties" not in closed:
        closed["additionalProperties"] = False
    return closed


@pytest.mark.parametrize("document", [
    *(pytest.param(data.plan(make()), id=name) for name, make in PLANS.items()),
    *(pytest.param(data.result(make()), id=name) for name, make in RESULTS.items()),
    *(pytest.param(data.report(make()), id=name) for name, make in REPORTS.items()),
    pytest.param(data.records(report_cases.inventories()), id="records"),
    pytest.param(
        data.together([data.result(RESULTS["synced"]()), data.plan(PLANS["in-sync"]())]),
        id="together",
    ),
])  # fmt: skip
def test_every_document_follows_the_published_schema(document: JSON) -> None:
    Draft202012Validator(PUBLISHED).validate(document)
    Draft202012Validator(_closed(PUBLISHED)).validate(document)


def test_the_published_schema_is_one_and_refuses_what_is_no_report() -> None:
    Draft202012Validator.check_schema(PUBLISHED)
    other: JSON = {"apiVersion": "plumb.dev/report/v1", "kind": "Other"}
    wrongs: list[JSON] = [{}, other, []]
    for wrong in wrongs:
        with pytest.raises(ValidationError):
            Draft202012Validator(PUBLISHED).validate(wrong)
