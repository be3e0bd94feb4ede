"""Hold the documents against the code: what one names, the other must have.

    python scripts/check_docs.py

Links lead somewhere; every command, option and exit code is documented; every command line in a
code block is one that plumb accepts; scripts and error codes that are named exist.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli import plumb
from engine.codes import CODES
from engine.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SHELLS = ("", "console", "sh", "bash", "shell", "text")


def main() -> None:
    """Print every problem; fail when there is one."""
    documents = {path: path.read_text() for path in _documents()}
    problems = [
        *links(documents),
        *undocumented("\n".join(documents.values())),
        *command_lines(documents),
        *named(documents),
    ]
    for problem in problems:
        print(problem)
    print(f"{len(documents)} documents, {len(problems)} problems")
    sys.exit(1 if problems else 0)


def links(documents: dict[Path, str]) -> Iterator[str]:
    """Report links to files and headings that are not there."""
    for path, text in documents.items():
        for target in _LINK.findall(text):
            if re.match(r"\w+:", target):
                continue
            name, _, anchor = target.partition("#")
            there = (path.parent / name).resolve() if name else path
            if not there.exists():
                yield f"{_short(path)}: the link {target} leads nowhere"
            elif anchor and there.suffix == ".md" and anchor not in _anchors(there.read_text()):
                yield f"{_short(path)}: {_short(there)} has no heading #{anchor}"


def undocumented(text: str) -> Iterator[str]:
    """Report commands, options and exit codes of the code that no document mentions."""
    context = click.Context(plumb)
    options: dict[str, list[str]] = {}
    for name in plumb.list_commands(context):
        command = plumb.get_command(context, name)
        assert command is not None  # noqa: S101 - it is in the list
        if f"plumb {name}" not in text:
            yield f"no document mentions the command plumb {name}"
        for parameter in command.params:
            for option in [*parameter.opts, *parameter.secondary_opts]:
                if option.startswith("--") and option != "--help":
                    options.setdefault(option, []).append(name)
    for option, names in options.items():
        if not re.search(rf"{option}(?![\w-])", text):
            yield f"no document mentions {option} (of plumb {', '.join(names)})"
    for code in ExitCode:
        if not re.search(rf"^\| *`?{int(code)}`? *\|", text, re.MULTILINE):
            yield f"no table of exit codes has a line for {int(code)}"


def command_lines(documents: dict[Path, str]) -> Iterator[str]:
    """Report lines of code blocks that call plumb in a way that it refuses."""
    context = click.Context(plumb)
    for path, text in documents.items():
        for line in _shell_lines(text):
            words = shlex.split(re.split(r"\s[|>&]|&&|;", line)[0], comments=True)
            try:
                _parse(context, words[1:])
            except click.ClickException as error:
                yield f"{_short(path)}: $ {line}: {error.format_message()}"


def named(documents: dict[Path, str]) -> Iterator[str]:
    """Report scripts and error codes that are named and do not exist."""
    for path, text in documents.items():
        for script in sorted(set(re.findall(r"\bscripts/[\w./-]*\w", text))):
            if not (ROOT / script).exists():
                yield f"{_short(path)}: there is no {script}"
        for code in sorted(set(re.findall(r"\bPLB\d{3}\b", text)) - set(CODES)):
            yield f"{_short(path)}: plumb explain knows no {code}"


def _documents() -> Iterator[Path]:
    yield from sorted(ROOT.glob("*.md"))
    for folder in ("docs", "e2e", "manifests"):
        yield from sorted((ROOT / folder).rglob("*.md"))


def _shell_lines(text: str) -> Iterator[str]:
    for language, block in _BLOCK.findall(text):
        if language not in _SHELLS:
            continue
        for line in block.replace("\\\n", " ").splitlines():
            command = line.strip().removeprefix("$ ")
            # "plumb sync [APP]" and "plumb ..." describe, they are not meant to be typed.
            if command.startswith("plumb ") and not re.search(r"\.\.\.|…|[\[<]", command):
                yield command


def _parse(context: click.Context, words: list[str]) -> None:
    """Let click read a command line without running it."""
    group = plumb.make_context("plumb", list(words), parent=None)
    with group:
        rest = [*group._protected_args, *group.args]  # noqa: SLF001 - click has no public way
        if rest:
            name, command, arguments = plumb.resolve_command(group, rest)
            if command is not None and not {"-h", "--help"} & set(arguments):
                command.make_context(name, arguments, parent=context)


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    plain = (re.sub(r"[`*]", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
