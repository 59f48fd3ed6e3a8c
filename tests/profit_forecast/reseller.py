"""A reseller in a simulated market: what he could buy on one evening, and what came of each unit.

His policy: he buys one unit in Italy, which is on sale in Germany by Amazon's fulfilment 14 days later. There it goes
at the market price of the first day on which a newcomer sells a unit (that of the last day with an offer where he is
the only seller), without a floor. What is unsold 90 days after it was bought he sells off at 15 % below the market
price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.profit.distribution import ProfitForecasts, forecast_profits
from arbkit.analysis.forecast.profit.outlook import route_outlook
from arbkit.analysis.offers import prepare_offers
from arbkit.core.models import Offer
from arbkit.profit import Profile, evaluate, load_rates, load_tables
from arbkit.profit.fees.arrays import Floats, Ints, Mask, Objects
from arbkit.profit.offer_facts import numbers
from tests.sales_forecast.adapter import offers_of
from tests.simulated_market.market import FUTURE_DAYS, PAST_DAYS, SimulatedProduct

ON = datetime(2026, 6, 15, tzinfo=UTC).date()
"""The evening on which he buys: the day has fee tables, no peak season within 90 days, and 90 days of prices before it
that include shipping."""
NOW = datetime(2026, 6, 15, 20, tzinfo=UTC).timestamp()
PROFILE = Profile(name="simulated reseller", fulfilment=("fba-local",), inbound_per_unit=0.4)
LEAD_DAYS = 14
SOLD_OFF = 0.85
_CATEGORY = "Küche, Haushalt & Wohnen"
_USUAL_BUY, _BUY_LOG_SD = 0.55, 0.2
_SIDES_MM, _SIDE_LOG_SD = (220.0, 140.0, 70.0), 0.3
_BASE_DAYS = 90


@dataclass(frozen=True, slots=True)
class Bought:
    """What he could buy: n routes with their forecasts, what they would leave at today's price, and what came of them.

    ``sold_days`` are days from buying to the sale, 90 where it was sold off.
    """

    forecasts: ProfitForecasts
    spot_profit: Floats
    realised: Floats
    sold_days: Ints | Floats

    @property
    def tied_up(self) -> Floats:
        """Days until each unit's money came back."""
        return np.asarray(self.sold_days + 14.0)

    def known(self) -> Mask:
        """The routes with a price today and a forecast."""
        return np.asarray(~np.isnan(self.spot_profit) & ~np.isnan(self.forecasts.expected) & ~np.isnan(self.realised))


def buy(market: Sequence[SimulatedProduct], seed: int) -> Bought:
    """Every route of a market from Italy to Germany; the seed draws buying prices and packages."""
    offers = offers_on_sale(market, seed)
    wanted = [(one.asin, "IT", "DE") for one in offers if one.market == "DE"]
    outlook = route_outlook(offers, PROFILE, load_tables(), load_rates(), on=ON, now=NOW, wanted=wanted)
    found = forecast_profits(outlook, load_price_model())
    row = {product: number for number, product in enumerate(f"B{one.observed.number:09d}" for one in market)}
    order = np.array([row[asin] for asin in found.asin])
    prices, days = _sales(market)
    frame = prepare_offers(offers, now=NOW)
    spot = profits_at(frame, found.asin, np.full(len(order), np.nan), np.zeros(len(order), np.int64))
    stored = np.maximum(0, days - LEAD_DAYS)
    realised = profits_at(frame, found.asin, prices[order], stored[order])
    return Bought(found, spot, realised, days[order])


def _sales(market: Sequence[SimulatedProduct]) -> tuple[Floats, Ints]:
    """The price (minor units) at which each product's unit went, and the day."""
    prices, days = np.empty(len(market)), np.empty(len(market), np.int64)
    for number, product in enumerate(market):
        price = product.truth.price.astype(float)
        price = pd.Series(np.where(price > 0, price, np.nan)).ffill().to_numpy()[PAST_DAYS:]
        sold = np.flatnonzero(product.truth.newcomer_units[PAST_DAYS + LEAD_DAYS :])
        if len(sold):
            days[number] = sold[0] + LEAD_DAYS
            prices[number] = price[days[number]]
        else:
            days[number], prices[number] = FUTURE_DAYS, SOLD_OFF * price[-1]
    return prices, days


def profits_at(offers: pd.DataFrame, asins: Objects, prices: Floats, stored: Ints) -> Floats:
    """The profit of each product at its own price (minor units; NaN: today's) after its own days in storage."""
    found = np.full(len(asins), np.nan)
    target = offers["market"].to_numpy() == "DE"
    at = dict(zip(asins, prices, strict=True))
    named = offers["asin"].map(at).to_numpy(float)
    today = numbers(offers, "price_minor")
    sold = offers.assign(
        price_minor=np.where(target & ~np.isnan(named), named, today), keepa_referral_price=today / 100
    )
    position = {asin: row for row, asin in enumerate(asins)}
    for days in np.unique(stored):
        chosen = {asins[row] for row in np.flatnonzero(stored == days)}
        rows = offers["asin"].isin(chosen).to_numpy()
        seller = PROFILE.model_copy(update={"expected_days": float(days)})
        priced = evaluate(
            offers[rows], seller, load_tables(), load_rates(), on=ON, selling=sold[rows], routes=[("IT", "DE")]
        )
        for asin, profit in zip(priced.selling.asins, priced.profit[0], strict=True):
            found[position[asin]] = profit
    return found


def offers_on_sale(market: Sequence[SimulatedProduct], seed: int) -> list[Offer]:
    """Offers in Germany as they were seen last, moved to the evening; and in Italy, cheaper than usual in Germany."""
    rng = np.random.default_rng([seed, 2])
    at, made = int(NOW), []
    for offer, product in zip(offers_of(market), market, strict=True):
        sides = np.sort(np.array(_SIDES_MM) * np.exp(rng.normal(0, _SIDE_LOG_SD, 3)))[::-1].round()
        known = product.observed.price[-_BASE_DAYS:]
        usual = float(np.median(known[known > 0])) if (known > 0).any() else np.nan
        cost = usual * _USUAL_BUY * np.exp(rng.normal(0, _BUY_LOG_SD))
        here = replace(
            offer, category=_CATEGORY, fetched_at=NOW, updated_at=at, new_at=at, price_at=at,
            amazon_at=at, sales_rank_at=at, offers_new_at=at, length_mm=int(sides[0]), width_mm=int(sides[1]),
            height_mm=int(sides[2]), weight_g=int(sides.prod() / 1_000 * 0.3),
        )  # fmt: skip
        cost_minor = None if np.isnan(cost) else int(cost)
        made += [here, replace(here, market="IT", price_minor=cost_minor, new_minor=cost_minor, amazon_minor=None)]
    return made
