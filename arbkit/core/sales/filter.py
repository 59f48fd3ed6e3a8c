"""Which sales: the filter of the commands and of the API."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from arbkit.core.errors import UsageError
from arbkit.core.input.filters import Asin, Filter
from arbkit.core.input.validation import Day
from arbkit.core.marketplaces import MarketCode
from arbkit.core.sales.line import SaleKind, SaleLine


class SalesFilter(Filter):
    """Which lines of sales; a field that is None asks for any."""

    asin: Asin | None = Field(None, description="only of this product")
    market: MarketCode | None = Field(None, description="only on this marketplace")
    sku: str | None = Field(None, description="only of this SKU")
    order: str | None = Field(None, description="only of the order with this number")
    kind: SaleKind | None = Field(None, description="only sale, refund, or other: money that belongs to no sale")
    start: Day | None = Field(None, alias="from", description="only from this day on, as 2026-11-02")
    to: Day | None = Field(None, description="only until this day, it included")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start is not None and self.to is not None and self.start > self.to:
            given = UsageError("is after to", field="from", value=self.start, remedy="Give the earlier day as from")
            raise ValueError("from is after to") from given
        return self

    @property
    def asins(self) -> list[str] | None:
        """As a store is asked for products."""
        return None if self.asin is None else [self.asin]

    def holds(self, line: SaleLine) -> bool:
        """Whether a line is one of those that are asked for."""
        exact = {"asin": line.asin, "market": line.market, "sku": line.sku, "order": line.order, "kind": line.kind}
        if any(getattr(self, name) not in (None, there) for name, there in exact.items()):
            return False
        return (self.start is None or self.start.isoformat() <= line.day) and (
            self.to is None or line.day <= self.to.isoformat()
        )
