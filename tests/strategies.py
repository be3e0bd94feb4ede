"""Values that several laws are about: JSON, and objects that could be manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from engine.model import JSON

# What YAML readers see something else in, or trip over; any text comes besides.
_TRICKY = [
    "", " ", "yes", "No", "y", "on", "~", "null", "true", "0644", "0o7", "0x1F", "1_000", "1e3",
    "1.0", ".5", "-.inf", ".nan", "12:30", "12:30:45", "2024-01-01", "=", "<<", "-", "- a", "?",
    ":", "a: b", "a:", "a #b", "#", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a", "'", '"',
    "{}", "[]", "{a", "a,b", "a]", "---", "--- a", "...", "a\nb", "a\nb\n", "a\n\n", "\na", "\n",
    "\n\n", " a\n b", "\ta\nb", "a\n  b\n c", "a\n ", "a \nb", "a\r\nb", "a\u2028b", "a\u0085b",
    "\ufeff", "\u0000", "\x7f", "\u001b[0m", "\u00e9", "\U0001f600", "\ue000", "\uffff",
    "a\n---\nb", "a\n...\nb", "x" * 1200, "{{ .x }}", "a\\/b", "\\", "a\tb", "a\n\tb\n",
    "\n a\n", "\n\n\ta", "a\n# b\n", "#a\nb", "- a\n- b\n", "a: b\nc: d\n", "\ud7ff",
]  # fmt: skip

texts: st.SearchStrategy[str] = st.sampled_from(_TRICKY) | st.text(max_size=30)
keys: st.SearchStrategy[str] = st.sampled_from(["a", "b", "name", "a/b", "a~b", ""]) | texts

INT64 = (-(2**63), 2**63 - 1)

scalars: st.SearchStrategy[JSON] = (
    st.none()
    | st.booleans()
    | st.integers(*INT64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)


def _containers(inner: st.SearchStrategy[JSON]) -> st.SearchStrategy[JSON]:
    return st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)


json_values: st.SearchStrategy[JSON] = st.recursive(scalars, _containers, max_leaves=15)
objects: st.SearchStrategy[dict[str, JSON]] = st.dictionaries(keys, json_values, max_size=5)

names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True)


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, JSON]:
    """Objects with an identity and anything else: ConfigMaps, Deployments and custom resources."""
    api_version, kind = draw(
        st.sampled_from(
            [("v1", "ConfigMap"), ("apps/v1", "Deployment"), ("example.com/v1", "Widget")]
        )
    )
    metadata: dict[str, JSON] = {"name": draw(names)}
    if draw(st.booleans()):
        metadata["namespace"] = draw(names)
    if draw(st.booleans()):
        metadata["labels"] = draw(st.dictionaries(names, texts, max_size=3))
    rest = draw(
        st.dictionaries(st.sampled_from(["spec", "data", "rules"]), json_values, max_size=2)
    )
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}
