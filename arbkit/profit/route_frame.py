"""Priced routes as a frame, one row each: amounts to the cent, and what explains them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from arbkit.core.marketplaces import MARKET_CODES, MARKETS
from arbkit.profit.components import COMPONENTS, Components, round_components
from arbkit.profit.fees.arrays import Floats, Ints, Objects
from arbkit.profit.offer_facts import prices
from arbkit.profit.reason_codes import ASSUMED, UNKNOWN, Reason, decode_reasons
from arbkit.profit.route_batch import FulfilmentOption, RouteBatch
from arbkit.profit.seller.input_vat import input_vat_of
from arbkit.profit.seller.profile import Basis, FulfilmentMethod, InputVat
from arbkit.profit.trade_costs import SellerCosts

Column = npt.NDArray[np.generic] | str
_FEES = (
    "referral_fee", "closing_fee", "fulfilment_fee", "fuel_surcharge", "peak_surcharge", "packaging_fee",
    "digital_services_fee", "vat_on_fees", "storage", "refunds",
)  # fmt: skip


class RouteRow(Components):
    """One row of :func:`route_frame`.

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


def route_rows(frame: pd.DataFrame) -> Iterator[RouteRow]:
    """The rows of :func:`route_frame`, or of such a frame with columns of the caller's own."""
    names = [str(name) for name in frame.columns]
    for values in zip(*(frame[name].tolist() for name in names), strict=True):
        yield cast(RouteRow, dict(zip(names, values, strict=True)))


def route_frame(
    batch: RouteBatch, route: int, method_index: int, products: Ints, total: Floats, invested: Floats
) -> pd.DataFrame:
    """These products on one route of a batch by one method, one :class:`RouteRow` each.

    ``products``: their indices in the batch; ``total`` and ``invested``: the route's exact amounts, one entry each.
    """
    source, target = batch.routes[route]
    s, t = MARKET_CODES.index(source), MARKET_CODES.index(target)
    option, seller = batch.option(route, method_index), batch.seller
    exact = _exact_components(batch, route, method_index, products)
    rounded, profit = round_components(exact)
    if not option.eligible:
        profit = np.full(len(products), np.nan)
    flags = batch.reasons(route, products, total, np.full(len(products), method_index, np.int8))
    selling = batch.selling
    highest, least = selling.referral[t], selling.referral_least[t]
    if option.method == "fbm":
        highest, least = selling.merchant_referral[t], selling.merchant_referral_least[t]
    referral_saving = (highest - least)[products] * seller.rate[target]
    return pd.DataFrame(
        {
            "asin": batch.buying.asins[products],
            "source": source,
            "target": target,
            "buy_price": batch.buying.buy_price[s][products],
            "buy_currency": MARKETS[source].currency,
            "sell_price": batch.selling.sell_price[t][products],
            "sell_currency": MARKETS[target].currency,
            **_percentages(exact, total, invested),
            "max_buy": _max_buy(exact, total, invested, seller, source) * batch.buying.buy_price[s][products],
            "referral_saving": referral_saving,
            **_buying_provenance(batch, s, products),
            **_selling_provenance(batch, t, products, option),
            "updated_at": np.fmin(batch.buying.updated_at[s], batch.selling.updated_at[t])[products],
            "currency": seller.profile.currency,
            **rounded,
            "profit": profit,
            "profit_exact": np.where(np.isnan(profit), np.nan, total),
            "invested": np.round(invested, 2),
            "fees": -sum(rounded[name] for name in _FEES),
            "fulfilment": option.method,
            "stock": option.stock,
            "input_vat_case": input_vat_of(seller.profile, source, option.stock),
            "reason_flags": flags,
            "unknown": decode_reasons(flags & UNKNOWN, seller.reason_parameters),
            "assumed": decode_reasons(flags & ASSUMED, seller.reason_parameters),
        }
    )


def _exact_components(batch: RouteBatch, route: int, method_index: int, products: Ints) -> dict[str, Floats]:
    """All components of these products, unrounded."""
    zero = np.zeros(len(products))
    exact: dict[str, Floats] = dict.fromkeys(COMPONENTS, zero)
    for side in (batch.option(route, method_index).side, batch.buying_side(route, method_index)):
        for name, values in side.components.items():
            exact[name] = exact[name] + values[products]
    for name, cost in batch.cross_border(route, method_index).items():
        exact[name] = zero - (cost[products] if isinstance(cost, np.ndarray) else cost)
    return exact


