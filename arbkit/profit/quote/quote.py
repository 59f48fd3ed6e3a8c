"""What one route leaves, and what a reseller asks next: break-even, highest buying price, the other ways, what if."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt

from arbkit.core.errors import ConfigError
from arbkit.core.marketplaces import market
from arbkit.profit.breakdown import components
from arbkit.profit.evaluation import FULFILMENT_METHODS
from arbkit.profit.exchange_rates import Rate, Rates
from arbkit.profit.fees.tables import EffectiveTables, Tables
from arbkit.profit.quote.price_search import break_even, dead_zones, highest
from arbkit.profit.quote.pricer import QuotePricer
from arbkit.profit.quote.request import QuoteRequest
from arbkit.profit.seller_profile import FulfilmentMethod, Profile, VatStatus, ineligibility_reason

__all__ = ["quote"]

Floats = npt.NDArray[np.float64]
_HIGHEST = 20.0
"""Prices are searched up to so many times the prices asked about."""
_SIZE_STEP_MM = 2.0
_CHANGES_PCT = (-10.0, -5.0, 5.0, 10.0)
_STATUSES: tuple[VatStatus, ...] = ("reclaiming", "not-reclaiming", "unregistered")


def quote(
    question: QuoteRequest, profile: Profile, tables: Tables, rates: Rates, *, what_if: bool = True
) -> dict[str, Any]:
    """The public answer to a question: amounts in the profile's home currency, prices in the marketplaces'.

    ``profit`` and what follows from it is None where something needed is unknown; ``unknown`` names it.
    ``what_if=False`` leaves out the VAT grid and the sensitivities.

    Raises:
        UsageError: the question and the profile together are impossible.
        ConfigError: there is no such VAT class.
    """
    profile = question.apply(profile)
    route = QuotePricer(question, profile, tables.on(question.day()), rates)
    source, target = question.source, question.target
    rows, closed, way = _by_way(route, FULFILMENT_METHODS)
    row = rows[way]
    shut = closed[way]
    unknown = [*([shut] if shut else []), *_listed(row["unknown"])]
    known = not unknown
    zones = _zones(route, way) if known else []
    return {
        "source": source,
        "target": target,
        "on": route.day.on.isoformat(),
        "currency": profile.currency,
        **{n: _rounded(row[n]) if known else None for n in ("profit", "roi_pct", "margin_net_pct", "margin_gross_pct")},
        "invested": _rounded(row["invested"]) if known else None,
        "break_even_sell": _break_even(route, way) if known else [],
        "max_buy": {
            "target_roi_pct": profile.target_roi_pct,
            **({} if profile.target_profit is None else {"target_profit": profile.target_profit}),
            "price": _highest_buy(route, way) if known else None,
            "currency": market(source).currency,
        },
        "fulfilment": way,
        "alternatives": [
            _alternative(w, rows[w], closed[w], row if known else None) for w in FULFILMENT_METHODS if w != way
        ],
        "size_tier": row["size_tier"] or None,
        "referral": _referral(route, way, row, known=known),
        "components": components(row, profile, route.day, rates),
        "unknown": unknown,
        "warnings": _listed(row["assumed"]),
        "hints": _hints(route, way, unknown, zones),
        "dead_zones": [{"from": low, "to": high, "currency": market(target).currency} for low, high in zones],
        "vat_grid": _vat_grid(question, profile, tables, rates) if known and what_if else [],
        "sensitivity": _sensitivity(route, way) if known and what_if else [],
        "tables_version": route.day.version,
        "profile": profile.name,
    }


def _by_way(
    route: QuotePricer, ways: Sequence[FulfilmentMethod]
) -> tuple[dict[FulfilmentMethod, dict[str, Any]], dict[FulfilmentMethod, str | None], FulfilmentMethod]:
    """The route by each way, why a way is closed, and the one that leaves most of those the profile allows."""
    asked, profile = route.question, route.profile
    rows = {way: route.row(way) for way in ways}
    closed = {way: ineligibility_reason(way, profile, asked.source, asked.target) for way in ways}
    return rows, closed, max(profile.fulfilment, key=lambda way: _rank(rows[way], closed[way]))


def _rank(row: dict[str, Any], closed: str | None) -> float:
    """Open and known ways by profit, then open ones, then the others."""
    if closed:
        return -math.inf
    return -1e17 if math.isnan(row["profit"]) else float(row["profit"])


def _alternative(
    way: FulfilmentMethod, row: dict[str, Any], closed: str | None, best: dict[str, Any] | None
) -> dict[str, Any]:
    why = closed or "; ".join(_listed(row["unknown"])) or None
    profit = None if why else _rounded(row["profit"])
    return {
        "fulfilment": way,
        "profit": profit,
        "difference": None if profit is None or best is None else round(profit - float(best["profit"]), 2),
        "allowed": closed is None,
        "why_not": why,
    }


def _referral(route: QuotePricer, way: FulfilmentMethod, row: dict[str, Any], *, known: bool) -> dict[str, Any]:
    """Which schedule, who decided, and the range of profit over those that are possible."""
    several = known and row["referral_candidates"] > 1
    highest_profit = round(route.cheapest_referral(way), 2) if several else _rounded(row["profit"])
    names = route.candidates()
    decided = "keepa" if row["referral_observed"] else "category"
    if route.day.schedules_named(route.question.category) or route.question.category in route.profile.schedules:
        decided = "user"
    return {
        "schedule": row["referral_schedule"] or None,
        "decided_by": decided if names else None,
        "candidates": list(names),
        "profit_range": [_rounded(row["profit"]), highest_profit] if known else None,
    }


def _break_even(route: QuotePricer, way: FulfilmentMethod) -> list[float]:
    asked = route.question
    up_to = _HIGHEST * max(asked.sell, route.in_currency_of(asked.target, asked.buy, asked.source))
    return break_even(lambda prices: route.profits(way, sell=prices), up_to)


def _highest_buy(route: QuotePricer, way: FulfilmentMethod) -> float | None:
    asked, profile = route.question, route.profile

    def enough(prices: Floats) -> npt.NDArray[np.bool_]:
        roi, profit = route.returns(way, prices)
        return np.asarray((roi >= profile.target_roi_pct) & (profit >= (profile.target_profit or -math.inf)))

    return highest(enough, _HIGHEST * max(asked.buy, route.in_currency_of(asked.source, asked.sell, asked.target)))


def _zones(route: QuotePricer, way: FulfilmentMethod) -> list[tuple[float, float]]:
    return dead_zones(lambda prices: route.profits(way, sell=prices), max(3 * route.question.sell, 30.0))


def _hints(
    route: QuotePricer, way: FulfilmentMethod, unknown: list[str], zones: list[tuple[float, float]]
) -> list[str]:
    asked, hints = route.question, []
    currency = market(asked.target).currency
    if any(reason.startswith("category unknown") for reason in unknown):
        names = [s.name for s in route.day.schedules]
        near = get_close_matches(asked.category or "", names, n=3, cutoff=0.4) or sorted(names)[:5]
        hints.append(f"--category takes a referral category, for example {', '.join(near)}")
    if any(reason.startswith("package size") for reason in unknown):
        hints.append("give --size-mm and --weight-g, or --keepa-fba-fee")
    if unknown:
        return hints
    for low, high in zones:
        better = round(low - 0.01, 2)
        if low <= asked.sell <= high:
            now, then = route.profits(way, sell=np.array([asked.sell, better]))
            hints.append(
                f"sell at {better:.2f}, not at {low:.2f} to {high:.2f} {currency}: that leaves {then - now:.2f} "
                f"{route.profile.currency} more than {asked.sell:.2f}"
            )
        elif asked.sell < low <= 1.25 * asked.sell:
            hints.append(f"prices of {low:.2f} to {high:.2f} {currency} leave less than {better:.2f}")
    return [*hints, *_size_hints(route, way)]


def _size_hints(route: QuotePricer, way: FulfilmentMethod) -> list[str]:
    """What 2 mm less, or more, on one side would change of the fulfilment fee."""
    # Storage changes with every millimetre: left out, only a step of a fee is left.
    route = replace(route, profile=route.profile.model_copy(update={"expected_days": 0}))
    sides = np.sort(np.array(route.sides))[::-1]
    if way == "fbm" or np.isnan(sides).any():
        return []
    step = np.eye(3) * _SIZE_STEP_MM
    profit = route.profits(way, sides=np.vstack([sides, sides - step, sides + step, sides - _SIZE_STEP_MM]))
    names = ("longest", "middle", "shortest")
    hints = []
    for place, name in enumerate(names):
        gain, loss = profit[1 + place] - profit[0], profit[0] - profit[4 + place]
        if gain > 0.005:
            hints.append(f"2 mm less on the {name} side ({sides[place]:g} mm) leaves {gain:.2f} more: the next tier")
        if loss > 0.005:
            hints.append(f"2 mm more on the {name} side ({sides[place]:g} mm) would cost {loss:.2f}: measure well")
    gain = profit[7] - profit[0]
    if gain > 0.005 and not any("less on" in hint for hint in hints):
        hints.append(f"2 mm less on every side leaves {gain:.2f} more")
    return hints


def _vat_grid(question: QuoteRequest, profile: Profile, tables: Tables, rates: Rates) -> list[dict[str, Any]]:
    """The same route under each VAT status, and under each class of goods with the seller's own status."""
    day = tables.on(question.day())
    cases = [(status, profile.vat_class) for status in _STATUSES]
    own = _rates(day, question, profile.vat_class if profile.vat_class != "auto" else "standard")
    cases += [(profile.vat_status, c) for c in day.vat_classes if _rates(day, question, c) != own]
    return [_vat_case(question, profile, tables, rates, status, vat_class) for status, vat_class in cases]


