"""Priced routes as columns, one entry each: amounts to the cent, and what explains them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from arbkit.core.marketplaces import MARKET_CODES, MARKETS
from arbkit.profit.components import COMPONENTS, Components, round_components
from arbkit.profit.fees.arrays import Floats, Ints, Mask, Objects
from arbkit.profit.offer_facts import numbers
from arbkit.profit.reason_codes import ASSUMED, UNKNOWN, Reason, ReasonFlags, decode_reasons
from arbkit.profit.route_batch import RouteBatch
from arbkit.profit.seller.input_vat import input_vat_of
from arbkit.profit.seller.profile import Basis, FulfilmentMethod, InputVat
from arbkit.profit.trade_costs import SellerCosts

Column = npt.NDArray[np.generic]
_CODES = np.array(MARKET_CODES, object)
_CURRENCIES = np.array([market.currency for market in MARKETS.values()], object)
_POSITION = {name: position for position, name in enumerate(COMPONENTS)}
_FEE_SOURCES = np.array(["table", "keepa", "low-price table"], object)
_FEES = (
    "referral_fee", "closing_fee", "fulfilment_fee", "fuel_surcharge", "peak_surcharge", "packaging_fee",
    "digital_services_fee", "vat_on_fees", "storage", "refunds",
)  # fmt: skip


class RouteRow(Components):
    """One row of :func:`route_columns`.

    Shop prices in their own currencies, major units; all other amounts in ``currency``, components signed and to the
    cent; ``profit_exact`` and the percentages unrounded; floats NaN where unknown. ``unknown`` says why there is no
    profit, ``assumed`` what a profit rests on; ``reason_flags`` is both as bits.
    """

    asin: str
    source: str
    target: str
    buy_price: float
    buy_currency: str
    sell_price: float
    sell_currency: str
    buy_basis: str | None
    sell_basis: str | None
    roi_pct: float
    margin_net_pct: float
    margin_gross_pct: float
    spread_pct: float
    max_buy: float
    referral_schedule: str
    referral_observed: bool
    referral_candidates: int
    referral_saving: float
    vat_class_sold: str
    vat_class_bought: str
    updated_at: float
    package_from: str
    currency: str
    profit: float
    profit_exact: float
    invested: float
    fees: float
    fulfilment: FulfilmentMethod
    stock: str
    input_vat_case: InputVat
    size_tier: str
    billing_kg: float
    fulfilment_from: str
    reason_flags: int
    unknown: tuple[Reason, ...]
    assumed: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class ChosenRoutes:
    """Routes to look at, one entry each: the index of the route, of the product in the batch, and of the method.

    ``total`` and ``invested`` are the exact amounts.
    """

    route: Ints
    product: Ints
    method: Ints
    total: Floats
    invested: Floats

    def groups(self) -> Iterator[tuple[int, int, slice]]:
        """Route, method and rows of those that have both in common, which stand one after another."""
        if not len(self.route):
            return
        changes = (np.diff(self.route) != 0) | (np.diff(self.method) != 0)
        bounds = [0, *(np.flatnonzero(changes) + 1).tolist(), len(self.route)]
        for start, end in pairwise(bounds):
            yield int(self.route[start]), int(self.method[start]), slice(start, end)


def route_rows(columns: Mapping[str, Column] | pd.DataFrame) -> Iterator[RouteRow]:
    """The rows of :func:`route_columns`, or of a frame of them, also with columns of the caller's own."""
    names = [str(name) for name in columns]
    for values in zip(*(columns[name].tolist() for name in names), strict=True):
        yield cast(RouteRow, dict(zip(names, values, strict=True)))


