"""Which form of a report goes where."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from engine.cli import plumb
from engine.cli.options import Output, common_options
from engine.cli.output import emit, wanted
from engine.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


@click.command("tell")
@common_options
def tell() -> None:
    made: list[str] = []

    def form(name: str) -> str:
        made.append(name)
        return f"this is {name}\n"

    emit({name: partial(form, name) for name in ("text", "json", "markdown")})
    click.echo(f"made {' '.join(made)}", err=True)


def run(*arguments: str, **environment: str) -> tuple[str, str]:
    result = CliRunner().invoke(tell, arguments, obj={}, env=environment, catch_exceptions=False)
    return result.stdout, result.stderr


def test_text_goes_to_standard_output_when_nothing_is_said() -> None:
    assert run() == ("this is text\n", "made text\n")


def test_one_run_writes_files_and_another_form_to_standard_output(tmp_path: Path) -> None:
    file = tmp_path / "report.md"

    stdout, _ = run("-o", f"markdown={file}", "-o", "json")

    assert stdout == "this is json\n"
    assert file.read_text() == "this is markdown\n"


def test_text_is_still_shown_when_every_other_form_has_a_file(tmp_path: Path) -> None:
    stdout, stderr = run("-o", f"json={tmp_path / 'report.json'}")

    assert stdout == "this is text\n"
    assert stderr == "made text json\n"


def test_the_environment_may_name_several(tmp_path: Path) -> None:
    stdout, _ = run(PLUMB_OUTPUT=f"json markdown={tmp_path / 'a'}")

    assert stdout == "this is json\n"
    assert (tmp_path / "a").read_text() == "this is markdown\n"


@pytest.mark.parametrize(("arguments", "code"), [
    (("-o", "json", "-o", "markdown"), "PLB151"),
    (("-o", "sarif"), "PLB150"),
    (("-o", "json=/no/such/folder/report"), "PLB152"),
    (("-o", "json=/"), "PLB152"),
])  # fmt: skip
def test_what_cannot_be_written_is_an_error_of_usage(arguments: tuple[str, ...], code: str) -> None:
    with pytest.raises(SettingsError) as caught:
        run(*arguments)

    assert caught.value.code == code


@pytest.mark.parametrize("given", ["yaml", "json=", "=file", ""])
def test_an_unknown_form_is_refused_with_the_list_of_forms(given: str) -> None:
    result = CliRunner().invoke(tell, ["-o", given], obj={})

    assert result.exit_code == 2
    assert "text" in result.output or "names no file" in result.output


def test_before_and_behind_the_command_the_later_one_wins() -> None:
    before = CliRunner().invoke(plumb, ["-o", "json", "version"])
    both = CliRunner().invoke(plumb, ["-o", "json", "version", "-o", "text"])

    assert json.loads(before.stdout)["version"]
    assert both.stdout.startswith("plumb ")


def test_a_command_of_two_forms_refuses_the_others() -> None:
    result = CliRunner().invoke(plumb, ["version", "-o", "junit"])

    assert isinstance(result.exception, SettingsError)
    assert result.exception.code == "PLB150"


def test_what_is_wanted_is_known_before_the_work() -> None:
    context = click.Context(tell, obj={"outputs": (Output("markdown", "a.md"),)})
    with context:
        assert wanted("text", "markdown") == (Output("text"), Output("markdown", "a.md"))
