"""Application documents and the flags that stand for one, read into Application values.

Belongs here: which fields there are, what they may hold and their defaults (docs/application.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from engine import parse
from engine.errors import ManifestError, SettingsError
from engine.model import Application, GitRef, IgnoreRule, MaxPrune, Source
from engine.settings import values
from engine.settings.fields import Fields, Problems

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


def applications(data: bytes, *, path: str, namespace: str) -> list[Application]:
    """Return the Applications of a file, in its order; ``namespace`` is for those that name none.

    Raises SettingsError with path:line:column; every other problem of the file is in ``others``.
    Local repository paths are relative to the file's folder.
    """
    found: list[Application] = []
    errors: list[SettingsError] = []
    for document in _documents(data, path):
        problems = Problems(path, _places(data, document.index))
        try:
            found.append(_application(document.body, problems, path=path, namespace=namespace))
        except SettingsError as error:
            errors += [error, *(e for e in error.others if isinstance(e, SettingsError))]
    errors += _twice(found, path)
    if errors:
        first, *rest = errors
        first.others = tuple(rest)
        raise first
    if not found:
        raise SettingsError("PLB100", "there is no Application in this file", where=path)
    return found


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


def _documents(data: bytes, path: str) -> list[parse.Document]:
    try:
        return list(parse.documents(data, path=path))
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


def _application(body: JSON, problems: Problems, *, path: str, namespace: str) -> Application:
    _check_kind(body, problems)
    top = Fields(body, "", problems)
    top.only({"apiVersion", "kind", "metadata", "spec", "status"})
    metadata, spec = top.inner("metadata"), top.inner("spec")
    metadata.only(_METADATA)
    spec.only(_SPEC)
    limits = spec.inner("maxPrune")
    limits.only({"objects", "percent"})
    application = Application(
        name=metadata.required("name", values.subdomain, default=""),
        namespace=metadata.text("namespace", values.label, default=namespace),
        confirm=metadata.inner("annotations").text(CONFIRM_ANNOTATION, str, default=""),
        source=_source(spec, folder=str(Path(path).parent)),
        target_namespace=spec.text("targetNamespace", values.label, default="") or None,
        allowed_namespaces=spec.texts("allowedNamespaces", values.label),
        allow_cluster_scoped=spec.flag("allowClusterScoped", default=False),
        create_namespace=spec.flag("createNamespace", default=False),
        service_account_name=spec.text("serviceAccountName", values.subdomain, default="") or None,
        interval_s=spec.text("interval", _positive, default=180.0),
        prune=spec.flag("prune", default=True),
        max_prune=MaxPrune(
            objects=limits.number("objects", default=5, most=_UNBOUNDED),
            percent=limits.number("percent", default=30, most=100),
        ),
        deletion_policy=spec.word("deletionPolicy", _POLICIES, default="orphan"),
        drift=spec.word("drift", _DRIFT, default="correct"),
        wait=spec.flag("wait", default=True),
        timeout_s=spec.text("timeout", _positive, default=300.0),
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


def _source(spec: Fields, *, folder: str) -> Source:
    def url(text: str) -> str:
        return values.repository_url(text, folder=folder)

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


def _positive(text: str) -> float:
    seconds = values.parse_duration(text)
    if not seconds:
        raise SettingsError("PLB105", "must be longer than nothing")
    return seconds
