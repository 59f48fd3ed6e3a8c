"""One route at many prices or sizes: what a request is answered from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from arbkit.core.marketplaces import MARKETS, market
from arbkit.profit.evaluation import Evaluation, evaluate_costs
from arbkit.profit.exchange_rates import Rates
from arbkit.profit.fees.offer_fees import categories_of
from arbkit.profit.fees.referral import ReferralUnits, possible_schedules
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.offer_costs import OfferCosts, cost_offers
from arbkit.profit.offer_facts import numbers
from arbkit.profit.quote.request import QuoteRequest, parse_size
from arbkit.profit.reason_codes import Reason, ReasonCode, join_messages
from arbkit.profit.route_frame import RouteRow, route_rows
from arbkit.profit.seller_profile import FulfilmentMethod, Profile, ineligibility_reason
from arbkit.profit.trade_costs import SellerCosts

Floats = npt.NDArray[np.float64]


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
    storage: bool = True
    """False: storage costs nothing"""

    @cached_property
    def seller(self) -> SellerCosts:
        """The seller's costs on the day of the request."""
        return SellerCosts(self.profile, self.day, self.rates, storage=self.storage)

    @cached_property
    def _as_requested(self) -> tuple[OfferCosts, OfferCosts]:
        """Both offers at the request's prices, the referral fee in whole cents as Amazon charges it."""
        return self._costs(whole_cents=True)

    @property
    def sides(self) -> tuple[float, float, float]:
        """The package's sides in millimetres, NaN unknown."""
        return parse_size(self.request.size_mm) if self.request.size_mm else (math.nan,) * 3

    def priced(self, method: FulfilmentMethod) -> PricedMethod:
        """The route by one method, eligible or not."""
        frame = self._evaluate(*self._as_requested, method).frame()
        row = next(route_rows(frame))
        reason = ineligibility_reason(method, self.profile, self.request.source, self.request.target)
        too_dear = (r for r in row["unknown"] if r.code is ReasonCode.ABOVE_REMOTE_PRICE_CAP)
        return PricedMethod(method, row, reason or next(too_dear, None))

    def best(self, priced: Sequence[PricedMethod]) -> PricedMethod:
        """The one that leaves most of those that the profile names."""
        named = [p for method in self.profile.fulfilment for p in priced if p.method == method]
        return max(named, key=lambda p: p.rank)

    def profit_at_lowest_referral(self, method: FulfilmentMethod) -> float:
        """The profit if the product falls under the cheapest schedule that is possible."""
        buying, selling = self._as_requested
        selling = replace(selling, referral=selling.referral_least, merchant_referral=selling.merchant_referral_least)
        return float(self._evaluate(buying, selling, method).profit[0, 0])

    def referral_candidates(self) -> tuple[str, ...]:
        """The referral schedules that the product may fall under."""
        offers = self._offers(self.request.target, np.array([self.request.sell]))
        return possible_schedules(self.day, ReferralUnits(
            price=np.array([self.request.sell]), market=np.array([list(MARKETS).index(self.request.target)]),
            categories=categories_of(offers, self.profile, self.day), unit_kg=numbers(offers, "weight_g") / 1000,
            keepa_pct=numbers(offers, "keepa_referral_pct"), keepa_price=numbers(offers, "keepa_referral_price"),
        ))  # fmt: skip

    def profits(
        self,
        method: FulfilmentMethod,
        *,
        buy: Floats | None = None,
        sell: Floats | None = None,
        sides: Floats | None = None,
    ) -> Floats:
        """Profit at these prices, or with these sides (rows × 3), the referral fee not rounded to cents."""
        return np.asarray(self._evaluate(*self._costs(buy=buy, sell=sell, sides=sides), method).profit[0])

    def returns(self, method: FulfilmentMethod, buy: Floats) -> tuple[Floats, Floats]:
        """Return on investment in percent, and profit, at these buying prices."""
        found = self._evaluate(*self._costs(buy=buy), method)
        return found.roi_pct[0], found.profit[0]

    def in_currency_of(self, code: str, amount: float, of: str) -> float:
        """An amount in the currency of one marketplace in that of another; as it is if there is no rate."""
        rate = self.rates.rate(market(of).currency, market(code).currency, self.day.on)
        return amount * (rate.value if rate else 1.0)

    def _evaluate(self, buying: OfferCosts, selling: OfferCosts, method: FulfilmentMethod) -> Evaluation:
        routes = [(self.request.source, self.request.target)]
        return evaluate_costs(buying, selling, self.seller, routes=routes, methods=[method])

    def _costs(
        self,
        *,
        buy: Floats | None = None,
        sell: Floats | None = None,
        sides: Floats | None = None,
        whole_cents: bool = False,
    ) -> tuple[OfferCosts, OfferCosts]:
        request = self.request
        count = next((len(v) for v in (buy, sell, sides) if v is not None), 1)
        bought = self._offers(request.source, np.full(count, request.buy) if buy is None else buy, sides)
        sold = self._offers(request.target, np.full(count, request.sell) if sell is None else sell, sides)
        return (
            cost_offers(bought, self.profile, self.day, whole_cents=whole_cents),
            cost_offers(sold, self.profile, self.day, whole_cents=whole_cents),
        )

    def _offers(self, code: str, prices: Floats, sides: Floats | None = None) -> pd.DataFrame:
        """Offers of this product at these shop prices, as :data:`~arbkit.profit.OFFER_COLUMNS`."""
        request = self.request
        length, width, height = self.sides if sides is None else sides.T
        return pd.DataFrame(
            {
                "asin": np.arange(len(prices)),
                "market": code,
                "price_minor": prices * 100,
                "price_basis": "as given",
                "shipping_minor": math.nan,
                "category": request.category,
                "length_mm": length,
                "width_mm": width,
                "height_mm": height,
                "weight_g": _or_nan(request.weight_g),
                "hazmat": float(request.hazmat),
                "keepa_fba_fee_minor": _or_nan(request.keepa_fba_fee) * 100,
                # What is stated for a day is observed on it.
                "keepa_fba_fee_at": datetime.combine(self.day.on, time(), UTC).timestamp(),
                "keepa_referral_pct": _or_nan(request.keepa_referral_pct),
                "keepa_referral_price": _or_nan(request.keepa_referral_price or request.sell),
                "keepa_closing_fee_minor": _or_nan(request.keepa_closing_fee) * 100,
                "updated_at": math.nan,
            }
        )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
