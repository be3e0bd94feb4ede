"""What the API server's refusals mean: a Status becomes one of the errors of errors.py.

Belongs here: status codes, reasons, details. Not here: how much of a message may be told
(wording.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import orjson

from engine.errors import (
    AlreadyExistsError,
    ApiError,
    ClusterError,
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    UncertainError,
)
from engine.kube.wording import (
    UNKNOWN_FIELD,
    cause_of,
    decoding_errors,
    of_secret,
    plain,
    warning_texts,
    without_values,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.model import JSON

Failure: TypeAlias = ApiError | ClusterError

IMMUTABLE: Final = re.compile(
    r"immutable|may not be changed|may not change|cannot be changed|cannot change roleRef"
    r"|updates to \w+ are forbidden|updates to statefulset spec for fields other than"
    r"|pod updates may not change fields other than|can't be changed"
)
_ADMISSION: Final = (
    re.compile(
        r"""ValidatingAdmissionPolicy '(?P<name>[\w.-]+)' with binding '[^']+' """
        r"""denied request(?:: (?P<text>.*))?""",
        re.DOTALL,
    ),
    re.compile(
        r"""admission webhook "(?P<name>[\w.-]+)" denied the request(?:: (?P<text>.*))?""",
        re.DOTALL,
    ),
)
_RBAC: Final = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>[\w*]+) (?:resource "(?P<resource>[^"]+)"'
    r' in API group "(?P<group>[^"]*)"(?: in the namespace "(?P<namespace>[^"]+)")?'
    r'|path "(?P<path>[^"]+)")'
)
_WEBHOOK_DOWN: Final = re.compile(r'failed (?:to call|calling) webhook "([\w.-]+)"')
_QUOTA: Final = re.compile(r"exceeded quota: .*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asked:
    """The request that was refused: enough to say what it was about without quoting it."""

    method: str
    path: str
    ref: str = ""
    user: str = ""

    @property
    def where(self) -> str:
        return self.ref or self.path

    @property
    def is_write(self) -> bool:
        return self.method not in {"GET", "HEAD"}

    @property
    def is_secret(self) -> bool:
        """Whether the object is a Secret, judged by the path: it decides what the server reads."""
        parts = self.path.split("/")
        return self.path.startswith("/api/") and "secrets" in parts[3:4] + parts[5:6]

    @property
    def resource(self) -> tuple[str, str, str]:
        """Return group, plural and name as the path has them; the name is "" for a collection."""
        parts = self.path.strip("/").split("/")
        group, rest = ("", parts[2:]) if parts[0] == "api" else ("".join(parts[1:2]), parts[3:])
        if len(rest) >= 3 and rest[0] == "namespaces":
            rest = rest[2:]
        return group, "".join(rest[:1]), "".join(rest[1:2])


def error_of(
    status: int, body: bytes, *, asked: Asked, retry_after_s: float | None = None
) -> Failure:
    """Return the error for an answer that is no success."""
    answer = _status(body)
    if answer is None:
        return _no_status(status, asked)
    facts = _Facts(status, answer, asked, retry_after_s)
    if asked.is_write and (refusal := _admission(facts)):
        return refusal
    by_status = {401: _unauthorized, 403: _forbidden, 404: _not_found, 409: _contention,
                 410: _contention, 413: _too_large, 429: _contention}  # fmt: skip
    meaning = by_status.get(status, _server_failure if status >= 500 else _invalid)
    return meaning(facts)


def is_immutable(error: Exception) -> bool:
    """Whether the server refused because a field can never change: by a cause that says so.

    A policy or webhook that says the same does not count: its rule may be another tomorrow.
    """
    by_field = isinstance(error, InvalidError) and error.code == "PLB422" and error.fields
    return bool(by_field) and bool(IMMUTABLE.search(getattr(error, "why", "")))


def is_expired(error: Exception) -> bool:
    """Whether a list's continue token is too old, so that the list has to start again."""
    return isinstance(error, ApiError) and error.status == 410


def is_terminating(error: Exception) -> bool:
    """Whether a create was refused because its namespace is being deleted."""
    return isinstance(error, InvalidError) and error.code == "PLB407"


def warnings_of(values: list[str], *, asked: Asked) -> tuple[str, ...]:
    """Return the texts of Warning headers; about a Secret only those without a value."""
    texts = [text for value in values for text in warning_texts(value)]
    if asked.is_secret:
        texts = [of_secret(text) for text in texts]
    return tuple(dict.fromkeys(plain(text) for text in texts))


# --- one function per kind of answer ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Facts:
    status: int
    answer: JSON
    asked: Asked
    retry_after_s: float | None

    @property
    def message(self) -> str:
        return str(self.answer.get("message") or "")

    @property
    def reason(self) -> str:
        return str(self.answer.get("reason") or "")

    @property
    def details(self) -> Mapping[str, JSON]:
        details = self.answer.get("details")
        return details if isinstance(details, dict) else {}

    @property
    def causes(self) -> list[Mapping[str, JSON]]:
        causes = self.details.get("causes")
        return [c for c in causes if isinstance(c, dict)] if isinstance(causes, list) else []

    def make(
        self, kind: type[ApiError], code: str, what: str, *,
        why: str = "", hint: str = "", fields: tuple[str, ...] = (),
    ) -> ApiError:  # fmt: skip
        return kind(
            code, what, where=self.asked.where, why=why, hint=hint, status=self.status,
            reason=self.reason, fields=fields, retry_after_s=self.retry_after_s,
        )  # fmt: skip


def _admission(facts: _Facts) -> ApiError | None:
    """Recognise a policy's or webhook's refusal, whatever status code its author chose."""
    for pattern in _ADMISSION:
        match = pattern.search(facts.message)
        if match is None:
            continue
        kind = "policy" if pattern is _ADMISSION[0] else "admission webhook"
        text = "its explanation is withheld: it may quote the Secret"
        if not facts.asked.is_secret:
            text = plain(match["text"] or "it gives no reason")
        return facts.make(
            InvalidError, "PLB430", f"{kind} {plain(match['name'])} refused it", why=text,
            hint="change the manifest so that it complies, or ask who owns that rule",
        )  # fmt: skip
    return None


def _unauthorized(facts: _Facts) -> ApiError:
    who = f" of user {facts.asked.user!r}" if facts.asked.user else ""
    return facts.make(
        DeniedError, "PLB401", f"the API server does not accept the credentials{who}",
        hint="log in again, or correct the user in the kubeconfig",
    )  # fmt: skip


def _forbidden(facts: _Facts) -> ApiError:
    match = _RBAC.search(facts.message)
    if match:
        where = f" in namespace {match['namespace']}" if match["namespace"] else ""
        resource = match["resource"] or f"path {match['path']}"
        thing = f"{resource}.{match['group']}" if match["group"] else resource
        return facts.make(
            DeniedError, "PLB403",
            plain(f"user {match['user']!r} may not {match['verb']} {thing}{where}"),
            hint="grant it by a Role and a RoleBinding, or use another identity",
        )  # fmt: skip
    if "attempting to grant RBAC permissions not currently held" in facts.message:
        return facts.make(
            DeniedError, "PLB403", "the role grants more than the user itself may do",
            hint="grant the user those permissions, or the verb `escalate` or `bind`",
        )  # fmt: skip
    if any(cause.get("reason") == "NamespaceTerminating" for cause in facts.causes):
        return facts.make(
            InvalidError, "PLB407", "its namespace is being deleted",
            hint="it is created when the namespace is back", fields=("metadata.namespace",),
        )  # fmt: skip
    _, separator, text = facts.message.partition(" is forbidden: ")
    if separator and facts.asked.is_write:
        # Rights are checked before the content; who got this far was refused for the content.
        quota = _QUOTA.search(text)
        why = plain(quota[0] if quota else text)
        if facts.asked.is_secret and not quota:
            why = of_secret(text)
        return facts.make(
            InvalidError, "PLB430", "admission control refused it", why=why,
            hint="change the manifest so that it complies",
        )  # fmt: skip
    return facts.make(
        DeniedError, "PLB403", f"{facts.asked.method} is not permitted",
        hint="grant it by a Role and a RoleBinding, or use another identity",
    )  # fmt: skip


def _not_found(facts: _Facts) -> Failure:
    group, plural, name = facts.asked.resource
    details = facts.details
    named = (str(details.get("group") or ""), details.get("kind"), details.get("name"))
    if facts.reason == "NotFound" and name and named == (group, plural, name):
        return facts.make(NotFoundError, "PLB404", "it is not there")
    if facts.reason == "NotFound" and named[:2] == ("", "namespaces") and named[2]:
        return facts.make(
            InvalidError, "PLB406", f"there is no namespace {plain(str(named[2]))!r}",
            hint="add it to the manifests, or set createNamespace: true",
            fields=("metadata.namespace",),
        )  # fmt: skip
    return _unknown(404, facts.asked)


def _contention(facts: _Facts) -> ApiError:
    if facts.status == 429 and "storage is (re)initializing" in facts.message:
        # Said of one kind: right after its definition came, or for as long as its conversion
        # webhook fails. It is no reason to be slow with anything else (argo-cd#20828).
        return facts.make(
            ApiError, "PLB428", "the API server cannot read this kind of object yet",
            hint="if it stays so, look at the conversion webhook of its CustomResourceDefinition",
        )  # fmt: skip
    if facts.status == 429:
        return facts.make(ApiError, "PLB429", "the API server is too busy", hint="try again later")
    if facts.status == 410:
        return facts.make(ApiError, "PLB410", "the list changed too much while it was read")
    if facts.reason == "AlreadyExists":
        return facts.make(AlreadyExistsError, "PLB405", "an object of that name is there already")
    return facts.make(
        ConflictError, "PLB409", "somebody else changed it at the same moment",
        hint="it is read and planned again",
    )  # fmt: skip


def _server_failure(facts: _Facts) -> ApiError:
    hook = _WEBHOOK_DOWN.search(facts.message)
    why = f"admission webhook {plain(hook[1])} could not be called" if hook else ""
    if "etcdserver: request is too large" in facts.message:
        return _too_large(facts)
    if facts.asked.is_write:
        return facts.make(
            UncertainError, "PLB463", f"the API server failed ({facts.status})",
            why=why or "it may or may not have taken effect", hint="it is looked up again",
        )  # fmt: skip
    hint = "see the API server's log"
    return facts.make(ApiError, "PLB465", f"the API server failed ({facts.status})",
                      why=why or facts.reason, hint=hint)  # fmt: skip


def _too_large(facts: _Facts) -> ApiError:
    return facts.make(
        InvalidError, "PLB413", "the object is too large for the API server",
        hint="split it; objects may have about 1.5 MiB, ConfigMaps and Secrets 1 MiB",
    )  # fmt: skip


def _invalid(facts: _Facts) -> ApiError:
    told = facts.causes or facts.details.get("name")
    if facts.asked.method == "PATCH" and facts.status == 422 and not told:
        # A failing `test` looks like this, and so does an operation whose place is gone.
        return facts.make(
            ConflictError, "PLB409", "it changed since it was read",
            hint="it is read and planned again",
        )  # fmt: skip
    causes = [cause_of(cause, secret=facts.asked.is_secret) for cause in facts.causes]
    fields = tuple(dict.fromkeys(f for f, _ in causes if f))
    why = "; ".join(f"{f}: {t}" if f else t for f, t in causes)
    known = decoding_errors(facts.message)
    if known or not why:
        why = known or of_secret(facts.message)
        if not known and not facts.asked.is_secret:
            why = plain(without_values(facts.message)) or facts.reason
        fields = tuple(name for _, name in UNKNOWN_FIELD.findall(facts.message))
    return facts.make(
        InvalidError, "PLB422" if facts.status != 405 else "PLB408",
        "the API server refuses it", why=why, hint="correct the manifest", fields=fields,
    )  # fmt: skip


# --- answers that are no Status --------------------------------------------------------------


def _status(body: bytes) -> JSON:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) and answer.get("kind") == "Status" else None


def _no_status(status: int, asked: Asked) -> Failure:
    if status in {401, 403}:
        return DeniedError(
            "PLB401" if status == 401 else "PLB403", f"access was refused ({status})",
            where=asked.where, why="the answer is not an API server's, a proxy may stand between",
            hint="check `server` in the kubeconfig, and the proxy", status=status,
        )  # fmt: skip
    if status == 429:
        return ApiError("PLB429", "the API server is too busy", where=asked.where, status=status,
                        hint="try again later")  # fmt: skip
    if status >= 500 and asked.is_write:
        return UncertainError(
            "PLB463", f"the server or a proxy failed ({status})", where=asked.where,
            why="it may or may not have taken effect", hint="it is looked up again", status=status,
        )  # fmt: skip
    return _unknown(status, asked)


def _unknown(status: int, asked: Asked) -> ClusterError:
    """Return what a bare 404 is: no proof of absence (invariant 7)."""
    return ClusterError(
        "PLB462", f"the answer ({status}) says neither that it is there nor that it is absent",
        where=asked.where, why="it is not an API server's Status about this object",
        hint="check `server` in the kubeconfig, and whether this API is still served",
    )  # fmt: skip
