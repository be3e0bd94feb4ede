"""Whether a schema in Git has the form of one, so that nobody else has to ask.

Only the keywords that Plumb reads. What is wrong with a definition is the API server's to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.model import JSON


def is_schema(value: JSON) -> bool:
    """Say whether this is an OpenAPI schema at every depth, as far as types go."""
    return isinstance(value, dict) and all(
        name not in _FORMS or inner is None or _FORMS[name](inner) for name, inner in value.items()
    )


def _is_text(value: JSON) -> bool:
    return isinstance(value, str)


def _are_texts(value: JSON) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _are_schemas(value: JSON) -> bool:
    return isinstance(value, list) and all(map(is_schema, value))


def _are_fields(value: JSON) -> bool:
    return isinstance(value, dict) and all(map(is_schema, value.values()))


def _is_schema_or_switch(value: JSON) -> bool:
    return isinstance(value, bool) or is_schema(value)


def _are_rules(value: JSON) -> bool:
    return isinstance(value, list) and all(
        isinstance(rule, dict) and isinstance(rule.get("rule"), str) for rule in value
    )


_FORMS: Final[dict[str, Callable[[JSON], bool]]] = {
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), _are_schemas),
    **dict.fromkeys(("format", "pattern", "type"), _is_text),
    **dict.fromkeys(("x-kubernetes-list-type", "x-kubernetes-map-type"), _is_text),
    **dict.fromkeys(("required", "x-kubernetes-list-map-keys"), _are_texts),
    "additionalProperties": _is_schema_or_switch,
    "items": is_schema,
    "properties": _are_fields,
    "x-kubernetes-validations": _are_rules,
}
