"""What one route leaves, and what a reseller asks next: break-even, highest buying price, the other ways."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from arbkit.markets import market
from arbkit.money.explain import components
from arbkit.money.fx import Rates
from arbkit.money.profile import Profile, Way
from arbkit.money.profit import WAYS, evaluate_one_way, evaluate_ways, why_not
from arbkit.money.question import Question, parse_size
from arbkit.money.tables import Tables

__all__ = ["answer"]

Floats = npt.NDArray[np.float64]
_CENTS_UP_TO = 100.0
_STEP = 1.002
"""Above, prices 0.2 % apart are looked at first: narrower than any stretch that a fee's step makes a loss."""
_JUMP = 0.05
"""A change of profit from one cent to the next that no slope makes: a step of a fee."""
_HIGHEST = 20.0


def answer(question: Question, profile: Profile, tables: Tables, rates: Rates) -> dict[str, Any]:
    """The public answer to a question: amounts in the profile's home currency, prices in the marketplaces'.

    ``profit`` and what follows from it is None where something needed is unknown; ``unknown`` names it.

    Raises:
        UsageError: the question and the profile together are impossible.
    """
    profile = question.apply(profile)
    on = question.day()
    route = _Route(question, profile, tables, rates, on)
    rows = route.by_way()
    chosen = max(profile.fulfilment, key=lambda way: float(rows[way]["_rank"]))
    row = rows[chosen]
    unknown = _listed(row["unknown"])
    if question.expected_days:
        unknown.append("storage fees are not in the tables: leave expected_days at 0")
    if question.return_rate_pct:
        unknown.append("refund administration is not in the tables: leave return_rate_pct at 0")
    known = not unknown
    return {
        "source": question.source,
        "target": question.target,
        "on": on.isoformat(),
        "currency": profile.currency,
        "profit": _rounded(row["profit"]) if known else None,
        "roi_pct": _rounded(row["roi_pct"]) if known else None,
        "margin_net_pct": _rounded(row["margin_net_pct"]) if known else None,
        "margin_gross_pct": _rounded(row["margin_gross_pct"]) if known else None,
        "invested": _rounded(row["invested"]) if known else None,
        "break_even_sell": route.break_even(chosen) if known else [],
        "max_buy": {
            "target_roi_pct": question.target_roi,
            "price": route.highest_buy(chosen) if known else None,
            "currency": market(question.source).currency,
        },
        "fulfilment": chosen,
        "alternatives": [_alternative(way, rows[way], route) for way in WAYS if way != chosen],
        "size_tier": row["size_tier"] or None,
        "components": components(row, profile, tables, rates, on=on),
        "unknown": unknown,
        "warnings": _listed(row["assumed"]),
        "hints": _hints(question, tables, unknown),
        "tables_version": tables.version,
        "profile": profile.name,
    }


def _alternative(way: Way, row: dict[str, Any], route: _Route) -> dict[str, Any]:
    closed = why_not(way, route.profile, route.question.source, route.question.target)
    why = closed or "; ".join(_listed(row["unknown"])) or None
    return {
        "fulfilment": way,
        "profit": None if why else _rounded(row["profit"]),
        "allowed": closed is None,
        "why_not": why,
    }


def _hints(question: Question, tables: Tables, unknown: list[str]) -> list[str]:
    hints = []
    if any(reason.startswith("category unknown") for reason in unknown):
        names = [s.name for s in tables.schedules]
        near = get_close_matches(question.category or "", names, n=3, cutoff=0.4) or sorted(names)[:5]
        hints.append(f"--category takes a referral category, for example {', '.join(near)}")
    if any(reason.startswith("package size") for reason in unknown):
        hints.append("give --size-mm and --weight-g, or --keepa-fba-fee")
    return hints


