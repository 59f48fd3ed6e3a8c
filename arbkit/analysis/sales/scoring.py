"""Predicted against realised, per purchase and over all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from arbkit.analysis.sales.results import PurchaseOutcome, SalesReport, SalesScore, UnmatchedSales, VatBasis
from arbkit.core.decisions.event import Decision
from arbkit.core.decisions.rules import purchases_of, today_utc
from arbkit.core.sales.line import SaleLine
from arbkit.core.sales.matching import PurchaseSales, SalesMatch, match_sales
from arbkit.profit import load_rates
from arbkit.profit.exchange_rates import Rates
from arbkit.store import Store

_NO_SKU = "without a SKU"


class _UnknownError(Exception):
    """A figure cannot be known; says why."""


def sales_report(store: Store, asin: str | None = None) -> SalesReport:
    """Every purchase that was not cancelled (or those of one product) with what was sold of it.

    Raises:
        StoreError: the store cannot be read.
    """
    keys = None if asin is None else [asin]
    decisions = [one for one in store.decisions(keys) if one.asin is not None]
    return score_sales(decisions, store.sales(keys), load_rates())


def score_sales(decisions: Sequence[Decision], lines: Iterable[SaleLine], rates: Rates) -> SalesReport:
    """The report of these decisions on products (by key and version) and these lines."""
    matched = matched_sales(decisions, lines)
    outcomes = [_outcome(one, rates) for one in reversed(matched.purchases)]
    unknown = Counter(line.sku or _NO_SKU for line in matched.unknown)
    unmatched = UnmatchedSales(
        units=sum(one.units for one in matched.unmatched),
        lines=len({one.line.id for one in matched.unmatched}),
        unknown_skus=dict(unknown.most_common()),
    )
    currencies = sorted({one.currency for one in outcomes if one.currency is not None})
    scores = (_score(currency, [one for one in outcomes if one.currency == currency]) for currency in currencies)
    return SalesReport(
        purchases=tuple(outcomes), scores=tuple(one for one in scores if one.purchases), unmatched=unmatched
    )


def matched_sales(decisions: Sequence[Decision], lines: Iterable[SaleLine]) -> SalesMatch:
    """Which of the purchases among these decisions on products (by key and version) the units of each line are of."""
    bought = [one for _, some in groupby(decisions, lambda one: one.key) for one in purchases_of(list(some))]
    return match_sales(bought, lines)


def _score(currency: str, outcomes: Sequence[PurchaseOutcome]) -> SalesScore:
    known = [
        (one, one.profit, one.expected)
        for one in outcomes
        if one.profit is not None and one.expected is not None and one.is_foresight
    ]
    within = [found for one, *_ in known if (found := one.is_within) is not None]
    chances = [(one.forecast_chance_pct, profit) for one, profit, _ in known if one.forecast_chance_pct is not None]
    return SalesScore(
        currency=currency,
        purchases=len(known),
        units=sum(one.sold for one, *_ in known),
        expected=round(sum(one.sold * expected for one, _, expected in known), 2),
        realised=round(sum(profit for _, profit, _ in known), 2),
        with_range=len(within),
        within=sum(within),
        with_chance=len(chances),
        chance_pct=round(sum(chance for chance, _ in chances) / len(chances), 1) if chances else None,
        profitable=sum(profit > 0 for _, profit in chances),
    )


def _outcome(found: PurchaseSales, rates: Rates) -> PurchaseOutcome:
    purchase = found.purchase
    forecast: dict[str, Any] = purchase.forecast or {}
    currency, unknown = forecast.get("currency"), None
    payout = fees = cost = profit = basis = None
    try:
        if not found.sold:
            raise _UnknownError("nothing is sold yet")
        if currency is None:
            raise _UnknownError("the route had no forecast when it was bought, so its currency and VAT are not known")
        payout = _converted(found, lambda line: line.total, currency, rates)
        fees = _converted(found, lambda line: line.fee_total, currency, rates)
        cost = _cost(found, currency, rates)
        profit, basis = _profit(found, forecast, currency, cost, rates)
    except _UnknownError as error:
        unknown = str(error)
    return PurchaseOutcome(
        asin=purchase.key,
        title=purchase.title,
        source=purchase.source or "",
        target=purchase.target or "",
        version=purchase.version,
        bought_on=purchase.bought_on or "",
        quantity=found.bought,
        price=purchase.price or 0.0,
        price_currency=purchase.price_currency or "",
        sold=found.units_sold,
        refunded=found.units_refunded,
        left=found.left,
        sold_elsewhere=sum(one.units for one in found.sold if one.line.market not in (purchase.target, None)),
        currency=currency,
        payout=payout,
        fees=fees,
        cost=cost,
        profit=profit,
        profit_per_unit=None if profit is None else round(profit / found.units_sold, 2),
        vat_basis=basis,
        unknown=unknown,
        days_to_sell=_days_to_sell(found),
        forecast_profit=forecast.get("profit"),
        forecast_p10=forecast.get("profit_p10"),
        forecast_p50=forecast.get("profit_p50"),
        forecast_p90=forecast.get("profit_p90"),
        forecast_chance_pct=forecast.get("profit_chance_pct"),
        forecast_days=forecast.get("days_to_sell_p50"),
        forecast_on=None if (at := forecast.get("evaluated_at")) is None else today_utc(at),
        first_sold_on=min((one.line.day for one in found.sold), default=None),
        demo=purchase.demo,
    )


def _shares(found: PurchaseSales) -> list[tuple[SaleLine, float]]:
    """The lines of a purchase, each with its part of the money."""
    return [(one.line, one.share) for one in (*found.sold, *found.refunded)] + [(line, 1.0) for line in found.charged]


def _converted(found: PurchaseSales, of: Callable[[SaleLine], float], currency: str, rates: Rates) -> float:
    """A figure of all lines in another currency, by the rates of their days."""
    return round(sum(of(line) * share * _rate(line, currency, rates) for line, share in _shares(found)), 2)


def _cost(found: PurchaseSales, currency: str, rates: Rates) -> float:
    purchase = found.purchase
    rate = _rate_on(purchase.price_currency or "", currency, purchase.bought_on or "", rates)
    return round(found.units_sold * (purchase.price or 0.0) * rate, 2)


def _profit(
    found: PurchaseSales, forecast: dict[str, Any], currency: str, cost: float, rates: Rates
) -> tuple[float, VatBasis]:
    """The profit of the units sold, and where its VAT is from.

    What Amazon reports as VAT is owed. Where it reports none, prices include it, in the share that the route was priced
    with. Of the cost the VAT that is reclaimed comes back, and what no settlement has (freight, duty, …) is as priced.
    """
    reclaimed, other, included = (forecast.get(name) for name in ("input_vat_pct", "other_costs", "output_vat_pct"))
    if reclaimed is None or other is None:
        raise _UnknownError("the VAT and other costs of the route were not kept when it was bought")
    net, reported, priced = 0.0, False, False
    for line, share in _shares(found):
        if line.vat is not None:
            owed, reported = line.vat, True
        elif included is None:
            raise _UnknownError("the VAT in the price was not kept when it was bought")
        else:
            owed = (line.principal + sum(line.other.values())) * included / 100
            priced = priced or bool(owed)
        net += (line.total - owed) * share * _rate(line, currency, rates)
    profit = round(net - cost * (1 - reclaimed / 100) + other * found.units_sold, 2)
    return profit, "both" if reported and priced else "reported" if reported else "priced"


def _rate(line: SaleLine, currency: str, rates: Rates) -> float:
    return _rate_on(line.currency, currency, line.day, rates)


def _rate_on(source: str, target: str, day: str, rates: Rates) -> float:
    if source == target:
        return 1.0
    found = rates.rate(source, target, date.fromisoformat(day))
    if found is None:
        raise _UnknownError(f"there is no exchange rate of {source} to {target} on {day}")
    return found.value


def _days_to_sell(found: PurchaseSales) -> float | None:
    """Days from the purchase until half of its units were sold; None: they are not."""
    begun, sold = date.fromisoformat(found.purchase.bought_on or "1970-01-01"), 0
    for one in sorted(found.sold, key=lambda one: one.line.day):
        sold += one.units
        if 2 * sold >= found.bought:
            return float((date.fromisoformat(one.line.day) - begun).days)
    return None
