"""One route at many prices or sizes: what a question is answered from."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from arbkit.core.marketplaces import MARKETS, market
from arbkit.profit.evaluation import Evaluation, evaluate_costs
from arbkit.profit.exchange_rates import Rates
from arbkit.profit.fees.referral import Categories, possible_schedules
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.offer_costs import OfferCosts, categories_of, cost_offers
from arbkit.profit.offer_facts import numbers
from arbkit.profit.quote.request import QuoteRequest, parse_size
from arbkit.profit.reason_codes import Words
from arbkit.profit.seller_profile import FulfilmentMethod, Profile
from arbkit.profit.trade_costs import SellerCosts

__all__ = ["QuotePricer"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class QuotePricer:
    """A question with the profile, tables and rates that it is answered with."""

    question: QuoteRequest
    profile: Profile
    day: EffectiveTables
    rates: Rates

    @cached_property
    def seller(self) -> SellerCosts:
        return SellerCosts(self.profile, self.day, self.rates)

    @cached_property
    def _as_asked(self) -> tuple[OfferCosts, OfferCosts]:
        """Both offers at the prices asked about, the referral fee in whole cents as Amazon charges it."""
        return self._resolved(whole_cents=True)

    @property
    def sides(self) -> tuple[float, float, float]:
        """The package's sides in millimetres, NaN unknown."""
        return parse_size(self.question.size_mm) if self.question.size_mm else (math.nan,) * 3

    def row(self, way: FulfilmentMethod) -> dict[str, Any]:
        """The route by one way, open or not, as a row of :meth:`Evaluation.frame`."""
        frame = self._evaluate(*self._as_asked, way).frame()
        return {str(k): v for k, v in frame.iloc[0].to_dict().items()}

    def cheapest_referral(self, way: FulfilmentMethod) -> float:
        """The profit if the product falls under the cheapest schedule that is possible."""
        buying, selling = self._as_asked
        selling = replace(selling, referral=selling.referral_least)
        return float(self._evaluate(buying, selling, way).profit[0, 0])

    def candidates(self) -> tuple[str, ...]:
        """The referral schedules that the product may fall under."""
        offers = self._offers(self.question.target, np.array([self.question.sell]))
        places = np.array([list(MARKETS).index(self.question.target)])
        categories: Categories = categories_of(offers, self.profile, self.day)
        return possible_schedules(
            self.day, price=np.array([self.question.sell]), market=places, categories=categories,
            keepa_pct=numbers(offers, "keepa_referral_pct"), keepa_price=numbers(offers, "keepa_referral_price"),
        )  # fmt: skip

    def profits(
        self,
        way: FulfilmentMethod,
        *,
        buy: Floats | None = None,
        sell: Floats | None = None,
        sides: Floats | None = None,
    ) -> Floats:
        """Profit at these prices, or with these sides (rows × 3), the referral fee not rounded to cents."""
        return np.asarray(self._evaluated(way, buy=buy, sell=sell, sides=sides).profit[0])

    def returns(self, way: FulfilmentMethod, buy: Floats) -> tuple[Floats, Floats]:
        """Return on investment in percent, and profit, at these buying prices."""
        found = self._evaluated(way, buy=buy)
        return found.roi_pct[0], found.profit[0]

    def in_currency_of(self, code: str, amount: float, of: str) -> float:
        """An amount in the currency of one marketplace in that of another; as it is if there is no rate."""
        rate = self.rates.rate(market(of).currency, market(code).currency, self.day.on)
        return amount * (rate.value if rate else 1.0)

    def _evaluated(
        self,
        way: FulfilmentMethod,
        *,
        buy: Floats | None = None,
        sell: Floats | None = None,
        sides: Floats | None = None,
    ) -> Evaluation:
        return self._evaluate(*self._resolved(buy=buy, sell=sell, sides=sides), way)

    def _evaluate(self, buying: OfferCosts, selling: OfferCosts, way: FulfilmentMethod) -> Evaluation:
        routes = [(self.question.source, self.question.target)]
        return evaluate_costs(buying, selling, self.seller, routes=routes, methods=[way])

    def _resolved(
        self,
        *,
        buy: Floats | None = None,
        sell: Floats | None = None,
        sides: Floats | None = None,
        whole_cents: bool = False,
    ) -> tuple[OfferCosts, OfferCosts]:
        asked, words = self.question, Words()
        count = next((len(v) for v in (buy, sell, sides) if v is not None), 1)
        bought = self._offers(asked.source, np.full(count, asked.buy) if buy is None else buy, sides)
        sold = self._offers(asked.target, np.full(count, asked.sell) if sell is None else sell, sides)
        return (
            cost_offers(bought, self.profile, self.day, words=words, whole_cents=whole_cents),
            cost_offers(sold, self.profile, self.day, words=words, whole_cents=whole_cents),
        )

    def _offers(self, code: str, prices: Floats, sides: Floats | None = None) -> pd.DataFrame:
        """Offers of this product at these shop prices, as :data:`~arbkit.profit.OFFER_COLUMNS`."""
        asked = self.question
        length, width, height = self.sides if sides is None else sides.T
        return pd.DataFrame(
            {
                "asin": np.arange(len(prices)),
                "market": code,
                "price_minor": prices * 100,
                "price_basis": "as given",
                "shipping_minor": math.nan,
                "category": asked.category,
                "length_mm": length,
                "width_mm": width,
                "height_mm": height,
                "weight_g": _or_nan(asked.weight_g),
                "hazmat": float(asked.hazmat),
                "keepa_fba_fee_minor": _or_nan(asked.keepa_fba_fee) * 100,
                "keepa_referral_pct": _or_nan(asked.keepa_referral_pct),
                "keepa_referral_price": _or_nan(asked.keepa_referral_price or asked.sell),
                "keepa_closing_fee_minor": _or_nan(asked.keepa_closing_fee) * 100,
                "updated_at": math.nan,
            }
        )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
