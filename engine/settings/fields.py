"""Reading fields of one document with their problems collected, so that one run names them all.

Belongs here: types, required fields, unknown fields. What a field means is in ``documents``.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeVar

from engine.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from engine.model import JSON

T = TypeVar("T")


class Problems:
    """What is wrong with one document; ``locate`` turns a JSON pointer into line and column."""

    def __init__(self, path: str, locate: Callable[[str], tuple[int, int]]) -> None:
        self._path = path
        self._locate = locate
        self._found: list[tuple[tuple[int, int], SettingsError]] = []

    def add(self, pointer: str, error: SettingsError) -> None:
        """Keep an error, with its place and the field in front."""
        field = pointer.lstrip("/").replace("/", ".") or "document"
        line, column = self._locate(pointer)
        where = f"{self._path}:{line}:{column}"
        self._keep((line, column), where, f"{field}: {error.what}", error)

    def _keep(self, at: tuple[int, int], where: str, what: str, error: SettingsError) -> None:
        placed = SettingsError(error.code, what, where=where, why=error.why, hint=error.hint)
        self._found.append((at, placed))

    def raise_first(self) -> None:
        """Raise the topmost problem with the rest in ``others``; return when there is none."""
        if not self._found:
            return
        first, *rest = (error for _, error in sorted(self._found, key=lambda pair: pair[0]))
        first.others = tuple(rest)
        raise first


class ResourceProblems(Problems):
    """What is wrong with one resource: in no file, so that its place is the JSON pointer alone.

    With ``only`` given, problems anywhere else are no hindrance and are left out.
    """

    def __init__(self, name: str, *, only: tuple[str, ...] | None = None) -> None:
        super().__init__(name, lambda _: (0, 0))
        self._only = only

    def add(self, pointer: str, error: SettingsError) -> None:
        """Keep an error, with the pointer to its field in front."""
        if self._only is None or pointer in self._only:
            at = (len(self._found), 0)
            self._keep(at, f"{self._path}: {pointer or '/'}", error.what, error)


class Fields:
    """One mapping of a document. A field that is absent or null takes its default."""

    def __init__(self, body: JSON, pointer: str, problems: Problems) -> None:
        self._pointer = pointer
        self._problems = problems
        if body is not None and not isinstance(body, dict):
            self.wrong("", _wrong_type("an object", body))
            body = None
        self._body: dict[str, JSON] = body or {}

    def only(self, known: Collection[str]) -> None:
        """Refuse every field that is not known, with what was probably meant."""
        for name in self._body:
            if name in known:
                continue
            close = get_close_matches(str(name), sorted(known), n=1, cutoff=0.6)
            hint = (
                f"did you mean {close[0]}?"
                if close
                else f"the fields are {', '.join(sorted(known))}"
            )
            self.wrong(str(name), SettingsError("PLB101", "unknown field", hint=hint))

    def inner(self, name: str) -> Fields:
        """Return the mapping below ``name``; empty when it is absent."""
        return Fields(self._body.get(name), f"{self._pointer}/{escape(name)}", self._problems)

    def items(self, name: str) -> list[Fields]:
        """Return the mappings of the list at ``name``."""
        at = f"{self._pointer}/{escape(name)}"
        return [
            Fields({} if item is None else item, f"{at}/{index}", self._problems)
            for index, item in enumerate(self._list(name))
        ]

    def has(self, name: str) -> bool:
        return self._body.get(name) is not None

    def text(self, name: str, read: Callable[[str], T], *, default: T) -> T:
        """Text at ``name``, read by ``read``; the default when it is absent or wrong."""
        value = self._body.get(name)
        if value is None:
            return default
        return self._read(name, value, read, default)

    def required(self, name: str, read: Callable[[str], T], *, default: T) -> T:
        """Like ``text``; absence and the empty text are problems too."""
        if self._body.get(name) in (None, ""):
            self.wrong(name, SettingsError("PLB103", "is missing", hint=f"set {name}"))
            return default
        return self.text(name, read, default=default)

    def texts(self, name: str, read: Callable[[str], T]) -> tuple[T, ...]:
        """Every text of the list at ``name`` that ``read`` accepts."""
        found = (
            self._read(f"{name}/{index}", value, read, None)
            for index, value in enumerate(self._list(name))
        )
        return tuple(value for value in found if value is not None)

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._body.get(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.wrong(name, _wrong_type("true or false", value))
        return default

    def number(self, name: str, *, default: int, most: int) -> int:
        """Whole number from 0 to ``most``."""
        value = self._body.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(name, _wrong_type("a whole number", value))
        elif not 0 <= value <= most:
            limits = f"from 0 to {most}" if most <= 100 else "0 or more"
            self.wrong(name, SettingsError("PLB104", "out of range", why=limits))
        else:
            return value
        return default

    def word(self, name: str, words: Mapping[str, T], *, default: T) -> T:
        """Meaning of one of a few words."""

        def read(text: str) -> T:
            if text in words:
                return words[text]
            raise SettingsError("PLB104", "not one of its words", hint=f"one of {', '.join(words)}")

        return self.text(name, read, default=default)

    def wrong(self, name: str, error: SettingsError) -> None:
        """Note a problem at ``name`` ("" is the mapping itself)."""
        self._problems.add(f"{self._pointer}/{name}" if name else self._pointer, error)

    def _list(self, name: str) -> list[JSON]:
        value = self._body.get(name)
        if value is None:
            return []
        if isinstance(value, list):
            return value
        self.wrong(name, _wrong_type("a list", value))
        return []

    def _read(self, name: str, value: JSON, read: Callable[[str], T], default: T) -> T:
        if not isinstance(value, str):
            self.wrong(name, _wrong_type("a text", value))
            return default
        try:
            return read(value)
        except SettingsError as error:
            self.wrong(name, error)
            return default


def escape(name: str) -> str:
    """Return a key as a segment of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


_TYPES = ((bool, "true or false"), (int, "a number"), (float, "a number"), (str, "a text"),
          (list, "a list"), (dict, "an object"))  # fmt: skip


def _wrong_type(wanted: str, value: JSON) -> SettingsError:
    found = next((name for kind, name in _TYPES if isinstance(value, kind)), "nothing")
    hint = "put it in quotes" if wanted == "a text" and isinstance(value, int | float) else ""
    return SettingsError("PLB102", f"must be {wanted}", why=f"{found} stands there", hint=hint)