def _percentages(exact: dict[str, Floats], total: Floats, invested: Floats) -> dict[str, Floats]:
    sale, cost = exact["sale_price"], -exact["purchase_price"]
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "roi_pct": 100 * total / invested,
            "margin_net_pct": 100 * total / (sale + exact["output_vat"]),
            "margin_gross_pct": 100 * total / sale,
            "spread_pct": 100 * (sale - cost) / cost,
        }


def _max_buy(exact: dict[str, Floats], total: Floats, invested: Floats, seller: SellerCosts, source: str) -> Floats:
    """The highest buying price for the profile's target ROI and profit, as a share of the price bought at.

    Profit and what is invested are linear in the buying price: neither selling nor its fees depend on it.
    """
    roi, profit = seller.profile.target_roi_pct / 100, seller.profile.target_profit
    cost = -exact["purchase_price"]
    with np.errstate(invalid="ignore", divide="ignore"):
        net = cost - exact["input_vat"]
        landed = net - exact["freight"]
        # What each part of the cost grows by as the price does: freight and own costs do not.
        duty = -exact["duty"] / landed * net
        import_vat = -exact["import_vat"] / (landed - exact["duty"]) * (net + duty)
        tied_up = net + duty + import_vat
        lost = tied_up + (seller.spread * cost if seller.rate[source] != 1 else 0.0)
        share = 1 + (total - roi * invested) / (lost + roi * tied_up)
        if profit is not None:
            share = np.minimum(share, 1 + (total - profit) / lost)
        return np.asarray(np.maximum(0.0, share))


def _buying_provenance(batch: RouteBatch, s: int, products: Ints) -> dict[str, Column]:
    """What explains the buying side: the price's basis and the VAT class."""
    rows, fees = batch.buying.row[s][products], batch.buying.fees
    basis = _basis(fees.offers.iloc[rows], batch.seller.profile.buy_basis, buying=True)
    return {"buy_basis": basis, "vat_class_bought": fees.vat_class[rows]}


def _selling_provenance(batch: RouteBatch, t: int, products: Ints, option: FulfilmentOption) -> dict[str, Column]:
    """What explains the selling side: the price's basis, the VAT class, referral schedule, size tier and package."""
    rows, fees, fulfilment = batch.selling.row[t][products], batch.selling.fees, batch.selling.fulfilment
    offers = fees.offers.iloc[rows]
    schedules = np.array([*(s.name for s in fees.day.schedules), ""], object)
    tiers = np.array([*fees.day.tiers, ""], object)
    keepa = fulfilment.from_keepa[t][products] & (option.method in ("fba-local", "pan-eu"))
    low_price = fulfilment.low_price[t][products] & (option.method != "efn")
    return {
        "sell_basis": _basis(offers, batch.seller.profile.sell_basis, buying=False),
        "vat_class_sold": fees.vat_class[rows],
        "referral_schedule": schedules[fees.referral.schedule[rows]],
        "referral_observed": fees.referral.observed[rows],
        "referral_candidates": fees.referral.candidates[rows],
        "package_from": offers["package_from"].to_numpy(object) if "package_from" in offers else "",
        "size_tier": tiers[fees.sizes.tier[rows]],
        # Low-Price FBA goes by the unit's own weight.
        "billing_kg": np.where(low_price, fees.sizes.unit_kg[rows], fees.sizes.billing_kg[rows]),
        "fulfilment_from": np.where(keepa, "keepa", np.where(low_price, "low-price table", "table")),
    }


def _basis(offers: pd.DataFrame, basis: Basis, *, buying: bool) -> Objects:
    """Where a price comes from, in words: ``buy_box``, or ``buy_box, 90-day average``."""
    names, averaged = offers["price_basis"], prices(offers, basis, buying=buying).averaged
    if not averaged.any():
        return names.to_numpy(object)
    average = f"{90 if basis == 'robust' else basis.removeprefix('avg')}-day average"
    # What is out of stock has an average, and no price of now whose basis could be named.
    return (names + f", {average}").fillna(average).where(averaged, names).to_numpy(object)
