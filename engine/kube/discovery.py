"""Asking the API server for its kinds and for the schemas of those that matter.

Belongs here: discovery requests, and the cache of OpenAPI documents. Not here: what the documents
mean (kinds.py, schema.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

import orjson

from engine.errors import ClusterError, PlumbError
from engine.kinds import Kinds
from engine.kube.gcguard import collector_off
from engine.schema import Schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.kube.client import Client
    from engine.model import JSON

DIGEST: Final = re.compile("[0-9a-f]{128}")
CACHED_DOCUMENTS: Final = 200
AGGREGATED: Final = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    for version in ("v2", "v2beta1")
)


def kinds(client: Client) -> Kinds:
    """Return every kind the server serves, in two requests.

    A group that cannot be asked is in ``Kinds.unknown``, not missing.
    """
    return Kinds.from_discovery(_group_lists(client, root) for root in ("/api", "/apis"))


def _group_lists(client: Client, root: str) -> JSON:
    document = _json(client.fetch(root, accept=f"{AGGREGATED},application/json"), root)
    kind = document.get("kind") if isinstance(document, dict) else None
    if kind == "APIGroupDiscoveryList":
        return document
    # Before 1.27, and behind some proxies, each group/version has to be asked by itself.
    if kind == "APIVersions":
        return {"items": [_group(client, "", document.get("versions") or ())]}
    if kind == "APIGroupList":
        return {"items": [_group(client, group["name"], _versions(group))
                          for group in document.get("groups") or ()]}  # fmt: skip
    raise _not_understood(root)


def _versions(group: JSON) -> list[str]:
    listed = [version["version"] for version in group.get("versions") or ()]
    preferred = (group.get("preferredVersion") or {}).get("version")
    return sorted(listed, key=lambda version: version != preferred)


def _group(client: Client, name: str, versions: Iterable[str]) -> JSON:
    return {
        "metadata": {"name": name},
        "versions": [_version(client, name, version) for version in versions],
    }


def _version(client: Client, group: str, version: str) -> JSON:
    path = f"/apis/{group}/{version}" if group else f"/api/{version}"
    try:
        document = _json(client.fetch(path), path)
    except PlumbError as error:
        return {"version": version, "freshness": "Stale", "reason": error.what, "resources": []}
    resources = [
        {
            "resource": found["name"],
            "responseKind": {"kind": found["kind"]},
            "scope": "Namespaced" if found.get("namespaced") else "Cluster",
            "verbs": found.get("verbs") or [],
        }
        for found in document.get("resources") or ()
        if "/" not in found["name"]
    ]
    return {"version": version, "resources": resources}


# --- schemas ---------------------------------------------------------------------------------


def schemas(client: Client, api_versions: Iterable[str], *, cache_dir: Path | None) -> Schemas:
    """Return the schemas of these group/versions; those the server has none for are left out.

    One request for the index and one for each document that the cache does not hold.
    """
    with collector_off():
        return Schemas.from_openapi(documents(client, api_versions, cache_dir=cache_dir))


def documents(
    client: Client, api_versions: Iterable[str], *, cache_dir: Path | None
) -> Iterator[JSON]:
    """Yield the OpenAPI v3 documents of these group/versions."""
    wanted = sorted(set(api_versions))
    if not wanted:
        return
    index = _json(client.fetch("/openapi/v3"), "/openapi/v3")
    paths = index.get("paths") if isinstance(index, dict) else None
    if not isinstance(paths, dict):
        raise _not_understood("/openapi/v3")
    for api_version in wanted:
        root = "apis" if "/" in api_version else "api"
        entry = paths.get(f"{root}/{api_version}")
        if entry is not None:
            yield _document(client, entry["serverRelativeURL"], cache_dir)


def _document(client: Client, relative_url: str, cache_dir: Path | None) -> JSON:
    parsed = urlsplit(relative_url)
    query = dict(parse_qsl(parsed.query))
    digest = query.get("hash", "").lower()
    # The index names each document by the SHA-512 of its bytes, so the cache cannot be out of
    # date, and what is damaged, on disk or by whoever wrote it, is noticed.
    cached = None
    if cache_dir is not None and DIGEST.fullmatch(digest):
        cached = cache_dir / "openapi" / f"{digest}.json"
        content = _read(cached)
        if content is not None and hashlib.sha512(content).hexdigest() == digest:
            return _json(content, str(cached))
    content = client.fetch(parsed.path, params=query)
    if cached is not None and hashlib.sha512(content).hexdigest() == digest:
        _write(cached, content)
    return _json(content, parsed.path)


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
        os.utime(path)  # what is used stays
    except OSError:
        return None
    return content


def _write(path: Path, content: bytes) -> None:
    """Keep the document if the folder lets us; a reader never sees half of it."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
            part.write(content)
        Path(part.name).replace(path)
        there = sorted(path.parent.iterdir(), key=lambda p: p.stat().st_mtime)
        for old in there[:-CACHED_DOCUMENTS]:
            old.unlink(missing_ok=True)


def _json(content: bytes, where: str) -> JSON:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        raise _not_understood(where) from None


def _not_understood(where: str) -> ClusterError:
    return ClusterError(
        "PLB462", "the answer is no discovery document", where=where,
        hint="check `server` in the kubeconfig, a proxy may stand between",
    )  # fmt: skip
