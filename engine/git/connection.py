"""The way to a server: a Git client for an address, over HTTP or SSH."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dulwich.client import GitClient

    from engine.git.address import Address
    from engine.git.failures import Terms
    from engine.model import Credentials


def connect(
    address: Address, credentials: Credentials | None, terms: Terms
) -> tuple[GitClient, str]:
    """Return a client, good until the deadline of ``terms``, and the path to ask it for."""
    if address.kind == "ssh":
        from engine.git.ssh import SshClient  # noqa: PLC0415 - paramiko takes 0.3 s to import

        return SshClient(address, credentials, terms=terms), address.path
    from engine.git.http import HttpClient  # noqa: PLC0415 - as above, 0.1 s

    return HttpClient(address, credentials, terms=terms), ""
