"""Where a file names an image, and what has to stand there. Pure.

Belongs here: containers and other fields called image, kustomization images, Helm-style values,
setter comments. How a value is written is in spell, what becomes of the file in edit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.errors import PlumbError
from engine.promote.image import is_same, parse_reference
from engine.promote.scan import Leaf, escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.promote.image import ImageWish
    from engine.promote.scan import Node, Scan

_SETTER: Final = re.compile(
    r"[\s,}\]]*#\s*plumb-set:\s*(?P<name>\S+?)(?::(?P<part>tag|name|digest))?\s*"
)
_REPOSITORY: Final = ("repository", "newName", "image", "name")
_TAG: Final = ("tag", "newTag", "imageTag")
_KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
# Words for people in there, and data that may mean anything: only a setter comment speaks for them.
_PASSED_OVER: Final = frozenset({"annotations", "labels", "matchLabels", "managedFields"})
_DATA: Final = frozenset({"data", "stringData", "binaryData"})


@dataclass(frozen=True, slots=True)
class Place:
    """A scalar that has to become ``wanted``. ``is_text``: a string, whatever it looks like."""

    leaf: Leaf
    pointer: str
    wanted: str
    is_text: bool = True


class PlaceError(PlumbError):
    """An image is named in a way that cannot take the new reference; ``where`` says where."""


@dataclass(frozen=True, slots=True)
class Setter:
    """A comment ``# plumb-set: NAME`` or ``NAME:tag`` behind a value."""

    leaf: Leaf
    pointer: str
    name: str
    part: str


def images(root: Node, wish: ImageWish, *, path: str) -> list[Place]:
    """List the places of an image in one document; PlaceError where one cannot be changed."""
    is_kustomization = path.rpartition("/")[2] in _KUSTOMIZATIONS or _text(root, "kind") == (
        "Kustomization"
    )
    found: list[Place] = []
    for pointer, node in _maps(root):
        split = _split(node, wish, pointer, path, is_entry=is_kustomization and _in_images(pointer))
        if split is not None:
            found += split
            continue
        for key, inner in node.items():
            if isinstance(inner, Leaf) and _is_image_key(key) and isinstance(inner.value, str):
                said = parse_reference(inner.value.strip())
                if said is not None and _is_meant(said.repository, wish):
                    at = f"{pointer}/{escape(key)}"
                    found.append(Place(inner, at, str(wish.reference)))
    return found


def setters(scan: Scan, leaves: list[tuple[str, Leaf]]) -> list[Setter]:
    """List the setter comments behind these values."""
    if "plumb-set" not in scan.text:
        return []
    found = []
    for pointer, leaf in leaves:
        is_block = leaf.style in {"|", ">"}
        begin = leaf.start + 1 if is_block else leaf.end
        end = scan.text.find("\n", begin)
        line = scan.text[begin : len(scan.text) if end < 0 else end].rstrip("\r")
        match = _SETTER.fullmatch(line.lstrip("+-0123456789") if is_block else line)
        if match:
            found.append(Setter(leaf, pointer, match["name"], match["part"] or ""))
    return found


def by_setter(setter: Setter, wish: ImageWish, *, path: str) -> Place:
    """Return what a setter comment wants of this image."""
    reference = wish.reference
    whole = {"": str(reference), "name": reference.repository}
    part = {**whole, "tag": reference.tag, "digest": reference.digest}[setter.part]
    if not part:
        raise PlaceError(
            "PLB813", f"the comment wants the {setter.part} of {wish.name}", where=path,
            why=f"{reference} has none", hint=f"name a reference with a {setter.part}",
        )  # fmt: skip
    return Place(setter.leaf, setter.pointer, part)


def named(root: Node) -> Iterator[str]:
    """Yield every image that a document names, to say what there is when one is not found."""
    for _, node in _maps(root):
        for key, inner in node.items():
            if isinstance(inner, Leaf) and isinstance(inner.value, str) and inner.value:
                said = parse_reference(inner.value.strip())
                if said is None:
                    continue
                is_split = key in _REPOSITORY and _first(node, _TAG) is not None
                if is_split or (_is_image_key(key) and (said.tag or said.digest)):
                    yield said.repository


def is_secret(root: Node, pointer: str) -> bool:
    """Whether a place is a value of a Secret, also of one in a List."""
    node: Node = root
    is_inside = False
    for raw in pointer.split("/")[1:]:
        key = raw.replace("~1", "/").replace("~0", "~")
        is_inside = is_inside or (_text(node, "kind") == "Secret" and key in _DATA)
        node = node[int(key)] if isinstance(node, list) else node[key]  # type: ignore[index]
    return is_inside


