"""Taking a decision: what is known of the product when it is taken is kept with it."""

from __future__ import annotations

import getpass
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from arbkit.core.decisions.event import Decision, DecisionConflictError, brand_key
from arbkit.core.decisions.request import DecisionRequest
from arbkit.core.decisions.rules import purchases_of, today_utc
from arbkit.core.decisions.words import details
from arbkit.core.errors import UsageError
from arbkit.core.marketplaces import market
from arbkit.core.models import Opportunity
from arbkit.core.results import JsonObject
from arbkit.store import OpportunityQuery, Store

_EXPECTED = (
    "profit", "currency", "profit_chance_pct", "profit_p10", "profit_p50", "profit_p90", "expected_profit",
    "days_to_sell_p50", "sold_in_30_days_pct", "fulfilment", "profile", "input_vat", "forecast_version",
    "forecast_unknown", "evaluated_at",
)  # fmt: skip
"""What of a route was expected of a unit: kept with its purchase."""
_VAT = {"output_vat_pct": ("output_vat", "sale_price"), "input_vat_pct": ("input_vat", "purchase_price")}
"""The shares of VAT in the price of a sale and, where it is reclaimed, of a purchase: by part and whole of a route."""
_NOT_SETTLED = ("packaging_fee", "duty", "import_vat", "freight", "other_costs", "fx_cost")
"""What a route costs beside its purchase that Amazon's settlements do not have."""
_ROUTES = 100
_ATTEMPTS = 20


def decide(store: Store, wanted: DecisionRequest, *, by: str, now: float | None = None) -> Decision:
    """Keep a decision.

    Args:
        store: where it is kept.
        wanted: the decision.
        by: who decides.
        now: Unix seconds; None: the present.

    Raises:
        DecisionConflictError: somebody has decided since the version that was ``seen``.
        UsageError: the product is not in the store and never was decided on, its profit cannot rise from anything, or a
            day cannot be.
        StoreError: it is not kept.
    """
    now = time.time() if now is None else now
    for _ in range(_ATTEMPTS):
        made = _made(store, wanted, by, now)
        there = store.add_decisions([made])
        if not there:
            return made
        if wanted.seen is not None:
            break
    raise DecisionConflictError(there[0])


def user_name() -> str:
    """Who uses this machine; empty where it has no name for that."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _made(store: Store, wanted: DecisionRequest, by: str, now: float) -> Decision:
    key = brand_key(wanted.brand) if wanted.brand else str(wanted.asin)
    before = store.decisions([key])
    last = before[-1].version if before else 0
    if wanted.seen is not None and last > wanted.seen:
        raise DecisionConflictError(before[-1])
    today = today_utc(now)
    said: dict[str, Any] = {"note": wanted.note, "by": by, "at": now, "status": wanted.status, "version": last + 1}
    if wanted.brand:
        return Decision(key=key, brand=wanted.brand.strip(), demo=not store.holds_real_products(), **said)
    if wanted.cancels is not None:
        return replace(_purchase(before, wanted.cancels), cancels=wanted.cancels, **said)
    product = store.product(key)
    if product is None and not before:
        raise UsageError(
            "is not in the store",
            field="asin",
            value=key,
            remedy="Watch it with `arbkit watch add`, or import it first",
        )
    routes = _routes(store, wanted)
    figures: dict[str, Any] = {}
    if wanted.status == "dismissed":
        figures = {"until": _day(wanted.until, after=today), **_ceiling(wanted, routes)}
    if wanted.status == "bought":
        figures = {
            "quantity": wanted.quantity,
            "price": wanted.price,
            "price_currency": wanted.currency or market(str(wanted.source)).currency,
            "bought_on": _day(wanted.bought_on, until=today) or today,
            "forecast": _expected(routes[0]) if routes else None,
        }
    title, demo = (product.title, product.demo) if product else (before[-1].title, before[-1].demo)
    return Decision(
        key=key, asin=key, source=wanted.source, target=wanted.target, title=title, demo=demo, **said, **figures
    )  # fmt: skip


def _purchase(before: Sequence[Decision], version: int) -> Decision:
    """The purchase of this version, as what cancels it repeats it.

    Raises:
        UsageError: there is none that was not cancelled.
    """
    found = purchases_of(before)
    for one in found:
        if one.version == version:
            return replace(one, forecast=None)
    known = ", ".join(f"{one.version} ({details(one)})" for one in found)
    remedy = f"Give the version of one of its purchases: {known}" if known else "It has no purchases to cancel"
    raise UsageError("is no purchase of this product", field="cancels", value=version, remedy=remedy)


def _routes(store: Store, wanted: DecisionRequest) -> list[Opportunity]:
    """The routes that it is on, as they are now, the most profitable first."""
    query = OpportunityQuery(
        asin=wanted.asin, source=wanted.source, target=wanted.target, all_routes=True, sort="profit", limit=_ROUTES
    )
    return list(store.opportunities(query).items)


def _ceiling(wanted: DecisionRequest, routes: list[Opportunity]) -> dict[str, Any]:
    if wanted.rise is None:
        return {}
    if not routes:
        remedy = "Give until, the day on which it ends, or neither"
        raise UsageError("there is no profit now that could rise", field="rise", value=wanted.rise, remedy=remedy)
    best = routes[0]
    return {"rise": wanted.rise, "until_profit": round(best.profit + wanted.rise, 2), "currency": best.currency}


def _day(given: date | None, *, after: str = "", until: str = "9999") -> str | None:
    """A day as it is kept.

    Raises:
        UsageError: it is past or to come where it cannot be.
    """
    if given is None:
        return None
    day = given.isoformat()
    if day <= after:
        raise UsageError("is over", field="until", value=day, remedy="Give a day to come")
    if day > until:
        raise UsageError("is still to come", field="bought_on", value=day, remedy="Give a day that has begun")
    return day


def _expected(route: Opportunity) -> JsonObject:
    expected: JsonObject = {name: getattr(route, name) for name in _EXPECTED}
    amounts = {one["name"]: one["amount"] for one in route.components}
    return {**expected, **{name: _pct(amounts, *parts) for name, parts in _VAT.items()}, "other_costs": _other(amounts)}


def _pct(amounts: Mapping[str, float | None], part: str, whole: str) -> float | None:
    """The part in percent of the whole; a route does not list what is nothing. None where one is unknown."""
    found, of = amounts.get(part, 0.0), amounts.get(whole)
    return None if found is None or not of else round(-100 * found / of, 4) + 0.0


def _other(amounts: Mapping[str, float | None]) -> float | None:
    """What the costs that no settlement has come to; None where one is unknown."""
    known = [amount for name in _NOT_SETTLED if (amount := amounts.get(name, 0.0)) is not None]
    return round(sum(known), 2) if amounts and len(known) == len(_NOT_SETTLED) else None
