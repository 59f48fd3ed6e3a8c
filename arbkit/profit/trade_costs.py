"""The two sides of a route, each computed once: buying on a marketplace, and selling in a store by one method.

Signed amounts in the home currency, one array of products per component. The formulas are those of VAT practice: a
registered seller owes the VAT inside the selling price and recovers the VAT inside the purchase price and on fees;
an unregistered one does neither.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cached_property

import numpy as np

from arbkit.core.marketplaces import MARKET_CODES, MARKETS
from arbkit.profit.exchange_rates import Rates
from arbkit.profit.fees.arrays import Floats
from arbkit.profit.fees.fulfilment import efn_column, months
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.offer_costs import OfferCosts
from arbkit.profit.reason_codes import ReasonCode, ReasonFlags, flag_rows
from arbkit.profit.seller_profile import FulfilmentMethod, Profile

CrossBorderCosts = dict[str, Floats | float]
"""What a route adds that neither side has, as costs (positive) by component."""


class CostSide:
    """Components by name and their sum; ``own_costs`` is the part that the seller invests beside the purchase."""

    def __init__(
        self, components: dict[str, Floats], find_reasons: Callable[[], ReasonFlags], *, own_costs: Floats | float = 0.0
    ) -> None:
        """Add up the components; ``find_reasons`` is called when reasons are first looked at."""
        self.components, self.own_costs, self._find_reasons = components, own_costs, find_reasons
        first, *others = components.values()
        self.total = first.copy()
        for part in others:
            self.total += part

    @cached_property
    def reasons(self) -> ReasonFlags:
        """Why a component is unknown, and what is assumed, one entry per product."""
        # Not found while routes are priced: only few of them are ever explained.
        return self._find_reasons()


class SellerCosts:
    """A profile on a day: exchange rates, VAT, and the two sides of its routes."""

    def __init__(self, profile: Profile, day: EffectiveTables, rates: Rates) -> None:
        """Look up the exchange rates of the tables' day into the seller's home currency."""
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

    @property
    def reason_parameters(self) -> dict[str, str]:
        """What the messages of this seller's reasons are filled with."""
        return {"on": str(self.day.on), "rate_day": str(self.rate_day), "stale_days": str(self.stale_days)}

    @cached_property
    def home_vat(self) -> float:
        """The standard VAT rate at home, as a fraction."""
        return self.day.vat(self.profile.home)

    @cached_property
    def duty_rate(self) -> float:
        """The duty between the UK and the EU, as a fraction; NaN if the profile does not state it."""
        customs = self.profile.customs
        percent = customs.duty_pct
        if customs.duty_preset is not None:
            percent = self.day.get("duty").get("presets", {}).get(customs.duty_preset)
        return float("nan") if percent is None else percent / 100

    def stock_country(self, method: FulfilmentMethod, source: str, target: str) -> str:
        """The country in which the goods lie before the sale."""
        if method == "efn":
            return self.profile.stock or source
        return self.profile.home if method == "fbm" else target

    def buy(self, offers: OfferCosts, source: str) -> CostSide:
        """Buying on a marketplace: ``purchase_price``, ``input_vat``, ``fx_cost``."""
        m = MARKET_CODES.index(source)
        rate = self.rate[source]
        cost = offers.buy_price[m] * rate
        vat = offers.vat_rate[m]
        parts = {
            "purchase_price": -cost,
            "input_vat": cost * (vat / (1 + vat)) if self.reclaims else np.zeros_like(cost),
        }
        if rate != 1 and self.spread:
            parts["fx_cost"] = -self.spread * cost
        return CostSide(parts, lambda: self._buy_reasons(offers.buy_reasons[m], rate))

    def _buy_reasons(self, of_offer: ReasonFlags, rate: float) -> ReasonFlags:
        flags = of_offer | self.rate_reason(rate)
        if not self.reclaims:
            flags &= ~ReasonCode.VAT_CLASS_SUGGESTED.bit
        return np.asarray(flags)

    def sell(self, offers: OfferCosts, target: str, method: FulfilmentMethod, stock: str) -> CostSide:
        """Selling in a store by a method, from stock in a country."""
        return _Sale(self, offers, target, method, stock).side()

    def cross_border(self, buying: CostSide, offers: OfferCosts, source: str, target: str) -> CrossBorderCosts:
        """Freight, duty and import VAT between the UK and the EU, or freight by profile; empty: nothing."""
        profile, customs = self.profile, self.profile.customs
        crosses = (source == "UK") != (target == "UK")
        if not crosses:
            return {} if profile.freight is None else {"freight": profile.freight}
        m = MARKET_CODES.index(target)
        freight: Floats | float = customs.freight_per_unit
        if profile.freight is not None:
            freight = profile.freight
        elif customs.freight_per_kg:
            freight = freight + customs.freight_per_kg * offers.weight_kg[m]
        net = -(buying.components["purchase_price"] + buying.components["input_vat"])
        duty = self.duty_rate * (net + freight)
        import_vat = 0.0 if self.reclaims else offers.vat_rate[m] * (net + freight + duty)
        return {"freight": freight, "duty": duty, "import_vat": import_vat}

    def rate_reason(self, rate: float) -> np.uint64:
        """The bit that says that a marketplace's exchange rate is unknown or stale; 0: neither."""
        if np.isnan(rate):
            return ReasonCode.NO_EXCHANGE_RATE.bit
        return ReasonCode.EXCHANGE_RATE_STALE.bit if rate != 1 and self.stale_days else np.uint64(0)


