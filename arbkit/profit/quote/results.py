"""The answer to a quote request: the document of ``arbkit profit --json`` and ``GET /profit``."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from arbkit.core.marketplaces import MarketCode
from arbkit.core.results import Component, Result
from arbkit.profit.seller.profile import FulfilmentMethod, InputVat, VatStatus


class MaxBuy(Result):
    """Max cost: the buying price at which target ROI, and target profit where one is set, are just reached."""

    target_roi_pct: float
    target_profit: float | None = Field(None, description="home currency; left out where the profile sets none")
    price: float | None = Field(description="None: no price leaves that, or the profit is unknown")
    currency: str

    @model_serializer(mode="wrap")
    def _without_unset_profit(self, serialize: SerializerFunctionWrapHandler) -> dict[str, float | str | None]:
        fields: dict[str, float | str | None] = serialize(self)
        return {name: value for name, value in fields.items() if name != "target_profit" or value is not None}


class Alternative(Result):
    """Another fulfilment method: what it would leave, and how much more than the chosen one."""

    fulfilment: FulfilmentMethod
    profit: float | None
    difference: float | None
    allowed: bool = Field(description="whether the seller profile may use it on this route")
    why_not: str | None = Field(description="why there is no profit, None where there is one")


class ReferralRange(Result):
    """The referral schedule, who decided it, and the range of profit over all that are possible."""

    schedule: str | None
    decided_by: Literal["keepa", "category", "user"] | None
    candidates: tuple[str, ...] = Field(description="every schedule the product may fall under")
    profit_range: tuple[float | None, float | None] | None = Field(description="lowest and highest profit")


class ProfitRange(Result):
    """The profit over the packages that the product may have, in the home currency."""

    low: float | None = Field(description="the lowest; None: unknown with one of the packages")
    likely: float
    high: float | None = Field(description="the highest; None: unknown with one of the packages")


class DeadZone(Result):
    """Selling prices that leave less than a lower price does, first and last, in the target's currency."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    low: float = Field(alias="from")
    high: float = Field(alias="to")
    currency: str


class VatGridRow(Result):
    """The same route under another VAT status, case of input VAT, or VAT class."""

    vat_status: VatStatus
    input_vat: InputVat
    vat_class: str
    profit: float | None
    roi_pct: float | None
    fulfilment: FulfilmentMethod | None
    why_not: str | None = Field(description="why there is no profit, None where there is one")


class SensitivityRow(Result):
    """The profit when one price, or the exchange rate, is another by a percentage."""

    of: Literal["sell_price", "buy_price", "exchange_rate"]
    change_pct: float
    profit: float | None


class Quote(Result):
    """The profit of one route, one unit: amounts in ``currency``, prices in the marketplaces' own currencies.

    ``profit`` and what follows from it is None where something needed is unknown; ``unknown`` names it.
    """

    source: MarketCode
    target: MarketCode
    on: date = Field(description="day of fee tables, VAT and exchange rates")
    currency: str
    profit: float | None
    range: ProfitRange | None = Field(None, description="where the package is not measured, else None")
    roi_pct: float | None
    margin_net_pct: float | None = Field(description="of the revenue without VAT")
    margin_gross_pct: float | None = Field(description="of the price the buyer pays")
    invested: float | None
    break_even_sell: tuple[float, ...] = Field(description="every selling price that leaves nothing")
    max_buy: MaxBuy
    fulfilment: FulfilmentMethod
    alternatives: tuple[Alternative, ...]
    input_vat: InputVat = Field(description="how the VAT of the purchase stands")
    size_tier: str | None
    referral: ReferralRange
    components: tuple[Component, ...] = Field(description="they add up to the profit")
    unknown: tuple[str, ...]
    warnings: tuple[str, ...] = Field(description="what was assumed")
    hints: tuple[str, ...]
    dead_zones: tuple[DeadZone, ...]
    vat_grid: tuple[VatGridRow, ...]
    sensitivity: tuple[SensitivityRow, ...]
    tables_version: str
    profile: str
