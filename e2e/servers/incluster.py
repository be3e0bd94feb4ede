"""The Git servers as the one process of a Pod, and a commit made from outside by `kubectl exec`.

    python -m e2e.servers.incluster serve
    python -m e2e.servers.incluster commit REPOSITORY < files.json

Keys and the password are files of a Secret; repositories are below /repositories.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

from e2e.servers.certificates import Pair
from e2e.servers.githttp import GitHttpServer
from e2e.servers.gitrepo import TestRepository
from e2e.servers.gitssh import GitSshServer

KEYS = Path("/keys")
ROOT = Path("/repositories")
HTTPS_PORT, SSH_PORT = 8443, 2222


def main() -> None:
    """Serve until told to stop, or commit what standard input holds and print the commit's id."""
    if sys.argv[1] == "commit":
        given = json.load(sys.stdin)
        with TestRepository(ROOT / sys.argv[2]) as repository:
            print(repository.commit(given["files"], message=given["message"]))  # noqa: T201
        return
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    pair = Pair((KEYS / "tls.crt").read_bytes(), (KEYS / "tls.key").read_bytes())
    users = {"plumb": (KEYS / "password").read_text()}
    everywhere = "0.0.0.0"  # noqa: S104 - a Pod's own address
    with (
        GitHttpServer(ROOT, users=users, tls=pair, port=HTTPS_PORT, host=everywhere),
        GitSshServer(
            ROOT, key=(KEYS / "identity").read_bytes(), host_key=(KEYS / "host").read_bytes(),
            at=(everywhere, SSH_PORT),
        ),
    ):  # fmt: skip
        stop.wait()


if __name__ == "__main__":
    main()
