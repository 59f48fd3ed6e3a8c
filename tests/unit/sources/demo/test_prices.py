"""Prices of the demo market look like the real ones that they were fitted to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arbkit.sources.demo.market import MARKETS, PAST_STEPS, asins, path, product
from arbkit.sources.demo.prices import price_process
from tests.demo_market.fit import demo_histories, fitted, table
from tests.demo_market.measure import Shape, shape, spells
from tests.helpers.paths import ROOT
from tests.helpers.required import missing
from tests.simulated_market.histories import DailyHistory, read_histories, real_file

DAYS = 90


@pytest.fixture(scope="module")
def histories() -> list[DailyHistory]:
    return demo_histories([DAYS])


@pytest.fixture(scope="module")
def seen(histories: list[DailyHistory]) -> Shape:
    return shape(histories)


def test_prices_stand_still_as_often_as_real_ones(seen: Shape) -> None:
    known = price_process()
    middle, busy = known.event_chance[known.levels.index(0.5)], known.event_chance[known.levels.index(0.9)]
    assert np.median(seen.events) == pytest.approx(middle, abs=0.03)
    assert np.quantile(seen.events, 0.9) == pytest.approx(busy, abs=0.05)
    assert (seen.changes == 0).mean() == pytest.approx(0.15, abs=0.1), "some do not change at all in 90 days"


def test_moves_are_as_large_and_turn_as_often(seen: Shape) -> None:
    known = price_process()
    half = known.levels.index(0.5)
    assert np.median(-seen.small[seen.small < 0]) == pytest.approx(known.small_down[half], abs=0.004)
    assert np.median(seen.small[seen.small > 0]) == pytest.approx(known.small_up[half], abs=0.004)
    assert np.median(np.abs(seen.steps)) == pytest.approx(known.step_down[half], rel=0.35)
    assert seen.turns.mean() == pytest.approx(known.turn_chance, abs=0.08)
    assert seen.undone.mean() == pytest.approx(known.undo_chance, abs=0.15)
    events = len(seen.small) + len(seen.steps) + len(seen.sale_days)
    assert len(seen.steps) / events == pytest.approx(known.step_share, abs=0.08)


def test_sales_are_as_frequent_deep_and_long(seen: Shape) -> None:
    known = price_process()
    half = known.levels.index(0.5)
    events = len(seen.small) + len(seen.steps) + len(seen.sale_days)
    assert len(seen.sale_days) / events == pytest.approx(known.sale_share, abs=0.03)
    assert np.median(seen.sale_depths) == pytest.approx(known.sale_depth[half], abs=0.05)
    assert np.median(seen.sale_days) == pytest.approx(known.sale_days[half], abs=3)


def test_listings_are_without_an_offer_and_amazon_returns_as_often(histories: list[DailyHistory]) -> None:
    known = price_process()
    wanted = known.out_chance * known.out_days / (1 + known.out_chance * known.out_days)
    assert spells([one.out for one in histories]).share == pytest.approx(wanted, abs=0.03)
    sold = [one.amazon for one in histories]
    assert np.mean([one.any() for one in sold]) == pytest.approx(known.amazon_always + known.amazon_sometimes, abs=0.08)
    returns = [one for one in sold if one.any() and not one.all()]
    assert any((np.diff(one.astype(int)) == 1).any() for one in returns)


def test_every_price_stays_about_its_level_for_years() -> None:
    known = price_process()
    low, high = np.exp(known.band[0] - known.sale_depth[-1]), np.exp(known.band[1])
    for asin in asins(60):
        found = product(asin)
        assert found is not None
        for code, level in found.levels.items():
            prices = path(asin, code).new_fba
            there = prices[prices > 0]
            assert there.min() >= max(299, low * level - 1) - 1
            assert there.max() <= high * level + 1


def test_the_same_seed_gives_the_same_market_and_another_another() -> None:
    asin = asins()[0]
    listed = product(asin)
    assert listed is not None
    code = next(code for code in MARKETS if code in listed.levels)
    first = path(asin, code).new.tolist()
    path.cache_clear()
    assert path(asin, code).new.tolist() == first
    other = product(asin, 1)
    assert other is not None
    assert path(asin, next(iter(other.levels)), 1).new.tolist() != first


def test_prices_change_while_one_looks() -> None:
    # Steps after the start pass hurried: a page that is open must see some of them.
    moves = [path(asin, code).new for asin in asins(100) for code in getattr(product(asin), "levels", {})]
    changed = sum(int(one[PAST_STEPS + 1] != one[PAST_STEPS]) for one in moves)
    assert changed >= 5


def test_file_and_docs_are_what_the_real_histories_give(real_data: Path) -> None:
    source = real_file()
    if source is None:
        source = missing("real price histories", f"put them into the folder histories beside {real_data}")
    real = read_histories(source)
    assert fitted(real) == price_process()
    said = (ROOT / "docs/concepts/origins.md").read_text("utf-8")
    assert table(real, demo_histories([len(one.price) for one in real])) in said
