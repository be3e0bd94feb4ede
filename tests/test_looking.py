"""Who else wants what one application gives up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.kinds import Kinds
from engine.looking import wanted_elsewhere
from engine.model import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.looking import Wishing


class Nobody:
    """Others that nobody may look at."""

    def __iter__(self) -> Iterator[Wishing]:
        pytest.fail("with a thousand of them each pass would render all")


def test_others_are_looked_at_only_where_something_is_given_up() -> None:
    assert wanted_elsewhere(Nobody(), set(), kinds=Kinds.bundled()) == {}
    with pytest.raises(pytest.fail.Exception):
        wanted_elsewhere(Nobody(), {ObjectRef("", "Secret", "a", "b")}, kinds=Kinds.bundled())
