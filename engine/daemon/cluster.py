"""The daemon's way to the cluster: one client an identity, and what they all watch together.

Record, Lease, status, events and Secrets for Git are the engine's own; every request about an
application's objects is its service account's, with no way back to the engine's rights.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from engine.errors import NotFoundError, PlumbError, SettingsError
from engine.kube import resources
from engine.kube.catalog import Catalog
from engine.kube.client import Client
from engine.kube.holder import own_name
from engine.kube.record import Record
from engine.kube.shelf import WatchedShelf
from engine.kube.watch import Key
from engine.kube.watched import Looker, WatchedView, Watches
from engine.model import GROUP, RECORD_LABEL, ObjectRef
from engine.run import World
from engine.settings import credentials_from_secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.kube.config import Connection
    from engine.kube.sender import Exchange
    from engine.kube.store import Seen
    from engine.kube.watch import Watch
    from engine.model import Application, Credentials

_DEFINITIONS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_DEFINING: Final = (
    (_DEFINITIONS, ("apiextensions.k8s.io", "CustomResourceDefinition")),
    ("/apis/apiregistration.k8s.io/v1/apiservices", ("apiregistration.k8s.io", "APIService")),
)
_RECORDS: Final = ("labelSelector", RECORD_LABEL)
_CONNECTIONS: Final = 8


class Cluster:
    """Everything about one API server that outlives a pass. Threads share it.

    ``on_object`` hears what others did to objects that carry our label, ``on_record`` which
    application's record others wrote, ``on_kinds`` that definitions changed, ``on_secret`` which
    Secret did. ``default_account`` acts for applications elsewhere that name none.
    """

    def __init__(  # noqa: PLR0913 - each is a wire to another part
        self,
        connection: Connection,
        *,
        namespace: str,
        cache_dir: Path,
        stop: threading.Event,
        default_account: str = "",
        request_timeout_s: float = 30.0,
        on_request: Callable[[Exchange], None] | None = None,
        on_object: Callable[[Seen], None],
        on_record: Callable[[str], None],
        on_kinds: Callable[[], None],
        on_secret: Callable[[str, str], None],
        on_restart: Callable[[Key], None] = lambda _key: None,
    ) -> None:
        self.namespace = namespace
        self._connection = connection
        self._default_account = default_account
        self._timeout_s = request_timeout_s
        self._on_request = on_request
        self._on_record = on_record
        self._on_kinds = on_kinds
        self._on_secret = on_secret
        self._stop = stop
        self._lock = threading.Lock()
        self._lookers: dict[str, Looker] = {}
        self.client = self._looker("").client
        self.catalog = Catalog(self.client, cache_dir=cache_dir / "openapi")
        self.watches = Watches(stop=stop, tell=on_object, on_restart=on_restart)
        self._shelf: WatchedShelf | None = None

    def start(self) -> None:
        """Watch records and definitions from now on."""
        records = self._follow(
            Key("", f"/api/v1/namespaces/{self.namespace}/configmaps", _RECORDS),
            ("", "ConfigMap"), lambda seen: self._on_record(_recorded(seen.ref.name)),
        )  # fmt: skip
        self._shelf = WatchedShelf(records, self.namespace)
        for path, kind in _DEFINING:
            # A definition's status changes a few times while it is taken up: each counts.
            key = Key("", path, metadata_only=True)
            self._follow(key, kind, lambda _seen: self._definitions_changed())
        records.settled(10.0)

    def applications(self, tell: Callable[[Seen], None], *, namespace: str = "") -> Watch:
        """Return the watch of all Application resources, or those of one namespace."""
        key = Key("", resources.path(namespace))
        return self._follow(key, (GROUP, "Application"), tell)

    def _follow(self, key: Key, kind: tuple[str, str], tell: Callable[[Seen], None]) -> Watch:
        return self.watches.follow(self.client, key, kind=kind, tell=tell)

    def _definitions_changed(self) -> None:
        self.catalog.expire()
        self._on_kinds()

    def retain_kinds(self) -> None:
        """End the watches of kinds that are gone; asks the server for its kinds."""
        self.watches.retain(self.catalog.kinds())

    def close(self) -> None:
        """Close all connections; watches end."""
        with self._lock:
            lookers = list(self._lookers.values())
        for looker in lookers:
            looker.client.close()

    # --- for one application -----------------------------------------------------------------

    def world(self, application: Application) -> World:
        """Return what a pass works with; raises SettingsError where nobody may act for it."""
        looker = self._looker(self.account(application))
        return World(
            client=looker.client,
            view=WatchedView(looker, self.watches, self.catalog),
            record=self.record,
            stop=self._stop,
        )

    def record(self, application: Application) -> Record:
        """Return the application's record, read and written with the engine's own rights."""
        return Record(
            self.client, str(application), own_name(), namespace=self.namespace, shelf=self._shelf
        )

    def account(self, application: Application) -> str:
        """Return the user to act as, "" for the engine itself."""
        name = application.service_account_name or ""
        if not name and application.origin == "resource":
            if application.namespace == self.namespace:
                return ""
            name = self._default_account
            if not name:
                raise SettingsError(
                    "PLB137", "it names no service account to act as",
                    where=f"Application {application}: /spec/serviceAccountName",
                    why=f"only Applications in {self.namespace} may use Plumb's own rights",
                    hint="set serviceAccountName, or start Plumb with --default-service-account",
                )  # fmt: skip
        return f"system:serviceaccount:{application.namespace}:{name}" if name else ""

    def _looker(self, user: str) -> Looker:
        with self._lock:
            known = self._lookers.get(user)
            if known is None:
                client = Client(
                    self._connection, request_timeout_s=self._timeout_s, connections=_CONNECTIONS,
                    stop=self._stop, impersonate=user or None, on_request=self._on_request,
                )  # fmt: skip
                known = self._lookers[user] = Looker(client, user)
            return known

    # --- Secrets for Git ---------------------------------------------------------------------

    def credentials(self, namespace: str, name: str) -> Credentials:
        """Return what a Secret holds for Git, and hear of its changes from now on."""
        ref = ObjectRef("", "Secret", namespace, name)
        collection = f"/api/v1/namespaces/{namespace}/secrets"
        watch = self._follow(
            Key("", collection, ("fieldSelector", f"metadata.name={name}")), ("", "Secret"),
            lambda seen: self._on_secret(seen.ref.namespace, seen.ref.name),
        )  # fmt: skip
        live = watch.store.get(ref) if watch.settled(5.0) else None
        if live is not None:
            return credentials_from_secret(live.body)
        return credentials_from_secret(self.client.get(f"{collection}/{name}", ref=str(ref)))

    # --- proof of absence --------------------------------------------------------------------

    def is_gone(self, application: Application) -> bool:
        """Say whether an Application resource was deleted, and not just its definition.

        Whoever deletes the definition deletes all Applications with it, and did not mean their
        objects (argo-cd#13515 and its like); then, and in every doubt, the answer is no.
        """
        try:
            resources.get(self.client, application.namespace, application.name)
        except NotFoundError:
            return not self.is_definition_leaving()
        except PlumbError:
            return False
        return False

    def is_definition_leaving(self) -> bool:
        """Say whether the definition of Applications is going, gone, or cannot be looked at."""
        try:
            body = self.client.get(f"{_DEFINITIONS}/applications.{GROUP}", ref="the CRD")
        except PlumbError:
            return True
        return bool(body["metadata"].get("deletionTimestamp"))


def _recorded(config_map: str) -> str:
    """Return the application that a record's ConfigMap is of: "plumb[-N].<namespace>.<name>"."""
    _, _, rest = config_map.partition(".")
    namespace, _, name = rest.partition(".")
    return f"{namespace}/{name}"
