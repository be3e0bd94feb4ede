"""`plumb promote`: write a new image into the configuration repository."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import common_options, git_options, option
from engine.cli.upstream import where_options, write_options
from engine.errors import SettingsError

if TYPE_CHECKING:
    from engine.cli.upstream import Upstream
    from engine.promote.edit import Wish
    from engine.promote.message import Words

_TRAILER = re.compile(r"([A-Za-z][A-Za-z0-9-]*)=(.+)")


@click.command("promote")
@where_options
@option(
    "--image",
    "images",
    multiple=True,
    metavar="NAME=REF",
    help="Where image NAME is used, use REF; may be repeated.",
)
@option(
    "--set",
    "settings",
    multiple=True,
    metavar="PATH=VALUE",
    help="Set one value, as spec.replicas=3 or values.yaml:a.b=c; may be repeated.",
)
@option("--message", default="", metavar="TEXT", help="The message of the commit; see the manual.")
@option("--trailer", "trailers", multiple=True, metavar="KEY=VALUE", help="One more trailer.")
@option("--source-commit", metavar="ID", help="What was built; else what the CI system says.")
@option("--source-time", metavar="TIME", help="When it was committed, as 2026-11-25T12:00:00Z.")
@option("--allow-downgrade", is_flag=True, help="Also where something newer was promoted.")
@write_options
@git_options
@common_options
def command(**flags: Any) -> int:
    """Write a new image, or other values, into the configuration repository.

    Only the bytes of those values change. The commit is pushed if nobody else was faster; else it
    is made anew. Already there: exit code 0, "unchanged", and no commit.
    """
    from engine.cli.landing import land
    from engine.cli.output import wanted
    from engine.cli.upstream import upstream
    from engine.cli.wiring import Wiring
    from engine.promote.message import check_template
    from engine.promote.promotion import Promotion

    wanted("text", "json")
    wishes = _wishes(flags)
    check_template(flags["message"])
    with Wiring(flags) as wiring, upstream(wiring) as up:
        words = _words(flags, up.branch)
        promotion = Promotion(wishes, up.paths, words, allow_downgrade=flags["allow_downgrade"])
        return land(wiring, up, promotion, branch=_branch(flags, up, wishes))


def _wishes(flags: dict[str, Any]) -> tuple[Wish, ...]:
    from engine.promote.image import parse_wish
    from engine.promote.target import parse_set

    images = [parse_wish(text) for text in flags["images"]]
    wishes: tuple[Wish, ...] = (*images, *(parse_set(text) for text in flags["settings"]))
    if not wishes:
        raise SettingsError(
            "PLB804", "nothing is to be promoted", where="flags",
            hint="give --image NAME=REF, or --set PATH=VALUE",
        )  # fmt: skip
    return wishes


def _words(flags: dict[str, Any], base: str) -> Words:
    from engine.cli import ci
    from engine.promote.message import Words

    known = ci.build()
    source = flags["source_commit"] or known.source
    time = ""
    if flags["source_time"]:
        time = ci.utc(flags["source_time"])
        if not time:
            raise SettingsError(
                "PLB804", f"{flags['source_time']!r} is no time with a zone", where="--source-time",
                hint="write 2026-11-25T12:00:00Z",
            )  # fmt: skip
    elif source:
        time = (known.source_time if source == known.source else "") or ci.commit_time(source)
    extra = []
    for text in flags["trailers"]:
        match = _TRAILER.fullmatch(text)
        if match is None or not text.isprintable():
            raise SettingsError("PLB805", f"{text!r} is not KEY=VALUE", where="--trailer")
        extra.append((match[1], match[2]))
    return Words(
        base, flags["message"], source=source, source_time=time,
        build=flags["build_url"] or known.url, actor=flags["actor"] or known.actor,
        extra=tuple(extra),
    )  # fmt: skip


def _branch(flags: dict[str, Any], up: Upstream, wishes: tuple[Wish, ...]) -> str:
    """Return the branch to push to; the same change gets the same name, also from another build."""
    if flags["branch"] or not flags["pull_request"]:
        return flags["branch"] or ""
    what = "\n".join([up.branch, *up.paths, *map(str, wishes)])
    words = re.sub(r"[^a-z0-9]+", "-", up.paths[0].lower()).strip("-")[:40] or "all"
    return f"plumb/{words}-{hashlib.sha256(what.encode()).hexdigest()[:10]}"
