"""Application documents and the flags that stand for one, read into Application values.

Belongs here: which fields there are, what they may hold and their defaults (docs/application.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from engine import parse
from engine.errors import ManifestError, SettingsError
from engine.model import GROUP, Application, GitRef, IgnoreRule, MaxPrune, Source
from engine.settings import values
from engine.settings.fields import Fields, Problems, ResourceProblems

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.model import JSON

T = TypeVar("T")
Policy: TypeAlias = Literal["orphan", "delete", "wait"]
Drift: TypeAlias = Literal["correct", "report"]
RefKind: TypeAlias = Literal["branch", "tag", "semver", "commit"]

API_VERSION = "plumb.dev/v1alpha1"
KIND = "Application"
CONFIRM_ANNOTATION = "plumb.dev/confirm-prune"
REQUESTED_ANNOTATION = "plumb.dev/reconcile-requested-at"
SHORTEST_S = 10.0  # of a duration in a resource, as the CRD says

_SPEC = frozenset({
    "source", "targetNamespace", "allowedNamespaces", "allowClusterScoped", "createNamespace",
    "serviceAccountName", "interval", "prune", "maxPrune", "deletionPolicy", "drift", "wait",
    "timeout", "suspend", "dependsOn", "ignore",
})  # fmt: skip
# What a person writes, and what the API server adds to a document that was exported from it.
_METADATA = frozenset({
    "name", "namespace", "labels", "annotations", "uid", "resourceVersion", "generation",
    "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields",
    "finalizers", "ownerReferences", "selfLink",
})  # fmt: skip
_POLICIES: dict[str, Policy] = {"orphan": "orphan", "delete": "delete", "wait": "wait"}
_DRIFT: dict[str, Drift] = {"correct": "correct", "report": "report"}
_UNBOUNDED = 2**31 - 1
_FILE_BYTES = 1024 * 1024  # a thousand Applications
# What has to be right in a resource that is going away: it must not be stuck for a bad URL.
_FAREWELL = ("/apiVersion", "/kind", "/metadata/name", "/metadata/namespace",
             "/spec/deletionPolicy", "/spec/serviceAccountName")  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Form:
    """What differs between a file and a resource of the cluster."""

    namespace: str
    url: Callable[[str], str]
    duration: Callable[[str], float]


def applications(
    data: bytes, *, path: str, namespace: str, folder: str = "", only: bool = True
) -> list[Application]:
    """Return the Applications of a file, in its order; ``namespace`` is for those that name none.

    Raises SettingsError with path:line:column; every other problem of the file is in ``others``.
    Local repository paths are relative to ``folder``, by default the file's. Documents of other
    kinds are an error unless ``only`` is False.
    """
    found, errors = readable_applications(
        data, path=path, namespace=namespace, folder=folder, only=only
    )
    if errors:
        first, *rest = errors
        first.others = tuple(rest)
        raise first
    if not found and only:
        raise SettingsError("PLB100", "there is no Application in this file", where=path)
    return found


def readable_applications(
    data: bytes, *, path: str, namespace: str, folder: str = "", only: bool = True
) -> tuple[list[Application], list[SettingsError]]:
    """Return those Applications of a file that can be read, and what is wrong with the others.

    Raises SettingsError for a file that is no YAML.
    """
    found: list[Application] = []
    errors: list[SettingsError] = []
    place = folder or str(Path(path).parent)
    form = _Form(namespace, lambda text: values.repository_url(text, folder=place), _positive)
    limits = parse.Limits(size_bytes=_FILE_BYTES, nodes=20_000) if only else parse.Limits()
    for document in _documents(data, path, limits):
        if not only and not _is_application(document.body):
            continue
        problems = Problems(path, _places(data, document.index))
        try:
            found.append(_from_file(document.body, problems, form))
        except SettingsError as error:
            errors += [error, *(e for e in error.others if isinstance(e, SettingsError))]
    return found, errors + _twice(found, path)


def application_from_resource(body: JSON) -> Application:
    """Return what an Application resource asks for, as the API server returned it.

    Raises SettingsError whose place is "Application NAMESPACE/NAME: /spec/FIELD". It differs from
    the form in files in this: the repository is on a server, never on the disk of whoever reads
    it; durations are 10 s or more; metadata is the API server's and not checked; and of one that
    is being deleted only what deleting it needs has to be right.
    """
    metadata = _mapping(_mapping(body).get("metadata"))
    namespace, name = (str(metadata.get(key) or "?") for key in ("namespace", "name"))
    is_terminating = bool(metadata.get("deletionTimestamp"))
    problems = ResourceProblems(
        f"Application {namespace}/{name}", only=_FAREWELL if is_terminating else None
    )
    _check_kind(body, problems)
    application = _application(body, problems, _Form("", values.remote_url, _at_least_shortest))
    return replace(application, document=None, **_of_resource(body))


def bare_application(body: JSON) -> Application:
    """Return identity and metadata of a resource whose spec cannot be used, and defaults."""
    metadata = _mapping(_mapping(body).get("metadata"))
    name, namespace = (str(metadata.get(key) or "") for key in ("name", "namespace"))
    return Application(name, namespace, Source(""), **_of_resource(body))


def _of_resource(body: JSON) -> dict[str, Any]:
    """Return the fields of an Application that no file has.

    Not the document: a thousand of them would weigh more than all else that is known of them.
    """
    metadata = _mapping(_mapping(body).get("metadata"))
    annotations = _mapping(metadata.get("annotations"))
    generation, finalizers = metadata.get("generation"), metadata.get("finalizers")
    return {
        "origin": "resource",
        "uid": str(metadata.get("uid") or ""),
        "status_id": str(_mapping(_mapping(body).get("status")).get("id") or ""),
        "generation": generation if isinstance(generation, int) else 0,
        "requested_at": str(annotations.get(REQUESTED_ANNOTATION) or ""),
        "is_terminating": bool(metadata.get("deletionTimestamp")),
        "finalizers": tuple(map(str, finalizers)) if isinstance(finalizers, list) else (),
    }


def application_from_flags(
    name: str, url: str, *, ref: str = "", path: str = "", namespace: str
) -> Application:
    """Return the Application that --name, --url, --ref and --path describe, else the defaults.

    A local repository path is relative to the current folder. What other flags say is set by the
    caller with ``dataclasses.replace``.
    """

    def checked(text: str) -> str:
        return values.repository_url(text, folder="")

    source = Source(
        url=_flag("--url", checked, url),
        ref=_flag("--ref", values.parse_ref, ref),
        path=_flag("--path", values.folder_path, path),
    )
    return Application(
        name=_flag("--name", values.subdomain, name),
        namespace=_flag("--namespace", values.label, namespace),
        source=source,
    )


def _flag(flag: str, read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except SettingsError as error:
        error.where = flag
        raise


def _documents(data: bytes, path: str, limits: parse.Limits) -> list[parse.Document]:
    try:
        return list(parse.documents(data, path=path, limits=limits))
    except ManifestError as error:
        raise SettingsError(
            "PLB112", error.what, where=error.where, why=error.why, hint=error.hint
        ) from error


def _places(data: bytes, index: int) -> Callable[[str], tuple[int, int]]:
    def locate(pointer: str) -> tuple[int, int]:
        return parse.locate(data, document=index, pointer=pointer)

    return locate


def _twice(found: list[Application], path: str) -> list[SettingsError]:
    seen: set[str] = set()
    errors = []
    for application in map(str, found):
        if application in seen:
            errors.append(
                SettingsError(
                    "PLB111",
                    f"Application {application} is there twice",
                    where=path,
                    hint="give one of them another name",
                )
            )
        seen.add(application)
    return errors


def _is_application(body: JSON) -> bool:
    """Say whether a document means to be an Application, of whatever version."""
    if not isinstance(body, dict):
        return False
    version = body.get("apiVersion")
    return body.get("kind") == KIND and str(version).startswith(f"{GROUP}/")


def _from_file(body: JSON, problems: Problems, form: _Form) -> Application:
    _check_kind(body, problems)
    Fields(body, "", problems).only({"apiVersion", "kind", "metadata", "spec", "status"})
    Fields(body, "", problems).inner("metadata").only(_METADATA)
    return _application(body, problems, form)


def _application(body: JSON, problems: Problems, form: _Form) -> Application:
    top = Fields(body, "", problems)
    metadata, spec = top.inner("metadata"), top.inner("spec")
    spec.only(_SPEC)
    limits = spec.inner("maxPrune")
    limits.only({"objects", "percent"})
    application = Application(
        name=metadata.required("name", values.subdomain, default=""),
        namespace=metadata.text("namespace", values.label, default=form.namespace),
        confirm=metadata.inner("annotations").text(CONFIRM_ANNOTATION, str, default=""),
        source=_source(spec, form.url),
        target_namespace=spec.text("targetNamespace", values.label, default="") or None,
        allowed_namespaces=spec.texts("allowedNamespaces", values.label),
        allow_cluster_scoped=spec.flag("allowClusterScoped", default=False),
        create_namespace=spec.flag("createNamespace", default=False),
        service_account_name=spec.text("serviceAccountName", values.subdomain, default="") or None,
        interval_s=spec.text("interval", form.duration, default=180.0),
        prune=spec.flag("prune", default=True),
        max_prune=MaxPrune(
            objects=limits.number("objects", default=5, most=_UNBOUNDED),
            percent=limits.number("percent", default=30, most=100),
        ),
        deletion_policy=spec.word("deletionPolicy", _POLICIES, default="orphan"),
        drift=spec.word("drift", _DRIFT, default="correct"),
        wait=spec.flag("wait", default=True),
        timeout_s=spec.text("timeout", form.duration, default=300.0),
        suspend=spec.flag("suspend", default=False),
        depends_on=tuple(_dependency(item) for item in spec.items("dependsOn")),
        ignore=tuple(_rule(item) for item in spec.items("ignore")),
        document=body,
    )
    problems.raise_first()
    return application


def _check_kind(body: JSON, problems: Problems) -> None:
    """Refuse another kind at once: its fields would all look like mistakes."""
    found = (body.get("apiVersion"), body.get("kind")) if isinstance(body, dict) else (None, None)
    for name, wanted, value in zip(("apiVersion", "kind"), (API_VERSION, KIND), found, strict=True):
        if value != wanted:
            shown = value if isinstance(value, str) and len(value) < 100 else "nothing"
            problems.add(
                f"/{name}",
                SettingsError("PLB100", f"must be {wanted}", why=f"{shown} stands there"),
            )
    problems.raise_first()


def _source(spec: Fields, url: Callable[[str], str]) -> Source:
    if not spec.has("source"):
        spec.wrong("source", SettingsError("PLB103", "is missing", hint="set source.url"))
        return Source(url="")
    source = spec.inner("source")
    source.only({"url", "ref", "path", "secretRef"})
    return Source(
        url=source.required("url", url, default=""),
        ref=_ref(source),
        path=source.text("path", values.folder_path, default=""),
        secret_ref=_named(source, "secretRef"),
    )


def _ref(source: Fields) -> GitRef:
    ref = source.inner("ref")
    ref.only({"branch", "tag", "semver", "commit"})
    named = [name for name in ("branch", "tag", "semver", "commit") if ref.has(name)]
    if len(named) > 1:
        ref.wrong(
            named[1],
            SettingsError(
                "PLB106",
                f"only one of branch, tag, semver and commit; {named[0]} is set too",
                hint=f"take out {named[0]} or {named[1]}",
            ),
        )
    readings: tuple[tuple[RefKind, Callable[[str], str]], ...] = (
        ("commit", values.commit_id),
        ("semver", values.version_range),
        ("tag", values.ref_name),
        ("branch", values.ref_name),
    )
    found = GitRef()
    for kind, read in readings:
        if ref.has(kind):
            found = GitRef(kind, ref.text(kind, read, default=""))
    return found


def _named(parent: Fields, name: str) -> str | None:
    """Name of the object that a reference like secretRef points at."""
    if not parent.has(name):
        return None
    reference = parent.inner(name)
    reference.only({"name"})
    return reference.required("name", values.subdomain, default="")


def _dependency(item: Fields) -> str:
    item.only({"name"})
    return item.required("name", values.subdomain, default="")


def _rule(item: Fields) -> IgnoreRule:
    item.only({"group", "kind", "name", "namespace", "paths"})
    paths = item.texts("paths", values.pointer)
    if not item.has("paths"):
        item.wrong(
            "paths", SettingsError("PLB103", "is missing", hint="for example [/spec/replicas]")
        )
    return IgnoreRule(
        paths=paths,
        kind=item.text("kind", str, default=""),
        group=item.text("group", str, default="") if item.has("group") else None,
        name=item.text("name", str, default=""),
        namespace=item.text("namespace", str, default=""),
    )


def _mapping(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {}


def _positive(text: str) -> float:
    seconds = values.parse_duration(text)
    if not seconds:
        raise SettingsError("PLB105", "must be longer than nothing")
    return seconds


def _at_least_shortest(text: str) -> float:
    seconds = _positive(text)
    if seconds < SHORTEST_S:
        raise SettingsError("PLB105", f"must be {SHORTEST_S:.0f}s or longer")
    return seconds
