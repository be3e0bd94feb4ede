"""The one exception tree. Every error says where, what, why and what to do next.

Belongs here: what a caller catches and what the command line turns into an exit code. Foreign
exceptions (dulwich, requests, ruamel) are translated at the edge where they occur; nothing above
layer 3 ever sees one.
"""

from __future__ import annotations

import traceback
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """The exit codes of every command (README, section "Exit codes")."""

    OK = 0
    FAILURE = 1
    DIFFERENCES = 2
    USAGE = 3
    NOT_PERMITTED = 4
    GIT_UNREACHABLE = 5
    CLUSTER_UNREACHABLE = 6
    HEALTH_TIMEOUT = 7
    REFUSED = 8
    INTERRUPTED = 130


class PlumbError(Exception):
    """Something a person has to know: ``where: what``, why, and the next step.

    ``code`` is a key of :data:`engine.codes.CODES`. No text may hold a Secret value, a password or
    a token: texts end up in terminals, logs and CI.
    """

    exit_code = ExitCode.FAILURE
    # Problems found in the same input beside this one, so that one run names them all.
    others: tuple[PlumbError, ...] = ()

    def __init__(
        self, code: str, what: str, *, where: str = "", why: str = "", hint: str = ""
    ) -> None:
        super().__init__(code, what)
        self.code = code
        self.what = what
        self.where = where
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        """One line: place, problem, reason, next step; what is empty is left out."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        why = f" ({self.why})" if self.why else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{head}{why}{hint}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.code, self.what, self.where, self.why, self.hint))


def _rebuild(kind: type[PlumbError], code: str, what: str, *rest: str) -> PlumbError:
    where, why, hint = rest
    return kind(code, what, where=where, why=why, hint=hint)


class SettingsError(PlumbError):
    """A flag, an Application document or a kubeconfig that cannot be used."""

    exit_code = ExitCode.USAGE


class ManifestError(PlumbError):
    """A manifest that cannot be read or rendered; ``where`` is path:line:column.

    ``others`` are the further ones of the same render, in path order.
    """

    others: tuple[ManifestError, ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        return (*super().__reduce__(), {"others": self.others})


class PatchError(PlumbError):
    """A JSON Patch does not apply to this document: a guard fails, or its place is not there."""


class GitError(PlumbError):
    """The repository, or what was asked of it, cannot be had."""

    exit_code = ExitCode.GIT_UNREACHABLE


class GitDeniedError(GitError):
    """The Git server wants other credentials, or refuses these."""

    exit_code = ExitCode.NOT_PERMITTED


class PathNotFoundError(GitError):
    """The path is not in this commit, which was read completely."""

    exit_code = ExitCode.FAILURE


class ClusterError(PlumbError):
    """The API server cannot be reached, or its answer cannot be understood."""

    exit_code = ExitCode.CLUSTER_UNREACHABLE


class ApiError(PlumbError):
    """The API server answered with a Status that is a failure.

    ``status`` is the HTTP status, ``reason`` the machine-readable reason of the Status (empty when
    the answer was no Status, as from a proxy), ``fields`` the field paths of its causes. ``what``
    is rebuilt from those and never quotes the server's message: it holds values (facts/json-patch).
    """

    def __init__(  # noqa: PLR0913 - an answer has this many parts
        self,
        code: str,
        what: str,
        *,
        where: str = "",
        why: str = "",
        hint: str = "",
        status: int = 0,
        reason: str = "",
        fields: tuple[str, ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(code, what, where=where, why=why, hint=hint)
        self.status = status
        self.reason = reason
        self.fields = fields
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[object, ...]:
        rest = (self.where, self.why, self.hint, self.status, self.reason, self.fields)
        return (_rebuild_api, (type(self), self.code, self.what, rest, self.retry_after_s))


def _rebuild_api(  # noqa: PLR0917 - called by pickle, which passes by position
    kind: type[ApiError], code: str, what: str,
    rest: tuple[str, str, str, int, str, tuple[str, ...]], retry_after_s: float | None,
) -> ApiError:  # fmt: skip
    where, why, hint, status, reason, fields = rest
    return kind(
        code, what, where=where, why=why, hint=hint,
        status=status, reason=reason, fields=fields, retry_after_s=retry_after_s,
    )  # fmt: skip


class DeniedError(ApiError):
    """401 or 403: the credentials are not known, or may not do this."""

    exit_code = ExitCode.NOT_PERMITTED


class NotFoundError(ApiError):
    """A Status with reason NotFound that names the object: proof of absence, the only one."""


class ConflictError(ApiError):
    """Somebody was faster: 409, or a `test` of a JSON Patch that failed. Read and plan again."""


class AlreadyExistsError(ApiError):
    """409 AlreadyExists: an object of that name is there."""


class InvalidError(ApiError):
    """422 or 400: the server understood and refuses the content."""


class UncertainError(ApiError):
    """The request was sent and the answer never came: it may or may not have taken effect."""


class RefusedError(PlumbError):
    """A safety rule of Plumb says no; the text names the way out."""

    exit_code = ExitCode.REFUSED


class HealthTimeoutError(PlumbError):
    """What was applied did not become healthy in time."""

    exit_code = ExitCode.HEALTH_TIMEOUT


def unexpected(error: Exception) -> PlumbError:
    """Return what to tell about a bug in Plumb: where it is, and none of the values it met."""
    frames = traceback.extract_tb(error.__traceback__)
    place = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames[-4:]))
    return PlumbError(
        "PLB690",
        f"an unexpected {type(error).__name__}, which is a bug in Plumb",
        why=f"at {place}",
        hint="report it with these lines; what was written so far is in the record",
    )
