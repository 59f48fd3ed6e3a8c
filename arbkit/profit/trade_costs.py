"""The two sides of a route, each reckoned once: selling in a store by one way, and buying on a marketplace.

Signed amounts in the home currency, one array of products per component. The formulas are those of VAT practice: a
registered seller owes the VAT inside the selling price and recovers the VAT inside the purchase price and on fees;
an unregistered one does neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt

from arbkit.core.marketplaces import MARKETS
from arbkit.profit.exchange_rates import Rates
from arbkit.profit.fees.fulfilment import efn_column, months
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.offer_costs import OfferCosts
from arbkit.profit.reason_codes import Flags
from arbkit.profit.seller_profile import FulfilmentMethod, Profile

__all__ = ["CostSide", "CrossBorderCosts", "SellerCosts"]

Floats = npt.NDArray[np.float64]
_CODES = list(MARKETS)
_UNREGISTERED_ABROAD = "an unregistered seller may sell abroad only below the EU threshold of 10,000 EUR a year"


@dataclass(slots=True)
class CostSide:
    """Components by name, their sum, and why it is unknown or assumed. ``own_costs`` is what of it is invested."""

    components: dict[str, Floats]
    unknown: Flags
    assumed: Flags
    own_costs: Floats | float = 0.0
    total: Floats = field(init=False)

    def __post_init__(self) -> None:
        parts = list(self.components.values())
        self.total = parts[0].copy()
        for part in parts[1:]:
            self.total += part


@dataclass(frozen=True, slots=True)
class CrossBorderCosts:
    """What a route adds that neither side has: freight, duty and import VAT, as costs (positive)."""

    freight: Floats | float
    duty: Floats | float
    import_vat: Floats | float

    @property
    def total(self) -> Floats | float:
        return self.freight + self.duty + self.import_vat


class SellerCosts:
    """A profile on a day: rates, VAT and what the two sides of its routes come to."""

    def __init__(self, profile: Profile, day: EffectiveTables, rates: Rates) -> None:
        self.profile, self.day, self.rates = profile, day, rates
        found = {m.code: rates.rate(m.currency, profile.currency, day.on) for m in MARKETS.values()}
        self.rate = {code: float("nan") if r is None else r.value for code, r in found.items()}
        days = [r.day for r in found.values() if r is not None and r.value != 1]
        self.rate_day: date | None = days[0] if days else None
        self.stale_days = max((r.stale_days for r in found.values() if r is not None), default=0)
        self.registered = profile.vat_status != "unregistered"
        self.reclaims = profile.vat_status == "reclaiming"
        self.spread = profile.exchange_spread_pct / 100
        self.months = months(day.on, profile.expected_days)

    @cached_property
    def home_vat(self) -> float:
        return self.day.vat(self.profile.home)

    @cached_property
    def duty_rate(self) -> float:
        customs = self.profile.customs
        if customs.duty_preset is not None:
            presets: Mapping[str, float] = self.day.get("duty").get("presets", {})
            return presets.get(customs.duty_preset, float("nan")) / 100
        return float("nan") if customs.duty_pct is None else customs.duty_pct / 100

    # Buying

    def buy(self, offers: OfferCosts, source: str) -> CostSide:
        """Buying on a marketplace: ``purchase_price``, ``input_vat``, ``fx_cost``."""
        m = _CODES.index(source)
        rate = self.rate[source]
        cost = offers.buy_price[m] * rate
        vat = offers.vat_rate[m]
        parts = {
            "purchase_price": -cost,
            "input_vat": cost * (vat / (1 + vat)) if self.reclaims else np.zeros_like(cost),
        }
        if rate != 1 and self.spread:
            parts["fx_cost"] = -self.spread * cost
        unknown, assumed = offers.buy_unknown[m].copy(), offers.buy_assumed[m].copy()
        self._note_rate(offers, rate, unknown, assumed)
        if not self.reclaims:
            assumed &= ~np.uint32(offers.words.assumed.bit("VAT class suggested by the category"))
        return CostSide(parts, unknown, assumed)

    # Selling

    def stock(self, way: FulfilmentMethod, source: str, target: str) -> str:
        """The country in which the goods lie before the sale."""
        if way == "efn":
            return self.profile.stock or source
        return target if way == "fba-local" else self.profile.home if way == "fbm" else target

    def sell(self, offers: OfferCosts, target: str, way: FulfilmentMethod, stock: str) -> CostSide:
        """Selling in a store by a way, from stock in a country."""
        m = _CODES.index(target)
        rate, profile, words = self.rate[target], self.profile, offers.words
        sale = offers.sell_price[m] * rate
        vat = offers.vat_rate[m]
        fba = way != "fbm"
        unknown, assumed = offers.sell_unknown[m].copy(), offers.sell_assumed[m].copy()
        self._note_rate(offers, rate, unknown, assumed)
        referral, closing = -offers.referral[m] * rate, -offers.closing[m] * rate
        parts = {
            "sale_price": sale,
            "output_vat": sale * (-vat / (1 + vat)) if self.registered else np.zeros_like(sale),
            "referral_fee": referral,
            "closing_fee": closing,
        }
        fee, peak = self._fulfilment(offers, m, way, stock, target)
        unsendable = np.isnan(fee)
        if unsendable.any():
            self._note_no_fee(offers, m, way, unsendable, unknown)
        parts["fulfilment_fee"] = fee
        amazon = np.zeros_like(sale)
        if fba:
            amazon = amazon + fee
            fuel = self.day.get("surcharges.fuel").get("percent", 0.0) / 100
            if fuel:
                parts["fuel_surcharge"] = fee * fuel
                amazon += parts["fuel_surcharge"]
            if self.day.has("surcharges.peak"):
                parts["peak_surcharge"] = peak
                amazon += peak
            flags = offers.efn_assumed if way == "efn" else offers.local_assumed
            assumed |= flags[m]
            if profile.expected_days:
                parts["storage"] = self._storage(offers, m, stock, unknown)
                amazon += parts["storage"]
        digital = self.day.digital_services(profile.home, target)
        if digital is not None:
            fees = (digital["selling"] / 100) * (referral + closing)
            parts["digital_services_fee"] = fees + (digital["fba"] / 100) * amazon if fba else fees
            if digital.get("assumed"):
                assumed |= np.uint32(words.assumed.bit("digital services fee: sources disagree, the dearer taken"))
            amazon = amazon + parts["digital_services_fee"]
        if profile.return_rate_pct:
            admin, handling = self._refunds(offers, referral, target, assumed)
            parts["refunds"] = admin + handling
            amazon = amazon + admin
        if not self.registered:
            parts["vat_on_fees"] = self.home_vat * (referral + closing + amazon)
            if target != profile.home:
                assumed |= np.uint32(words.assumed.bit(_UNREGISTERED_ABROAD))
        own = self._own_costs(offers.weight_kg[m], way)
        if isinstance(own, np.ndarray):
            lacking = np.isnan(own) & ~unsendable
            unknown[lacking] |= np.uint32(words.unknown.bit("package weight unknown, so no inbound cost"))
        parts["other_costs"] = np.broadcast_to(np.asarray(-own, np.float64), sale.shape)
        if rate != 1 and self.spread:
            parts["fx_cost"] = -self.spread * sale
        return CostSide(parts, unknown, assumed, own_costs=own)

    def cross(self, buying: CostSide, offers: OfferCosts, source: str, target: str) -> CrossBorderCosts | None:
        """Freight, duty and import VAT between the UK and the EU, or freight by profile; None: nothing."""
        profile, customs = self.profile, self.profile.customs
        crosses = (source == "UK") != (target == "UK")
        if not crosses:
            return None if profile.freight is None else CrossBorderCosts(profile.freight, 0.0, 0.0)
        m = _CODES.index(target)
        freight: Floats | float = customs.freight_per_unit
        if profile.freight is not None:
            freight = profile.freight
        elif customs.freight_per_kg:
            freight = freight + customs.freight_per_kg * offers.weight_kg[m]
        net = -(buying.components["purchase_price"] + buying.components["input_vat"])
        duty = self.duty_rate * (net + freight)
        import_vat = 0.0 if self.reclaims else offers.vat_rate[m] * (net + freight + duty)
        return CrossBorderCosts(freight, duty, import_vat)

    def _fulfilment(
        self, offers: OfferCosts, m: int, way: FulfilmentMethod, stock: str, target: str
    ) -> tuple[Floats, Floats]:
        """Fulfilment fee and peak surcharge, in the home currency, as (negative) components."""
        rate = self.rate[target]
        nothing = np.zeros_like(offers.sell_price[m])
        if way == "fbm":
            return -self._parcel(offers.weight_kg[m], target), nothing
        fee = offers.hazmat[m] * -rate
        if way == "efn":
            fee -= offers.efn[efn_column(stock, target, self.profile.warehouses)][m] * rate
            peak = offers.peak_efn.get(stock)
            return fee, nothing if peak is None else peak[m] * -self.rate[stock]
        fee -= offers.local[m] * rate
        if way == "pan-eu":
            fee -= offers.pan_eu_extra[m] * rate
        return fee, offers.peak_local[m] * -rate

    def _parcel(self, weight_kg: Floats, target: str) -> Floats:
        """The seller's own shipping by its table, else the one sum of the profile; NaN where neither says."""
        other = self.profile.fbm_shipping
        cost = np.full(len(weight_kg), np.nan if other is None else other)
        rows = [r for r in self.profile.parcels if r.to in (target, "all")]
        for row in sorted(rows, key=lambda r: (r.to != "all", -r.up_to_kg)):
            cost[weight_kg <= row.up_to_kg] = row.cost
        return cost

    def _storage(self, offers: OfferCosts, m: int, stock: str, unknown: Flags) -> Floats:
        currency = MARKETS[stock].currency
        early, late = self.months
        first, second = offers.storage[currency]
        amount = np.asarray(-(first[m] * early + second[m] * late) * self.rate[stock])
        lacking = np.isnan(amount)
        unknown[lacking] |= np.uint32(offers.words.unknown.bit("storage unknown: package size or table"))
        return amount

    def _refunds(self, offers: OfferCosts, referral: Floats, target: str, assumed: Flags) -> tuple[Floats, Floats]:
        """Refund administration and handling of the share of units that come back."""
        content = self.day.get("refunds")
        share = self.profile.return_rate_pct / 100
        highest = content.get("at_most_EUR", np.nan) * self.rate["DE"]
        if MARKETS[target].currency != "EUR":
            assumed |= np.uint32(offers.words.assumed.bit("highest refund fee of the UK taken as that in EUR"))
        admin = np.maximum(referral * content.get("percent", np.nan) / 100, -highest)
        handling = self.profile.return_handling * (1.0 if self.registered else 1 + self.home_vat)
        return share * admin, np.full(len(referral), -share * handling)

    def _own_costs(self, weight_kg: Floats, way: FulfilmentMethod) -> Floats | float:
        """Preparation and inbound, or the one sum in their place, with the VAT that is lost on it."""
        profile = self.profile
        net: Floats | float = profile.prep_per_unit
        if profile.other_costs is not None:
            net = profile.other_costs
        elif way != "fbm":
            net = net + profile.inbound_per_unit
            if profile.inbound_per_kg:
                net = net + profile.inbound_per_kg * weight_kg
        return net if self.registered else net * (1 + self.home_vat)

    def _note_rate(self, offers: OfferCosts, rate: float, unknown: Flags, assumed: Flags) -> None:
        if np.isnan(rate):
            unknown |= np.uint32(offers.words.unknown.bit(f"no exchange rate of {self.day.on}"))
        elif rate != 1 and self.stale_days:
            words = f"exchange rate of {self.rate_day} is {self.stale_days} days old"
            assumed |= np.uint32(offers.words.assumed.bit(words))

    def _note_no_fee(
        self, offers: OfferCosts, m: int, way: FulfilmentMethod, lacking: npt.NDArray[np.bool_], unknown: Flags
    ) -> None:
        reasons = offers.words.unknown
        if way == "fbm":
            unknown[lacking] |= np.uint32(reasons.bit("own shipping cost unknown: set fbm_shipping"))
            return
        why = np.where(lacking, offers.fulfilment_unknown[m], np.uint32(0))
        unknown |= why
        unknown[lacking & (why == 0)] |= np.uint32(reasons.bit("no fulfilment fee for this size"))
