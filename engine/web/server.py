"""The socket and the threads behind it. Everything is answered from memory, so few will do."""

from __future__ import annotations

import logging
import socket
import threading
from typing import TYPE_CHECKING, Any, Final

from waitress import wasyncore
from waitress.server import create_server

from engine.errors import SettingsError
from engine.web import app
from engine.web.secrets import Secrets

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from engine.metrics import Metrics
    from engine.web.daemon import Daemon

DEFAULT_LISTEN: Final = "127.0.0.1:8080"
_THREADS: Final = 4


class Server:
    """Listens from the moment it is made; answers from :meth:`start` until :meth:`close`.

    ``listen`` is HOST:PORT; ":8080" is every address, port 0 any that is free. ``hook_secrets`` is
    the folder of the secrets, None: hooks are off. Raises SettingsError when it cannot listen.
    """

    def __init__(
        self, listen: str, *, daemon: Daemon, metrics: Metrics, hook_secrets: Path | None = None,
        stuck_after_s: float = app.STUCK_AFTER_S,
    ) -> None:  # fmt: skip
        self._socket = _listen(listen)
        self._name: tuple[str, int] = self._socket.getsockname()[:2]
        self._open: dict[int, Any] = {}
        wsgi = app.make(daemon, metrics, Secrets(hook_secrets), stuck_after_s=stuck_after_s)
        # Its own words about slow clients and odd requests are not for the log of decisions.
        logging.getLogger("waitress").setLevel(logging.CRITICAL)
        self._server: Any = create_server(
            wsgi,
            map=self._open,
            sockets=[self._socket],
            threads=_THREADS,
            ident="plumb",
            # It counts the framing of chunks too; the application says exactly what is too large.
            max_request_body_size=app.LARGEST_BYTES + app.LARGEST_BYTES // 8,
            # A body is held in memory whole: there may be no disk to write to.
            inbuf_overflow=2 * app.LARGEST_BYTES,
            max_request_header_size=16384,
            connection_limit=200,
            channel_timeout=20,
            cleanup_interval=5,
            clear_untrusted_proxy_headers=True,
        )
        self._thread = threading.Thread(target=self._server.run, name="http", daemon=True)

    @property
    def address(self) -> str:
        """Where it listens, as in "127.0.0.1:8080"."""
        host, port = self._name
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def start(self) -> None:
        """Answer from now on, on threads of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening and drop what is open, within a second; more than once does no harm."""
        if self._thread.is_alive():
            # In its own thread: it may be waiting on the very sockets that are to be closed.
            self._server.trigger.pull_trigger(self._drop)
            self._thread.join(1.0)
        self._drop()
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=0.2)
        if not self._server.task_dispatcher.threads:
            self._server.trigger.close()
        self._socket.close()

    def _drop(self) -> None:
        """Close every connection and let the thread end; the trigger stays for those who pull it.

        Its numbers may be those of other files a moment after it is closed, and a thread that has
        an answer ready writes there.
        """
        for channel in list(self._open.values()):
            if channel is self._server:
                wasyncore.dispatcher.close(channel)  # its own close() takes the trigger along
            elif channel is not self._server.trigger:
                channel.handle_close()
        self._open.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()


def _listen(listen: str) -> socket.socket:
    host, colon, number = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not number.isdecimal() or int(number) > 65535:
        raise SettingsError(
            "PLB160", "not an address to listen on", where="--listen",
            hint="write HOST:PORT, as in 127.0.0.1:8080, or :8080 for every address",
        )  # fmt: skip
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(
                ("::", int(number)), family=socket.AF_INET6, dualstack_ipv6=True
            )
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, int(number)), family=family)
    except OSError as error:
        raise SettingsError(
            "PLB161", f"cannot listen on {listen}", where="--listen",
            why=(error.strerror or "it is not an address of this machine").lower(),
            hint="name another port, or end the process that has this one",
        ) from error  # fmt: skip
