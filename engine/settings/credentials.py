"""What a Secret holds for a Git server, made into Credentials.

Belongs here: the names of the keys and which belong together. Error texts name keys, never values.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from engine.errors import SettingsError
from engine.model import Credentials

if TYPE_CHECKING:
    from engine.model import JSON

# Flux's Secrets are what many have already; bearerToken and identity are its names.
_TOKENS = ("token", "bearerToken")
_KEYS = ("identity", "ssh-privatekey")
_USABLE = "username and password, token, identity (or ssh-privatekey) and known_hosts, ca.crt"


def credentials_from_secret(body: JSON) -> Credentials:
    """Return what a Secret, as the API server returns it or as a file has it, says to a Git server.

    Raises SettingsError that names the missing or unreadable key.
    """
    metadata = body.get("metadata") or {}
    where = "/".join(filter(None, ("Secret", metadata.get("namespace"), metadata.get("name"))))
    values = _values(body, where)
    key = _first(values, _KEYS)
    ssh = "identity" if "identity" in values else "ssh-privatekey"
    _check_pairs(values, where=where, ssh=ssh if key else "")
    return Credentials(
        username=_text(values, "username", where),
        password="" if key and "username" not in values else _text(values, "password", where),
        token=_text(values, next((name for name in _TOKENS if name in values), ""), where),
        ssh_key=key,
        ssh_passphrase=_text(values, "password", where) if key else "",
        known_hosts=values.get("known_hosts", b""),
        ca=values.get("ca.crt", b""),
    )


def _values(body: JSON, where: str) -> dict[str, bytes]:
    if body.get("kind") != "Secret":
        raise SettingsError("PLB110", "this is no Secret", where=where)
    found = {}
    for name, value in (body.get("data") or {}).items():
        try:
            found[str(name)] = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise SettingsError("PLB110", f"key {name} is not base64", where=where) from None
    plain = body.get("stringData") or {}
    return found | {str(name): str(value).encode() for name, value in plain.items()}


def _check_pairs(values: dict[str, bytes], *, where: str, ssh: str) -> None:
    # With a key, the password alone is its passphrase.
    if "username" in values or ("password" in values and not ssh):
        for name in ("username", "password"):
            if name not in values:
                raise _missing(name, where, why="a user name and a password belong together")
    if ssh and "known_hosts" not in values:
        raise _missing(
            "known_hosts", where,
            why=f"with {ssh} the server's host key has to be known, or anybody could answer",
            hint="ssh-keyscan prints it; compare it with what the server's operator publishes",
        )  # fmt: skip
    usable = {"username", "ca.crt", "known_hosts", *_TOKENS, *_KEYS}
    if not usable & values.keys():
        raise SettingsError(
            "PLB110", "it holds nothing for a Git server", where=where,
            why=f"the keys are {_USABLE}", hint="the key names are case-sensitive",
        )  # fmt: skip


def _missing(name: str, where: str, *, why: str, hint: str = "") -> SettingsError:
    hint = hint or f"add the key {name}"
    return SettingsError("PLB110", f"key {name} is missing", where=where, why=why, hint=hint)


def _first(values: dict[str, bytes], names: tuple[str, ...]) -> bytes:
    return next((values[name] for name in names if name in values), b"")


def _text(values: dict[str, bytes], name: str, where: str) -> str:
    try:
        # `echo secret | base64` leaves a line end that no server expects.
        return values.get(name, b"").decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SettingsError("PLB110", f"key {name} is not UTF-8", where=where) from None
