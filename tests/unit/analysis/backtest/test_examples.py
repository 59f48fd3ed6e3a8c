"""The forecasts that are shown one by one: drawn whatever came of them, by models that have not seen the product."""

from __future__ import annotations

import pytest

from arbkit.analysis.backtest.evidence import EXAMPLES, gather
from arbkit.analysis.backtest.price_backtest import judge
from arbkit.analysis.backtest.results import Example
from tests.price_forecast.made import listing, market


def examples(count: int, rise: float = 1.0) -> list[Example]:
    made = [
        listing(one.history.asin, [
            (day, int(price * (rise if day > 100 else 1)))
            for day, price in zip(range(0, 121, 1 + 29 * (number % 2)), one.history.series["new"].values, strict=True)
        ])
        for number, one in enumerate(market(count))
    ]  # fmt: skip
    evidence = gather([made[: count // 2], made[count // 2 :]], (14, 30))
    assert evidence is not None
    return judge(evidence, of_products=count).examples


def test_ten_are_drawn_by_the_product_not_by_what_came() -> None:
    drawn = [(one.asin, one.day) for one in examples(14)]
    assert len(drawn) == len({asin for asin, _ in drawn}) == EXAMPLES
    assert drawn == [(one.asin, one.day) for one in examples(14, rise=1.5)]
    assert len(examples(4)) == 4


def test_an_example_holds_price_band_and_outcome() -> None:
    for one in examples(4):
        today = one.prices[90]
        assert len(one.prices) == 90 + 30 + 1
        assert today is not None
        for come in one.outcomes:
            assert come.p10 <= come.p50 <= come.p90
            assert come.outcome == pytest.approx(one.prices[90 + come.days], abs=0.1)
            assert 0 < come.not_lower_pct < 100
