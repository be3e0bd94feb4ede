"""Git over SSH through paramiko: keys and host keys as bytes, no ssh program, no blind trust.

Belongs here: the connection. Git's protocol inside it is dulwich's.
"""

from __future__ import annotations

import io
import logging
import re
import socket
from typing import IO, TYPE_CHECKING, Final, cast

import paramiko
from dulwich.client import TraditionalGitClient
from dulwich.protocol import Protocol
from paramiko import ssh_exception

from engine.errors import GitDeniedError, GitError
from engine.git import knownhosts
from engine.git.pack import cut_off

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.git.address import Address
    from engine.git.failures import Failures, Terms
    from engine.model import Credentials

_LOG = logging.getLogger(__name__)
_LOG.addHandler(logging.NullHandler())
_LOG.propagate = False
_PORT = 22
_PEM = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL
)
_KINDS: Final = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
_RSA_NAMES = ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"]
_STDERR_BYTES = 4096


class SshClient(TraditionalGitClient):
    """A Git client for one repository over SSH, good until the deadline of ``terms``."""

    def __init__(self, address: Address, credentials: Credentials | None, *, terms: Terms) -> None:
        super().__init__()
        self._address = address
        self._credentials = credentials
        self._deadline = terms.deadline
        self._failures = terms.failures
        self._limits = terms.limits
        self._transport: paramiko.Transport | None = None
        self._protocol: Protocol | None = None

    def close(self) -> None:
        if self._protocol is not None:
            self._protocol.close()
            self._protocol = None
        self._hang_up()

    def _hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport.join(1)
            self._transport = None

    def _connect(
        self, cmd: bytes, path: str | bytes, protocol_version: int | None = None
    ) -> tuple[Protocol, Callable[[], bool], IO[bytes] | None]:
        name = path.decode() if isinstance(path, bytes) else path
        if name.startswith("/~"):
            name = name[1:]
        try:
            channel = self._open()
            # A server that does not take the variable speaks version 0, and so do we then.
            if protocol_version in {None, 2}:
                channel.set_environment_variable("GIT_PROTOCOL", "version=2")
            quoted = "'" + name.replace("'", "'\\''") + "'"
            channel.exec_command(f"git-{cmd.decode()} {quoted}".encode())
        except (ssh_exception.SSHException, EOFError, OSError) as error:
            self._deadline.check()
            raise self._explain(error) from error
        cap = self._limits.pack_bytes + self._limits.refs_bytes
        stream = _Stream(channel, cap, self._failures)
        self._protocol = Protocol(stream.read, stream.write, self._hang_up)
        return self._protocol, channel.recv_ready, cast("IO[bytes]", _Said(channel))

    def _open(self) -> paramiko.Channel:
        pinned = self._pinned()
        sock = self._dial()
        self._deadline.guard(sock)
        try:
            transport = paramiko.Transport(sock)
        except BaseException:
            sock.close()
            raise
        # Its log would print what the server says, as it is, where nobody set logging up.
        transport.set_log_channel(_LOG.name)
        transport.daemon = True
        self._transport = transport
        self._deadline.guard(transport.close)
        seconds = self._deadline.remaining_s
        transport.banner_timeout = transport.auth_timeout = transport.handshake_timeout = seconds
        _prefer(transport, [key.kind for key in pinned])
        transport.start_client(timeout=seconds)
        self._check_host(transport.get_remote_server_key(), pinned)
        self._log_in(transport)
        channel = transport.open_session(timeout=self._deadline.remaining_s)
        channel.settimeout(self._deadline.remaining_s)
        return channel

    def _dial(self) -> socket.socket:
        address = self._address
        try:
            return socket.create_connection(
                (address.host, address.port or _PORT), timeout=self._deadline.remaining_s
            )
        except socket.gaierror as error:
            raise self._failures.unreachable("its host name is not known") from error

    def _pinned(self) -> list[knownhosts.HostKey]:
        text = self._credentials.known_hosts if self._credentials else b""
        return knownhosts.matching(text, self._address.host, self._address.port or _PORT)

    def _check_host(self, key: paramiko.PKey, pinned: list[knownhosts.HostKey]) -> None:
        kind, data = key.get_name(), key.asbytes()
        seen = knownhosts.HostKey(kind, data, is_revoked=False)
        name = knownhosts.host_name(self._address.host, self._address.port or _PORT)
        if any(pin.is_revoked and pin.data == data for pin in pinned):
            raise GitError(
                "PLB207", "the server's host key is marked as revoked", where=self._failures.where,
                why=f"{kind} {seen.fingerprint}", hint="do not connect; ask who runs the server",
            )  # fmt: skip
        valid = [pin for pin in pinned if not pin.is_revoked]
        if any(pin.kind == kind and pin.data == data for pin in valid):
            return
        if valid:
            known = ", ".join(f"{pin.kind} {pin.fingerprint}" for pin in valid)
            raise GitError(
                "PLB207", "the server's host key is not the one in known_hosts",
                where=self._failures.where,
                why=f"it shows {kind} {seen.fingerprint}; known: {known}",
                hint="either somebody is in between, or the server has a new key: ask who runs it",
            )  # fmt: skip
        raise GitError(
            "PLB206", "the server's host key is not known", where=self._failures.where,
            why=f"it shows {kind} {seen.fingerprint}",
            hint="compare that with what the server's owner publishes, then add to known_hosts:"
            f" {name} {kind} {seen.base64}",
        )  # fmt: skip

    def _log_in(self, transport: paramiko.Transport) -> None:
        user = self._address.user
        keys = self._keys()
        password = self._credentials.password if self._credentials else ""
        if not keys and not password:
            raise GitDeniedError(
                "PLB203", "the repository needs an SSH key", where=self._failures.where,
                why="none was given",
                hint="give one with --ssh-key, or by a Secret that source.secretRef names",
            )  # fmt: skip
        for key in keys:
            try:
                transport.auth_publickey(user, key)
            except ssh_exception.AuthenticationException:
                self._deadline.check()
            else:
                return
        if password:
            try:
                transport.auth_password(user, password, fallback=False)
            except ssh_exception.AuthenticationException:
                self._deadline.check()
            else:
                return
        shown = ", ".join(f"{key.get_name()} {key.fingerprint}" for key in keys)
        raise self._failures.refused(
            f"user {user} with " + (f"key {shown}" if shown else "a password")
        )

    def _keys(self) -> list[paramiko.PKey]:
        """Read every private key given; several may stand one after the other."""
        text = self._credentials.ssh_key if self._credentials else b""
        if not text.strip():
            return []
        passphrase = (self._credentials.ssh_passphrase if self._credentials else "") or None
        blocks = _PEM.findall(text.replace(b"\r\n", b"\n"))
        keys = [self._key(block.decode("ascii", "replace") + "\n", passphrase) for block in blocks]
        if not keys:
            raise self._bad_key("it holds no private key in OpenSSH's or PEM form")
        return keys

    def _key(self, text: str, passphrase: str | None) -> paramiko.PKey:
        for kind in _KINDS:
            try:
                return kind.from_private_key(io.StringIO(text), password=passphrase)
            except ssh_exception.PasswordRequiredException:
                raise self._bad_key("it is encrypted and no passphrase was given") from None
            except (ssh_exception.SSHException, ValueError, TypeError, IndexError):
                continue
        if passphrase:
            raise self._bad_key("the passphrase is wrong, or it is of an unknown kind")
        raise self._bad_key("it is damaged or of a kind other than Ed25519, ECDSA and RSA")

    def _bad_key(self, why: str) -> GitError:
        return GitDeniedError(
            "PLB208", "the SSH private key cannot be used", where=self._failures.where, why=why,
            hint="give the private key that `ssh-keygen -t ed25519` writes",
        )  # fmt: skip

    def _explain(self, error: Exception) -> GitError:
        if isinstance(error, OSError) and error.strerror:
            return self._failures.unreachable(error.strerror)
        if isinstance(error, ssh_exception.IncompatiblePeer):
            return self._failures.unreachable("both sides have no algorithm in common")
        return self._failures.unreachable(f"no SSH connection: {self._failures.words(str(error))}")


