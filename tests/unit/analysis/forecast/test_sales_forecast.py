"""What users see of coming sales: from offers and histories, also broken ones, and nothing of what comes later."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from arbkit.analysis.demand import AMAZON_SELLERS
from arbkit.analysis.forecast.sales.evidence import evidence_of
from arbkit.analysis.forecast.sales.forecast import NOTHING_SEEN, TOO_LONG, SalesForecast, forecast_sales
from arbkit.core.keepa_time import to_minutes
from arbkit.core.models import History, Offer, Series
from tests.helpers.factories import offer
from tests.helpers.past import with_past

NOW = 1_760_000_000.0
END = to_minutes(NOW)
DAY = 1_440


def seen(**fields: object) -> Offer:
    known: dict[str, object] = {
        "origin": "keepa", "fetched_at": NOW, "updated_at": int(NOW), "category": "Kosmetik", "sales_rank": 60_000,
        "sales_rank_at": int(NOW), "rank_drops30": 12, "rank_drops90": 36, "offers_new": 3, "amazon_at": int(NOW),
    }  # fmt: skip
    return offer("B00000000A", "DE", **{**known, **fields})


def unseen(**fields: object) -> Offer:
    nothing = dict.fromkeys(("sales_rank", "sales_rank_at", "rank_drops30", "rank_drops90", "offers_new", "amazon_at"))
    return seen(**{**nothing, **fields})


def series(days_ago: Sequence[float], values: Sequence[int]) -> Series:
    return Series(array("i", [END - round(day * DAY) for day in days_ago]), array("i", values))


def history(sellers: Sequence[str] = (), **named: Series) -> History:
    return History("B00000000A", "DE", 1, "EUR", named, tuple(sellers))


def forecast(one: Offer, past: History | None = None, units: int = 1) -> SalesForecast:
    known = one if past is None else with_past(one, past, until=min(NOW, one.updated_at))
    return forecast_sales([known], now=NOW, units=units)[0]


def width(found: SalesForecast) -> float:
    """How many times the least of the 80 % range the most of it is."""
    low, high = found.listing_units_per_month_low, found.listing_units_per_month_high
    assert low is not None
    assert high is not None
    return high / low


def saw(count: int, *, start: float = 90, end: float = 0, every: int = 5) -> Series:
    """A rank that falls at each ``every``-th look and climbs between."""
    days = np.linspace(start, end, count)
    return series(list(days), [40_000 + 5_000 * (number % every) for number in range(count)])


def test_a_seller_of_about_one_unit_in_two_days() -> None:
    found = forecast(seen())
    assert found.listing_units_per_month == pytest.approx(14, rel=0.3)
    assert found.share_pct == pytest.approx(32, abs=8)
    assert found.days_to_sell_p50 is not None
    assert found.days_to_sell_p90 is not None
    assert 3 < found.days_to_sell_p50 < 10 < found.days_to_sell_p90 < 60
    chances = [found.sold_in_30_days_pct, found.sold_in_60_days_pct, found.sold_in_90_days_pct]
    assert None not in chances
    assert chances == sorted(chances, key=lambda chance: chance or 0)
    assert found.unknown == {}
    assert found.assumed == ["nobody recorded who held the buy box: most of the offers share the sales"]


def test_more_units_take_longer() -> None:
    one, ten = forecast(seen()), forecast(seen(), units=10)
    assert (one.days_to_sell_p50 or 0) * 5 < (ten.days_to_sell_p50 or 0)
    assert (ten.sold_in_30_days_pct or 0) < (one.sold_in_30_days_pct or 0)


def test_no_history_and_nothing_counted_is_unknown_and_says_why() -> None:
    found = forecast(unseen())
    figures = found.model_dump(exclude={"units", "unknown", "assumed"})
    assert set(figures.values()) == {None}
    assert found.unknown == dict.fromkeys(figures, NOTHING_SEEN)
    assert found.assumed == []


def test_one_point_is_as_wide_as_a_rank_alone() -> None:
    one = forecast(unseen(), history(sales_rank=series([2], [60_000])))
    assert one.unknown
    alone = forecast(unseen(sales_rank=60_000, sales_rank_at=int(NOW)))
    assert width(alone) > 10
    assert "no rank drops and no badge: the sales of products of that rank" in alone.assumed


def test_a_history_of_nothing_but_gaps_is_no_history() -> None:
    empty = history(sales_rank=series([80, 50, 20, 1], [-1, -1, -1, -1]))
    assert forecast(unseen(), empty).listing_units_per_month is None
    assert forecast(seen(), empty) == forecast(seen())


def test_a_history_is_counted_where_nobody_else_counted() -> None:
    found = forecast(unseen(), history(sales_rank=saw(271)))
    assert found.listing_units_per_month == pytest.approx(30 * 54 / 90, rel=0.35)
    assert width(found) < 2.5


def test_a_break_in_the_middle_counts_as_time_that_nobody_watched() -> None:
    whole = saw(271)
    kept = [place for place, time in enumerate(whole.times) if not 20 * DAY < END - time < 75 * DAY]
    broken = Series(array("i", [whole.times[k] for k in kept]), array("i", [whole.values[k] for k in kept]))
    found, complete = (forecast(unseen(), history(sales_rank=one)) for one in (broken, whole))
    assert found.listing_units_per_month == pytest.approx(complete.listing_units_per_month, rel=0.4)
    assert width(found) > width(complete)


def test_steps_of_months_say_no_more_than_the_rank() -> None:
    months = history(sales_rank=series([89, 58, 28], [90_000, 60_000, 70_000]))
    now = unseen(sales_rank=70_000, sales_rank_at=int(NOW))
    assert forecast(now, months) == forecast(now)


def test_what_comes_later_changes_nothing() -> None:
    past = saw(271)
    later = Series(past.times + array("i", [END + 5, END + 9 * DAY]), past.values + array("i", [1, 900_000]))
    amazon = series([60, 40], [-1, 2_000])
    held = series([90, 30, -3], [0, 1, 0])
    back = Series(amazon.times + array("i", [END + DAY]), amazon.values + array("i", [-1]))
    known = history(("S1", "S2"), sales_rank=past, amazon=amazon, buy_box_seller=held)
    altered = history(("S1", "S2"), sales_rank=later, amazon=back, buy_box_seller=held)
    assert forecast(seen(), known) == forecast(seen(), altered)


def test_a_rank_of_long_ago_says_nothing_of_now() -> None:
    assert forecast(seen(updated_at=int(NOW) - 40 * 86_400, sales_rank_at=int(NOW) - 40 * 86_400)).unknown


def test_a_history_that_was_read_long_ago_is_unknown() -> None:
    now = unseen(sales_rank=60_000, sales_rank_at=int(NOW))
    known = with_past(now, history(sales_rank=saw(271)), until=NOW)
    stamped = replace(known, stamps=(f"new_days90@{int(NOW) - 31 * 86_400}:keepa",))
    assert forecast_sales([stamped], now=NOW) == [forecast(now)]
    assert forecast_sales([known], now=NOW) != [forecast(now)]


def test_a_thinned_out_history_does_not_limit_what_was_counted() -> None:
    # Published histories have a rank every other day beside Keepa's own count of many more falls.
    thinned = forecast(seen(rank_drops30=70, rank_drops90=210), history(sales_rank=saw(45)))
    assert (thinned.listing_units_per_month or 0) > 70


def test_amazon_in_stock_leaves_next_to_nothing() -> None:
    there = history(amazon=series([120], [2_000]))
    with_amazon = forecast(seen(amazon_minor=2_000), there)
    assert (with_amazon.share_pct or 100) < 5
    assert (with_amazon.sold_in_30_days_pct or 100) < 0.5 * (forecast(seen()).sold_in_30_days_pct or 0)


def test_who_held_the_buy_box_is_who_shares() -> None:
    alone = history(("-1", AMAZON_SELLERS["DE"], "S1"), buy_box_seller=series([90, 80], [2, 2]))
    found = forecast(seen(offers_new=9), alone)
    assert found.share_pct == pytest.approx(50, abs=5)
    assert found.assumed == []


def test_the_number_of_third_parties_leaves_out_amazon() -> None:
    _, share = evidence_of([seen(amazon_minor=2_000), seen()], now=NOW)
    assert share.offers.tolist() == [2, 3]


def test_what_hardly_ever_sells_has_no_day_by_which_it_is_sold() -> None:
    found = forecast(seen(sales_rank=2_000_000, rank_drops30=0, rank_drops90=0), units=20)
    assert found.days_to_sell_p90 is None
    assert found.unknown["days_to_sell_p90"] == TOO_LONG


def test_another_marketplace_says_that_its_curve_is_not_its_own() -> None:
    french = replace(seen(), market="FR")
    assert "sales by rank are known of another marketplace only" in forecast(french).assumed


@pytest.mark.parametrize("units", [0, -3, 1_001])
def test_units_that_nobody_buys_are_refused(units: int) -> None:
    with pytest.raises(ValueError, match="units must be"):
        forecast(seen(), units=units)


def test_no_offers_have_no_forecasts() -> None:
    assert forecast_sales([], now=NOW) == []
