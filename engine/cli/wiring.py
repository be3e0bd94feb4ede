"""Which parts a command works with: applications, repositories, the cluster.

Nothing here decides anything about objects; it reads flags, files and Secrets and hands values on.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from engine.cli.options import common
from engine.errors import GitError, ManifestError, PlumbError, SettingsError
from engine.model import Credentials, SyncResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine.git import Limits, Repository
    from engine.kube.client import Client
    from engine.kube.record import Record
    from engine.kube.sender import Exchange
    from engine.model import Application, Tree
    from engine.run import Desired, World

    Source = Tree | PlumbError

_SSH_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


@dataclass(slots=True)
class Wiring:
    """One invocation. ``flags`` are the parameters of the command, by click's names."""

    flags: dict[str, Any]
    stop: threading.Event = field(default_factory=threading.Event)
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _clients: dict[str, Client] = field(default_factory=dict)
    _namespace: str = ""
    _told: str = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._stack.close()

    # --- applications ------------------------------------------------------------------------

    def applications(self) -> list[Application]:
        """Return what -f or the flags describe; names on the command line choose among them."""
        from engine.settings import application_from_flags, applications

        flags = self.flags
        if flags["files"] and flags["url"]:
            raise SettingsError("PLB130", "-f and --url exclude each other", where="flags")
        found: list[Application] = []
        for file in flags["files"]:
            data, path = _read_file(file)
            found += applications(data, path=path, namespace=self.namespace)
        if flags["url"]:
            found = [
                application_from_flags(
                    flags["name"] or "", flags["url"], ref=flags["ref"] or "",
                    path=flags["path"] or "", namespace=self.namespace,
                )
            ]  # fmt: skip
        if not found:
            raise SettingsError(
                "PLB131", "no application is named", where="flags",
                hint="give a file with -f, or --name, --url and --path",
            )  # fmt: skip
        if flags["target_namespace"]:
            target = flags["target_namespace"]
            found = [replace(application, target_namespace=target) for application in found]
        return _chosen(found, flags["names"])

    @property
    def namespace(self) -> str:
        """Where applications live that name no namespace: -n, the context's, or default."""
        if not self._namespace:
            self._namespace = common().namespace or self._context_namespace()
        return self._namespace

    def _context_namespace(self) -> str:
        from engine.kube.config import load

        try:
            return load(kubeconfig=common().kubeconfig, context=common().context).namespace
        except SettingsError:
            # Without a cluster, as in `plumb render`; a command that needs one says so itself.
            return "default"

    # --- Git ---------------------------------------------------------------------------------

    def desired(
        self, applications: Sequence[Application]
    ) -> list[tuple[Application, Desired | PlumbError]]:
        """Return what Git wants for each, or why that cannot be had."""
        from engine.reconcile import fetch

        if self.flags.get("worktree"):
            from engine.cli.revisions import Revisions

            return self._stack.enter_context(Revisions(self.flags)).lying_there(applications)
        found: list[tuple[Application, Desired | PlumbError]] = []
        for application in applications:
            try:
                source = application.source
                self.narrate(f"reading {source.url} at {source.ref.name or 'its default branch'}")
                found.append((application, fetch(application, self._repository(application))))
            except (GitError, ManifestError, SettingsError) as error:
                found.append((application, error))
        return found

    def trees(self, applications: Sequence[Application]) -> list[tuple[Application, Source]]:
        """Return the files that each application is made from, or why they cannot be had."""
        found: list[tuple[Application, Source]] = []
        for application in applications:
            try:
                if self.flags.get("worktree"):
                    from engine.cli.revisions import Revisions

                    revisions = self._stack.enter_context(Revisions(self.flags))
                    found.append((application, revisions.tree_of(application)))
                    continue
                self.narrate(f"reading {application.source.url}")
                repository = self._repository(application)
                revision = repository.fetch(application.source.ref)
                found.append((application, repository.tree(revision)))
            except (GitError, SettingsError) as error:
                found.append((application, error))
        return found

    def _repository(self, application: Application) -> Repository:
        from engine.git import Repository

        return self._stack.enter_context(
            Repository(
                application.source.url,
                cache_dir=self.cache_dir / "git",
                credentials=self.credentials(application),
                limits=self.limits,
                stop=self.stop,
            )
        )

    @property
    def limits(self) -> Limits:
        """How much a repository may cost."""
        from engine.git import Limits

        given = {
            "timeout_s": self.flags["git_timeout"],
            "pack_bytes": self.flags["max_pack_size"],
            "blob_bytes": self.flags["max_file_size"],
            "tree_entries": self.flags["max_tree_entries"],
        }
        return replace(Limits(), **{key: value for key, value in given.items() if value})

    @property
    def cache_dir(self) -> Path:
        """The one folder for what was fetched."""
        return cache_folder(self.flags.get("cache_dir"))

    def credentials(self, application: Application) -> Credentials:
        """Return who to be for the Git server: by the flags, else the application's Secret."""
        flags, secret = self.flags, application.source.secret_ref
        named = ("git_username", "git_password_file", "git_token_file", "ssh_key")
        has_flags = any(flags[name] for name in named)
        if secret and not has_flags:
            return self._from_secret(application.namespace, secret)
        password = os.environ.get("PLUMB_GIT_PASSWORD", "")
        token = os.environ.get("PLUMB_GIT_TOKEN", "")
        return Credentials(
            username=flags["git_username"] or "",
            password=line(flags["git_password_file"]) or password,
            token=line(flags["git_token_file"]) or token,
            ssh_key=_content(flags["ssh_key"]) or _first(_SSH_KEYS, application.source.url),
            known_hosts=_content(flags["known_hosts"])
            or _first(("known_hosts",), application.source.url),
            ca=_content(flags["git_ca_file"]),
        )

    def _from_secret(self, namespace: str, name: str) -> Credentials:
        from engine.settings import credentials_from_secret

        path = f"/api/v1/namespaces/{namespace}/secrets/{name}"
        return credentials_from_secret(self.client().get(path, ref=f"Secret/{namespace}/{name}"))

    # --- the cluster -------------------------------------------------------------------------

    def client(self, user: str = "") -> Client:
        """Return the way to the API server, as the caller or as another user."""
        from engine.kube.client import Client
        from engine.kube.config import load

        if user not in self._clients:
            given = common()
            connection = load(kubeconfig=given.kubeconfig, context=given.context)
            client = Client(
                connection,
                request_timeout_s=given.request_timeout,
                connections=8,
                stop=self.stop,
                impersonate=user or None,
                on_request=_request_log() if given.verbose else None,
            )
            self._clients[user] = self._stack.enter_context(client)
        return self._clients[user]

    def world(self, application: Application) -> World:
        """Return what a run of this application works with."""
        from engine.kube.view import DirectView
        from engine.run import World

        client = self.client(self._user(application))
        return World(
            client=client,
            view=DirectView(client, self.cache_dir / "openapi"),
            record=self.record,
            stop=self.stop,
            narrate=self.narrate,
        )

    def _user(self, application: Application) -> str:
        if not self.flags.get("impersonate"):
            return ""
        if not application.service_account_name:
            raise SettingsError(
                "PLB132", f"Application {application} has no serviceAccountName",
                where="--impersonate",
            )  # fmt: skip
        return f"system:serviceaccount:{application.namespace}:{application.service_account_name}"

    def record(self, application: Application) -> Record:
        """Return the application's record; it is always read and written as the caller."""
        from engine.kube.holder import own_name
        from engine.kube.record import Record

        namespace = self.flags["record_namespace"]
        return Record(self.client(), str(application), own_name(), namespace=namespace)

    def narrate(self, text: str) -> None:
        """Tell a person what is going on, each thing once; never on standard output."""
        if not common().quiet and text != self._told:
            click.echo(text, err=True)
        self._told = text


