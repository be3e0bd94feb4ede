"""What makes a JSON document an object of Kubernetes: its identity and its metadata.

Belongs here: unfolding lists, and checks that need no schema. Nothing is refused that the API
server accepts, except what Plumb cannot keep track of (generateName, ``$patch``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from engine.model import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.model import JSON


class Problem(NamedTuple):
    """What is wrong with the value at ``pointer``; ``what`` quotes no value but names."""

    code: str
    pointer: str
    what: str
    why: str = ""
    hint: str = ""


_SUBDOMAIN: Final = re.compile(r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?")
_LABEL: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_DOT_BESIDE: Final = re.compile(r"\.[.-]|-\.")

# Kinds whose names the API server wants to be DNS subdomains. Others (roles, custom resources of
# aggregated servers, addresses) may be any path segment, so there the server decides.
_SUBDOMAIN_KINDS: Final = frozenset(
    (group, kind)
    for group, kinds in {
        "": "ConfigMap Endpoints LimitRange Node PersistentVolume PersistentVolumeClaim Pod "
            "PodTemplate ReplicationController ResourceQuota Secret ServiceAccount",
        "admissionregistration.k8s.io": "MutatingWebhookConfiguration "
            "ValidatingWebhookConfiguration ValidatingAdmissionPolicy "
            "ValidatingAdmissionPolicyBinding",
        "apiextensions.k8s.io": "CustomResourceDefinition",
        "apps": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
        "autoscaling": "HorizontalPodAutoscaler",
        "batch": "CronJob Job",
        "coordination.k8s.io": "Lease",
        "discovery.k8s.io": "EndpointSlice",
        "networking.k8s.io": "Ingress IngressClass NetworkPolicy",
        "node.k8s.io": "RuntimeClass",
        "policy": "PodDisruptionBudget",
        "scheduling.k8s.io": "PriorityClass",
        "storage.k8s.io": "CSIDriver StorageClass",
    }.items()
    for kind in kinds.split()
)  # fmt: skip
_LABEL_KINDS: Final = frozenset({("", "Namespace"), ("", "Service")})

_DIRECTIVES: Final = ("$patch", "$retainKeys")
_DIRECTIVE_PREFIXES: Final = ("$setElementOrder/", "$deleteFromPrimitiveList/")


def unfold(body: JSON, pointer: str = "") -> Iterator[tuple[JSON, str]]:
    """Yield the objects of a document with their pointers: the items of a list, else itself.

    Items of a typed list that name neither apiVersion nor kind get those of the list, as kubectl
    does it.
    """
    if not _is_list(body):
        yield body, pointer
        return
    kind = body["kind"].removesuffix("List")
    for number, item in enumerate(body.get("items") or ()):
        if isinstance(item, dict) and not item.get("kind") and not item.get("apiVersion") and kind:
            item = {**item, "apiVersion": body.get("apiVersion"), "kind": kind}  # noqa: PLW2901
        yield from unfold(item, f"{pointer}/items/{number}")


def _is_list(body: JSON) -> bool:
    if not isinstance(body, dict) or not isinstance(body.get("kind"), str):
        return False
    items = body.get("items")
    if body["kind"] == "List":
        return items is None or isinstance(items, list)
    # A custom resource may be called AllowList and have items; lists have no name.
    metadata = body.get("metadata")
    has_name = isinstance(metadata, dict) and bool(metadata.get("name"))
    return body["kind"].endswith("List") and isinstance(items, list) and not has_name


def identify(body: JSON) -> ObjectRef | list[Problem]:
    """Return what the object is called (namespace as written), or all that is wrong with it."""
    if not isinstance(body, dict):
        return [Problem(
            "PLB310", "", f"{_type(body)} is no Kubernetes object",
            hint="write an object with apiVersion, kind and metadata",
        )]  # fmt: skip
    problems = [*_type_problems(body), *_metadata_problems(body)]
    if problems:
        return problems
    group, _, _ = body["apiVersion"].rpartition("/")
    metadata = body["metadata"]
    ref = ObjectRef(group, body["kind"], metadata.get("namespace") or "", metadata["name"])
    return [*_name_problems(ref)] or ref


def _type_problems(body: dict[str, JSON]) -> Iterator[Problem]:
    for field in ("apiVersion", "kind"):
        value = body.get(field)
        if value is None or value == "":
            yield Problem(
                "PLB311", "", f"the object has no {field}",
                hint=f"add {field}, or leave the file out with .plumbignore",
            )  # fmt: skip
        elif not isinstance(value, str):
            yield Problem("PLB311", f"/{field}", f"{field} is {_type(value)}", hint="write text")
    version = body.get("apiVersion")
    if isinstance(version, str) and version and (version.count("/") > 1 or version[-1] == "/"):
        yield Problem(
            "PLB311", "/apiVersion", "apiVersion is not of the form group/version",
            hint='write as in "apps/v1" or "v1"',
        )  # fmt: skip


def _metadata_problems(body: dict[str, JSON]) -> Iterator[Problem]:
    metadata = body.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        yield Problem("PLB315", "/metadata", f"metadata is {_type(metadata)}", hint="write a map")
        return
    metadata = metadata or {}
    name = metadata.get("name")
    if (name is None or name == "") and metadata.get("generateName"):
        yield Problem(
            "PLB313", "/metadata/generateName", "generateName makes another object at every sync",
            why="Plumb tracks objects by name", hint="write metadata.name",
        )  # fmt: skip
    elif name is None or name == "":
        yield Problem("PLB312", "/metadata", "the object has no name", hint="add metadata.name")
    for field in ("name", "namespace"):
        value = metadata.get(field)
        if value is not None and not isinstance(value, str):
            yield Problem(
                "PLB314", f"/metadata/{field}", f"metadata.{field} is {_type(value)}",
                hint="quote it",
            )  # fmt: skip
    for field in ("labels", "annotations"):
        yield from _text_map_problems(metadata.get(field), field)


def _text_map_problems(values: JSON, field: str) -> Iterator[Problem]:
    if values is None:
        return
    pointer = f"/metadata/{field}"
    if not isinstance(values, dict):
        yield Problem("PLB315", pointer, f"metadata.{field} is {_type(values)}", hint="write a map")
        return
    for key, value in values.items():
        # null becomes "" on the server
        if value is not None and not isinstance(value, str):
            yield Problem(
                "PLB315", f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}",
                f"the value of metadata.{field} {key} is {_type(value)}, not text",
                hint="quote it" if not isinstance(value, dict | list) else "write text",
            )  # fmt: skip


def _name_problems(ref: ObjectRef) -> Iterator[Problem]:
    kind = (ref.group, ref.kind)
    if ref.name in {".", ".."} or "/" in ref.name or "%" in ref.name:
        yield _bad_name("name", ref.name, "it may not be . or .. nor hold / or %")
    elif kind in _LABEL_KINDS and not _is_label(ref.name):
        yield _bad_name("name", ref.name, _LABEL_RULE)
    elif kind in _SUBDOMAIN_KINDS and not _is_subdomain(ref.name):
        yield _bad_name("name", ref.name, _SUBDOMAIN_RULE)
    if ref.namespace and not _is_label(ref.namespace):
        yield _bad_name("namespace", ref.namespace, _LABEL_RULE)


_LABEL_RULE: Final = (
    "at most 63 of a-z, 0-9 and -, with a letter or digit at the beginning and at the end"
)
_SUBDOMAIN_RULE: Final = (
    "at most 253 of a-z, 0-9, - and ., with a letter or digit at the beginning and at the end of "
    "each part"
)


def _bad_name(field: str, name: str, rule: str) -> Problem:
    shown = "".join(c if c.isprintable() else "\ufffd" for c in name[:80])
    return Problem(
        "PLB314", f"/metadata/{field}", f'"{shown}" cannot be the {field} of this kind',
        why=rule, hint=f"correct metadata.{field}",
    )  # fmt: skip


def _is_label(name: str) -> bool:
    return len(name) <= 63 and _LABEL.fullmatch(name) is not None


def _is_subdomain(name: str) -> bool:
    return len(name) <= 253 and bool(_SUBDOMAIN.fullmatch(name)) and not _DOT_BESIDE.search(name)


def directives(body: JSON) -> Iterator[Problem]:
    """Yield a problem for each directive of a strategic merge patch, which no object may hold."""
    stack: list[tuple[JSON, str]] = [(body, "")]
    while stack:
        value, pointer = stack.pop()
        if isinstance(value, list):
            stack.extend((inner, f"{pointer}/{n}") for n, inner in enumerate(value))
        elif isinstance(value, dict):
            for key, inner in value.items():
                at = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
                stack.append((inner, at))
                if key in _DIRECTIVES or key.startswith(_DIRECTIVE_PREFIXES):
                    yield Problem(
                        "PLB316", at, f"{key} is a directive of a patch, not a field",
                        why="Git holds whole objects, and the server would store or refuse it",
                        hint="write the object as it should be",
                    )  # fmt: skip


def _type(value: JSON) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a map"