class _Stream:
    """Reads exactly as much as asked for, up to the end; counts it."""

    def __init__(self, channel: paramiko.Channel, cap: int, failures: Failures) -> None:
        self._channel = channel
        self._file = channel.makefile("rb", 1 << 16)
        self._left = cap
        self._failures = failures

    def read(self, size: int) -> bytes:
        data = bytes(self._file.read(size))
        if 0 < len(data) < size:
            raise cut_off(self._failures.where)
        self._failures.listen(data)
        self._left -= len(data)
        if self._left < 0:
            raise GitError("PLB216", "the server sends more than the cap on packs allows",
                           where=self._failures.where, hint="raise the cap")  # fmt: skip
        return data

    def write(self, data: bytes) -> int:
        self._channel.sendall(data)
        return len(data)


class _Said:
    """What the server wrote to its standard error, as dulwich asks for it after a hang-up."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def readlines(self, hint: int = -1) -> list[bytes]:  # noqa: ARG002 - dulwich asks so
        self._channel.settimeout(2)
        try:
            return self._channel.makefile_stderr("rb").read(_STDERR_BYTES).splitlines()
        except OSError:
            return []


def _prefer(transport: paramiko.Transport, kinds: list[str]) -> None:
    """Ask for host keys of the kinds that are pinned, or a server shows one that is not."""
    options = transport.get_security_options()
    wanted = [name for kind in kinds for name in (_RSA_NAMES if kind == "ssh-rsa" else [kind])]
    offered = list(options.key_types)
    first = [name for name in dict.fromkeys(wanted) if name in offered]
    options.key_types = first + [name for name in offered if name not in first]
