"""The forecast of a route's profit that users see, with what makes it wide and why what is unknown is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date

from pydantic import Field

from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.price.past import BASIS_WORDS, Basis
from arbkit.analysis.forecast.price.recalibration import Recalibration
from arbkit.analysis.forecast.profit.assumptions import PROFIT_ASSUMPTIONS
from arbkit.analysis.forecast.profit.distribution import ProfitForecasts, RouteOutlook, forecast_profits, width_shares
from arbkit.analysis.forecast.profit.outlook import route_outlook
from arbkit.analysis.forecast.sales.forecast import rounded_days
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Offer
from arbkit.core.results import Result
from arbkit.profit import Profile, Rates, Tables
from arbkit.profit.fees.arrays import Floats

CAUSE_WORDS = {"price": "selling price", "time": "time to sell", "package": "package", "exchange_rate": "exchange rate"}
"""The causes of a profit's uncertainty, in words."""


class WidthShares(Result):
    """What part of a profit's variance each cause makes, in percent."""

    price: float
    time: float
    package: float
    exchange_rate: float


class ProfitForecast(Result):
    """What one unit bought today will leave, as a distribution; amounts in ``currency``, null: unknown.

    A unit that is unsold after ``horizon_days`` is sold off. ``unknown`` says why there is no forecast, ``assumed``
    what it takes for granted.
    """

    currency: str = Field(description="the profile's home currency")
    sell_price: float | None = Field(description="today's, which it begins from, whatever the profile's price basis")
    sell_currency: str
    profit_chance_pct: float | None = Field(description="probability of a profit above zero")
    profit_p1: float | None = Field(description="the worst plausible one: less with a probability of 1 %")
    profit_p10: float | None = Field(description="less with a probability of 10 %")
    profit_p50: float | None = Field(description="less with a probability of 50 %")
    profit_p90: float | None = Field(description="less with a probability of 90 %")
    expected_profit: float | None = Field(description="the mean")
    sold_in_30_days_pct: float | None = Field(description="probability to have sold it within 30 days on the listing")
    days_to_sell_p50: float | None = Field(
        description="sold by then with a probability of 50 %; null also where that takes longer than is forecast"
    )
    capital: float | None = Field(description="paid for the unit, with VAT that comes back later")
    tied_up_days: float | None = Field(description="from paying until the proceeds are paid out, mean")
    expected_profit_per_day: float | None = Field(description="expected_profit by tied_up_days")
    expected_profit_per_day_pct: float | None = Field(description="the same in percent of capital")
    horizon_days: float
    width: WidthShares | None
    version: str = Field(description="of the models and assumptions")
    unknown: str | None
    assumed: list[str]

    @property
    def reasons_of_width(self) -> list[str]:
        """What makes it wide, the greatest first: ``selling price 85 %``; without what makes less than 1 %."""
        shares = {} if self.width is None else {CAUSE_WORDS[name]: value for name, value in self.width}
        return [f"{name} {value:.0f} %" for name, value in sorted(shares.items(), key=lambda x: -x[1]) if value >= 1]


def forecast_routes(
    offers: Sequence[Offer],
    profile: Profile,
    tables: Tables,
    rates: Rates,
    *,
    on: date,
    now: float,
    wanted: Sequence[tuple[str, str, str]] | None = None,
    recalibration: Recalibration | None = None,
) -> dict[tuple[str, str, str], ProfitForecast]:
    """The forecast of routes between these offers, by ASIN, source and target.

    Args:
        offers: all offers of each product.
        profile: the seller.
        tables: fee tables; those of ``on`` and of the days after it.
        rates: exchange rates; those of ``on``.
        on: the day on which it is bought.
        now: Unix seconds.
        wanted: ASIN, source and target of each route; None: every one.
        recalibration: what prices are widened by.
    """
    outlook = route_outlook(offers, profile, tables, rates, on=on, now=now, wanted=wanted)
    model = load_price_model().recalibrated(recalibration)
    found, shares = forecast_profits(outlook, model), width_shares(outlook, model)
    keys = zip(outlook.asin, outlook.source, outlook.target, strict=True)
    figures = rounded_figures(found)
    return {key: _row(found, outlook, figures, shares[row], row, profile) for row, key in enumerate(keys)}


def rounded_figures(found: ProfitForecasts) -> dict[str, list[float | None]]:
    """The figures that users see, by name, an entry each route; None unknown."""
    columns = {
        "profit_chance_pct": (100 * found.chance, 1),
        "profit_p1": (found.p1, 2),
        "profit_p10": (found.p10, 2),
        "profit_p50": (found.p50, 2),
        "profit_p90": (found.p90, 2),
        "expected_profit": (found.expected, 2),
        "expected_profit_per_day_pct": (found.pct_a_day, 3),
        "sold_in_30_days_pct": (100 * found.sold_in_30, 1),
    }
    return {name: [_known(value, digits) for value in values.tolist()] for name, (values, digits) in columns.items()}


def _row(
    found: ProfitForecasts,
    outlook: RouteOutlook,
    figures: Mapping[str, Sequence[float | None]],
    shares: Floats,
    row: int,
    profile: Profile,
) -> ProfitForecast:
    return ProfitForecast(
        currency=profile.currency,
        sell_price=_known(outlook.sell_price[row]),
        sell_currency=MARKETS[outlook.target[row]].currency,
        **{name: values[row] for name, values in figures.items()},
        days_to_sell_p50=rounded_days(float(found.days_to_sell[row])),
        capital=_known(found.capital[row]),
        tied_up_days=_known(found.tied_up_days[row], 0),
        expected_profit_per_day=_known(found.profit_a_day[row], 3),
        horizon_days=found.horizon_days,
        width=None if math.isnan(shares[0]) else _shares(shares),
        version=found.version,
        unknown=found.unknown[row] or None,
        assumed=[] if found.unknown[row] else _assumed(outlook, row, profile),
    )


def _shares(shares: Floats) -> WidthShares:
    price, time, package, exchange_rate = (round(100 * float(share), 1) for share in shares)
    return WidthShares(price=price, time=time, package=package, exchange_rate=exchange_rate)


def _assumed(outlook: RouteOutlook, row: int, profile: Profile) -> list[str]:
    timing, unsold = PROFIT_ASSUMPTIONS.timing, PROFIT_ASSUMPTIONS.unsold
    below = f"{unsold.sold_off_below_pct:.0f} % below the market price"
    whose = "arbkit's default" if profile.lead_days is None else "yours"
    said = [
        f"on sale {outlook.lead_days:g} days after buying ({whose}), "
        f"paid out {timing.payout_days:g} days after the sale",
        f"unsold after {unsold.horizon_days:.0f} days: sold off {below}",
    ]
    if outlook.past.basis[row] == Basis.TYPICAL:
        said.append(f"price: {BASIS_WORDS[Basis.TYPICAL]}")
    return said


def _known(value: float, digits: int = 2) -> float | None:
    return None if math.isnan(value) else round(float(value), digits) + 0.0
