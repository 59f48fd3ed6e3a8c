"""What came after a purchase, as far as a history shows it: when a unit would have sold, and at which price. Pure.

Nobody records who sold what. Sales of the listing are falls of its rank, and of the number of its offers; each is the
buyer's own with the share that a newcomer had of the days that followed.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from arbkit.analysis.backtest.purchases.past_offers import last_seen
from arbkit.analysis.backtest.purchases.rules import RULES, SaleRule
from arbkit.core.history.facts import READING
from arbkit.core.history.prices import WITH_SHIPPING_MIN
from arbkit.core.history.steps import DAY_MIN
from arbkit.core.models import History, PriceBasis, Series
from arbkit.profit.fees.arrays import Floats, Ints

_SEED = 18


@dataclass(frozen=True, slots=True)
class SeenSales:
    """When sales of a listing were seen, from when to when its rank was watched, and its last look (Keepa minutes)."""

    times: Ints
    watched_from: Ints
    watched_until: Ints
    last: int

    def are_known(self, start: int, end: int, rule: SaleRule = RULES.sale) -> bool:
        """Whether enough of a time was watched to say what was sold in it."""
        return end <= self.last and self._watched(start, end)[0] >= rule.least_watched_pct / 100 * (end - start)

    def days_between_looks(self, start: int, end: int) -> float:
        """How far apart the looks in a time are on average; NaN without any."""
        minutes, looks = self._watched(start, end)
        return minutes / looks / DAY_MIN if looks else float("nan")

    def _watched(self, start: int, end: int) -> tuple[float, int]:
        """The watched minutes of a time, and the looks that ended them."""
        held = np.maximum(np.minimum(self.watched_until, end) - np.maximum(self.watched_from, start), 0)
        return float(held.sum()), int((held > 0).sum())

    def own(self, product: str, start: int, end: int, shares: Floats, weights: Floats) -> Ints:
        """The times of the newcomer's own sales in a time: his share is drawn, then every sale; always the same."""
        inside = self.times[(self.times > start) & (self.times <= end)]
        rng = np.random.default_rng([_SEED, crc32(product.encode()), start])
        share = shares[min(int(np.searchsorted(np.cumsum(weights), rng.random())), len(shares) - 1)]
        return np.asarray(inside[rng.random(len(inside)) < share])


def seen_sales(history: History, rule: SaleRule = RULES.sale) -> SeenSales | None:
    """The sales that a history shows; None where it has no sales rank."""
    rank = history.series.get("sales_rank")
    if rank is None or len(rank.times) < 2:
        return None
    times, ranks = np.asarray(rank.times, np.int64), np.asarray(rank.values, np.float64)
    times, ranks = times[ranks > 0], ranks[ranks > 0]
    dense = np.diff(times) <= READING.rank.dense_days * DAY_MIN
    fell = (np.diff(np.log(ranks)) < np.log1p(-READING.rank.least_fall_pct / 100)) & dense
    by_rank = times[1:][fell]
    by_offers = _by_offers(history.series.get("offers_new"), times, ranks, rule)
    # One sale moves both: what is within a day of a fall of the rank is that sale.
    near = np.searchsorted(by_rank, by_offers - DAY_MIN) < np.searchsorted(by_rank, by_offers + DAY_MIN, side="right")
    sales = np.sort(np.concatenate([by_rank, by_offers[~near]]))
    return SeenSales(sales, times[:-1][dense], times[1:][dense], last_seen(history))


def _by_offers(offers: Series | None, times: Ints, ranks: Floats, rule: SaleRule) -> Ints:
    """When the number of offers fell by one and the rank improved soon after."""
    if offers is None or len(offers.times) < 2 or not len(times):
        return np.empty(0, np.int64)
    fell = np.asarray(offers.times, np.int64)[1:][np.diff(np.asarray(offers.values, np.int64)) == -1]
    before = np.searchsorted(times, fell, side="right") - 1
    after = np.searchsorted(times, fell + rule.rank_improves_within_days * DAY_MIN, side="right") - 1
    return np.asarray(fell[(before >= 0) & (ranks[after] < ranks[before])])


def price_ratio(history: History, basis: PriceBasis, bought: int, sold: int) -> float:
    """The price at the sale over that at the purchase; where nobody offers it then, the last one before. NaN unknown.

    A new price without shipping and one with it are not compared.
    """
    if basis == "new" and (bought < WITH_SHIPPING_MIN) != (sold < WITH_SHIPPING_MIN):
        return float("nan")
    prices = history.series[basis]
    before, after = _offered(prices, bought), _offered(prices, sold)
    return after / before if before and after else float("nan")


def _offered(prices: Series, at: int) -> float | None:
    """The last price that somebody asked until ``at``."""
    for place in range(bisect_right(prices.times, at) - 1, -1, -1):
        if prices.values[place] > 0:
            return float(prices.values[place])
    return None
