"""Findings of `plumb validate`: as text, JSON and SARIF, and as a view for every other form."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from engine.codes import CODES
from engine.report.data import API_VERSION
from engine.report.mask import clean
from engine.report.page import Page
from engine.report.view import Trouble, View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.model import JSON, Finding

_MOST_RESULTS = 5_000  # what code scanning shows of one run
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def summary(findings: Sequence[Finding], *, files: int, objects: int) -> str:
    """Sum up: "2 errors, 1 warning in 40 objects of 12 files"."""
    errors = sum(found.severity == "error" for found in findings)
    told = [
        f"{count} {word}{'s' * (count != 1)}"
        for count, word in ((errors, "error"), (len(findings) - errors, "warning"))
        if count
    ]
    where = f"{objects} object{'s' * (objects != 1)} of {files} file{'s' * (files != 1)}"
    return f"{', '.join(told) or 'nothing wrong'} in {where}"


def render_findings(findings: Sequence[Finding], said: str, *, color: bool = False) -> str:
    """Return one line per finding, as compilers do, with what to do below it."""
    page = Page(color=color)
    for found in findings:
        paint = "red" if found.severity == "error" else "yellow"
        head = f"{found.where}: {found.severity} {found.code}: {found.message}"
        page.add(clean(head), color=paint)
        if found.hint:
            page.add(f"  next: {clean(found.hint)}")
    page.add(said, color="bold")
    return str(page)


def document(
    findings: Sequence[Finding], *, files: int, objects: int, kubernetes: str
) -> JSON:  # fmt: skip
    """Return the findings as a document of kind Findings."""
    errors = sum(found.severity == "error" for found in findings)
    return {
        "apiVersion": API_VERSION,
        "kind": "Findings",
        "kubernetesVersion": kubernetes,
        "summary": {
            "errors": errors, "warnings": len(findings) - errors, "files": files,
            "objects": objects,
        },
        "findings": [
            {
                "code": found.code,
                "severity": found.severity,
                "path": found.path,
                "line": found.line,
                "column": found.column,
                "object": {
                    "group": found.ref.group, "kind": found.ref.kind,
                    "namespace": found.ref.namespace, "name": found.ref.name,
                } if found.ref else None,
                "message": found.message,
                "hint": found.hint,
            }
            for found in findings
        ],
    }  # fmt: skip


def as_view(findings: Sequence[Finding], said: str) -> View:
    """Return the findings for the forms that reports have."""
    troubles = tuple(
        Trouble(
            found.code, clean(found.where), clean(found.message), hint=clean(found.hint),
            severity=found.severity,
        )
        for found in findings
    )  # fmt: skip
    return View(title="", troubles=troubles, headline=said)


def render_sarif(findings: Sequence[Finding], *, version: str) -> str:
    """Return SARIF 2.1.0 for code scanning; the gravest five thousand of them."""
    shown = sorted(findings, key=lambda found: found.severity != "error")[:_MOST_RESULTS]
    codes = sorted({found.code for found in shown})
    rules = [_rule(code) for code in codes]
    run = {
        "tool": {"driver": {"name": "plumb", "version": version, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif(found, codes.index(found.code)) for found in shown],
    }
    whole = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _rule(code: str) -> JSON:
    found = CODES[code]
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in found.title.split()),
        "shortDescription": {"text": found.title},
        "fullDescription": {"text": found.meaning},
        "help": {"text": found.remedy},
    }


def _sarif(found: Finding, rule: int) -> JSON:
    hint = f". Next: {found.hint}." if found.hint else ""
    # The line is not part of it: what stands above may grow without making this a new finding.
    identity = json.dumps([found.code, found.path, found.message], ensure_ascii=False)
    return {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": found.severity,
        "message": {"text": clean(found.message) + clean(hint)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(found.path, safe="/")},
                    "region": {"startLine": found.line, "startColumn": found.column},
                }
            }
        ],
        "partialFingerprints": {
            "plumb/v1": hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()
        },
    }
