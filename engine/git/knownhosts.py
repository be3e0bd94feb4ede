"""OpenSSH's known_hosts, read from bytes. Pure; nothing is ever added by itself."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from fnmatch import translate

_PORT = 22


@dataclass(frozen=True, slots=True)
class HostKey:
    """One public key of a host. ``kind`` is its type, as in "ssh-ed25519"."""

    kind: str
    data: bytes
    is_revoked: bool = False

    @property
    def fingerprint(self) -> str:
        """The fingerprint as OpenSSH prints it: "SHA256:...", without padding."""
        digest = hashlib.sha256(self.data).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def base64(self) -> str:
        return base64.b64encode(self.data).decode()


def host_name(host: str, port: int) -> str:
    """Return the name that known_hosts uses: "[host]:port" unless the port is 22."""
    return host if port == _PORT else f"[{host}]:{port}"


def matching(text: bytes, host: str, port: int) -> list[HostKey]:
    """List the keys of a host in the order of the file.

    Plain, hashed and pattern entries count. Lines that are malformed are passed over, as OpenSSH
    does; so are @cert-authority lines: host certificates are not supported.
    """
    name = host_name(host.lower(), port)
    keys = []
    for raw in text.decode("utf-8", "replace").splitlines():
        parts = raw.split()
        is_revoked = bool(parts) and parts[0] == "@revoked"
        if is_revoked:
            parts = parts[1:]
        if len(parts) < 3 or parts[0].startswith(("#", "@")) or not _matches(parts[0], name):
            continue
        try:
            data = base64.b64decode(parts[2], validate=True)
        except (binascii.Error, ValueError):
            continue
        keys.append(HostKey(parts[1], data, is_revoked))
    return keys


def _matches(patterns: str, name: str) -> bool:
    if patterns.startswith("|1|"):
        return _hashed(patterns, name)
    found = False
    for pattern in patterns.lower().split(","):
        is_not = pattern.startswith("!")
        if _fits(pattern.removeprefix("!"), name):
            if is_not:
                return False
            found = True
    return found


def _fits(pattern: str, name: str) -> bool:
    if not set("*?") & set(pattern):
        return pattern == name
    # Brackets are part of "[host]:port" here, and a class of characters to fnmatch.
    escaped = pattern.replace("[", "[[]")
    return re.fullmatch(translate(escaped), name) is not None


def _hashed(entry: str, name: str) -> bool:
    parts = entry.split("|")
    if len(parts) != 4:
        return False
    try:
        salt, expected = base64.b64decode(parts[2]), base64.b64decode(parts[3])
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), expected)
