"""A sale as somebody writes it down."""

from __future__ import annotations

from typing import Any

import pytest

from arbkit.core.errors import UsageError
from arbkit.core.sales.entry import SaleEntry

GIVEN: dict[str, Any] = {"date": "2026-11-02", "asin": "B000000001", "marketplace": "DE", "principal": "59.98"}


def test_words_of_a_command_line_are_numbers_and_names_lose_the_blanks_around_them() -> None:
    line = SaleEntry.parse({**GIVEN, "units": "2", "sku": " DE-1 "}).line("x", source="entered", added_at=1.0)
    assert (line.units, line.principal, line.sku, line.currency) == (2, 59.98, "DE-1", "EUR")


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("sku", "a\tb", "control characters"),
        ("sku", "  ", "is empty"),
        ("order", "x" * 201, "too long"),
        ("currency", "euro", "is no currency"),
        ("currency", "EUR\n", "is no currency"),
        ("principal", "-1", "must be at least 0"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(field: str, value: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        SaleEntry.parse({**GIVEN, field: value})
    assert caught.value.field == field
