"""The forms of a view that go into files and to CI; each is imported only where it is wanted."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engine.report.view import View

OF_VIEW = ("markdown", "html", "junit", "github", "gitlab")


def of_view(
    shown: Callable[[], View], *, marker: str = "report", elsewhere: Sequence[str] = ()
) -> Mapping[str, Callable[[], str]]:
    """Return what makes each form, for :func:`engine.cli.output.emit`.

    ``marker`` names Markdown's hidden first line, ``elsewhere`` the files that hold everything.
    """
    return {
        form: partial(_make, form, shown, marker=marker, elsewhere=elsewhere) for form in OF_VIEW
    }


def _make(form: str, shown: Callable[[], View], *, marker: str, elsewhere: Sequence[str]) -> str:
    from engine.report import machines

    match form:
        case "markdown":
            from engine.report.markdown import render_markdown

            return render_markdown(shown(), marker=marker, elsewhere=elsewhere)
        case "html":
            from engine.report.html import render_html

            return render_html(shown())
        case "junit":
            return machines.render_junit(shown())
        case "gitlab":
            return machines.render_gitlab(shown())
        case _:
            _summarize(shown(), marker=marker, elsewhere=elsewhere)
            return machines.render_github(shown())


def _summarize(shown: View, *, marker: str, elsewhere: Sequence[str]) -> None:
    """Write the job summary to the file that GitHub names."""
    from engine.cli.output import write
    from engine.report.markdown import SUMMARY, render_markdown

    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if place:
        # Counted in bytes there, and one of UTF-16's units is at most three of them.
        text = render_markdown(shown, limit=SUMMARY // 3, marker=marker, elsewhere=elsewhere)
        write(Path(place), text.encode("utf-8", "replace"), mode="ab")
