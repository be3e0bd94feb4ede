"""A report as text: many applications, in one of three styles.

"fields" tells path by path what differs, "yaml" shows a unified diff with context, "patch" the
RFC 6902 operations that a sync would send.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from engine.report.page import Line, Page
from engine.report.view import name_width

if TYPE_CHECKING:
    from engine.report.view import Item, Section, Trouble, View

Style: TypeAlias = Literal["fields", "yaml", "patch"]
_GOING = frozenset({"delete", "hold", "keep", "release"})  # all of it stands in Git's history
_MOST_LINES = 120  # of one object, unless everything is asked for


def render_overview(
    shown: View,
    *,
    style: Style = "yaml",
    color: bool = False,
    full: bool = False,
    command: str = "",
) -> str:
    """Return the report as text; ``full`` shortens no object and shows what is deleted.

    ``command`` is what confirms held deletions, as in "plumb sync -f app.yaml".
    """
    page = Page(color=color)
    if shown.title:
        page.add(shown.title, color="bold")
    for part in shown.parts:
        if part.title:
            page.gap()
            page.add(f"== {part.title}", color="bold")
        if not part.sections:
            page.gap()
            page.add("no application is changed")
        for section in part.sections:
            page.gap()
            _section(page, section, style=style, full=full, command=command)
    for trouble in shown.troubles:
        page.gap()
        _trouble(page, trouble)
    if shown.unchanged:
        page.section([f"{_applications(len(shown.unchanged))} unchanged"])
    page.section(f"note: {note}" for note in shown.notes)
    return str(page)


def _applications(count: int) -> str:
    return f"{count} application{'s' * (count != 1)}"


def _section(page: Page, section: Section, *, style: Style, full: bool, command: str) -> None:
    heading = f": {section.heading}" if section.heading else ""
    page.add(f"{section.application}{heading}", color="bold")
    page.add(section.counts)
    if section.settings:
        page.gap()
        page.add("its Application document", color="dim")
        page.details(section.settings)
    width = name_width(section.items)
    for index, item in enumerate(section.items):
        if not index:
            page.gap()
        _item(page, item, style=style, full=full, width=width)
    for trouble in section.troubles:
        page.gap()
        _trouble(page, trouble)
    if section.token:
        how = f"run {command} --confirm" if command else "run the same command with --confirm"
        page.section([f"To confirm exactly the held deletions, {how} {section.token}"])
    page.section(f"note: {note}" for note in section.notes)


def _item(page: Page, item: Item, *, style: Style, full: bool, width: int) -> None:
    if item.trouble is not None:
        about = f"{item.trouble.code}: {item.trouble.what.removeprefix(f'{item.name}: ')}"
    else:
        about = item.about
    page.entry(item.word, item.name, "  ".join(filter(None, (item.place, about))), width=width)
    lines = _lines(item, style)
    if item.word.text in _GOING and not full:
        lines = ()
    cut = len(lines) - _MOST_LINES
    page.details(lines if full or cut <= 0 else lines[:_MOST_LINES])
    if cut > 0 and not full:
        page.details([Line(" ", f"({cut:,} more lines; -v shows all)")])
    if item.trouble is not None:
        told = (("why", item.trouble.why), ("next", item.trouble.hint))
        page.details(Line(" ", f"{name}: {text}") for name, text in told if text)
    page.details(Line(" ", f"note: {note}") for note in item.notes)


def _lines(item: Item, style: Style) -> tuple[Line, ...]:
    if style == "fields":
        return item.fields
    if style == "patch" and item.operations:
        return tuple(Line(" ", operation) for operation in item.operations)
    return tuple(
        Line(" ", f"@@ {line.text} @@") if line.sign == "@" else line for line in item.yaml
    )  # fmt: skip


def _trouble(page: Page, trouble: Trouble) -> None:
    head = f"{trouble.where}: {trouble.what}" if trouble.where else trouble.what
    page.add(f"error {trouble.code}: {head}", color="red")
    for name, text in (("why", trouble.why), ("next", trouble.hint)):
        if text:
            page.add(f"  {name}: {text}")
