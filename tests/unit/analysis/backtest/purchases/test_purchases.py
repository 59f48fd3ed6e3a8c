"""Purchases at past days: known as they were then, sold as the history shows, never scored by what nobody saw."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from arbkit.analysis.backtest.probability_scores import score_probabilities
from arbkit.analysis.backtest.purchases import gathering, judging
from arbkit.analysis.backtest.purchases.gathering import PurchaseEvidence, realised_profit
from arbkit.analysis.backtest.purchases.judging import RANKINGS, judge_profits, judge_sales
from arbkit.analysis.backtest.purchases.outcomes import price_ratio, seen_sales
from arbkit.analysis.backtest.purchases.past_offers import offers_on, purchase_days
from arbkit.analysis.backtest.purchases.rules import RULES
from arbkit.analysis.forecast.profit.distribution import PRICE_RATIOS, RouteMargins
from arbkit.core.history.steps import DAY_MIN
from arbkit.core.keepa_time import to_minutes, to_unix
from arbkit.core.models import History, Offer, Series
from arbkit.core.offers.histories import until
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.profit.fees.arrays import Floats
from tests.helpers.factories import offer
from tests.profit_forecast.reseller import NOW, PROFILE, offers_on_sale
from tests.sales_forecast.adapter import NOW as SEEN_UNTIL
from tests.sales_forecast.adapter import histories_of
from tests.simulated_market.market import simulate

START = 7_500_000


def series(points: Sequence[tuple[float, int]]) -> Series:
    times, values = zip(*points, strict=True)
    return Series(array("i", [START + int(day * DAY_MIN) for day in times]), array("i", values))


def history(**points: Sequence[tuple[float, int]]) -> History:
    return History("B000000001", "DE", 0, "EUR", {name: series(one) for name, one in points.items()})


def ranked(days: int, falls: Sequence[int]) -> list[tuple[float, int]]:
    """A rank that is looked at twice a day, climbs, and falls on some days."""
    found, rank = [], 50_000
    for half in range(2 * days):
        rank = 40_000 if half % 2 == 0 and half // 2 in falls else rank + 1_500
        found.append((half / 2, rank))
    return found


def test_an_offer_is_as_it_was_on_the_day() -> None:
    told = history(new=[(0, 1_000), (50, 2_000)], amazon=[(0, 1_100), (30, -1)], sales_rank=[(0, 500), (60, 900)])
    at = START + 45 * DAY_MIN
    today = offer(new_minor=2_000, sales_rank=900, rank_drops30=7, keepa_fba_fee_minor=300, weight_g=700)
    (then,) = offers_on([replace(today, keepa_fba_fee_at=to_unix(at) + 1)], [until(told, at)], [at])
    assert (then.price_minor, then.price_basis, then.sales_rank, then.updated_at) == (1_000, "new", 500, to_unix(at))
    assert (then.amazon_minor, then.amazon_at) == (None, to_unix(at))
    assert (then.rank_drops30, then.keepa_fba_fee_minor, then.weight_g) == (None, None, 700)


def test_all_listings_are_bought_on_the_same_days() -> None:
    early, late = history(new=[(0, 1), (200, 2)]), history(new=[(3, 1), (120, 2)])
    days = [set(purchase_days(one, every_days=14, most=100)) for one in (early, late)]
    assert days[1] < days[0]
    assert purchase_days(early, every_days=14, most=2) == sorted(days[0])[-2:]
    assert purchase_days(history(used=[(0, 1)]), every_days=14, most=2) == []


def test_a_sale_is_a_fall_of_the_rank_or_of_the_offers_where_the_rank_improves() -> None:
    ranks = [(day, 50_000 - 10 * day) for day in range(40)]
    told = history(sales_rank=[*ranks, (40, 30_000)], offers_new=[(0, 5), (10, 4), (20, 2), (39.5, 1)])
    seen = seen_sales(told)
    assert seen is not None
    # Two offers fewer are no sale; a fall of both within a day is one.
    assert ((seen.times - START) / DAY_MIN).tolist() == [10, 40]
    assert seen_sales(history(new=[(0, 1)])) is None


def test_what_nobody_watched_is_not_known() -> None:
    seen = seen_sales(history(sales_rank=[*ranked(20, [5]), *((day + 40, rank) for day, rank in ranked(20, []))]))
    assert seen is not None
    day = START + np.array([0, 18, 21, 45, 59, 61]) * DAY_MIN
    assert seen.are_known(day[0], day[1])
    assert not seen.are_known(day[0], day[3])
    assert not seen.are_known(day[3], day[5])
    assert seen.days_between_looks(day[0], day[1]) == pytest.approx(0.5)
    assert np.isnan(seen.days_between_looks(day[2], day[2] + 1))


def test_a_share_of_the_sales_is_the_buyers_own() -> None:
    seen = seen_sales(history(sales_rank=ranked(300, range(1, 300))))
    assert seen is not None
    drawn = [
        len(seen.own(f"B{number}", START, START + 300 * DAY_MIN, np.array([0.25]), np.ones(1))) for number in range(40)
    ]
    assert np.mean(drawn) == pytest.approx(299 / 4, rel=0.05)
    assert len(set(drawn)) > 1


def test_the_price_of_the_sale_is_the_last_that_somebody_asked() -> None:
    told = history(new=[(0, 1_000), (10, 1_200), (20, -1)])
    at = [START + day * DAY_MIN for day in (5, 15, 25)]
    assert [price_ratio(told, "new", at[0], one) for one in at] == [1, 1.2, 1.2]
    shipped = to_minutes(to_unix(8_000_000)) + 400_000
    assert np.isnan(price_ratio(told, "new", at[0], shipped + 1_000_000))


def test_what_a_route_left_follows_price_day_and_exchange_rate() -> None:
    prices = np.outer(np.ones(2), PRICE_RATIOS) * 20 - 10
    later = np.array([[0.0, -1.0], [0.0, -1.0]])
    margins = RouteMargins(
        prices, np.array([1.0, 90.0]), later, prices[:, 0], prices[:, 0], np.full(2, 10.0), np.full(2, 12.0),
        np.array([False, True]),
    )  # fmt: skip
    found = realised_profit(margins, np.array([1.15, 1.15]), np.array([90.0, 90.0]), np.array([0.1, 0.1]))
    assert found.tolist() == pytest.approx([12.0, 12.0 + 22.0 * 0.1])


@pytest.fixture(scope="module")
def listings() -> list[tuple[Offer, History]]:
    """A market in DE and IT, seen until 90 days ago and beyond it: histories that go on as they were."""
    market = simulate(540, 40)
    past = {one.id: _moved(one, to_minutes(NOW) - to_minutes(SEEN_UNTIL)) for one in histories_of(market)}
    return [(one, _longer(past.get(one.id) or _flat(one))) for one in offers_on_sale(market, 540) if one.price_minor]


def _moved(past: History, minutes: int) -> History:
    moved = {
        name: Series(array("i", [time + minutes for time in one.times]), one.values)
        for name, one in past.series.items()
    }
    return replace(past, series=moved)


def _flat(one: Offer) -> History:
    """Where nothing but today's price is known: that price, seen every day."""
    end = to_minutes(NOW)
    times = array("i", range(end - 180 * DAY_MIN, end, DAY_MIN))
    return History(one.asin, one.market, 1, "EUR", {"new": Series(times, array("i", [one.price_minor or 0] * 180))})