def route_columns(batch: RouteBatch, chosen: ChosenRoutes) -> dict[str, Column]:
    """Routes of a batch by name of the fields of :class:`RouteRow`, one entry each."""
    seller, buying, selling, p = batch.seller, batch.buying, batch.selling, chosen.product
    sources, targets = (_market_indices(batch.routes, side)[chosen.route] for side in (0, 1))
    exact, flags, eligible = _amounts_and_reasons(batch, chosen)
    rounded, profit = round_components(exact)
    profit[~eligible] = np.nan
    by_name = dict(zip(COMPONENTS, exact.T, strict=True))
    buy_price = buying.buy_price[sources, p]
    stocks, input_vat = _terms(batch, chosen)
    return {
        "asin": buying.asins[p],
        "source": _CODES[sources],
        "target": _CODES[targets],
        "buy_price": buy_price,
        "buy_currency": _CURRENCIES[sources],
        "sell_price": selling.sell_price[targets, p],
        "sell_currency": _CURRENCIES[targets],
        **_percentages(by_name, chosen.total, chosen.invested),
        "max_buy": _max_buy(by_name, chosen, seller, _rates(seller)[sources]) * buy_price,
        "referral_saving": _referral_saving(batch, chosen, targets),
        **_buying_provenance(batch, sources, p),
        **_selling_provenance(batch, targets, chosen),
        "updated_at": np.fmin(buying.updated_at[sources, p], selling.updated_at[targets, p]),
        "currency": np.full(len(p), seller.profile.currency, object),
        **rounded,
        "profit": profit,
        "profit_exact": np.where(np.isnan(profit), np.nan, chosen.total),
        "invested": np.round(chosen.invested, 2),
        "fees": np.asarray(-sum(rounded[name] for name in _FEES)),
        "fulfilment": np.array(batch.methods, object)[chosen.method],
        "stock": stocks,
        "input_vat_case": input_vat,
        "reason_flags": flags,
        "unknown": decode_reasons(flags & UNKNOWN, seller.reason_parameters),
        "assumed": decode_reasons(flags & ASSUMED, seller.reason_parameters),
    }


def _market_indices(routes: Sequence[tuple[str, str]], side: int) -> Ints:
    return np.array([MARKET_CODES.index(route[side]) for route in routes], np.int64)


def _rates(seller: SellerCosts) -> Floats:
    """Exchange rates into the home currency, by marketplace."""
    return np.array([seller.rate[code] for code in MARKET_CODES])


def _amounts_and_reasons(batch: RouteBatch, chosen: ChosenRoutes) -> tuple[Floats, ReasonFlags, Mask]:
    """All components, unrounded and of shape (rows, components), with the reasons, and where the method is eligible."""
    count = len(chosen.route)
    exact, flags, eligible = np.zeros((count, len(COMPONENTS))), np.zeros(count, np.uint64), np.ones(count, bool)
    for route, method, rows in chosen.groups():
        products, part, option = chosen.product[rows], exact[rows], batch.option(route, method)
        for side in (option.side, batch.buying_side(route, method)):
            for name, values in side.components.items():
                part[:, _POSITION[name]] += values[products]
        for name, cost in batch.cross_border(route, method).items():
            part[:, _POSITION[name]] = 0.0 - (cost[products] if isinstance(cost, np.ndarray) else cost)
        flags[rows] = batch.reasons(route, products, chosen.total[rows], chosen.method[rows])
        eligible[rows] = option.eligible
    return exact, flags, eligible


def _terms(batch: RouteBatch, chosen: ChosenRoutes) -> tuple[Objects, Objects]:
    """The country of the stock, and how the VAT inside the purchase price stands."""
    stocks, cases = np.empty(len(chosen.route), object), np.empty(len(chosen.route), object)
    for route, method, rows in chosen.groups():
        stocks[rows] = batch.option(route, method).stock
        cases[rows] = input_vat_of(batch.seller.profile, batch.routes[route][0], stocks[rows.start])
    return stocks, cases


def _referral_saving(batch: RouteBatch, chosen: ChosenRoutes, targets: Ints) -> Floats:
    """What the cheapest of the possible referral schedules would save, in the home currency."""
    selling, at = batch.selling, (targets, chosen.product)
    by_merchant = np.array([method == "fbm" for method in batch.methods])[chosen.method]
    highest = np.where(by_merchant, selling.merchant_referral[at], selling.referral[at])
    least = np.where(by_merchant, selling.merchant_referral_least[at], selling.referral_least[at])
    return np.asarray((highest - least) * _rates(batch.seller)[targets])


def _percentages(exact: dict[str, Floats], total: Floats, invested: Floats) -> dict[str, Floats]:
    sale, cost = exact["sale_price"], -exact["purchase_price"]
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "roi_pct": 100 * total / invested,
            "margin_net_pct": 100 * total / (sale + exact["output_vat"]),
            "margin_gross_pct": 100 * total / sale,
            "spread_pct": 100 * (sale - cost) / cost,
        }


