"""The price of an offer by a basis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM
from arbkit.profit.offer_facts import prices

PACKAGE = ["length_mm", "width_mm", "height_mm", "weight_g"]
DAY_S = 86_400


def offers(*rows: dict[str, Any]) -> pd.DataFrame:
    defaults = {"asin": "B1", "market": "DE", "price_minor": 1_000.0, "price_basis": "buy_box",
                "updated_at": 1.79e9, **dict.fromkeys(PACKAGE, np.nan)}  # fmt: skip
    return pd.DataFrame([{**defaults, **row} for row in rows])


@pytest.mark.parametrize("basis", ["avg30", "avg90", "avg180"])
def test_buying_by_an_average_needs_an_offer_now_and_selling_does_not(basis: Any) -> None:
    frame = offers({f"price_{basis}_minor": 900.0}, {f"price_{basis}_minor": 900.0, "price_minor": -1.0})
    assert prices(frame, basis, buying=True).price.tolist() == pytest.approx([9.0, np.nan], nan_ok=True)
    assert prices(frame, basis, buying=True).derived.tolist() == [True, False]
    assert prices(frame, basis, buying=False).price.tolist() == [9.0, 9.0]


def test_buying_at_an_inferred_price_needs_an_offer_now_and_selling_does_not() -> None:
    sold = {"sale_price_minor": 900.0, "sale_price_sales": 8.0}
    frame = offers(sold, {**sold, "price_minor": -1.0}, {}, {"price_minor": np.nan})
    buying, selling = prices(frame, "inferred", buying=True), prices(frame, "inferred", buying=False)
    assert buying.price.tolist() == pytest.approx([9.0, *[np.nan] * 3], nan_ok=True)
    assert selling.price.tolist() == pytest.approx([9.0, 9.0, np.nan, np.nan], nan_ok=True)
    assert buying.not_inferred.tolist() == [False, False, True, False]
    assert selling.not_inferred.tolist() == [False, False, True, True]


@given(st.lists(st.tuples(*[st.one_of(st.none(), st.integers(-1, 5_000))] * 3), min_size=1, max_size=8), st.booleans())
def test_prices_of_many_offers_by_inferred_sales_are_those_of_each_alone(rows: Any, buying: bool) -> None:
    names = ("price_minor", "shipping_minor", "sale_price_minor")
    cells = [{n: np.nan if v is None else float(v) for n, v in zip(names, row, strict=True)} for row in rows]
    found = prices(offers(*cells), "inferred", buying=buying)
    for cell, price, not_inferred in zip(cells, found.price, found.not_inferred, strict=True):
        offered = cell["price_minor"] > 0
        inferred = cell["sale_price_minor"] / 100 if cell["sale_price_minor"] > 0 else np.nan
        assert price == pytest.approx(inferred if offered or not buying else np.nan, nan_ok=True)
        assert not_inferred == (np.isnan(inferred) and (offered or not buying))


@pytest.mark.parametrize(
    ("updated_at", "basis", "crosses"),
    [
        (NEW_INCLUDES_SHIPPING_FROM - 1, "new", False),  # all of the average is before the break
        (NEW_INCLUDES_SHIPPING_FROM, "new", True),
        (NEW_INCLUDES_SHIPPING_FROM + 90 * DAY_S - 1, "new", True),
        (NEW_INCLUDES_SHIPPING_FROM + 90 * DAY_S, "new", False),  # all of it is after
        (NEW_INCLUDES_SHIPPING_FROM + 10 * DAY_S, "buy_box", False),  # always included shipping
        (np.nan, "new", False),
    ],
)
@pytest.mark.parametrize("buying", [True, False])
def test_no_average_of_new_prices_reaches_across_the_break(
    updated_at: float, basis: str, crosses: bool, buying: bool
) -> None:
    frame = offers({"updated_at": updated_at, "price_basis": basis, "price_avg90_minor": 900.0})
    found = prices(frame, "avg90", buying=buying)
    assert found.crosses.tolist() == [crosses]
    assert np.isnan(found.price).tolist() == [crosses]


def test_a_robust_price_falls_back_to_the_spot_price_across_the_break() -> None:
    at = NEW_INCLUDES_SHIPPING_FROM + 10 * DAY_S
    frame = offers({"updated_at": at, "price_basis": "new", "price_avg90_minor": 900.0})
    found = prices(frame, "robust", buying=False)
    assert (found.price.tolist(), found.fell_back.tolist(), found.crosses.tolist()) == ([10.0], [True], [False])


def test_shipping_is_part_of_the_spot_price() -> None:
    frame = offers({"shipping_minor": 299.0}, {"shipping_minor": np.nan})
    assert prices(frame, "spot", buying=True).price.tolist() == [12.99, 10.0]
