"""What the opportunities page shows and takes of demand, competition and the place of a price."""

from __future__ import annotations

import pytest

from arbkit.web.dashboards.opportunities.columns import COLUMNS, table_row
from arbkit.web.dashboards.opportunities.filters import parse
from tests.helpers.factories import opportunity

NAMES = ("max_buy", "average", "break_even", "rank", "drops30", "drops90", "monthly_sold", "sellers",
         "amazon_share", "ean")  # fmt: skip


def test_a_row_says_how_well_it_sells_against_whom_and_where_its_price_stands() -> None:
    found = opportunity(
        target="UK", max_buy=41.2, sell_avg90=64.5, sell_position_pct=8.5, break_even=58.31, rank=20_305,
        rank_drops30=12, rank_drops90=36, monthly_sold=50, sellers=5, sellers_fba=3, sellers_fbm=2,
        amazon_share90_pct=71.4, amazon_share_basis="in_stock", eans=("4006381333931",),
    )  # fmt: skip
    cells = dict(zip(COLUMNS, table_row(found, list(COLUMNS), now=1_760_000_300)["cells"], strict=True))
    assert [cells[name]["text"] for name in NAMES] == [
        "41.20 EUR", "64.50 GBP", "58.31 GBP", "20,305", "12", "36", "50+", "5", "71 %", "4006381333931",
    ]  # fmt: skip
    said = [cells[name]["sub"] for name in ("average", "sellers", "amazon_share")]
    assert said == ["now +8 %", "3 FBA, 2 FBM", "of the days"]


def test_what_is_unknown_says_why() -> None:
    cells = dict(zip(COLUMNS, table_row(opportunity(), list(COLUMNS), now=1_760_000_300)["cells"], strict=True))
    assert {cells[name]["text"] for name in NAMES} == {"–"}
    assert all(cells[name]["why"] for name in NAMES if name != "ean")


@pytest.mark.parametrize(("text", "value"), [("−5", -5.0), ("-5 %", -5.0), ("7,5", 7.5)])
def test_a_position_below_the_average_can_be_typed_with_either_minus(text: str, value: float) -> None:
    view, wrong = parse(f"?max_price_position={text}")
    assert (view.max_price_position, wrong) == (value, {})


def test_every_bound_that_is_typed_stands_in_the_pages_address() -> None:
    bounds = {"max_days_to_sell": "30", "max_rank": "1234567", "min_drops30": "4", "max_sellers": "8"}
    view, wrong = parse("")[0].with_values(bounds)
    assert wrong == {}
    assert parse(view.search())[0] == view
    assert all(f"{name}={value}" in view.search() for name, value in bounds.items())
