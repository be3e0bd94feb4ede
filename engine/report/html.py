"""A report as one HTML file: no script, nothing loaded, light and dark, readable on a phone.

The daemon's page is made of the same pieces: :data:`engine.report.style.STYLE` and
:func:`render_parts`.
"""

from __future__ import annotations

from html import escape
from itertools import count
from typing import TYPE_CHECKING

from engine.report.style import STYLE
from engine.report.view import described_counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.report.page import Line
    from engine.report.view import Item, Section, Trouble, View

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_CLASSES = {"+": "add", "-": "del", "~": "chg", "@": "gap"}
_COLUMNS = (
    "create", "adopt", "update", "replace", "delete", "release", "moved", "hold", "keep", "refuse",
)  # fmt: skip


def render_html(shown: View) -> str:
    """Return the whole page."""
    title = f"Plumb: {described_counts(shown)}"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n{_line('p', shown.title, 'soft')}"
        f"{''.join(map(_trouble, shown.troubles))}{_table(shown)}{render_parts(shown)}{_end(shown)}"
        "</main>\n</body>\n</html>\n"
    )


def render_parts(shown: View) -> str:
    """Return the applications of a report, to be put into a page that has the same style."""
    text = []
    numbers = count()
    for part in shown.parts:
        text.append(_line("h2", part.title))
        if not part.sections:
            text.append('<p class="soft">no application is changed</p>\n')
        text += (_section(section, next(numbers)) for section in part.sections)
    return "".join(text)


def _table(shown: View) -> str:
    """Return the counts of all applications; nothing for a single one."""
    columns = [c for c in _COLUMNS if any(s.tally.get(c) for s in shown.sections)]
    if len(shown.sections) < 2 or not columns:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("application", *columns))
    rows = []
    for number, (named, section) in enumerate(zip(shown.names, shown.sections, strict=True)):
        name = f'<a href="#app-{number}">{escape(named)}</a>'
        cells = "".join(f"<td>{section.tally.get(c) or ''}</td>" for c in columns)
        rows.append(f"<tr><td>{name}</td>{cells}</tr>\n")
    numbered = "".join(rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{numbered}'
        "</tbody></table></div>\n"
    )


def _section(section: Section, number: int) -> str:
    heading = f' <span class="soft">{escape(section.heading)}</span>' if section.heading else ""
    inside = [*map(_trouble, section.troubles)]
    if section.settings:
        inside.append(f'<p class="soft">its Application document</p>\n{_pre(section.settings)}')
    inside += map(_item, section.items)
    if section.token:
        inside.append(
            "<p>To confirm exactly the held deletions: "
            f"<code>--confirm {escape(section.token)}</code></p>\n"
        )
    inside += (_line("p", f"note: {note}", "soft") for note in section.notes)
    is_open = " open" if section.differs or section.troubles else ""
    name = escape(section.application)
    return (
        f'<details class="app" id="app-{number}"{is_open}><summary>{name}{heading}'
        f'<span class="counts">{escape(section.counts)}</span></summary>\n'
        f'<div class="in">\n{"".join(inside)}</div></details>\n'
    )


def _item(item: Item) -> str:
    head = (
        f'<span class="word {item.word.color}">{item.word.sign} {item.word.text}</span>'
        f'<span class="name">{escape(item.name)}</span>'
        f"{_line('span', item.place, 'soft name')}{_line('span', item.about, 'soft')}"
    )
    body = [_trouble(item.trouble)] if item.trouble else []
    lines = item.yaml or item.fields
    if lines:
        body.append(_pre(lines))
    body += (_line("p", f"note: {note}", "soft") for note in item.notes)
    if not body:
        return f'<div class="object"><div class="head">{head}</div></div>\n'
    is_open = "" if item.word.text in {"create", "delete", "keep"} else " open"
    return (
        f'<details class="object"{is_open}><summary>{head}</summary>\n{"".join(body)}</details>\n'
    )


def _pre(lines: Iterable[Line]) -> str:
    return f"<pre>{''.join(_spans(lines))}</pre>\n"


def _spans(lines: Iterable[Line]) -> Iterator[str]:
    for line in lines:
        kind = _CLASSES.get(line.sign, "")
        note = f"<i>{escape(line.note)}</i>" if line.note else ""
        marked = f' class="{kind}"' if kind else ""
        text = f"⋯ {line.text}" if line.sign == "@" else f"{line.sign} {line.text}"
        yield f"<span{marked}>{escape(text)}{note}</span>"


def _trouble(trouble: Trouble) -> str:
    told = "".join(
        f"<br>{name}: {escape(text)}"
        for name, text in (("why", trouble.why), ("next", trouble.hint))
        if text
    )
    head = f"{trouble.where}: {trouble.what}" if trouble.where else trouble.what
    return (
        f'<div class="trouble {trouble.severity}"><b>{trouble.severity} {escape(trouble.code)}</b> '
        f"{escape(head)}{told}</div>\n"
    )


def _end(shown: View) -> str:
    text = "".join(_line("p", f"note: {note}", "soft") for note in shown.notes)
    if shown.unchanged:
        names = ", ".join(shown.unchanged)
        text += _line("p", f"{len(shown.unchanged)} unchanged: {names}", "soft")
    return text


def _line(tag: str, text: str, kind: str = "") -> str:
    marked = f' class="{kind}"' if kind else ""
    end = "" if tag == "span" else "\n"
    return f"<{tag}{marked}>{escape(text)}</{tag}>{end}" if text else ""
