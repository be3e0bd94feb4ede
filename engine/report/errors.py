"""An error in words: its code, the place, the problem, the reason, the next step.

Belongs here: every PlumbError that a person reads, alone or as a line of a report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.report.mask import Redactor
from engine.report.page import Line, Page

if TYPE_CHECKING:
    from engine.errors import PlumbError
    from engine.model import ObjectRef

_MOST_OTHERS = 20


def render_error(error: PlumbError, *, color: bool = False) -> str:
    """Return the error for a terminal, those found beside it too."""
    page = Page(color=color)
    safe = Redactor()
    shown = (error, *error.others[:_MOST_OTHERS])
    for one in shown:
        page.add(f"error {_head(one, safe)}", color="red")
        for line in _rest(one, safe):
            page.add(f"  {line.text}")
    hidden = len(error.others) - _MOST_OTHERS
    if hidden > 0:
        page.add(f"and {hidden} more")
    codes = sorted({one.code for one in shown})
    page.add(f"more: plumb explain {codes[0]}" + "".join(f", {code}" for code in codes[1:]))
    return str(page)


def error_lines(error: PlumbError, safe: Redactor, *, ref: ObjectRef) -> tuple[str, list[Line]]:
    """Return what stands behind the name of an object, and the lines below it."""
    return _head(error, safe, named=str(ref)), [
        *_rest(error, safe),
        *(Line(" ", f"and {_head(other, safe)}") for other in error.others),
    ]


def _head(error: PlumbError, safe: Redactor, *, named: str = "") -> str:
    """Return code, place and problem; a name that stands in front already is not repeated."""
    where = "" if error.where == named else error.where
    what = error.what.removeprefix(f"{named}: ") if named else error.what
    place = f"{safe(where)}: " if where else ""
    return f"{error.code}: {place}{safe(what)}"


def _rest(error: PlumbError, safe: Redactor) -> list[Line]:
    parts = (("why", error.why), ("next", error.hint))
    return [Line(" ", f"{name}: {safe(text)}") for name, text in parts if text]
