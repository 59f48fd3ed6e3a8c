"""What a route leaves: every fee and tax as its own column, and their sum. Pure and vectorised.

Signed amounts in the home currency; NaN with a reason where something needed is unknown. The formulas are
those of VAT practice: a registered seller owes the VAT inside the selling price and recovers the VAT inside
the purchase price and on fees; an unregistered one does neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from arbkit.markets import MARKETS
from arbkit.money.cents import COMPONENTS, to_cents
from arbkit.money.charges import (
    Reasons,
    closing_fees,
    digital_services_fees,
    mapped,
    mapped_text,
    own_costs,
    share,
)
from arbkit.money.fulfilment import SPECIAL, Sizes, efn_fees, local_fees, peak_fees, size_tiers
from arbkit.money.fx import Rates
from arbkit.money.profile import Profile, Way
from arbkit.money.referral import referral_fees
from arbkit.money.tables import Tables

__all__ = ["WAYS", "evaluate", "evaluate_one_way", "evaluate_ways", "why_not"]

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]

_FEES = (
    "referral_fee", "closing_fee", "fulfilment_fee", "fuel_surcharge", "peak_surcharge", "digital_services_fee",
    "vat_on_fees",
)  # fmt: skip
WAYS: tuple[Way, ...] = ("fba-local", "efn", "fbm")


def evaluate(
    offers: pd.DataFrame,
    profile: Profile,
    tables: Tables,
    rates: Rates,
    *,
    on: date,
    routes: Sequence[tuple[str, str]] | None = None,
) -> pd.DataFrame:
    """Every route of these offers by its best way of fulfilment, one row per (asin, source, target).

    Args:
        offers: :data:`OFFER_COLUMNS` (and, where given, ``package_from``, ``package_assumed``); amounts in
            minor units of the marketplace's currency, NaN unknown. One row per product and marketplace.
        routes: (source, target) pairs to look at; None: all.

    Returns:
        ``asin, source, target, buy_price, buy_currency, sell_price, sell_currency`` (shop prices, major
        units), ``buy_basis, sell_basis``, a column per name of :data:`COMPONENTS` (signed, cents,
        ``currency``), ``profit, invested, roi_pct, margin_net_pct, margin_gross_pct, spread_pct, fees``,
        ``fulfilment``, what explains them, and ``unknown`` and ``assumed``: reasons joined by ``"; "``.
    """
    ways = evaluate_ways(offers, profile, tables, rates, on=on, routes=routes)
    names = [way for way in profile.fulfilment if way in ways]
    best = pd.concat([ways[way]["_rank"] for way in names], axis=1).to_numpy()
    choice = best.argmax(axis=1) if len(best) else np.zeros(0, int)
    chosen = ways[names[0]].copy()
    for place, way in enumerate(names[1:], start=1):
        rows = choice == place
        chosen.loc[rows] = ways[way].loc[rows]
    return chosen.drop(columns="_rank")


def evaluate_ways(
    offers: pd.DataFrame,
    profile: Profile,
    tables: Tables,
    rates: Rates,
    *,
    on: date,
    routes: Sequence[tuple[str, str]] | None = None,
    ways: Iterable[Way] | None = None,
) -> dict[Way, pd.DataFrame]:
    """As :func:`evaluate`, one frame per way of fulfilment, rows alike; ``_rank`` is what the best is chosen by."""
    base = _base(_pair(offers, routes), profile, tables, rates, on)
    return {way: _priced(base, way, profile, tables, on) for way in (ways or profile.fulfilment)}


@dataclass(frozen=True, slots=True)
class _Base:
    """What of a route does not depend on the way of fulfilment. Amounts in the home currency."""

    frame: pd.DataFrame
    sell: pd.DataFrame
    exact: dict[str, Floats]
    source: Objects
    target: Objects
    sell_price: Floats
    to_home: Floats
    schedule: npt.NDArray[np.int64]
    crosses: npt.NDArray[np.bool_]
    weight_kg: Floats
    unknown: Reasons
    assumed: Reasons


def _pair(offers: pd.DataFrame, routes: Sequence[tuple[str, str]] | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The offers bought and sold on, row by row alike."""
    offers = offers.reset_index(drop=True)
    asins, _ = pd.factorize(offers["asin"])
    codes = list(MARKETS)
    place = np.full((asins.max(initial=-1) + 1, len(codes)), -1)
    place[asins, offers["market"].map(codes.index).to_numpy(int)] = np.arange(len(offers))
    wanted = routes if routes is not None else [(s, t) for s in codes for t in codes if s != t]
    buys, sells = [], []
    for source, target in wanted:
        buy, sell = place[:, codes.index(source)], place[:, codes.index(target)]
        there = (buy >= 0) & (sell >= 0)
        buys.append(buy[there])
        sells.append(sell[there])
    buy = np.concatenate(buys) if buys else np.zeros(0, int)
    sell = np.concatenate(sells) if sells else np.zeros(0, int)
    return offers.iloc[buy].reset_index(drop=True), offers.iloc[sell].reset_index(drop=True)


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    return frame[name].to_numpy("float64", na_value=np.nan)


