"""What goes wrong on the way to a Git server, in Plumb's words. No text here holds a credential."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from dulwich.errors import GitProtocolError, HangupException, NotGitRepository

from engine.errors import GitDeniedError, GitError
from engine.git.objects import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.git.deadline import Deadline
    from engine.git.limits import Limits
    from engine.model import Credentials

_GONE = re.compile(
    r"not found|does not exist|not appear to be a git|no such (repo|project)", re.IGNORECASE
)
_DENIED = re.compile(
    r"permission|denied|not authori[sz]ed|unauthori[sz]ed|forbidden|access rights|not allowed",
    re.IGNORECASE,
)
_LONGEST_ERROR = 4096  # bytes
_SHORTEST_SECRET = 3  # characters; shorter ones would blank out half of a sentence


@dataclass(frozen=True, slots=True)
class Terms:
    """What every part of one fetch obeys: its caps, its clock, and how its errors are worded."""

    limits: Limits
    deadline: Deadline
    failures: Failures


class Failures:
    """Builds errors about one repository; cleans the server's words of controls and secrets."""

    def __init__(self, where: str, credentials: Credentials | None) -> None:
        self.where = where
        self._has_credentials = credentials is not None
        self._secrets = sorted(_spellings(credentials), key=len, reverse=True)

    def words(self, text: bytes | str) -> str:
        """Return words of a server: printable, short, without our own secrets."""
        clean = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        for secret in self._secrets:
            clean = clean.replace(secret, "***")
        return printable(clean.strip())

    def not_found(self, why: str = "") -> GitError:
        hint = "correct the address"
        if not self._has_credentials:
            hint += ", or give credentials if the repository is private"
        return GitError(
            "PLB202", "the repository does not exist, or these credentials may not see it",
            where=self.where, why=self.words(why), hint=hint,
        )  # fmt: skip

    def password_needed(self) -> GitDeniedError:
        return GitDeniedError(
            "PLB203", "the repository needs a user name and password, or a token",
            where=self.where, why="the server answered 401 and no credentials were given",
            hint="name a Secret in source.secretRef, or give --git-username and its password",
        )  # fmt: skip

    def refused(self, why: str) -> GitDeniedError:
        return GitDeniedError(
            "PLB204", "the server refuses these credentials", where=self.where,
            why=self.words(why), hint="check that they are right, still valid, and may read",
        )  # fmt: skip

    def unreachable(self, why: str, hint: str = "") -> GitError:
        return GitError(
            "PLB209", "the server cannot be reached", where=self.where, why=self.words(why),
            hint=hint or "check the address, the network and whether the server runs",
        )  # fmt: skip

    def certificate(self, why: str, hint: str) -> GitError:
        return GitError(
            "PLB205", "the server's certificate is not trusted", where=self.where,
            why=self.words(why), hint=hint,
        )  # fmt: skip

    def no_git(self, why: str, hint: str = "") -> GitError:
        return GitError(
            "PLB211", "this is no Git server that speaks the smart protocol", where=self.where,
            why=self.words(why), hint=hint or "check the address, as `git ls-remote` takes it",
        )  # fmt: skip

    def redirected(self, what: str, hint: str) -> GitError:
        return GitError("PLB212", what, where=self.where, hint=hint)

    def proxy(self, why: str) -> GitError:
        return GitError(
            "PLB213", "the proxy does not let the request through", where=self.where,
            why=self.words(why), hint="check HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
        )  # fmt: skip

    def server(self, why: str) -> GitError:
        return GitError(
            "PLB214", "the server gave up or is out of order", where=self.where,
            why=self.words(why), hint="try again later; the server's own log says more",
        )  # fmt: skip

    def translate(self, error: Exception) -> GitError:
        """Turn what dulwich or the system raised into an error of ours."""
        if isinstance(error, GitError):
            return error
        if isinstance(error, NotGitRepository):
            return self.not_found()
        if isinstance(error, HangupException):
            lines = error.stderr_lines or []
            said = b" ".join(line for line in lines if line.strip())
            return self.said(said) if said else self.server("it closed the connection")
        if isinstance(error, GitProtocolError):
            return self.said(str(error))
        if isinstance(error, OSError):
            return self.unreachable(error.strerror or type(error).__name__)
        return self.server(f"its answer is not understood: {type(error).__name__}")

    def listen(self, data: bytes) -> None:
        """Raise what an error packet says; dulwich passes over those that come instead of a pack.

        What a pack holds never looks like one: it comes in packets that begin with another byte.
        """
        if data.startswith(b"ERR ") and len(data) < _LONGEST_ERROR:
            raise self.said(data[4:])

    def said(self, text: bytes | str) -> GitError:
        """Sort a server's own sentence into one of our kinds."""
        words = self.words(text)
        if _GONE.search(words):
            return self.not_found(words)
        if _DENIED.search(words):
            return self.refused(words)
        return self.server(words)


def _spellings(credentials: Credentials | None) -> Iterable[str]:
    """List every form in which a secret of ours may come back in somebody's text."""
    if credentials is None:
        return
    username = credentials.username
    for secret in (credentials.password, credentials.token, credentials.ssh_passphrase):
        if len(secret) >= _SHORTEST_SECRET:
            yield secret
            yield quote(secret, safe="")
            yield base64.b64encode(secret.encode()).decode()
            yield base64.b64encode(f"{username}:{secret}".encode()).decode()
