"""Which of an offer's prices is one of now."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from arbkit.core.keepa_time import UNDATED_AT
from arbkit.profit.facts.prices import choose_prices
from arbkit.profit.offer_facts import prices

NOW = 1_795_000_000.0
DAY_S = 86_400


def chosen(**fields: Any) -> Any:
    row = {
        "price_minor": 2_000.0, "price_basis": "buy_box", "price_at": NOW - 400 * DAY_S, "updated_at": NOW,
        "shipping_minor": 0.0, "price_avg90_minor": 2_100.0, "new_minor": 1_500.0, "new_at": NOW - 3_600,
        "new_shipping_minor": 300.0, "new_avg90_minor": 1_600.0,
    }  # fmt: skip
    return choose_prices(pd.DataFrame([{**row, **fields}]), now=NOW).iloc[0]


def test_a_buy_box_of_400_days_ago_beside_a_new_of_an_hour_ago_prices_with_new() -> None:
    row = chosen()
    assert (row["price_minor"], row["price_basis"], row["shipping_minor"]) == (1_500, "new", 300)
    assert (row["price_avg90_minor"], row["updated_at"]) == (1_600, NOW - 3_600)
    assert row["price_replaced"]


@pytest.mark.parametrize(
    "fields",
    [
        {"price_at": NOW - 6 * DAY_S},
        {"price_at": NOW - 30 * DAY_S, "new_at": NOW - 30 * DAY_S},
        {"price_at": NOW - 30 * DAY_S, "new_minor": np.nan},
        {"price_at": NOW - 30 * DAY_S, "new_minor": -1.0},
        {"price_at": NOW - 30 * DAY_S, "price_basis": "amazon"},
        {"price_at": np.nan},
    ],
)
def test_a_buy_box_stands_where_nothing_newer_is_known(fields: dict[str, Any]) -> None:
    row = chosen(**fields)
    assert row["price_minor"] == 2_000
    assert not row["price_replaced"]


def test_a_price_is_as_old_as_it_was_last_seen_not_as_the_listing() -> None:
    assert chosen(price_at=NOW - 5 * DAY_S)["updated_at"] == NOW - 5 * DAY_S
    assert chosen(price_at=np.nan)["updated_at"] == NOW


@pytest.mark.parametrize(("days", "gone"), [(364, False), (366, True)])
def test_a_price_of_more_than_a_year_ago_is_none(days: int, gone: bool) -> None:
    row = chosen(price_at=NOW - days * DAY_S, new_at=NOW - days * DAY_S)
    assert (np.isnan(row["price_minor"]), bool(row["price_too_old"])) == (gone, gone)


def test_a_price_of_no_known_day_is_none() -> None:
    row = chosen(price_at=UNDATED_AT, new_at=UNDATED_AT)
    assert np.isnan(row["price_minor"])
    assert (bool(row["price_undated"]), bool(row["price_too_old"])) == (True, False)


@pytest.mark.parametrize(("price", "glitch"), [(1.0, True), (104.0, True), (106.0, False), (np.nan, False)])
def test_a_fraction_of_the_usual_price_is_no_purchase(price: float, glitch: bool) -> None:
    frame = choose_prices(
        pd.DataFrame([{"price_minor": price, "price_basis": "new", "price_avg90_minor": 2_100.0, "updated_at": NOW}]),
        now=NOW,
    )
    assert bool(frame["price_glitch"].iloc[0]) == glitch
    bought = prices(frame, "spot", buying=True).price[0]
    assert np.isnan(bought) == (glitch or np.isnan(price))
