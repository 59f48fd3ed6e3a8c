"""The Amazon fees, VAT and prices of each offer, one entry per row of a frame of offers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from arbkit.core.marketplaces import MARKET_CODES
from arbkit.profit.fees import fulfilment
from arbkit.profit.fees.arrays import Floats, Ints, Mask, Objects
from arbkit.profit.fees.contents import column_amount
from arbkit.profit.fees.fulfilment import Fulfilment, FulfilmentTerms, FulfilmentUnits, dispatch_day, schedule_mask
from arbkit.profit.fees.observed import ObservedFees
from arbkit.profit.fees.referral import ReferralUnits, referral_fees
from arbkit.profit.fees.sizes import plain_tiers, selected_parcels
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.offer_facts import categories, numbers, prices
from arbkit.profit.seller.profile import Profile


class OfferFees:
    """The figures of each row of offers; amounts net, in the marketplace's currency, NaN unknown.

    ``market`` is the index of each row's marketplace in :data:`~arbkit.core.marketplaces.MARKETS`. What explains a
    figure later is kept; the rest is large, and returned by methods.
    """

    def __init__(
        self, offers: pd.DataFrame, market: Ints, selling_price: Floats, profile: Profile, day: EffectiveTables
    ) -> None:
        """Compute the figures of ``offers`` (:data:`~arbkit.profit.offer_facts.OFFER_COLUMNS`) for a seller."""
        self.offers, self.market, self.day, self.profile = offers, market, day, profile
        units, categories = referral_units(offers, market, selling_price, profile, day)
        self.referral = referral_fees(day, units, categories)
        selected = schedule_mask(day, self.referral.schedule, day.get("fulfilment_selected").get("schedules", ()))
        sides = np.column_stack([numbers(offers, name) for name in ("length_mm", "width_mm", "height_mm")])
        self._plain = plain_tiers(day, sides, units.unit_kg)
        self.sizes = selected_parcels(day, self._plain, sides, selected)
        self.vat_class, self.vat_suggested = self._vat_classes()
        self.vat_hidden = self._vat_hidden(units.category, categories)

    def fulfilment(self, selling_price: Floats) -> Fulfilment:
        """All fees of fulfilment."""
        offers, profile = self.offers, self.profile
        observed = ObservedFees(
            numbers(offers, "keepa_fba_fee_minor") / 100, _observed_at(offers), numbers(offers, "keepa_fba_fee_at"),
            numbers(offers, "package_certainty") > 0,
        )  # fmt: skip
        units = FulfilmentUnits(
            market=self.market, price=selling_price, sizes=self.sizes, low_price_limit=self._low_price_limit(),
            low_price_sizes=replace(self._plain, billing_kg=self._plain.unit_kg), observed=observed,
            hazmat=numbers(offers, "hazmat") == 1,
        )  # fmt: skip
        terms = FulfilmentTerms(
            warehouses=profile.warehouses, cover_days=profile.cover_days, sipp_certified=profile.sipp_certified,
            dispatched_on=dispatch_day(self.day.on, profile.expected_days),
        )  # fmt: skip
        return fulfilment.fulfilment_fees(self.day, units, terms)

    def storage(self) -> dict[str, tuple[Floats, Floats]]:
        """Storage a month, as :func:`~arbkit.profit.fees.fulfilment.storage_per_month` states it."""
        clothing = schedule_mask(self.day, self.referral.schedule, self.day.get("storage").get("clothing", ()))
        return fulfilment.storage_per_month(self.day, self.sizes, clothing, numbers(self.offers, "hazmat") == 1)

    def _low_price_limit(self) -> Floats:
        """The highest shop price at which Low-Price FBA is charged; −1 where no table holds."""
        content = self.day.get("fulfilment_low_price")
        if not content:
            return np.full(len(self.market), -1.0)
        limits = content["limit"], content["limit_selected"]
        plain, strict = (np.array([float(limit.get(c, -1.0)) for c in MARKET_CODES]) for limit in limits)
        selected = schedule_mask(self.day, self.referral.schedule, content["selected"]["schedules"])
        return np.where(selected, strict[self.market], plain[self.market])

    def closing_fee(self) -> Floats:
        """Keepa's own closing fee, else the table's on media, else 0; and the individual plan's fee per unit."""
        content = self.day.get("closing")
        plan = content.get("individual_plan", {})
        media = schedule_mask(self.day, self.referral.schedule, content.get("schedules", ()))
        fee = np.where(media, np.nan, 0.0)
        for row in content.get("fees", ()) if media.any() else ():
            rows = np.flatnonzero(schedule_mask(self.day, self.referral.schedule, row["schedules"]))
            fee[rows] = np.array([column_amount(row, code) for code in MARKET_CODES])[self.market[rows]]
        keepa = numbers(self.offers, "keepa_closing_fee_minor")
        closing = np.where(keepa >= 0, keepa / 100, fee)
        if self.profile.plan == "individual":
            closing = closing + np.array([float(plan.get(code, np.nan)) for code in MARKET_CODES])[self.market]
        return np.asarray(closing)

    def _vat_classes(self) -> tuple[Objects, Mask]:
        """The VAT class of each row, and where the category suggested it."""
        count, own = len(self.market), self.profile.vat_class
        classes = np.full(count, "standard" if own == "auto" else own, object)
        suggested = np.zeros(count, bool)
        if own == "auto":
            for name, vat_class in self.day.get("vat").get("suggested", {}).items():
                rows = schedule_mask(self.day, self.referral.schedule, [name])
                classes[rows] = vat_class
                suggested |= rows
        if "vat_class" in self.offers:
            stated = self.offers["vat_class"].notna().to_numpy(bool)
            classes[stated] = self.offers["vat_class"].to_numpy(object)[stated]
            suggested &= ~stated
        return classes, suggested

    def _vat_hidden(self, category: Ints, names: list[str]) -> Mask:
        """Where the standard VAT rate is an assumption: the category also holds goods of a reduced rate."""
        hides = self.day.get("vat").get("hides_reduced", ()) if self.profile.vat_class == "auto" else ()
        hiding = {i for name in hides if (i := self.day.schedule_index(name)) >= 0}
        possible = [bool(hiding.intersection(self.day.schedules_of(name))) for name in names]
        found = np.array([*possible, False])[category] | np.isin(self.referral.schedule, [*hiding])
        return np.asarray(found & ~self.vat_suggested)

    def vat_rates(self) -> Floats:
        """The VAT rate of each row, as a fraction; NaN where what was stated of an offer is no VAT class.

        Raises:
            ConfigError: the profile's VAT class is none.
        """
        found = np.full(len(self.market), np.nan)
        for vat_class in pd.unique(self.vat_class):
            # A slip in what was typed of one product must not cost all others their prices.
            if vat_class != self.profile.vat_class and vat_class not in self.day.vat_classes:
                continue
            rates = np.array([self.day.vat(code, vat_class) for code in MARKET_CODES])
            rows = self.vat_class == vat_class
            found[rows] = rates[self.market[rows]]
        return found


