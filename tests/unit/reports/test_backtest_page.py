"""What the report of a backtest shows."""

from __future__ import annotations

import re

import pytest

from arbkit.analysis.backtest.evidence import gather
from arbkit.analysis.backtest.parameters import BacktestParameters
from arbkit.analysis.backtest.price_backtest import judge
from arbkit.analysis.backtest.purchases.gathering import PurchaseEvidence
from arbkit.analysis.backtest.purchases.judging import judge_profits, judge_sales
from arbkit.analysis.backtest.results import PriceBacktest
from arbkit.analysis.backtest.run import NOTHING, Backtest, BacktestReport
from arbkit.analysis.backtest.scores import Interval
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.reports.backtest import charts, page
from tests.price_forecast.made import market


@pytest.fixture(scope="module")
def found() -> PriceBacktest:
    evidence = gather([market(32)], (14,))
    assert evidence is not None
    return judge(evidence, of_products=50)


def report(found: PriceBacktest | None) -> BacktestReport:
    if found is None:
        return BacktestReport("r1", 1_760_000_000.0, BacktestParameters(), True, None, NOTHING)
    purchases = PurchaseEvidence(Profile(name="reseller"), load_tables(), load_rates())
    whole = Backtest(price=found, sales=judge_sales(purchases), profit=judge_profits(purchases, "EUR"))
    return BacktestReport("r1", 1_760_000_000.0, BacktestParameters(), True, whole, None)


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


def test_an_example_shows_the_price_the_band_and_what_came(found: PriceBacktest) -> None:
    figure = charts.examples_figure(found.examples)
    one = found.examples[0]
    past, came, band, outcome = figure.data[:4]
    assert past.y[-1] == came.y[0] == (one.prices[90] or 0) / 100
    assert [band.y[0], outcome.y[0]] == [one.outcomes[0].p50 / 100, one.outcomes[0].outcome / 100]
    assert charts.not_lower(one) in figure.layout.annotations[0].text


def test_nothing_of_purchases_is_a_sentence_each(found: PriceBacktest) -> None:
    whole = report(found).found
    assert whole is not None
    assert "No sale can be scored" in text(page.sales(whole.sales)._repr_html_())
    shown = text(page.profit(whole.profit)._repr_html_())
    assert "No profit can be scored" in shown
    assert "Rankings cannot be compared (0 days)" in shown


def test_the_histogram_is_in_percent(found: PriceBacktest) -> None:
    [bars] = charts.pit_figure(found.horizons[0]).data
    assert sum(bars.y) == pytest.approx(100, abs=0.1)
