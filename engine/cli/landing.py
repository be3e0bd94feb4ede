"""Land a change and tell what became of it; for `plumb promote` and `plumb rollback`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from engine.cli.output import emit, json_bytes
from engine.cli.upstream import author
from engine.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.cli.upstream import Upstream
    from engine.cli.wiring import Wiring
    from engine.forge import PullRequest
    from engine.promote.landing import Change, Landed


def land(wiring: Wiring, up: Upstream, made: Change, *, branch: str) -> int:
    """Land it on ``branch``, or on the branch of ``up`` itself where that is empty."""
    from engine.promote.landing import Landing
    from engine.promote.telling import landed_json, landed_text

    flags = wiring.flags
    if flags["pull_request"] and branch == up.branch:
        raise SettingsError(
            "PLB804", "a pull request needs a branch of its own", where="--branch",
            hint="leave --branch out, or name another",
        )  # fmt: skip
    landing = Landing(
        up.branches, up.branch, author(flags), branch="" if branch == up.branch else branch,
        timeout_s=flags["timeout"], fetch_timeout_s=wiring.limits.timeout_s, sign=_signer(wiring),
        dry_run=flags["dry_run"], stop=wiring.stop, tell=wiring.narrate,
    )  # fmt: skip
    ask = _forge(wiring, up) if flags["pull_request"] and not flags["dry_run"] else None
    landed = landing.land(made)
    request = None
    if ask is not None and landed.branch != up.branch:
        request = ask(landed)
    emit({
        "text": lambda: landed_text(landed, request, dry_run=flags["dry_run"]),
        "json": lambda: json_bytes(
            landed_json(landed, request, url=up.branches.url, dry_run=flags["dry_run"])
        ),
    })  # fmt: skip
    return 0


def _signer(wiring: Wiring) -> Callable[[bytes], str] | None:
    from pathlib import Path

    from engine.git.sshsign import signer

    file = wiring.flags["sign_key"]
    if not file:
        return None
    try:
        key = Path(file).expanduser().read_bytes()
    except OSError as error:
        raise SettingsError(
            "PLB134", "the file cannot be read", where=file, why=error.strerror or ""
        ) from None
    return signer(key, passphrase=os.environ.get("PLUMB_SIGN_PASSPHRASE", ""), where=file)


def _forge(wiring: Wiring, up: Upstream) -> Callable[[Landed], PullRequest]:
    """Return the function that asks for the pull request; checked before anything is pushed."""
    from engine.cli.wiring import line
    from engine.forge import Wanted, open_request, place
    from engine.git.address import parse

    flags = wiring.flags
    where = place(
        parse(up.branches.url), kind=flags["forge"] or "", api=flags["forge_url"] or ""
    )  # fmt: skip
    token = line(flags["forge_token_file"]) or os.environ.get("PLUMB_FORGE_TOKEN", "")
    token = token or up.credentials.token or up.credentials.password
    if not token:
        raise SettingsError(
            "PLB864", "opening a pull request needs a token", where=where.api,
            hint="give --forge-token-file, or set PLUMB_FORGE_TOKEN",
        )  # fmt: skip

    def ask(landed: Landed) -> PullRequest:
        from engine.forge.web import exchange
        from engine.git.deadline import Deadline

        limits = wiring.limits
        with Deadline(limits.timeout_s, where=where.api, stop=wiring.stop) as deadline:
            wanted = Wanted(up.branch, landed.branch, landed.subject, landed.body)
            speak = exchange(up.credentials, limits=limits, deadline=deadline)
            return open_request(where, wanted, token=token, exchange=speak)

    return ask
