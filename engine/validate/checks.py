"""What may be wrong with a single object: fields, API version, images, Secrets in plain text."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from engine import schema
from engine.errors import ManifestError
from engine.jsonpatch import pointer
from engine.model import GROUP
from engine.order import wave_of
from engine.validate.versions import lifecycle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.model import JSON, Manifest
    from engine.schema import Schemas
    from engine.validate.versions import Version

_CONTAINERS = frozenset({"containers", "initContainers", "ephemeralContainers"})
# Words that stand for whatever is newest there.
_MOVING = frozenset({
    "canary", "current", "dev", "develop", "development", "edge", "head", "latest", "lts", "main",
    "master", "nightly", "prod", "production", "release", "rolling", "snapshot", "stable",
    "staging", "test", "testing", "trunk",
})  # fmt: skip
# What a tool fills in or decrypts later, so that Git does not hold the value itself.
_FILLED_IN = re.compile(r"\$\{|\$\(|\{\{|<[a-z]+:|ENC\[|^ref\+|^vault:", re.IGNORECASE)
_RULES = {"unknown": "PLB351", "type": "PLB352", "missing": "PLB353", "double": "PLB354"}


class Problem(NamedTuple):
    """What is wrong with the value at ``pointer``; the message names fields and no values."""

    code: str
    pointer: str
    message: str
    severity: Literal["error", "warning"] = "error"
    hint: str = ""


def look_at(manifest: Manifest, schemas: Schemas, version: Version) -> Iterator[Problem]:
    """Yield everything that is wrong with one object."""
    yield from _version_problems(manifest, schemas, version)
    for found in schema.problems(manifest.body, schemas):
        yield Problem(_RULES[found.rule], found.pointer, found.message)
    yield from _wave_problems(manifest)
    yield from _images(manifest.body, ())
    yield from _plain_secrets(manifest)


def _version_problems(
    manifest: Manifest, schemas: Schemas, version: Version
) -> Iterator[Problem]:  # fmt: skip
    name, release = f"{manifest.api_version} {manifest.ref.kind}", ".".join(map(str, version))
    life = lifecycle(manifest, version)
    if life is not None:
        hint = f"use {life.replacement}" if life.replacement else ""
        if life.state == "removed":
            text = f"{name} is not served since Kubernetes {life.since}, and {release} is meant"
            yield Problem("PLB360", "/apiVersion", text, hint=hint)
            return
        end = f" and will not be served from {life.removed}" if life.removed else ""
        text = f"{name} is deprecated since Kubernetes {life.since}{end}"
        yield Problem("PLB361", "/apiVersion", text, "warning", hint)
    elif (
        schemas.of(manifest.api_version, manifest.ref.kind) is None and manifest.ref.group != GROUP
    ):
        yield Problem(
            "PLB355", "/kind", f"no schema of {name} is known, so its fields are not checked",
            "warning", "add its CustomResourceDefinition, or correct apiVersion and kind",
        )  # fmt: skip


def _wave_problems(manifest: Manifest) -> Iterator[Problem]:
    try:
        wave_of(manifest.body)
    except ManifestError as error:
        place = pointer(("metadata", "annotations", "plumb.dev/wave"))
        yield Problem(error.code, place, error.what, hint=error.hint)


# --- images ----------------------------------------------------------------------------------


def _images(value: JSON, path: tuple[str, ...]) -> Iterator[Problem]:
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _images(inner, (*path, str(index)))
    elif isinstance(value, dict):
        for key, inner in value.items():
            here = (*path, key)
            yield from _images(inner, here)
            if key in _CONTAINERS and isinstance(inner, list):
                for index, container in enumerate(inner):
                    image = container.get("image") if isinstance(container, dict) else None
                    if isinstance(image, str):
                        yield from _image(image, pointer((*here, str(index), "image")))


def _image(image: str, at: str) -> Iterator[Problem]:
    if not image or "@" in image or _FILLED_IN.search(image):
        return
    tag = image.rpartition("/")[2].partition(":")[2]
    name = image.removesuffix(f":{tag}")
    if not tag:
        told = f"image {name} has no tag, which means latest"
    elif tag.lower() in _MOVING:
        told = f"image {name} has the tag {tag}, which moves"
    else:
        return
    yield Problem(
        "PLB362", at, told, "warning", "name a version or a digest, so that Git says what runs"
    )


# --- Secrets ---------------------------------------------------------------------------------


def _plain_secrets(manifest: Manifest) -> Iterator[Problem]:
    if (manifest.ref.group, manifest.ref.kind) != ("", "Secret"):
        return
    found = [
        (place, key)
        for place in ("stringData", "data")
        for key, value in (_mapping(manifest.body.get(place))).items()
        if _is_plain(value, is_encoded=place == "data")
    ]
    if found:
        keys = ", ".join(key for _, key in found[:5]) + (", ..." if len(found) > 5 else "")
        number = f"{len(found)} value{'s' * (len(found) != 1)}"
        yield Problem(
            "PLB363", pointer(found[0]), f"{number} in plain text: {keys}",
            hint="keep the value out of Git and let an operator make the Secret; change it if it "
            "was pushed",
        )  # fmt: skip


def _mapping(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {}


def _is_plain(value: JSON, *, is_encoded: bool) -> bool:
    if not isinstance(value, str) or not value.strip():
        return False
    if _FILLED_IN.search(value):
        return False
    if not is_encoded:
        return True
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return True  # the schema's business
    text = decoded.decode("utf-8", "replace")
    return bool(text.strip()) and not _FILLED_IN.search(text)
