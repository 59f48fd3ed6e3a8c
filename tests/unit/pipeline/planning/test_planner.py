"""The planner looks where money is, per token; learns from its looks; and leaves nothing unseen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arbkit.pipeline.planning.ages import age_bound
from arbkit.pipeline.planning.book import PAST_LEVELS, Floats, Ints, Seen
from arbkit.pipeline.planning.change_rates import RatePrior
from arbkit.pipeline.planning.deals import PlannedPage
from arbkit.pipeline.planning.look_value import look_value
from arbkit.pipeline.planning.move_sizes import MoveSizes
from arbkit.pipeline.planning.planner import Costs, Parts, PlannedLook, Planner

DAY_S = 86_400.0
NOW = 1_800_000_000.0
MARKETS = 2
_LEVEL = float(np.log(50.0))


class OneRoute:
    """Buy on marketplace 0, sell on 1: what is left of the selling price after a fifth of it and 2.50."""

    source, target = np.array([0]), np.array([1])

    def __call__(self, products: Ints, routes: Ints, buy: Floats, sell: Floats) -> Floats:
        return np.asarray(0.8 * np.exp(sell) - np.exp(buy) - 2.5 + 0.0 * products + 0.0 * routes)


def seen(offers: list[int], new: list[float], *, moves: float = 5.0, at: float = NOW, full: bool = True) -> Seen:
    """Looks at these offers, whose history has moved so often in 90 days."""
    count = len(offers)
    prices = np.log(np.array(new))
    past = np.repeat(prices[:, None], PAST_LEVELS, axis=1)
    return Seen(
        np.array(offers), np.full(count, at), prices, np.zeros(count) if full else np.full(count, np.nan),
        np.full(count, moves), np.zeros(count), np.full(count, 90.0), past,
    )  # fmt: skip


def planner(products: int, prices: list[tuple[float, float]], **asked: object) -> Planner:
    """A planner that has just looked at every offer of products with these prices on both marketplaces."""
    found = Planner(products, MARKETS, OneRoute(), **asked)  # type: ignore[arg-type]
    found.book.take(seen(list(range(2 * products)), [price for pair in prices for price in pair]))
    found.learn_all()
    return found


def look(found: Planner, *, after_days: float, tokens: float = 1.0) -> PlannedLook:
    call = found.next_call(NOW + after_days * DAY_S, tokens)
    assert isinstance(call, PlannedLook)
    return call


def test_it_looks_at_the_product_whose_route_may_pay() -> None:
    # The second one needs a rise by half, the first one by a twentieth.
    found = planner(2, [(50.0, 66.0), (50.0, 45.0)])
    assert look(found, after_days=1).offers // MARKETS == [0]


def test_of_equal_stakes_it_looks_at_what_moves_more_often() -> None:
    found = planner(2, [(50.0, 66.0), (50.0, 66.0)])
    found.take(seen([2, 3], [50.0, 66.0], moves=30.0))
    assert look(found, after_days=1).offers // MARKETS == [1]


def test_a_look_is_worth_more_the_longer_it_waits() -> None:
    found = planner(1, [(50.0, 66.0)])
    soon, later = (found.values(NOW + days * DAY_S) for days in (1, 5))
    assert (later > soon).all()


def test_after_a_look_the_other_one_is_next() -> None:
    found = planner(2, [(50.0, 66.0), (50.0, 66.0)])
    first = look(found, after_days=1)
    found.take(seen(first.offers.tolist(), [float(np.exp(found.book.new[first.offers[0]]))], at=NOW + DAY_S))
    assert look(found, after_days=1.01).offers.tolist() != first.offers.tolist()


def test_the_buy_box_is_asked_for_only_where_its_gap_is_what_matters() -> None:
    found = planner(1, [(50.0, 66.0)])
    # Known by a cheap look a moment ago: only the gap of the selling side can be another one.
    found.take(seen([0, 1], [50.0, 66.0], at=NOW + 9 * DAY_S, full=False))
    call = look(found, after_days=9.01, tokens=3)
    assert (call.full, call.offers.tolist()) == (True, [1])
    assert not look(found, after_days=30, tokens=3).full


def test_a_batch_is_of_one_marketplace_and_no_larger_than_its_tokens() -> None:
    found = planner(300, [(50.0, 66.0)] * 300)
    call = look(found, after_days=2, tokens=40)
    assert len(call.offers) == 40
    assert set(call.offers % MARKETS) == {call.market}
    assert len(look(found, after_days=2, tokens=1_000).offers) == Costs().batch


def test_what_is_watched_comes_first() -> None:
    found = planner(2, [(50.0, 66.0), (50.0, 66.0)])
    found.take(seen([2, 3], [50.0, 66.0], moves=6.0))
    assert look(found, after_days=1).offers // MARKETS == [1]
    found.watch(np.array([0]))
    assert look(found, after_days=1).offers // MARKETS == [0]


def test_what_was_never_looked_at_is_looked_at() -> None:
    found = Planner(3, MARKETS, OneRoute())
    found.learn_all()
    unseen = set(range(6))
    for number in range(6):
        call = found.next_call(NOW + number, 3)
        assert isinstance(call, PlannedLook)
        unseen -= set(call.offers.tolist())
        found.take(seen(call.offers.tolist(), [50.0] * len(call.offers), at=NOW + number))
    assert not unseen


def test_nothing_that_can_never_pay_stays_unseen() -> None:
    found = planner(2, [(50.0, 66.0), (50.0, 5.0)])
    oldest = 0.0
    for hour in range(40 * 24):
        now = NOW + hour * 3_600
        call = found.next_call(now, 1)
        assert isinstance(call, PlannedLook)
        found.take(seen(call.offers.tolist(), [float(np.exp(found.book.new[call.offers[0]]))], at=now))
        oldest = max(oldest, float((now - found.book.seen_at).max()) / DAY_S)
    assert 0.8 * age_bound(4, 1 / 60) < oldest < age_bound(4, 1 / 60)


def test_where_nothing_is_worth_a_look_it_walks_the_list() -> None:
    found = planner(3, [(50.0, 5.0)] * 3)
    asked = []
    for number in range(6):
        now = NOW + (number + 1) * 3_600
        call = found.next_call(now, 3)
        assert isinstance(call, PlannedLook)
        asked += call.offers.tolist()
        prices = np.exp(found.book.new[call.offers]).tolist()
        found.take(seen(call.offers.tolist(), prices, at=now))
    assert sorted(asked) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("tokens", [0.0, -40.0])
def test_without_tokens_nothing_is_asked(tokens: float) -> None:
    assert planner(1, [(50.0, 66.0)]).next_call(NOW + DAY_S, tokens) is None


def test_an_empty_list_asks_for_nothing() -> None:
    found = Planner(0, MARKETS, OneRoute())
    found.learn_all()
    assert found.next_call(NOW, 100) is None


def test_a_clock_that_was_set_back_by_a_day_stops_nothing() -> None:
    found = planner(2, [(50.0, 66.0), (50.0, 66.0)])
    call = found.next_call(NOW - DAY_S, 1)
    assert isinstance(call, PlannedLook)
    assert len(call.offers) == 1


def test_an_offer_that_nobody_makes_is_looked_at_for_its_return() -> None:
    found = planner(1, [(50.0, 66.0)])
    there = seen([1], [66.0])
    found.take(replace(there, new=np.array([np.nan])))
    assert look(found, after_days=3).offers.tolist() == [1]


def test_a_page_of_deals_is_read_where_looks_would_take_too_long() -> None:
    count = 2_000
    found = planner(count, [(50.0, 66.0)] * count, categories=np.zeros(count, np.int64))
    page = found.next_call(NOW + DAY_S, 5)
    assert isinstance(page, PlannedPage)
    found.hear(page, np.array([2 * 77 + page.market]), NOW + DAY_S, 6.0)
    assert look(found, after_days=1.001).offers.tolist() == [2 * 77 + page.market]


def test_pages_that_show_what_did_not_move_lose_their_weight() -> None:
    count = 200
    found = planner(count, [(50.0, 66.0)] * count, categories=np.zeros(count, np.int64))
    page = PlannedPage(1, 0, 0.0)
    shown = np.arange(count) * MARKETS + 1
    found.hear(page, shown, NOW + 60, 6.0)
    before = found.values(NOW + 60)[shown].copy()
    found.take(seen(shown.tolist(), [66.0] * count))
    found.hear(page, shown, NOW + 60, 6.0)
    assert (before > 0).all()
    assert (found.values(NOW + 60)[shown] < before / 3).all()


def test_a_page_is_no_news_of_what_was_seen_since() -> None:
    count = 200
    found = planner(count, [(50.0, 66.0)] * count, categories=np.zeros(count, np.int64))
    page = PlannedPage(1, 0, 0.0)
    shown = np.array([1, 3])
    found.hear(page, shown, NOW + 60, 6.0, np.array([NOW - 600, NOW + 30]))
    values = found.values(NOW + 60)
    assert values[1] == values[5]
    assert values[3] > 100 * values[5]


def test_pages_of_a_long_list_are_valued_within_a_few_decisions() -> None:
    count = 20_000
    found = planner(count, [(50.0, 66.0)] * count, categories=np.arange(count) % 7)
    calls = [found.next_call(NOW + DAY_S + number, 5) for number in range(5)]
    assert any(isinstance(call, PlannedPage) for call in calls)


def test_sizes_of_moves_are_learned_little_by_little_and_far_ones_count() -> None:
    shipped = (-0.3, -0.1, 0.1, 0.3)
    sizes = MoveSizes(shipped, 400.0)
    assert sizes.take(np.zeros(0)) is False
    assert sizes.points == shipped
    sizes.take(np.full(400, 0.5))
    assert sizes.points == pytest.approx((-0.2, 0.2, 0.5, 0.5))
    sizes.take(np.concatenate([np.full(7_900, 0.05), np.full(100, 0.9)]))
    assert sizes.points[0] < 0.05 < sizes.points[-1]


def test_each_part_can_be_switched_off() -> None:
    near, far = (50.0, 66.0), (50.0, 45.0)
    found = planner(2, [near, far], parts=Parts(route_value=False))
    values = found.values(NOW + DAY_S)
    np.testing.assert_allclose(values, values[0])
    found = planner(2, [near, near], parts=Parts(two_stages=False))
    assert look(found, after_days=1, tokens=3).full


def test_rates_are_drawn_towards_those_of_all_offers() -> None:
    chance = np.random.default_rng(3)
    true = chance.gamma(0.5, 0.1, 4_000)
    days = np.full(4_000, 90.0)
    counts = chance.poisson(true * days).astype(float)
    found = RatePrior.learned(counts, days, mean=1.0, prior_days=1.0).rates(counts, days)
    assert np.mean((found - true) ** 2) < 0.9 * np.mean((counts / days - true) ** 2)
    few = RatePrior.learned(counts[:5], days[:5], mean=0.03, prior_days=40.0)
    assert few.rates(np.zeros(1), np.zeros(1)) == pytest.approx(0.03)


def test_the_value_of_a_look_is_the_closed_form() -> None:
    stake, rate, age = (np.array([value], np.float32) for value in (4.0, 0.5, 3.0))
    assert look_value(stake, rate, age)[0] == pytest.approx(4 * (1 - np.exp(-1.5) * 2.5), rel=1e-5)


def asked_of(found: Planner, calls: int, tokens: float, least_age_s: float = 0.0) -> list[PlannedLook | None]:
    """The next looks, each taken in a second after the one before."""
    asked: list[PlannedLook | None] = []
    for number in range(calls):
        now = NOW + number
        call = found.next_call(now, tokens, least_age_s)
        assert not isinstance(call, PlannedPage)
        asked.append(call)
        if call is not None:
            found.take(seen(call.offers.tolist(), [50.0 - 5.0 * call.market] * len(call.offers), at=now, full=False))
    return asked


def test_a_fresh_list_is_looked_at_block_by_block_on_all_marketplaces() -> None:
    found = Planner(250, MARKETS, OneRoute())
    found.learn_all()
    asked = [call for call in asked_of(found, 6, 100) if call]
    blocks = [(call.market, int(call.offers[0]) // MARKETS, len(call.offers)) for call in asked]
    assert blocks == [(0, 0, 100), (1, 0, 100), (0, 100, 100), (1, 100, 100), (0, 200, 50), (1, 200, 50)]


def test_what_is_known_elsewhere_comes_before_what_is_not_known_at_all() -> None:
    found = Planner(3, MARKETS, OneRoute())
    found.take(seen([5], [66.0]))
    assert look(found, after_days=0.001).offers.tolist() == [4]


def test_what_was_looked_at_lately_is_left_out() -> None:
    found = Planner(3, MARKETS, OneRoute())
    found.learn_all()
    asked = asked_of(found, 4, 100, least_age_s=3_600)
    assert [None if call is None else call.offers.tolist() for call in asked] == [[0, 2, 4], [1, 3, 5], None, None]
    assert found.next_call(NOW + 3_700, 100, 3_600) is not None


def test_a_look_from_the_future_is_due() -> None:
    found = planner(2, [(50.0, 66.0), (50.0, 66.0)])
    assert found.next_call(NOW + 60, 100, 3_600) is None
    assert found.next_call(NOW - 60, 100, 3_600) is not None


def test_a_changed_list_keeps_what_was_learned() -> None:
    kinds = np.array([0, 0, 1])
    found = planner(3, [(50.0, 66.0), (50.0, 45.0), (50.0, 60.0)], categories=kinds)
    found.hear(PlannedPage(0, 1, 0.0), np.array([4]), NOW, 6.0)
    now = NOW + DAY_S
    before = found.values(now)
    # The second product goes, a new one comes between the others.
    moved = found.moved_to(np.array([2, -1, 0]), OneRoute(), categories=np.array([1, 0, 0]))
    np.testing.assert_array_equal(moved.values(now)[[1, 4, 5]], before[[5, 0, 1]])
    # What a page has shown; how far it is to be trusted is by the usual rate, which is that of another list.
    assert moved.values(now)[0] == pytest.approx(before[4], rel=0.2)
    np.testing.assert_array_equal(moved.book.seen_at, [NOW, NOW, -np.inf, -np.inf, NOW, NOW])
    call = moved.next_call(now, 1)
    assert isinstance(call, PlannedLook)
    assert call.offers.tolist() == [2]


def test_a_list_that_was_emptied_and_filled_again_starts_anew() -> None:
    found = planner(2, [(50.0, 66.0), (50.0, 45.0)])
    empty = found.moved_to(np.zeros(0, np.int64), OneRoute())
    assert empty.next_call(NOW, 100) is None
    assert isinstance(empty.moved_to(np.array([-1]), OneRoute()).next_call(NOW, 100), PlannedLook)
