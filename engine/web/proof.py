"""Whether the sender of a hook knows a secret: decided on bytes, before anything is parsed.

Belongs here: how each forge proves it. A signature made with SHA-1 proves nothing and is not read.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.web.payload import Header, Provider

# header, and what stands before the signature in hexadecimal digits
_SIGNATURES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "github": (("X-Hub-Signature-256", "sha256="),),
    "gitea": (("X-Gitea-Signature", ""), ("X-Forgejo-Signature", ""),
              ("X-Hub-Signature-256", "sha256=")),
    "bitbucket": (("X-Hub-Signature", "sha256="), ("X-Hub-Signature-256", "sha256=")),
    "generic": (("X-Signature", "sha256="), ("X-Hub-Signature-256", "sha256=")),
    "gitlab": (),
}  # fmt: skip


def is_proven(provider: Provider, header: Header, body: bytes, *, secrets: Iterable[bytes]) -> bool:
    """Whether one of the secrets signed this body, or was sent along where that is the custom.

    Every secret is tried, so that the time tells neither which one it was nor how near a guess is.
    """
    given = _signature(provider, header)
    token = _token(provider, header)
    proven = False
    for secret in secrets:
        if given is not None:
            mac = hmac.new(secret, body, hashlib.sha256).hexdigest()
            proven |= hmac.compare_digest(mac.encode(), given)
        if token is not None:
            proven |= hmac.compare_digest(_digest(secret), _digest(token))
    return proven


def _signature(provider: Provider, header: Header) -> bytes | None:
    for name, prefix in _SIGNATURES[provider]:
        value = header(name)
        if value and value.startswith(prefix):
            return value.removeprefix(prefix).strip().lower().encode("utf-8", "replace")
    return None


def _token(provider: Provider, header: Header) -> bytes | None:
    if provider == "gitlab":
        value = header("X-Gitlab-Token")
    elif provider == "generic":
        scheme, _, value = header("Authorization").partition(" ")
        value = value if scheme.lower() == "bearer" else ""
    else:
        value = ""
    return value.strip().encode("utf-8", "replace") if value else None


def _digest(value: bytes) -> bytes:
    # compare_digest takes its time by the length; digests have all the same.
    return hashlib.sha256(value).digest()