def _longer(past: History) -> History:
    """The last 100 days once more after the end."""
    shift, made = 100 * DAY_MIN, {}
    cut = to_minutes(NOW) - shift
    for name, one in past.series.items():
        again = [(time + shift, value) for time, value in zip(one.times, one.values, strict=True) if time > cut]
        times, values = zip(*again, strict=True) if again else ((), ())
        made[name] = Series(one.times + array("i", times), one.values + array("i", values))
    return replace(past, series=made)


def gathered(listings: Sequence[tuple[Offer, History]], profile: Profile = PROFILE) -> PurchaseEvidence:
    evidence = PurchaseEvidence(profile, load_tables(), load_rates())
    evidence.add(listings)
    return evidence


def test_sales_and_profits_are_scored_by_marketplace_and_category(listings: list[tuple[Offer, History]]) -> None:
    evidence = gathered(listings)
    sales, profits = judge_sales(evidence), judge_profits(evidence, "EUR")
    assert [one.days for one in sales.horizons] == [30, 60, 90]
    first = sales.horizons[0].chances
    assert [one.name for one in first.markets] == ["DE"]
    assert [one.name for one in first.categories] == ["kitchen"]
    assert first.score.count == sum(one.count for one in first.score.bins) == first.markets[0].purchases
    assert first.score.brier_skill.value > 0
    assert f"sold within 30 days, {first.said_pct:.1f} % as forecast" in first.verdict
    assert profits.chances is not None
    assert profits.chances.score.count > 10
    assert profits.chances.products <= 40


