"""Offers → what selling and buying each of them means, once per product and marketplace.

All arrays are of shape (marketplaces, products), marketplaces in the order of
:data:`~arbkit.core.marketplaces.MARKETS`; money in the marketplace's own currency; NaN unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from arbkit.core.marketplaces import MARKETS
from arbkit.profit.components import whole_cents as to_whole
from arbkit.profit.fees.fulfilment import Fulfilment, fees, schedule_mask, size_tiers, storage_per_month
from arbkit.profit.fees.referral import Categories, Referral, referral_fees
from arbkit.profit.fees.tables import SPECIAL, EffectiveTables
from arbkit.profit.offer_facts import CROSSES_BREAK, Prices, categories, numbers, prices
from arbkit.profit.reason_codes import Flags, Reasons, Words
from arbkit.profit.seller_profile import Profile

__all__ = ["OfferCosts", "categories_of", "cost_offers"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_CODES = list(MARKETS)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferCosts:
    """See the module. ``row`` is the place in ``offers`` (−1: not offered there)."""

    offers: pd.DataFrame
    day: EffectiveTables
    asins: npt.NDArray[np.object_]
    row: Ints
    buy_price: Floats
    sell_price: Floats
    referral: Floats
    referral_least: Floats
    closing: Floats
    vat_rate: Floats
    weight_kg: Floats
    local: Floats
    hazmat: Floats
    pan_eu_extra: Floats
    efn: dict[str, Floats]
    peak_local: Floats
    peak_efn: dict[str, Floats]
    storage: dict[str, tuple[Floats, Floats]]
    updated_at: Floats
    buy_unknown: Flags
    buy_assumed: Flags
    sell_unknown: Flags
    sell_assumed: Flags
    fulfilment_unknown: Flags
    local_assumed: Flags
    efn_assumed: Flags
    facts: CostProvenance
    words: Words

    def part(self, products: slice | Ints) -> OfferCosts:
        """These products alone; of a slice nothing is copied."""

        def cut(value: Any) -> Any:
            if isinstance(value, np.ndarray):
                return value[..., products]
            if isinstance(value, dict):
                return {name: cut(inner) for name, inner in value.items()}
            return tuple(cut(inner) for inner in value) if isinstance(value, tuple) else value

        return OfferCosts(**{name: cut(getattr(self, name)) for name in self.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class CostProvenance:
    """What explains the figures, by place in ``offers`` (not by marketplace and product)."""

    schedule: Ints
    candidates: Ints
    observed: Mask
    tier: npt.NDArray[np.int8]
    billing_kg: Floats
    low_price: Mask
    from_keepa: Mask
    vat_class: npt.NDArray[np.object_]
    buy_averaged: Mask
    sell_averaged: Mask


def cost_offers(
    offers: pd.DataFrame,
    profile: Profile,
    day: EffectiveTables,
    *,
    words: Words | None = None,
    whole_cents: bool = True,
) -> OfferCosts:
    """Resolve offers (:data:`~arbkit.profit.offer_facts.OFFER_COLUMNS` and, where given, ``keepa_referral_price``,
    ``package_from``, ``package_assumed``): at most one row per product and marketplace.

    ``whole_cents=False`` leaves the referral fee unrounded: for solving for a price, where a fee in whole cents
    would make profit jump.
    """
    offers = offers.reset_index(drop=True)
    market = offers["market"].map(_CODES.index).to_numpy(np.int64) if len(offers) else np.zeros(0, np.int64)
    one = _Offers(offers, market, profile, day)
    referral, ful, storage, buying, selling = one.referral, one.fulfilment, one.storage, one.buying, one.selling
    codes, asins = pd.factorize(offers["asin"])
    grid = MarketProductGrid(market, codes, len(asins))
    words = words or Words()
    unknown, assumed = words.unknown, words.assumed
    buy_unknown, sell_unknown = grid.flags(), grid.flags()
    buy_assumed, sell_assumed, local_assumed, efn_assumed = grid.flags(), grid.flags(), grid.flags(), grid.flags()
    fulfilment_unknown = grid.flags()

    def mark(flags: Flags, reasons: Reasons, told: str, where: Mask) -> None:
        grid.mark(flags, reasons.bit(told), where)

    for flags, side, told in (
        (buy_unknown, buying, "no price where it is bought"),
        (sell_unknown, selling, "no price where it is sold"),
    ):
        mark(flags, unknown, told, np.isnan(side.price) & ~side.crosses)
        mark(flags, unknown, CROSSES_BREAK, side.crosses & np.isnan(side.price))
    shipping_unknown = np.isnan(numbers(offers, "shipping_minor")) & ~np.isin(
        offers["price_basis"].to_numpy(object), ["amazon", "as given"]
    )
    mark(buy_assumed, assumed, "shipping to the buyer unknown, taken as none", shipping_unknown)
    for flags, side in ((buy_assumed, buying), (sell_assumed, selling)):
        mark(flags, assumed, "no 90-day average, so the spot price", side.fell_back)
    if not day.schedules:
        everywhere = np.ones(len(offers), bool)
        mark(sell_unknown, unknown, f"no fee tables reach back to {day.on}", everywhere)
    else:
        mark(
            sell_unknown, unknown, "category unknown, so no referral fee",
            (referral.schedule < 0) & ~np.isnan(selling.price),
        )  # fmt: skip
    mark(sell_assumed, assumed, "referral schedule: the dearest of several", referral.candidates > 1)
    mark(sell_assumed, assumed, "least referral fee disputed for this category", referral.minimum_disputed)
    if bool(table.assumed if (table := day.provenance("referral")) else False):
        mark(sell_assumed, assumed, f"referral percentages of {day.on} as announced", referral.schedule >= 0)
    mark(sell_unknown, unknown, "closing fee unknown", np.isnan(one.closing) & (referral.schedule >= 0))
    guessed_vat = one.vat_suggested
    for flags in (buy_assumed, sell_assumed):
        mark(flags, assumed, "VAT class suggested by the category", guessed_vat)
    for told, where in one.no_fee_reasons():
        mark(fulfilment_unknown, unknown, told, where)
    if "package_assumed" in offers:
        guessed = offers["package_assumed"].to_numpy(bool)
        mark(local_assumed, assumed, "package size and weight assumed by profile", guessed & ~ful.from_keepa)
        mark(efn_assumed, assumed, "package size and weight assumed by profile", guessed)
    mark(local_assumed, assumed, "peak surcharge: last season's amount", ful.peak_assumed & (ful.peak_local > 0))
    fee = to_whole(referral.fee) if whole_cents else referral.fee
    return OfferCosts(
        offers=offers,
        day=day,
        asins=np.asarray(asins, object),
        row=grid.rows,
        buy_price=grid.floats(buying.price),
        sell_price=grid.floats(selling.price),
        referral=grid.floats(fee),
        referral_least=grid.floats(to_whole(referral.least) if whole_cents else referral.least),
        closing=grid.floats(one.closing),
        vat_rate=grid.floats(one.vat_rate),
        weight_kg=grid.floats(one.unit_kg),
        local=grid.floats(ful.local),
        hazmat=grid.floats(ful.hazmat),
        pan_eu_extra=grid.floats(ful.pan_eu_extra),
        efn={name: grid.floats(values) for name, values in ful.efn.items()},
        peak_local=grid.floats(ful.peak_local),
        peak_efn={name: grid.floats(values) for name, values in ful.peak_efn.items()},
        storage={c: (grid.floats(a), grid.floats(b)) for c, (a, b) in storage.items()},
        updated_at=grid.floats(numbers(offers, "updated_at")),
        buy_unknown=buy_unknown,
        buy_assumed=buy_assumed,
        sell_unknown=sell_unknown,
        sell_assumed=sell_assumed,
        fulfilment_unknown=fulfilment_unknown,
        local_assumed=local_assumed,
        efn_assumed=efn_assumed,
        facts=CostProvenance(
            schedule=referral.schedule,
            candidates=referral.candidates,
            observed=referral.observed,
            tier=one.sizes.tier,
            billing_kg=one.sizes.billing_kg,
            low_price=ful.low_price,
            from_keepa=ful.from_keepa,
            vat_class=one.vat_class,
            buy_averaged=buying.averaged,
            sell_averaged=selling.averaged,
        ),
        words=words,
    )


class MarketProductGrid:
    """Rows of offers ↔ arrays by marketplace and product."""

    def __init__(self, market: Ints, product: Ints, count: int) -> None:
        self.market, self.product = market, product
        self.shape = (len(_CODES), count)
        self.rows = np.full(self.shape, -1)
        self.rows[market, product] = np.arange(len(market))

    def floats(self, values: Floats) -> Floats:
        out = np.full(self.shape, np.nan)
        out[self.market, self.product] = values
        return out

    def flags(self) -> Flags:
        return np.zeros(self.shape, np.uint32)

    def mark(self, flags: Flags, bit: int, where: Mask) -> None:
        if where.any():
            flags[self.market[where], self.product[where]] |= np.uint32(bit)


class _Offers:
    """The figures of each row of offers."""

    def __init__(self, offers: pd.DataFrame, market: Ints, profile: Profile, day: EffectiveTables) -> None:
        self.offers, self.market, self.day = offers, market, day
        self.buying = prices(offers, profile.buy_basis, buying=True)
        self.selling = prices(offers, profile.sell_basis, buying=False)
        self.unit_kg = numbers(offers, "weight_g") / 1000
        seen_at = numbers(offers, "keepa_referral_price") if "keepa_referral_price" in offers else _spot(offers)
        self.referral: Referral = referral_fees(
            day, price=self.selling.price, market=market, categories=categories_of(offers, profile, day),
            keepa_pct=numbers(offers, "keepa_referral_pct"), keepa_price=seen_at,
        )  # fmt: skip
        hazmat = numbers(offers, "hazmat") == 1
        selected = schedule_mask(day, self.referral.schedule, day.get("fulfilment_selected").get("schedules", ()))
        sides = np.column_stack([numbers(offers, name) for name in ("length_mm", "width_mm", "height_mm")])
        self.sizes = size_tiers(day, sides, self.unit_kg, selected)
        plain = size_tiers(day, sides, self.unit_kg, np.zeros(len(offers), bool)) if selected.any() else self.sizes
        self.keepa_fee = numbers(offers, "keepa_fba_fee_minor") / 100
        self.fulfilment: Fulfilment = fees(
            day, warehouses=profile.warehouses, market=market, price=self.selling.price, sizes=self.sizes,
            low_price_limit=self._low_price_limit(), low_price_sizes=plain, keepa_fee=self.keepa_fee,
            keepa_price=seen_at, hazmat=hazmat, cover_days=profile.cover_days,
        )  # fmt: skip
        clothing = schedule_mask(day, self.referral.schedule, day.get("storage").get("clothing", ()))
        self.storage = storage_per_month(day, self.sizes, clothing, hazmat)
        self.closing = self._closing(profile)
        self._set_vat(profile)

    def _low_price_limit(self) -> Floats:
        """The highest shop price at which Low-Price FBA is charged; −1 where no table holds."""
        content = self.day.get("fulfilment_low_price")
        if not content:
            return np.full(len(self.market), -1.0)
        plain, strict = (np.array([content[k][c] for c in _CODES]) for k in ("limit", "limit_selected"))
        selected = schedule_mask(self.day, self.referral.schedule, content["selected"]["schedules"])
        return np.where(selected, strict[self.market], plain[self.market])

    def _closing(self, profile: Profile) -> Floats:
        """Keepa's own closing fee, else the table's on media, else 0; and the individual plan's fee per unit."""
        content = self.day.get("closing")
        fee, plan = content.get("fee", {}), content.get("individual_plan", {})
        table = np.array([float(fee.get(code, np.nan)) for code in _CODES])
        media = schedule_mask(self.day, self.referral.schedule, content.get("schedules", ()))
        keepa = numbers(self.offers, "keepa_closing_fee_minor")
        closing = np.where(keepa >= 0, keepa / 100, np.where(media, table[self.market], 0.0))
        if profile.plan == "individual":
            closing = closing + np.array([float(plan.get(code, np.nan)) for code in _CODES])[self.market]
        return np.asarray(closing)

    def _set_vat(self, profile: Profile) -> None:
        """The VAT class and rate of each row, and where the category only suggested it."""
        day, count = self.day, len(self.market)
        self.vat_class = np.full(count, "standard" if profile.vat_class == "auto" else profile.vat_class, object)
        self.vat_suggested = np.zeros(count, bool)
        if profile.vat_class == "auto":
            for name, vat_class in day.get("vat").get("suggested", {}).items():
                here = schedule_mask(day, self.referral.schedule, [name])
                self.vat_class[here] = vat_class
                self.vat_suggested |= here
        self.vat_rate = np.full(count, np.nan)
        for vat_class in pd.unique(self.vat_class):
            rates = np.array([day.vat(code, vat_class) for code in _CODES])
            here = self.vat_class == vat_class
            self.vat_rate[here] = rates[self.market[here]]

    def no_fee_reasons(self) -> list[tuple[str, Mask]]:
        """Why there is no fulfilment fee, by row; of a way that is open nowhere else."""
        sizeless = self.sizes.tier < 0
        if self.day.local is None:
            return [(f"no fulfilment tables reach back to {self.day.on}", np.ones(len(sizeless), bool))]
        special = self.sizes.tier == self.day.tiers.index(SPECIAL)
        return [
            ("package size or weight unknown", sizeless),
            ("no EFN fee for special oversize", special),
        ]


def _spot(offers: pd.DataFrame) -> Floats:
    spot: Prices = prices(offers, "spot", buying=False)
    return spot.price


def categories_of(offers: pd.DataFrame, profile: Profile, day: EffectiveTables) -> Categories:
    """Each row's category, the user's word first: by ASIN, by category, or as the name of a schedule."""
    category = categories(offers)
    own = np.zeros(len(offers), bool)
    if profile.schedules:
        said = offers["asin"].map(profile.schedules).fillna(offers["category"].map(profile.schedules))
        own = said.notna().to_numpy(bool)
        category = category.where(~own, said)
    codes, names = pd.factorize(category)
    roots = {name.casefold() for root in day.roots.values() for name in root["names"]}
    exact = [bool(day.schedules_named(n)) and str(n).strip().casefold() not in roots for n in names]
    own = own | np.array([*exact, False])[codes]
    return Categories(np.asarray(codes, np.int64), tuple(str(n) for n in names), np.asarray(own))
