"""A sale or refund as a person writes it down: checked before it is kept."""

from __future__ import annotations

import re
from datetime import date as Date  # noqa: N812 - the field has the word
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from arbkit.core.errors import UsageError
from arbkit.core.input.filters import Asin
from arbkit.core.input.validation import Day, Request
from arbkit.core.marketplaces import MarketCode, market
from arbkit.core.sales.line import SaleKind, SaleLine

_MOST = 10_000_000
_LONGEST_NAME = 200
_CURRENCY = re.compile("[A-Z]{3}")


def _is_past(day: Date) -> Date:
    if day.year < 2000:
        raise ValueError("is too long ago")
    return day


def _plain(text: str) -> str:
    text = text.strip()
    if not text:
        raise ValueError("is empty")
    if not text.isprintable():
        raise ValueError("is no plain text: it holds control characters")
    return text


def _currency(text: str) -> str:
    if not _CURRENCY.fullmatch(text):
        raise ValueError("is no currency") from UsageError("is no currency", remedy="Write it as EUR or GBP")
    return text


Name = Annotated[str, Field(max_length=_LONGEST_NAME), AfterValidator(_plain)]
"""A field that takes what people call something, in one line."""
Currency = Annotated[str, AfterValidator(_currency), Field(json_schema_extra={"pattern": f"^{_CURRENCY.pattern}$"})]
"""A field that takes the three letters of a currency."""


class SaleEntry(Request):
    """What was sold, or paid back. A refund is written as its sale is: what the buyer, and you of fees, got back."""

    date: Annotated[Day, AfterValidator(_is_past)] = Field(description="the day, as 2026-11-02")
    kind: SaleKind = Field("sale", description="sale, refund, or other: money that belongs to no sale")
    asin: Asin | None = Field(None, description="the product")
    sku: Name | None = Field(None, description="your own name of it")
    marketplace: MarketCode | None = Field(None, description="where it was sold")
    order: Name | None = Field(None, description="number of the order")
    units: int = Field(1, ge=0, le=1_000_000, description="how many units")
    currency: Currency | None = Field(None, description="of the amounts; default: that of the marketplace")
    principal: float = Field(
        ge=0, le=_MOST, description="paid by the buyer for all units; VAT included unless vat says it apart"
    )
    vat: float | None = Field(
        None, ge=0, le=_MOST, description="the VAT, where principal is without it; default: principal includes it"
    )
    referral_fee: float = Field(0, ge=-_MOST, le=_MOST, description="what Amazon charged for selling")
    fulfilment_fee: float = Field(0, ge=-_MOST, le=_MOST, description="what was charged for picking and sending")
    other_fees: float = Field(0, ge=-_MOST, le=_MOST, description="all other fees")
    other: float = Field(0, ge=-_MOST, le=_MOST, description="what else you got: shipping, less promotions")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        """What belongs together."""
        if self.currency is None and self.marketplace is None:
            why = "of no marketplace and no currency"
            raise ValueError(why) from UsageError(why, field="currency", remedy="Give marketplace or currency")
        if self.asin is None and self.sku is None and self.kind != "other":
            why = "names no product"
            raise ValueError(why) from UsageError(why, field="asin", remedy="Give asin, or sku and which product it is")
        return self

    def line(self, line_id: str, *, source: str, added_at: float) -> SaleLine:
        """The line that it is kept as, with Amazon's signs."""
        sign = -1.0 if self.kind == "refund" else 1.0
        given = {"Referral fee": self.referral_fee, "Fulfilment fee": self.fulfilment_fee, "Other": self.other_fees}
        return SaleLine(
            id=line_id,
            kind=self.kind,
            day=self.date.isoformat(),
            currency=self.currency or market(str(self.marketplace)).currency,
            source=source,
            added_at=added_at,
            sku=self.sku,
            asin=self.asin,
            market=self.marketplace,
            order=self.order,
            units=self.units,
            principal=round(sign * self.principal, 2) + 0.0,
            vat=None if self.vat is None else round(sign * self.vat, 2) + 0.0,
            fees={name: round(-sign * amount, 2) for name, amount in given.items() if amount},
            other={"Other": round(sign * self.other, 2)} if self.other else {},
            what="entered" if self.kind == "other" else "",
        )