def _is_image_key(key: str) -> bool:
    return key == "image" or key.endswith("Image")


def _in_images(pointer: str) -> bool:
    return re.fullmatch(r"/images/\d+", pointer) is not None


def _maps(node: Node, pointer: str = "") -> Iterator[tuple[str, dict[str, Node]]]:
    """Yield every map that may speak of an image."""
    if isinstance(node, list):
        for number, element in enumerate(node):
            yield from _maps(element, f"{pointer}/{number}")
    if not isinstance(node, dict):
        return
    yield pointer, node
    holds_data = _text(node, "kind") in {"ConfigMap", "Secret"}
    for key, inner in node.items():
        if key not in _PASSED_OVER and not (holds_data and key in _DATA):
            yield from _maps(inner, f"{pointer}/{escape(key)}")


def _text(node: Node, key: str) -> str:
    inner = node.get(key) if isinstance(node, dict) else None
    return inner.value if isinstance(inner, Leaf) and isinstance(inner.value, str) else ""


def _first(node: dict[str, Node], keys: tuple[str, ...]) -> tuple[str, Leaf] | None:
    for key in keys:
        inner = node.get(key)
        if isinstance(inner, Leaf):
            return key, inner
    return None


def _split(
    node: dict[str, Node], wish: ImageWish, pointer: str, path: str, *, is_entry: bool
) -> list[Place] | None:
    """Return the places of an image written in parts (name, tag, digest); None when it is none."""
    tag, digest = _first(node, _TAG), _first(node, ("digest",))
    if not is_entry and tag is None and digest is None:
        return None
    if not any(_names(node, key, wish) for key in _REPOSITORY):
        return None
    places = _parts(node, wish, pointer, path, is_entry=is_entry)
    reference = wish.reference
    for part, value, found in (("tag", reference.tag, tag), ("digest", reference.digest, digest)):
        other = digest if part == "tag" else tag
        if found is not None and value:
            places.append(Place(found[1], f"{pointer}/{found[0]}", value))
        elif value and not (reference.digest and part == "tag" and other is not None):
            why, hint = f"there is no {part} to change", f"add a {part} to the file once"
            raise _cannot(path, pointer, wish, why=why, hint=hint)
        elif found is not None and not value and found[1].value and part == "digest":
            why = "a digest is pinned there, and it would win over the tag"
            hint = "name the reference with its digest, or remove the digest from the file once"
            raise _cannot(path, pointer, wish, why=why, hint=hint)
        elif found is not None and not value and part == "tag" and digest is None:
            why, hint = "there is a tag and no digest to change", "add a digest to the file once"
            raise _cannot(path, pointer, wish, why=why, hint=hint)
    return places


def _parts(
    node: dict[str, Node], wish: ImageWish, pointer: str, path: str, *, is_entry: bool
) -> list[Place]:
    """Return the places of the name, where the reference has another one than what stands there."""
    repository = wish.reference.repository
    registry = _text(node, "registry")
    keys = ("newName", "repository", "image") if is_entry else _REPOSITORY
    found = _first(node, keys)
    if is_entry and found is None:
        if is_same(_text(node, "name"), repository):
            return []
        why, hint = "it has no newName to change", "add a newName to the file once"
        raise _cannot(path, pointer, wish, why=why, hint=hint)
    if found is None:
        return []
    key, leaf = found
    said = f"{registry}/{leaf.value}" if registry else str(leaf.value)
    if is_same(said, repository):
        return []
    if registry:
        host, _, rest = repository.partition("/")
        at = node["registry"]
        assert isinstance(at, Leaf)  # noqa: S101 - it has a text
        return [Place(at, f"{pointer}/registry", host), Place(leaf, f"{pointer}/{key}", rest)]
    return [Place(leaf, f"{pointer}/{key}", repository)]


def _names(node: dict[str, Node], key: str, wish: ImageWish) -> bool:
    value = _text(node, key)
    if not value:
        return False
    registry = _text(node, "registry")
    return _is_meant(f"{registry}/{value}" if registry else value, wish)


def _is_meant(repository: str, wish: ImageWish) -> bool:
    """Whether a place holds this image: by its name, or because it was promoted before."""
    return is_same(repository, wish.name) or is_same(repository, wish.reference.repository)


def _cannot(path: str, pointer: str, wish: ImageWish, *, why: str, hint: str) -> PlaceError:
    return PlaceError(
        "PLB812", f"{pointer or '/'} cannot become {wish.reference}", where=path, why=why, hint=hint
    )