def _max_buy(exact: dict[str, Floats], chosen: ChosenRoutes, seller: SellerCosts, rate: Floats) -> Floats:
    """The highest buying price for the profile's target ROI and profit, as a share of the price bought at.

    Profit and what is invested are linear in the buying price: neither selling nor its fees depend on it. ``rate`` is
    the exchange rate of each source.
    """
    roi, profit = seller.profile.target_roi_pct / 100, seller.profile.target_profit
    total, cost = chosen.total, -exact["purchase_price"]
    with np.errstate(invalid="ignore", divide="ignore"):
        net = cost - exact["input_vat"]
        landed = net - exact["freight"]
        # What each part of the cost grows by as the price does: freight and own costs do not.
        duty = -exact["duty"] / landed * net
        import_vat = -exact["import_vat"] / (landed - exact["duty"]) * (net + duty)
        tied_up = net + duty + import_vat
        lost = tied_up + np.where(rate != 1, seller.spread * cost, 0.0)
        share = 1 + (total - roi * chosen.invested) / (lost + roi * tied_up)
        if profit is not None:
            share = np.minimum(share, 1 + (total - profit) / lost)
        return np.asarray(np.maximum(0.0, share))


def _buying_provenance(batch: RouteBatch, sources: Ints, products: Ints) -> dict[str, Column]:
    """What explains the buying side: the price's basis and the VAT class."""
    at, fees = (sources, products), batch.buying.fees
    rows = batch.buying.row[at]
    basis = _basis(fees.offers, rows, batch.buying.buy_derived[at], batch.seller.profile.buy_basis)
    return {"buy_basis": basis, "vat_class_bought": fees.vat_class[rows]}


def _selling_provenance(batch: RouteBatch, targets: Ints, chosen: ChosenRoutes) -> dict[str, Column]:
    """What explains the selling side: the price's basis, the VAT class, referral schedule, size tier and package."""
    at, fees, fulfilment = (targets, chosen.product), batch.selling.fees, batch.selling.fulfilment
    rows, methods = batch.selling.row[at], np.array(batch.methods, object)[chosen.method]
    schedules = np.array([*(s.name for s in fees.day.schedules), ""], object)
    tiers = np.array([*fees.day.tiers, ""], object)
    keepa = fulfilment.from_keepa[at] & ((methods == "fba-local") | (methods == "pan-eu"))
    low_price = fulfilment.low_price[at] & (methods != "efn")
    package_from = fees.offers["package_from"].to_numpy(object)[rows] if "package_from" in fees.offers else ""
    return {
        "sell_basis": _basis(fees.offers, rows, batch.selling.sell_derived[at], batch.seller.profile.sell_basis),
        "vat_class_sold": fees.vat_class[rows],
        "referral_schedule": schedules[fees.referral.schedule[rows]],
        "referral_observed": fees.referral.observed[rows],
        "referral_candidates": fees.referral.candidates[rows],
        "package_from": np.broadcast_to(np.asarray(package_from, object), len(rows)),
        "size_tier": tiers[fees.sizes.tier[rows]],
        # Low-Price FBA goes by the unit's own weight.
        "billing_kg": np.where(low_price, fees.sizes.unit_kg[rows], fees.sizes.billing_kg[rows]),
        "fulfilment_from": _FEE_SOURCES[np.where(keepa, 1, np.where(low_price, 2, 0))],
    }


def _basis(offers: pd.DataFrame, rows: Ints, derived: Mask, basis: Basis) -> Objects:
    """Where the prices of these rows come from, in words: ``buy_box``, or ``buy_box, 90-day average``."""
    names = offers["price_basis"].to_numpy(object)[rows]
    if derived.any():
        # What is out of stock has such a price, and none of now whose basis could be named.
        pairs = zip(names[derived], _derived_from(offers, rows[derived], basis), strict=True)
        names[derived] = [f"{name}, {how}" if isinstance(name, str) else how for name, how in pairs]
    return np.asarray(names)


def _derived_from(offers: pd.DataFrame, rows: Ints, basis: Basis) -> Iterator[str]:
    """What each price that is not the spot price was made of."""
    if basis == "inferred":
        return (f"inferred from {sales:.0f} sales" for sales in numbers(offers, "sale_price_sales")[rows])
    return repeat(f"{90 if basis == 'robust' else basis.removeprefix('avg')}-day average", len(rows))
