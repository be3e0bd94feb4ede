"""Refusals of an API server, as recorded from one, become errors that quote no value."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import (
    AlreadyExistsError,
    ApiError,
    ClusterError,
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    PlumbError,
    UncertainError,
)
from engine.kube import wording
from engine.kube.status import Asked, error_of, is_expired, is_immutable, warnings_of

if TYPE_CHECKING:
    from engine.model import JSON

CANARY = "sWordfish"
CONFIG_MAP = "/api/v1/namespaces/shop/configmaps/env"
SECRET = "/api/v1/namespaces/shop/secrets/env"  # noqa: S105 - a path
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def answer(reason: str, message: str = "", **details: JSON) -> bytes:
    body = {"kind": "Status", "reason": reason, "message": message, "details": details}
    return json.dumps(body).encode()


def cause(field: str, message: str) -> JSON:
    return {"reason": "FieldValueInvalid", "message": message, "field": field}


def read(path: str, method: str = "GET") -> Asked:
    return Asked(method, path, user="dev")


# --- which error -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "asked", "kind"),
    [
        (404, answer("NotFound", name="env", kind="configmaps"), read(CONFIG_MAP), NotFoundError),
        (404, answer("NotFound", name="web", kind="deployments", group="apps"), read(WEB),
         NotFoundError),
        (404, answer("NotFound", name="web", kind="deployments"), read(WEB), ClusterError),
        (404, answer("NotFound", name="shop", kind="namespaces"), read(CONFIG_MAP, "POST"),
         InvalidError),
        (404, answer("NotFound", name="shop", kind="namespaces"),
         read("/api/v1/namespaces/shop", "DELETE"), NotFoundError),
        (404, answer("NotFound"), read(CONFIG_MAP), ClusterError),
        (404, b"404 page not found", read(CONFIG_MAP), ClusterError),
        (302, b"", read(CONFIG_MAP), ClusterError),
        (418, b"[]", read(CONFIG_MAP), ClusterError),
        (401, answer("Unauthorized"), read(CONFIG_MAP), DeniedError),
        (401, b"<html>", read(CONFIG_MAP), DeniedError),
        (403, b"<html>", read(CONFIG_MAP, "POST"), DeniedError),
        (403, answer("Forbidden", 'configmaps "env" is forbidden: no'), read(CONFIG_MAP),
         DeniedError),
        (403, answer("Forbidden", 'configmaps "env" is forbidden: no'), read(CONFIG_MAP, "POST"),
         InvalidError),
        (403, answer("Forbidden", 'roles "a" is forbidden: user "b" (groups=["c"]) is attempting'
                     " to grant RBAC permissions not currently held: {}"),
         read(CONFIG_MAP, "POST"), DeniedError),
        (409, answer("AlreadyExists"), read(CONFIG_MAP, "POST"), AlreadyExistsError),
        (409, answer("Conflict"), read(CONFIG_MAP, "PUT"), ConflictError),
        (410, answer("Expired"), read(CONFIG_MAP), ApiError),
        (413, answer("RequestEntityTooLarge"), read(CONFIG_MAP, "POST"), InvalidError),
        (422, answer("Invalid", "the server rejected our request"), read(CONFIG_MAP, "PATCH"),
         ConflictError),
        (422, answer("Invalid", "x is invalid", name="x"), read(CONFIG_MAP, "PATCH"), InvalidError),
        (422, answer("Invalid", "the server rejected our request"), read(CONFIG_MAP, "POST"),
         InvalidError),
        (405, answer("MethodNotAllowed"), read(CONFIG_MAP, "PATCH"), InvalidError),
        (429, answer("TooManyRequests"), read(CONFIG_MAP, "POST"), ApiError),
        (429, b"", read(CONFIG_MAP, "POST"), ApiError),
        (500, answer("InternalError"), read(CONFIG_MAP), ApiError),
        (500, answer("InternalError"), read(CONFIG_MAP, "POST"), UncertainError),
        (500, answer("InternalError", "etcdserver: request is too large"),
         read(CONFIG_MAP, "POST"), InvalidError),
        (502, b"<html>", read(CONFIG_MAP, "DELETE"), UncertainError),
        (502, b"<html>", read(CONFIG_MAP), ClusterError),
    ],
)  # fmt: skip
def test_an_answer_is_the_error_that_fits(
    status: int, body: bytes, asked: Asked, kind: type[PlumbError]
) -> None:
    error = error_of(status, body, asked=asked)
    assert type(error) is kind
    assert error.where == asked.path
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own


def test_a_refusal_keeps_its_facts() -> None:
    body = answer("Invalid", name="web", causes=[
        cause("spec.a", "Required value"),
        cause("spec.b", f'Invalid value: "{CANARY}": too odd'),
        cause("spec.b", "Duplicate value: 5"),
    ])  # fmt: skip
    asked = Asked("POST", WEB, ref="Deployment.apps/shop/web")
    error = error_of(422, body, asked=asked, retry_after_s=3.0)
    assert isinstance(error, InvalidError)
    assert (error.status, error.reason, error.retry_after_s) == (422, "Invalid", 3.0)
    assert error.fields == ("spec.a", "spec.b")
    assert str(error) == (
        "Deployment.apps/shop/web: the API server refuses it"
        " (spec.a: required value; spec.b: too odd; spec.b: duplicate value); correct the manifest"
    )


def test_an_expired_list_is_told_from_other_errors() -> None:
    assert is_expired(error_of(410, answer("Expired"), asked=read(CONFIG_MAP)))
    assert not is_expired(error_of(404, b"", asked=read(CONFIG_MAP)))


def test_missing_rights_are_told_in_full() -> None:
    message = (
        'deployments.apps is forbidden: User "dev" cannot create resource "deployments"'
        ' in API group "apps" in the namespace "shop"'
    )
    error = error_of(403, answer("Forbidden", message), asked=read(WEB, "POST"))
    assert error.what == "user 'dev' may not create deployments.apps in namespace shop"


def test_missing_rights_to_a_path_are_told() -> None:
    message = 'forbidden: User "system:anonymous" cannot get path "/openapi/v3"'
    error = error_of(403, answer("Forbidden", message), asked=read("/openapi/v3"))
    assert error.what == "user 'system:anonymous' may not get path /openapi/v3"


# --- admission -------------------------------------------------------------------------------

POLICY = "ValidatingAdmissionPolicy 'no.bad' with binding 'b' denied request"
WEBHOOK = 'admission webhook "no.bad" denied the request'


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 500])
@pytest.mark.parametrize(
    ("message", "what", "why"),
    [
        (f'configmaps "x" is forbidden: {POLICY}: use a digest', "policy no.bad refused it",
         "use a digest"),
        (f"{POLICY}", "policy no.bad refused it", "it gives no reason"),
        (f'{WEBHOOK}: image "web:latest"\n\x1b[31mhas no digest',
         "admission webhook no.bad refused it", 'image "web:latest" ?[31mhas no digest'),
        (f"{WEBHOOK} without explanation", "admission webhook no.bad refused it",
         "it gives no reason"),
    ],
)  # fmt: skip
def test_a_policys_refusal_is_no_other_error_whatever_its_status(
    status: int, message: str, what: str, why: str
) -> None:
    """A webhook may answer 404 or 409; that says nothing about the object."""
    body = answer("NotFound", message, name="env", kind="configmaps")
    error = error_of(status, body, asked=read(CONFIG_MAP, "PATCH"))
    assert type(error) is InvalidError
    assert (error.what, error.why) == (what, why)


@pytest.mark.parametrize("prefix", [POLICY, WEBHOOK, "exceeded its patience"])
def test_what_is_said_about_a_secret_is_withheld(prefix: str) -> None:
    message = f'secrets "env" is forbidden: {prefix}: password is {CANARY}'
    error = error_of(403, answer("Forbidden", message), asked=read(SECRET, "PUT"))
    assert isinstance(error, InvalidError)
    assert CANARY not in str(error)


def test_a_long_explanation_is_cut() -> None:
    error = error_of(403, answer("Forbidden", f"{WEBHOOK}: {'x' * 5000}"),
                     asked=read(CONFIG_MAP, "POST"))  # fmt: skip
    assert len(error.why) == wording.MESSAGE_LIMIT


# --- values ----------------------------------------------------------------------------------


@given(value=values)
def test_a_rejected_value_is_cut_out_exactly(value: JSON) -> None:
    printed = json.dumps(value, ensure_ascii=False)
    told = wording.cause_of(cause("a", f"Invalid value: {printed}: the rule"), secret=False)
    assert told == ("a", "the rule")


@pytest.mark.parametrize(
    "quoted", [r'"\a\v\x00\U0001f600"', r'"a: \": b"', r'"\u00e9: c"', '"multi\nline: d"']
)
def test_a_value_in_gos_quotes_is_cut_out(quoted: str) -> None:
    told = wording.cause_of(cause("a", f"Unsupported value: {quoted}: the rule"), secret=False)
    assert told == ("a", "the rule")


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (f"Invalid value: {CANARY}: the rule", "invalid value"),
        (f'Invalid value: "{CANARY}', "invalid value"),
        (f'Invalid value: "{CANARY}"', "invalid value"),
        (f'Invalid value: "a"{CANARY}', "invalid value"),
        (f"{CANARY}: something new", "not accepted"),
        ("Required value: say so", "say so"),
        ("Too long: may not be more than 63 bytes", "may not be more than 63 bytes"),
        ("", "not accepted"),
    ],
)
def test_what_cannot_be_told_apart_is_left_out(message: str, text: str) -> None:
    assert wording.cause_of(cause("a", message), secret=False) == ("a", text)


@given(value=st.text(min_size=6))
def test_nothing_of_a_secrets_cause_is_told_but_known_sentences(value: str) -> None:
    for message in (f"Invalid value: {json.dumps(value)}: {value}", f"Required value: {value}"):
        _, told = wording.cause_of(cause("data", message), secret=True)
        assert told in {"invalid value", "required value", *wording.KNOWN}


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ('strict decoding error: unknown field "spec.replics", duplicate field "spec.a"',
         'unknown field "spec.replics", duplicate field "spec.a"'),
        ("json: cannot unmarshal string into Go struct field Spec.spec.replicas of type int32",
         "Spec.spec.replicas has to be int32, not string"),
        ("illegal base64 data at input byte 4", "illegal base64 data at input byte 4"),
        (f'found {{"a": "{CANARY}"}}', "the text is withheld: it may quote the Secret"),
    ],
)  # fmt: skip
def test_a_decoding_error_names_fields_and_types(message: str, why: str) -> None:
    body = answer("BadRequest", message)
    assert error_of(400, body, asked=read(SECRET, "POST")).why == why


def test_what_the_server_quotes_at_length_is_left_out() -> None:
    quoted = json.dumps(json.dumps({"kind": "Pod", "spec": CANARY}))
    message = f'Pod in version "v1" cannot be handled: {quoted} and {{"a":"{CANARY}"}} is odd'
    error = error_of(400, answer("BadRequest", message), asked=read(CONFIG_MAP, "POST"))
    assert error.why == 'Pod in version "v1" cannot be handled: "..." and ... is odd'


def test_a_refused_patch_does_not_quote_the_object() -> None:
    whole = json.dumps({"data": {"a": CANARY}})
    text = f'Invalid value: {json.dumps(whole)}: strict decoding error: unknown field "dat"'
    body = answer("Invalid", f' "" is invalid: patch: {text}', causes=[cause("patch", text)])
    for path in (CONFIG_MAP, SECRET):
        error = error_of(422, body, asked=read(path, "PATCH"))
        assert isinstance(error, InvalidError)
        assert error.why == 'unknown field "dat"'
        assert error.fields == ("dat",)


@pytest.mark.parametrize(
    ("path", "secret"),
    [
        (SECRET, True),
        ("/api/v1/namespaces/shop/secrets", True),
        ("/api/v1/secrets", True),
        ("/api/v1/namespaces/secrets/configmaps/env", False),
        ("/api/v1/namespaces/shop/configmaps/secrets", False),
        ("/api/v1/namespaces/secrets", False),
        ("/apis/shop.example/v1/namespaces/shop/secrets/env", False),
    ],
)
def test_a_secret_is_known_by_its_path(path: str, secret: bool) -> None:  # noqa: FBT001 - a table
    assert read(path).is_secret is secret


@pytest.mark.parametrize(
    ("detail", "immutable"),
    [
        ("field is immutable", True),
        ("may not change once set", True),
        ("cannot change roleRef", True),
        ("updates to provisioner are forbidden.", True),
        ("spec is immutable after creation except resources.requests", True),
        ("must be no more than 63 characters", False),
    ],
)
def test_immutable_fields_are_recognised(detail: str, immutable: bool) -> None:  # noqa: FBT001
    body = answer("Invalid", name="web", causes=[cause("spec.a", f'Invalid value: "x": {detail}')])
    assert is_immutable(error_of(422, body, asked=read(WEB, "PATCH"))) is immutable


def test_no_other_error_counts_as_immutable() -> None:
    body = answer("Forbidden", f"{WEBHOOK}: field is immutable")
    assert not is_immutable(error_of(409, answer("Conflict"), asked=read(WEB, "PATCH")))
    assert not is_immutable(ValueError("field is immutable"))
    # A webhook may well say so too, but its rule may be another tomorrow.
    assert not is_immutable(error_of(403, body, asked=read(WEB, "PATCH")))


def test_warnings_are_told_once_and_in_plain_text() -> None:
    headers = ['299 - "a \\"b\\"", 299 kube "c\x07"', '299 - "a \\"b\\""', "garbage"]
    assert warnings_of(headers, asked=read(CONFIG_MAP, "POST")) == ('a "b"', "c?")
    told = warnings_of([f'299 - "{CANARY}"', '299 - "unknown field \\"dat\\""'],
                       asked=read(SECRET, "POST"))  # fmt: skip
    assert told == ("the text is withheld: it may quote the Secret", 'unknown field "dat"')
