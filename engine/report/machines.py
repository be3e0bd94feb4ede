"""A report for the machines of CI: JUnit, GitHub annotations, GitLab code quality."""

from __future__ import annotations

import hashlib
import json
from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.report.view import Item, Section, Trouble, View

_MOST_ANNOTATIONS = 10  # of one kind and one step, on GitHub


# --- JUnit -----------------------------------------------------------------------------------


def render_junit(shown: View) -> str:
    """Return one suite per application, one case per object.

    A held deletion is a failure, for somebody has to decide; what cannot be read or done is an
    error. A change is a case that passes, with its difference as output.
    """
    suites = [_suite(section, part.title) for part in shown.parts for section in part.sections]
    if shown.troubles:
        cases = [_case("plumb", t.where or t.code, trouble=t) for t in shown.troubles]
        suites.append(_Suite("plumb", cases))
    if not suites:
        suites.append(_Suite("plumb", [_case("plumb", shown.headline or "nothing to change")]))
    tests, failures, errors = (sum(suite.counts[n] for suite in suites) for n in range(3))
    body = "".join(str(suite) for suite in suites)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites name="plumb" tests="{tests}" failures="{failures}" errors="{errors}">\n'
        f"{body}</testsuites>\n"
    )


def _quoted(text: str) -> str:
    return f'"{escape(text)}"'


class _Case(NamedTuple):
    text: str
    kind: str = ""  # "failure" or "error"


class _Suite(NamedTuple):
    name: str
    cases: list[_Case]

    @property
    def counts(self) -> tuple[int, int, int]:
        kinds = [case.kind for case in self.cases]
        return len(kinds), kinds.count("failure"), kinds.count("error")

    def __str__(self) -> str:
        tests, failures, errors = self.counts
        return (
            f'  <testsuite name={_quoted(self.name)} tests="{tests}" failures="{failures}" '
            f'errors="{errors}">\n{"".join(case.text for case in self.cases)}  </testsuite>\n'
        )


def _suite(section: Section, title: str) -> _Suite:
    name = f"{title}: {section.application}" if title else section.application
    cases = [
        _case(name, trouble.where or trouble.code, trouble=trouble) for trouble in section.troubles
    ]
    cases += [_case(name, item.name, item=item) for item in section.items]
    return _Suite(name, cases or [_case(name, "nothing to change")])


def _case(
    suite: str, name: str, *, item: Item | None = None, trouble: Trouble | None = None
) -> _Case:  # fmt: skip
    trouble = item.trouble if item else trouble
    where = f" file={_quoted(item.path)}" if item and item.path else ""
    head = f"    <testcase classname={_quoted(suite)} name={_quoted(name)}{where}"
    inside, kind = "", ""
    if trouble is not None and trouble.severity == "error":
        kind = "error"
        hint = f"\nnext: {trouble.hint}" if trouble.hint else ""
        inside = _element("error", trouble.sentence, trouble.code, f"{trouble}{hint}")
    elif trouble is not None:
        inside = f"      <system-out>{escape(str(trouble), quote=False)}</system-out>\n"
    elif item is not None and item.word.text == "hold":
        kind = "failure"
        inside = _element("failure", item.about, "held", f"{item.name}: {item.about}")
    elif item is not None:
        inside = f"      <system-out>{escape(_told(item), quote=False)}</system-out>\n"
    return _Case(f"{head}>\n{inside}    </testcase>\n" if inside else f"{head}/>\n", kind)


def _element(name: str, message: str, kind: str, text: str) -> str:
    return (
        f"      <{name} message={_quoted(message)} type={_quoted(kind)}>"
        f"{escape(text, quote=False)}</{name}>\n"
    )


def _told(item: Item) -> str:
    head = "  ".join(filter(None, (item.word.text, item.place, item.about)))
    lines = (f"{line.sign} {line.text}" for line in item.fields)
    return "\n".join((head, *lines))


# --- GitHub ----------------------------------------------------------------------------------


def render_github(shown: View) -> str:
    """Return workflow commands that GitHub shows beside the lines of a pull request.

    It takes ten of a kind from one step, so the last one counts those that are left out.
    """
    found: dict[str, list[str]] = {"error": [], "warning": [], "notice": []}
    for trouble in shown.all_troubles:
        text = trouble.what + (f" ({trouble.why})" if trouble.why else "")
        text += f"\nnext: {trouble.hint}" if trouble.hint else ""
        # Where the place is none of the head, it is part of the sentence.
        text = text if trouble.place[0] else f"{trouble.where} {text}".strip()
        found[trouble.severity].append(
            _command(trouble.severity, trouble.code, text, *trouble.place)
        )
    for section in shown.sections:
        for item in section.items:
            if item.trouble is None:
                kind = "warning" if item.word.text in _GRAVE else "notice"
                title = f"{item.word.text} {item.name}"
                text = item.about or f"{section.application}: {_first(item)}"
                found[kind].append(_command(kind, title, text, item.path, item.line))
    return "".join(line for kind, lines in found.items() for line in _few(kind, lines))


_GRAVE = frozenset({"delete", "hold", "replace", "deleted", "replaced"})


def _first(item: Item) -> str:
    fields = [line.text for line in item.fields if line.sign in "+-~"]
    more = f" and {len(fields) - 1} more" if len(fields) > 1 else ""
    return f"{fields[0]}{more}" if fields and item.word.text != "create" else item.word.text


def _few(kind: str, lines: list[str]) -> Iterator[str]:
    if len(lines) <= _MOST_ANNOTATIONS:
        yield from lines
        return
    yield from lines[: _MOST_ANNOTATIONS - 1]
    yield _command(kind, "plumb", f"and {len(lines) - _MOST_ANNOTATIONS + 1} more", "", 0)


def _command(  # noqa: PLR0917 - a place has three parts
    kind: str, title: str, text: str, path: str, line: int, column: int = 0
) -> str:
    place = {"file": path, "line": str(line or "") if path else "", "col": str(column or "")}
    pairs = {**(place if path else {}), "title": title}
    shown = ",".join(f"{name}={_property(value)}" for name, value in pairs.items() if value)
    return f"::{kind} {shown}::{_data(text)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# --- GitLab ----------------------------------------------------------------------------------

_SEVERITIES = {"refuse": "major", "hold": "major", "delete": "minor", "replace": "major"}


def render_gitlab(shown: View) -> str:
    """Return a code quality report: errors, and what a reviewer must not overlook."""
    found = [
        _issue(t.code, t.sentence, "critical" if t.severity == "error" else "minor",
               path=t.place[0] or t.where or "plumb", line=t.place[1])
        for t in shown.all_troubles
    ]  # fmt: skip
    for section in shown.sections:
        found += (
            _issue(f"plumb-{item.word.text}", f"{item.word.text} {item.name}: {item.about}",
                   _SEVERITIES[item.word.text], path=item.path or section.application,
                   line=item.line)
            for item in section.items
            if item.trouble is None and item.word.text in _SEVERITIES
        )  # fmt: skip
    return json.dumps(_once(found), indent=2, ensure_ascii=False) + "\n"


def _issue(check: str, text: str, severity: str, *, path: str, line: int) -> dict[str, object]:
    identity = json.dumps([check, text, path], ensure_ascii=False).encode("utf-8", "replace")
    return {
        "description": text,
        "check_name": check,
        "fingerprint": hashlib.sha256(identity).hexdigest(),
        "severity": severity,
        "location": {"path": path, "lines": {"begin": max(line, 1)}},
    }


def _once(issues: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    """Return each fingerprint once: GitLab takes no other."""
    return list({str(issue["fingerprint"]): issue for issue in issues}.values())
