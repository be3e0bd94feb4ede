"""Which namespace each manifest belongs in, and whether the application may put it there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.errors import ManifestError, PlumbError, RefusedError
from engine.model import GROUP, RECORD_LABEL, Application, Manifest, ObjectRef, Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.kinds import Kinds, Resource


# A review that only answers, a binding that only happens: nothing of it is there to be compared.
_NEEDED_VERBS = frozenset({"create", "delete", "get", "list", "patch"})


@dataclass(frozen=True, slots=True)
class Refused:
    """A manifest that has no place in the cluster, and the reason."""

    manifest: Manifest
    error: PlumbError


@dataclass(frozen=True, slots=True)
class Placement:
    """The manifests with their final identity, and those that cannot be placed, with the reason.

    A manifest stands in exactly one of the two. ``namespace`` is the one that ``createNamespace``
    asks for, unless Git has it: made when it is missing, never owned.
    """

    manifests: tuple[Manifest, ...]
    refused: tuple[Refused, ...] = ()
    namespace: Manifest | None = None


def place(manifests: Iterable[Manifest], application: Application, kinds: Kinds) -> Placement:
    """Return where everything goes: ``targetNamespace`` or the Application's own by default.

    Raises ManifestError when two manifests turn out to be the same object.
    """
    known: dict[ObjectRef, Manifest] = {}
    placed: list[Manifest] = []
    refused: list[Refused] = []
    for manifest in manifests:
        resource = kinds.resource(manifest.api_version, manifest.ref.kind)
        if resource is None:
            refused.append(Refused(manifest, _unknown_kind(manifest, kinds)))
            continue
        final = _located(manifest, resource, application)
        if final.ref in known:
            raise ManifestError(
                "PLB320",
                f"{final.ref} is also defined in {known[final.ref].origin}",
                where=str(final.origin),
                why="without a namespace of its own it goes to " + final.ref.namespace,
                hint="remove one of the two",
            )
        known[final.ref] = final
        reason = _refusal(final, resource, application)
        if reason is None:
            placed.append(final)
        else:
            refused.append(Refused(final, reason))
    return Placement(tuple(placed), tuple(refused), _namespace(application, known))


def wishes(
    manifests: Iterable[Manifest], application: Application, kinds: Kinds
) -> frozenset[ObjectRef]:
    """Return what the application wants, whether it may have it or not; never raises."""
    found = ((m, kinds.resource(m.api_version, m.ref.kind)) for m in manifests)
    return frozenset(_located(m, r, application).ref if r else m.ref for m, r in found)


def _namespace(application: Application, known: Mapping[ObjectRef, Manifest]) -> Manifest | None:
    name = application.target_namespace or application.namespace
    ref = ObjectRef("", "Namespace", "", name)
    if not application.create_namespace or ref in known:
        return None
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    return Manifest(ref, body, Origin("createNamespace", 1), "")


def _located(manifest: Manifest, resource: Resource, application: Application) -> Manifest:
    written = manifest.ref.namespace
    if not resource.namespaced:
        wanted = ""
    else:
        wanted = written or application.target_namespace or application.namespace
    metadata = dict(manifest.body["metadata"])
    if wanted == written and metadata.get("namespace", "") == wanted:
        return manifest
    metadata.pop("namespace", None)
    if wanted:
        metadata["namespace"] = wanted
    ref = replace(manifest.ref, namespace=wanted)
    return replace(manifest, ref=ref, body={**manifest.body, "metadata": metadata})


def _refusal(manifest: Manifest, resource: Resource, application: Application) -> PlumbError | None:
    ref, where = manifest.ref, str(manifest.origin)
    lacking = _NEEDED_VERBS - resource.verbs
    if lacking:
        return ManifestError(
            "PLB513", f"{ref} is of a kind that cannot be kept in Git", where=where,
            why=f"the API server offers no {', '.join(sorted(lacking))} for {resource}",
            hint="remove it from Git; kubectl create sends such a request once",
        )  # fmt: skip
    labels = manifest.body["metadata"].get("labels") or {}
    if ref.group == "" and ref.kind == "ConfigMap" and RECORD_LABEL in labels:
        return RefusedError(
            "PLB510", f"{ref} claims to be a record of Plumb", where=where,
            why=f"the label {RECORD_LABEL} is Plumb's own", hint="remove the label",
        )  # fmt: skip
    if application.target_namespace is None:
        return None
    if not resource.namespaced:
        if application.allow_cluster_scoped:
            return None
        return RefusedError(
            "PLB511", f"{ref} is cluster-scoped", where=where,
            why=f"Application {application} has a targetNamespace",
            hint="set allowClusterScoped: true if it may",
        )  # fmt: skip
    allowed = (application.target_namespace, *application.allowed_namespaces)
    if ref.namespace in allowed:
        return None
    return RefusedError(
        "PLB512", f"{ref} is outside {', '.join(allowed)}", where=where,
        why=f"Application {application} may only write there",
        hint=f"add {ref.namespace} to allowedNamespaces if it may",
    )  # fmt: skip


def _unknown_kind(manifest: Manifest, kinds: Kinds) -> PlumbError:
    api_version, kind, where = manifest.api_version, manifest.ref.kind, str(manifest.origin)
    if kinds.is_unknown(api_version):
        return ManifestError(
            "PLB322", f"the server cannot say whether it serves {kind} in {api_version}",
            where=where, why=kinds.unknown.get(api_version, "its discovery failed"),
            hint="kubectl get apiservices shows which API is not available",
        )  # fmt: skip
    similar = kinds.suggestions(api_version, kind)
    hint = f"did you mean {' or '.join(similar)}?" if similar else (
        "add its CustomResourceDefinition to the same path, or install it first"
    )  # fmt: skip
    if api_version.startswith(f"{GROUP}/"):
        hint = "Application documents are given with -f, or applied once plumb is installed"
    return ManifestError(
        "PLB321", f"the server does not know kind {kind} in {api_version}", where=where, hint=hint
    )