class _Sale:
    """One selling side while its components are added, and what explains them afterwards."""

    def __init__(
        self, seller: SellerCosts, offers: OfferCosts, target: str, method: FulfilmentMethod, stock: str
    ) -> None:
        self.seller, self.profile, self.day = seller, seller.profile, seller.day
        self.offers, self.target, self.method, self.stock = offers, target, method, stock
        self.m = MARKET_CODES.index(target)
        self.rate = seller.rate[target]
        self.price = offers.sell_price[self.m] * self.rate
        self.parts: dict[str, Floats] = {}

    def side(self) -> CostSide:
        self._add_price_and_selling_fees()
        self._add_fees_on_fees(self._add_fulfilment())
        own = self._own_costs()
        self.parts["other_costs"] = np.broadcast_to(np.asarray(-own, np.float64), self.price.shape)
        if self.rate != 1 and self.seller.spread:
            self.parts["fx_cost"] = -self.seller.spread * self.price
        return CostSide(self.parts, self.reasons, own_costs=own)

    def reasons(self) -> ReasonFlags:
        """Why a component is unknown, and what is assumed."""
        parts, offers, m = self.parts, self.offers, self.m
        flags = np.asarray(offers.sell_reasons[m] | self._reasons_of_all())
        without_fee = np.isnan(parts["fulfilment_fee"])
        if self.method == "fbm":
            flag_rows(flags, ReasonCode.OWN_SHIPPING_UNKNOWN, without_fee)
        else:
            why = np.where(without_fee, offers.no_fee_reasons[m], np.uint64(0))
            flags |= why
            flag_rows(flags, ReasonCode.NO_FULFILMENT_FEE, without_fee & (why == 0))
            flags |= (offers.efn_reasons if self.method == "efn" else offers.local_reasons)[m]
        if "storage" in parts:
            flag_rows(flags, ReasonCode.STORAGE_UNKNOWN, np.isnan(parts["storage"]))
        if self._inbound_by_weight():
            flag_rows(flags, ReasonCode.INBOUND_WEIGHT_UNKNOWN, np.isnan(parts["other_costs"]) & ~without_fee)
        return flags

    def _reasons_of_all(self) -> np.uint64:
        """The bits of what holds for every product."""
        seller, profile = self.seller, self.profile
        bits = seller.rate_reason(self.rate)
        digital = self.day.digital_services(profile.home, self.target)
        if digital is not None and digital.get("assumed"):
            bits |= ReasonCode.DIGITAL_FEE_DISPUTED.bit
        if profile.return_rate_pct and MARKETS[self.target].currency != "EUR":
            bits |= ReasonCode.UK_REFUND_CAP_IN_EUR.bit
        if not seller.registered and self.target != profile.home:
            bits |= ReasonCode.UNREGISTERED_ABROAD.bit
        return bits

    def _add_price_and_selling_fees(self) -> None:
        price, m = self.price, self.m
        vat = self.offers.vat_rate[m]
        registered = self.seller.registered
        self.parts["sale_price"] = price
        self.parts["output_vat"] = price * (-vat / (1 + vat)) if registered else np.zeros_like(price)
        self.parts["referral_fee"] = -self.offers.referral[m] * self.rate
        self.parts["closing_fee"] = -self.offers.closing[m] * self.rate

    def _add_fulfilment(self) -> Floats:
        """Add the fees of fulfilment; returns the part that Amazon charges."""
        parts, day = self.parts, self.day
        fee, peak = self._fulfilment_fee()
        parts["fulfilment_fee"] = fee
        if self.method == "fbm":
            return np.zeros_like(self.price)
        amazon = fee.copy()
        fuel = day.get("surcharges.fuel").get("percent", 0.0) / 100
        if fuel:
            parts["fuel_surcharge"] = fee * fuel
            amazon += parts["fuel_surcharge"]
        if day.has("surcharges.peak"):
            parts["peak_surcharge"] = peak
            amazon += peak
        if self.profile.expected_days:
            parts["storage"] = self._storage()
            amazon += parts["storage"]
        return amazon

    def _add_fees_on_fees(self, amazon: Floats) -> None:
        """Add the digital services fee, refunds, and the VAT on Amazon's fees that is not recovered.

        ``amazon``: what Amazon charges for fulfilment.
        """
        seller, profile, parts = self.seller, self.profile, self.parts
        selling = parts["referral_fee"] + parts["closing_fee"]
        digital = self.day.digital_services(profile.home, self.target)
        if digital is not None:
            fees = (digital["selling"] / 100) * selling
            parts["digital_services_fee"] = fees if self.method == "fbm" else fees + (digital["fba"] / 100) * amazon
            amazon = amazon + parts["digital_services_fee"]
        if profile.return_rate_pct:
            administration, handling = self._refunds()
            parts["refunds"] = administration + handling
            amazon = amazon + administration
        if not seller.registered:
            parts["vat_on_fees"] = seller.home_vat * (selling + amazon)

    def _fulfilment_fee(self) -> tuple[Floats, Floats]:
        """Fulfilment fee and peak surcharge, in the home currency, as (negative) components."""
        fees, m, rate = self.offers.fulfilment, self.m, self.rate
        nothing = np.zeros_like(self.price)
        if self.method == "fbm":
            return -self._own_parcel(), nothing
        fee = fees.hazmat[m] * -rate
        if self.method == "efn":
            fee -= fees.efn[efn_column(self.stock, self.target, self.profile.warehouses)][m] * rate
            peak = fees.peak_efn.get(self.stock)
            return fee, nothing if peak is None else peak[m] * -self.seller.rate[self.stock]
        fee -= fees.local[m] * rate
        if self.method == "pan-eu":
            fee -= fees.pan_eu_extra[m] * rate
        return fee, fees.peak_local[m] * -rate

    def _own_parcel(self) -> Floats:
        """The seller's own shipping by its table, else the one sum of the profile; NaN where neither says."""
        weight_kg, other = self.offers.weight_kg[self.m], self.profile.fbm_shipping
        cost = np.full(len(weight_kg), np.nan if other is None else other)
        rows = [r for r in self.profile.parcels if r.to in (self.target, "all")]
        for row in sorted(rows, key=lambda r: (r.to != "all", -r.up_to_kg)):
            cost[weight_kg <= row.up_to_kg] = row.cost
        return cost

    def _storage(self) -> Floats:
        early, late = self.seller.months
        first, second = self.offers.storage[MARKETS[self.stock].currency]
        return np.asarray(-(first[self.m] * early + second[self.m] * late) * self.seller.rate[self.stock])

    def _refunds(self) -> tuple[Floats, Floats]:
        """Refund administration and handling of the share of units that come back."""
        content, seller = self.day.get("refunds"), self.seller
        share = self.profile.return_rate_pct / 100
        cap = content.get("at_most_EUR", np.nan) * seller.rate["DE"]
        referral = self.parts["referral_fee"]
        administration = np.maximum(referral * content.get("percent", np.nan) / 100, -cap)
        handling = self.profile.return_handling * (1.0 if seller.registered else 1 + seller.home_vat)
        return share * administration, np.full(len(referral), -share * handling)

    def _inbound_by_weight(self) -> bool:
        profile = self.profile
        return profile.other_costs is None and self.method != "fbm" and profile.inbound_per_kg > 0

    def _own_costs(self) -> Floats | float:
        """Preparation and inbound, or the one sum in their stead, with the VAT on it that is not recovered."""
        profile, seller = self.profile, self.seller
        net: Floats | float = profile.prep_per_unit
        if profile.other_costs is not None:
            net = profile.other_costs
        elif self.method != "fbm":
            net = net + profile.inbound_per_unit
            if self._inbound_by_weight():
                net = net + profile.inbound_per_kg * self.offers.weight_kg[self.m]
        return net if seller.registered else net * (1 + seller.home_vat)
