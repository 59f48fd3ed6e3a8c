"""Exchange rates: which day's rate holds, how old it may be, and what a user assumes instead."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from currency_converter import CurrencyConverter, RateNotFoundError
from currency_converter.currency_converter import Bounds

from arbkit.profit import load_rates
from arbkit.profit.exchange_rates import AssumedRates, Rate, Rates, ShiftedRates

RATES = load_rates()
FRIDAY, SATURDAY, MONDAY = date(2026, 7, 31), date(2026, 8, 1), date(2026, 8, 3)


class OfOneDay(CurrencyConverter):  # type: ignore[misc]
    """Knows the pound on one day alone, and says that it is up to date."""

    def __init__(self, day: date) -> None:
        self._day = day
        self.bounds = {"GBP": Bounds(day, date(2026, 12, 31))}

    def convert(self, amount: float, currency: str, new_currency: str = "EUR", date: Any = None) -> float:
        assert new_currency == "EUR"
        if date != self._day:
            raise RateNotFoundError
        return amount * 1.25


def test_a_gap_of_the_rates_is_bridged_for_ten_days() -> None:
    rates = Rates(OfOneDay(FRIDAY))
    last = FRIDAY + timedelta(9)
    assert rates.rate("GBP", "EUR", last) == Rate(1.25, FRIDAY, 9)
    assert rates.rate("GBP", "EUR", last + timedelta(1)) is None
    assert rates.rate("GBP", "EUR", FRIDAY - timedelta(1)) is None


def test_the_currencies_of_the_marketplaces_have_all_rates_of_the_package() -> None:
    every = Rates(CurrencyConverter())
    day = date(1998, 12, 25)
    while day < every.last_date + timedelta(60):
        assert RATES.rate("GBP", "EUR", day) == every.rate("GBP", "EUR", day), day
        day += timedelta(17)
    assert RATES.last_date == every.last_date
    assert RATES.rate("USD", "EUR", FRIDAY) is None, "no marketplace has it"


def value(found: Rate | None) -> float:
    assert found is not None
    return found.value


def test_a_currency_is_worth_one_of_itself_on_any_day() -> None:
    assert RATES.rate("EUR", "EUR", date(1980, 1, 1)) == Rate(1.0, date(1980, 1, 1), 0)


def test_on_a_weekend_the_last_rate_before_it_holds() -> None:
    weekend, friday = RATES.rate("GBP", "EUR", SATURDAY), RATES.rate("GBP", "EUR", FRIDAY)
    assert weekend == friday
    assert friday is not None
    assert (friday.day, friday.stale_days) == (FRIDAY, 0)
    monday = RATES.rate("GBP", "EUR", MONDAY)
    assert monday is not None
    assert monday.day == MONDAY


def test_there_and_back_is_one() -> None:
    assert value(RATES.rate("GBP", "EUR", FRIDAY)) * value(RATES.rate("EUR", "GBP", FRIDAY)) == pytest.approx(1)
    assert value(RATES.rate("GBP", "EUR", FRIDAY)) > 1


@pytest.mark.parametrize(("days", "stale"), [(0, 0), (1, 0), (7, 0), (8, 8), (400, 400)])
def test_a_rate_is_stale_after_a_week(days: int, stale: int) -> None:
    found = RATES.rate("GBP", "EUR", RATES.last_date + timedelta(days))
    assert found is not None
    assert (found.day, found.stale_days) == (RATES.last_date, stale)


def test_before_there_was_a_rate_there_is_none() -> None:
    assert RATES.rate("GBP", "EUR", date(1990, 1, 1)) is None
    assert RATES.rate("GBP", "EUR", date(1998, 12, 31)) is None
    assert RATES.rate("GBP", "EUR", date(1999, 1, 4)) is not None


def test_an_assumed_rate_holds_both_ways_and_for_its_pair_alone() -> None:
    assumed = AssumedRates(RATES, "GBP", "EUR", 1.25)
    assert assumed.rate("GBP", "EUR", SATURDAY) == Rate(1.25, SATURDAY, 0)
    assert assumed.rate("EUR", "GBP", SATURDAY) == Rate(0.8, SATURDAY, 0)
    assert assumed.rate("USD", "EUR", FRIDAY) == RATES.rate("USD", "EUR", FRIDAY)
    assert assumed.rate("EUR", "EUR", FRIDAY) == Rate(1.0, FRIDAY, 0)
    assert (assumed.last_date, assumed.source) == (RATES.last_date, "assumed by the user")


def test_shifted_rates_are_higher_by_their_factor_except_between_equal_currencies() -> None:
    shifted, before = ShiftedRates(RATES, 1.1), RATES.rate("GBP", "EUR", SATURDAY)
    assert before is not None
    assert shifted.rate("GBP", "EUR", SATURDAY) == Rate(before.value * 1.1, before.day, before.stale_days)
    assert shifted.rate("EUR", "EUR", SATURDAY) == Rate(1.0, SATURDAY, 0)
    assert shifted.rate("GBP", "EUR", date(1990, 1, 1)) is None
    assert (shifted.last_date, shifted.source) == (RATES.last_date, RATES.source)
