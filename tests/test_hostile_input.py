"""Whatever a text is made of, it ends within a second and 100 MiB, and is read or refused."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import PlumbError
from engine.inventory import Inventory, entry_from_json, entry_to_json, head_from_json, head_to_json
from engine.kube.packing import pack, unpack
from engine.parse import Limits
from engine.render import render
from engine.settings import applications
from tests.hostile import OBJECT
from tests.situations import ME
from tests.strategies import json_values
from tests.trees import MemoryTree

# A tracer, as of coverage, multiplies what everything costs.
pytestmark = pytest.mark.skipif(
    sys.gettrace() is not None, reason="costs under a tracer say nothing"
)

# Of processor time, so that others at work on the machine do not count.
SECONDS = 1.0
MIB = 100


@pytest.fixture(scope="module")
def costs() -> list[dict[str, Any]]:
    """What each hostile text took, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.timeout(240)
def test_no_hostile_text_costs_more_than_a_second_and_100_mib(costs: list[dict[str, Any]]) -> None:
    assert len(costs) > 45
    late = {c["name"]: c["seconds"] for c in costs if c["seconds"] > SECONDS}
    large = {c["name"]: c["mib"] for c in costs if c["mib"] > MIB}

    assert {c["said"] for c in costs if "gibibyte" in c["name"]} == {
        "shard 0 is larger than any record"
    }
    assert late == {}
    assert large == {}


def test_an_application_has_a_cap_on_objects_and_on_bytes() -> None:
    files = {f"{n}.yaml": OBJECT % n for n in range(6)}

    with pytest.raises(PlumbError, match="more than 5 objects"):
        render(MemoryTree(files), "", limits=Limits(objects=5))
    with pytest.raises(PlumbError, match="more than 100 bytes"):
        render(MemoryTree(files), "", limits=Limits(total_bytes=100))
    assert len(render(MemoryTree(files), "", limits=Limits(objects=6)).manifests) == 6


def test_the_items_of_a_list_count_as_documents() -> None:
    items = ",".join(
        f'{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"c{n}"}}}}' for n in range(6)
    )
    tree = MemoryTree({"a.json": f'{{"apiVersion":"v1","kind":"List","items":[{items}]}}'})

    with pytest.raises(PlumbError, match=r"a\.json:1:1: the file has more than 5 objects"):
        render(tree, "", limits=Limits(documents=5))


def test_anchors_have_a_cap() -> None:
    text = "a: [" + ",".join(f"&a{n} x" for n in range(6)) + "]\n"

    with pytest.raises(PlumbError, match="more than 5 anchors"):
        render(MemoryTree({"a.yaml": text}), "", limits=Limits(anchors=5))


# --- any input at all ---------------------------------------------------------------------------

_WORDS = st.sampled_from([
    "apiVersion: ", "kind: ", "metadata: ", "name: ", "List", "items:", "v1", "ConfigMap", "spec: ",
    "source: ", "url: ", "---\n", "- ", "&a ", "*a", "<<: ", "{", "}", "[", "]", "\n  ", "\n", ": ",
    "!!binary ", "!!int ", "'", '"', "|\n ", "\\u", "\x00", "\u2028", "\ud7ff", "0x1", "1e400", "?",
    "plumb.dev/v1alpha1", "Application", "#", ",", "\t", "%YAML 1.2\n", "null", "~", ".inf", "3m",
])  # fmt: skip
_TEXTS = st.one_of(
    st.lists(_WORDS, max_size=40).map("".join).map(lambda t: t.encode("utf-8", "surrogatepass")),
    st.binary(max_size=200),
)


@given(_TEXTS, st.sampled_from(["a.yaml", "a.json", ".plumbignore"]))
def test_any_file_is_rendered_or_refused_with_a_place(data: bytes, name: str) -> None:
    """Nothing but a PlumbError comes out, and its message quotes no control character."""
    files = {name: data, "b.yaml": OBJECT % 1}
    try:
        found = render(MemoryTree(files), "").manifests
    except PlumbError as error:
        code, found = error.code, ()
    else:
        code = "PLB3"
    assert code.startswith("PLB3")
    assert all(m.ref.name and m.ref.kind for m in found)


@given(_TEXTS)
def test_any_settings_are_read_or_refused_with_a_place(data: bytes) -> None:
    try:
        found = applications(data, path="app.yaml", namespace="shop")
    except PlumbError as error:
        where, found = error.where, []
    else:
        where = "app.yaml"
    assert where.startswith("app.yaml")
    assert all(application.source.url for application in found)


@given(st.one_of(json_values, st.binary(max_size=200)), st.integers(0, 3))
def test_any_record_is_read_or_doubted(value: Any, number: int) -> None:
    """Whoever may write ConfigMaps there can write anything; a ValueError is doubt."""
    if isinstance(value, bytes):
        data: Any = {"binaryData": {"record": value.decode("latin-1")}}
    else:
        data = {"binaryData": value}
    with pytest.raises((ValueError, PlumbError)):
        unpack(data, number)
    for read in (head_from_json, lambda body: entry_from_json(body, shard=0)):
        try:
            read(value)
        except (ValueError, PlumbError):
            continue
        except Exception as error:
            raise AssertionError(f"{type(error).__name__} instead of doubt") from error


@settings(max_examples=60)
@given(st.data())
def test_a_record_with_one_thing_changed_is_read_or_doubted(data: st.DataObject) -> None:
    head = head_to_json(Inventory(ME, "shop/shop"), shards=1)
    entry = {"ref": ["", "ConfigMap", "shop", "a"], "uid": "u", "applied": {"kind": "ConfigMap"}}
    for body, read in (
        (head, lambda b: head_from_json(b)[0]), (entry, lambda b: entry_from_json(b, shard=0)),
    ):  # fmt: skip
        key = data.draw(st.sampled_from(sorted(body)))
        try:
            read({**body, key: data.draw(json_values)})
        except (ValueError, PlumbError):
            continue


@given(st.binary(max_size=40), st.integers(0, 100))
def test_a_record_with_a_byte_changed_is_read_or_doubted(noise: bytes, place: int) -> None:
    packed = pack({"version": 1}, [entry_from_json({"ref": ["", "A", "b", "c"]}, shard=0)])
    spoilt = packed[:place] + noise + packed[place + len(noise) :]
    try:
        body = unpack({"binaryData": {"record": b64encode(spoilt).decode()}}, 0)
    except ValueError:
        return
    assert isinstance(body, dict)
    assert entry_to_json(entry_from_json({"ref": ["", "A", "b", "c"]}, shard=0))
