"""The part of CEL in which CustomResourceDefinitions say that a field keeps its value.

Fields, ``has``, ``size``, comparisons, ``in``, ``&&``, ``||``, ``!`` and ``?:``; whatever else a
rule holds makes it undecided, and the API server's to judge. Never a wrong verdict: no value is
UNKNOWN taken for true or false.
"""

from __future__ import annotations

import functools
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

from engine.model import ABSENT, JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))|(?P<name>[A-Za-z_]\w*)"
    r"""|(?P<text>'[^'"\\\n]*'|"[^'"\\\n]*")|(?P<sign>&&|\|\||[=!<>]=|[-!<>?:.,()\[\]]))"""
)
# How CEL spells field names that are no names of its own.
_ESCAPES: Final = {"underscores": "__", "dot": ".", "dash": "-", "slash": "/"}
_ESCAPED: Final = re.compile(r"__([a-z]+)__")
_COMPARE: Final[dict[str, Callable[[JSON, JSON], bool]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_CONSTANTS: Final[dict[str, JSON]] = {"true": True, "false": False}


class UndecidedError(Exception):
    """Only the API server can say what this is."""


class NoValueError(Exception):
    """The expression has no value, as that of a field that is not there: the rule is broken."""


@dataclass(frozen=True, slots=True)
class Term:
    """One expression: a literal, a name, a field, an element, or what an operator is put to."""

    kind: str  # "literal", "name", "field", "call", or the operator's sign
    value: JSON = None
    parts: tuple[Term, ...] = ()

    def __iter__(self) -> Iterator[Term]:
        """Every term in this one, itself first."""
        yield self
        for part in self.parts:
            yield from part


Path: TypeAlias = tuple[str, ...]


# --- reading ---------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1024)
def parse(rule: str) -> Term | None:
    """Return the rule as a term; None when it holds anything that is not read here."""
    try:
        return _Reader(rule).read()
    except UndecidedError:
        return None


class _Reader:
    """A recursive descent over the tokens of one rule, in CEL's order of precedence."""

    def __init__(self, rule: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at, end = 0, len(rule.rstrip())
        while at < end:
            match = _TOKEN.match(rule, at, end)
            if match is None:
                raise UndecidedError
            self._tokens.append((match.lastgroup or "", match[match.lastgroup or ""]))
            at = match.end()
        self._at = 0

    def read(self) -> Term:
        term = self._choice()
        if self._at < len(self._tokens):
            raise UndecidedError
        return term

    def _choice(self) -> Term:
        condition = self._chain("||", lambda: self._chain("&&", self._relation))
        if not self._takes("?"):
            return condition
        first = self._choice()
        self._need(":")
        return Term("?", parts=(condition, first, self._choice()))

    def _chain(self, sign: str, inner: Callable[[], Term]) -> Term:
        parts = [inner()]
        while self._takes(sign):
            parts.append(inner())
        return parts[0] if len(parts) == 1 else Term(sign, parts=tuple(parts))

    def _relation(self) -> Term:
        left = self._unary()
        for sign in ("==", "!=", *_COMPARE, "in"):
            if self._takes(sign):
                return Term(sign, parts=(left, self._unary()))
        return left

    def _unary(self) -> Term:
        if self._takes("!"):
            return Term("!x", parts=(self._unary(),))
        if self._takes("-"):
            inner = self._unary()
            is_number = inner.kind == "literal" and _is_number(inner.value)
            return Term("literal", -inner.value) if is_number else _undecided()
        term = self._primary()
        while True:
            if self._takes("."):
                name = self._name()
                is_call = self._takes("(")
                term = (
                    Term("call", name, (term, *self._arguments(")")))
                    if is_call
                    else Term("field", _unescaped(name), (term,))
                )
            elif self._takes("["):
                term = Term("[]", parts=(term, self._choice()))
                self._need("]")
            else:
                return term

    def _primary(self) -> Term:
        if self._takes("("):
            term = self._choice()
            self._need(")")
            return term
        if self._takes("["):
            return Term("list", parts=self._arguments("]"))
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        self._at += 1
        if kind == "number":
            return Term("literal", int(text) if text.isdecimal() else float(text))
        if kind == "text":
            return Term("literal", text[1:-1])
        if kind != "name" or text == "in":
            raise UndecidedError
        if text in _CONSTANTS:
            return Term("literal", _CONSTANTS[text])
        if self._takes("("):
            return Term("call", text, self._arguments(")"))
        return Term("name", text)

    def _arguments(self, end: str) -> tuple[Term, ...]:
        found: list[Term] = []
        while not self._takes(end):
            if found:
                self._need(",")
            found.append(self._choice())
        return tuple(found)

    def _name(self) -> str:
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        self._at += 1
        if kind != "name":
            raise UndecidedError
        return text

    def _takes(self, sign: str) -> bool:
        is_next = self._at < len(self._tokens) and self._tokens[self._at][1] == sign
        is_next = is_next and self._tokens[self._at][0] != "text"
        self._at += is_next
        return is_next

    def _need(self, sign: str) -> None:
        if not self._takes(sign):
            raise UndecidedError


def _unescaped(name: str) -> str:
    return _ESCAPED.sub(lambda match: _ESCAPES.get(match[1], match[1]), name)


# --- asking ----------------------------------------------------------------------------------


def kept(term: Term) -> tuple[Path, ...]:
    """Return the fields of ``self`` that the rule compares with the same ones of ``oldSelf``.

    For equality, or for being there at all; which is larger is another matter.
    """
    found: list[Path] = []
    for one in term:
        if one.kind in ("==", "!="):
            first, second = map(_path, one.parts)
            if first and second and {first[0], second[0]} == {"self", "oldSelf"}:
                found += [first[1:]] if first[1:] == second[1:] else []
    there = [path for one in term if one.kind == "call" and one.value == "has"
             for path in map(_path, one.parts) if path]  # fmt: skip
    found += [path[1:] for path in there if path[0] == "self" and ("oldSelf", *path[1:]) in there]
    return tuple(dict.fromkeys(found))


def _path(term: Term) -> Path:
    """Return the name and the fields of ``self.a.b``, also of its size; () for anything else."""
    match term:
        case Term("name", name):
            return (str(name),)
        case Term("field", name, (inner,)):
            above = _path(inner)
            return (*above, str(name)) if above else ()
        case Term("call", "has" | "size" | "value", (inner,)):
            return _path(inner)
        case _:
            return ()


def fails(term: Term, values: Mapping[str, JSON], *, optional: bool = False) -> bool:
    """Say whether the rule is certainly broken for these values of ``self`` and ``oldSelf``.

    ``optional``: oldSelf is wrapped, as with optionalOldSelf.
    """
    try:
        return _Values(values, optional=optional).of(term) is not True
    except NoValueError:
        return True
    except UndecidedError:
        return False


class _Values:
    """What terms are, given what names stand for; ABSENT stands for an optional without value."""

    def __init__(self, names: Mapping[str, JSON], *, optional: bool) -> None:
        self._names = names
        self._optional = "oldSelf" if optional else ""

    def of(self, term: Term) -> JSON:
        match term:
            case Term("literal", value):
                return value
            case Term("name", name) if name in self._names and name != self._optional:
                return _known(self._names[name])
            case Term("field", name, (inner,)):
                return self._field(inner, name)
            case Term("list", _, parts):
                return [self.of(part) for part in parts]
            case Term("call", name, parts):
                return self._call(str(name), parts)
            case _:
                return self._operator(term)

    def _operator(self, term: Term) -> JSON:
        match term:
            case Term("&&" | "||" as sign, _, parts):
                return self._logic(parts, decisive=sign == "||")
            case Term("!x", _, (inner,)):
                return not self._truth(inner)
            case Term("?", _, (condition, first, second)):
                return self.of(first if self._truth(condition) else second)
            case Term("==" | "!=" as sign, _, (left, right)):
                return _is_equal(self.of(left), self.of(right)) is (sign == "==")
            case Term("in", _, (left, right)):
                return self._is_in(self.of(left), self.of(right))
            case Term(sign, _, (left, right)) if sign in _COMPARE:
                return _compare(sign, self.of(left), self.of(right))
            case _:
                return _undecided()

    def _field(self, inner: Term, name: JSON) -> JSON:
        value = self.of(inner)
        if not isinstance(value, dict):
            _undecided()
        if name not in value:
            raise NoValueError
        return _known(value[name])

    def _logic(self, parts: tuple[Term, ...], *, decisive: bool) -> bool:
        """Any part that decides is enough, whatever the others are: CEL asks all of them."""
        doubt: Exception | None = None
        for part in parts:
            try:
                if self._truth(part) is decisive:
                    return decisive
            except NoValueError as error:
                doubt = doubt or error
            except UndecidedError as error:
                doubt = error
        if doubt is not None:
            raise doubt
        return not decisive

    def _truth(self, term: Term) -> bool:
        value = self.of(term)
        return value if isinstance(value, bool) else _undecided()

    def _is_in(self, value: JSON, others: JSON) -> bool:
        if isinstance(others, dict):
            return value in others if isinstance(value, str) else _undecided()
        if not isinstance(others, list):
            return _undecided()
        return any(_is_equal(value, other) for other in others)

    def _call(self, name: str, parts: tuple[Term, ...]) -> JSON:
        match name, parts:
            case "has", (Term("field", key, (inner,)),):
                value = self.of(inner)
                if not isinstance(value, dict) or (key in value and value[key] is None):
                    return _undecided()
                return key in value
            case "size", (inner,):
                value = self.of(inner)
                return len(value) if isinstance(value, list | dict) else _size(value)
            case "hasValue", (Term("name", self._optional),) if self._optional:
                return self._names[self._optional] is not ABSENT
            case "value", (Term("name", self._optional),) if self._optional:
                if self._names[self._optional] is ABSENT:
                    raise NoValueError
                return _known(self._names[self._optional])
            case _:
                return _undecided()


def _undecided() -> NoReturn:
    raise UndecidedError


def _known(value: JSON) -> JSON:
    # What null is to CEL depends on the schema.
    return _undecided() if value is None else value


def _size(value: JSON) -> int:
    return len(value) if isinstance(value, str) else _undecided()


def _compare(sign: str, one: JSON, other: JSON) -> bool:
    if _is_number(one) and _is_number(other):
        return _COMPARE[sign](one, other)
    # Texts too have an order, by code points as in Python.
    is_text = isinstance(one, str) and isinstance(other, str)
    return _COMPARE[sign](one, other) if is_text else _undecided()


def _is_equal(one: JSON, other: JSON) -> bool:
    """Compare as CEL does: numbers by value, lists in order unless they are sets or maps."""
    if _is_number(one) and _is_number(other):
        return bool(one == other)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_is_equal(one[k], other[k]) for k in one)
    if isinstance(one, list):
        if len(one) == len(other) and all(map(_is_equal, one, other)):
            return True
        left = list(other)
        for element in one:
            found = next((i for i, there in enumerate(left) if _is_equal(element, there)), None)
            if found is None:
                return False
            del left[found]
        # The same elements in another order: only the type of the list tells.
        return _undecided() if not left else False
    return bool(one == other)


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
