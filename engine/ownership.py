"""Whether an object that is there may be taken over, and from whom.

Labels select, marks count (engine.inventory.mark). What a controller made or another tool manages
is left alone unless Git says ``plumb.dev/adopt: enabled`` (facts/prune.md).
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from engine.errors import PlumbError, RefusedError
from engine.inventory import owner_of
from engine.model import ADOPT_ANNOTATION, JSON, Live, Manifest, Skip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.model import ObjectRef
    from engine.situation import Claim, Observation, Situation

LAST_APPLIED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"

# What other tools leave on the objects they manage: (where, key, whose).
_FOREIGN_MARKS = (
    ("annotations", "meta.helm.sh/release-name", "Helm"),
    ("annotations", "argocd.argoproj.io/tracking-id", "Argo CD"),
    ("labels", "argocd.argoproj.io/instance", "Argo CD"),
    ("labels", "kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("labels", "helm.toolkit.fluxcd.io/name", "Flux"),
)


def controller_of(live: Live) -> str:
    """Return the controller that the object's ownerReferences name, as "ReplicaSet/web", or ""."""
    for reference in live.body["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return f"{reference.get('kind', '')}/{reference.get('name', '')}"
    return ""


def refusal(manifest: Manifest, live: Live, *, claims: Mapping[str, Claim]) -> PlumbError | None:
    """Return why this object may not be adopted, or None when it may."""
    ref, where = manifest.ref, str(manifest.origin)
    controller = controller_of(live)
    if controller:
        return RefusedError(
            "PLB520", f"{ref} belongs to {controller}, its controller", where=where,
            why="a controller would undo or delete it", hint="choose another name",
        )  # fmt: skip
    claim = claims.get(owner_of(live))
    if claim is not None and claim.holds(ref):
        return RefusedError(
            "PLB521", f"{ref} is owned by Application {claim.application}", where=where,
            why=f"{claim.source} has it too" if claim.source else "two applications want it",
            hint="keep it in one of the two" + _or_let_go(claim.application),
        )  # fmt: skip
    tool = foreign_tool(live)
    if tool and annotation(manifest.body, ADOPT_ANNOTATION) != "enabled":
        return RefusedError(
            "PLB522", f"{ref} is managed by {tool}", where=where,
            why="two tools would fight over it",
            hint=f"to take it over, set the annotation {ADOPT_ANNOTATION}: enabled in Git",
        )  # fmt: skip
    return None


def _or_let_go(application: str) -> str:
    namespace, _, name = application.partition("/")
    if not name:
        return ""
    return (
        f"; if that Application was renamed or merged into this one, plumb delete {name} -n "
        f"{namespace} lets go of its objects and leaves them as they are"
    )


def rivals(situation: Situation, decided: Mapping[ObjectRef, object]) -> tuple[str, ...]:
    """Return a note for each object that goes on here and that another application wants too."""
    return tuple(
        f"{ref} is wanted by {who} too: keep it in one of the two"
        for ref, who in sorted(situation.options.contested.items())
        if ref in decided and not isinstance(decided[ref], Skip)
    )


def foreign_tool(live: Live) -> str:
    """Return which other tool manages the object by its own marks, or ""."""
    for place, key, tool in _FOREIGN_MARKS:
        value = (live.body["metadata"].get(place) or {}).get(key)
        if value:
            return f"{tool} ({key}: {value})"
    return ""


def applied_by_kubectl(live: Live) -> JSON | None:
    """Return what `kubectl apply` noted as last applied, or None; nonsense counts as None."""
    text = annotation(live.body, LAST_APPLIED_ANNOTATION)
    try:
        noted = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    return noted if isinstance(noted, dict) else None


def annotation(body: JSON, key: str) -> str:
    """Return the object's annotation, or ""."""
    value = (body.get("metadata", {}).get("annotations") or {}).get(key, "")
    return value if isinstance(value, str) else ""


def likeliest_owner(observation: Observation) -> str:
    """Return whose mark most objects carry: without the record, that is most likely ours."""
    counts = Counter(owner_of(live) for live in observation.live.values())
    del counts[""]
    return counts.most_common(1)[0][0] if counts else ""
