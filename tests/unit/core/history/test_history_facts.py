"""The facts of a history: what its last 90 days say, nothing of what comes later, and the same alone or with others."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbkit.core.history.facts import HistoryFacts, history_facts, with_history_facts
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM, to_minutes, to_unix
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import History, Series, Update
from arbkit.core.offers.groups import fact_stamp
from arbkit.core.offers.merging import merge
from tests.helpers.factories import offer

NOW = 1_760_000_000.0
END, DAY = to_minutes(NOW), 1_440
AMAZON = MARKETS["DE"].amazon_seller
NOTHING = HistoryFacts(*[None] * len(HistoryFacts._fields))


def series(*points: tuple[float, int]) -> Series:
    """Points as (days ago, value)."""
    return Series(array("i", [END - round(day * DAY) for day, _ in points]), array("i", [value for _, value in points]))


def history(sellers: Sequence[str] = (), **named: Series) -> History:
    return History("B000000001", "DE", 1, "EUR", named, tuple(sellers))


def facts(sellers: Sequence[str] = (), **named: Series) -> HistoryFacts:
    return history_facts([history(sellers, **named)], [NOW])[0]


def test_a_price_is_described_by_its_days() -> None:
    found = facts(new=series((200, 900), (60, 1_000), (30, -1), (10, 800), (2, 1_000)))
    # 90 to 61 days ago 900, 60 to 31 at 1,000, then nobody, 10 to 3 at 800, 2 to 0 at 1,000.
    assert found.new_days90 == 30 + 30 + 8 + 3
    assert found.new_changed90_pct == pytest.approx(100 * 2 / 69, abs=0.01)
    assert found.new_below90_pct == pytest.approx(100 * (30 + 8 + 0.5 * 33) / 71, abs=0.01)
    assert (found.new_low90_minor, found.new_high90_minor, found.new_median90_minor) == (800, 1_000, 900)


def test_who_does_not_offer_it_now_has_been_seen_all_the_same() -> None:
    found = facts(new=series((50, 900), (5, -1)))
    assert (found.new_days90, found.new_low90_minor, found.new_high90_minor) == (45, 900, 900)
    assert found.new_below90_pct is None


@pytest.mark.parametrize("named", [{}, {"new": series()}, {"new": series((-3, 900))}], ids=["none", "empty", "later"])
def test_a_history_that_says_nothing_states_nothing(named: dict[str, Series]) -> None:
    assert history_facts([history((), **named)], [NOW]) == [NOTHING]


def test_no_offer_in_90_days_is_known() -> None:
    assert facts(new=series((300, 900), (120, -1))) == NOTHING._replace(new_days90=0)


def test_the_step_to_prices_with_shipping_is_no_change_of_price() -> None:
    switch = to_minutes(NEW_INCLUDES_SHIPPING_FROM)
    prices = Series(array("i", [switch - 100 * DAY, switch]), array("i", [1_000, 1_300]))
    (found,) = history_facts([history(new=prices)], [to_unix(switch + 30 * DAY)])
    assert (found.new_days90, found.new_changed90_pct, found.new_low90_minor) == (31, 0, 1_300)


def test_a_rank_is_described_by_the_looks_at_it() -> None:
    found = facts(sales_rank=series((95, 7), (60, 1_000), (59, 1_000), (58, 500), (57, -1), (56, 1_000), (3, 990)))
    # Of the last gap nobody watched; the first look is too old; a fall of 1 % is none.
    assert found.rank_looks90 == 3
    assert found.rank_days90 == pytest.approx(4)
    assert found.rank_falls90 == 1
    assert found.rank_mean90 == round(1_000 ** (2.5 / 4) * 500 ** (1.5 / 4))


@pytest.mark.parametrize("rank", [series((2, 9)), series((80, 9), (40, 8)), series((3, -1), (2, -1))])
def test_a_rank_that_nobody_watched_says_nothing(rank: Series) -> None:
    assert facts(sales_rank=rank) == NOTHING


def test_amazon_comes_and_goes() -> None:
    found = facts(amazon=series((200, 900), (45, -1), (30, 950)))
    assert (found.amazon_days90, found.amazon_switches90) == (90, 2)
    assert found.amazon_absent90_pct == pytest.approx(100 / 6, abs=0.01)
    gone = facts(amazon=series((9, -1)))
    assert (gone.amazon_days90, gone.amazon_absent90_pct, gone.amazon_switches90) == (9, 100, 0)
    assert facts(amazon=series((0.5, 900))) == NOTHING


def test_the_price_of_its_sales_comes_with_their_number() -> None:
    ranks = [point for day in range(20, 10, -1) for point in ((day, 2_000), (day - 0.1, 900))]
    found = facts(new=series((50, 1_000), (9, 1_500)), sales_rank=series(*ranks))
    assert (found.sale_price_minor, found.sale_price_sales) == (1_000, 10)


def test_third_parties_share_the_buy_box_and_amazon_is_none_of_them() -> None:
    sellers = ("-1", AMAZON, "S1", "S2")
    found = facts(sellers, buy_box_seller=series((100, 0), (80, 1), (60, 2), (40, 3), (20, 2)))
    assert found.buy_box_holders90 == pytest.approx(60**2 / (40**2 + 20**2))
    assert found.amazon_absent90_pct == pytest.approx(75)
    # Its own offer says more than its part of the buy box.
    assert facts(sellers, amazon=series((200, 5)), buy_box_seller=series((80, 2))).amazon_absent90_pct == 0
    assert facts(("-1",), buy_box_seller=series((80, 0))) == NOTHING


def test_a_product_alone_and_one_among_others_are_described_alike() -> None:
    many = [
        history(new=series((50, 900), (20, 950)), sales_rank=series((9, 50), (8, 40))),
        history(),
        history(("S1", AMAZON), amazon=series((70, 3), (2, -1)), buy_box_seller=series((9, 0), (5, 1))),
        history(new=series((100, -1)), sales_rank=series((9, 40), (7, 50), (6, 30))),
    ]
    times = [NOW, NOW, NOW - 86_400, NOW - 3 * 86_400]
    assert history_facts(many, times) == [history_facts([one], [at])[0] for one, at in zip(many, times, strict=True)]


_POINTS = st.lists(st.tuples(st.floats(0, 200), st.integers(-1, 5_000)), max_size=20, unique_by=lambda point: point[0])


@given(_POINTS, _POINTS, _POINTS, st.integers(1, 40 * DAY))
def test_nothing_of_a_later_time_is_read(
    new: list[tuple[float, int]], rank: list[tuple[float, int]], amazon: list[tuple[float, int]], later: int
) -> None:
    known = {
        name: series(*sorted(points, reverse=True))
        for name, points in (("new", new), ("sales_rank", rank), ("amazon", amazon))
    }
    altered = {
        name: Series(one.times + array("i", [END + later]), one.values + array("i", [77]))
        for name, one in known.items()
    }
    assert facts((), **altered) == facts((), **known)


def test_offers_get_the_facts_of_the_history_beside_them_and_only_of_that() -> None:
    beside = history(new=series((50, 900)))
    one = offer(updated_at=int(NOW))
    made, without = with_history_facts([Update(one, beside), Update(one, None)])
    assert (made.offer.new_days90, made.offer.new_high90_minor) == (51, 900)
    assert without.offer == one


def test_a_look_without_a_history_leaves_the_facts_of_the_one_before_with_their_time() -> None:
    with_history = offer(version=1, updated_at=1_000, new_days90=40, rank_mean90=500)
    later = offer(version=2, updated_at=2_000)
    both = merge(with_history, later)
    assert (both.new_days90, both.rank_mean90, both.updated_at) == (40, 500, 2_000)
    stamp = fact_stamp(both, "new_days90")
    assert stamp is not None
    assert stamp.at == 1_000
    # Of the next history all holds, also that a rank is in it no more.
    newest = merge(both, offer(version=3, updated_at=3_000, new_days90=41))
    assert (newest.new_days90, newest.rank_mean90) == (41, None)
