"""What a plan of purchases is asked for, and the file of what it takes for granted (``defaults.toml``)."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from arbkit.core.files import shipped_table
from arbkit.core.input.validation import Request
from arbkit.core.marketplaces import MarketCode


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Costs(_Part):
    """Costs beside those of single units."""

    order_cost: float = Field(ge=0)
    box_cost: float = Field(ge=0)
    box_kg: float = Field(gt=0)
    unknown_weight_kg: float = Field(gt=0)
    source: str = Field(min_length=1)


class Shocks(_Part):
    """How results of different units hang together: shares of the variance that are common."""

    market_share: float = Field(ge=0, le=0.5)
    category_share: float = Field(ge=0, le=0.5)
    seed: int
    source: str = Field(min_length=1)


class Limits(_Part):
    """Limits of units, and in percent of the budget."""

    most_units: int = Field(ge=1)
    product_pct: float
    brand_pct: float
    market_pct: float
    hazmat_pct: float
    risk_pct: float
    source: str = Field(min_length=1)


class Defaults(_Part):
    """The file."""

    assumed_on: date
    costs: Costs
    shocks: Shocks
    limits: Limits


DEFAULTS = shipped_table(Defaults, "arbkit.analysis.portfolio", "defaults.toml")
"""Those that come with arbkit."""
MOST_UNITS = 20
"""More units of one product than this are not planned."""
_LIMITS, _COSTS = DEFAULTS.limits, DEFAULTS.costs


class PortfolioParameters(Request):
    """What to spend, and within which limits. Amounts in the profile's home currency, VAT included."""

    budget: float = Field(2_000, ge=0, le=1e7, description="money to spend, in the home currency")
    markets: tuple[MarketCode, ...] = Field((), description="marketplace to buy on (default: all)")
    most_units: int = Field(
        _LIMITS.most_units, ge=1, le=MOST_UNITS, description="most units of one product sold on one marketplace"
    )
    product_pct: float = Field(_LIMITS.product_pct, ge=0, le=100, description="percent of the budget for one product")
    brand_pct: float = Field(_LIMITS.brand_pct, ge=0, le=100, description="percent of the budget for one brand")
    market_pct: float = Field(
        _LIMITS.market_pct, ge=0, le=100, description="percent of the budget to spend on one marketplace"
    )
    hazmat_pct: float = Field(_LIMITS.hazmat_pct, ge=0, le=100, description="percent of the budget for dangerous goods")
    risk_pct: float = Field(
        _LIMITS.risk_pct, ge=0, le=100,
        description="percent of the budget that the worst tenth of outcomes may lose on average (CVaR 10 %)",
    )  # fmt: skip
    min_order: float = Field(0, ge=0, description="minimum to spend on a marketplace, if anything is bought there")
    order_cost: float = Field(_COSTS.order_cost, ge=0, description="fixed cost of buying on one more marketplace")
    box_cost: float = Field(_COSTS.box_cost, ge=0, description="fixed cost of a box to Amazon")
    box_kg: float = Field(_COSTS.box_kg, gt=0, description="what a box holds, in kg")
    gap_pct: float = Field(0.5, ge=0, le=10, description="how far from the optimum the plan may be, in percent")
    seconds: float = Field(10, gt=0, le=600, description="time limit of the search, in seconds")
