"""The price at which a listing most likely sold: the weighted median over what looks like its sales. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from operator import itemgetter

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from arbkit.core.files import shipped_table
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM, to_minutes
from arbkit.core.models import History, Series

_DAY_MIN = 1_440
_WITH_SHIPPING_MIN = to_minutes(NEW_INCLUDES_SHIPPING_FROM)
_PRICES = ("buy_box", "new", "amazon")
"""As the price of an offer is chosen: the first that somebody asked in the window."""
_SPREAD = (0.1, 0.9)
"""The levels of the quantiles beside the median."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(min_length=1)


class Window(_Part):
    """How far back sales are looked for, and with how few of them there is no price."""

    days: int = Field(ge=1)
    least_sales: int = Field(ge=1)


class RankFall(_Part):
    """A fall of the rank by ``least_pct`` between two looks at it, and the chance of a sale between them."""

    least_pct: float = Field(gt=0, lt=100)
    most_gap_days: float = Field(gt=0)
    chance: float = Field(gt=0, le=1)


class OfferLeaves(_Part):
    """One offer less while the price stays, and a better rank within some days: the chance that it was sold."""

    settle_days: float = Field(gt=0)
    within_days: float = Field(gt=0)
    chance: float = Field(gt=0, le=1)


class SalePriceRules(BaseModel):
    """The table ``sale_price.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chosen_on: date
    window: Window
    rank_fall: RankFall
    offer_leaves: OfferLeaves


SALE_PRICE_RULES = shipped_table(SalePriceRules, "arbkit.core.history", "sale_price.toml")
"""Those that come with arbkit."""


@dataclass(frozen=True, slots=True)
class SalePrice:
    """The median price of the sales that were inferred, and the 10 % and 90 % quantiles; minor units, with shipping.

    ``sales`` is how many they are, None where the history has no price or no rank. With too few there is no price.
    """

    sales: int | None = None
    minor: int | None = None
    low_minor: int | None = None
    high_minor: int | None = None


def inferred_sale_price(history: History, until: int, rules: SalePriceRules = SALE_PRICE_RULES) -> SalePrice:
    """The price at which the listing most likely sold in the days before ``until`` (Keepa minutes).

    A sale is a fall of the rank, or, more probably, an offer that left just before one. Its price is the one that was
    asked then. Nothing that the history says of a later time is read; new prices without shipping are not mixed with
    those that include it.
    """
    start = until - rules.window.days * _DAY_MIN
    rank = history.series.get("sales_rank")
    name = next((name for name in _PRICES if _is_asked(history.series.get(name), start, until)), None)
    if name is None or rank is None or not bisect_right(rank.times, until):
        return SalePrice()
    if name == "new" and until >= _WITH_SHIPPING_MIN:
        start = max(start, _WITH_SHIPPING_MIN)
    prices = history.series[name]
    falls = _rank_falls(rank, start, until, rules.rank_fall)
    left = _left(history.series.get("offers_new"), prices, start, until, rules.offer_leaves)
    sales = sorted(_sales(falls, left, prices, rules))
    if len(sales) < rules.window.least_sales:
        return SalePrice(len(sales))
    reached = list(accumulate(chance for _, chance in sales))
    median, low, high = (sales[bisect_left(reached, level * reached[-1])][0] for level in (0.5, *_SPREAD))
    return SalePrice(len(sales), median, low, high)


def _is_asked(prices: Series | None, start: int, until: int) -> bool:
    """Whether anybody asked this price at a time from ``start`` to ``until``."""
    if prices is None:
        return False
    first = max(0, bisect_right(prices.times, start) - 1)
    return any(value > 0 for value in prices.values[first : bisect_right(prices.times, until)])


def _asked(prices: Series, at: float) -> int | None:
    """The price that was asked then, with its shipping where that is known; None: nobody offered it."""
    place = bisect_right(prices.times, at) - 1
    if place < 0 or prices.values[place] <= 0:
        return None
    return prices.values[place] + (0 if prices.shipping is None else max(0, prices.shipping[place]))


def _rank_falls(rank: Series, start: int, until: int, known: RankFall) -> list[tuple[int, int]]:
    """The times of the looks before and after each fall."""
    inside = slice(bisect_left(rank.times, start), bisect_right(rank.times, until))
    times, ranks = np.array(rank.times[inside], np.int64), np.array(rank.values[inside], np.int64)
    fell = (ranks[1:] > 0) & (ranks[1:] < ranks[:-1] * (1 - known.least_pct / 100))
    places = np.flatnonzero(fell & (np.diff(times) <= known.most_gap_days * _DAY_MIN))
    return list(zip(times[places].tolist(), times[places + 1].tolist(), strict=True))


def _left(offers: Series | None, prices: Series, start: int, until: int, known: OfferLeaves) -> Iterator[int]:
    """When one offer left and the price stayed: where it rose, the cheapest may just have been taken back."""
    if offers is None:
        return
    first, end = max(1, bisect_left(offers.times, start)), bisect_right(offers.times, until)
    settle, counts = int(known.settle_days * _DAY_MIN), offers.values
    for at, before, after in zip(offers.times[first:end], counts[first - 1 :], counts[first:], strict=False):
        is_one_less = 0 <= after == before - 1
        if is_one_less and _asked(prices, min(at + settle, until)) == _asked(prices, at - 1):
            yield at


def _sales(
    falls: Sequence[tuple[int, int]], left: Iterator[int], prices: Series, rules: SalePriceRules
) -> list[tuple[int, float]]:
    """The price asked at each fall (minor units) and its chance, the first fall after an offer left being its sale."""
    chances = [rules.rank_fall.chance] * len(falls)
    moments = [(before + after) // 2 for before, after in falls]
    within = rules.offer_leaves.within_days * _DAY_MIN
    for at in left:
        first = bisect_right(falls, at, key=itemgetter(1))
        if first < len(falls) and falls[first][1] - at <= within:
            # Just before it was missed: what is asked later may be another offer's price.
            moments[first], chances[first] = min(moments[first], at - 1), rules.offer_leaves.chance
    asked = (_asked(prices, moment) for moment in moments)
    return [(price, chance) for price, chance in zip(asked, chances, strict=True) if price is not None]
