"""The profit of one route, and what a reseller asks next: break-even, max cost, other methods, variations."""

from __future__ import annotations

import math

import numpy as np

from arbkit.core.errors import UsageError, did_you_mean
from arbkit.core.marketplaces import market
from arbkit.core.results import Component
from arbkit.profit.breakdown import components
from arbkit.profit.components import rounded
from arbkit.profit.exchange_rates import Rates
from arbkit.profit.fees.arrays import Floats, Mask
from arbkit.profit.fees.tables import Tables
from arbkit.profit.quote.hints import hints
from arbkit.profit.quote.package import QuotedPackage
from arbkit.profit.quote.price_search import break_even, dead_zones, highest
from arbkit.profit.quote.pricer import PricedMethod, QuotePricer
from arbkit.profit.quote.request import QuoteRequest
from arbkit.profit.quote.results import Alternative, DeadZone, MaxBuy, ProfitRange, Quote, ReferralRange
from arbkit.profit.quote.variations import sensitivity, vat_grid
from arbkit.profit.reason_codes import messages
from arbkit.profit.seller.profile import FULFILMENT_METHODS, Profile

_HIGHEST = 20.0
"""Prices are searched up to this many times the request's."""
_ZONES_UP_TO = 3.0
_LEAST_ZONES_UP_TO = 30.0
"""Dead zones are searched up to three times the selling price, and at least to this price."""


def quote(
    request: QuoteRequest,
    profile: Profile,
    tables: Tables,
    rates: Rates,
    *,
    what_if: bool = True,
    package: QuotedPackage | None = None,
) -> Quote:
    """Price one route: amounts in the profile's home currency, prices in the marketplaces'.

    Args:
        request: the route; a size or weight that it leaves out is estimated by its category.
        profile: the seller.
        tables: fee tables; those of the request's day are used.
        rates: exchange rates.
        what_if: False leaves out the VAT grid and the sensitivities.
        package: that of a stored product, in place of what the request states.

    Raises:
        UsageError: the request and the profile together are impossible, or there is no such VAT class.
        ConfigError: there is no such VAT class as the profile states.
    """
    profile = request.apply(profile)
    day = tables.on(request.day())
    stated, classes = request.vat_class, ("auto", *day.vat_classes)
    if stated is not None and day.vat_classes and stated not in classes:
        raise UsageError("no such VAT class", field="vat_class", value=stated, remedy=did_you_mean(stated, classes))
    package = package or QuotedPackage.of_request(request, tables)
    pricer = QuotePricer(request, profile, day, rates, package)
    priced = [pricer.priced(method) for method in FULFILMENT_METHODS]
    best = pricer.best(priced)
    row, known = best.row, not best.unknown
    zones = _dead_zones(pricer, best) if known else []
    currency = market(request.target).currency
    return Quote(
        source=request.source,
        target=request.target,
        on=pricer.day.on,
        currency=profile.currency,
        profit=best.figure("profit"),
        range=_profit_range(pricer, best),
        roi_pct=best.figure("roi_pct"),
        margin_net_pct=best.figure("margin_net_pct"),
        margin_gross_pct=best.figure("margin_gross_pct"),
        invested=best.figure("invested"),
        break_even_sell=_break_even(pricer, best) if known else (),
        max_buy=MaxBuy(
            target_roi_pct=profile.target_roi_pct,
            target_profit=profile.target_profit,
            price=_highest_buy(pricer, best) if known else None,
            currency=market(request.source).currency,
        ),
        fulfilment=best.method,
        alternatives=tuple(_alternative(other, best) for other in priced if other is not best),
        input_vat=row["input_vat_case"],
        size_tier=row["size_tier"] or None,
        referral=_referral(pricer, best),
        components=tuple(Component(**line) for line in components(row, profile, pricer.day, rates)),
        unknown=messages(best.unknown),
        warnings=messages(row["assumed"]),
        hints=tuple(hints(pricer, best, zones)),
        dead_zones=tuple(DeadZone(low=low, high=high, currency=currency) for low, high in zones),
        vat_grid=vat_grid(pricer) if known and what_if else (),
        sensitivity=sensitivity(pricer, best.method) if known and what_if else (),
        tables_version=pricer.day.version,
        profile=profile.name,
    )


def _profit_range(pricer: QuotePricer, best: PricedMethod) -> ProfitRange | None:
    likely = best.figure("profit")
    bounds = None if likely is None else pricer.profit_range()
    if likely is None or bounds is None:
        return None
    # Where a bound is the likely package's own profit, it is that to the cent of the components.
    exact = best.row["profit_exact"]
    low, high = (likely if bound == exact else rounded(bound) for bound in bounds)
    return ProfitRange(low=low, likely=likely, high=high)


def _alternative(other: PricedMethod, best: PricedMethod) -> Alternative:
    profit = other.figure("profit")
    return Alternative(
        fulfilment=other.method,
        profit=profit,
        difference=None if profit is None or best.unknown else round(profit - best.row["profit"], 2),
        allowed=other.ineligible is None,
        why_not=other.why_not,
    )


def _referral(pricer: QuotePricer, best: PricedMethod) -> ReferralRange:
    """Which schedule, who decided, and the range of profit over those that are possible."""
    row, request = best.row, pricer.request
    names = pricer.referral_candidates()
    by_user = pricer.day.schedules_named(request.category) or request.category in pricer.profile.schedules
    profit_range = None
    if not best.unknown:
        several = row["referral_candidates"] > 1
        most = round(pricer.profit_at_lowest_referral(best.method), 2) if several else rounded(row["profit"])
        profit_range = rounded(row["profit"]), most
    decided_by = "user" if by_user else "keepa" if row["referral_observed"] else "category"
    return ReferralRange(
        schedule=row["referral_schedule"] or None,
        decided_by=decided_by if names else None,
        candidates=names,
        profit_range=profit_range,
    )


def _break_even(pricer: QuotePricer, best: PricedMethod) -> tuple[float, ...]:
    request = pricer.request
    up_to = _HIGHEST * max(request.sell, pricer.in_currency_of(request.target, request.buy, request.source))
    return tuple(break_even(lambda prices: pricer.profits(best.method, sell=prices), up_to))


def _highest_buy(pricer: QuotePricer, best: PricedMethod) -> float | None:
    request, profile = pricer.request, pricer.profile

    def enough(prices: Floats) -> Mask:
        roi, profit = pricer.returns(best.method, prices)
        return np.asarray((roi >= profile.target_roi_pct) & (profit >= (profile.target_profit or -math.inf)))

    up_to = _HIGHEST * max(request.buy, pricer.in_currency_of(request.source, request.sell, request.target))
    return highest(enough, up_to)


def _dead_zones(pricer: QuotePricer, best: PricedMethod) -> list[tuple[float, float]]:
    up_to = max(_ZONES_UP_TO * pricer.request.sell, _LEAST_ZONES_UP_TO)
    return dead_zones(lambda prices: pricer.profits(best.method, sell=prices), up_to)
