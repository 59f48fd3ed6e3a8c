"""Stored opportunities asked again: with another seller, another exchange rate, other prices."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from arbkit.analysis.market.assumptions import AssumedPackage, Assumptions, with_package
from arbkit.analysis.market.search import Turn
from arbkit.analysis.offers import moment_of, prepare_offers
from arbkit.analysis.routes import PricedRoute, RoutePrices, price_routes
from arbkit.core.errors import UsageError
from arbkit.core.models import Offer, Opportunity
from arbkit.core.results import Json
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.profit.fees.arrays import Mask
from arbkit.profit.offer_facts import categories
from arbkit.profit.quote.package import QuotedPackage
from arbkit.profit.quote.request import QuoteRequest
from arbkit.profit.reason_codes import messages
from arbkit.profit.route_frame import route_rows

Cell = str | float | bool | None
"""A cell of a frame of offers; NaN and None are unknown."""

_NO_METHOD = "no way of fulfilment is open"


TURN_WORDS: Mapping[Turn, str] = {"": "", "wins": "becomes an opportunity", "loses": "would lose"}


@dataclass(frozen=True, slots=True)
class AssumedRoute:
    """A route under assumptions: ``then``, what it would be (None: ``unknown`` says why), and ``now``, what it is."""

    then: Opportunity | None
    now: Opportunity | None
    unknown: tuple[str, ...] = ()

    @property
    def turn(self) -> Turn:
        """Whether it becomes an opportunity, or ceases to be one."""
        was, is_one = (o is not None and o.status == "opportunity" for o in (self.now, self.then))
        return "" if was == is_one else "wins" if is_one else "loses"


def routes_under(
    ids: Sequence[str], offers: Sequence[Offer], assumed: Assumptions, seller: Profile, *, on: date, now: float
) -> dict[str, AssumedRoute]:
    """These routes as they would be and as they are with ``seller``, by id, without those that are offered no more.

    Args:
        ids: ``asin:source:target``.
        offers: all offers of their products, with what the user typed in.
        assumed: what is assumed.
        seller: the configured one.
        on: day of tables, VAT and exchange rates.
        now: Unix seconds, to which ages count.
    """
    if not ids or not offers:
        return {}
    prepared, tables = prepare_offers(offers, now=moment_of(on, now=now)), load_tables()
    by_asin: dict[str, list[Offer]] = {}
    for offer in offers:
        by_asin.setdefault(offer.asin, []).append(offer)

    def listings(asins: Sequence[str]) -> list[Offer]:
        return [offer for asin in asins for offer in by_asin[asin]]

    def priced(prices: RoutePrices) -> tuple[dict[str, Opportunity], dict[str, tuple[str, ...]]]:
        wanted = _mask(prices, ids)
        found = prices.opportunities(wanted, now=moment_of(on, now=now), evaluated_at=now, listings=listings)
        unknown = wanted & np.isnan(prices.evaluation.profit)
        frame = prices.evaluation.frame(unknown) if unknown.any() else pd.DataFrame()
        reasons = {
            f"{row['asin']}:{row['source']}:{row['target']}": messages(row["unknown"]) or (_NO_METHOD,)
            for row in (route_rows(frame) if len(frame) else ())
        }
        return {one.id: one for one in found}, reasons

    then, unknown = priced(
        price_routes(
            assumed.bought(prepared), assumed.profile, tables, assumed.rates, on=on, selling=assumed.sold(prepared)
        )
    )
    today, _ = priced(price_routes(prepared, seller, tables, load_rates(), on=on))
    offered = {(o.asin, o.market) for o in offers}
    return {
        one: AssumedRoute(then.get(one), today.get(one), unknown.get(one, ()))
        for one in ids
        if _is_offered(one, offered)
    }


def _is_offered(route: str, offered: Set[tuple[str, str]]) -> bool:
    asin, source, target = route.split(":")
    return (asin, source) in offered and (asin, target) in offered


def _mask(prices: RoutePrices, ids: Sequence[str]) -> Mask:
    """Which routes of a pricing these are, of shape (routes, products)."""
    evaluation = prices.evaluation
    product = {asin: number for number, asin in enumerate(evaluation.buying.asins.tolist())}
    route = {pair: number for number, pair in enumerate(evaluation.routes)}
    wanted = np.zeros(evaluation.profit.shape, bool)
    for one in ids:
        asin, source, target = one.split(":")
        if asin in product:
            wanted[route[source, target], product[asin]] = True
    return wanted


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
    found: Opportunity | PricedRoute,
    offers: Sequence[Offer],
    profile: Profile,
    *,
    on: date,
    package: AssumedPackage = "likely",
) -> tuple[QuoteRequest, QuotedPackage]:
    """The question whose answer, with this profile, is what detection found: same prices, package, facts and day.

    ``package`` is taken where the product has no measures.

    Raises:
        UsageError: the product is not offered on the marketplace it would be sold on any more.
    """
    facts = with_package(prepare_offers(offers, now=moment_of(on, now=time.time())), package)
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
