"""Amounts and days of five countries."""

from __future__ import annotations

import pytest

from arbkit.sources.settlements.notation import FileNotation


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("29,99", 29.99), ("29.99", 29.99), ("-4,50", -4.5), ("4,50-", -4.5), ("−4.5", -4.5), ("(1,234.50)", -1234.5),
        ("1.234,56", 1234.56), ("1,234.56", 1234.56), ("1 234,56", 1234.56), ("1\u202f234,56 €", 1234.56),
        ("1.234.567", 1234567.0), ("0", 0.0), ("-0,00", 0.0), ("1'234.56", 1234.56), ("7", 7.0), ("£12.30", 12.3),
    ],
)  # fmt: skip
def test_an_amount_is_read_in_every_notation(text: str, amount: float) -> None:
    assert FileNotation.of([text], []).amount(text) == amount


@pytest.mark.parametrize("text", ["", "-", "12,3x", "1,2,3", "1.23.4", "NaN", "inf", "12 EUR 3", "9" * 30, "١٢"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"amount|large"):
        FileNotation.of([], []).amount(text)


def test_three_digits_behind_one_mark_are_what_the_rest_of_the_file_shows_or_refused() -> None:
    assert FileNotation.of(["1.234", "2,50"], []).amount("1.234") == 1234.0
    assert FileNotation.of(["1.234", "2.50"], []).amount("1.234") == 1.23
    for unclear in (["1.234"], ["1.234", "2,50", "2.50"]):
        with pytest.raises(ValueError, match="does not show"):
            FileNotation.of(unclear, []).amount("1.234")


@pytest.mark.parametrize(
    ("text", "others", "day"),
    [
        ("2026-11-02 09:00:00 UTC", [], "2026-11-02"), ("2026-11-02T09:00:00+00:00", [], "2026-11-02"),
        ("02.11.2026", [], "2026-11-02"), ("2.11.26", [], "2026-11-02"), ("02/11/2026", [], "2026-11-02"),
        ("11/02/2026", ["11/13/2026"], "2026-11-02"), ("02/11/26", ["13/11/26"], "2026-11-02"),
        ("02.11.2026 09:00:00 UTC", ["11/13/2026"], "2026-11-02"),
    ],
)  # fmt: skip
def test_a_day_is_read_in_the_order_that_the_file_shows(text: str, others: list[str], day: str) -> None:
    assert FileNotation.of([], [text, *others]).day(text) == day


@pytest.mark.parametrize("text", ["", "31.02.2026", "2026-13-01", "yesterday", "1/2", "2026"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no day"):
        FileNotation.of([], []).day(text)
