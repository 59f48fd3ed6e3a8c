"""What the report of a backtest shows."""

from __future__ import annotations

import re

import pytest

from arbkit.analysis.backtest.evidence import gather
from arbkit.analysis.backtest.parameters import BacktestParameters
from arbkit.analysis.backtest.price_backtest import judge
from arbkit.analysis.backtest.results import PriceBacktest
from arbkit.analysis.backtest.run import NOTHING, BacktestReport
from arbkit.analysis.backtest.scores import Interval
from arbkit.reports.backtest import charts, page
from tests.price_forecast.made import market


@pytest.fixture(scope="module")
def found() -> PriceBacktest:
    evidence = gather([market(32)], (14,))
    assert evidence is not None
    return judge(evidence, of_products=50)


def report(found: PriceBacktest | None) -> BacktestReport:
    why = NOTHING if found is None else None
    return BacktestReport("r1", 1_760_000_000.0, BacktestParameters(), True, found, why)


def text(html: str) -> str:
    body = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_the_head_says_how_much_was_judged_and_that_it_is_invented(found: PriceBacktest) -> None:
    shown = text(page.headline(report(found))._repr_html_())
    assert "DEMO" in shown
    assert "Products 32 of 50 in the store" in shown
    assert found.model_version in shown


def test_a_horizon_shows_every_forecast_and_target(found: PriceBacktest) -> None:
    [score] = found.horizons
    shown = text(page.horizon(score)._repr_html_())
    for one in score.scores:
        assert one.name in shown
        assert page.loss(one.pinball) in shown
    for target in score.targets:
        assert f"{target.name} {target.wanted}" in shown
    assert "After 14 days" in shown
    assert score.later_than is not None
    assert score.later_than in shown


def test_nothing_to_judge_is_one_sentence() -> None:
    shown = text(page.headline(report(None))._repr_html_())
    assert NOTHING[1:] in shown
    assert "Run r1" in text(page.about(report(None))._repr_html_())


def test_an_unknown_figure_says_so() -> None:
    nothing = Interval(value=None, low=None, high=None)
    assert (page.share(nothing), page.loss(nothing)) == ("unknown", "unknown")
    known = Interval(value=80.04, low=74.5, high=85.51)
    assert page.share(known) == "80.0 % (74 to 86)"


def test_the_diagram_counts_every_bin_and_leaves_out_those_of_a_few(found: PriceBacktest) -> None:
    [score] = found.horizons
    _, points, counts = charts.reliability_figure(score).data
    bins = score.reliability.bins
    assert list(counts.y) == [one.count for one in bins]
    assert list(points.x) == [one.forecast for one in bins if one.count >= 5]
    assert f"{score.products} products" in charts.reliability_figure(score).layout.title.text


def test_the_histogram_is_in_percent(found: PriceBacktest) -> None:
    [bars] = charts.pit_figure(found.horizons[0]).data
    assert sum(bars.y) == pytest.approx(100, abs=0.1)