@dataclass(frozen=True, slots=True)
class _Route:
    question: Question
    profile: Profile
    tables: Tables
    rates: Rates
    on: date

    def by_way(self) -> dict[Way, dict[str, Any]]:
        """The one row of each way of fulfilment, also of those that are not allowed."""
        asked = self.question
        offers = pd.concat([self._offers(asked.source, asked.buy), self._offers(asked.target, asked.sell)])
        pairs = [(asked.source, asked.target)]
        ways = evaluate_ways(
            offers,
            self.profile,
            self.tables,
            self.rates,
            on=self.on,
            routes=pairs,
            ways=(*self.profile.fulfilment, *WAYS),
        )
        return {way: {str(k): v for k, v in frame.iloc[0].to_dict().items()} for way, frame in ways.items()}

    def break_even(self, way: Way) -> list[float]:
        """Every selling price at which profit changes its sign, rising: profit is not monotone in price."""
        highest = _HIGHEST * max(self.question.sell, self._in_currency_of_target(self.question.buy))

        def profit(prices: Floats) -> Floats:
            return self._evaluated(way, sell=prices)["profit_exact"].to_numpy("float64")

        grid = _grid(highest)
        roots: list[float] = []
        for low, high in _crossings(grid, profit(grid)):
            cents = np.arange(round(low * 100), round(high * 100) + 1) / 100
            values = profit(cents)
            roots += [_root(cents, values, i) for i in np.flatnonzero(np.diff(values >= 0)).tolist()]
        return sorted(set(roots))

    def highest_buy(self, way: Way) -> float | None:
        """The highest buying price, in whole cents, that leaves the wanted return; None: not even one cent does."""

        def enough(prices: Floats) -> npt.NDArray[np.bool_]:
            return np.asarray(self._evaluated(way, buy=prices)["roi_pct"].to_numpy() >= self.question.target_roi)

        highest = _HIGHEST * max(self.question.buy, self._in_currency_of_source(self.question.sell))
        return _last(enough, _grid(highest))

    def _evaluated(self, way: Way, *, buy: Floats | None = None, sell: Floats | None = None) -> pd.DataFrame:
        asked = self.question
        count = len(buy) if buy is not None else len(sell) if sell is not None else 1
        bought = self._offers(asked.source, np.full(count, asked.buy) if buy is None else buy)
        sold = self._offers(asked.target, np.full(count, asked.sell) if sell is None else sell)
        return evaluate_one_way(bought, sold, way, self.profile, self.tables, self.rates, on=self.on)

    def _in_currency_of_target(self, amount: float) -> float:
        return self._converted(amount, self.question.source, self.question.target)

    def _in_currency_of_source(self, amount: float) -> float:
        return self._converted(amount, self.question.target, self.question.source)

    def _converted(self, amount: float, source: str, target: str) -> float:
        rate = self.rates.rate(market(source).currency, market(target).currency, self.on)
        return amount * (rate.value if rate else 1.0)

    def _offers(self, code: str, prices: Floats | float) -> pd.DataFrame:
        """Offers of this product at these shop prices, as :data:`~arbkit.money.OFFER_COLUMNS`."""
        asked = self.question
        length, width, height = parse_size(asked.size_mm) if asked.size_mm else (math.nan,) * 3
        facts: dict[str, Any] = {
            "asin": "asked",
            "market": code,
            "price_minor": np.atleast_1d(prices) * 100,
            "price_basis": "as given",
            "shipping_minor": math.nan,
            "category": asked.category,
            "length_mm": length,
            "width_mm": width,
            "height_mm": height,
            "weight_g": _or_nan(asked.weight_g),
            "keepa_fba_fee_minor": _or_nan(asked.keepa_fba_fee) * 100,
            "keepa_referral_pct": _or_nan(asked.keepa_referral_pct),
            "keepa_referral_price": _or_nan(asked.keepa_referral_price or asked.sell),
            "keepa_closing_fee_minor": math.nan,
            "updated_at": math.nan,
        }
        return pd.DataFrame(facts)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 2)


def _listed(reasons: str) -> list[str]:
    return reasons.split("; ") if reasons else []


def _grid(highest: float) -> Floats:
    """Every cent of small prices, then prices 0.2 % apart, in whole cents, up to ``highest``."""
    cents = np.arange(1, round(min(highest, _CENTS_UP_TO) * 100) + 1) / 100
    if highest <= _CENTS_UP_TO:
        return cents
    steps = math.ceil(math.log(highest / _CENTS_UP_TO) / math.log(_STEP))
    return np.concatenate([cents, np.round(_CENTS_UP_TO * _STEP ** np.arange(1, steps + 1), 2)])


def _crossings(grid: Floats, values: Floats) -> list[tuple[float, float]]:
    """Neighbours of the grid between which the sign changes."""
    places = np.flatnonzero(np.diff(values >= 0))
    return [(float(grid[i]), float(grid[i + 1])) for i in places]


def _root(cents: Floats, values: Floats, place: int) -> float:
    """Where profit is zero between a cent and the next; at a step of a fee, the cent that makes no loss."""
    (a, b), (fa, fb) = cents[place : place + 2], values[place : place + 2]
    if abs(fb - fa) > _JUMP:
        return float(b if fb >= 0 else a)
    return round(float(a + (b - a) * fa / (fa - fb)), 2)


def _last(holds: Callable[[Floats], npt.NDArray[np.bool_]], grid: Floats) -> float | None:
    """The highest cent for which a condition holds that, once lost, stays lost."""
    places = np.flatnonzero(holds(grid))
    if not len(places):
        return None
    at = int(places[-1])
    end = grid[min(at + 1, len(grid) - 1)]
    cents = np.arange(round(grid[at] * 100), round(end * 100) + 1) / 100
    return float(cents[np.flatnonzero(holds(cents))[-1]])