def cache_folder(given: str | None) -> Path:
    """Return the folder for what was fetched: the given one, else the user's."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(base) / "plumb"


def unread(application: Application, error: PlumbError) -> SyncResult:
    """Return the result of an application whose desired state could not be had."""
    return SyncResult(str(application), None, None, errors=(error,))


def _chosen(applications: list[Application], names: Sequence[str]) -> list[Application]:
    known = {application.name for application in applications}
    for name in names:
        if name not in known:
            raise SettingsError(
                "PLB133", f"there is no application {name}", where="command line",
                hint=f"there are {', '.join(sorted(known))}",
            )  # fmt: skip
    return [a for a in applications if not names or a.name in names]


def _read_file(file: str) -> tuple[bytes, str]:
    if file == "-":
        return sys.stdin.buffer.read(), "standard input"
    return _content(file), file


def _content(file: str | None) -> bytes:
    if not file:
        return b""
    try:
        return Path(file).expanduser().read_bytes()
    except OSError as error:
        raise SettingsError(
            "PLB134", "the file cannot be read", where=file, why=error.strerror or "",
        ) from None  # fmt: skip


def line(file: str | None) -> str:
    """Return the one line of a file, "" when none is named."""
    return _content(file).decode("utf-8", "replace").strip()


def _first(names: Sequence[str], url: str) -> bytes:
    """Return the first of these files in ~/.ssh, for a repository that is reached by SSH."""
    # "git@host:path" has no scheme; what begins with a slash is a folder of this machine.
    if url.startswith("/") or ("://" in url and not url.startswith("ssh://")):
        return b""
    for name in names:
        with contextlib.suppress(OSError):
            return (Path.home() / ".ssh" / name).read_bytes()
    return b""


def _request_log() -> Callable[[Exchange], None]:
    from engine.cli.log import logger

    log = logger()

    def note(exchange: Exchange) -> None:
        log.info("request", method=exchange.method, target=exchange.target, status=exchange.status)

    return note


def iterate(found: Sequence[tuple[Application, Desired | PlumbError]]) -> Iterator[Desired]:
    """Return those whose desired state could be had."""
    for _, desired in found:
        if not isinstance(desired, PlumbError):
            yield desired
