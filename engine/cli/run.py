"""`plumb run`: the daemon, which keeps a cluster as Git wants it."""

from __future__ import annotations

import contextlib
import signal
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import DURATION, common, common_options, option
from engine.errors import ExitCode, SettingsError

if TYPE_CHECKING:
    from engine.daemon.service import Service, Setup
    from engine.daemon.sources import SourceKey
    from engine.kube.config import Connection
    from engine.metrics import Metrics, Source
    from engine.web.server import Server


@click.command("run")
@option("-f", "--file", "files", multiple=True, metavar="FILE",
        help="Application documents, or folders of them, beside those of the cluster.")  # fmt: skip
@option("--resources/--no-resources", default=True, show_default=True,
        help="Whether to follow the Application resources of the cluster.")  # fmt: skip
@option("--watch-namespace", default="", metavar="NAME",
        help="Follow the Application resources of this namespace only.")  # fmt: skip
@option("--once", is_flag=True, help="Carry out every application once, print the results, end.")
@option("--dry-run", is_flag=True, help="Plan and tell; read requests only.")
@option("--exit-code", is_flag=True, help="With --once --dry-run: 2 when there are differences.")
@option("--workers", type=click.IntRange(1, 64), default=8, show_default=True, metavar="N",
        help="Applications worked on at the same time.")  # fmt: skip
@option("--leader-elect", is_flag=True, help="Wait for the Lease: one replica of many is active.")
@option("--listen", default="127.0.0.1:8080", show_default=True, metavar="ADDRESS",
        help="Where health, metrics and webhooks are served; empty for nowhere.")  # fmt: skip
@option("--hook-secret-dir", metavar="DIR", help="Secrets of webhooks, a file each; else none.")
@option("--default-service-account", default="", metavar="NAME",
        help="Acts for applications outside Plumb's namespace that name none.")  # fmt: skip
@option("--record-namespace", default="plumb-system", metavar="NAME", show_default=True,
        help="Plumb's own: records, Lease, and Applications with its rights.")  # fmt: skip
@option("--cache-dir", metavar="DIR", help="What was fetched; safe to delete at any time.")
@option("--git-timeout", type=DURATION, metavar="TIME", help="For a whole fetch.")
@option("--log-format", type=click.Choice(["auto", "json", "text"]), default="auto",
        show_default=True, help="auto: text on a terminal, JSON elsewhere.")  # fmt: skip
@common_options
def command(**flags: Any) -> int:
    """Keep the cluster as Git wants it, until stopped.

    Follows the Application resources of the cluster and the documents of -f, both at once. A push,
    a change of a managed object or of an Application is acted on at once; Git is asked every
    interval besides.
    """
    from engine.cli.log import daemon_logger
    from engine.kube.config import load

    if flags["exit_code"] and not (flags["once"] and flags["dry_run"]):
        raise SettingsError(
            "PLB138", "--exit-code goes with --once --dry-run", where="flags",
            hint="a daemon has no end to report",
        )  # fmt: skip
    given = common()
    connection = load(kubeconfig=given.kubeconfig, context=given.context, allow_exec=False)
    log = daemon_logger(flags["log_format"], verbose=given.verbose, quiet=flags["once"])
    if flags["once"]:
        return _once(connection, flags, log)
    return _serve(connection, flags, log)


def _setup(flags: dict[str, Any], connection: Connection) -> Setup:
    from engine.cli.wiring import cache_folder
    from engine.daemon.service import Setup

    return Setup(
        cache_dir=cache_folder(flags["cache_dir"]),
        record_namespace=flags["record_namespace"],
        files=flags["files"],
        scope=flags["watch_namespace"],
        namespace=common().namespace or connection.namespace,
        workers=flags["workers"],
        default_account=flags["default_service_account"],
        request_timeout_s=common().request_timeout,
        git_timeout_s=flags["git_timeout"] or 60.0,
        with_resources=flags["resources"],
        is_dry=flags["dry_run"],
    )


def _once(connection: Connection, flags: dict[str, Any], log: Any) -> int:
    from engine.cli.output import exit_code, print_results
    from engine.daemon.service import Service
    from engine.daemon.story import Uncounted

    stop = threading.Event()
    service = Service(connection, _setup(flags, connection), Uncounted(), stop=stop, log=log)
    try:
        results = service.once()
    finally:
        service.close()
    print_results(results, as_plan=flags["dry_run"])
    return int(exit_code(results, differences=flags["dry_run"] and flags["exit_code"]))


def _serve(connection: Connection, flags: dict[str, Any], log: Any) -> int:
    from engine.daemon.service import Service
    from engine.metrics import Metrics

    stop = _stopped_by_signals()
    metrics = Metrics()
    service = Service(
        connection, _setup(flags, connection), metrics, stop=stop, log=log,
        on_request=lambda done: metrics.requested(done.method, done.status, done.duration_s),
        on_poll=lambda key, is_good, took_s: metrics.polled(
            key.url, _secret(key), is_good=is_good, duration_s=took_s
        ),
        on_restart=lambda key: metrics.watch_restarted(key.path.rpartition("/")[2]),
    )  # fmt: skip
    metrics.read_queue(lambda: (service.loop.queue.depth(), service.loop.queue.oldest_age_s()))
    metrics.read_sources(lambda: _sources(service))
    with contextlib.ExitStack() as stack:
        stack.callback(service.close)
        if flags["listen"]:
            stack.enter_context(_web(service, metrics, flags, log))
        if flags["leader_elect"] and not service.lead():
            return int(ExitCode.OK)
        metrics.leads(is_leader=True)
        service.start()
        log.info("started", workers=flags["workers"])
        # Not without a limit: a signal that came while the process was frozen may be delivered to
        # another thread when it thaws, and then nothing wakes this one to hear of it.
        while not stop.wait(1.0):
            pass
        return int(ExitCode.OK if service.is_active else ExitCode.FAILURE)


def _stopped_by_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set from now on.

    Not from the handler: that runs amid whatever the main thread is doing, and where this is a wait
    for the very event, the event's lock is held, and setting it would wait for itself for ever.
    """
    stop, asked = threading.Event(), SimpleQueue[int]()  # its put() may come amid anything
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: asked.put(number))

    def heed() -> None:
        asked.get()
        stop.set()

    threading.Thread(target=heed, name="signals", daemon=True).start()
    return stop


def _web(service: Service, metrics: Metrics, flags: dict[str, Any], log: Any) -> Server:
    from engine.web.server import Server

    folder = flags["hook_secret_dir"]
    server = Server(
        flags["listen"], daemon=service, metrics=metrics,
        hook_secrets=Path(folder) if folder else None,
    )  # fmt: skip
    log.info("listening", address=server.address)
    return server


def _sources(service: Service) -> list[Source]:
    from engine.metrics import Source

    sources = service.sources
    return [
        Source(key.url, _secret(key), age_s, sources.commits(key))
        for key, age_s in sources.ages().items()
    ]


def _secret(key: SourceKey) -> str:
    return f"{key.namespace}/{key.secret}" if key.secret else ""
