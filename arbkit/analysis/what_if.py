"""Stored opportunities asked again: with another seller, another exchange rate, other prices."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from arbkit.analysis.offers import moment_of, prepare_offers
from arbkit.analysis.routes import PricedRoute, RoutePrices, price_routes
from arbkit.core.errors import UsageError
from arbkit.core.input.validation import Value
from arbkit.core.models import Offer, Opportunity
from arbkit.core.results import Json
from arbkit.profit import Profile, Rates, Tables
from arbkit.profit.components import rounded
from arbkit.profit.offer_facts import categories
from arbkit.profit.quote.package import QuotedPackage
from arbkit.profit.quote.request import QuoteRequest
from arbkit.profit.reason_codes import join_messages

Cell = str | float | bool | None
"""A cell of a frame of offers; NaN and None are unknown."""

_NOT_OFFERED = "not offered on both marketplaces any more"
_NO_METHOD = "no way of fulfilment is open"


def reprice(
    found: Sequence[Opportunity],
    offers: Sequence[Offer],
    profile: Profile,
    tables: Tables,
    rates: Rates,
    *,
    changes: Mapping[str, Value],
    on: date,
    sell_change_pct: float = 0.0,
) -> list[PricedRoute]:
    """The same routes at their found prices, the selling price moved by a percentage, with another seller.

    ``changes``: fields of :class:`~arbkit.profit.quote.request.QuoteRequest` that describe the seller. All are
    priced at once: a page of a table costs little more than one route. Profit in the profile's home currency.

    Raises:
        UsageError: a change is out of range, or impossible with the profile.
    """
    if not found:
        return []
    first = found[0]
    route: dict[str, Json | date] = {"source": first.source, "target": first.target}
    route |= {"buy": first.buy_price, "sell": first.sell_price, **changes}
    seller_profile = QuoteRequest.parse(route).apply(profile)
    facts = prepare_offers(offers, now=moment_of(on, now=time.time())).set_index(["asin", "market"], drop=False)
    usable = [o for o in found if (o.asin, o.source) in facts.index and (o.asin, o.target) in facts.index]
    factor = 1 + sell_change_pct / 100
    bought = _at_prices(facts, [(o.asin, o.source) for o in usable], [o.buy_price for o in usable], profile)
    sold = _at_prices(facts, [(o.asin, o.target) for o in usable], [o.sell_price * factor for o in usable], profile)
    currency = seller_profile.currency
    routes = sorted({(o.source, o.target) for o in usable})
    prices = price_routes(bought, seller_profile, tables, rates, on=on, selling=sold, routes=routes)
    repriced = dict(zip((o.id for o in usable), _repriced(prices, usable, factor, currency), strict=True))
    return [repriced.get(o.id) or _unknown(o, factor, currency, _NOT_OFFERED) for o in found]


def _at_prices(
    facts: pd.DataFrame, wanted: list[tuple[str, str]], prices: Sequence[float], profile: Profile
) -> pd.DataFrame:
    """An offer for each route, at its price; each a product of its own, for a product may be there twice."""
    rows = facts.loc[wanted].reset_index(drop=True)
    said = rows["asin"].map(profile.schedules)
    category = np.where(said.isna(), categories(rows), said.to_numpy(object))
    return rows.drop(columns="category_path").assign(
        keepa_referral_price=rows["price_minor"] / 100,
        asin=np.arange(len(rows)),
        price_minor=np.round(np.asarray(prices) * 100),
        price_basis="as found",
        shipping_minor=np.nan,
        category=category,
    )


def _repriced(prices: RoutePrices, found: Sequence[Opportunity], factor: float, currency: str) -> list[PricedRoute]:
    """One route each, in the order of the products; frames are made only of what needs a reason."""
    evaluation = prices.evaluation
    number = {route: position for position, route in enumerate(evaluation.routes)}
    routes = np.array([number[o.source, o.target] for o in found], dtype=np.int64)
    at = routes, np.arange(len(found))
    profits, rois, margins = evaluation.profit[at], evaluation.roi_pct[at], evaluation.margin_net_pct[at]
    unknown = np.zeros_like(evaluation.listed_on_both)
    unknown[at] = np.isnan(profits)
    reasons: dict[Any, str] = {}
    if unknown.any():
        frame = prices.evaluation.frame(unknown)
        reasons = dict(zip(frame["asin"], map(join_messages, frame["unknown"]), strict=True))
    return [
        _unknown(o, factor, currency, reasons.get(position) or _NO_METHOD)
        if np.isnan(profits[position])
        else replace(
            _unknown(o, factor, currency),
            profit=rounded(profits[position]),
            roi_pct=rounded(rois[position]),
            margin_pct=rounded(margins[position]),
            fulfilment=evaluation.methods[evaluation.method_index[routes[position], position]],
        )
        for position, o in enumerate(found)
    ]


def _unknown(found: Opportunity, factor: float, currency: str, *unknown: str) -> PricedRoute:
    return PricedRoute(
        asin=found.asin,
        source=found.source,
        target=found.target,
        buy_price=found.buy_price,
        buy_currency=found.buy_currency,
        sell_price=rounded(found.sell_price * factor),
        sell_currency=found.sell_currency,
        currency=currency,
        unknown=unknown,
    )


def priced_route(prices: RoutePrices, offers: Sequence[Offer], source: str, target: str) -> PricedRoute:
    """One route of the product of these offers, with both of its prices.

    Raises:
        UsageError: they are the same, or there is no price on one of the two; says why.
    """
    if source == target:
        raise UsageError("source and target are the same", field="target", value=target)
    now = moment_of(prices.evaluation.seller.day.on, now=time.time())
    routes = prices.routes(now=now, listings=lambda _: offers)
    found = {route.id: route for route in routes}.get(f"{source}:{target}")
    if found is None or found.buy_price is None or found.sell_price is None:
        absent = [code for code in (source, target) if code not in {o.market for o in offers}]
        unknown = "; ".join(found.unknown) if found else f"not listed on {' and '.join(absent)}"
        raise UsageError(f"cannot be priced: {unknown}", field="route", value=f"{source} → {target}")
    return found


def quote_request_for(
    found: Opportunity | PricedRoute, offers: Sequence[Offer], profile: Profile, *, on: date
) -> tuple[QuoteRequest, QuotedPackage]:
    """The question whose answer, with this profile, is what detection found: same prices, package, facts and day.

    Raises:
        UsageError: the product is not offered on the marketplace it would be sold on any more.
    """
    facts = prepare_offers(offers, now=moment_of(on, now=time.time()))
    rows = facts[facts["market"] == found.target]
    if rows.empty:
        raise UsageError("is not offered there any more", field="target", value=found.target)
    sell = rows.iloc[0]
    spot = sell["price_minor"]
    fields: dict[str, Json | date] = {
        "source": found.source,
        "buy": found.buy_price,
        "target": found.target,
        "sell": found.sell_price,
        "category": profile.schedules.get(found.asin, _known(categories(rows)[0])),
        "hazmat": bool(_known(sell["hazmat"])),
        "keepa_fba_fee": _major(sell["keepa_fba_fee_minor"]),
        "keepa_closing_fee": _major(sell["keepa_closing_fee_minor"]),
        "keepa_referral_pct": _known(sell["keepa_referral_pct"]),
        "keepa_referral_price": _major(spot) if _known(spot) else None,
        "on": on,
    }
    request = QuoteRequest.parse({name: value for name, value in fields.items() if value is not None})
    return request, QuotedPackage.of_offers(rows)


def _known(value: Cell) -> Cell:
    return None if pd.isna(value) else value


def _major(value: Cell) -> float | None:
    return None if _known(value) is None else float(str(value)) / 100
