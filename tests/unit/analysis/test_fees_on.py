"""The fee tables of a day as they are shown: what the rules beside the tables change of them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from arbkit.analysis.fee_changes import fees_on
from arbkit.core.marketplaces import market
from arbkit.profit import load_tables

TABLES = load_tables()
SUMMER, PEAK = date(2026, 8, 1), date(2026, 11, 24)


def shown(category: str, code: str, on: date = SUMMER) -> dict[str, Any]:
    found: dict[str, Any] = fees_on(TABLES, category, market(code), on)
    return found


@pytest.mark.parametrize(("code", "above"), [("DE", 45.0), ("UK", 40.0), ("FR", 45.0)])
def test_clothing_by_fba_is_said_to_be_cheaper_above_a_price(code: str, above: float) -> None:
    (schedule,) = shown("Clothing & Accessories", code)["referral"]["schedules"]
    assert schedule["by_fba"] == {"percent": 7.0, "above": above}
    (plain,) = shown("Toys & Games", code)["referral"]["schedules"]
    assert plain["by_fba"] is None


@pytest.mark.parametrize(
    ("category", "minimum", "closing"),
    [("Books", 0, 1.01), ("Video games & accessories", 0, 0.81), ("Toys & Games", 0.30, 0)],
)
def test_the_least_fee_and_the_closing_fee_are_those_of_the_category(
    category: str, minimum: float, closing: float
) -> None:
    found = shown(category, "IT")
    assert (found["referral"]["minimum"], found["closing"]["fee"]) == (minimum, closing)


def test_the_peak_fees_are_shown_in_their_season_where_there_are_any() -> None:
    rows = shown("Toys & Games", "DE", PEAK)["peak"]["bands"]
    assert {"tier": "small parcel", "up_to_kg": 0.9, "DE": 3.61, "CEP": 3.35} in rows
    assert shown("Toys & Games", "FR", PEAK)["peak"]["bands"] == []
    assert shown("Toys & Games", "DE")["peak"]["bands"] == []


def test_a_day_far_ahead_is_shown_as_what_is_known_today() -> None:
    assert not shown("Toys & Games", "DE", PEAK)["later_changes_unknown"]
    assert shown("Toys & Games", "DE", date(2028, 1, 1))["later_changes_unknown"]
