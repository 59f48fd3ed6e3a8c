"""Simulated markets are like the real one, the same for a seed, and know nothing of what they are to judge."""

from __future__ import annotations

import ast
import sys

import numpy as np
import pytest

from tests.helpers.paths import ROOT
from tests.simulated_market.histories import DailyHistory
from tests.simulated_market.market import FUTURE_DAYS, KINDS, PAST_DAYS, Kind, SimulatedProduct, simulate
from tests.simulated_market.ranks import RankPoints, badge, count_drops


@pytest.fixture(scope="module")
def market() -> list[SimulatedProduct]:
    return simulate(1, 300)


def imported(path: str) -> set[str]:
    names: set[str] = set()
    for file in (ROOT / path).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
    return names


def test_a_simulated_market_shares_no_code_with_what_it_scores() -> None:
    others = {name for name in imported("tests/simulated_market") if not name.startswith("tests.simulated_market")}
    assert {name.split(".")[0] for name in others} - sys.stdlib_module_names == {"numpy"}


def test_the_product_imports_nothing_of_its_tests() -> None:
    assert [name for name in imported("arbkit") if name.split(".")[0] == "tests"] == []


def test_the_same_seed_gives_the_same_market(market: list[SimulatedProduct]) -> None:
    again, other = simulate(1, 300), simulate(2, 300)
    for one, same in zip(market, again, strict=True):
        np.testing.assert_array_equal(one.truth.newcomer_units, same.truth.newcomer_units)
        np.testing.assert_array_equal(one.observed.rank.ranks, same.observed.rank.ranks)
    assert [p.observed.drops90 for p in market] != [p.observed.drops90 for p in other]


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_does_not_show_in_what_is_seen(market: list[SimulatedProduct], kind: Kind) -> None:
    for one, other in zip(market, simulate(1, 300, kind), strict=True):
        np.testing.assert_array_equal(one.observed.rank.ranks, other.observed.rank.ranks)
        assert (one.observed.drops90, one.observed.badge) == (other.observed.drops90, other.observed.badge)
        assert len(one.observed.price) == PAST_DAYS
        assert one.observed.rank.times.max(initial=0) < PAST_DAYS * 1_440


def test_each_misspecified_market_has_another_future(market: list[SimulatedProduct]) -> None:
    competed, seasonal = simulate(1, 300, "hidden_competitor"), simulate(1, 300, "changed_season")
    share = [float(c.truth.share[PAST_DAYS] / m.truth.share[PAST_DAYS]) for c, m in zip(competed, market, strict=True)]
    demand = [s.truth.expected[PAST_DAYS] / m.truth.expected[PAST_DAYS] for s, m in zip(seasonal, market, strict=True)]
    assert {round(value, 2) for value in share} == {1.0, 0.35}
    assert {round(float(value), 2) for value in demand} <= {0.4, 1.7}


def test_a_newcomer_sells_a_share_and_little_while_amazon_is_there(market: list[SimulatedProduct]) -> None:
    for product in market:
        truth, there = product.truth, product.truth.price > 0
        assert len(truth.units) == PAST_DAYS + FUTURE_DAYS
        assert (truth.newcomer_units[there] <= truth.units[there]).all()
        assert not truth.units[~there].any()
    with_amazon = [p.truth.share[:PAST_DAYS][p.observed.amazon] for p in market]
    assert np.concatenate(with_amazon).max() < 0.05


def test_prices_stand_still_as_often_as_real_ones(market: list[SimulatedProduct]) -> None:
    same = [np.mean([p.truth.price[PAST_DAYS] == p.truth.price[PAST_DAYS + h] for p in market]) for h in (14, 30)]
    # On 107 real products 45 % and 28 %.
    assert 0.35 < same[0] < 0.55
    assert 0.18 < same[1] < 0.4


def test_rank_drops_are_a_lower_bound_of_sales_and_hide_most_of_a_fast_seller(market: list[SimulatedProduct]) -> None:
    drops = np.array([p.observed.drops90 for p in market])
    sold = np.array([p.truth.units[PAST_DAYS - 90 : PAST_DAYS].sum() for p in market])
    slow, fast = sold < 20, sold > 300
    assert 0.7 < drops[slow].sum() / sold[slow].sum() < 1.1
    assert drops[fast].sum() < 0.5 * sold[fast].sum()


def test_blocks_of_real_histories_make_prices_of_their_steps() -> None:
    days = np.arange(120)
    price = np.where(days // 40 == 1, np.log(2_500.0), np.log(2_000.0))
    rank = 9.0 + 0.1 * np.sin(days / 10)
    history = DailyHistory(np.asarray(price, np.float64), np.zeros(120, bool), days > 60, np.asarray(rank, np.float64))
    market = simulate(3, 20, histories=[history])
    steps = np.concatenate([np.diff(np.log(p.truth.price)) for p in market])
    assert set(np.round(np.abs(steps[np.abs(steps) > 0.001]), 1)) <= {0.2, 0.4}
    assert 0.2 < np.mean([p.observed.amazon.mean() for p in market]) < 0.8


def test_a_drop_is_a_fall_of_the_rank_as_seen() -> None:
    points = RankPoints(np.array([0, 10, 20, 30, 40]), np.array([100, 50, 80, 79, 40]))
    assert count_drops(points, -1, 40) == 2
    assert count_drops(points, 15, 40) == 1


@pytest.mark.parametrize(("units", "shown"), [(49, None), (50, 50), (260, 200), (1_500, 1_000)])
def test_a_badge_is_the_step_reached(units: float, shown: int | None) -> None:
    assert badge(units) == shown
