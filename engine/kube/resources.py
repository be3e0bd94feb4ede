"""Application resources of a cluster: reading them, and writing what is Plumb's in them.

Belongs here: the requests about `applications.plumb.dev`. Not here: what their fields mean
(settings/), what a status says (daemon/conditions.py), watching them (kube/watch.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.errors import ConflictError, NotFoundError, SettingsError
from engine.kube.client import WRITING
from engine.model import GROUP
from engine.settings import application_from_resource, bare_application
from engine.settings.documents import REQUESTED_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.kube.client import Client
    from engine.model import JSON, Application

VERSION: Final = "v1alpha1"
PLURAL: Final = "applications"
FINALIZER: Final = "plumb.dev/delete"
# Another name than the engine's, so that a report of drift tells a person from a daemon.
_BY_HAND: Final = {**WRITING, "fieldManager": "plumb-cli"}
_TRIES: Final = 4


@dataclass(frozen=True, slots=True)
class Resource:
    """One Application resource as it was read.

    With ``error`` its spec cannot be used: then ``application`` has its identity, its metadata and
    defaults, enough to write a status and nothing to sync by. ``status`` is {} where there is none.
    """

    application: Application
    status: JSON
    error: SettingsError | None = None

    @property
    def key(self) -> str:
        """Its "namespace/name"."""
        return str(self.application)


def path(namespace: str = "", name: str = "", *, subresource: str = "") -> str:
    """Return the URL path of all, of those of one namespace, or of one of them."""
    parts = ["", "apis", GROUP, VERSION]
    parts += ["namespaces", namespace] if namespace else []
    parts += [part for part in (PLURAL, name, subresource) if part]
    return "/".join(parts)


def parse(body: JSON) -> Resource:
    """Return what the API server says about one; an unusable spec is an ``error``, never raised."""
    status = body.get("status")
    status = status if isinstance(status, dict) else {}
    try:
        return Resource(application_from_resource(body), status)
    except SettingsError as error:
        return Resource(bare_application(body), status, error)


def is_served(client: Client) -> bool:
    """Whether the cluster knows Application resources at all; one request."""
    groups = client.get("/apis").get("groups") or ()
    return any(
        group.get("name") == GROUP
        and any(version.get("version") == VERSION for version in group.get("versions") or ())
        for group in groups
    )


def list_all(client: Client, namespace: str = "") -> list[Resource]:
    """Return all of them, or those of one namespace, in the server's order."""
    return [parse(body) for body in client.list(path(namespace), drop_managed_fields=True)]


def get(client: Client, namespace: str, name: str) -> Resource:
    """Return one of them; NotFoundError when the server says that there is none."""
    return parse(client.get(path(namespace, name), ref=_ref(namespace, name)))


def write_status(client: Client, application: Application, status: JSON) -> None:
    """Replace the status, if this very resource is still there.

    Raises ConflictError when another of that name has taken its place, NotFoundError when none has.
    """
    operations = [_same(application), {"op": "add", "path": "/status", "value": status}]
    where = path(application.namespace, application.name, subresource="status")
    client.patch(where, operations, ref=_ref(application.namespace, application.name))


def add_finalizer(client: Client, application: Application) -> None:
    """Let the resource stay, when it is deleted, until :func:`remove_finalizer`.

    Nothing is written where it is there already, or to one that is being deleted.
    """

    def operations(now: Application) -> list[JSON] | None:
        if FINALIZER in now.finalizers or now.is_terminating:
            return None
        if not now.finalizers:
            return [
                {"op": "test", "path": "/metadata/finalizers", "value": None},
                {"op": "add", "path": "/metadata/finalizers", "value": [FINALIZER]},
            ]
        return [
            {"op": "test", "path": "/metadata/finalizers", "value": list(now.finalizers)},
            {"op": "add", "path": "/metadata/finalizers/-", "value": FINALIZER},
        ]

    _change(client, application, operations)


def remove_finalizer(client: Client, application: Application) -> None:
    """Let the resource go; nothing is wrong when it is gone, or another of that name is there."""

    def operations(now: Application) -> list[JSON] | None:
        if FINALIZER not in now.finalizers:
            return None
        place = f"/metadata/finalizers/{now.finalizers.index(FINALIZER)}"
        return [
            {"op": "test", "path": place, "value": FINALIZER},
            {"op": "remove", "path": place},
        ]

    try:
        _change(client, application, operations)
    except NotFoundError:
        return


def request(client: Client, application: Application, moment: str) -> None:
    """Ask for a look at once; ``lastHandledReconcileAt`` becomes ``moment`` when it is over."""
    where = _ref(application.namespace, application.name)
    body = client.get(path(application.namespace, application.name), ref=where)
    name = REQUESTED_ANNOTATION.replace("/", "~1")
    operations: list[JSON] = [_same(application)]
    if body["metadata"].get("annotations") is None:
        operations += [
            {"op": "test", "path": "/metadata/annotations", "value": None},
            {"op": "add", "path": "/metadata/annotations", "value": {}},
        ]
    operations.append({"op": "add", "path": f"/metadata/annotations/{name}", "value": moment})
    client.patch(
        path(application.namespace, application.name), operations, params=_BY_HAND, ref=where
    )


def suspend(client: Client, application: Application, *, suspended: bool) -> None:
    """Set ``spec.suspend``."""
    client.patch(
        path(application.namespace, application.name),
        [_same(application), {"op": "add", "path": "/spec/suspend", "value": suspended}],
        params=_BY_HAND, ref=_ref(application.namespace, application.name),
    )  # fmt: skip


def _change(
    client: Client,
    application: Application,
    operations: Callable[[Application], Sequence[JSON] | None],
) -> None:
    """Patch by what is known of the resource, and by what it is now when that has changed."""
    where = path(application.namespace, application.name)
    ref = _ref(application.namespace, application.name)
    now = application
    for tries_left in reversed(range(_TRIES)):
        wanted = operations(now)
        if wanted is None:
            return
        try:
            client.patch(where, [_same(application), *wanted], ref=ref)
        except ConflictError:
            if not tries_left:
                raise
            now = parse(client.get(where, ref=ref)).application
            if now.uid != application.uid:
                raise _replaced(ref) from None
        else:
            return


def _replaced(ref: str) -> NotFoundError:
    return NotFoundError("PLB404", "it is not there", where=ref,
                         why="another one of that name has taken its place")  # fmt: skip


def _same(application: Application) -> JSON:
    return {"op": "test", "path": "/metadata/uid", "value": application.uid}


def _ref(namespace: str, name: str) -> str:
    return f"Application/{namespace}/{name}"
