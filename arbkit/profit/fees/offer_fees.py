"""The Amazon fees, VAT and prices of each offer, one entry per row of a frame of offers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from arbkit.core.marketplaces import MARKET_CODES
from arbkit.profit.fees.arrays import Floats, Ints, Mask, Objects
from arbkit.profit.fees.contents import column_amount
from arbkit.profit.fees.fulfilment import (
    FulfilmentTerms,
    FulfilmentUnits,
    dispatch_day,
    fulfilment_fees,
    schedule_mask,
    storage_per_month,
)
from arbkit.profit.fees.observed import ObservedFees
from arbkit.profit.fees.referral import ReferralUnits, referral_fees
from arbkit.profit.fees.sizes import plain_tiers, selected_parcels
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.offer_facts import categories, numbers, prices
from arbkit.profit.seller_profile import Profile


class OfferFees:
    """The figures of each row of offers; amounts net, in the marketplace's currency, NaN unknown.

    ``market`` is the index of each row's marketplace in :data:`~arbkit.core.marketplaces.MARKETS`.
    """

    def __init__(self, offers: pd.DataFrame, market: Ints, profile: Profile, day: EffectiveTables) -> None:
        """Compute the figures of ``offers`` (:data:`~arbkit.profit.offer_facts.OFFER_COLUMNS`) for a seller."""
        self.offers, self.market, self.day = offers, market, day
        self.buying = prices(offers, profile.buy_basis, buying=True)
        self.selling = prices(offers, profile.sell_basis, buying=False)
        self.unit_kg = numbers(offers, "weight_g") / 1000
        observed_at = numbers(offers, "keepa_referral_price") if "keepa_referral_price" in offers else _spot(offers)
        category, own, self.categories = _categories(offers, profile, day)
        self.referral_units = ReferralUnits(
            price=self.selling.price, market=market, category=category, own=own, unit_kg=self.unit_kg,
            keepa_pct=numbers(offers, "keepa_referral_pct"), keepa_price=observed_at,
        )  # fmt: skip
        self.referral = referral_fees(day, self.referral_units, self.categories)
        hazmat = numbers(offers, "hazmat") == 1
        selected = schedule_mask(day, self.referral.schedule, day.get("fulfilment_selected").get("schedules", ()))
        sides = np.column_stack([numbers(offers, name) for name in ("length_mm", "width_mm", "height_mm")])
        plain = plain_tiers(day, sides, self.unit_kg)
        self.sizes = selected_parcels(day, plain, sides, selected)
        observed = ObservedFees(
            numbers(offers, "keepa_fba_fee_minor") / 100, observed_at, numbers(offers, "keepa_fba_fee_at")
        )
        units = FulfilmentUnits(
            market=market, price=self.selling.price, sizes=self.sizes, low_price_limit=self._low_price_limit(),
            low_price_sizes=replace(plain, billing_kg=self.unit_kg), observed=observed, hazmat=hazmat,
        )  # fmt: skip
        terms = FulfilmentTerms(
            warehouses=profile.warehouses, cover_days=profile.cover_days, sipp_certified=profile.sipp_certified,
            dispatched_on=dispatch_day(day.on, profile.expected_days),
        )  # fmt: skip
        self.fulfilment = fulfilment_fees(day, units, terms)
        clothing = schedule_mask(day, self.referral.schedule, day.get("storage").get("clothing", ()))
        self.storage = storage_per_month(day, self.sizes, clothing, hazmat)
        self.closing = self._closing_fee(profile)
        self.vat_class, self.vat_suggested = self._vat_classes(profile)
        self.vat_rate = self._vat_rates()

    def _low_price_limit(self) -> Floats:
        """The highest shop price at which Low-Price FBA is charged; −1 where no table holds."""
        content = self.day.get("fulfilment_low_price")
        if not content:
            return np.full(len(self.market), -1.0)
        limits = content["limit"], content["limit_selected"]
        plain, strict = (np.array([float(limit.get(c, -1.0)) for c in MARKET_CODES]) for limit in limits)
        selected = schedule_mask(self.day, self.referral.schedule, content["selected"]["schedules"])
        return np.where(selected, strict[self.market], plain[self.market])

    def _closing_fee(self, profile: Profile) -> Floats:
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
        if profile.plan == "individual":
            closing = closing + np.array([float(plan.get(code, np.nan)) for code in MARKET_CODES])[self.market]
        return np.asarray(closing)

    def _vat_classes(self, profile: Profile) -> tuple[Objects, Mask]:
        """The VAT class of each row, and where the category suggested it."""
        count = len(self.market)
        classes = np.full(count, "standard" if profile.vat_class == "auto" else profile.vat_class, object)
        suggested = np.zeros(count, bool)
        self._vat_by_category = profile.vat_class == "auto"
        if self._vat_by_category:
            for name, vat_class in self.day.get("vat").get("suggested", {}).items():
                rows = schedule_mask(self.day, self.referral.schedule, [name])
                classes[rows] = vat_class
                suggested |= rows
        return classes, suggested

    @property
    def vat_hidden(self) -> Mask:
        """Where the standard VAT rate is an assumption: the category also holds goods of a reduced rate."""
        names = self.day.get("vat").get("hides_reduced", ())
        hiding = {i for name in names if (i := self.day.schedule_index(name)) >= 0}
        possible = [bool(hiding.intersection(self.day.schedules_of(name))) for name in self.categories]
        found = np.array([*possible, False])[self.referral_units.category] | np.isin(self.referral.schedule, [*hiding])
        return np.asarray(found & (self.vat_class == "standard") & self._vat_by_category)

    def _vat_rates(self) -> Floats:
        found = np.full(len(self.market), np.nan)
        for vat_class in pd.unique(self.vat_class):
            rates = np.array([self.day.vat(code, vat_class) for code in MARKET_CODES])
            rows = self.vat_class == vat_class
            found[rows] = rates[self.market[rows]]
        return found


def _spot(offers: pd.DataFrame) -> Floats:
    return prices(offers, "spot", buying=False).price


def _categories(offers: pd.DataFrame, profile: Profile, day: EffectiveTables) -> tuple[Ints, Mask, list[str]]:
    """Each row's category, as its index among the names, and where it is the seller's own choice of schedule.

    That choice is by ASIN, by category, or as the name of a schedule.
    """
    category = categories(offers)
    own = np.zeros(len(offers), bool)
    if profile.schedules:
        chosen = offers["asin"].map(profile.schedules).fillna(offers["category"].map(profile.schedules))
        own = chosen.notna().to_numpy(bool)
        category = category.where(~own, chosen)
    codes, names = pd.factorize(category)
    roots = {name.casefold() for root in day.roots.values() for name in root["names"]}
    exact = [bool(day.schedules_named(n)) and str(n).strip().casefold() not in roots for n in names]
    own = own | np.array([*exact, False])[codes]
    return np.asarray(codes, np.int64), np.asarray(own), [str(name) for name in names]
