"""The Amazon fees, VAT and prices of each offer, one entry per row of a frame of offers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from arbkit.core.marketplaces import MARKET_CODES
from arbkit.profit.fees import fulfilment
from arbkit.profit.fees.arrays import Floats, Ints, Mask, Objects
from arbkit.profit.fees.fulfilment import Fulfilment, FulfilmentUnits, Sizes, schedule_mask
from arbkit.profit.fees.referral import ReferralUnits, referral_fees
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.offer_facts import categories, numbers, prices
from arbkit.profit.seller_profile import Profile


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
        self.referral = referral_fees(day, *referral_units(offers, market, selling_price, profile, day))
        self._selected = schedule_mask(day, self.referral.schedule, day.get("fulfilment_selected").get("schedules", ()))
        self.sizes = self._sizes(self._selected)
        self.vat_class, self.vat_suggested = self._vat_classes()

    def fulfilment(self, selling_price: Floats) -> Fulfilment:
        """All fees of fulfilment."""
        offers, profile, selected = self.offers, self.profile, self._selected
        units = FulfilmentUnits(
            market=self.market, price=selling_price, sizes=self.sizes, low_price_limit=self._low_price_limit(),
            low_price_sizes=self._sizes(np.zeros_like(selected)) if selected.any() else self.sizes,
            keepa_fee=numbers(offers, "keepa_fba_fee_minor") / 100, keepa_price=_observed_at(offers),
            hazmat=numbers(offers, "hazmat") == 1,
        )  # fmt: skip
        return fulfilment.fulfilment_fees(self.day, units, warehouses=profile.warehouses, cover_days=profile.cover_days)

    def storage(self) -> dict[str, tuple[Floats, Floats]]:
        """Storage a month, as :func:`~arbkit.profit.fees.fulfilment.storage_per_month` states it."""
        clothing = schedule_mask(self.day, self.referral.schedule, self.day.get("storage").get("clothing", ()))
        return fulfilment.storage_per_month(self.day, self.sizes, clothing, numbers(self.offers, "hazmat") == 1)

    def _sizes(self, selected: Mask) -> Sizes:
        sides = np.column_stack([numbers(self.offers, name) for name in ("length_mm", "width_mm", "height_mm")])
        return fulfilment.size_tiers(self.day, sides, numbers(self.offers, "weight_g") / 1000, selected)

    def _low_price_limit(self) -> Floats:
        """The highest shop price at which Low-Price FBA is charged; −1 where no table holds."""
        content = self.day.get("fulfilment_low_price")
        if not content:
            return np.full(len(self.market), -1.0)
        plain, strict = (np.array([content[k][c] for c in MARKET_CODES]) for k in ("limit", "limit_selected"))
        selected = schedule_mask(self.day, self.referral.schedule, content["selected"]["schedules"])
        return np.where(selected, strict[self.market], plain[self.market])

    def closing_fee(self) -> Floats:
        """Keepa's own closing fee, else the table's on media, else 0; and the individual plan's fee per unit."""
        content = self.day.get("closing")
        fee, plan = content.get("fee", {}), content.get("individual_plan", {})
        table = np.array([float(fee.get(code, np.nan)) for code in MARKET_CODES])
        media = schedule_mask(self.day, self.referral.schedule, content.get("schedules", ()))
        keepa = numbers(self.offers, "keepa_closing_fee_minor")
        closing = np.where(keepa >= 0, keepa / 100, np.where(media, table[self.market], 0.0))
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
        return classes, suggested

    def vat_rates(self) -> Floats:
        """The VAT rate of each row, as a fraction."""
        found = np.full(len(self.market), np.nan)
        for vat_class in pd.unique(self.vat_class):
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
        price=selling_price, market=market, category=category, own=own,
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
        category = category.where(~own, chosen)
    codes, names = pd.factorize(category)
    roots = {name.casefold() for root in day.roots.values() for name in root["names"]}
    exact = [bool(day.schedules_named(n)) and str(n).strip().casefold() not in roots for n in names]
    own = own | np.array([*exact, False])[codes]
    return np.asarray(codes, np.int64), np.asarray(own), [str(name) for name in names]
