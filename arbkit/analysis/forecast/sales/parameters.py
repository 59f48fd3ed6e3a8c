"""The figures that sales are forecast with (``parameters.toml``), each with its source and how it was found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from arbkit.core.files import shipped_table


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SalesCurve(_Part):
    """Units a day by sales rank: exp(intercept − slope · ln rank), and how far products stray from it.

    Better ranks than ``knee_rank`` were not seen well: from there up the line goes on with ``top_slope``.
    ``shape`` is that of the Gamma distribution of a product's rate about the line where its rank is a mean of 90 days,
    ``current_shape`` where only one rank is known: the smaller, the wider.
    """

    intercept: float
    slope: float = Field(gt=0)
    knee_rank: float = Field(ge=1)
    top_slope: float = Field(gt=0)
    shape: float = Field(gt=0)
    current_shape: float = Field(gt=0)
    market: str
    products: int | None = None
    source: str = Field(min_length=1)


class WithoutRank(_Part):
    """Rates of products of any rank: ``mean`` units a day, and the shape of their Gamma distribution."""

    mean: float = Field(gt=0)
    shape: float = Field(gt=0)
    source: str = Field(min_length=1)


class RankDrops(_Part):
    """How rank drops are read.

    ``looks_a_day``: how often a rank is looked at where its history does not say. ``earlier_weight``: what a day before
    the last 30 counts beside one of them.
    """

    looks_a_day: float = Field(gt=0)
    earlier_weight: float = Field(gt=0, le=1)
    source: str = Field(min_length=1)


class Badge(_Part):
    """The steps of "bought in past month", and the log sd between a month's sales and the rate."""

    steps: tuple[int, ...]
    log_sd: float = Field(gt=0)
    source: str = Field(min_length=1)


class Drift(_Part):
    """How far a rate strays: ``log_sd`` of that of the coming weeks about that of the past.

    On another marketplace than the curve's the shape is multiplied by ``other_market_shape``.
    """

    log_sd: float = Field(ge=0)
    other_market_shape: float = Field(gt=0, le=1)
    source: str = Field(min_length=1)


class ShareParameters(_Part):
    """How the sales of a listing divide among its sellers.

    ``seller_shape``: of the Gamma distribution of a seller's weight, a newcomer's included. ``holding_offers``: part of
    the third-party offers that ever hold the buy box, where nobody recorded it. ``unknown_rivals``: where not even
    offers are known. ``alone_rivals``: in the place of rivals on a listing without any. ``beside_amazon``: part of the
    newcomer's share that is left while Amazon offers it. ``amazon_absent``: part of the time that it does not where
    nobody looked, ``amazon_spell_days`` how long it takes to come or go where no history says so, and
    ``amazon_usual_days`` how many days of the usual are added to 90 that were seen.
    """

    seller_shape: float = Field(gt=0)
    holding_offers: float = Field(gt=0, le=1)
    unknown_rivals: float = Field(gt=0)
    alone_rivals: float = Field(gt=0)
    beside_amazon: float = Field(ge=0, le=1)
    amazon_absent: float = Field(gt=0, lt=1)
    amazon_spell_days: float = Field(gt=0)
    amazon_usual_days: float = Field(ge=0)
    source: str = Field(min_length=1)


class SalesParameters(_Part):
    """The file; ``curves`` by arbkit's category id, and ``other`` for all others."""

    fitted_on: date
    command: str = Field(min_length=1)
    curves: Mapping[str, SalesCurve]
    without_rank: WithoutRank
    drops: RankDrops
    badge: Badge
    drift: Drift
    share: ShareParameters


OTHER = "other"
"""The curve of every category without one of its own."""
SALES_PARAMETERS = shipped_table(SalesParameters, "arbkit.analysis.forecast.sales", "parameters.toml")
"""Those that come with arbkit."""
CURVES: tuple[str, ...] = tuple(SALES_PARAMETERS.curves)
"""Their names, in the order that codes of curves count."""
