"""What another application's record is believed to name; whatever is broken in it names nothing."""

from __future__ import annotations

import base64
import gzip
from typing import Any, TypeAlias

import orjson
import pytest

from engine.kube.claims import _named
from engine.model import ObjectRef

JSON: TypeAlias = Any

WEB = ObjectRef("apps", "Deployment", "shop", "web")
ENV = ObjectRef("", "ConfigMap", "shop", "env")
UIDS = {WEB: "u-1", ENV: "u-2"}


def shard(entries: JSON, **rest: JSON) -> JSON:
    text = orjson.dumps({"entries": entries, **rest})
    return {"binaryData": {"record": base64.b64encode(gzip.compress(text)).decode()}}


def entry(ref: ObjectRef, uid: JSON = "") -> JSON:
    return {"ref": [ref.group, ref.kind, ref.namespace, ref.name], "uid": uid}


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        ([entry(WEB, "u-1")], {WEB}),
        ([entry(WEB)], {WEB}),  # it is being made, and nobody knows its uid yet
        ([{"ref": entry(WEB)["ref"]}], {WEB}),
        ([entry(WEB, "u-0")], set()),  # an earlier one of that name
        ([entry(WEB, "u-1"), entry(ENV, "u-2")], {WEB, ENV}),
        ([entry(ObjectRef("", "Secret", "shop", "web"), "u-1")], set()),
        ([], set()), (None, set()),
    ],
)  # fmt: skip
def test_an_object_is_named_by_its_uid_or_before_it_has_one(entries: JSON, named: object) -> None:
    assert _named(shard(entries), UIDS) == named


_BROKEN: tuple[JSON, ...] = (
    5, "text", {"a": 1}, [None], [5], [[]], [{}], [{"ref": None}], [{"ref": 5}],
    [{"ref": ["a"]}], [{"ref": ["a", "b", "c", "d", "e"]}], [{"ref": [[], {}, [], []]}],
    [entry(WEB, ["u-1"])], [entry(WEB, {"a": "u-1"})], [entry(WEB, 1)],
)  # fmt: skip


@pytest.mark.parametrize(
    "broken",
    [
        {}, {"binaryData": None}, {"binaryData": {}}, {"binaryData": {"record": ""}},
        {"binaryData": {"record": "no base64"}}, {"binaryData": {"record": "bm9uc2Vuc2U="}},
        {"binaryData": {"record": 5}},
        {"binaryData": {"record": base64.b64encode(gzip.compress(b"x" * 40_000_000)).decode()}},
        *(shard(entries) for entries in _BROKEN),
    ],
)  # fmt: skip
def test_what_is_broken_names_nothing_and_raises_nothing(broken: JSON) -> None:
    assert _named(broken, UIDS) == set()
