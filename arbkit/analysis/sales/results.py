"""What came of purchases, as every door answers with it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from arbkit.core.results import Result

VatBasis = Literal["reported", "priced", "both"]


class PurchaseOutcome(Result):
    """A purchase: what was forecast of it against what came. Money in ``currency``; None: not known."""

    asin: str
    title: str | None
    source: str
    target: str
    version: int = Field(description="of its decision")
    bought_on: str
    quantity: int = Field(description="units bought")
    price: float = Field(description="paid for one, VAT included, in price_currency")
    price_currency: str
    sold: int = Field(description="units sold, those that came back included")
    refunded: int = Field(description="units paid back; whether they can be sold again is not known")
    left: int = Field(description="units not sold")
    sold_elsewhere: int = Field(description="of the units sold, those on another marketplace than target")
    currency: str | None = Field(description="the one that its forecast is in")
    payout: float | None = Field(description="paid out for the units sold, after Amazon's fees and refunds")
    fees: float | None = Field(description="Amazon's fees in payout, negative")
    cost: float | None = Field(description="paid for the units sold, VAT included")
    profit: float | None = Field(
        description="of the units sold: payout and cost, after VAT and other costs of the route"
    )
    profit_per_unit: float | None
    vat_basis: VatBasis | None = Field(description="where the VAT in profit is from")
    unknown: str | None = Field(description="why profit is not known")
    days_to_sell: float | None = Field(description="days after which half of the units were sold; null: not yet")
    forecast_profit: float | None = Field(description="of one unit, as priced when it was bought")
    forecast_p10: float | None
    forecast_p50: float | None
    forecast_p90: float | None
    forecast_chance_pct: float | None = Field(description="chance of a profit, as forecast")
    forecast_days: float | None = Field(description="days after which one unit is sold with 50 %, as forecast")
    forecast_on: str | None = Field(description="the day on which it was forecast")
    first_sold_on: str | None
    demo: bool

    @property
    def expected(self) -> float | None:
        """What was expected of a unit: the median forecast, else the profit as priced."""
        return self.forecast_profit if self.forecast_p50 is None else self.forecast_p50

    @property
    def is_foresight(self) -> bool:
        """Whether the forecast was made before any of it was sold: else it is none, and is not scored."""
        return not (self.forecast_on and self.first_sold_on and self.forecast_on > self.first_sold_on)

    @property
    def is_within(self) -> bool | None:
        """Whether a unit brought between P10 and P90; None: not known."""
        if self.profit_per_unit is None or self.forecast_p10 is None or self.forecast_p90 is None:
            return None
        return self.forecast_p10 <= self.profit_per_unit <= self.forecast_p90


class SalesScore(Result):
    """Forecasts against what came, over the purchases in one currency of which both are known.

    Without those that were forecast after the first of their units had been sold.
    """

    currency: str
    purchases: int
    units: int = Field(description="sold")
    expected: float = Field(description="the profit that was expected of these units")
    realised: float = Field(description="the profit that they brought")
    with_range: int = Field(description="purchases whose forecast has P10 and P90")
    within: int = Field(description="of these, those whose unit brought between them; 80 % are expected")
    with_chance: int = Field(description="purchases whose forecast has a chance")
    chance_pct: float | None = Field(description="the mean of these chances")
    profitable: int = Field(description="of these, those with a profit")


class UnmatchedSales(Result):
    """Sales of no purchase: ``units`` that none had left, and lines by SKU whose product is not known."""

    units: int
    lines: int
    unknown_skus: dict[str, int]


class SalesFault(Result):
    """A line of a file that cannot be used; the sale that it belongs to is left out."""

    number: int = Field(description="of the line")
    why: str
    remedy: str


class SettlementMismatch(Result):
    """A settlement whose lines do not come to what its first line says: it is probably cut off."""

    settlement: str
    stated: float
    found: float


class SalesImport(Result):
    """What became of a file of sales; of a preview, what would."""

    preview: bool = Field(description="true: nothing of it is kept")
    read: int = Field(description="lines that can be used")
    new: int
    changed: int = Field(description="take the place of a line that said something else, or have their product now")
    known: int = Field(description="are there already as they are")
    left_out: int = Field(description="lines that cannot be used because of faults")
    no_sales: dict[str, int] = Field(description="lines that are no sale and no refund, which are kept, by what it is")
    unknown_skus: dict[str, int] = Field(description="SKUs whose product is not known, with how many lines they have")
    unmatched_units: int = Field(description="units of these lines that no purchase had left")
    unmatched_lines: int = Field(description="lines that such units, or fees of no purchase's order, are of")
    fault_count: int
    faults: list[SalesFault] = Field(description="the first of them")
    mismatches: list[SettlementMismatch]


class SalesReport(Result):
    """All purchases, the newest first, what they come to, and the sales that fit none."""

    purchases: tuple[PurchaseOutcome, ...]
    scores: tuple[SalesScore, ...]
    unmatched: UnmatchedSales
