"""Values that must be seen nowhere, in every form in which they might be."""

from __future__ import annotations

import base64
import gzip
import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What each form of writing changes: quotes, a slash, a plus, an ampersand, an umlaut, a newline.
_SPICE = '"/+&\u00fc%\n'


class Canaries:
    """One value for each place, remembered by that place: ``canaries("the Secret's password")``."""

    def __init__(self) -> None:
        self._made: dict[str, str] = {}

    def __call__(self, place: str, *, plain: bool = False) -> str:
        """Return the value of a place, always the same; ``plain``: letters and digits alone."""
        if place not in self._made:
            word = f"canary{secrets.token_hex(12)}"
            self._made[place] = word if plain else f"{word}{_SPICE}{secrets.token_hex(6)}"
        return self._made[place]

    def found_in(self, outputs: Mapping[str, str | bytes]) -> list[str]:
        """Say which values are in which outputs, and in what form."""
        found = []
        for name, output in outputs.items():
            text = output if isinstance(output, str) else output.decode("utf-8", "replace")
            for place, value in self._made.items():
                found += [
                    f"{place} as {form} in {name}: ...{_around(text, needle)}..."
                    for form, needle in _forms(value)
                    if needle in text
                ]
        return found


def _forms(value: str) -> Iterator[tuple[str, str]]:
    """Each way to write it, cut down to what does not depend on its neighbours."""
    # The word and, in values with spice, what follows it: leaked halves count too.
    word = value.partition('"')[0]
    yield "it is", word
    tail = value.rpartition("\n")[2]
    if tail != value:
        yield "its end", tail
    yield "hex", word.encode().hex()
    yield "URL-encoded", quote(value, safe="")
    yield "URL-encoded with plus", quote_plus(value)
    yield "JSON", json.dumps(value)[1:-1]
    raw = value.encode()
    for shift in range(3):
        padded = base64.b64encode(b"\0" * shift + raw).decode()
        # The first and last characters also hold bits of what stands beside it.
        yield f"base64 at {shift}", padded[4:28]
        yield f"URL-safe base64 at {shift}", padded[4:28].replace("+", "-").replace("/", "_")


def _around(text: str, needle: str) -> str:
    place = text.index(needle)
    return text[max(0, place - 60) : place].replace("\n", " ")


def readable(config_map: object) -> str:
    """Return a ConfigMap's JSON together with what its binaryData unpacks to."""
    text = json.dumps(config_map)
    data = config_map.get("binaryData") if isinstance(config_map, dict) else None
    for value in (data or {}).values():
        packed = base64.b64decode(value)
        text += packed.decode("latin-1")
        if packed.startswith(b"\x1f\x8b"):
            text += gzip.decompress(packed).decode("utf-8", "replace")
    return text


# --- what Git has ----------------------------------------------------------------------------


def secret(name: str, **fields: Any) -> str:
    """A Secret as JSON, which is YAML."""
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, **fields})


def failures(canary: Canaries) -> dict[str, str]:
    """Files that make a sync fail, each with a value that its error must not quote."""
    value = canary
    return {
        "not base64": secret("bad", data={"k": value("data that is no base64")}),
        "no text": secret("bad", data={"k": [value("a list in data")]}),
        "unknown field": secret("bad", spec={"k": value("an unknown field of a Secret")}),
        "a bad key": secret("bad", stringData={"a b/c": value("under a bad key")}),
        "a bad type": secret("bad", type="kubernetes.io/tls", stringData={
            "k": value("a Secret without its keys")}),
        "too large": secret("bad", stringData={
            "k": value("a Secret too large") + "x" * 1_100_000}),
        "twice": '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"bad"},"stringData":{"k":'
                 + json.dumps(value("a key twice")) + ',"k":"x"}}',
        "syntax": 'apiVersion: v1\nkind: Secret\nmetadata: {name: bad}\nstringData:\n  k: "'
                  + value("a broken file", plain=True) + "\n x: [}",
        "a number": "apiVersion: v1\nkind: Secret\nmetadata: {name: bad}\nstringData: {k: 17, t: "
        + value("beside a number", plain=True)
        + "}",
        "an annotation": json.dumps({
            "apiVersion": "v1", "kind": "Secret", "stringData": {"k": "v"},
            "metadata": {"name": "bad", "annotations": {"a": [value("an annotation as a list")]}},
        }),
    }  # fmt: skip


def objects(canary: Canaries, when: str) -> dict[str, str | None]:
    """A Secret of every form, and something else."""
    encoded = base64.b64encode(canary(f"data {when}").encode()).decode()
    last = json.dumps({"stringData": {"k": canary(f"last-applied {when}")}})
    deploy = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}},
                 "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [
                     {"name": "web", "image": "example.org/web:1"}]}}},
    }  # fmt: skip
    return {
        "data.yaml": secret("in-data", data={"k": encoded}),
        "text.yaml": secret("in-text", stringData={"k": canary(f"stringData {when}")}),
        "noted.yaml": json.dumps({
            "apiVersion": "v1", "kind": "Secret", "stringData": {"k": "v"},
            "metadata": {"name": "noted", "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": last}},
        }),
        "deploy.yaml": json.dumps(deploy, indent=1),
    }  # fmt: skip
