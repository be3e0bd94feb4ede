"""Signatures of commits with SSH keys, as `git` with gpg.format=ssh makes them (SSHSIG).

Through cryptography alone: no ssh-keygen, no agent.
"""

from __future__ import annotations

import base64
import hashlib
import textwrap
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from engine.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

PrivateKey: TypeAlias = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_MAGIC: Final = b"SSHSIG"
_CURVES: Final[dict[str, tuple[str, hashes.HashAlgorithm]]] = {
    "secp256r1": ("nistp256", hashes.SHA256()),
    "secp384r1": ("nistp384", hashes.SHA384()),
    "secp521r1": ("nistp521", hashes.SHA512()),
}


def signer(key: bytes, *, passphrase: str = "", where: str) -> Callable[[bytes], str]:
    """Return the function that signs the bytes of a commit; SettingsError for an unusable key."""
    private = _load(key, passphrase, where)
    public = base64.b64decode(
        private.public_key()
        .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        .split(b" ")[1]
    )

    def sign(data: bytes) -> str:
        what = b"".join(map(_string, (b"git", b"", b"sha512", hashlib.sha512(data).digest())))
        algorithm, raw = _signed(private, _MAGIC + what)
        made = _MAGIC + (1).to_bytes(4, "big") + _string(public)
        made += b"".join(map(_string, (b"git", b"", b"sha512")))
        made += _string(_string(algorithm.encode()) + _string(raw))
        text = "\n".join(textwrap.wrap(base64.b64encode(made).decode(), 70))
        return f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----"

    return sign


def _load(key: bytes, passphrase: str, where: str) -> PrivateKey:
    password = passphrase.encode() or None
    for load in (serialization.load_ssh_private_key, serialization.load_pem_private_key):
        try:
            private = load(key.replace(b"\r\n", b"\n"), password)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            # Not chained and not quoted: these errors may hold pieces of the key.
            continue
        if isinstance(private, ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
            return private
        if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in _CURVES:
            return private
    raise SettingsError(
        "PLB850", "the key cannot be used to sign", where=where,
        why="it is damaged, encrypted with another passphrase, or not Ed25519, ECDSA or RSA",
        hint="give the private key that `ssh-keygen -t ed25519` writes",
    )  # fmt: skip


def _signed(private: PrivateKey, data: bytes) -> tuple[str, bytes]:
    """Return the name of the algorithm and the signature in SSH's form."""
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ssh-ed25519", private.sign(data)
    if isinstance(private, rsa.RSAPrivateKey):
        return "rsa-sha2-512", private.sign(data, padding.PKCS1v15(), hashes.SHA512())
    curve, digest = _CURVES[private.curve.name]
    r, s = decode_dss_signature(private.sign(data, ec.ECDSA(digest)))
    return f"ecdsa-sha2-{curve}", _string(_number(r)) + _string(_number(s))


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _number(value: int) -> bytes:
    """Return a positive number as SSH writes it: with a leading zero where the top bit is set."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big")
