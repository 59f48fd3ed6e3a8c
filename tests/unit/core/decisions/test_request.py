"""What a decision may say."""

from __future__ import annotations

from typing import Any

import pytest

from arbkit.core.decisions.request import DecisionRequest
from arbkit.core.errors import UsageError

ROUTE = {"asin": "B000000001", "source": "IT", "target": "DE"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"status": "buy_list"}, "asin"),
        ({"status": "buy_list", "asin": "B000000001", "brand": "Acme"}, "asin"),
        ({"status": "blocked", "asin": "B000000001"}, "status"),
        ({"status": "buy_list", "brand": "Acme"}, "status"),
        ({"status": "buy_list", "asin": "B000000001", "source": "IT"}, "source"),
        ({"status": "buy_list", **ROUTE, "target": "IT"}, "target"),
        ({"status": "buy_list", **ROUTE, "quantity": 3}, "quantity"),
        ({"status": "bought", **ROUTE, "quantity": 3}, "price"),
        ({"status": "bought", "asin": "B000000001", "quantity": 3, "price": 9.0}, "source"),
        ({"status": "looked_at", **ROUTE, "note": "<b>" + "x" * 10_000}, "note"),
        ({"status": "looked_at", **ROUTE, "note": "bell\x07"}, "note"),
        ({"status": "sold", **ROUTE}, "status"),
        ({"status": "buy_list", "asin": "B000000001", "cancels": 2}, "cancels"),
        ({"status": "new", **ROUTE, "cancels": 2}, "cancels"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(UsageError) as refused:
        DecisionRequest.parse(given)
    assert refused.value.field == field


def test_markup_and_lines_of_a_note_are_kept_as_they_are() -> None:
    wanted = DecisionRequest.parse({"status": "looked_at", **ROUTE, "note": " <b>bulky</b>\r\nask Ann "})
    assert wanted.note == "<b>bulky</b>\nask Ann"
