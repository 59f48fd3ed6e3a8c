"""The two sides of a route, each computed once: buying on a marketplace, and selling in a store by one method.

Signed amounts in the home currency, one array of products per component. The formulas are those of VAT practice: a
registered seller owes the VAT inside the selling price and recovers the VAT inside the purchase price and on fees;
an unregistered one does neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import cached_property

import numpy as np

from arbkit.core.marketplaces import MARKET_CODES, MARKETS
from arbkit.profit.exchange_rates import Rates
from arbkit.profit.fees.arrays import Floats, Mask
from arbkit.profit.fees.fulfilment import dispatch_day, efn_column, efn_price_cap, months, remote_price_caps
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.fees.vat import collected_vat
from arbkit.profit.offer_costs import OfferCosts
from arbkit.profit.reason_codes import ReasonCode, ReasonFlags, flag_rows
from arbkit.profit.seller.input_vat import input_vat_of
from arbkit.profit.seller.profile import FulfilmentMethod, Profile

CrossBorderCosts = dict[str, Floats | float]
"""What a route adds that neither side has, as costs (positive) by component."""


class CostSide:
    """Components by name and their sum; ``own_costs`` is the part that the seller invests beside the purchase."""

    def __init__(
        self,
        components: dict[str, Floats],
        total: Floats,
        find_reasons: Callable[[], ReasonFlags],
        *,
        own_costs: Floats | float = 0.0,
    ) -> None:
        """``total`` is the components' sum; ``find_reasons`` is called when reasons are first looked at."""
        self.components, self.total, self.own_costs = components, total, own_costs
        self._find_reasons = find_reasons

    @cached_property
    def reasons(self) -> ReasonFlags:
        """Why a component is unknown, and what is assumed, one entry per product."""
        # Not found while routes are priced: only few of them are ever explained.
        return self._find_reasons()


