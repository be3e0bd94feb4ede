"""Send new objects to a server and move one ref, from the commit that was seen to a new one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

from dulwich.errors import SendPackError
from dulwich.objects import ShaFile
from dulwich.pack import pack_objects_to_data

from engine.errors import GitDeniedError, GitError
from engine.git.connection import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dulwich.pack import UnpackedObject

    from engine.git.address import Address
    from engine.git.commits import NewObject
    from engine.git.failures import Terms
    from engine.model import Credentials

TYPES: Final = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
_ABSENT: Final = "0" * 40
# A hook's or a protected branch's no. Anything else about the ref is a race that was lost.
_REFUSED: Final = re.compile(
    r"hook|protect|prohibit|not allowed|denied|declined|permission|rule|forbidden|read.?only|quota",
    re.IGNORECASE,
)


class OvertakenError(GitError):
    """Somebody else pushed first; look at the branch again and start from there."""


def overtaken(where: str, ref: str, why: str) -> OvertakenError:
    """Build the error for a branch that is not where it was seen."""
    return OvertakenError(
        "PLB230", f"{ref} has moved since it was read", where=where, why=why, hint="try again"
    )


def push(
    address: Address, credentials: Credentials | None, *, terms: Terms, ref: str, old: str | None,
    objects: list[NewObject],
) -> None:  # fmt: skip
    """Move ``ref`` from ``old`` (None: it must not exist) to the last of ``objects``."""
    name, new = ref.encode(), objects[-1].id.encode()
    said: list[bytes] = []

    def update(advertised: dict[bytes, bytes]) -> dict[bytes, bytes]:
        found = advertised.get(name, _ABSENT.encode()).decode("ascii", "replace")
        if found != (old or _ABSENT):
            raise overtaken(address.text, ref, f"the server lists {found[:10]}")
        return {name: new}

    def pack(*_: object, **__: object) -> tuple[int, Iterator[UnpackedObject]]:
        made = [ShaFile.from_raw_string(TYPES[item.kind], item.data) for item in objects]
        return pack_objects_to_data(made)

    client, path = connect(address, credentials, terms)
    try:
        result = client.send_pack(
            path.encode(), cast("Any", update), cast("Any", pack), progress=said.append
        )
    except SendPackError as error:
        words = error.args[0] if error.args else b""
        raise terms.failures.server(_told(terms, [words, *said])) from None
    except GitError:
        terms.deadline.check()
        raise
    except Exception as error:  # noqa: BLE001 - whatever dulwich meets
        terms.deadline.check()
        failure = terms.failures.translate(error)
        raise failure from None
    finally:
        client.close()
    status = result.ref_status
    if status is None:
        raise terms.failures.server("it does not say whether it took the push")
    reason = status.get(name, "the server says nothing about the branch")
    if reason is None:
        return
    words = _told(terms, [reason.encode(), *said])
    if _REFUSED.search(words):
        raise GitDeniedError(
            "PLB231", f"the server does not take a push to {ref}", where=address.text, why=words,
            hint="push to another branch with --branch and --pull-request, or ask for the right",
        )  # fmt: skip
    raise overtaken(address.text, ref, words)


def _told(terms: Terms, parts: list[bytes]) -> str:
    """Join what the server said, without our own secrets and without control characters."""
    return "; ".join(
        words for part in b"\n".join(parts).split(b"\n") if (words := terms.failures.words(part))
    )
