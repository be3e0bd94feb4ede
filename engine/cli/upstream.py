"""Which branch and path a command writes to: by flags, by a file, or found in the repository."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import DURATION, option, together
from engine.errors import PlumbError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.cli.options import Decorator, F
    from engine.cli.wiring import Wiring
    from engine.git import Branches
    from engine.git.deadline import Deadline
    from engine.model import Application, Credentials

_PERSON = re.compile(r"[^<>\n]+ <[^<>\s]+>")
_NOT_HERE: dict[str, Any] = {"name": "upstream", "target_namespace": None, "names": ()}

_WHERE: tuple[Decorator, ...] = (
    option("-f", "--file", "files", multiple=True, metavar="FILE",
           help="Take repository, branch and path from an Application document."),
    option("--app", metavar="NAME", help="Which one, in the file or in the repository."),
    option("--url", metavar="URL", help="The configuration repository,"),
    option("--ref", default="", metavar="BRANCH", help="its branch; else the default branch,"),
    option("--path", "paths", multiple=True, metavar="PATH", help="and the folder or file in it."),
)  # fmt: skip

_WRITE: tuple[Decorator, ...] = (
    option("--author", metavar="'NAME <MAIL>'", help="The author of the commit."),
    option("--build-url", metavar="URL", help="The build; else what the CI system says."),
    option("--actor", metavar="NAME", help="Who started it; else what the CI system says."),
    option("--sign-key", metavar="FILE", help="Sign with this SSH key ($PLUMB_SIGN_PASSPHRASE)."),
    option("--timeout", type=DURATION, default="5m", metavar="TIME", show_default=True,
           help="For everything, others being faster included."),
    option("--dry-run", is_flag=True, help="Show the change and push nothing."),
    option("--branch", metavar="NAME", help="Push to this branch, made from --ref if need be."),
    option("--pull-request", is_flag=True, help="Open a pull request for it, unless one is open."),
    option("--forge", type=click.Choice(["github", "gitlab", "gitea"]),
           help="What the server is; else its name tells."),
    option("--forge-url", metavar="URL", help="Its REST interface, where it is elsewhere."),
    option("--forge-token-file", metavar="FILE", help="Or $PLUMB_FORGE_TOKEN; else the Git one."),
)  # fmt: skip


def where_options(command: F) -> F:
    """Add the options that name a branch and a path."""
    return together(_WHERE)(command)


def write_options(command: F) -> F:
    """Add the options of commands that commit and push."""
    return together(_WRITE)(command)


@dataclass(frozen=True, slots=True)
class Upstream:
    """An open repository, and where in it. ``application`` is the one that was named, if any."""

    branches: Branches
    branch: str
    paths: tuple[str, ...]
    credentials: Credentials
    application: Application | None = None


@contextmanager
def upstream(wiring: Wiring) -> Iterator[Upstream]:
    """Open what the flags name."""
    from engine.git import Branches
    from engine.git.deadline import Deadline

    flags = wiring.flags
    flags.update(_NOT_HERE)
    named = _named(wiring)
    credentials = wiring.credentials(named)
    wiring.narrate(f"reading {named.source.url}")
    with Branches(named.source.url, credentials=credentials, limits=wiring.limits) as branches:
        with Deadline(wiring.limits.timeout_s, where=branches.url, stop=wiring.stop) as deadline:
            branch = named.source.ref.name or branches.default(deadline)
            application: Application | None = named if flags["files"] else None
            paths = tuple(_checked(wiring, path) for path in flags["paths"])
            if not paths and application is None and flags["app"]:
                application = _find(wiring, branches, branch, deadline)
        if not paths and application is not None:
            paths = (application.source.path,)
        if not paths:
            raise SettingsError(
                "PLB804", "no path is named", where="flags",
                hint="give --path with the folder of the application (/ for all), or --app",
            )  # fmt: skip
        yield Upstream(branches, branch, paths, credentials, application)


def _named(wiring: Wiring) -> Application:
    """Return the application of the file, or one that stands for --url and --ref."""
    from dataclasses import replace

    from engine.model import GitRef
    from engine.settings import application_from_flags, parse_ref

    flags = wiring.flags
    if flags["files"]:
        if flags["url"]:
            raise SettingsError("PLB804", "-f and --url exclude each other", where="flags")
        names = (flags["app"],) if flags["app"] else ()
        wiring.flags["names"], wiring.flags["path"] = names, ""
        found = wiring.applications()
        if len(found) != 1:
            raise SettingsError(
                "PLB804", f"the file has {len(found)} applications", where="flags",
                hint=f"choose one with --app: {', '.join(a.name for a in found)}",
            )  # fmt: skip
        named = found[0]
        if flags["ref"]:
            named = replace(named, source=replace(named.source, ref=parse_ref(flags["ref"])))
    elif flags["url"]:
        named = application_from_flags(
            "upstream", flags["url"], ref=flags["ref"], namespace="default"
        )
    else:
        raise SettingsError(
            "PLB804", "no repository is named", where="flags",
            hint="give --url with the configuration repository, or -f with an Application",
        )  # fmt: skip
    ref = named.source.ref
    if ref.kind not in {"head", "branch", "name"}:
        raise SettingsError(
            "PLB804", f"{ref} is no branch", where="--ref", why="only a branch can be pushed to",
            hint="name the branch",
        )  # fmt: skip
    name = ref.name.removeprefix("refs/heads/")
    plain = GitRef("branch", name) if name else GitRef()
    return replace(named, source=replace(named.source, ref=plain))


def _checked(wiring: Wiring, path: str) -> str:
    from engine.settings import application_from_flags

    clean = "" if path == "/" else path
    url = wiring.flags["url"] or "."
    return application_from_flags("path", url, path=clean, namespace="default").source.path


def _find(wiring: Wiring, branches: Branches, branch: str, deadline: Deadline) -> Application:
    """Look for the Application document of that name in the repository's files."""
    from engine.promote.promotion import files
    from engine.settings import applications

    name = wiring.flags["app"]
    tip = branches.tip(branch, deadline)
    listed = dict(files(branches.folders(tip), "")) if tip else {}
    branches.need(listed.values(), deadline)
    found = []
    for path, blob in sorted(listed.items()):
        data = branches.file(blob)
        if b"plumb.dev/" not in data or name.encode() not in data:
            continue
        try:
            found += [
                a for a in applications(data, path=path, namespace="default") if a.name == name
            ]
        except PlumbError:
            continue  # manifests beside an Application, or not an Application at all
    if len(found) != 1:
        raise SettingsError(
            "PLB806", f"there are {len(found)} applications {name} in the repository",
            where=branches.url, hint="give -f with the file, or --path",
        )  # fmt: skip
    if _tail(found[0].source.url) != _tail(branches.url):
        raise SettingsError(
            "PLB806", f"application {name} has another repository", where=branches.url,
            why=f"its source is {found[0].source.url}", hint="give that one as --url",
        )  # fmt: skip
    return found[0]


def _tail(url: str) -> str:
    """Return the last part of an address: the same by HTTP and SSH, with and without .git."""
    return re.split(r"[/:]", url.rstrip("/").removesuffix(".git"))[-1]


def author(flags: dict[str, Any]) -> str:
    """Return who commits: as told, as Git's own variables say, or Plumb."""
    name, mail = os.environ.get("GIT_AUTHOR_NAME"), os.environ.get("GIT_AUTHOR_EMAIL")
    given = flags["author"] or (f"{name} <{mail}>" if name and mail else "plumb <plumb@localhost>")
    if not _PERSON.fullmatch(given) or not given.isprintable():
        raise SettingsError(
            "PLB805", f"{given!r} is no author", where="--author", hint="write 'Name <mail>'"
        )
    return str(given)
