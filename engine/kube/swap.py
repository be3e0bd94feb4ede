"""One write of a record by compare-and-swap, known again where its answer is lost.

Each write carries an id of its own. A conflict may be the echo of that very write: a proxy or the
server's own storage sent it twice, and the second one was too late. Then nobody else is at work.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from engine.errors import (
    AlreadyExistsError,
    ConflictError,
    NotFoundError,
    PlumbError,
    RefusedError,
    UncertainError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.model import JSON

WRITE_ANNOTATION: Final = "plumb.dev/write"


def swapped(
    write: Callable[[str], JSON], look: Callable[[], JSON], *, application: str, data: JSON = None
) -> JSON:
    """Return the ConfigMap as it is after ``write``, which is given the id that it has to carry.

    ``look`` reads it anew when the answer was lost or says that somebody else was faster; ``data``
    is the binaryData that was sent, None where it was left as it is. Raises RefusedError when
    another process has written it, and UncertainError when nobody can say.
    """
    own = secrets.token_hex(8)
    try:
        return write(own)
    except (ConflictError, AlreadyExistsError, NotFoundError, UncertainError) as error:
        there = _found(look)
        annotations = (there or {}).get("metadata", {}).get("annotations") or {}
        if annotations.get(WRITE_ANNOTATION) == own and data in (None, there.get("binaryData")):
            return there
        if isinstance(error, UncertainError):
            raise
        raise lost(application) from None


def _found(look: Callable[[], JSON]) -> JSON:
    try:
        return look()
    except PlumbError:
        return None


def lost(application: str, *, to: str = "") -> RefusedError:
    """Return the refusal of a sync that another one has overtaken."""
    return RefusedError(
        "PLB503", f"another sync of {application} is running",
        why=f"held by {to}" if to else "it changed the record in the meantime",
        hint="nothing more was written; look at its result, then sync again",
    )  # fmt: skip