def referral_units(
    offers: pd.DataFrame, market: Ints, selling_price: Floats, profile: Profile, day: EffectiveTables
) -> tuple[ReferralUnits, list[str]]:
    """What the referral fees of these offers depend on, and the names of their categories."""
    category, own, names = _categories(offers, profile, day)
    units = ReferralUnits(
        price=selling_price, market=market, category=category, own=own, unit_kg=numbers(offers, "weight_g") / 1000,
        keepa_pct=numbers(offers, "keepa_referral_pct"), keepa_price=_observed_at(offers),
    )  # fmt: skip
    return units, names


def _observed_at(offers: pd.DataFrame) -> Floats:
    """The price at which Keepa observed its fees."""
    name = "keepa_referral_price"
    return numbers(offers, name) if name in offers else prices(offers, "spot", buying=False).price


def _categories(offers: pd.DataFrame, profile: Profile, day: EffectiveTables) -> tuple[Ints, Mask, list[str]]:
    """Each row's category, as its index among the names, and where it is the seller's own choice of schedule.

    That choice is by ASIN, by category, or as the name of a schedule.
    """
    category = categories(offers)
    own = np.zeros(len(offers), bool)
    if profile.schedules:
        chosen = offers["asin"].map(profile.schedules).fillna(offers["category"].map(profile.schedules))
        own = chosen.notna().to_numpy(bool)
        category = np.where(own, chosen.to_numpy(object), category)
    codes, names = pd.factorize(category)
    roots = {name.casefold() for root in day.roots.values() for name in root["names"]}
    exact = [bool(day.schedules_named(n)) and str(n).strip().casefold() not in roots for n in names]
    own = own | np.array([*exact, False])[codes]
    return np.asarray(codes, np.int64), np.asarray(own), [str(name) for name in names]
