"""A Git server over SSH on loopback, on paramiko: keys, host keys, and a few faults.

Belongs here: SSH. What is said inside is uploadpack.py. No ssh program is needed.
"""

from __future__ import annotations

import base64
import io
import logging
import shlex
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, Self

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from dulwich.errors import GitProtocolError
from dulwich.repo import Repo
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_UNKNOWN_CHANNEL_TYPE,
    OPEN_SUCCEEDED,
)

from e2e.servers import receivepack, uploadpack

if TYPE_CHECKING:
    from pathlib import Path

# Clients of these tests hang up all the time; paramiko would print each of them.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Trouble = Literal["", "silent", "drip", "cut"]


def new_key(kind: Literal["ed25519", "ecdsa", "rsa"] = "ed25519", passphrase: str = "") -> bytes:
    """Make a private key in OpenSSH's form."""
    key: PrivateKey
    match kind:
        case "ed25519":
            key = ed25519.Ed25519PrivateKey.generate()
        case "ecdsa":
            key = ec.generate_private_key(ec.SECP256R1())
        case "rsa":
            key = rsa.generate_private_key(65537, 2048)
    sealed: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        sealed = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, sealed
    )


def loaded(private: bytes, passphrase: str = "") -> paramiko.PKey:
    """Read a key that new_key made."""
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            text = io.StringIO(private.decode())
            return kind.from_private_key(text, password=passphrase or None)
        except (paramiko.SSHException, ValueError):
            continue
    raise ValueError("not a private key")


class GitSshServer:
    """Serves every repository below ``root`` to the holder of ``key``.

    ``with GitSshServer(root, key=new_key()) as s: s.url("a.git"), s.known_hosts``. ``version`` 0
    turns GIT_PROTOCOL down. ``trouble``: silent never sends its banner, drip sends a byte every
    0.2 s, cut closes in the middle of the answer. ``log`` holds the commands that were run.
    """

    def __init__(
        self,
        root: Path,
        *,
        key: bytes = b"",
        password: str = "",
        host_key: bytes = b"",
        version: Literal[0, 2] = 2,
        at: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        self.root = root
        self.key = loaded(key) if key else None
        self.password = password
        self.host_key = loaded(host_key or new_key())
        self.version = version
        self.trouble: Trouble = ""
        self.rules = receivepack.Rules()
        self.log: list[str] = []
        self.stopping = threading.Event()
        self._listener = socket.create_server(at)
        self.port = int(self._listener.getsockname()[1])
        self._transports: list[paramiko.Transport] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        # shutdown() first: close() alone does not wake a thread that waits in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for transport in self._transports:
            transport.close()
        self._thread.join(10)

    def url(self, name: str) -> str:
        """Return the address of a repository below the root."""
        return f"ssh://git@127.0.0.1:{self.port}/{name}"

    @property
    def known_hosts(self) -> bytes:
        """The line that pins this server."""
        blob = base64.b64encode(self.host_key.asbytes()).decode()
        return f"[127.0.0.1]:{self.port} {self.host_key.get_name()} {blob}\n".encode()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._greet, args=(connection,), daemon=True).start()

    def _greet(self, connection: socket.socket) -> None:
        if self.trouble == "silent":
            self.stopping.wait()
            connection.close()
            return
        transport = paramiko.Transport(connection)
        self._transports.append(transport)
        transport.add_server_key(self.host_key)
        try:
            transport.start_server(server=_Interface(self))
        except (paramiko.SSHException, EOFError, OSError):
            transport.close()  # the client did not like our key and hung up


class _Interface(paramiko.ServerInterface):
    def __init__(self, server: GitSshServer) -> None:
        self._server = server
        self._version = 0

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002 - paramiko's signature
        return "publickey,password"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        is_known = username == "git" and self._server.key is not None and key == self._server.key
        return AUTH_SUCCESSFUL if is_known else AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        expected = self._server.password
        is_known = username == "git" and expected and password == expected
        return AUTH_SUCCESSFUL if is_known else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002 - as above
        is_session = kind == "session"
        return OPEN_SUCCEEDED if is_session else OPEN_FAILED_UNKNOWN_CHANNEL_TYPE

    def check_channel_env_request(
        self,
        channel: paramiko.Channel,  # noqa: ARG002 - paramiko's signature
        name: bytes,
        value: bytes,
    ) -> bool:
        if name != b"GIT_PROTOCOL" or self._server.version != 2:
            return False
        self._version = 2 if b"version=2" in value else 0
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._server.log.append(command.decode())
        threading.Thread(target=self._run, args=(channel, command.decode()), daemon=True).start()
        return True

    def _run(self, channel: paramiko.Channel, command: str) -> None:
        # paramiko answers "started" after check_channel_exec_request; nothing may come before it.
        self._server.stopping.wait(0.02)
        program, _, path = command.partition(" ")
        folder = self._server.root / shlex.split(path)[0].strip("/")
        with suppress(OSError, EOFError, paramiko.SSHException, GitProtocolError):
            if (folder / "objects").is_dir():
                with Repo(str(folder)) as repo:
                    if program == "git-receive-pack":
                        receivepack.converse(
                            repo, channel.recv, channel.sendall, self._server.rules
                        )
                    else:
                        self._serve(channel, repo)
                channel.send_exit_status(0)
            else:
                channel.sendall_stderr(b"ERROR: Repository not found.\n")
                channel.send_exit_status(1)
        with suppress(OSError, EOFError, paramiko.SSHException):
            channel.close()

    def _serve(self, channel: paramiko.Channel, repo: Repo) -> None:
        file = channel.makefile("rb")

        def send(data: bytes) -> None:
            match self._server.trouble:
                case "drip":
                    for at in range(len(data)):
                        if self._server.stopping.wait(0.2):
                            return
                        channel.sendall(data[at : at + 1])
                case "cut" if b"packfile" in data:
                    channel.sendall(data[: len(data) // 2])
                    channel.close()
                case _:
                    channel.sendall(data)

        if self._version == 2:
            uploadpack.converse_v2(repo, file.read, send)
        else:
            uploadpack.converse_v0(repo, file.read, send)