def _rates(day: EffectiveTables, question: QuoteRequest, vat_class: str) -> tuple[float, float]:
    return day.vat(question.source, vat_class), day.vat(question.target, vat_class)


def _vat_case(
    question: QuoteRequest, profile: Profile, tables: Tables, rates: Rates, status: VatStatus, vat_class: str
) -> dict[str, Any]:
    case: dict[str, Any] = {"vat_status": status, "vat_class": vat_class, "profit": None, "roi_pct": None}
    fields = {**profile.model_dump(), "vat_status": status, "vat_class": vat_class}
    if status == "unregistered":
        fields["registrations"] = ()
    try:
        other = Profile.checked(fields)
    except ConfigError as error:
        return {**case, "fulfilment": None, "why_not": error.why}
    route = QuotePricer(question, other, tables.on(question.day()), rates)
    rows, closed, way = _by_way(route, other.fulfilment)
    why = closed[way] or "; ".join(_listed(rows[way]["unknown"])) or None
    if why is None:
        case |= {"profit": _rounded(rows[way]["profit"]), "roi_pct": _rounded(rows[way]["roi_pct"])}
    return {**case, "fulfilment": way, "why_not": why}


def _sensitivity(route: QuotePricer, way: FulfilmentMethod) -> list[dict[str, Any]]:
    """Profit when a price or the exchange rate is other than thought."""
    asked = route.question
    factors = np.array([1 + change / 100 for change in _CHANGES_PCT])
    found = [
        {"of": name, "change_pct": change, "profit": _rounded(profit)}
        for name, profits in (
            ("sell_price", route.profits(way, sell=asked.sell * factors)),
            ("buy_price", route.profits(way, buy=asked.buy * factors)),
        )
        for change, profit in zip(_CHANGES_PCT, profits, strict=True)
    ]
    if market(asked.source).currency != market(asked.target).currency:
        for change in _CHANGES_PCT:
            shifted = QuotePricer(asked, route.profile, route.day, _Shifted(route.rates, 1 + change / 100))
            profit = shifted.profits(way, sell=np.array([asked.sell]))[0]
            found.append({"of": "exchange_rate", "change_pct": change, "profit": _rounded(profit)})
    return found


class _Shifted(Rates):
    """Exchange rates into the home currency that are higher or lower by a factor."""

    def __init__(self, rates: Rates, factor: float) -> None:
        self._rates, self._factor = rates, factor

    def rate(self, source: str, target: str, on: Any) -> Rate | None:
        found = self._rates.rate(source, target, on)
        if found is None or source == target:
            return found
        return Rate(found.value * self._factor, found.day, found.stale_days)


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 2) + 0.0


def _listed(reasons: str) -> list[str]:
    return reasons.split("; ") if reasons else []