class SellerCosts:
    """A profile on a day: exchange rates, VAT, and the two sides of its routes."""

    def __init__(self, profile: Profile, day: EffectiveTables, rates: Rates, *, storage: bool = True) -> None:
        """Look up the exchange rates of the tables' day into the seller's home currency.

        ``storage=False`` leaves storage at nothing: for comparing sizes, where it changes with every millimetre.
        """
        self.profile, self.day, self.rates = profile, day, rates
        found = {m.code: rates.rate(m.currency, profile.currency, day.on) for m in MARKETS.values()}
        self.rate = {code: float("nan") if r is None else r.value for code, r in found.items()}
        days = [r.day for r in found.values() if r is not None and r.value != 1]
        self.rate_day: date | None = days[0] if days else None
        self.stale_days = max((r.stale_days for r in found.values() if r is not None), default=0)
        self.registered = profile.vat_status != "unregistered"
        self.spread = profile.exchange_spread_pct / 100
        self.months = months(day.on, profile.expected_days) if storage else (0.0, 0.0)

    @property
    def reason_parameters(self) -> dict[str, str]:
        """What the messages of this seller's reasons are filled with."""
        return {
            "on": str(self.day.on), "rate_day": str(self.rate_day), "stale_days": str(self.stale_days),
            "tables": self.day.version, "caps": remote_price_caps(self.day),
        }  # fmt: skip

    @cached_property
    def tables_outlived(self) -> bool:
        """Whether the day, or that of the expected sale, is later than announced changes reach."""
        return self.day.outlived_by(dispatch_day(self.day.on, self.profile.expected_days))

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

    @cached_property
    def collected(self) -> Mapping[str, float]:
        """As :func:`collected_vat`, of this seller on this day."""
        return collected_vat(self.day, self.profile.home)

    def vat_is_collected(self, offers: OfferCosts, target: str, stock: str) -> Mask:
        """Where the marketplace owes the VAT on a sale from stock in a country, one entry per product."""
        price, m = offers.sell_price, MARKET_CODES.index(target)
        if target not in self.collected:
            return np.zeros(price.shape[1], bool)
        if stock == target:
            return np.ones(price.shape[1], bool)
        return np.asarray(price[m] / (1 + offers.vat_rate[m]) <= self.collected[target])

    def has_import_relief(self, source: str, target: str, stock: str) -> bool:
        """Whether small consignments of a route are imported without VAT and duty."""
        return (source == "UK") != (target == "UK") and stock != target and target in self.collected

    def recovers_import_vat(self, source: str, target: str, stock: str) -> bool:
        """Whether the VAT on what crosses between the UK and the EU is recovered where it is imported."""
        at = stock if (stock == "UK") != (source == "UK") else target
        return self.profile.vat_status == "reclaiming" and self.profile.may_store_in(at)

    def loses_input_vat(self, source: str, stock: str) -> bool:
        """Whether the VAT inside the purchase price is a cost, for goods that lie in a country before the sale."""
        return input_vat_of(self.profile, source, stock) == "domestic-lost"

    def buy(self, offers: OfferCosts, source: str, *, vat_lost: bool) -> CostSide:
        """Buying on a marketplace: ``purchase_price``, ``input_vat``, ``fx_cost``."""
        m = MARKET_CODES.index(source)
        rate = self.rate[source]
        cost = offers.buy_price[m] * rate
        vat = offers.vat_rate[m]
        parts = {"purchase_price": -cost, "input_vat": np.zeros_like(cost) if vat_lost else cost * (vat / (1 + vat))}
        if rate != 1 and self.spread:
            parts["fx_cost"] = -self.spread * cost
        if self.profile.return_rate_pct and self.profile.return_value_loss_pct:
            lost = self.profile.return_rate_pct * self.profile.return_value_loss_pct / 1e4
            parts["refunds"] = lost * (parts["purchase_price"] + parts["input_vat"])
        total = np.asarray(np.sum([*parts.values()], axis=0))
        return CostSide(parts, total, lambda: self._buy_reasons(offers.buy_reasons[m], rate, vat_lost=vat_lost))

    def _buy_reasons(self, of_offer: ReasonFlags, rate: float, *, vat_lost: bool) -> ReasonFlags:
        flags = of_offer | self.rate_reason(rate)
        if vat_lost:
            flags &= ~(ReasonCode.VAT_CLASS_SUGGESTED.bit | ReasonCode.VAT_CLASS_HIDDEN.bit)
        return np.asarray(flags)

    def sell(self, offers: OfferCosts, target: str, method: FulfilmentMethod, stock: str) -> CostSide:
        """Selling in a store by a method, from stock in a country."""
        return _Sale(self, offers, target, method, stock).side()

    def cross_border(
        self, buying: CostSide, offers: OfferCosts, source: str, target: str, stock: str
    ) -> CrossBorderCosts:
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
        recovered = self.recovers_import_vat(source, target, stock)
        import_vat = 0.0 if recovered else offers.vat_rate[m] * (net + freight + duty)
        if self.has_import_relief(source, target, stock):
            # Each unit is a consignment of its own.
            free = self.vat_is_collected(offers, target, source)
            duty, import_vat = np.where(free, 0.0, duty), np.where(free, 0.0, import_vat)
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
        self.total = self.price.copy()

    def side(self) -> CostSide:
        # Sums that fees are charged on are added to the total as they are, not component by component.
        selling = self._add_price_and_selling_fees()
        sent, amazon = self._add_fulfilment()
        self._add_fees_on_fees(selling, sent, amazon)
        own = self._own_costs()
        self.parts["other_costs"] = np.broadcast_to(np.asarray(-own, np.float64), self.price.shape)
        self.total -= own
        if self.rate != 1 and self.seller.spread:
            self._add("fx_cost", -self.seller.spread * self.price)
        return CostSide(self.parts, self.total, self.reasons, own_costs=own)

    def _add(self, name: str, amounts: Floats) -> None:
        self.parts[name] = amounts
        self.total += amounts

    def reasons(self) -> ReasonFlags:
        """Why a component is unknown, and what is assumed."""
        parts, offers, m = self.parts, self.offers, self.m
        flags = np.asarray(offers.sell_reasons[m] | self._reasons_of_all())
        without_fee = np.isnan(parts["fulfilment_fee"] + parts.get("packaging_fee", 0.0))
        if self.method == "fbm":
            flag_rows(flags, ReasonCode.OWN_SHIPPING_UNKNOWN, without_fee)
        else:
            why = np.where(without_fee, offers.no_fee_reasons[m], np.uint64(0))
            flags |= why
            above = without_fee & (offers.sell_price[m] > self._price_cap)
            flag_rows(flags, ReasonCode.ABOVE_REMOTE_PRICE_CAP, above)
            flag_rows(flags, ReasonCode.NO_FULFILMENT_FEE, without_fee & ~above & (why == 0))
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
        if digital is None and self.day.digital:
            bits |= ReasonCode.DIGITAL_FEE_UNKNOWN.bit
        if seller.tables_outlived:
            bits |= ReasonCode.LATER_CHANGES_UNKNOWN.bit
        if profile.return_rate_pct and MARKETS[self.target].currency != "EUR":
            bits |= ReasonCode.UK_REFUND_CAP_IN_EUR.bit
        if not seller.registered and self.target != profile.home and self.target not in seller.collected:
            bits |= ReasonCode.UNREGISTERED_ABROAD.bit
        return bits

    def _add_price_and_selling_fees(self) -> Floats:
        """Add the price, the VAT in it and the selling fees; returns these."""
        price, m = self.price, self.m
        vat, seller = self.offers.vat_rate[m], self.seller
        self.parts["sale_price"] = price
        included = price * (-vat / (1 + vat))
        if not seller.registered:
            included = np.where(seller.vat_is_collected(self.offers, self.target, self.stock), included, 0.0)
        self._add("output_vat", included)
        referral = self.offers.merchant_referral if self.method == "fbm" else self.offers.referral
        self.parts["referral_fee"] = -referral[m] * self.rate
        self.parts["closing_fee"] = -self.offers.closing[m] * self.rate
        selling = self.parts["referral_fee"] + self.parts["closing_fee"]
        self.total += selling
        return selling

    def _add_fulfilment(self) -> tuple[Floats, Floats | None]:
        """Add the fees of fulfilment; returns what sending costs, and what Amazon charges (None: nothing)."""
        parts, day = self.parts, self.day
        fee, peak = self._fulfilment_fee()
        parts["fulfilment_fee"] = fee
        if self.method == "fbm":
            self.total += fee
            return fee, None
        sent = fee.copy()
        if peak is not None:
            parts["peak_surcharge"] = peak
            sent += peak
        fuel = day.get("surcharges.fuel").get("percent", 0.0) / 100
        if fuel:
            parts["fuel_surcharge"] = sent * fuel
            sent += parts["fuel_surcharge"]
        if not self.profile.sipp_certified:
            parts["packaging_fee"] = self.offers.fulfilment.packaging[self.m] * -self.rate
            sent += parts["packaging_fee"]
        amazon = sent
        if self.profile.expected_days:
            parts["storage"] = self._storage()
            amazon = sent + parts["storage"]
        self.total += amazon
        return sent, amazon

    def _add_fees_on_fees(self, selling: Floats, sent: Floats, amazon: Floats | None) -> None:
        """Add the digital services fee, refunds, and the VAT on Amazon's fees that is not recovered."""
        seller, profile, parts = self.seller, self.profile, self.parts
        digital = self.day.digital_services(profile.home, self.target)
        if digital is None and self.day.digital:
            self._add("digital_services_fee", np.full_like(self.price, np.nan))
        elif digital is not None and (digital["selling"] or digital["fba"]):
            fees = (digital["selling"] / 100) * selling
            if amazon is not None and digital["fba"]:
                fees += (digital["fba"] / 100) * amazon
            self._add("digital_services_fee", fees)
        charged_again: Floats | float = 0.0
        if profile.return_rate_pct:
            charged_again, own = self._refunds(sent)
            self._add("refunds", charged_again + own)
        if not seller.registered:
            fees = selling + charged_again + parts.get("digital_services_fee", 0.0)
            self._add("vat_on_fees", seller.home_vat * (fees if amazon is None else fees + amazon))

    def _fulfilment_fee(self) -> tuple[Floats, Floats | None]:
        """Fulfilment fee and peak surcharge, in the home currency, as (negative) components; None: no season."""
        fees, m, rate = self.offers.fulfilment, self.m, self.rate
        if self.method == "fbm":
            return -self._own_parcel(), None
        column = "local"
        if self.method == "efn":
            column = efn_column(self.stock, self.target, self.profile.warehouses)
            fee = (fees.efn[column][m] + fees.hazmat[m]) * -rate
            if self._price_cap < np.inf:
                fee = np.where(self.offers.sell_price[m] > self._price_cap, np.nan, fee)
        else:
            fee = fees.local[m] * -rate
        if self.method == "pan-eu":
            fee -= fees.pan_eu_extra[m] * rate
        return fee, fees.peak[column][m] * -rate if fees.peak else None

    @property
    def _price_cap(self) -> float:
        """The highest shop price by this method, in the store's currency."""
        return efn_price_cap(self.day, self.stock, self.target) if self.method == "efn" else float("inf")

    def _own_parcel(self) -> Floats:
        """The seller's own shipping by its table, else the one sum of the profile; NaN where neither says."""
        weight_kg, other = self.offers.weight_kg[self.m], self.profile.fbm_shipping
        cost = np.full(len(weight_kg), np.nan if other is None else other)
        rows = [r for r in self.profile.parcels if r.to in (self.target, "all")]
        for row in sorted(rows, key=lambda r: (r.to != "all", -r.up_to_kg)):
            cost[weight_kg <= row.up_to_kg] = row.cost
        return cost

    def _storage(self) -> Floats:
        early, late = (-months * self.seller.rate[self.stock] for months in self.seller.months)
        first, second = self.offers.storage[MARKETS[self.stock].currency]
        if not late:
            return np.asarray(first[self.m] * early)
        return np.asarray(second[self.m] * late if not early else first[self.m] * early + second[self.m] * late)

    def _refunds(self, sent: Floats) -> tuple[Floats, Floats | float]:
        """What the share of units that come back costs: Amazon's part, and the seller's own.

        Amazon keeps a part of the referral fee, and all of what sending the unit cost.
        """
        content, seller, profile = self.day.get("refunds"), self.seller, self.profile
        share = profile.return_rate_pct / 100
        cap = share * content.get("at_most_EUR", np.nan) * seller.rate["DE"]
        amazon = np.maximum(self.parts["referral_fee"] * (share * content.get("percent", np.nan) / 100), -cap)
        own: Floats | float = -share * profile.return_handling * (1.0 if seller.registered else 1 + seller.home_vat)
        if profile.return_outbound_lost:
            lost = share * sent
            if self.method == "fbm":
                own = own + lost
            else:
                amazon += lost
        return amazon, own

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