def _price(frame: pd.DataFrame) -> Floats:
    """The shop price with shipping where it is known, in major units; NaN if there is none."""
    price = _numbers(frame, "price_minor")
    return np.asarray(np.where(price > 0, (price + np.nan_to_num(_numbers(frame, "shipping_minor"))) / 100, np.nan))


def evaluate_one_way(
    buy: pd.DataFrame, sell: pd.DataFrame, way: Way, profile: Profile, tables: Tables, rates: Rates, *, on: date
) -> pd.DataFrame:
    """Rows bought as ``buy`` says and sold as ``sell`` says, by one way, the referral fee not rounded.

    For solving for a price: whole cents of a fee would make profit jump up and down by a cent.
    """
    return _priced(_base((buy, sell), profile, tables, rates, on, whole_cents=False), way, profile, tables, on)


def _base(
    pairs: tuple[pd.DataFrame, pd.DataFrame],
    profile: Profile,
    tables: Tables,
    rates: Rates,
    on: date,
    *,
    whole_cents: bool = True,
) -> _Base:
    buy, sell = pairs
    count = len(buy)
    unknown, assumed = Reasons(), Reasons()
    everywhere = np.ones(count, bool)
    source, target = buy["market"].to_numpy(object), sell["market"].to_numpy(object)
    buy_price, sell_price = _price(buy), _price(sell)
    unknown.add("no price where it is bought", np.isnan(buy_price))
    unknown.add("no price where it is sold", np.isnan(sell_price))
    if not tables.covers(on):
        unknown.add(f"no fee tables reach back to {on}", everywhere)
        sell_price = np.full(count, np.nan)
    home_rate, rate_day, stale = _home_rates(profile, rates, on)
    buy_rate, sell_rate = mapped(source, home_rate), mapped(target, home_rate)
    unknown.add(f"no exchange rate of {on}", np.isnan(buy_rate) | np.isnan(sell_rate))
    crossing = (buy_rate != 1) | (sell_rate != 1)
    if stale:
        assumed.add(f"exchange rate of {rate_day} is {stale} days old", crossing)
    vat_target = mapped(target, {m: tables.vat(m, profile.vat_class) for m in MARKETS})
    vat_source = mapped(source, {m: tables.vat(m, profile.vat_class) for m in MARKETS})
    registered = profile.vat_status != "unregistered"
    reclaims = profile.vat_status == "reclaiming"
    sale, cost = sell_price * sell_rate, buy_price * buy_rate
    referral = referral_fees(
        tables,
        price=sell_price,
        currency=mapped_text(target, {m.code: m.currency for m in MARKETS.values()}),
        category=sell["category"],
        keepa_pct=_numbers(sell, "keepa_referral_pct"),
        keepa_price=_numbers(sell, "keepa_referral_price") if "keepa_referral_price" in sell else sell_price,
    )
    unknown.add("category unknown, so no referral fee", (referral.schedule < 0) & ~np.isnan(sell_price))
    assumed.add("referral schedule: the dearest of several", referral.candidates > 1)
    closing = closing_fees(tables, target, referral.schedule, _numbers(sell, "keepa_closing_fee_minor"))
    unknown.add("closing fee unknown", np.isnan(closing) & (referral.schedule >= 0))
    weight_kg = _numbers(sell, "weight_g") / 1000
    crosses = (source == "UK") != (target == "UK")
    customs = profile.customs
    net_cost = np.where(reclaims, cost / (1 + vat_source), cost)
    per_kg = np.where(np.isnan(weight_kg) & (customs.freight_per_kg == 0), 0.0, customs.freight_per_kg * weight_kg)
    freight = np.where(crosses, customs.freight_per_unit + per_kg, 0.0)
    if profile.freight is not None:
        freight = np.full(count, profile.freight)
    duty_rate = np.nan if customs.duty_pct is None else customs.duty_pct / 100
    duty = np.where(crosses, duty_rate * (net_cost + freight), 0.0)
    import_vat = np.where(crosses & (not reclaims), vat_target * (net_cost + freight + duty), 0.0)
    unknown.add("duty unknown: set duty_pct", crosses & np.isnan(duty_rate))
    assumed.add("duty and freight by profile", crosses & ~np.isnan(duty_rate))
    spread = profile.exchange_spread_pct / 100
    fx = spread * (np.where(buy_rate != 1, cost, 0.0) + np.where(sell_rate != 1, sale, 0.0))
    exact = {
        "sale_price": sale,
        "output_vat": -(sale * vat_target / (1 + vat_target)) * registered,
        # Amazon charges whole cents of the store's currency.
        "referral_fee": -(np.round(referral.fee, 2) if whole_cents else referral.fee) * sell_rate,
        "closing_fee": -closing * sell_rate,
        "purchase_price": -cost,
        "input_vat": np.where(reclaims, cost * vat_source / (1 + vat_source), 0.0),
        "duty": -duty,
        "import_vat": -import_vat,
        "freight": -freight,
        "fx_cost": -fx,
    }
    frame = pd.DataFrame(
        {
            "asin": buy["asin"],
            "source": source,
            "target": target,
            "buy_price": buy_price,
            "buy_currency": mapped_text(source, {m.code: m.currency for m in MARKETS.values()}),
            "sell_price": sell_price,
            "sell_currency": mapped_text(target, {m.code: m.currency for m in MARKETS.values()}),
            "buy_basis": buy["price_basis"],
            "sell_basis": sell["price_basis"],
            "spread_pct": 100 * (sale - cost) / cost,
            "referral_schedule": np.array([s.name for s in tables.schedules] + [""], object)[referral.schedule],
            "referral_observed": referral.observed,
            "referral_candidates": referral.candidates,
            "buy_rate": buy_rate,
            "sell_rate": sell_rate,
            "updated_at": np.fmin(_numbers(buy, "updated_at"), _numbers(sell, "updated_at")),
            "package_from": sell.get("package_from", ""),
            "currency": profile.currency,
        }
    )
    if "package_assumed" in sell:
        assumed.add("package size and weight assumed by profile", sell["package_assumed"].to_numpy(bool))
    return _Base(
        frame, sell, exact, source, target, sell_price, sell_rate, referral.schedule, crosses, weight_kg,
        unknown, assumed,
    )  # fmt: skip


