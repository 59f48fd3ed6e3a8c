"""A price of 90 days as a line in a sentence, which says in words what it shows."""

from __future__ import annotations

import re
from array import array

import pytest

from arbkit.core.keepa_time import to_minutes
from arbkit.core.models import History, Series
from arbkit.display.sparkline import sparkline
from arbkit.profit import load_rates
from tests.helpers.factories import offer

NOW = 1_785_000_000
DAY = 86_400


def drawn(*points: tuple[float, int], code: str = "DE") -> tuple[str, str] | None:
    """The path and the words of prices in cents (-1: nobody offers it) by how many days ago they began."""
    times = array("q", [to_minutes(int(NOW - days * DAY)) for days, _ in points])
    series = Series(times, array("q", [cents for _, cents in points]))
    kept = offer(code=code, price_basis="new", updated_at=NOW)
    history = History(asin=kept.asin, market=code, currency=kept.currency, version=1, series={"new": series})
    line = sparkline(history, kept, load_rates(), now=NOW)
    if line is None:
        return None
    assert f'aria-label="{code}, price of 90 days: {line.words}"' in line.svg
    (path,) = re.findall(r'd="([^"]*)"', line.svg)
    return path, line.words


def test_a_price_holds_until_the_next_and_begins_with_that_of_before() -> None:
    assert drawn((300, 2_000), (45, 1_000)) == ("M2.0 2.0H80.0V30.0H158.0", "10.00 EUR to 20.00 EUR, now 10.00 EUR")


def test_nothing_is_drawn_while_nobody_offers_it() -> None:
    found = drawn((90, 2_000), (60, -1), (30, 1_000), (1, -1))
    assert found is not None
    assert found[0].count("M") == 2
    assert found[1] == "10.00 EUR to 20.00 EUR, not offered now"


def test_a_price_that_stands_still_is_a_line_in_the_middle() -> None:
    assert drawn((100, 1_500), code="UK") == ("M2.0 16.0H158.0", "15.00 GBP to 15.00 GBP, now 15.00 GBP")


@pytest.mark.parametrize("points", [((200, 1_000), (100, -1)), ((95, -1),)])
def test_without_a_price_in_90_days_there_is_no_line(points: tuple[tuple[float, int], ...]) -> None:
    assert drawn(*points) is None
