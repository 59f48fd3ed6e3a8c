"""Offers → what buying and selling each of them costs, once per product and marketplace.

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
from arbkit.profit.components import whole_cents as to_whole_cents
from arbkit.profit.fees.offer_fees import OfferFees
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.offer_facts import Prices, numbers
from arbkit.profit.reason_codes import ReasonCode, ReasonFlags, flag_rows
from arbkit.profit.seller_profile import Profile

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_CODES = list(MARKETS)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferCosts:
    """See the module. ``row`` is each offer's row in ``offers`` (−1: not offered there).

    ``*_reasons`` say why a figure of buying, selling or fulfilment is unknown or assumed.
    """

    offers: pd.DataFrame
    day: EffectiveTables
    asins: npt.NDArray[np.object_]
    row: Ints
    buy_price: Floats
    sell_price: Floats
    referral: Floats
    referral_least: Floats
    merchant_referral: Floats
    merchant_referral_least: Floats
    closing: Floats
    vat_rate: Floats
    weight_kg: Floats
    local: Floats
    hazmat: Floats
    pan_eu_extra: Floats
    efn: dict[str, Floats]
    packaging: Floats
    peak: dict[str, Floats]
    storage: dict[str, tuple[Floats, Floats]]
    updated_at: Floats
    buy_reasons: ReasonFlags
    sell_reasons: ReasonFlags
    no_fee_reasons: ReasonFlags
    local_reasons: ReasonFlags
    efn_reasons: ReasonFlags
    provenance: CostProvenance

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
    """What explains the figures, one entry per row of ``offers`` (not by marketplace and product)."""

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
    offers: pd.DataFrame, profile: Profile, day: EffectiveTables, *, whole_cents: bool = True
) -> OfferCosts:
    """The costs of each offer by the tables of a day.

    Args:
        offers: at most one row per product and marketplace, with :data:`~arbkit.profit.offer_facts.OFFER_COLUMNS`
            and, where given, ``keepa_referral_price``, ``package_from``, ``package_assumed``.
        profile: the seller's.
        day: the tables of the day.
        whole_cents: False leaves the referral fee unrounded: for searching a price, where a fee in whole cents would
            make profit jump.
    """
    offers = offers.reset_index(drop=True)
    market = offers["market"].map(_CODES.index).to_numpy(np.int64) if len(offers) else np.zeros(0, np.int64)
    fees = OfferFees(offers, market, profile, day)
    codes, asins = pd.factorize(offers["asin"])
    grid = _MarketProductGrid(market, codes, len(asins))
    referral, fulfilment = fees.referral, fees.fulfilment
    local_reasons, efn_reasons = _package_reasons(fees)
    charged = to_whole_cents if whole_cents else _as_is
    return OfferCosts(
        offers=offers,
        day=day,
        asins=np.asarray(asins, object),
        row=grid.rows,
        buy_price=grid.floats(fees.buying.price),
        sell_price=grid.floats(fees.selling.price),
        referral=grid.floats(charged(referral.fee)),
        referral_least=grid.floats(charged(referral.least)),
        merchant_referral=grid.floats(charged(referral.merchant_fee)),
        merchant_referral_least=grid.floats(charged(referral.merchant_least)),
        closing=grid.floats(fees.closing),
        vat_rate=grid.floats(fees.vat_rate),
        weight_kg=grid.floats(fees.unit_kg),
        local=grid.floats(fulfilment.local),
        hazmat=grid.floats(fulfilment.hazmat),
        pan_eu_extra=grid.floats(fulfilment.pan_eu_extra),
        efn={name: grid.floats(values) for name, values in fulfilment.efn.items()},
        packaging=grid.floats(fulfilment.packaging),
        peak={name: grid.floats(values) for name, values in fulfilment.peak.items()},
        storage={c: (grid.floats(a), grid.floats(b)) for c, (a, b) in fees.storage.items()},
        updated_at=grid.floats(numbers(offers, "updated_at")),
        buy_reasons=grid.flags(_buy_reasons(fees)),
        sell_reasons=grid.flags(_sell_reasons(fees)),
        no_fee_reasons=grid.flags(_no_fee_reasons(fees)),
        local_reasons=grid.flags(local_reasons),
        efn_reasons=grid.flags(efn_reasons),
        provenance=_provenance(fees),
    )


def _as_is(amounts: Floats) -> Floats:
    return amounts


def _provenance(fees: OfferFees) -> CostProvenance:
    return CostProvenance(
        schedule=fees.referral.schedule,
        candidates=fees.referral.candidates,
        observed=fees.referral.observed,
        tier=fees.sizes.tier,
        billing_kg=fees.sizes.billing_kg,
        low_price=fees.fulfilment.low_price,
        from_keepa=fees.fulfilment.from_keepa,
        vat_class=fees.vat_class,
        buy_averaged=fees.buying.averaged,
        sell_averaged=fees.selling.averaged,
    )


def _price_reasons(price: Prices, missing: ReasonCode, fees: OfferFees) -> ReasonFlags:
    """What concerns buying and selling alike: the price and the VAT class."""
    flags = np.zeros(len(fees.market), np.uint64)
    unknown = np.isnan(price.price)
    flag_rows(flags, missing, unknown & ~price.crosses)
    flag_rows(flags, ReasonCode.AVERAGE_CROSSES_BREAK, unknown & price.crosses)
    flag_rows(flags, ReasonCode.SPOT_FOR_AVERAGE, price.fell_back)
    flag_rows(flags, ReasonCode.VAT_CLASS_SUGGESTED, fees.vat_suggested)
    flag_rows(flags, ReasonCode.VAT_CLASS_HIDDEN, fees.vat_hidden)
    flag_rows(flags, ReasonCode.VAT_RATE_UNKNOWN, np.isnan(fees.vat_rate))
    return flags


def _buy_reasons(fees: OfferFees) -> ReasonFlags:
    flags = _price_reasons(fees.buying, ReasonCode.NO_BUY_PRICE, fees)
    shipping_included = np.isin(fees.offers["price_basis"].to_numpy(object), ["amazon", "as given"])
    flag_rows(flags, ReasonCode.SHIPPING_UNKNOWN, np.isnan(numbers(fees.offers, "shipping_minor")) & ~shipping_included)
    return flags


def _sell_reasons(fees: OfferFees) -> ReasonFlags:
    day, referral = fees.day, fees.referral
    flags = _price_reasons(fees.selling, ReasonCode.NO_SELL_PRICE, fees)
    scheduled = referral.schedule >= 0
    if not day.schedules:
        flags |= ReasonCode.NO_FEE_TABLES.bit
    else:
        flag_rows(flags, ReasonCode.CATEGORY_UNKNOWN, ~scheduled & ~np.isnan(fees.selling.price))
    no_fee = scheduled & np.isnan(referral.fee) & ~np.isnan(fees.selling.price)
    flag_rows(flags, ReasonCode.REFERRAL_FEE_UNKNOWN, no_fee)
    flag_rows(flags, ReasonCode.CLOSING_FEE_UNKNOWN, np.isnan(fees.closing) & scheduled)
    flag_rows(flags, ReasonCode.REFERRAL_AMBIGUOUS, referral.candidates > 1)
    flag_rows(flags, ReasonCode.REFERRAL_MINIMUM_DISPUTED, referral.minimum_disputed)
    table = day.provenance("referral")
    if table is not None and table.assumed:
        flag_rows(flags, ReasonCode.REFERRAL_AS_ANNOUNCED, scheduled)
    return flags


def _no_fee_reasons(fees: OfferFees) -> ReasonFlags:
    """Why a fulfilment fee is unknown, where it is."""
    flags = np.zeros(len(fees.market), np.uint64)
    if fees.day.local is None:
        flags |= ReasonCode.NO_FULFILMENT_TABLES.bit
        return flags
    flag_rows(flags, ReasonCode.PACKAGE_UNKNOWN, fees.size_unknown)
    flag_rows(flags, ReasonCode.SPECIAL_OVERSIZE_WITHOUT_EFN, fees.special_oversize)
    return flags


def _package_reasons(fees: OfferFees) -> tuple[ReasonFlags, ReasonFlags]:
    """What is assumed of fulfilment from local stock, and of EFN."""
    local, efn = np.zeros(len(fees.market), np.uint64), np.zeros(len(fees.market), np.uint64)
    if "package_assumed" in fees.offers:
        guessed = fees.offers["package_assumed"].to_numpy(bool)
        # Keepa observed the local fee of the real package.
        flag_rows(local, ReasonCode.PACKAGE_ASSUMED, guessed & ~fees.fulfilment.from_keepa)
        flag_rows(efn, ReasonCode.PACKAGE_ASSUMED, guessed)
    flag_rows(local, ReasonCode.KEEPA_FEE_OLD, fees.fulfilment.keepa_stale)
    flag_rows(local, ReasonCode.PEAK_UNKNOWN, fees.fulfilment.peak_unknown)
    package = fees.day.provenance("surcharges.packaging")
    if package is not None and package.assumed:
        for flags in (local, efn):
            flag_rows(flags, ReasonCode.PACKAGING_FEE_ASSUMED, fees.fulfilment.packaging > 0)
    return local, efn


class _MarketProductGrid:
    """Rows of offers → arrays by marketplace and product."""

    def __init__(self, market: Ints, product: Ints, count: int) -> None:
        self.market, self.product = market, product
        self.shape = (len(_CODES), count)
        self.rows = np.full(self.shape, -1)
        self.rows[market, product] = np.arange(len(market))

    def floats(self, values: Floats) -> Floats:
        out = np.full(self.shape, np.nan)
        out[self.market, self.product] = values
        return out

    def flags(self, values: ReasonFlags) -> ReasonFlags:
        out = np.zeros(self.shape, np.uint64)
        out[self.market, self.product] = values
        return out
