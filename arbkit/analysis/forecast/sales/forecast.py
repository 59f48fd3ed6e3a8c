"""What selling a few units on a listing will take: the forecast that users see, with why what is unknown is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from arbkit.analysis.forecast.sales.evidence import evidence_of
from arbkit.analysis.forecast.sales.parameters import SALES_PARAMETERS
from arbkit.analysis.forecast.sales.rate import SalesEvidence, SalesRate, estimate_rate, rate_quantile
from arbkit.analysis.forecast.sales.share import ShareEvidence, newcomer_share
from arbkit.analysis.forecast.sales.timing import LONGEST_DAYS, coming_shape, days_to_sell, sold_probability
from arbkit.core.models import Offer
from arbkit.core.results import Result

MOST_UNITS = 1_000
"""More units than this are not forecast."""
HORIZONS = (30, 60, 90)
_MONTH = 30.0
_CHUNK = 4_096
"""Offers at a time, so that memory does not grow with their number but for the results."""
NOTHING_SEEN = "no sales rank, rank drops or badge that is new enough"
TOO_LONG = f"less probable than this within {LONGEST_DAYS:.0f} days"


class SalesForecast(Result):
    """How fast one more seller at the going price sells ``units`` units on one marketplace.

    The range of units a month holds with 80 %. ``unknown`` says why a figure is null, by its name; ``assumed`` what
    the forecast takes for granted because no data says it.
    """

    units: int
    listing_units_per_month: float | None = Field(description="of all sellers together, expected")
    listing_units_per_month_low: float | None = Field(description="the coming rate is less with a probability of 10 %")
    listing_units_per_month_high: float | None = Field(description="the coming rate is more with a probability of 10 %")
    share_pct: float | None = Field(description="one more seller's part of them over 30 days, expected")
    days_to_sell_p50: float | None = Field(description="sold by then with a probability of 50 %")
    days_to_sell_p90: float | None = Field(description="sold by then with a probability of 90 %")
    sold_in_30_days_pct: float | None = Field(description="probability to have sold all units")
    sold_in_60_days_pct: float | None
    sold_in_90_days_pct: float | None
    unknown: dict[str, str]
    assumed: list[str]


def forecast_sales(offers: Sequence[Offer], *, now: float, units: int = 1) -> list[SalesForecast]:
    """The forecast for each offer as of ``now`` (Unix s).

    Raises:
        ValueError: ``units`` is not from 1 to :data:`MOST_UNITS`.
    """
    if not 1 <= units <= MOST_UNITS:
        raise ValueError(f"units must be from 1 to {MOST_UNITS}, got {units}")
    chunks = (offers[start : start + _CHUNK] for start in range(0, len(offers), _CHUNK))
    return [one for chunk in chunks for one in _forecast(chunk, now, units)]


def _forecast(offers: Sequence[Offer], now: float, units: int) -> list[SalesForecast]:
    sales, share = evidence_of(offers, now=now)
    rate = estimate_rate(sales)
    coming = SalesRate(rate.mean, coming_shape(rate))
    columns = {
        "listing_units_per_month": rate.mean * _MONTH,
        "listing_units_per_month_low": rate_quantile(coming, 0.1) * _MONTH,
        "listing_units_per_month_high": rate_quantile(coming, 0.9) * _MONTH,
        "share_pct": np.where(np.isnan(rate.mean), np.nan, 100 * newcomer_share(share, _MONTH).mean),
        "days_to_sell_p50": days_to_sell(rate, share, units, 0.5),
        "days_to_sell_p90": days_to_sell(rate, share, units, 0.9),
        **{f"sold_in_{days}_days_pct": 100 * sold_probability(rate, share, units, days) for days in HORIZONS},
    }
    return [
        _row({name: float(values[row]) for name, values in columns.items()}, units, _assumed(sales, share, row))
        for row in range(len(offers))
    ]


def _row(figures: Mapping[str, float], units: int, assumed: list[str]) -> SalesForecast:
    known = {name: _rounded(value) if math.isfinite(value) else None for name, value in figures.items()}
    unknown = {
        name: NOTHING_SEEN if math.isnan(value) else TOO_LONG
        for name, value in figures.items()
        if not math.isfinite(value)
    }
    return SalesForecast(
        units=units, **known, unknown=unknown, assumed=[] if math.isnan(figures["share_pct"]) else assumed
    )


def rounded_days(days: float) -> float | None:
    """A time to sell as users see it; None where it is unknown, or beyond what can be said."""
    return _rounded(days) if math.isfinite(days) else None


def _rounded(value: float) -> float:
    """To three digits: a forecast has no more."""
    return float(f"{value:.3g}")


def _assumed(sales: SalesEvidence, share: ShareEvidence, row: int) -> list[str]:
    """What no data says about one offer."""
    said = []
    if np.isnan(sales.rank[row]):
        said.append("no sales rank: any product's sales, as far as drops or a badge say no more")
    elif np.isnan(sales.drops[row]) and np.isnan(sales.badge[row]):
        said.append("no rank drops and no badge: the sales of products of that rank")
    if sales.other_market[row]:
        said.append("sales by rank are known of another marketplace only")
    if np.isnan(share.holders[row]):
        shared = "as many sellers as usual" if np.isnan(share.offers[row]) else "most of the offers"
        said.append(f"nobody recorded who held the buy box: {shared} share the sales")
    if np.isnan(share.amazon_in[row]):
        absent = round(100 * SALES_PARAMETERS.share.amazon_absent)
        said.append(f"nobody looked whether Amazon sells it: it does not on {absent} % of the days")
    return said
