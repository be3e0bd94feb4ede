"""The forms of a report: what each holds, what none may hold, and that Markdown always fits."""

from __future__ import annotations

import functools
import html
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.report import data
from engine.report.html import render_html
from engine.report.machines import render_github, render_gitlab, render_junit
from engine.report.markdown import code, render_markdown
from engine.report.overview import render_overview
from engine.report.view import view
from tests.report_reports import REPORTS
from tests.test_report_golden import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.report.view import View

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
FORMS: dict[str, tuple[str, Callable[[View], str]]] = {
    "text": ("txt", render_overview),
    "fields": ("fields.txt", lambda shown: render_overview(shown, style="fields")),
    "patch": ("patch.txt", lambda shown: render_overview(shown, style="patch")),
    "markdown": ("md", render_markdown),
    "html": ("html", render_html),
    "junit": ("xml", render_junit),
    "github": ("github.txt", render_github),
    "gitlab": ("gitlab.json", render_gitlab),
}
SHORT = [name for name in REPORTS if name != "many"]


@functools.cache
def shown(case: str) -> View:
    return view(REPORTS[case](), now=NOW)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", ["change", "both", "live", "nothing", "synced-report"])
def test_a_report_reads_as_its_file(case: str, form: str) -> None:
    if form == "html" and case != "change":
        pytest.skip("one page is enough to see how pages look")
    ending, render = FORMS[form]
    check(f"{case}/report.{ending}", render(shown(case)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", REPORTS)
def test_the_same_report_gives_the_same_bytes(case: str, form: str) -> None:
    render = FORMS[form][1]
    assert render(shown(case)) == render(view(REPORTS[case](), now=NOW))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", ["secret-change", "secret-live"])
def test_no_form_shows_a_value_of_a_secret(case: str, form: str) -> None:
    text = html.unescape(FORMS[form][1](shown(case)))

    for secret in ("b2xkLXBhc3N3b3Jk", "bmV3LXBhc3N3b3Jk", "old-password", "new-password",
                   "YWRtaW5pc3RyYXRvcg", "Z29uZS1mb3ItZ29vZA", "c2VjcmV0LWtleS1vZi1hcGk",
                   "abcdefgh"):  # fmt: skip
        assert secret not in text
    assert "Secret/shop/db" in text or form == "gitlab"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", ["hostile-change", "hostile-live"])
def test_no_form_holds_a_character_that_commands_a_terminal(case: str, form: str) -> None:
    text = FORMS[form][1](shown(case))

    assert all(char.isprintable() or char == "\n" for char in text)


@pytest.mark.parametrize("case", REPORTS)
def test_junit_is_xml_and_counts_itself(case: str) -> None:
    root = ET.fromstring(render_junit(shown(case)))  # noqa: S314 - our own text

    assert int(root.get("tests", "")) == len(root.findall(".//testcase"))
    assert int(root.get("failures", "")) == len(root.findall(".//failure"))
    assert int(root.get("errors", "")) == len(root.findall(".//error"))
    held = [i for s in shown(case).sections for i in s.items if i.word.text == "hold"]
    assert len(root.findall(".//failure")) == len(held)


@pytest.mark.parametrize("case", REPORTS)
def test_gitlab_gets_what_its_schema_wants(case: str) -> None:
    issues = json.loads(render_gitlab(shown(case)))

    for issue in issues:
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert issue["location"]["path"]
        assert issue["location"]["lines"]["begin"] >= 1
        assert issue["description"]
    prints = [issue["fingerprint"] for issue in issues]
    assert len(set(prints)) == len(prints)


@pytest.mark.parametrize("case", REPORTS)
def test_github_gets_at_most_ten_of_a_kind_and_every_command_on_its_line(case: str) -> None:
    lines = render_github(shown(case)).splitlines()

    for kind in ("error", "warning", "notice"):
        assert sum(line.startswith(f"::{kind} ") for line in lines) <= 10
    assert all(re.fullmatch(r"::(error|warning|notice) [^:]+::.+", line) for line in lines)


class _Page(HTMLParser):
    """Checks that a page is whole and loads nothing."""

    EMPTY = ("meta", "br")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        assert not [name for name, _ in attrs if name.startswith("on") or name == "style"]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("case", REPORTS)
def test_the_page_is_whole_without_script_and_loads_nothing(case: str) -> None:
    text = render_html(shown(case))
    page = _Page()
    page.feed(text)

    assert page.open == []
    assert not page.tags & {"script", "iframe", "img", "link", "object", "embed", "form", "svg"}
    assert all(link.startswith("#") for link in page.links)
    assert "default-src 'none'" in text
    assert "url(" not in text
    assert "prefers-color-scheme:dark" in text
    assert 'name="viewport"' in text


def test_every_link_of_the_page_leads_to_its_application() -> None:
    text = render_html(shown("both"))

    for link in re.findall(r'href="#(app-\d+)"', text):
        assert text.count(f'id="{link}"') == 1


MARKUP = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&`</pre></code>|@team #1 *b* [x](y)"
)


def test_markup_in_names_and_values_stays_text() -> None:
    from dataclasses import replace

    from engine.report.page import Line

    plain = shown("change")
    (part,) = plain.parts
    item = replace(
        part.sections[0].items[0], name=MARKUP, about=MARKUP, path=MARKUP,
        yaml=(Line("+", MARKUP, MARKUP),), notes=(MARKUP,),
    )  # fmt: skip
    section = replace(part.sections[0], application=MARKUP, heading=MARKUP, items=(item,))
    evil = replace(plain, title=MARKUP, parts=(replace(part, sections=(section,)),))

    page = _Page()
    page.feed(render_html(evil))
    ET.fromstring(render_junit(evil))  # noqa: S314 - our own text
    text = render_markdown(evil)

    assert page.tags & {"script", "img"} == set()
    assert page.text.count(MARKUP) >= 6
    outside = re.sub(r"(?ms)^(`{3,})\w*\n.*?^\1$", "", text)
    assert "<script" not in outside
    assert "@team" not in outside
    assert "](y)" not in outside
    assert "`" not in outside


# --- Markdown: fences and room ---------------------------------------------------------------


def test_a_fence_is_longer_than_any_run_of_backticks_in_it() -> None:
    text = render_markdown(shown("many"))

    fences = re.findall(r"(?m)^(`{3,})diff$", text)
    assert fences
    assert all(len(fence) >= 7 for fence in fences if fence != "```")
    assert _is_balanced(text)


def _is_balanced(text: str) -> bool:
    """Say whether every fence that opens is closed by one of its own length."""
    opened = ""
    for line in text.split("\n"):
        match = re.fullmatch(r"(`{3,})(\w*)", line)
        if match and not opened:
            opened = match[1]
        elif match and match[1] == opened and not match[2]:
            opened = ""
    return not opened


@settings(max_examples=40, deadline=None)
@given(limit=st.integers(1_500, 70_000))
def test_markdown_fits_whatever_the_room_is(limit: int) -> None:
    for case in ("many", "change"):
        text = render_markdown(shown(case), limit=limit)

        assert len(text.encode("utf-16-le")) // 2 <= limit
        assert _is_balanced(text)
        assert text.count("<details") == text.count("</details>")


def test_a_large_application_does_not_take_the_room_of_a_small_one() -> None:
    text = render_markdown(shown("many"))

    assert len(text) < 65_536
    assert "+   LEVEL" in text.replace('"', "")  # the small one is there as a whole
    assert re.search(r"Left out, .*: [\d,]+ lines of \d+ objects", text)
    # Every object is named, even where it is not shown.
    assert all(f"ConfigMap/shop/big-{n}</code>" in text for n in range(60))


def test_the_last_line_says_what_was_left_out_and_where_it_is() -> None:
    text = render_markdown(shown("many"), elsewhere=("report.html",))

    last = text.rstrip("\n").rpartition("\n")[2]
    assert last.startswith("Left out")
    assert "report.html" in last
    whole = render_markdown(shown("change"))
    assert "Left out" not in whole


def test_what_is_left_out_is_counted() -> None:
    text = render_markdown(shown("many"), limit=20_000)

    listed = len(re.findall(r"ConfigMap/shop/big-\d+</code>", text))
    match = re.search(r"(\d+) objects as a whole", text)
    assert listed + (int(match[1]) if match else 0) == 60


@pytest.mark.parametrize(("given", "line"), [
    ("report", "<!-- plumb:report -->"),
    ("team/shop", "<!-- plumb:team/shop -->"),
    ("--> <script>", "<!-- plumb:script -->"),
    ("", "<!-- plumb:report -->"),
])  # fmt: skip
def test_a_comment_is_found_again_by_its_first_line(given: str, line: str) -> None:
    assert render_markdown(shown("nothing"), marker=given).split("\n")[0] == line


@given(st.text())
def test_nothing_in_code_is_markup(text: str) -> None:
    made = code(text)

    inner = made.removeprefix("<code>").removesuffix("</code>")
    inner = re.sub(r"&#\d+;", "", inner)
    assert not re.search(r"[<>\\`*_{}\[\]()!|~@]", inner)


# --- what is different and what is not -------------------------------------------------------


@pytest.mark.parametrize(("case", "differs", "troubles"), [
    ("change", True, 4), ("nothing", False, 0), ("live", True, 2), ("both", True, 2),
])  # fmt: skip
def test_the_view_knows_whether_there_is_anything(
    case: str, *, differs: bool, troubles: int
) -> None:
    found = shown(case)

    assert found.differs is differs
    assert len(found.all_troubles) == troubles


def test_this_change_and_drift_are_kept_apart_in_every_form() -> None:
    for form in ("text", "markdown", "html"):
        text = FORMS[form][1](shown("both"))
        assert text.index("This change") < text.index("Drift already there")
    document = data.report(REPORTS["both"]())
    assert [one["application"] for one in document["applications"]] == ["plumb-system/db"]
    assert [one["application"] for one in document["drift"]] == ["plumb-system/shop"]
