"""The request for a quote: what ``arbkit profit`` and ``GET /profit`` take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.input.faults import first_fault
from arbkit.core.marketplaces import MarketCode
from arbkit.core.results import Json
from arbkit.profit.seller.input_vat import possible_stocks, why_nowhere_possible
from arbkit.profit.seller.profile import FulfilmentMethod, InputVat, Profile, SellingPlan, VatStatus, Warehouses

_SIZE = re.compile(r"(\d+(?:\.\d+)?)[x×*](\d+(?:\.\d+)?)[x×*](\d+(?:\.\d+)?)", re.IGNORECASE)


def parse_size(text: str) -> tuple[float, float, float]:
    """The three sides of ``360x100x100``, in millimetres.

    Raises:
        ValueError: it is not three numbers above zero.
    """
    found = _SIZE.fullmatch(text.replace(" ", ""))
    sides = tuple(float(side) for side in found.groups()) if found else ()
    if len(sides) != 3 or not all(side > 0 for side in sides):
        raise ValueError("not three sides in millimetres, as 360x100x100")
    return sides[0], sides[1], sides[2]


def _size(text: str) -> str:
    parse_size(text)
    return text


Size = Annotated[str, AfterValidator(_size)]
# From a cent on: what is divided by the smallest numbers of a machine is infinite.
Amount = Annotated[float, Field(ge=0.01, le=1_000_000, allow_inf_nan=False)]
Cost = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class QuoteRequest(BaseModel):
    """A route and what is known of it.

    Prices as the shop page shows them, VAT included, in the marketplace's currency; what is not given is taken from
    the seller profile.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: MarketCode = Field(description="marketplace to buy on")
    buy: Amount = Field(description="price paid there, VAT and shipping included, in its currency")
    target: MarketCode = Field(description="marketplace to sell on")
    sell: Amount = Field(description="price a buyer pays there, VAT and shipping included, in its currency")
    category: str | None = Field(None, description="referral category, or Amazon's own: Root or Root › Branch")
    size_mm: Size | None = Field(None, description="package size in millimetres, as 360x100x100")
    weight_g: Amount | None = Field(None, description="package weight in grams")
    vat_status: VatStatus | None = Field(None, description="VAT status: reclaiming, not-reclaiming or unregistered")
    input_vat: InputVat | None = Field(
        None,
        description="VAT of the purchase: net-intra-eu, domestic-recovered, domestic-lost or import (default: what the "
        "profile says for that marketplace)",
    )
    home: MarketCode | None = Field(None, description="country where the seller is established")
    fulfilment: FulfilmentMethod | Literal["best"] = Field(
        "best", description="method: fba-local, efn, pan-eu, fbm, or best (the cheapest allowed)"
    )
    stock: MarketCode | None = Field(None, description="country of EFN stock (default: the source)")
    warehouses: Warehouses | None = Field(None, description="Warehouse region (DE): de, or cep (also PL and CZ)")
    vat_class: str | None = Field(None, description="VAT class, such as standard, books, food or children")
    other_costs: Cost | None = Field(None, description="prep, inbound and similar costs, net, in the home currency")
    fbm_shipping: Cost | None = Field(None, description="FBM shipping, net, in the home currency")
    freight: Cost | None = Field(None, description="freight per unit, in the home currency")
    duty_pct: Percent | None = Field(None, description="duty between UK and EU, in percent of value and freight")
    plan: SellingPlan | None = Field(None, description="Amazon selling plan: professional or individual")
    hazmat: bool = Field(False, description="dangerous goods")
    expected_days: Annotated[float, Field(ge=0, le=3650)] | None = Field(None, description="days in storage")
    return_rate_pct: Percent | None = Field(None, description="return rate, in percent of units")
    return_handling: Cost | None = Field(None, description="cost of handling a return, in the home currency")
    keepa_fba_fee: Cost | None = Field(None, description="fulfilment fee observed by Keepa, net")
    keepa_closing_fee: Cost | None = Field(None, description="closing fee given by Keepa, net, target's currency")
    keepa_referral_pct: Percent | None = Field(None, description="referral percentage observed by Keepa")
    keepa_referral_price: Amount | None = Field(None, description="price at which Keepa observed it")
    target_roi: Annotated[float, Field(ge=0, le=1_000, allow_inf_nan=False)] | None = Field(
        None, description="return on investment that the max cost must earn, in percent"
    )
    target_profit: Cost | None = Field(None, description="profit that the max cost must earn too, in home currency")
    on: date | None = Field(None, description="date of fees, VAT and rates, as 2026-08-01 (default: today)")

    @classmethod
    def parse(cls, fields: Mapping[str, Json | date]) -> Self:
        """The request of these fields.

        Raises:
            UsageError: a field is missing, unknown or out of range; names it.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            name, why, value = first_fault(error)
            raise UsageError(why, field=name.partition(".")[0], value=value) from None

    def day(self) -> date:
        """The day whose tables, VAT and exchange rates apply."""
        return self.on or datetime.now(UTC).date()

    def apply(self, profile: Profile) -> Profile:
        """The seller profile, changed by what the request states.

        Raises:
            UsageError: the combination is impossible; says why.
        """
        try:
            seller = Profile.checked(self._fields_of(profile))
        except ConfigError as error:
            raise UsageError(error.why, field=error.field, value=error.value) from None
        if self.input_vat is not None:
            stocks = possible_stocks(seller, self.source, self.target)
            why = why_nowhere_possible(self.input_vat, self.source, stocks)
            if why is not None:
                raise UsageError(why, field="input_vat", value=self.input_vat, remedy="Leave it out, or use another")
        return seller

    def _fields_of(self, profile: Profile) -> dict[str, Json]:
        """The profile's fields, changed by what the request states."""
        shared = (Profile.model_fields.keys() & type(self).model_fields.keys()) - {"fulfilment", "input_vat"}
        # The prices are given, so no price basis applies.
        fields = {**profile.model_dump(), "buy_basis": "spot", "sell_basis": "spot"}
        fields |= self.model_dump(include=shared, exclude_none=True)
        if self.vat_status == "unregistered":
            fields["registrations"] = ()
        if self.input_vat is not None:
            fields["input_vat"] = {self.source: self.input_vat}
        elif self.vat_status is not None:
            # What the profile states is of its own VAT status.
            fields["input_vat"] = {}
        if self.target_roi is not None:
            fields["target_roi_pct"] = self.target_roi
        if self.duty_pct is not None:
            fields["customs"] = {**fields["customs"], "duty_pct": self.duty_pct, "duty_preset": None}
        if self.fulfilment != "best":
            fields["fulfilment"] = (self.fulfilment,)
        elif self.fbm_shipping is not None and "fbm" not in profile.fulfilment:
            fields["fulfilment"] = (*profile.fulfilment, "fbm")
        return fields
