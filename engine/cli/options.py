"""The options that commands share; each has an environment variable PLUMB_<NAME>."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import click

from engine.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

F = TypeVar("F", bound="Callable[..., Any]")


class Decorator(Protocol):
    """A click option: adds itself to a command and leaves its type alone."""

    def __call__(self, command: F, /) -> F: ...


class Duration(click.ParamType[float]):
    """Seconds, written as people do: 90s, 5m, 1h30m."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        from engine.settings import parse_duration

        try:
            return parse_duration(value)
        except SettingsError as error:
            self.fail(f"{error.what}; {error.hint}" if error.hint else error.what, param, ctx)


class Size(click.ParamType[int]):
    """Bytes, with an optional Ki, Mi or Gi."""

    name = "size"
    _UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}  # noqa: RUF012 - never changed

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        unit = self._UNITS.get(value[-2:], 1)
        digits = value[:-2] if unit > 1 else value
        if not digits.isascii() or not digits.isdigit() or int(digits) == 0:
            self.fail(f"{value} is not a size; write for example 512Mi", param, ctx)
        return int(digits) * unit


FORMS = ("text", "json", "markdown", "html", "junit", "sarif", "github", "gitlab")


class Output(NamedTuple):
    """One form of a report and the file it goes to; "" is standard output."""

    form: str
    file: str = ""


class OutputType(click.ParamType[Output]):
    """FORM or FORM=FILE."""

    name = "output"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Output:
        if isinstance(value, Output):
            return value
        form, separator, file = value.partition("=")
        if form not in FORMS:
            self.fail(f"{form!r} is none of {', '.join(FORMS)}", param, ctx)
        if separator and not file:
            self.fail(f"{value!r} names no file behind the =", param, ctx)
        return Output(form, file)


DURATION = Duration()
SIZE = Size()
OUTPUT = OutputType()


def option(*names: str, **settings: Any) -> Decorator:
    """Return a click option whose environment variable follows from its long name."""
    long = next(name for name in names if name.startswith("--")).partition("/")[0]
    variable = "PLUMB_" + long.removeprefix("--").replace("-", "_").upper()
    return click.option(*names, envvar=variable, **settings)


def together(options: Iterable[Decorator]) -> Decorator:
    """Return one decorator that adds these options in this order."""

    def add_all(command: F) -> F:
        return reduce(lambda made, add: add(made), reversed(list(options)), command)

    return add_all


@dataclass(frozen=True, slots=True)
class Common:
    """What every command takes, before or after its name."""

    context: str | None = None
    kubeconfig: str | None = None
    namespace: str | None = None
    outputs: tuple[Output, ...] = ()
    color: str = "auto"
    request_timeout: float = 30.0
    quiet: bool = False
    verbose: int = 0
    marker: str = "report"

    @property
    def output(self) -> str:
        """The form of standard output, for commands that know text and JSON only."""
        from engine.cli.output import wanted

        return next((one.form for one in wanted("text", "json") if not one.file), "text")


def common() -> Common:
    """Return the common options of the running command."""
    given: dict[str, Any] = click.get_current_context().find_root().ensure_object(dict)
    return Common(**given)


def _note(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    # "plumb -n shop sync" and "plumb sync -n shop" are the same; the later one wins.
    if value not in (None, False, 0, ()) and param.name:
        ctx.find_root().ensure_object(dict)[param.name] = value


def _common(*names: str, **settings: Any) -> Decorator:
    return option(*names, expose_value=False, callback=_note, **{"default": None, **settings})


_COMMON = (
    _common("--context", metavar="NAME", help="The context of the kubeconfig."),
    _common("--kubeconfig", metavar="FILE", help="The kubeconfig; else $KUBECONFIG and ~/.kube."),
    _common("-n", "--namespace", metavar="NAME", help="The namespace of the application."),
    _common("-o", "--output", "outputs", type=OUTPUT, multiple=True, default=(),
            metavar="FORM[=FILE]", help=f"One of {', '.join(FORMS)}; may be repeated."),
    _common("--marker", metavar="NAME", help="Names the hidden first line of Markdown, by which a "
            "comment is found again."),
    _common("--color", type=click.Choice(["auto", "always", "never"]), help="auto (default): only "
            "on a terminal, and not with NO_COLOR."),
    _common("--request-timeout", type=DURATION, metavar="TIME", help="For one request: 30s."),
    _common("-q", "--quiet", is_flag=True, help="No narration on standard error."),
    _common("-v", "--verbose", count=True, help="Log each request to standard error."),
)  # fmt: skip


def common_options(command: F) -> F:
    """Add the options that every command takes."""
    return together(_COMMON)(command)


_SOURCE = (
    click.argument("names", nargs=-1, metavar="[APP]..."),
    option("-f", "--file", "files", multiple=True, metavar="FILE",
           help="Application documents; - is standard input."),
    option("--name", metavar="NAME", help="Instead of a file: the application's name,"),
    option("--url", metavar="URL", help="its repository,"),
    option("--ref", default="", metavar="REF", help="branch, tag, commit or semver:RANGE,"),
    option("--path", default="", metavar="PATH", help="and the folder in it."),
    option("--target-namespace", metavar="NAME", help="The namespace for objects that name none."),
)  # fmt: skip

_GIT = (
    option("--git-username", metavar="NAME", help="For the repository, instead of a secretRef;"),
    option("--git-password-file", metavar="FILE", help="or $PLUMB_GIT_PASSWORD."),
    option("--git-token-file", metavar="FILE", help="A bearer token, or $PLUMB_GIT_TOKEN."),
    option("--git-ca-file", metavar="FILE", help="Certificates to trust for the Git server."),
    option("--ssh-key", metavar="FILE", help="The SSH key; else the usual ones in ~/.ssh."),
    option("--known-hosts", metavar="FILE", help="Trusted host keys; else ~/.ssh/known_hosts."),
    option("--git-timeout", type=DURATION, metavar="TIME", help="For a whole fetch."),
    option("--max-pack-size", type=SIZE, metavar="SIZE", help="Refuse to fetch more than this."),
    option("--max-file-size", type=SIZE, metavar="SIZE", help="Refuse larger files."),
    option("--max-tree-entries", type=int, metavar="N", help="Refuse larger commits."),
    option("--cache-dir", metavar="DIR", help="What was fetched; safe to delete at any time."),
)  # fmt: skip

_CLUSTER = (
    option("--record-namespace", default="plumb-system", metavar="NAME", show_default=True,
           help="Where Plumb keeps what it applied."),
    option("--impersonate", is_flag=True, help="Act as the application's serviceAccountName."),
)  # fmt: skip


def source_options(command: F) -> F:
    """Add the options that say which applications, and how to reach their repositories."""
    return together((*_SOURCE, *_GIT))(command)


def git_options(command: F) -> F:
    """Add the options that say how to reach a repository."""
    return together(_GIT)(command)


def cluster_options(command: F) -> F:
    """Add the options of commands that look at a cluster."""
    return together(_CLUSTER)(command)