def test_a_verdict_says_no_more_than_the_products_show() -> None:
    rng = np.random.default_rng(18)
    chance = rng.random(4_000)
    came = rng.random(4_000) < chance

    def said(chances: Floats, products: int, outcomes: int = 4_000) -> str:
        of = np.arange(outcomes) % products
        score = score_probabilities(chances[:outcomes], came[:outcomes], of, seed=1)
        return judging.verdict_of(score, products, float(chances.mean()), "sold")

    assert "can be taken at their word" in said(chance, 4_000)
    assert "so they tell good purchases from bad ones" in said(chance, 4_000)
    assert "the chances are off" in said(1 - chance, 4_000)
    assert "too few products (20) to say" in said(chance, 20)
    assert "which is hardly anything" in said(np.full(4_000, 0.5), 4_000)
    assert "which may be luck" in said(np.clip(chance, 0.3, 0.6), 31, 31)


def test_the_future_changes_no_forecast(listings: list[tuple[Offer, History]]) -> None:
    day = purchase_days(listings[0][1], every_days=14, most=8)[0]
    known = [(one, until(past, day + 1)) for one, past in listings]
    dearer = [
        (one, replace(past, series={name: _altered(name, each, day) for name, each in past.series.items()}))
        for one, past in listings
    ]
    said = []
    for these in (listings, dearer):
        evidence = gathered(these)
        cases = evidence.profits
        assert cases is not None
        rows = np.flatnonzero(cases.day <= day)
        said.append(dict(zip(cases.product[rows], cases.p50[rows], strict=True)))
        assert len(rows)
    both = said[0].keys() & said[1].keys()
    assert both
    assert all(said[0][name] == said[1][name] for name in both)
    cut = gathered(known).profits
    assert cut is not None
    # Of what came within 90 days before the end nobody knows yet whether it would have sold.
    assert (cut.day <= day - 90 * DAY_MIN).all()


def _altered(name: str, one: Series, day: int) -> Series:
    """Prices and ranks twice as high from a day on; who holds the buy box stays."""
    if name == "buy_box_seller":
        return one
    points = zip(one.times, one.values, strict=True)
    return Series(one.times, array("i", [value * 2 if time > day and value > 0 else value for time, value in points]))


def test_a_day_without_fee_tables_is_not_scored(listings: list[tuple[Offer, History]]) -> None:
    years = 15 * 365 * DAY_MIN // (14 * DAY_MIN) * 14 * DAY_MIN
    old = [
        (one, replace(past, series={
            name: Series(array("i", [time - years for time in each.times]), each.values)
            for name, each in past.series.items()
        }))
        for one, past in listings
    ]  # fmt: skip
    found = judge_profits(gathered(old), "EUR")
    assert found.chances is None
    assert set(found.not_scored) == {gathering.NO_TABLES}
    assert "Rankings cannot be compared (0 days)" in found.rankings_verdict


def test_rankings_are_compared_on_days_with_enough_routes(
    listings: list[tuple[Offer, History]], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = RULES.ranking.model_copy(update={"top": 3, "least_routes": 6})
    monkeypatch.setattr(judging, "RULES", RULES.model_copy(update={"ranking": few}))
    found = judge_profits(gathered(listings), "EUR")
    assert found.days > 0
    assert [one.name for one in found.rankings] == list(RANKINGS)
    spot = next(one for one in found.rankings if one.name == judging.SPOT)
    assert spot.days_ahead == 0
    assert "% a day" in found.rankings_verdict
