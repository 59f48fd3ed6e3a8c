"""One route at many prices or sizes: what a request is answered from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from arbkit.core.marketplaces import MARKET_CODES, market
from arbkit.profit.components import rounded
from arbkit.profit.evaluation import Evaluation, evaluate_costs
from arbkit.profit.exchange_rates import Rates
from arbkit.profit.facts.packages import PACKAGE
from arbkit.profit.facts.ranges import profit_range
from arbkit.profit.fees.arrays import Floats
from arbkit.profit.fees.offer_fees import referral_units
from arbkit.profit.fees.referral import possible_schedules
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.offer_costs import OfferCosts, cost_offers
from arbkit.profit.quote.package import QuotedPackage
from arbkit.profit.quote.request import QuoteRequest
from arbkit.profit.reason_codes import Reason, ReasonCode, join_messages
from arbkit.profit.route_frame import RouteRow, route_rows
from arbkit.profit.seller.profile import FulfilmentMethod, Profile, ineligibility_reason
from arbkit.profit.trade_costs import SellerCosts

Figure = Literal["profit", "roi_pct", "margin_net_pct", "margin_gross_pct", "invested"]


@dataclass(frozen=True, slots=True)
class PricedMethod:
    """The route by one fulfilment method; ``ineligible`` says why the seller may not use it."""

    method: FulfilmentMethod
    row: RouteRow
    ineligible: Reason | None

    @property
    def unknown(self) -> tuple[Reason, ...]:
        """Why there is no profit to state; empty where there is one."""
        ineligible = () if self.ineligible is None else (self.ineligible,)
        return (*ineligible, *(reason for reason in self.row["unknown"] if reason != self.ineligible))

    def figure(self, name: Figure) -> float | None:
        """A figure of the row to two digits; None where the profit is unknown."""
        return None if self.unknown else rounded(self.row[name])

    @property
    def why_not(self) -> str | None:
        """The same in one line of text: that it may not be used says enough."""
        if self.ineligible is not None:
            return self.ineligible.message
        return join_messages(self.row["unknown"]) or None

    @property
    def rank(self) -> float:
        """Eligible and known methods by profit, then eligible ones, then the others."""
        if self.ineligible is not None:
            return -math.inf
        return -1e17 if math.isnan(self.row["profit"]) else self.row["profit"]


@dataclass(frozen=True)
class QuotePricer:
    """A request with the profile, tables and rates that it is answered with."""

    request: QuoteRequest
    profile: Profile
    day: EffectiveTables
    rates: Rates
    package: QuotedPackage
    storage: bool = True
    """False: storage costs nothing"""

    @cached_property
    def seller(self) -> SellerCosts:
        """The seller's costs on the day of the request."""
        return SellerCosts(self.profile, self.day, self.rates, storage=self.storage)

    @cached_property
    def _as_requested(self) -> OfferCosts:
        """Both offers at the request's prices, the referral fee in whole cents as Amazon charges it."""
        return self._costs(whole_cents=True)

    @property
    def sides(self) -> tuple[float, float, float]:
        """The package's likely sides in millimetres, NaN unknown."""
        length, width, height = (self.package.sizes[name] for name in PACKAGE[:3])
        return length, width, height

    def priced(self, method: FulfilmentMethod) -> PricedMethod:
        """The route by one method, eligible or not."""
        frame = self._evaluate(self._as_requested, method).frame()
        row = next(route_rows(frame))
        reason = ineligibility_reason(method, self.profile, self.request.source, self.request.target)
        too_dear = (r for r in row["unknown"] if r.code is ReasonCode.ABOVE_REMOTE_PRICE_CAP)
        return PricedMethod(method, row, reason or next(too_dear, None))

    def best(self, priced: Sequence[PricedMethod]) -> PricedMethod:
        """The one that leaves most of those that the profile names."""
        named = [p for method in self.profile.fulfilment for p in priced if p.method == method]
        return max(named, key=lambda p: p.rank)

    def profit_range(self) -> tuple[float, float] | None:
        """The lowest and the highest profit over the packages that it may have, each by the best method for it.

        NaN where one of them leaves the profit unknown; None where the package is measured.
        """
        if not self.package.uncertain:
            return None
        costs = self._as_requested
        routes = [(self.request.source, self.request.target)]
        low, high = profit_range(evaluate_costs(costs, costs, self.seller, routes=routes), costs.fees.offers)
        return float(low[0, 0]), float(high[0, 0])

    def profit_at_lowest_referral(self, method: FulfilmentMethod) -> float:
        """The profit if the product falls under the cheapest schedule that is possible."""
        costs = self._as_requested
        least = replace(costs, referral=costs.referral_least, merchant_referral=costs.merchant_referral_least)
        return float(self._evaluate(least, method).profit[0, 0])

    def referral_candidates(self) -> tuple[str, ...]:
        """The referral schedules that the product may fall under."""
        request, profile, day = self.request, self.profile, self.day
        sold, at = self._offers({request.target: request.sell}, 1, None), np.array([MARKET_CODES.index(request.target)])
        return possible_schedules(day, *referral_units(sold, at, np.array([request.sell]), profile, day))

    def profits(
        self,
        method: FulfilmentMethod,
        *,
        buy: Floats | None = None,
        sell: Floats | None = None,
        sides: Floats | None = None,
    ) -> Floats:
        """Profit at these prices, or with these sides (rows × 3), the referral fee not rounded to cents."""
        return np.asarray(self._evaluate(self._costs(buy=buy, sell=sell, sides=sides), method).profit[0])

    def returns(self, method: FulfilmentMethod, buy: Floats) -> tuple[Floats, Floats]:
        """Return on investment in percent, and profit, at these buying prices."""
        found = self._evaluate(self._costs(buy=buy), method)
        return found.roi_pct[0], found.profit[0]

    def in_currency_of(self, code: str, amount: float, of: str) -> float:
        """An amount in the currency of one marketplace in that of another; as it is if there is no rate."""
        rate = self.rates.rate(market(of).currency, market(code).currency, self.day.on)
        return amount * (rate.value if rate else 1.0)

    def _evaluate(self, costs: OfferCosts, method: FulfilmentMethod) -> Evaluation:
        routes = [(self.request.source, self.request.target)]
        return evaluate_costs(costs, costs, self.seller, routes=routes, methods=[method])

    def _costs(
        self,
        *,
        buy: Floats | None = None,
        sell: Floats | None = None,
        sides: Floats | None = None,
        whole_cents: bool = False,
    ) -> OfferCosts:
        request = self.request
        count = next((len(v) for v in (buy, sell, sides) if v is not None), 1)
        prices = {
            request.source: request.buy if buy is None else buy,
            request.target: request.sell if sell is None else sell,
        }
        # Both at once: of some rows all time goes into the number of steps.
        return cost_offers(self._offers(prices, count, sides), self.profile, self.day, whole_cents=whole_cents)

    def _offers(self, prices: Mapping[str, Floats | float], count: int, sides: Floats | None) -> pd.DataFrame:
        """Offers of this product at these shop prices by marketplace, as :data:`~arbkit.profit.OFFER_COLUMNS`."""
        request = self.request
        # What is stated for a day is observed on it.
        today = datetime.combine(self.day.on, time(), UTC).timestamp()
        given = {} if sides is None else dict(zip(PACKAGE, np.tile(sides.T, len(prices)), strict=False))
        return pd.DataFrame(
            {
                "asin": np.tile(np.arange(count), len(prices)),
                "market": np.repeat(list(prices), count),
                "price_minor": np.concatenate([np.broadcast_to(price, count) for price in prices.values()]) * 100,
                "price_basis": "as given",
                "shipping_minor": math.nan,
                "category": request.category,
                **self.package.columns(),
                **given,
                "hazmat": float(request.hazmat),
                "keepa_fba_fee_minor": _or_nan(request.keepa_fba_fee) * 100,
                "keepa_fba_fee_at": today if self.package.fee_at is None else self.package.fee_at,
                "keepa_referral_pct": _or_nan(request.keepa_referral_pct),
                "keepa_referral_price": _or_nan(request.keepa_referral_price or request.sell),
                "keepa_closing_fee_minor": _or_nan(request.keepa_closing_fee) * 100,
                "updated_at": math.nan,
            }
        )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