def _priced(base: _Base, way: Way, profile: Profile, tables: Tables, on: date) -> pd.DataFrame:
    """The routes by one way of fulfilment; ``_rank`` is profit, −inf where the way is not open."""
    count = len(base.frame)
    unknown, assumed = base.unknown.copy(), base.assumed.copy()
    sizes = size_tiers(base.sell, tables)
    stock = base.target if way == "fba-local" else base.source
    if way == "efn" and profile.stock is not None:
        stock = np.full(count, profile.stock, object)
    fee, low, from_keepa = _fulfilment(base, way, profile, tables, sizes, stock)
    not_special = sizes.tier != SPECIAL
    unknown.add("package size or weight unknown", np.isnan(fee) & (sizes.tier == "") & (way != "fbm"))
    unknown.add("special oversize is not priced", np.isnan(fee) & ~not_special & (way != "fbm"))
    unknown.add("no fulfilment fee for this size", np.isnan(fee) & (sizes.tier != "") & not_special & (way != "fbm"))
    unknown.add("own shipping cost unknown: set fbm_shipping", np.isnan(fee) & (way == "fbm"))
    fuel_row = tables.dated("surcharges", "fuel", on)
    fuel = 0.0 if fuel_row is None or way == "fbm" else fuel_row["percent"] / 100
    peak = np.zeros(count) if way == "fbm" else peak_fees(tables, stock=stock, sizes=sizes, low_price=low, on=on)
    peak_row = tables.dated("surcharges", "peak", on)
    assumed.add("peak surcharge: last season's amount", (peak > 0) & bool(peak_row and peak_row["assumed"]))
    if way == "efn":
        assumed.add("currency of UK EFN fees taken as the store's", base.crosses)
    exact = dict(base.exact)
    to_home = np.ones(count) if way == "fbm" else base.to_home
    exact["fulfilment_fee"] = -fee * to_home
    exact["fuel_surcharge"] = -fee * fuel * to_home
    exact["peak_surcharge"] = -peak * to_home
    exact["digital_services_fee"] = digital_services_fees(
        exact, profile, tables, base.target, on, assumed, fba=way != "fbm"
    )
    home_vat = tables.vat(profile.home)
    fee_names = [n for n in _FEES if n != "vat_on_fees" and not (way == "fbm" and n == "fulfilment_fee")]
    registered = profile.vat_status != "unregistered"
    exact["vat_on_fees"] = share(0.0 if registered else home_vat, np.sum([exact[n] for n in fee_names], axis=0))
    own = own_costs(profile, base.weight_kg, way)
    unknown.add("package weight unknown, so no inbound cost", np.isnan(own) & ~np.isnan(fee))
    exact["other_costs"] = -own * (1.0 if registered else 1 + home_vat)
    open_ = np.array([not why_not(way, profile, s, t) for s, t in zip(base.source, base.target, strict=True)], bool)
    frame = base.frame.copy()
    rounded, profit = to_cents(exact)
    for name in COMPONENTS:
        frame[name] = rounded[name]
    net_purchase = -(exact["purchase_price"] + exact["input_vat"])
    invested = net_purchase - exact["duty"] - exact["import_vat"] - exact["freight"] - exact["other_costs"]
    revenue = exact["sale_price"] + exact["output_vat"]
    total = sum(exact[name] for name in COMPONENTS)
    frame["profit"] = profit
    frame["profit_exact"] = total
    frame["invested"] = np.round(invested, 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        frame["roi_pct"] = 100 * total / invested
        frame["margin_net_pct"] = 100 * total / revenue
        frame["margin_gross_pct"] = 100 * total / exact["sale_price"]
    frame["fees"] = -sum(rounded[name] for name in _FEES)
    frame["fulfilment"] = way
    frame["stock"] = stock
    frame["size_tier"] = sizes.tier
    frame["billing_kg"] = sizes.billing_kg
    frame["fulfilment_from"] = np.where(from_keepa, "keepa", np.where(low, "low-price table", "table"))
    frame["unknown"] = unknown.text(count)
    frame["assumed"] = assumed.text(count)
    frame.loc[np.isnan(profit) & (frame["unknown"] == ""), "unknown"] = "something needed is unknown"
    # Unknown comes before forbidden, so that the reason shown is the one a user can mend.
    frame["_rank"] = np.where(open_, np.where(np.isnan(profit), -1e17, profit), -1e18)
    closed = ~open_
    frame.loc[closed, ["profit", "profit_exact", "roi_pct", "margin_net_pct", "margin_gross_pct"]] = np.nan
    frame.loc[closed, "unknown"] = "no way of fulfilment is open to this profile"
    return frame


def why_not(way: Way, profile: Profile, source: str, target: str) -> str | None:
    """Why a way of fulfilment is not open on a route, or None if it is."""
    if way == "fba-local" and not profile.may_store_in(target):
        return f"stock in {target} needs a VAT registration there"
    if way == "efn":
        stock = profile.stock or source
        if stock == target:
            return f"the stock lies in {target} already: that is local fulfilment"
        if not profile.may_store_in(stock):
            return f"stock in {stock} needs a VAT registration there"
    return None


def _fulfilment(
    base: _Base, way: Way, profile: Profile, tables: Tables, sizes: Sizes, stock: Objects
) -> tuple[Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Fee in the store's currency (own shipping in the home one); where low-price; where it is Keepa's."""
    count = len(base.frame)
    nowhere = np.zeros(count, bool)
    if way == "fbm":
        own = np.nan if profile.fbm_shipping is None else profile.fbm_shipping
        return np.full(count, own), nowhere, nowhere
    if way == "efn":
        return efn_fees(tables, profile, stock=stock, store=base.target, sizes=sizes), nowhere, nowhere
    fee, low = local_fees(
        tables, profile, store=base.target, sizes=sizes, price=base.sell_price, schedule=base.schedule
    )
    keepa = _numbers(base.sell, "keepa_fba_fee_minor") / 100
    if profile.warehouses == "cep":
        keepa = np.where(base.target == "DE", np.nan, keepa)
    observed = keepa > 0
    return np.where(observed, keepa, fee), low, observed


def _home_rates(profile: Profile, rates: Rates, on: date) -> tuple[dict[str, float], date | None, int]:
    found = {m.code: rates.rate(m.currency, profile.currency, on) for m in MARKETS.values()}
    stale = max((r.stale_days for r in found.values() if r is not None), default=0)
    days = [r.day for r in found.values() if r is not None and r.value != 1]
    values = {code: np.nan if r is None else r.value for code, r in found.items()}
    return values, (days[0] if days else None), stale
