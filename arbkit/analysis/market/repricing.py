"""The whole market priced under assumptions, product by product in chunks: only what pages sort and filter by stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from arbkit.analysis.detector.pricing import LEAST_STORED
from arbkit.analysis.market.assumptions import Assumptions, changed_price
from arbkit.analysis.market.costs import CHUNK, MarketCosts, costs_of, with_buying_change
from arbkit.analysis.market.segment import ROUTES, Segment
from arbkit.analysis.market.snapshot import OpenSegment
from arbkit.core.marketplaces import MARKET_CODES
from arbkit.profit.evaluation import Evaluation, evaluate_costs
from arbkit.profit.facts.packages import EXTREMES
from arbkit.profit.fees.arrays import Floats, Ints
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.trade_costs import SellerCosts

Small = npt.NDArray[np.float32]
OPPORTUNITY, NEEDS_SIZE, LOSS = 1, 2, 3
_HALF_A_CENT = 0.005


@dataclass(frozen=True, slots=True)
class PricedMarket:
    """Of each route and product (routes, products) of a segment: the outcome (0: unknown), and what pages go by."""

    offers: Segment
    outcome: npt.NDArray[np.int8]
    profit: Small
    roi_pct: Small
    margin_pct: Small
    costs: MarketCosts
    assumed: Assumptions
    rates: Floats

    def price(self, name: str, route: Ints, product: Ints) -> Floats:
        """``buy_price``, ``sell_price`` or ``spread_pct`` of routes."""
        source, target = (np.array([MARKET_CODES.index(r[side]) for r in ROUTES])[route] for side in (0, 1))
        columns = self.costs.file.columns
        bought = changed_price(columns["buy_price"][source, product], self.assumed.buy_change_pct)
        sold = columns["sell_price"][target, product]
        if name != "spread_pct":
            return np.asarray(bought if name == "buy_price" else sold)
        return np.asarray(100 * (sold * self.rates[target] / (bought * self.rates[source]) - 1))


def price_market(segments: Sequence[OpenSegment], assumed: Assumptions, day: EffectiveTables) -> list[PricedMarket]:
    """Every route of every product of these segments.

    Raises:
        ServiceError: their costs cannot be written or read.
    """
    return [_priced(one, assumed, day) for one in segments]


def _priced(segment: OpenSegment, assumed: Assumptions, day: EffectiveTables) -> PricedMarket:
    offers, costs = segment.offers, costs_of(segment, assumed, day)
    seller = SellerCosts(assumed.profile, day, assumed.rates)
    shape = len(ROUTES), len(offers)
    profit, roi_pct, margin_pct = (np.empty(shape, np.float32) for _ in range(3))
    rates = np.array([seller.rate[code] for code in MARKET_CODES])
    found = PricedMarket(offers, np.zeros(shape, np.int8), profit, roi_pct, margin_pct, costs, assumed, rates)
    for start in range(0, len(offers), CHUNK):
        part = slice(start, min(len(offers), start + CHUNK))
        sold = costs.part(part.start, part.stop, offers.rows(part.start, part.stop))
        evaluation = evaluate_costs(with_buying_change(sold, assumed.buy_change_pct), sold, seller)
        found.profit[:, part] = evaluation.profit
        found.roi_pct[:, part] = evaluation.roi_pct
        found.margin_pct[:, part] = evaluation.margin_net_pct
        found.outcome[:, part] = _outcome(evaluation, costs, part)
    costs.file.rest()
    segment.file.rest()
    return found


def _outcome(evaluation: Evaluation, costs: MarketCosts, part: slice) -> npt.NDArray[np.int8]:
    """As detection judges routes: one that pays only with some of its packages needs a size."""
    low, high = evaluation.profit, evaluation.profit
    first, last = np.searchsorted(costs.unmeasured, [part.start, part.stop]).tolist()
    if first < last:
        low, high = low.copy(), high.copy()
        products: Ints = costs.unmeasured[first:last] - part.start
        for extreme in EXTREMES:
            profit: Floats = evaluation.profit_of(costs.extreme(extreme, first, last), products)
            low[:, products] = np.minimum(low[:, products], profit)
            high[:, products] = np.maximum(high[:, products], profit)
    unknown = np.isnan(evaluation.profit)
    outcome = np.where(unknown, 0, LOSS)
    may_pay = high >= LEAST_STORED - _HALF_A_CENT
    outcome[may_pay & ~unknown] = NEEDS_SIZE
    outcome[may_pay & (low > 0)] = OPPORTUNITY
    return outcome.astype(np.int8)
