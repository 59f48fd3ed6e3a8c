"""Offers → what buying and selling each of them costs, once per product and marketplace.

All arrays are of shape (marketplaces, products), marketplaces in the order of
:data:`~arbkit.core.marketplaces.MARKETS`; money in the marketplace's own currency; NaN unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from arbkit.core.marketplaces import MARKET_CODES
from arbkit.profit.components import whole_cents as to_whole_cents
from arbkit.profit.facts.packages import Certainty
from arbkit.profit.fees.arrays import Floats, Ints, Mask, Objects
from arbkit.profit.fees.fulfilment import Fulfilment
from arbkit.profit.fees.offer_fees import OfferFees
from arbkit.profit.fees.parsing import SPECIAL
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.offer_facts import Prices, numbers, prices
from arbkit.profit.reason_codes import ReasonCode, ReasonFlags, flag_rows
from arbkit.profit.seller.profile import Profile

_T = TypeVar("_T", bound=np.generic)
_INDICES = {code: index for index, code in enumerate(MARKET_CODES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferCosts:
    """See the module. ``row`` is each offer's row in ``fees`` (−1: not offered there), which explains the figures.

    ``explained_by`` is None of figures that were kept without what explains them: they make profits, and no frames.
    ``*_derived`` where a price is an average, or inferred from sales. ``*_reasons`` say why a figure of buying,
    selling or fulfilment is unknown or assumed.
    """

    explained_by: OfferFees | None
    asins: Objects
    row: Ints
    buy_price: Floats
    sell_price: Floats
    buy_derived: Mask
    sell_derived: Mask
    referral: Floats
    referral_least: Floats
    merchant_referral: Floats
    merchant_referral_least: Floats
    closing: Floats
    vat_rate: Floats
    weight_kg: Floats
    fulfilment: Fulfilment
    storage: dict[str, tuple[Floats, Floats]]
    updated_at: Floats
    buy_reasons: ReasonFlags
    sell_reasons: ReasonFlags
    no_fee_reasons: ReasonFlags
    local_reasons: ReasonFlags
    efn_reasons: ReasonFlags

    @property
    def fees(self) -> OfferFees:
        """What explains the figures."""
        if self.explained_by is None:
            raise ValueError("these costs were kept without what explains them")
        return self.explained_by

    def part(self, products: slice | Ints) -> OfferCosts:
        """These products alone; of a slice nothing is copied."""
        return OfferCosts(**{name: _mapped(getattr(self, name), lambda a: a[..., products]) for name in self.__slots__})


def _mapped(value: Any, change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> Any:
    """The same with every array in it changed."""
    if isinstance(value, np.ndarray):
        return change(value)
    if isinstance(value, dict):
        return {name: _mapped(inner, change) for name, inner in value.items()}
    if isinstance(value, Fulfilment):
        return Fulfilment(*(_mapped(getattr(value, name), change) for name in value.__slots__))
    return tuple(_mapped(inner, change) for inner in value) if isinstance(value, tuple) else value


def cost_offers(
    offers: pd.DataFrame,
    profile: Profile,
    day: EffectiveTables,
    *,
    whole_cents: bool = True,
    products: Ints | None = None,
) -> OfferCosts:
    """The costs of each offer by the tables of a day.

    Args:
        offers: at most one row per product and marketplace, with :data:`~arbkit.profit.offer_facts.OFFER_COLUMNS`
            and, where given, ``keepa_referral_price``, and the marks of :mod:`arbkit.profit.facts`.
        profile: the seller's.
        day: the tables of the day.
        whole_cents: False leaves the referral fee unrounded: for searching a price, where a fee in whole cents would
            make profit jump.
        products: the number of each row's product, from 0 on, where an ASIN stands for several; None: its ASIN's.
    """
    offers = offers.reset_index(drop=True)
    market = np.array([_INDICES[code] for code in offers["market"].tolist()], np.int64)
    buying, selling = prices(offers, profile.buy_basis, buying=True), prices(offers, profile.sell_basis, buying=False)
    fees = OfferFees(offers, market, selling.price, profile, day)
    codes = pd.factorize(offers["asin"])[0] if products is None else products
    asins = offers["asin"].to_numpy(object)[np.unique(codes, return_index=True)[1]]
    grid = _MarketProductGrid(market, codes, len(asins))
    referral, fulfilment, closing = fees.referral, fees.fulfilment(selling.price), fees.closing_fee()
    vat_rate = fees.vat_rates()
    local_reasons, efn_reasons = _package_reasons(fees, fulfilment)
    charged = to_whole_cents if whole_cents else np.asarray
    return OfferCosts(
        explained_by=fees,
        asins=np.asarray(asins, object),
        row=grid.rows,
        buy_price=grid.of(buying.price),
        sell_price=grid.of(selling.price),
        buy_derived=grid.of(buying.derived),
        sell_derived=grid.of(selling.derived),
        referral=grid.of(charged(referral.fee)),
        referral_least=grid.of(charged(referral.least)),
        merchant_referral=grid.of(charged(referral.merchant_fee)),
        merchant_referral_least=grid.of(charged(referral.merchant_least)),
        closing=grid.of(closing),
        vat_rate=grid.of(vat_rate),
        weight_kg=grid.of(fees.sizes.unit_kg),
        fulfilment=_mapped(fulfilment, grid.of),
        storage=_mapped(fees.storage(), grid.of),
        updated_at=grid.of(numbers(offers, "updated_at")),
        buy_reasons=grid.of(_buy_reasons(fees, buying, vat_rate)),
        sell_reasons=grid.of(_sell_reasons(fees, selling, closing, vat_rate)),
        no_fee_reasons=grid.of(_no_fee_reasons(fees)),
        local_reasons=grid.of(local_reasons),
        efn_reasons=grid.of(efn_reasons),
    )


def _price_reasons(price: Prices, missing: ReasonCode, fees: OfferFees, vat_rate: Floats) -> ReasonFlags:
    """What concerns buying and selling alike: the price and the VAT class."""
    flags = np.zeros(len(fees.market), np.uint64)
    unknown = np.isnan(price.price)
    marks = {
        ReasonCode.PRICE_UNDATED: "price_undated", ReasonCode.PRICE_TOO_OLD: "price_too_old",
        ReasonCode.PRICE_GLITCH: "price_glitch",
    }  # fmt: skip
    explained = price.crosses.copy()
    for code, column in marks.items():
        rows = unknown & _marked(fees, column)
        flag_rows(flags, code, rows)
        explained |= rows
    unsellable = fees.offers["unsellable"].to_numpy(np.uint64) if "unsellable" in fees.offers else flags.copy()
    explained |= unsellable > 0
    not_inferred, too_old = price.not_inferred & ~explained, _marked(fees, "sale_price_too_old")
    flag_rows(flags, ReasonCode.SALE_PRICE_TOO_OLD, not_inferred & too_old)
    flag_rows(flags, ReasonCode.NO_SALE_PRICE, not_inferred & ~too_old)
    flag_rows(flags, missing, unknown & ~(explained | not_inferred))
    flags |= unsellable
    flag_rows(flags, ReasonCode.OLD_BUY_BOX_REPLACED, _marked(fees, "price_replaced"))
    flag_rows(flags, ReasonCode.AVERAGE_CROSSES_BREAK, unknown & price.crosses)
    flag_rows(flags, ReasonCode.SPOT_FOR_AVERAGE, price.fell_back)
    flag_rows(flags, ReasonCode.VAT_CLASS_SUGGESTED, fees.vat_suggested)
    flag_rows(flags, ReasonCode.VAT_CLASS_HIDDEN, fees.vat_hidden)
    flag_rows(flags, ReasonCode.VAT_RATE_UNKNOWN, np.isnan(vat_rate))
    return flags


def _marked(fees: OfferFees, name: str) -> Mask:
    """The rows that a column marks; none where there is no such column."""
    return fees.offers[name].to_numpy(bool) if name in fees.offers else np.zeros(len(fees.market), bool)


def _buy_reasons(fees: OfferFees, price: Prices, vat_rate: Floats) -> ReasonFlags:
    flags = _price_reasons(price, ReasonCode.NO_BUY_PRICE, fees, vat_rate)
    shipping_included = np.isin(fees.offers["price_basis"].to_numpy(object), ["amazon", "as given"])
    flag_rows(flags, ReasonCode.SHIPPING_UNKNOWN, np.isnan(numbers(fees.offers, "shipping_minor")) & ~shipping_included)
    return flags


def _sell_reasons(fees: OfferFees, price: Prices, closing: Floats, vat_rate: Floats) -> ReasonFlags:
    day, referral = fees.day, fees.referral
    flags = _price_reasons(price, ReasonCode.NO_SELL_PRICE, fees, vat_rate)
    scheduled = referral.schedule >= 0
    if not day.schedules:
        flags |= ReasonCode.NO_FEE_TABLES.bit
    else:
        flag_rows(flags, ReasonCode.CATEGORY_UNKNOWN, ~scheduled & ~np.isnan(price.price))
    no_fee = scheduled & np.isnan(referral.fee) & ~np.isnan(price.price)
    flag_rows(flags, ReasonCode.REFERRAL_FEE_UNKNOWN, no_fee)
    flag_rows(flags, ReasonCode.CLOSING_FEE_UNKNOWN, np.isnan(closing) & scheduled)
    flag_rows(flags, ReasonCode.SALES_RANK_OLD, _marked(fees, "rank_too_old"))
    flag_rows(flags, ReasonCode.CATEGORY_OLD, scheduled & _marked(fees, "category_old"))
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
    flag_rows(flags, ReasonCode.PACKAGE_UNKNOWN, fees.sizes.tier < 0)
    special = np.asarray(fees.sizes.tier == fees.day.tiers.index(SPECIAL))
    flag_rows(flags, ReasonCode.SPECIAL_OVERSIZE_WITHOUT_EFN, special)
    return flags


def _package_reasons(fees: OfferFees, fulfilment: Fulfilment) -> tuple[ReasonFlags, ReasonFlags]:
    """What is assumed of fulfilment from local stock, and of EFN."""
    local, efn = np.zeros(len(fees.market), np.uint64), np.zeros(len(fees.market), np.uint64)
    certainty = numbers(fees.offers, "package_certainty")
    for code, found in (
        (ReasonCode.PACKAGE_ASSUMED, Certainty.ASSUMED),
        (ReasonCode.PACKAGE_DERIVED, Certainty.DERIVED),
    ):
        rows = certainty == found
        # Keepa observed the local fee of the real package.
        flag_rows(local, code, rows & ~fulfilment.from_keepa)
        flag_rows(efn, code, rows)
    flag_rows(local, ReasonCode.KEEPA_FEE_OLD, fulfilment.keepa_stale)
    flag_rows(local, ReasonCode.PEAK_UNKNOWN, fulfilment.peak_unknown)
    flag_rows(local, ReasonCode.PEAK_OF_LAST_SEASON, fulfilment.peak_assumed)
    packaging = fees.day.provenance("surcharges.packaging")
    if packaging is not None and packaging.assumed:
        for flags in (local, efn):
            flag_rows(flags, ReasonCode.PACKAGING_FEE_ASSUMED, fulfilment.packaging > 0)
    return local, efn


class _MarketProductGrid:
    """Rows of offers → arrays by marketplace and product."""

    def __init__(self, market: Ints, product: Ints, count: int) -> None:
        self.market, self.product = market, product
        self.shape = (len(MARKET_CODES), count)
        self.rows = np.full(self.shape, -1)
        self.rows[market, product] = np.arange(len(market))

    def of(self, values: npt.NDArray[_T]) -> npt.NDArray[_T]:
        """Values of the rows; where nothing is offered NaN, no reason or false."""
        out = np.full(self.shape, np.nan if values.dtype == np.float64 else 0, values.dtype)
        out[self.market, self.product] = values
        return out
