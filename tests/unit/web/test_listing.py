"""Which part of a list is asked for: a page by its number, or what a cursor goes on with."""

from __future__ import annotations

import pytest

from arbkit.core.errors import UsageError
from arbkit.web.api.listing import Stretch, naming_page


def test_a_page_is_an_offset_and_a_cursor_is_the_stores_own() -> None:
    assert Stretch.of(None, 50, None).order == {"limit": 50, "offset": 0}
    assert Stretch.of(3, 20, None).order == {"limit": 20, "offset": 40}
    behind = Stretch.of(None, 20, "7.YWJj")
    assert (behind.page, behind.order) == (7, {"limit": 20, "cursor": "YWJj"})
    assert Stretch.of(7, 20, "7.YWJj") == behind


@pytest.mark.parametrize("cursor", ["", "abc", "1.", ".YWJj", "1.Y W", f"1.{'A' * 20_000}", "1.ä"])
def test_a_cursor_that_is_none_is_named(cursor: str) -> None:
    with pytest.raises(UsageError, match="cursor: is not one that arbkit made"):
        Stretch.of(None, 20, cursor)


def test_what_reaches_too_far_is_the_page_and_not_an_offset_that_nobody_gave() -> None:
    with pytest.raises(UsageError, match="page: reaches too far"), naming_page():
        raise UsageError("reaches too far", field="offset", value=100_000, remedy="Go on with the cursor")
    with pytest.raises(UsageError, match="cursor: is damaged"), naming_page():
        raise UsageError("is damaged", field="cursor")
