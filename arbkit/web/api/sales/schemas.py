"""What the endpoints for realised sales take and answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from arbkit.core.errors import UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.core.input.filters import Asin
from arbkit.core.input.validation import Request
from arbkit.core.results import JsonObject, Result
from arbkit.core.sales.entry import Name, SaleEntry
from arbkit.core.sales.filter import SalesFilter
from arbkit.core.sales.line import SaleKind, SaleLine

_MOST_SKUS = 1_000


def _sku(text: str) -> str:
    sku, _, asin = text.rpartition(":")
    if not sku.strip():
        why = "says of no SKU which product it is"
        raise ValueError(why) from UsageError(why, remedy="Write it as SKU:ASIN")
    try:
        return f"{sku.strip()}:{parse_asin(asin)}"
    except UsageError as error:
        raise ValueError(error.why) from error


class SaleRequest(SaleEntry):
    """What was sold, or paid back, in one line; a refund is written as its sale is."""

    # Words that are numbers come from command lines; in JSON they are a mistake.
    model_config = ConfigDict(strict=True)


class SalesRequest(SalesFilter):
    """Query of ``GET /sales``."""

    page: int | None = Field(None, ge=1, le=1_000_000, description="number of the page, from 1; or give a cursor")
    page_size: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, description="from `next`")


class SalesScoreRequest(Request):
    """Query of ``GET /sales/score``."""

    asin: Asin | None = Field(None, description="only the purchases of this product")


class SalesImportRequest(Request):
    """Query of ``POST /sales/import``."""

    preview: bool = Field(False, description="say what would become of the file, and keep nothing of it")
    name: Name = Field("upload", description="of the file: lines of a file of your own say that they are from it")
    sku: list[Annotated[str, AfterValidator(_sku)]] = Field(
        default_factory=list,
        max_length=_MOST_SKUS,
        description="which product a SKU is, as SKU:ASIN; it is remembered; repeatable",
    )

    @property
    def skus(self) -> dict[str, str]:
        """The product of each SKU that is named."""
        return {sku: asin for sku, _, asin in (one.rpartition(":") for one in self.sku)}


class SaleOut(Result):
    """A sale, a refund, or another movement of money; what the seller gets is positive, and fees are negative.

    All of a refund is the other way round.
    """

    id: str
    kind: SaleKind
    day: str = Field(description="in UTC, as 2026-11-02")
    currency: str
    source: str = Field(description="the settlement or file that says so; entered: somebody wrote it down")
    added_at: float = Field(description="Unix seconds")
    sku: str | None
    asin: str | None = Field(description="null: its product is not known")
    market: str | None
    order: str | None
    units: int
    principal: float = Field(description="the price of all units; with VAT where vat is null")
    vat: float | None = Field(description="what is reported of it apart")
    fees: dict[str, float] = Field(description="by Amazon's names")
    other: dict[str, float] = Field(description="by Amazon's names: shipping, promotions, …")
    what: str = Field(description="of other: what it is")
    demo: bool
    total: float = Field(description="what is paid out for it")


def sale_json(line: SaleLine) -> JsonObject:
    """A line as :class:`SaleOut`."""
    return {**line.to_dict(), "total": line.total}
