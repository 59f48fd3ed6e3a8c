"""The price at which a listing most likely sold, inferred from its history."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbkit.core.history.sale_price import SALE_PRICE_RULES, SalePrice, inferred_sale_price
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM, to_minutes
from arbkit.core.models import History, Series

DAY = 1_440
END = 8_400_000
"""Keepa minutes long after NEW began to include shipping."""
LEAST = SALE_PRICE_RULES.window.least_sales
Points = list[tuple[float, int]]
"""Days before the end, and values."""


def series(points: Points, end: int = END) -> Series:
    times = [end - round(days * DAY) for days, _ in points]
    return Series(array("i", times), array("i", [value for _, value in points]))


def history(**of: Points) -> History:
    return recorded(of, END)


def recorded(of: Mapping[str, Points], end: int) -> History:
    return History("B000000001", "DE", 1, "EUR", {name: series(points, end) for name, points in of.items()})


def falls(*days: float) -> Points:
    """A rank that climbs, and falls between two looks, these many days ago and an hour later."""
    return [point for day in sorted(days, reverse=True) for point in ((day, 200_000), (day - 1 / 24, 90_000))]


def test_the_price_is_the_one_asked_at_most_of_its_sales_however_short_that_was() -> None:
    prices: Points = [(80, 3_000), (20, 2_000), (10, 3_000)]
    found = inferred_sale_price(history(new=prices, sales_rank=falls(60, 40, 19, 18, 17, 16, 15, 14)), END)
    assert (found.minor, found.sales, found.low_minor, found.high_minor) == (2_000, 8, 2_000, 3_000)


def test_with_too_few_sales_there_is_no_price_and_their_number_says_why() -> None:
    ranks = falls(*range(10, 10 + LEAST - 1))
    assert inferred_sale_price(history(new=[(80, 3_000)], sales_rank=ranks), END) == SalePrice(sales=LEAST - 1)


@pytest.mark.parametrize(
    "one",
    [
        history(),
        history(new=[(80, 3_000)]),
        history(sales_rank=falls(*range(10, 20))),
        history(new=[(80, -1)], sales_rank=falls(*range(10, 20))),
        history(new=[(-5, 3_000)], sales_rank=falls(*range(10, 20))),
    ],
    ids=["nothing", "no rank", "no price", "nobody offers it", "a price of the future"],
)
def test_without_a_price_or_a_rank_nothing_is_known(one: History) -> None:
    assert inferred_sale_price(one, END) == SalePrice()


def test_a_rank_that_only_climbs_or_that_nobody_watched_shows_no_sale() -> None:
    climbs = [(float(day), 1_000 * (90 - day)) for day in range(80, 0, -1)]
    unwatched = [(float(day), 100_000 - (80 - day) * 1_000) for day in range(80, 0, -8)]
    for ranks in (climbs, unwatched):
        assert inferred_sale_price(history(new=[(80, 3_000)], sales_rank=ranks), END) == SalePrice(sales=0)


def test_what_is_older_than_the_window_does_not_count() -> None:
    ranks = falls(*range(92, 110))
    assert inferred_sale_price(history(new=[(120, 3_000)], sales_rank=ranks), END) == SalePrice(sales=0)


def test_an_offer_that_left_before_a_fall_counts_more_than_falls_alone() -> None:
    prices: Points = [(80, 3_000), (40, 2_000)]
    ranks = falls(70, 65, 60, 30, 25)
    alone = inferred_sale_price(history(new=prices, sales_rank=ranks), END)
    offers: Points = [(80, 9), (31, 8), (26, 7)]
    beside = inferred_sale_price(history(new=prices, sales_rank=ranks, offers_new=offers), END)
    assert (alone.minor, beside.minor) == (3_000, 2_000)
    assert alone.sales == beside.sales == 5


@pytest.mark.parametrize(
    "offers",
    [[(80, 9), (31, 7), (26, 5)], [(80, 9), (31, 10), (26, 11)], [(80, 0), (31, -1), (26, -2)]],
    ids=["two at once", "more", "no data"],
)
def test_only_one_offer_less_is_a_sale(offers: Points) -> None:
    one = history(new=[(80, 3_000), (40, 2_000)], sales_rank=falls(70, 65, 60, 30, 25), offers_new=offers)
    assert inferred_sale_price(one, END).minor == 3_000


def test_an_offer_whose_leaving_raised_the_price_may_just_have_been_taken_back() -> None:
    offers: Points = [(80, 9), (31, 8), (26, 7)]
    prices: Points = [(80, 3_000), (40, 2_000), (31, 2_500), (26, 2_600)]
    one = history(new=prices, sales_rank=falls(70, 65, 60, 30, 25), offers_new=offers)
    assert inferred_sale_price(one, END).minor == 3_000


def test_the_buy_box_goes_before_the_lowest_new_price_with_its_shipping() -> None:
    ranks = falls(*range(10, 20))
    one = history(new=[(80, 3_000)], sales_rank=ranks)
    box = Series(array("i", [END - 80 * DAY]), array("i", [3_100]), array("i", [299]))
    held = History(one.asin, one.market, 1, "EUR", {**one.series, "buy_box": box})
    assert inferred_sale_price(held, END).minor == 3_399
    nobody = History(one.asin, one.market, 1, "EUR", {**one.series, "buy_box": series([(95, 3_100), (94, -1)])})
    assert inferred_sale_price(nobody, END).minor == 3_000


def test_new_prices_without_shipping_are_not_mixed_with_those_that_include_it() -> None:
    end = to_minutes(NEW_INCLUDES_SHIPPING_FROM) + 20 * DAY
    ranks = falls(*range(21, 60), *range(2, 8))
    found = inferred_sale_price(recorded({"new": [(80, 2_000), (20, 2_500)], "sales_rank": ranks}, end), end)
    assert (found.minor, found.sales) == (2_500, 6)


def points(least: int, most: int) -> st.SearchStrategy[Points]:
    each = st.tuples(st.integers(-40 * DAY, 120 * DAY).map(lambda minutes: minutes / DAY), st.integers(least, most))
    return st.lists(each, max_size=40, unique_by=lambda point: round(point[0] * DAY)).map(
        lambda found: sorted(found, reverse=True)
    )


@given(new=points(-1, 9_000), sales_rank=points(-1, 90_000), offers_new=points(-1, 9), later=points(1, 9_000))
def test_nothing_of_the_future_is_read_and_the_price_is_one_that_was_asked(
    new: Points, sales_rank: Points, offers_new: Points, later: Points
) -> None:
    parts = {"new": new, "sales_rank": sales_rank, "offers_new": offers_new}
    found = inferred_sale_price(history(**parts), END)
    changed = [point for point in later if point[0] < 0]
    other = {name: [*(point for point in part if point[0] >= 0), *changed] for name, part in parts.items()}
    assert inferred_sale_price(history(**other), END) == found
    if found.minor is not None:
        assert found.low_minor is not None
        assert found.high_minor is not None
        assert found.low_minor <= found.minor <= found.high_minor
        assert {found.low_minor, found.minor, found.high_minor} <= {price for _, price in new}
        assert (found.sales or 0) >= LEAST
