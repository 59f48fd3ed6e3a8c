"""The simulated market keeps its word: fitted moves, true windows, tokens paid; and the planner beats a plain round."""

from __future__ import annotations

import numpy as np
import pytest

from tests.planner_market.deals import Deals
from tests.planner_market.market import Market, make_market
from tests.planner_market.service import Look, run
from tests.planner_market.windows import Known
from tests.planner_policies.all_knowing import AllKnowing
from tests.planner_policies.arbkit_planner import ArbkitPlanner
from tests.planner_policies.compare import Cell, compare
from tests.planner_policies.noisy_signals import pages_of
from tests.planner_policies.round_robin import RoundRobin


@pytest.fixture(scope="module")
def market() -> Market:
    return make_market(5, 200, 3)


def test_prices_move_as_often_as_those_it_was_fitted_to() -> None:
    paths = make_market(6, 2_000, 7).paths
    offers, hours = paths.log.owners_hours()
    days = len(np.unique(offers * 10_000 + hours // 24)) / 2_000 / 5 / 97
    assert days == pytest.approx(0.073, abs=0.012)


def test_a_look_shows_the_true_price_of_its_hour(market: Market) -> None:
    offers = np.arange(len(market.level))
    shown = market.look(offers, market.begin + 30, full=True)
    np.testing.assert_allclose(shown.new, market.new[:, 30], rtol=1e-6)
    np.testing.assert_allclose(shown.gap, market.gap[:, 30], atol=1e-6)
    assert np.isnan(market.look(offers, market.begin + 30, full=False).gap).all()


def test_a_window_known_from_end_to_end_is_worth_its_mean_profit(market: Market) -> None:
    known = 0.0
    for hour in range(market.hours):
        true = Known(market.new[:, hour].astype(float), market.gap[:, hour].astype(float))
        known += true.share(market.products, market.windows, hour, market.new[:, hour], market.gap[:, hour])[0]
    assert known == pytest.approx(market.windows.total, rel=1e-3)


def test_nothing_is_known_of_prices_that_are_off(market: Market) -> None:
    off = Known(market.new[:, 0].astype(float) + 0.03, market.gap[:, 0].astype(float))
    share = off.share(market.products, market.windows, 0, market.new[:, 0], market.gap[:, 0])
    assert share == (0.0, 0.0)


def test_tokens_are_paid_and_no_more_than_there_are(market: Market) -> None:
    found = run(market, RoundRobin(full=True), 20.0, 1)
    assert found.tokens == pytest.approx(20 * 60 * market.hours, abs=300)
    assert found.tokens == 3 * found.looks


def test_a_batch_of_two_marketplaces_is_refused(market: Market) -> None:
    class Wrong(RoundRobin):
        def next(self, now: float, tokens: float) -> Look:
            return Look(np.array([0, 1]), full=False)

    with pytest.raises(ValueError, match="no batch of one marketplace"):
        run(market, Wrong(full=True), 20.0, 1)


def test_the_planner_beats_a_plain_round_and_not_perfect_knowledge(market: Market) -> None:
    ours, walk, best = (
        run(market, policy, 2.0, 1)
        for policy in (ArbkitPlanner(market.products), RoundRobin(full=True), AllKnowing(market))
    )
    assert walk.value < ours.value < best.value < best.possible
    assert ours.opened > 1.5 * walk.opened


def test_where_products_are_alike_it_is_as_good_as_a_plain_round() -> None:
    found = compare(Cell(100, 2, days=3, alike=True), 3)
    walks = max(one.value for name, one in found.items() if name.startswith("round robin"))
    assert found["arbkit"].value >= 0.98 * walks


def test_alike_products_have_the_same_prices_and_lines() -> None:
    found = make_market(5, 30, 1, alike=True).products
    for values in (found.level, found.constant, found.by_sell, found.by_buy):
        np.testing.assert_array_equal(values, np.broadcast_to(values[:1], values.shape))


def test_the_feed_shows_the_share_of_departures_that_it_says(market: Market) -> None:
    feed = Deals(market, 1)
    offers, hours = market.paths.departures.owners_hours()
    departures = set(zip(offers.tolist(), hours.tolist(), strict=True))
    shown, false = set(), 0
    for hour in range(market.begin + market.hours):
        for place in pages_of(market.products.category).tolist():
            found, since = feed.read(place[0], place[1], hour)
            now = since == hour
            entries = set(zip(found[now].tolist(), since[now].tolist(), strict=True))
            shown |= entries & departures
            false += len(entries - departures)
    assert len(shown) / len(departures) == pytest.approx(feed.recall, rel=0.02)
    listed = int((~np.isnan(market.level)).sum())
    assert false / listed / (market.begin + market.hours) == pytest.approx(feed.false_rate, rel=0.02)


def test_without_any_look_before_nothing_is_known_at_first(market: Market) -> None:
    def values(*, cold: bool) -> dict[str, float]:
        walk, ours = RoundRobin(full=True), ArbkitPlanner(market.products)
        return {"walk": run(market, walk, 4.0, 1, cold=cold).value, "ours": run(market, ours, 4.0, 1, cold=cold).value}

    cold, warm = values(cold=True), values(cold=False)
    assert all(0 < cold[name] < warm[name] for name in cold)
    assert cold["ours"] > cold["walk"]
