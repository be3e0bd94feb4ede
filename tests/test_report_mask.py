"""No rendering ever shows a value of a Secret, nor lets a text command the terminal."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ApiError, ManifestError, PlumbError
from engine.model import (
    ABSENT,
    JSON,
    Adopt,
    Change,
    Create,
    Delete,
    Edit,
    Health,
    HealthStatus,
    Live,
    Manifest,
    ObjectRef,
    Origin,
    Outcome,
    Patch,
    Plan,
    Release,
    Replace,
    Skip,
    SyncResult,
    Update,
    Wave,
    Why,
)
from engine.report import data, mask, text

_REF = ObjectRef("", "Secret", "shop", "db")
_MAP = ObjectRef("", "ConfigMap", "shop", "db")
_LAST = "kubectl.kubernetes.io/last-applied-configuration"

# Values that cannot be part of anything else in a report, in every shape that people store.
_CANARIES = st.tuples(
    st.text("0123456789abcdef", min_size=16, max_size=24),
    st.sampled_from(["", "\n", '"quoted" ', "ä☃ ", "&<>/%", "\x1b[31m"]),
).map(lambda pair: f"canary-{pair[0]}{pair[1]}{pair[0][::-1]}")
_KEYS = st.sampled_from(["password", "tls.key", "a/b~c", "x"])
_DATA = st.dictionaries(_KEYS, _CANARIES, min_size=1, max_size=3)


def _encoded(values: dict[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


def _body(ref: ObjectRef, **rest: JSON) -> JSON:
    metadata: JSON = {"name": ref.name, "namespace": ref.namespace}
    return {"apiVersion": "v1", "kind": ref.kind, "metadata": metadata, **rest}


def _annotated(ref: ObjectRef, values: dict[str, str]) -> JSON:
    """Return an object with a copy of a Secret in the annotation of kubectl."""
    body = _body(ref)
    body["metadata"]["annotations"] = {_LAST: json.dumps(_body(_REF, stringData=values))}
    return body


@st.composite
def _edits(draw: st.DrawFn, before: dict[str, str], after: dict[str, str]) -> tuple[Edit, ...]:
    """Edits of a Secret at every depth that a merge may choose."""
    last = f"/metadata/annotations/{_LAST.replace('/', '~1')}"
    old, new = _encoded(before), _encoded(after)
    choices = [
        Edit("/data", old, new, Why.DIFFERS),
        Edit("/data", ABSENT, new, Why.ADDED),
        Edit("/stringData", after, ABSENT, Why.REMOVED),
        *(Edit(f"/data/{key.replace('~', '~0').replace('/', '~1')}", old.get(key, ABSENT), new[key],
               Why.CHANGED) for key in new),
        Edit(last, json.dumps(before), json.dumps(after), Why.DRIFTED),
        Edit("/metadata/annotations", {_LAST: json.dumps(before)}, ABSENT, Why.REMOVED),
        Edit("/metadata", ABSENT, _annotated(_REF, after)["metadata"], Why.ADDED),
        Edit("", _body(_REF, data=old), _body(_REF, stringData=after), Why.CHANGED),
    ]  # fmt: skip
    return tuple(draw(st.lists(st.sampled_from(choices), max_size=4)))


def _told(values: dict[str, str]) -> str:
    """Return a sentence of somebody who quotes what he should not."""
    said = [f"{v} / {base64.b64encode(v.encode()).decode()} / {v!r}" for v in values.values()]
    return f"denied: {'; '.join(said)}"


@st.composite
def _results(draw: st.DrawFn) -> tuple[SyncResult, set[str]]:
    before, after = draw(_DATA), draw(_DATA)
    manifest = Manifest(
        _REF, _body(_REF, data=_encoded(after), stringData=after), Origin("a", 1), ""
    )
    live = Live(_REF, _body(_REF, data=_encoded(before)))
    patch = Patch((), draw(_edits(before, after)))
    copied = Manifest(_MAP, _annotated(_MAP, after), Origin("b", 1), "")
    said = _told(before | after)
    error = ApiError("PLB610", said, where=said, why=said, hint=said)
    error.others = (ManifestError("PLB301", said),)
    changes: list[Change] = [
        Create(manifest, manifest.body, notes=(said,)),
        Create(copied, copied.body),
        Update(manifest, live, patch),
        Adopt(manifest, live, patch),
        Replace(manifest, live, patch, manifest.body, ("/type",)),
        Skip(_REF, said, error=error),
        Skip(_REF, said),
    ]
    prune: list[Change] = [Delete(_REF, live, said), Release(_REF, said, live=live)]
    plan = Plan("ops/shop", None, (Wave(0, tuple(changes)),), tuple(prune), notes=(said,))
    outcomes = (
        Outcome(_REF, "updated", said, warnings=(said,), change=changes[2]),
        Outcome(_MAP, "failed", said, error=error),
    )
    result = SyncResult(
        "ops/shop", None, plan, outcomes, health={_REF: Health(HealthStatus.DEGRADED, said)},
        errors=(error,), warnings=(said,),
    )  # fmt: skip
    return result, set(before.values()) | set(after.values())


def _spellings(value: str) -> set[str]:
    lines = {line for line in value.split("\n") if len(line) > 8}
    return lines | {
        value, base64.b64encode(value.encode()).decode(), quote(value, safe=""),
        json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], mask.clean(value),
    }  # fmt: skip


@settings(max_examples=40)
@given(_results())
def test_no_rendering_shows_a_value_of_a_secret(found: tuple[SyncResult, set[str]]) -> None:
    result, canaries = found
    assert result.plan is not None
    renderings = [
        text.render_plan(result.plan),
        text.render_plan(result.plan, full=True, color=True),
        text.render_result(result),
        text.render_result(replace(result, plan=None)),
        text.render_status(result),
        json.dumps(data.plan(result.plan)),
        json.dumps(data.result(result), ensure_ascii=False),
        json.dumps(data.result(replace(result, plan=None)), ensure_ascii=False),
    ]
    for rendering in renderings:
        assert "canary-" not in rendering
        for canary in canaries:
            assert not any(spelling in rendering for spelling in _spellings(canary))


@settings(max_examples=40)
@given(_results())
def test_masking_changes_no_argument_and_is_the_same_every_time(
    found: tuple[SyncResult, set[str]],
) -> None:
    result, _ = found
    assert result.plan is not None
    before = repr(result)
    assert text.render_result(result) == text.render_result(result)
    assert data.result(result) == data.result(result)
    assert text.render_plan(result.plan) == text.render_plan(result.plan)
    assert repr(result) == before


@pytest.mark.parametrize(
    ("edit", "before", "after"),
    [
        pytest.param(
            Edit("/data/a", "x", "y", Why.CHANGED), "*** (before)", "*** (after)", id="both sides"
        ),
        pytest.param(Edit("/data/a", ABSENT, "y", Why.ADDED), ABSENT, "***", id="only after"),
        pytest.param(Edit("/data/a", "x", ABSENT, Why.REMOVED), "***", ABSENT, id="only before"),
        pytest.param(
            Edit("/data", {"a": "x", "b": "1"}, {"a": "x", "b": "2", "c": "3"}, Why.CHANGED),
            {"a": "***", "b": "*** (before)"},
            {"a": "***", "b": "*** (after)", "c": "***"},
            id="keys stay and equal values look equal",
        ),
        pytest.param(Edit("/data", None, "odd", Why.CHANGED), "*** (before)", "*** (after)",
                     id="whatever stands there"),
        pytest.param(Edit("/type", "a", "b", Why.CHANGED), "a", "b", id="the type is no secret"),
        pytest.param(Edit("/dataset", "a", "b", Why.CHANGED), "a", "b", id="another field"),
    ],
)  # fmt: skip
def test_an_edit_of_a_secret_says_that_it_differs(edit: Edit, before: JSON, after: JSON) -> None:
    masked = mask.masked_edit(edit, _REF)
    assert (masked.before, masked.after) == (before, after)


def test_a_secret_of_another_group_is_no_secret() -> None:
    edit = Edit("/data/a", "x", "y", Why.CHANGED)
    sealed = ObjectRef("example.com", "Secret", "shop", "db")
    assert mask.masked_edit(edit, sealed) == edit


def test_the_body_of_a_secret_keeps_its_keys() -> None:
    body = _body(_REF, data={"a": "eA=="}, type="Opaque")
    assert mask.masked_body(body)["data"] == {"a": "***"}
    assert mask.masked_body(body)["type"] == "Opaque"
    assert body["data"] == {"a": "eA=="}


def test_what_is_no_object_passes_through_the_mask() -> None:
    assert mask.masked_body([1, None]) == [1, None]
    assert mask.masked_body(_body(_MAP, data={"a": "b"})) == _body(_MAP, data={"a": "b"})


def test_odd_secrets_do_not_break_the_redactor() -> None:
    body = _body(_REF, data={"a": 1, "b": "no base64 at all", "c": "//8="}, stringData=["x"])
    plan = Plan("a/b", None, (Wave(0, (Create(Manifest(_REF, body, Origin("a", 1), ""), body),)),))
    assert mask.redactor(plan.changes)("no base64 at all") == "***"


def test_the_longest_value_is_hidden_wherever_it_stands() -> None:
    body = _body(_REF, stringData={"a": "secret", "b": "secret-and-more", "c": "more-of-it"})
    change = Create(Manifest(_REF, body, Origin("a", 1), ""), body)
    told = mask.redactor([change])("secret-and-more-of-it, xsecretx, secret-and-mor")
    assert told == "***-of-it, x***x, ***-and-mor"


def test_short_values_leave_sentences_readable() -> None:
    body = _body(_REF, stringData={"a": "the"})
    change = Create(Manifest(_REF, body, Origin("a", 1), ""), body)
    assert mask.redactor([change])("the end") == "the end"


def test_marks_of_plumb_are_not_shown_and_other_labels_stay() -> None:
    body = _body(_MAP)
    body["metadata"] |= {"labels": {"plumb.dev/owner": "1", "app": "web"}, "annotations": None}
    assert mask.without_marks(body)["metadata"]["labels"] == {"app": "web"}
    assert "annotations" not in mask.without_marks(body)["metadata"]


@given(st.text())
def test_a_clean_text_is_printable_and_clean_stays_clean(found: str) -> None:
    cleaned = mask.clean(found)
    assert cleaned.isprintable()
    assert mask.clean(cleaned) == cleaned
    if found.isprintable():
        assert cleaned == found


@given(st.text(), st.text(), st.text(), st.text())
def test_an_error_is_printable_whatever_it_says(what: str, where: str, why: str, hint: str) -> None:
    error = PlumbError("PLB301", what, where=where, why=why, hint=hint)
    assert all(line.isprintable() for line in text.render_error(error).split("\n"))
